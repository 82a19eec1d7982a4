//! The store in a Redis, shared by several servers: one script call compares, sets and appends to the log.
//!
//! A commit that is answered is with the primary; what Redis persistence and failover keep of it is theirs to say.

mod gather;
mod line;
mod lines;
mod options;
mod resp;
mod traffic;

use std::sync::atomic::{AtomicU64, Ordering};

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, Script, ServerErrorKind, Value};

pub use self::options::{CACHE_MIB, MAX_CACHE_MIB};
use self::{
    gather::Part,
    line::Question,
    lines::{Lines, Place},
    options::{Options, Way},
};
use crate::{
    error::StoreError,
    keys::{PartyKeys, RedisKeys},
    record,
    redis_link::Link,
    redis_tally::TallyArguments,
    store::{
        Commit, LOG_RECORDS_PER_BUCKET, LogPage, LogRecord, MAX_LOG_PAGE, Store, Versioned, check_catalog,
        check_commit, check_page, check_party, no_place,
    },
    tally::{self, Tally, check_account, check_field},
    value_cache::ValueCache,
};

/// One commit in so many trims the log of its bucket; trimming at each would cost Redis a tenth more.
const COMMITS_BETWEEN_TRIMS: u64 = 256;
/// The script that commits.
const COMMIT: &str = include_str!("commit.lua");
/// The log's maximum where a commit leaves the log untrimmed.
const UNTRIMMED: &str = "";

/// Values, contact log and catalog of one tenant in one Redis.
#[derive(Debug)]
pub struct RedisStore {
    pub(crate) link: Box<Link>,
    pub(crate) keys: RedisKeys,
    /// Connections on which values are loaded and committed; without them the link does it.
    lines: Option<Box<Lines>>,
    cache: ValueCache,
    commit: Script,
    commit_catalog: Script,
    pub(crate) commit_account: Script,
    commits: AtomicU64,
}

impl RedisStore {
    /// Whether a store's name is the address of a Redis.
    pub fn is_address(name: &str) -> bool {
        Link::is_address(name)
    }

    /// Open `redis://[USER:PASSWORD@]HOST[:PORT][/DB][?tenant=NAME]` (or `redis+unix:///SOCKET`): connect, check that a
    /// Redis of 7.0 or later answers that forgets nothing by itself, and that its store has the format of this program.
    ///
    /// `cache_mib=N` bounds the values that are remembered ([`CACHE_MIB`] where it is not said, 0 for none); with
    /// `client=library` values too are loaded and committed through the library.
    pub async fn open(address: &str) -> Result<Self, StoreError> {
        let Options { address, tenant, cache_bytes, way } = Options::parse(address)?;
        let (link, buckets) = Link::open(&address, &tenant).await?;
        let commit = Script::new(COMMIT);
        let place = if way == Way::Own { Place::of(link.client()) } else { None };
        let lines =
            place.map(|place| Box::new(Lines::new(place, tenant.clone(), commit.get_hash().to_owned())));
        Ok(Self {
            link: Box::new(link),
            keys: RedisKeys::new(tenant, buckets),
            lines,
            cache: ValueCache::new(cache_bytes),
            commit,
            commit_catalog: Script::new(include_str!("catalog.lua")),
            commit_account: Script::new(include_str!("account.lua")),
            commits: AtomicU64::new(0),
        })
    }

    /// Run a script by its hash, and by its text where this Redis does not have it yet (any more).
    pub(crate) async fn run(&self, call: &Call<'_>) -> Result<Reply, StoreError> {
        let reply = match self.link.ask(&call.by_hash(), call.subject).await? {
            Ok(reply) => reply,
            Err(_no_script) => self.query(&call.by_text(), call.subject).await?,
        };
        Reply::read(reply).ok_or_else(|| call.strange())
    }

    /// Run the commit script for one party, in one call with others where others commit at the same time.
    async fn run_commit(&self, call: &Call<'_>) -> Result<Reply, StoreError> {
        let Some(lines) = &self.lines else { return self.run(call).await };
        let part = Part::new(call.keys, &call.arguments);
        let reply = match lines.ask(Question::Commit(part), call.subject).await? {
            Ok(reply) => reply,
            Err(_no_script) => {
                let by_text = Question::Command(call.by_text().get_packed_command());
                match lines.ask(by_text, call.subject).await? {
                    Ok(reply) => reply,
                    Err(error) => return Err(lines.error(&error, call.subject)),
                }
            }
        };
        Reply::read(reply).ok_or_else(|| call.strange())
    }

