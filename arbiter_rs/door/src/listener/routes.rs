//! Which call goes where.

use std::{future::Future, pin::Pin, sync::Arc};

use arbiter_store::Store;
use http::{Request, Response};
use hyper::body::Incoming;
use tower_service::Service;

use super::{Core, body::Body, health, health::Board, reflection, streams, unary};
use crate::arbitration::Verb;

const ARBITRATION: &str = "/repit.v1.ArbitrationService/";
const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/";
const REFLECTION_ALPHA: &str = "/grpc.reflection.v1alpha.ServerReflection/";

/// The verbs of one question and one answer.
///
/// `WithdrawClaims` is not among them: a campaign's claims end with a new catalog version, which the control plane makes.
fn unary_verb(method: &str) -> Option<Verb> {
    Some(match method {
        "RequestContact" => Verb::RequestContact,
        "CheckContact" => Verb::CheckContact,
        "BatchRequestContacts" => Verb::BatchRequestContacts,
        "ConfirmContact" => Verb::ConfirmContact,
        "ReleaseContact" => Verb::ReleaseContact,
        "RecordEngagements" => Verb::RecordEngagements,
        "ListClaims" => Verb::ListClaims,
        "ExplainCustomer" => Verb::ExplainCustomer,
        _ => return None,
    })
}

/// Answer a call, or let the control plane do so.
pub(super) async fn answer<S: Store + 'static>(
    core: Arc<Core<S>>,
    request: Request<Incoming>,
) -> Response<Body> {
    let path = request.uri().path();
    if let Some(method) = path.strip_prefix(ARBITRATION) {
        if let Some(verb) = unary_verb(method) {
            return unary::answer(core, verb, request).await;
        }
        match method {
            "StreamRequestContacts" => return streams::ask(core, request),
            "RegisterClaims" => return streams::register(core, request),
            _ => {}
        }
    }
    let services = &core.shared.services;
    let service = if path.starts_with(HEALTH) {
        &services.health
    } else if path.starts_with(REFLECTION) {
        &services.reflection
    } else if path.starts_with(REFLECTION_ALPHA) {
        &services.reflection_alpha
    } else {
        return Box::pin(core.upstream.forward(&core.shared.journal, request)).await;
    };
    service(request).await
}

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
/// A service of tonic's making.
pub(super) type Generated = Box<dyn Fn(Request<Incoming>) -> Answering + Send + Sync>;

/// What is answered beside the verbs.
pub(super) struct Services {
    health: Generated,
    reflection: Generated,
    reflection_alpha: Generated,
}

impl Services {
    pub(super) fn new(board: &Arc<Board>) -> Result<Self, tonic_reflection::server::Error> {
        let (reflection, reflection_alpha) = reflection::services()?;
        Ok(Self { health: health::service(board), reflection, reflection_alpha })
    }
}

pub(super) fn generated<T>(service: T) -> Generated
where
    T: Service<Request<Incoming>, Response = Response<tonic::body::Body>, Error = std::convert::Infallible>,
    T: Clone + Send + Sync + 'static,
    T::Future: Send,
{
    Box::new(move |request| {
        let mut service = service.clone();
        Box::pin(async move {
            match service.call(request).await {
                Ok(response) => response.map(Body::Streamed),
                Err(never) => match never {},
            }
        })
    })
}
