//! The connection to a Redis: made, checked, and made anew when it breaks.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError,
    aio::MultiplexedConnection, io::tcp::TcpSettings,
};

use crate::{
    error::StoreError,
    keys::{BUCKETS, META_BUCKETS, META_FORMAT, RedisKeys, STORE_FORMAT, Tenant},
    record,
    redis::is_no_script,
    redis_error::{RETRY_AFTER_MS, store_error},
};

/// How long an answer may take.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(1_000);
/// How long connecting may take.
pub(crate) const CONNECTION_TIMEOUT: Duration = Duration::from_millis(1_000);
/// After a failed attempt to connect, the next one is made this much later at the earliest; calls in between fail alike.
pub(crate) const RECONNECT_PAUSE: Duration = Duration::from_millis(RETRY_AFTER_MS);
/// Commands that may queue for the connection before callers wait.
const QUEUED_COMMANDS: usize = 1_024;
/// The oldest Redis that is served.
const OLDEST_MAJOR: u64 = 7;

/// One multiplexed connection, shared by all calls.
pub(crate) struct Link {
    client: Client,
    /// Host and port, or the socket: what messages say. Never the password.
    address: String,
    tenant: Tenant,
    connection: ArcSwapOption<MultiplexedConnection>,
    /// Held while connecting, and never while a call waits for its answer.
    last_failure: tokio::sync::Mutex<Option<(Instant, StoreError)>>,
}