    /// What is stored under a key.
    async fn get(&self, key: &str, subject: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(lines) = &self.lines else {
            return self.query(Cmd::new().arg("GET").arg(key), subject).await;
        };
        let get = Question::Command(resp::command(&[b"GET", key.as_bytes()]));
        match lines.ask(get, subject).await? {
            Ok(Value::Nil) => Ok(None),
            Ok(Value::BulkString(stored)) => Ok(Some(stored)),
            Ok(_) => Err(StoreError::corrupt(subject, "Redis gave an answer that is none")),
            Err(error) => Err(lines.error(&error, subject)),
        }
    }

    pub(crate) async fn query<T: FromRedisValue>(
        &self,
        command: &Cmd,
        subject: &str,
    ) -> Result<T, StoreError> {
        match self.link.ask::<T>(command, subject).await? {
            Ok(reply) => Ok(reply),
            Err(error) => Err(self.link.error(&error, subject)),
        }
    }

    async fn catalog_at(&self, version: u64) -> Result<Option<Versioned>, StoreError> {
        let bytes: Option<Vec<u8>> =
            self.query(Cmd::new().arg("GET").arg(self.keys.catalog(version)), "catalog").await?;
        Ok(bytes.map(|bytes| Versioned { version, bytes }))
    }

    /// The newest catalog version and what is stored there; `Versioned::default()` where there is none.
    async fn newest_catalog(&self, version: u64) -> Result<Versioned, StoreError> {
        if version == 0 {
            return Ok(Versioned::default());
        }
        let missing = || StoreError::corrupt("catalog", format!("version {version} is missing"));
        self.catalog_at(version).await?.ok_or_else(missing)
    }
}

impl Store for RedisStore {
    async fn load(&self, party: &str) -> Result<Versioned, StoreError> {
        check_party(party)?;
        let Some(stored) = self.get(&self.keys.party(party).value, party).await? else {
            self.cache.put(party, 0, &[]);
            return Ok(Versioned::default());
        };
        let found = record::split(&stored, party)?;
        self.cache.put(party, found.version, &found.bytes);
        Ok(found)
    }

    fn recall(&self, party: &str) -> Option<Versioned> {
        self.cache.recall(party)
    }

    fn waits(&self) -> bool {
        true
    }

