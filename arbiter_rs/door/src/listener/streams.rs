//! The verbs that are streams both ways.

use std::{
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use arbiter_store::Store;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{Request, Response};
use hyper::body::Incoming;
use prost::Message;
use tokio::time::{Sleep, sleep_until};
use tonic::{
    Status, Streaming,
    codec::{EncodeBody, SingleMessageCompressionOverride},
};

use super::{
    Core, Waits,
    admission::Place,
    body::{Body, refused, response},
    deadline::{Deadline, exceeded},
    message::{MAX_MESSAGE_BYTES, Raw, Written, encoding, too_large},
    unary::caught,
};
use crate::{
    arbitration::Verb,
    messages::repit::v1::{RegisterClaimsResponse, StreamRequestContactsResponse},
    pace::Pace,
};

/// Requests of one stream in work at once. Two for one customer among them are decided in either order.
const MAX_IN_FLIGHT: usize = 64;

type Answers<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

/// What a stream begins with.
struct Opened {
    messages: Streaming<Bytes>,
    place: Place,
    deadline: Deadline,
}

fn open<S>(core: &Core<S>, request: Request<Incoming>) -> Result<Opened, Status> {
    let place = core.shared.admission.enter()?;
    let deadline = Deadline::of(request.headers());
    let encoding = encoding(request.headers())?;
    let messages = Streaming::new_request(Raw, request.into_body(), encoding, Some(MAX_MESSAGE_BYTES));
    Ok(Opened { messages, place, deadline })
}

/// `StreamRequestContacts`: answered in order, up to [`MAX_IN_FLIGHT`] in work; more are read as answers are taken.
pub(super) fn ask<S: Store + 'static>(core: Arc<Core<S>>, request: Request<Incoming>) -> Response<Body> {
    let opened = match open(&core, request) {
        Ok(opened) => opened,
        Err(status) => return refuse(&core, Verb::StreamRequestContacts, status),
    };
    let pace = Arc::new(Pace::fair());
    let answers = opened.messages.map(move |message| asked(Arc::clone(&core), Arc::clone(&pace), message));
    respond(answers.buffered(MAX_IN_FLIGHT).boxed(), opened.place, opened.deadline)
}

async fn asked<S: Store + 'static>(
    core: Arc<Core<S>>,
    pace: Arc<Pace>,
    message: Result<Bytes, Status>,
) -> Result<StreamRequestContactsResponse, Status> {
    let message = message.map_err(too_large)?;
    pace.steps(1).await;
    let waits = core.shared.waits;
    let work = async move {
        caught(&core, Verb::StreamRequestContacts, Box::pin(core.shared.door.stream(&message))).await
    };
    Ok(to_its_end(waits, work).await??)
}

/// `RegisterClaims`: each message is answered before the next is read, and says how many places of the stream are taken by then.
///
/// A message that was refused as a whole took none: there the caller goes on.
pub(super) fn register<S: Store + 'static>(core: Arc<Core<S>>, request: Request<Incoming>) -> Response<Body> {
    let opened = match open(&core, request) {
        Ok(opened) => opened,
        Err(status) => return refuse(&core, Verb::RegisterClaims, status),
    };
    let answers = stream::unfold(Some((opened.messages, 0)), move |state| {
        let core = Arc::clone(&core);
        async move {
            let (mut messages, position) = state?;
            match registered(core, messages.next().await?, position).await {
                Ok(answer) => {
                    let position = answer.position;
                    Some((Ok(answer), Some((messages, position))))
                }
                Err(status) => Some((Err(status), None)),
            }
        }
    });
    respond(answers.boxed(), opened.place, opened.deadline)
}

async fn registered<S: Store + 'static>(
    core: Arc<Core<S>>,
    message: Result<Bytes, Status>,
    position: u64,
) -> Result<RegisterClaimsResponse, Status> {
    let message = message.map_err(too_large)?;
    let waits = core.shared.waits;
    let work = async move {
        let pace = Pace::fair();
        caught(&core, Verb::RegisterClaims, Box::pin(core.shared.door.register_claims(&message, &pace))).await
    };
    let mut answer = to_its_end(waits, work).await??;
    let refused = u64::try_from(answer.refusals.len()).unwrap_or(u64::MAX);
    answer.position = position.saturating_add(u64::from(answer.registered_count)).saturating_add(refused);
    Ok(answer)
}

/// Work that is not cut where its caller goes.
async fn to_its_end<T: Send + 'static>(
    waits: Waits,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Status> {
    match waits {
        Waits::Never => Ok(work.await),
        Waits::ForTheStore => {
            tokio::spawn(work).await.map_err(|_| Status::unavailable("the server is stopping"))
        }
    }
}

fn refuse<S>(core: &Core<S>, verb: Verb, status: Status) -> Response<Body> {
    core.shared.journal.failed(verb.name(), &status);
    refused(status)
}

fn respond<M: Message + 'static>(answers: Answers<M>, place: Place, deadline: Deadline) -> Response<Body> {
    let end = deadline.0.map(|end| Box::pin(sleep_until(end)));
    let answers = Limited { answers, end, _in_work: place };
    let uncompressed = SingleMessageCompressionOverride::default();
    let body = EncodeBody::new_server(Written(PhantomData), answers, None, uncompressed, Some(usize::MAX));
    response(Body::Streamed(tonic::body::Body::new(body)))
}

/// Answers until the deadline, and the place of the call as long as they come.
struct Limited<M> {
    answers: Answers<M>,
    end: Option<Pin<Box<Sleep>>>,
    _in_work: Place,
}

impl<M> Stream for Limited<M> {
    type Item = Result<M, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let is_over = self.end.as_mut().is_some_and(|end| end.as_mut().poll(context).is_ready());
        if is_over {
            self.end = None;
            return Poll::Ready(Some(Err(exceeded())));
        }
        self.answers.as_mut().poll_next(context)
    }
}
