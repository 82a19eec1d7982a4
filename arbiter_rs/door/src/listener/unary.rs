//! Calls of one question and one answer.

use std::{panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use arbiter_store::Store;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::Status;

use super::{
    Core, Waits,
    body::{Body, refused, response},
    bulk,
    deadline::Deadline,
    message::{self, HEAD_BYTES, framed},
};
use crate::{arbitration::Verb, pace::Pace, status::Refusal};

/// Answer one call.
pub(super) async fn answer<S: Store + 'static>(
    core: Arc<Core<S>>,
    verb: Verb,
    request: Request<Incoming>,
) -> Response<Body> {
    let begun = core.shared.journal.begin();
    let answered = answered(&core, verb, request).await;
    if begun.is_some() || answered.is_err() {
        core.shared.journal.end(verb.name(), begun, answered.as_ref().err());
    }
    match answered {
        Ok(bytes) => response(Body::Message(framed(bytes))),
        Err(status) => refused(status),
    }
}

async fn answered<S: Store + 'static>(
    core: &Arc<Core<S>>,
    verb: Verb,
    request: Request<Incoming>,
) -> Result<Vec<u8>, Status> {
    let is_over_at_once = core.shared.waits == Waits::Never && !verb.is_bulk();
    let deadline = if is_over_at_once { Deadline(None) } else { Deadline::of(request.headers()) };
    let message = message::read(request).await?;
    let place = core.shared.admission.enter()?;
    if is_over_at_once {
        let work = Box::pin(core.shared.door.answer(verb, &message, HEAD_BYTES, &Pace::Straight));
        return Ok(caught(core, verb, work).await??);
    }
    let work = {
        let core = Arc::clone(core);
        async move {
            let _in_work = place;
            caught(&core, verb, Box::pin(long(&core, verb, message))).await
        }
    };
    match core.shared.waits {
        // Nothing is half done between two steps of it: it may end where its caller goes.
        Waits::Never => Ok(deadline.limit(work).await???),
        Waits::ForTheStore => {
            let ended = deadline.limit(tokio::spawn(work)).await?;
            Ok(ended.map_err(|_| Status::unavailable("the server is stopping"))???)
        }
    }
}

async fn long<S: Store + 'static>(
    core: &Arc<Core<S>>,
    verb: Verb,
    message: Bytes,
) -> Result<Vec<u8>, Refusal> {
    if verb == Verb::BatchRequestContacts {
        return bulk::batch(&core.shared, &message).await;
    }
    core.shared.door.answer(verb, &message, HEAD_BYTES, &Pace::fair()).await
}

/// Work that may meet a fault of the program: its caller is told, the log too, and the server lives on.
///
/// The work is in a box: a decision's future has kilobytes, which would be copied with the call's own each time that is handed on.
pub(super) async fn caught<S: Store, T>(
    core: &Core<S>,
    verb: Verb,
    work: Pin<Box<impl Future<Output = T>>>,
) -> Result<T, Refusal> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| {
        core.shared.journal.fault(verb.name());
        Refusal::internal()
    })
}