    async fn commit(
        &self,
        party: &str,
        expected: u64,
        value: &[u8],
        log: &[Vec<u8>],
        tallies: &[Tally<'_>],
    ) -> Result<Commit, StoreError> {
        let version = check_commit(party, expected, value, log, tallies)?;
        let PartyKeys { value: value_key, log: log_key } = self.keys.party(party);
        // The whole of what is expected is compared where it is known: a Redis that lost its newest values and
        // counted on from there has another value of the same version.
        let expected = self.cache.stored(party, expected).unwrap_or_else(|| expected.to_be_bytes().to_vec());
        let (stored, version_digits) = (record::join(version, value), version.to_string());
        let is_trimmed = self.commits.fetch_add(1, Ordering::Relaxed).is_multiple_of(COMMITS_BETWEEN_TRIMS);
        let maximum = if is_trimmed { LOG_RECORDS_PER_BUCKET.to_string() } else { UNTRIMMED.to_owned() };
        let counts = [tallies.len().to_string(), log.len().to_string()];
        let mut arguments: Vec<&[u8]> =
            vec![&expected, &stored, party.as_bytes(), version_digits.as_bytes(), maximum.as_bytes()];
        arguments.extend(counts.iter().map(String::as_bytes));
        let of_tallies = TallyArguments::new(&self.keys, party, tallies);
        arguments.extend(of_tallies.arguments());
        arguments.extend(log.iter().map(Vec::as_slice));
        let mut keys = vec![value_key.as_str(), log_key.as_str()];
        keys.extend(of_tallies.keys());
        let call = Call { script: &self.commit, text: COMMIT, keys: &keys, arguments, subject: party };
        match self.run_commit(&call).await? {
            Reply::Done => {
                self.cache.put(party, version, value);
                Ok(Commit::Done)
            }
            Reply::Fenced => Ok(Commit::Fenced),
            Reply::Full => Err(tally::full()),
            Reply::Found(current) => {
                // What is there without being a value is not none: nothing is written over it.
                let current = record::split(&current, party)?;
                self.cache.put(party, current.version, &current.bytes);
                Ok(Commit::Conflict(current))
            }
            Reply::Nothing => {
                self.cache.put(party, 0, &[]);
                Ok(Commit::Conflict(Versioned::default()))
            }
        }
    }

    async fn catalog(&self, version: u64) -> Result<Option<Versioned>, StoreError> {
        if version > 0 {
            return self.catalog_at(version).await;
        }
        match self.catalog_version().await? {
            0 => Ok(None),
            newest => self.newest_catalog(newest).await.map(Some),
        }
    }

    async fn catalog_version(&self) -> Result<u64, StoreError> {
        let newest: Option<String> =
            self.query(Cmd::new().arg("GET").arg(self.keys.newest_catalog()), "catalog").await?;
        newest.map_or(Ok(0), |digits| parse_version(digits.as_bytes()))
    }

    async fn commit_catalog(&self, expected: u64, bytes: &[u8]) -> Result<Commit, StoreError> {
        let version = check_catalog(expected, bytes)?;
        let (newest_key, key) = (self.keys.newest_catalog(), self.keys.catalog(version));
        let (expected, version) = (expected.to_string(), version.to_string());
        let call = Call {
            script: &self.commit_catalog,
            text: include_str!("catalog.lua"),
            keys: &[&newest_key, &key],
            arguments: vec![expected.as_bytes(), version.as_bytes(), bytes],
            subject: "catalog",
        };
        match self.run(&call).await? {
            Reply::Done => Ok(Commit::Done),
            Reply::Found(newest) => Ok(Commit::Conflict(self.newest_catalog(parse_version(&newest)?).await?)),
            Reply::Fenced | Reply::Full | Reply::Nothing => Err(call.strange()),
        }
    }

    async fn read_log(&self, party: &str, limit: usize) -> Result<Vec<LogRecord>, StoreError> {
        check_party(party)?;
        let log = self.keys.party(party).log;
        let mut records = Vec::new();
        let mut before = "+".to_owned();
        while records.len() < limit {
            let mut command = Cmd::new();
            command.arg("XREVRANGE").arg(&log).arg(&before).arg("-").arg("COUNT").arg(MAX_LOG_PAGE);
            let page: Vec<(String, Vec<Vec<u8>>)> = self.query(&command, "log").await?;
            let Some((oldest, _)) = page.last() else { break };
            before = format!("({oldest}");
            let all = page.iter().filter_map(|(_, fields)| read_record(fields));
            let of_party = all.filter(|(name, _)| *name == party.as_bytes()).map(|(_, record)| record);
            let room = limit - records.len();
            records.extend(of_party.take(room));
        }
        records.reverse();
        Ok(records)
    }

    async fn read_log_page(&self, bucket: u16, after: &str, limit: usize) -> Result<LogPage, StoreError> {
        let limit = check_page(bucket, self.buckets(), limit)?;
        let first = match after {
            "" => "-".to_owned(),
            id if is_stream_id(id) => format!("({id}"),
            _ => return Err(no_place(after)),
        };
        let mut page = LogPage { records: Vec::new(), next: after.to_owned() };
        if limit == 0 {
            return Ok(page);
        }
        let mut command = Cmd::new();
        command.arg("XRANGE").arg(self.keys.log(bucket)).arg(first).arg("+").arg("COUNT").arg(limit);
        let entries: Vec<(String, Vec<Vec<u8>>)> = self.query(&command, "log").await?;
        for (id, fields) in entries {
            if let Some((party, record)) = read_record(&fields) {
                page.records.push((record::party(party)?, record));
            }
            page.next = id;
        }
        Ok(page)
    }

    async fn account(&self, name: &str) -> Result<Versioned, StoreError> {
        check_account(name)?;
        self.read_account(name).await
    }

    async fn commit_account(
        &self,
        name: &str,
        expected: u64,
        value: &[u8],
        keep_ms: i64,
    ) -> Result<Commit, StoreError> {
        self.write_account(name, expected, value, keep_ms).await
    }

    async fn tally(&self, account: &str) -> Result<Vec<(String, i64)>, StoreError> {
        check_account(account)?;
        self.sum_counts(account).await
    }

    async fn fence(&self, account: &str, field: &str) -> Result<i64, StoreError> {
        check_field(account, field)?;
        self.set_fence(account, field).await
    }

    async fn drop_field(&self, account: &str, field: &str) -> Result<(), StoreError> {
        check_field(account, field)?;
        self.remove_field(account, field).await
    }

    fn buckets(&self) -> u16 {
        self.keys.buckets()
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.query::<Value>(Cmd::new().arg("PING"), "ping").await?;
        let Some(lines) = &self.lines else { return Ok(()) };
        let ping = Question::Command(resp::command(&[b"PING"]));
        lines.ask(ping, "ping").await?.map(|_| ()).map_err(|error| lines.error(&error, "ping"))
    }

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A call of one of the scripts.
pub(crate) struct Call<'a> {
    pub(crate) script: &'a Script,
    pub(crate) text: &'a str,
    pub(crate) keys: &'a [&'a str],
    pub(crate) arguments: Vec<&'a [u8]>,
    /// Whom an error is about.
    pub(crate) subject: &'a str,
}

