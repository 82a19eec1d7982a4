//! `grpc.health.v1.Health`: what the control plane last reported.

use std::{collections::BTreeMap, pin::Pin, sync::Arc};

use futures_util::{Stream, stream};
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health as HealthService, HealthServer},
};

use super::routes::{Generated, generated};

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Serving,
    /// It does not, for the time being.
    NotServing,
}

impl From<Health> for ServingStatus {
    fn from(health: Health) -> Self {
        match health {
            Health::Serving => Self::Serving,
            Health::NotServing => Self::NotServing,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Reports {
    services: BTreeMap<String, Health>,
    is_over: bool,
}

impl Reports {
    fn of(&self, service: &str) -> Option<Health> {
        let reported = self.services.get(service).copied();
        if self.is_over { reported.map(|_| Health::NotServing) } else { reported }
    }
}

/// What was reported of each service.
#[derive(Debug, Default)]
pub(super) struct Board(watch::Sender<Reports>);

impl Board {
    pub(super) fn report(&self, service: &str, health: Health) {
        self.0.send_if_modified(|reports| {
            reports.services.insert(service.to_owned(), health) != Some(health) && !reports.is_over
        });
    }

    /// Nothing is served any more, whatever is reported after this; those who watch are told so and let go.
    pub(super) fn end(&self) {
        self.0.send_modify(|reports| reports.is_over = true);
    }
}

pub(super) fn service(board: &Arc<Board>) -> Generated {
    generated(HealthServer::new(Reader(Arc::clone(board))))
}

struct Reader(Arc<Board>);

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

type Watched = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl HealthService for Reader {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let health = self.0.0.borrow().of(&request.get_ref().service);
        // As Python's servicer says it: without words.
        health.map(|health| Response::new(answer(health.into()))).ok_or_else(|| Status::not_found(""))
    }

    type WatchStream = Watched;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Watched>, Status> {
        let service = request.into_inner().service;
        let state = (self.0.0.subscribe(), None, service);
        Ok(Response::new(Box::pin(stream::unfold(state, changed))))
    }
}

type Watching = (watch::Receiver<Reports>, Option<ServingStatus>, String);

/// The next answer to one who watches: at once what is, then each change.
async fn changed(
    (mut reports, told, service): Watching,
) -> Option<(Result<HealthCheckResponse, Status>, Watching)> {
    loop {
        let (status, is_over) = {
            let reports = reports.borrow_and_update();
            let status = reports.of(&service).map_or(ServingStatus::ServiceUnknown, ServingStatus::from);
            (status, reports.is_over)
        };
        if told != Some(status) {
            return Some((Ok(answer(status)), (reports, Some(status), service)));
        }
        if is_over || reports.changed().await.is_err() {
            return None;
        }
    }
}
