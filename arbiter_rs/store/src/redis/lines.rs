//! The connections of the fast path: one for each runtime that asks, made when it first does, and anew when it breaks.

use std::{collections::HashMap, io, path::PathBuf, sync::Arc, time::Instant};

use arc_swap::ArcSwapOption;
use parking_lot::RwLock;
use redis::{Client, ConnectionAddr, FromRedisValue, ProtocolVersion, RedisError, Value};
use tokio::{
    net::TcpStream,
    runtime::{self, Handle, RuntimeFlavor},
};

use super::{
    line::{Answer, Closed, Duplex, Line, Question},
    resp,
    traffic::Flush,
};
use crate::{
    error::StoreError,
    keys::{META_BUCKETS, META_FORMAT, RedisKeys, Tenant},
    redis::is_no_script,
    redis_error::store_error,
    redis_link::{CONNECTION_TIMEOUT, Meta, RECONNECT_PAUSE, check_server, check_store},
};

/// Runtimes that have a connection of their own; further ones share.
const MAX_RUNTIMES: usize = 64;

/// Where a Redis listens, and who asks there.
#[derive(Clone)]
pub(super) struct Place {
    at: Listener,
    user: Option<String>,
    password: Option<String>,
    database: i64,
    /// Host and port, or the socket: what messages say. Never the password.
    pub(super) address: String,
}

#[derive(Clone)]
enum Listener {
    Tcp(String, u16),
    #[cfg(unix)]
    Socket(PathBuf),
}

impl Place {
    /// Where a client of the library would connect; None for what only the library does.
    pub(super) fn of(client: &Client) -> Option<Self> {
        let info = client.get_connection_info();
        let at = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Listener::Tcp(host.clone(), *port),
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => Listener::Socket(path.clone()),
            _ => return None,
        };
        let settings = info.redis_settings();
        (settings.protocol() == ProtocolVersion::RESP2).then(|| Self {
            at,
            user: settings.username().map(str::to_owned),
            password: settings.password().map(str::to_owned),
            database: settings.db(),
            address: info.addr().to_string(),
        })
    }

    async fn connect(&self) -> io::Result<Box<dyn Duplex>> {
        match &self.at {
            Listener::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                // Without it a small command may wait 40 ms for the answer to the one before.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            #[cfg(unix)]
            Listener::Socket(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
        }
    }

    /// What is said first.
    fn greetings(&self) -> Vec<Vec<u8>> {
        let mut greetings = Vec::new();
        match (&self.user, &self.password) {
            (Some(user), Some(password)) => {
                greetings.push(resp::command(&[b"AUTH", user.as_bytes(), password.as_bytes()]));
            }
            (None, Some(password)) => greetings.push(resp::command(&[b"AUTH", password.as_bytes()])),
            (_, None) => {}
        }
        if self.database != 0 {
            greetings.push(resp::command(&[b"SELECT", self.database.to_string().as_bytes()]));
        }
        greetings
    }
}

/// All connections of a store.
pub(super) struct Lines {
    place: Place,
    tenant: Tenant,
    /// The hash of the commit script.
    script: String,
    slots: RwLock<HashMap<runtime::Id, Arc<Slot>>>,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Lines").field("address", &self.place.address).finish_non_exhaustive()
    }
}

/// Where the connection of a runtime stands.
#[derive(Debug, Default)]
struct Slot {
    line: ArcSwapOption<Line>,
    /// Held while connecting, and never while a call waits for its answer.
    last_failure: tokio::sync::Mutex<Option<(Instant, StoreError)>>,
}

impl Slot {
    fn open_line(&self) -> Option<Arc<Line>> {
        self.line.load_full().filter(|line| line.is_open())
    }
}

impl Lines {
    pub(super) fn new(place: Place, tenant: Tenant, script: String) -> Self {
        Self { place, tenant, script, slots: RwLock::default() }
    }