/// Whether the store is made where there is none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meta {
    Make,
    Find,
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Link")
            .field("address", &self.address)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl Link {
    /// Whether a store's name is the address of a Redis.
    pub(crate) fn is_address(name: &str) -> bool {
        let scheme = name.split_once("://").map(|(scheme, _)| scheme);
        matches!(
            scheme,
            Some("redis" | "rediss" | "redis+unix" | "unix" | "valkey" | "valkeys" | "valkey+unix")
        )
    }

    /// Connect and check; returns the link and the number of buckets of the store there.
    pub(crate) async fn open(address: &str, tenant: &Tenant) -> Result<(Self, u16), StoreError> {
        if address.starts_with("rediss:") || address.starts_with("valkeys:") {
            return Err(StoreError::wrong(
                "a Redis behind TLS is not served: write `redis://` and the address of a TLS proxy on this machine",
            ));
        }
        let bad_address = |error: RedisError| {
            StoreError::wrong(format!(
                "the address of the Redis is not one ({error}): write `redis://HOST:PORT`"
            ))
        };
        // Without TCP_NODELAY a small command may wait 40 ms for the answer to the one before.
        let settings = TcpSettings::default().set_nodelay(true);
        let info = address.into_connection_info().map_err(bad_address)?.set_tcp_settings(settings);
        let address = info.addr().to_string();
        let client = Client::open(info).map_err(bad_address)?;
        let (connection, buckets) = connect(&client, &address, tenant, Meta::Make).await?;
        let link = Self {
            client,
            address,
            tenant: tenant.clone(),
            connection: ArcSwapOption::from_pointee(connection),
            last_failure: tokio::sync::Mutex::default(),
        };
        Ok((link, buckets))
    }

    /// What connects.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Send one command. The inner error is the one that a caller may mend itself: a script that Redis does not have.
    ///
    /// A command is never sent twice: one that was not answered in time may have been carried out.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        command: &Cmd,
        subject: &str,
    ) -> Result<Result<T, RedisError>, StoreError> {
        let connection = self.connection().await?;
        let error = match command.query_async::<T>(&mut MultiplexedConnection::clone(&connection)).await {
            Ok(reply) => return Ok(Ok(reply)),
            Err(error) if is_no_script(&error) => return Ok(Err(error)),
            Err(error) => error,
        };
        Err(self.failed(&connection, &error, subject))
    }

    /// Send several commands in one exchange; they are not one transaction.
    pub(crate) async fn ask_all<T: FromRedisValue>(
        &self,
        commands: &Pipeline,
        subject: &str,
    ) -> Result<T, StoreError> {
        let connection = self.connection().await?;
        let answer = commands.query_async(&mut MultiplexedConnection::clone(&connection)).await;
        answer.map_err(|error| self.failed(&connection, &first_error(error), subject))
    }

    fn failed(
        &self,
        connection: &Arc<MultiplexedConnection>,
        error: &RedisError,
        subject: &str,
    ) -> StoreError {
        if error.is_unrecoverable_error() || error.is_timeout() {
            // Calls in flight on this connection keep it until they end; the next one connects anew.
            self.connection.compare_and_swap(connection, None);
        }
        self.error(error, subject)
    }

    /// The store's error for what Redis or the connection reported.
    pub(crate) fn error(&self, error: &RedisError, subject: &str) -> StoreError {
        store_error(&self.address, error, subject)
    }

    async fn connection(&self) -> Result<Arc<MultiplexedConnection>, StoreError> {
        if let Some(connection) = self.connection.load_full() {
            return Ok(connection);
        }
        let mut last_failure = self.last_failure.lock().await;
        if let Some(connection) = self.connection.load_full() {
            return Ok(connection);
        }
        if let Some((at, error)) = &*last_failure
            && at.elapsed() < RECONNECT_PAUSE
        {
            return Err(error.clone());
        }
        match connect(&self.client, &self.address, &self.tenant, Meta::Find).await {
            Ok((connection, _)) => {
                let connection = Arc::new(connection);
                self.connection.store(Some(Arc::clone(&connection)));
                *last_failure = None;
                Ok(connection)
            }
            Err(error) => {
                *last_failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}

/// Of what Redis reported of several commands, what it reported of the first.
fn first_error(error: RedisError) -> RedisError {
    let of_commands = error.clone().into_server_errors();
    of_commands.and_then(|errors| errors.first().cloned()).map_or(error, |(_, first)| first.into())
}

async fn connect(
    client: &Client,
    address: &str,
    tenant: &Tenant,
    meta: Meta,
) -> Result<(MultiplexedConnection, u16), StoreError> {
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_connection_timeout(Some(CONNECTION_TIMEOUT))
        .set_pipeline_buffer_size(QUEUED_COMMANDS);
    let failed = |error: RedisError| store_error(address, &error, "store");
    let mut connection =
        client.get_multiplexed_async_connection_with_config(&config).await.map_err(failed)?;
    let info: String = Cmd::new().arg("INFO").query_async(&mut connection).await.map_err(failed)?;
    check_server(&info, address)?;

    let key = RedisKeys::meta(tenant);
    let mut exchange = redis::pipe();
    exchange.atomic();
    if meta == Meta::Make {
        exchange.cmd("HSETNX").arg(&key).arg(META_FORMAT).arg(STORE_FORMAT).ignore();
        exchange.cmd("HSETNX").arg(&key).arg(META_BUCKETS).arg(BUCKETS).ignore();
    }
    exchange.cmd("HMGET").arg(&key).arg(META_FORMAT).arg(META_BUCKETS);
    let ((format, buckets),): ((Option<String>, Option<String>),) =
        exchange.query_async(&mut connection).await.map_err(failed)?;
    Ok((connection, check_store(meta, format, buckets, address)?))
}

/// Whether the store's own record is there and one that this program reads; returns its number of buckets.
pub(crate) fn check_store(
    meta: Meta,
    format: Option<String>,
    buckets: Option<String>,
    address: &str,
) -> Result<u16, StoreError> {
    if meta == Meta::Find && format.is_none() {
        // Going on would grant as if nobody had ever been contacted.
        return Err(StoreError::Stopped {
            message: format!(
                "the Redis at `{address}` came back without the store that was in it: restore its data, \
                 or restart the server to begin with an empty store"
            ),
        });
    }
    record::check_meta(format.as_deref(), buckets.as_deref(), address)
}

/// Whether what `INFO` says is a Redis that a store can live in.
pub(crate) fn check_server(info: &str, address: &str) -> Result<(), StoreError> {
    let fields: HashMap<&str, &str> =
        info.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let wrong = |why: String| Err(StoreError::wrong(format!("the Redis at `{address}` {why}")));
    let not_yet = |why: &str| {
        let message = format!("the Redis at `{address}` {why}");
        Err(StoreError::Unavailable { message, retry_after_ms: RETRY_AFTER_MS })
    };

    let version = field("redis_version");
    match version.split('.').next().and_then(|major| major.parse::<u64>().ok()) {
        None => return wrong("does not say its version: name a Redis of 7.0 or later".to_owned()),
        Some(major) if major < OLDEST_MAJOR => {
            return wrong(format!("is version `{version}`: name a Redis of 7.0 or later"));
        }
        Some(_) => {}
    }
    if field("redis_mode") == "cluster" || field("cluster_enabled") == "1" {
        return wrong("is part of a cluster, which is not served: name a single primary".to_owned());
    }
    let policy = field("maxmemory_policy");
    if field("maxmemory") != "0" && policy != "noeviction" {
        // A customer who is forgotten would be granted anew, and so would a capacity whose count is kept for a time.
        return wrong(format!(
            "forgets values when its memory is full (`maxmemory-policy {policy}`): set `maxmemory-policy noeviction`"
        ));
    }
    if field("loading") == "1" {
        return not_yet("is still loading its data: ask again when it is done");
    }
    if matches!(field("role"), "slave" | "replica") {
        return not_yet("is a read-only replica: name its primary");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n# Memory\r\nmaxmemory:0\r\n\
                        maxmemory_policy:noeviction\r\nloading:0\r\nrole:master\r\ncluster_enabled:0\r\n";

    fn refusal(from: &str, to: &str) -> StoreError {
        check_server(&GOOD.replace(from, to), "host:6379").unwrap_err()
    }

    #[test]
    fn a_single_primary_of_redis_seven_is_taken() {
        assert_eq!(check_server(GOOD, "host:6379"), Ok(()));
        assert_eq!(check_server(&GOOD.replace("7.0.15", "8.2.1"), "host:6379"), Ok(()));
        assert_eq!(
            check_server(&GOOD.replace("noeviction", "allkeys-lru"), "host:6379"),
            Ok(()),
            "no maximum set"
        );
    }

    #[test]
    fn a_redis_that_a_store_cannot_live_in_is_refused_with_the_remedy() {
        assert_eq!(
            refusal("7.0.15", "6.2.0").to_string(),
            "the Redis at `host:6379` is version `6.2.0`: name a Redis of 7.0 or later"
        );
        assert!(refusal("redis_version", "x_version").to_string().contains("does not say its version"));
        assert!(refusal("standalone", "cluster").to_string().contains("part of a cluster"));
        let forgetful = refusal(
            "maxmemory:0\r\nmaxmemory_policy:noeviction",
            "maxmemory:9\r\nmaxmemory_policy:allkeys-lru",
        );
        assert!(forgetful.to_string().contains("set `maxmemory-policy noeviction`"), "{forgetful}");
        let of_counts = refusal(
            "maxmemory:0\r\nmaxmemory_policy:noeviction",
            "maxmemory:9\r\nmaxmemory_policy:volatile-ttl",
        );
        assert!(of_counts.to_string().contains("set `maxmemory-policy noeviction`"), "{of_counts}");
    }

    #[test]
    fn a_redis_that_may_become_ready_is_unavailable() {
        assert!(refusal("loading:0", "loading:1").retry_after_ms().is_some());
        assert!(refusal("role:master", "role:slave").retry_after_ms().is_some());
    }

    #[test]
    fn addresses_of_a_redis_are_known_by_their_scheme() {
        for address in ["redis://h", "redis+unix:///s", "unix:///s", "rediss://h"] {
            assert!(Link::is_address(address), "{address}");
        }
        for name in ["memory", "redis", "embedded:redis://x/", "http://h"] {
            assert!(!Link::is_address(name), "{name}");
        }
    }
}
