//! Connections: accepted once, dealt out round robin, served over HTTP/2.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use arbiter_store::Store;
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::{Core, routes, stop::Visit};

/// What a client may send of one call before we have read it: a batch of 1,000 and some more.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// The same for all calls of one connection.
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;
/// Large messages come in few frames.
const MAX_FRAME_BYTES: u32 = 64 << 10;
/// Calls of one connection at once; admission turns calls away long before.
const MAX_STREAMS: u32 = 65_536;
/// Header fields of one call.
const MAX_HEADER_BYTES: u32 = 16 << 10;
/// How often a silent client is asked whether it is still there, and how long it may think.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(20));
/// How long to wait where the system gives no connection, for want of file descriptors for example.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Deal connections out until the listener stops.
pub(super) async fn accept<S: Store + 'static>(
    listener: TcpListener,
    cores: Vec<Arc<Core<S>>>,
    visit: Visit,
) {
    let Some(first) = cores.first() else { return };
    let stop = Arc::clone(&first.stop);
    let mut draining = pin!(stop.draining());
    for (core, runtime) in cores.iter().zip(&first.shared.runtimes).cycle() {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut draining => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        // A socket is polled by the runtime that it was made on: there it is taken apart, and put together on its own.
        let Ok(stream) = stream.into_std() else { continue };
        let (core, visit) = (Arc::clone(core), stop.visit());
        drop(runtime.spawn(async move {
            if let Ok(stream) = TcpStream::from_std(stream) {
                serve(core, stream).await;
            }
            drop(visit);
        }));
    }
    drop(listener);
    drop(visit);
}

async fn serve<S: Store + 'static>(core: Arc<Core<S>>, stream: TcpStream) {
    // Without it an answer waits up to 40 ms for the acknowledgement of the one before.
    let _best_effort = stream.set_nodelay(true);
    let stop = Arc::clone(&core.stop);
    let service = service_fn(move |request| {
        let core = Arc::clone(&core);
        async move { Ok::<_, Infallible>(routes::answer(core, request).await) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // How a connection ended is its client's affair.
    tokio::select! {
        _ended = &mut connection => return,
        () = stop.draining() => connection.as_mut().graceful_shutdown(),
    }
    let _ended = connection.await;
}
