//! The public listener: calls of `ArbitrationService`, health and reflection are answered here, all others forwarded to the control plane.
//!
//! One single-threaded runtime per core. A connection is accepted once and stays on the runtime that it was dealt to; a call is answered
//! on the thread that read it, so that no lock and no other thread is met on the way of a decision.

mod admission;
mod body;
mod bulk;
mod connection;
mod deadline;
mod health;
mod journal;
mod message;
mod reflection;
mod routes;
mod stop;
mod streams;
mod unary;
mod upstream;

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use arbiter_store::Store;
use parking_lot::Mutex;
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::{Builder, Handle, Runtime},
};

use self::{
    admission::Admission, connection::accept, health::Board, journal::Journal, routes::Services, stop::Stop,
    upstream::Upstream,
};
pub use self::{
    health::Health,
    journal::{Calls, Entry},
};
use crate::arbitration::Door;

/// Connections that the system keeps until they are accepted.
const BACKLOG: u32 = 1_024;
/// Runtimes at most, whatever the machine.
const MAX_RUNTIMES: usize = 256;

/// How a listener works.
#[derive(Clone, Debug)]
pub struct Options {
    /// The Unix socket of the control plane.
    pub upstream: PathBuf,
    /// Calls in work at once; more are told to come back.
    pub max_in_flight: usize,
    /// Whether the store's answers are waited for.
    pub waits: Waits,
    /// Which calls get a line in the journal.
    pub calls: Calls,
    /// How many runtimes; one per core where absent.
    pub runtimes: Option<NonZeroUsize>,
}

/// What a call of the store does to the thread that makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// Its future is ready when first asked: a call is over before its thread does anything else.
    Never,
    /// It waits for the network. What was begun then runs to its end, also where its caller has gone: a commit is never cut.
    ForTheStore,
}

/// What all runtimes share.
struct Shared<S> {
    door: Arc<Door<S>>,
    waits: Waits,
    admission: Arc<Admission>,
    journal: Journal,
    services: Services,
    runtimes: Vec<Handle>,
}

/// What the calls of one runtime work with.
struct Core<S> {
    shared: Arc<Shared<S>>,
    upstream: Upstream,
    stop: Arc<Stop>,
}

enum Life {
    Bound(Vec<Runtime>, Vec<TcpListener>),
    Serving(Vec<JoinHandle<()>>),
}

/// A listener on a public address.
pub struct Listener<S> {
    address: SocketAddr,
    upstream: PathBuf,
    shared: Arc<Shared<S>>,
    board: Arc<Board>,
    stop: Arc<Stop>,
    life: Mutex<Life>,
}

impl<S: Store + 'static> Listener<S> {
    /// Take an address, HOST:PORT; a free port where 0 is asked for. Connections wait until [`Listener::start`].
    ///
    /// # Errors
    /// What the system says where the address is taken, unknown or not this machine's.
    pub fn bind(door: Arc<Door<S>>, address: &str, options: Options) -> io::Result<Self> {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let count = options.runtimes.map_or_else(cores, NonZeroUsize::get).min(MAX_RUNTIMES);
        let build = |_| Builder::new_current_thread().enable_all().build();
        let runtimes = (0..count).map(build).collect::<io::Result<Vec<Runtime>>>()?;
        let Some(first) = runtimes.first() else { return Err(io::Error::other("no runtime")) };
        let listeners = {
            let _context = first.enter();
            listen(address)?
        };
        let Some(first) = listeners.first() else {
            return Err(io::Error::from(io::ErrorKind::AddrNotAvailable));
        };
        let bound = first.local_addr()?;
        let board = Arc::new(Board::default());
        let shared = Shared {
            door,
            waits: options.waits,
            admission: Arc::new(Admission::new(options.max_in_flight)),
            journal: Journal::new(options.calls),
            services: Services::new(&board).map_err(io::Error::other)?,
            runtimes: runtimes.iter().map(|runtime| runtime.handle().clone()).collect(),
        };
        Ok(Self {
            address: bound,
            upstream: options.upstream,
            shared: Arc::new(shared),
            board,
            stop: Arc::default(),
            life: Mutex::new(Life::Bound(runtimes, listeners)),
        })
    }

    /// The address that was taken, the first where the name has several.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Take connections from here on. Nothing happens where it does already.
    ///
    /// # Errors
    /// What the system says where it gives no thread.
    pub fn start(&self) -> io::Result<()> {
        let mut life = self.life.lock();
        let Life::Bound(runtimes, listeners) = &mut *life else { return Ok(()) };
        let (runtimes, listeners) = (std::mem::take(runtimes), std::mem::take(listeners));
        let cores: Vec<Arc<Core<S>>> = runtimes.iter().map(|_| Arc::new(self.core())).collect();
        if let Some(first) = runtimes.first() {
            for listener in listeners {
                drop(first.spawn(accept(listener, cores.clone(), self.stop.visit())));
            }
        }
        let (opening, opened) = mpsc::channel::<()>();
        let threads = runtimes.into_iter().enumerate().map(|(number, runtime)| {
            let (door, stop, opening) =
                (Arc::clone(&self.shared.door), Arc::clone(&self.stop), opening.clone());
            let name = format!("repit-door-{number}");
            thread::Builder::new().name(name).spawn(move || {
                runtime.block_on(async {
                    // The runtime's own connection to the store is there before its first question. Where that fails, the question tries again.
                    drop(door.arbiter().store().ping().await);
                    drop((door, opening));
                    stop.cut().await;
                });
            })
        });
        *life = Life::Serving(threads.collect::<io::Result<_>>()?);
        drop(opening);
        // Nothing is ever sent: all have asked the store when the last of them has let go.
        let _asked = opened.recv();
        Ok(())
    }

    fn core(&self) -> Core<S> {
        Core {
            shared: Arc::clone(&self.shared),
            upstream: Upstream::new(self.upstream.clone()),
            stop: Arc::clone(&self.stop),
        }
    }

    /// Say how a service is; the whole server where the name is empty.
    pub fn report(&self, service: &str, health: Health) {
        self.board.report(service, health);
    }

    /// Lines for the log since they were last taken, oldest first.
    pub fn take_journal(&self) -> Vec<Entry> {
        self.shared.journal.take()
    }

    /// Take no more connections and calls, finish those in work within the grace, then cut what is left.
    ///
    /// Returns when all threads have ended. Asked again meanwhile, a shorter grace holds.
    pub fn stop(&self, grace: Duration) {
        self.board.end();
        self.stop.drain(grace);
        self.stop.cut_now();
        // Whoever comes second waits here until the first has seen the threads end.
        match &mut *self.life.lock() {
            Life::Bound(runtimes, listeners) => {
                listeners.clear();
                runtimes.clear();
            }
            Life::Serving(threads) => threads.drain(..).for_each(|thread| drop(thread.join())),
        }
    }
}

impl<S> std::fmt::Debug for Listener<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Listener").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Listen on every address that the name has here; the port is the same for all.
fn listen(address: &str) -> io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut refused = None;
    for mut at in address.to_socket_addrs()? {
        if let Some(first) = listeners.first() {
            at.set_port(first.local_addr()?.port());
        }
        match listen_at(at) {
            Ok(listener) => listeners.push(listener),
            // A name may have an address of a family that this machine does not speak.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => refused = Some(error),
            Err(error) => return Err(error),
        }
    }
    match refused {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A port whose last owner has just gone is free; one that somebody listens on is not.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
