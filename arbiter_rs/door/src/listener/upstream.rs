//! The control plane: calls go to its private socket and its answers come back, bytes, metadata, trailers and deadline untouched.

use std::{io, path::PathBuf};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::UnixStream, sync::Mutex};
use tonic::Status;

use super::{
    body::{Body, refused},
    journal::Journal,
};
use crate::status::Refusal;

/// What the control plane may send of one answer before its reader has taken it.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// The same for all answers.
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// The connection of one runtime to the control plane, made when it is first needed and again when it is lost.
#[derive(Debug)]
pub(super) struct Upstream {
    socket: PathBuf,
    connection: Mutex<Option<SendRequest<Incoming>>>,
}

impl Upstream {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { socket, connection: Mutex::new(None) }
    }

    pub(super) async fn forward(&self, journal: &Journal, request: Request<Incoming>) -> Response<Body> {
        let method = request.uri().path().to_owned();
        let answered = match self.connection().await {
            Ok(mut connection) => connection.send_request(request).await.map_err(io::Error::other),
            Err(error) => Err(error),
        };
        answered.map_or_else(
            |_| {
                let status = Status::from(Refusal::control_plane_away());
                journal.failed(&method, &status);
                refused(status)
            },
            |response| response.map(Body::Forwarded),
        )
    }

    async fn connection(&self) -> io::Result<SendRequest<Incoming>> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = held.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        let stream = UnixStream::connect(&self.socket).await?;
        let (connection, driver) = Builder::new(TokioExecutor::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        drop(tokio::spawn(driver));
        *held = Some(connection.clone());
        Ok(connection)
    }
}