impl Call<'_> {
    fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", self.script.get_hash())
    }

    /// This also makes Redis keep the script.
    fn by_text(&self) -> Cmd {
        self.command("EVAL", self.text)
    }

    /// The error for an answer that the script does not give.
    pub(crate) fn strange(&self) -> StoreError {
        StoreError::corrupt(self.subject, "the script gave an answer that is not its own")
    }

    fn command(&self, verb: &str, script: &str) -> Cmd {
        let bytes = self.arguments.iter().map(|argument| argument.len()).sum::<usize>() + script.len() + 256;
        let mut command = Cmd::with_capacity(3 + self.keys.len() + self.arguments.len(), bytes);
        command.arg(verb).arg(script).arg(self.keys.len()).arg(self.keys);
        for argument in &self.arguments {
            command.arg(*argument);
        }
        command
    }
}

/// What a script answers.
pub(crate) enum Reply {
    Done,
    Fenced,
    /// A count would be beyond its maximum.
    Full,
    /// What it found instead of what was expected.
    Found(Vec<u8>),
    /// It found nothing where something was expected.
    Nothing,
}

impl Reply {
    /// What a script answered, for the one party where it answers for several; None for what no script says.
    fn read(reply: Value) -> Option<Self> {
        let replies = [
            (Value::Int(1), Self::Done),
            (Value::Int(2), Self::Fenced),
            (Value::Int(3), Self::Full),
            (Value::Nil, Self::Nothing),
        ];
        if let Value::Array(mut of_parties) = reply {
            return of_parties.pop().filter(|_| of_parties.is_empty()).and_then(Self::read);
        }
        if let Value::BulkString(found) = reply {
            return Some(Self::Found(found));
        }
        replies.into_iter().find(|(said, _)| *said == reply).map(|(_, reply)| reply)
    }
}

/// Whether Redis does not have a script: after its start, or a `SCRIPT FLUSH`.
pub(crate) fn is_no_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// The value that a script found, which is of another version than the expected one; empty for none.
pub(crate) fn conflict(current: &[u8], subject: &str) -> Result<Commit, StoreError> {
    let is_none = current.is_empty();
    Ok(Commit::Conflict(if is_none { Versioned::default() } else { record::split(current, subject)? }))
}

/// One entry of the log stream, fields `p`, `v`, `r` in that order: its party and the record.
fn read_record(fields: &[Vec<u8>]) -> Option<(&[u8], LogRecord)> {
    let [_, party, _, version, _, bytes] = fields else { return None };
    Some((party, LogRecord { version: parse_version(version).ok()?, bytes: bytes.clone() }))
}

/// Whether this is the name of a stream's entry: two numbers.
fn is_stream_id(id: &str) -> bool {
    let is_number =
        |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u64>().is_ok();
    id.split_once('-').is_some_and(|(time, number)| is_number(time) && is_number(number))
}

fn parse_version(digits: &[u8]) -> Result<u64, StoreError> {
    let version = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    version.ok_or_else(|| StoreError::corrupt("catalog", "its version is not a number"))
}