    /// Ask Redis, on the connection of this runtime. The inner error is the one that a caller may mend itself: a script
    /// that Redis does not have.
    ///
    /// Nothing is sent twice: what was not answered in time may have been done.
    pub(super) async fn ask(
        &self,
        question: Question,
        subject: &str,
    ) -> Result<Result<Value, RedisError>, StoreError> {
        let runtime = Handle::try_current();
        let slot =
            self.slot(&runtime.map_err(|_| StoreError::wrong("Redis was asked outside of a Tokio runtime"))?);
        let mut question = question;
        loop {
            let line = self.line(&slot).await?;
            let error = match line.ask(question).await.map(|answer| answer.and_then(Value::extract_error)) {
                Ok(Ok(reply)) => return Ok(Ok(reply)),
                Ok(Err(error)) => error,
                Err(Closed(unsent)) => {
                    // The line was closed before the question was sent: the next one takes it, or there is none.
                    question = unsent;
                    continue;
                }
            };
            if is_no_script(&error) {
                return Ok(Err(error));
            }
            if error.is_unrecoverable_error() {
                line.close();
            }
            return Err(self.error(&error, subject));
        }
    }

    /// The store's error for what Redis or the connection reported.
    pub(super) fn error(&self, error: &RedisError, subject: &str) -> StoreError {
        store_error(&self.place.address, error, subject)
    }

    fn slot(&self, runtime: &Handle) -> Arc<Slot> {
        if let Some(slot) = self.slots.read().get(&runtime.id()) {
            return Arc::clone(slot);
        }
        let mut slots = self.slots.write();
        if slots.len() >= MAX_RUNTIMES {
            // Those of runtimes that are gone, or that have not asked for long.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.open_line().is_some());
        }
        if slots.len() >= MAX_RUNTIMES
            && let Some(shared) = slots.values().next()
        {
            return Arc::clone(shared);
        }
        Arc::clone(slots.entry(runtime.id()).or_default())
    }

    async fn line(&self, slot: &Slot) -> Result<Arc<Line>, StoreError> {
        if let Some(line) = slot.open_line() {
            return Ok(line);
        }
        let mut last_failure = slot.last_failure.lock().await;
        if let Some(line) = slot.open_line() {
            return Ok(line);
        }
        if let Some((at, error)) = &*last_failure
            && at.elapsed() < RECONNECT_PAUSE
        {
            return Err(error.clone());
        }
        match tokio::time::timeout(CONNECTION_TIMEOUT, self.open())
            .await
            .unwrap_or_else(|_| Err(self.error(&io::Error::from(io::ErrorKind::TimedOut).into(), "store")))
        {
            Ok(line) => {
                let line = Arc::new(line);
                slot.line.store(Some(Arc::clone(&line)));
                *last_failure = None;
                Ok(line)
            }
            Err(error) => {
                *last_failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Connect, say who asks, and see that this is still the Redis with the store in it.
    async fn open(&self) -> Result<Line, StoreError> {
        let failed = |error: RedisError| self.error(&error, "store");
        let stream = self.place.connect().await.map_err(|error| failed(error.into()))?;
        let is_of_one_thread = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
        let flush = if is_of_one_thread { Flush::AtOnce } else { Flush::NextTurn };
        let line = Line::new(stream, flush, &self.script);
        for greeting in self.place.greetings() {
            ask(&line, greeting).await.map_err(failed)?;
        }
        let info = ask(&line, resp::command(&[b"INFO"])).await.map_err(failed)?;
        let info = String::from_redis_value(info).map_err(|error| failed(error.into()))?;
        check_server(&info, &self.place.address)?;
        let key = RedisKeys::meta(&self.tenant);
        let words = [b"HMGET".as_slice(), key.as_bytes(), META_FORMAT.as_bytes(), META_BUCKETS.as_bytes()];
        let meta = ask(&line, resp::command(&words)).await.map_err(failed)?;
        let (format, buckets) =
            FromRedisValue::from_redis_value(meta).map_err(|error| failed(error.into()))?;
        check_store(Meta::Find, format, buckets, &self.place.address)?;
        Ok(line)
    }
}

async fn ask(line: &Line, command: Vec<u8>) -> Answer {
    let answer = line.ask(Question::Command(command)).await;
    answer.unwrap_or_else(|Closed(_)| Err(super::line::gone())).and_then(Value::extract_error)
}
