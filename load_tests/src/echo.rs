//! An empty gRPC server on tonic: reads any message, answers the same one. What a tonic server on this machine can do at most.

use std::{
    convert::Infallible,
    future::Future,
    io::{self, Write},
    net::TcpListener,
    pin::Pin,
    task::{Context, Poll},
    thread,
    time::Duration,
};

use clap::{Parser, ValueEnum};
use futures_util::stream;
use tokio::{net::TcpStream, runtime, sync::mpsc};
use tonic::{
    Request, Response, Status,
    body::Body,
    server::{Grpc, NamedService, UnaryService},
    transport::Server,
};
use tonic_prost::ProstCodec;

use crate::messages::repit::v1::{Decision, RequestContactResponse, Verdict};

/// How the connections are spread over the cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Runtime {
    /// One single-threaded runtime a core; connections are dealt to them as they come.
    PerCore,
    /// Tokio's multi-thread runtime, a worker a core.
    MultiThread,
}

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// An empty message.
    Empty,
    /// A grant, whatever was asked: a server that lies.
    Grant,
}

/// The command line of `repit-echo`.
#[derive(Debug, Clone, Parser)]
#[command(
    about = "An empty tonic server: reads any unary request of repit.v1.ArbitrationService, answers the same message"
)]
pub struct EchoCommand {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// How the connections are spread over the cores.
    #[arg(long, value_enum, default_value = "per-core")]
    runtime: Runtime,
    /// What is answered.
    #[arg(long, value_enum, default_value = "empty")]
    answer: Answer,
    /// Milliseconds that every answer waits, to hold a histogram to.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
}

/// Listen, say so on stderr as `repit serve` does, and serve until the process is ended.
pub fn run(command: &EchoCommand) -> io::Result<()> {
    let listener = TcpListener::bind(&command.listen)?;
    let serving = serde_json::json!({"event": "serving", "address": listener.local_addr()?.to_string()});
    writeln!(io::stderr(), "{serving}")?;
    serve(listener, command.runtime, command.answer, Duration::from_millis(command.delay_ms))
}

/// Serve on a listener; returns only where a runtime cannot be made or the listener breaks.
pub fn serve(listener: TcpListener, form: Runtime, answer: Answer, delay: Duration) -> io::Result<()> {
    let echo = Echo { answer: message(answer), delay };
    let cores = thread::available_parallelism()?.get();
    let mut builder = match form {
        Runtime::PerCore => runtime::Builder::new_current_thread(),
        Runtime::MultiThread => runtime::Builder::new_multi_thread(),
    };
    let runtimes = if form == Runtime::PerCore { cores } else { 1 };
    let mut doors = Vec::new();
    for _ in 0..runtimes {
        let runtime = builder.enable_all().worker_threads(cores).build()?;
        let (deal, dealt) = mpsc::unbounded_channel();
        let echo = echo.clone();
        thread::Builder::new().spawn(move || runtime.block_on(answer_all(echo, dealt)))?;
        doors.push(deal);
    }
    for door in doors.iter().cycle() {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        door.send(socket).map_err(io::Error::other)?;
    }
    Ok(())
}

async fn answer_all(echo: Echo, mut dealt: mpsc::UnboundedReceiver<std::net::TcpStream>) {
    let incoming = stream::poll_fn(move |context| {
        dealt.poll_recv(context).map(|socket| socket.map(TcpStream::from_std))
    });
    if let Err(error) = Server::builder().add_service(echo).serve_with_incoming(incoming).await {
        let _ = writeln!(io::stderr(), "repit-echo: {error}");
    }
}

fn message(answer: Answer) -> RequestContactResponse {
    let mut response = RequestContactResponse::default();
    if answer == Answer::Grant {
        let verdict = i32::from(Verdict::Grant);
        response.decisions =
            vec![Decision { verdict, contact_id: "a-lie".to_owned(), ..Decision::default() }];
    }
    response
}

#[derive(Debug, Clone)]
struct Echo {
    answer: RequestContactResponse,
    delay: Duration,
}

impl NamedService for Echo {
    const NAME: &'static str = "repit.v1.ArbitrationService";
}

type Pinned<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl tower_service::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pinned<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move {
            Ok(Grpc::new(ProstCodec::<RequestContactResponse, ()>::default()).unary(echo, request).await)
        })
    }
}

impl UnaryService<()> for Echo {
    type Response = RequestContactResponse;
    type Future = Pinned<Response<Self::Response>, Status>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let Self { answer, delay } = self.clone();
        Box::pin(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            Ok(Response::new(answer))
        })
    }
}
