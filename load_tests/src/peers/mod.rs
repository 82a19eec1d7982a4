//! `repit-load peers`: Répit beside an empty server and beside others that limit, all through the same generator.

pub mod contender;
pub mod definition;
pub mod goals;
pub mod overshoot;
pub mod rounds;
mod table;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use serde::Serialize;

use crate::{
    desk::{Book, ProfileBook},
    error::{LoadError, file_error},
    machine::Machine,
    numbers::float,
    peers::{
        contender::{Contender, Filling, start_all},
        goals::{Goal, Measured},
        rounds::Turn,
    },
    process::usage_of,
    profile::{Ask, Mix, Profile},
    pump::pump,
    questions::{Template, grpc_head},
};

/// The flags of `peers`.
#[derive(Debug, Clone, Args)]
pub struct PeersCommand {
    /// Keys that every store holds before the first round.
    #[arg(long, env = "PEERS_CUSTOMERS", default_value_t = 1_000_000)]
    pub customers: u64,
    /// Rounds; the median of each figure is given.
    #[arg(long, default_value_t = 3)]
    pub rounds: u64,
    /// Length of each measurement of a round, in milliseconds.
    #[arg(long, default_value_t = 2_000)]
    pub milliseconds: u64,
    /// Where `cargo install --root` put the peers that it can install.
    #[arg(long, default_value = "target/peers")]
    pub installed: PathBuf,
    /// The server's command.
    #[arg(long, default_value = ".venv/bin/repit")]
    pub repit: PathBuf,
    /// A Python that has grpcio.
    #[arg(long, default_value = ".venv/bin/python")]
    pub python: PathBuf,
    /// The page whose table between the markers is written anew.
    #[arg(long, default_value = "docs/benchmarks.md")]
    pub page: PathBuf,
    /// Where the same goes as JSON.
    #[arg(long, default_value = "load-report/peers.json")]
    pub report: PathBuf,
}

/// One contender's row.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Medians.
    pub figures: Turn,
    /// Bytes of memory a key, its Redis included; absent where it holds nothing or nothing could be seen.
    pub bytes_per_key: Option<f64>,
    /// Grants of two servers beyond the limit of one, or why that was not measured.
    pub overshoot: Result<u64, String>,
    /// What it does that the others do not.
    pub does: String,
}

/// All of it.
#[derive(Debug, Clone, Serialize)]
pub struct PeersReport {
    /// When.
    pub date: String,
    /// Where.
    pub machine: Machine,
    /// How to do it again.
    pub command: String,
    /// Keys held.
    pub customers: u64,
    /// Rounds, and seconds of each measurement.
    pub rounds: (u64, f64),
    /// By contender.
    pub rows: Vec<Row>,
    /// Who did not take part, and why.
    pub absent: Vec<String>,
    /// Decisions a second by batches, with the server's microseconds for each.
    pub batches: Vec<(String, f64, f64)>,
    /// The goals.
    pub goals: Vec<Goal>,
}

/// Where the peers are described.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// The question of all rounds: one mail of one campaign.
fn question() -> Result<Profile, LoadError> {
    let mut profile =
        Profile::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/email-blast.toml"))?;
    profile.asks.truncate(1);
    profile.mix = Mix { request: 1.0, ..Mix::default() };
    Ok(profile)
}

/// Run; gives the exit status: 0, or 1 where a `must` does not hold.
pub fn run(command: &PeersCommand) -> Result<u8, LoadError> {
    if command.rounds == 0 || command.milliseconds < 100 || command.customers == 0 {
        return Err(LoadError::Usage("one round, 100 ms and one customer at least".to_owned()));
    }
    let profile = question()?;
    let directory = tempfile::Builder::new()
        .prefix("repit-peers-")
        .tempdir()
        .map_err(|error| LoadError::Server(error.to_string()))?;
    say("starting everything")?;
    let (contenders, absent) = start_all(command, &profile, &directory)?;
    let mut bytes = Vec::new();
    for contender in &contenders {
        bytes.push(fill(contender, command.customers, &profile)?);
    }
    let lasts = Duration::from_millis(command.milliseconds);
    let mut turns: Vec<Vec<Turn>> = contenders.iter().map(|_| Vec::new()).collect();
    let mut batched: Vec<Vec<(f64, f64)>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 1..=command.rounds {
        for ((contender, turns), batched) in contenders.iter().zip(&mut turns).zip(&mut batched) {
            let turn = rounds::turn(contender, command.customers, lasts, round * 1_000)?;
            say(&format!(
                "round {round} of {}: {}, {} answers/s, p50 {} µs",
                command.rounds,
                contender.name,
                crate::report::figure(turn.per_second),
                crate::report::figure(turn.p50_us)
            ))?;
            turns.push(turn);
            if let Some(size) = batch_size(contender) {
                let book = batch_book(&profile, size);
                batched.push(rounds::batches(contender, &book, command.customers, lasts, round * 1_000 + 7)?);
            }
        }
    }
    let rows = rows(command, &profile, &contenders, &turns, &bytes, &directory)?;
    let report = report(command, rows, absent, &contenders, &batched);
    table::write(&report, &command.page)?;
    write_json(&report, &command.report)?;
    writeln!(io::stdout(), "{}", table::text(&report))
        .map_err(|error| LoadError::Usage(error.to_string()))?;
    Ok(u8::from(report.goals.iter().any(|goal| goal.is_held == Some(false))))
}

fn rows(
    command: &PeersCommand,
    profile: &Profile,
    contenders: &[Contender],
    turns: &[Vec<Turn>],
    bytes: &[Option<f64>],
    directory: &tempfile::TempDir,
) -> Result<Vec<Row>, LoadError> {
    let mut rows = Vec::new();
    for ((contender, turns), bytes_per_key) in contenders.iter().zip(turns).zip(bytes) {
        rows.push(Row {
            name: contender.name.clone(),
            version: contender.version.clone(),
            figures: rounds::medians(turns),
            bytes_per_key: *bytes_per_key,
            overshoot: overshoot::overshoot(contender, command, profile, directory.path())?,
            does: contender.does.clone(),
        });
    }
    Ok(rows)
}

fn report(
    command: &PeersCommand,
    rows: Vec<Row>,
    absent: Vec<String>,
    contenders: &[Contender],
    batched: &[Vec<(f64, f64)>],
) -> PeersReport {
    let machine = Machine::this();
    let batches: Vec<(String, f64, f64)> = contenders
        .iter()
        .zip(batched)
        .filter_map(|(contender, rounds)| {
            let size = batch_size(contender)?;
            let of = |pick: fn(&(f64, f64)) -> f64| rounds::median(rounds.iter().map(pick).collect());
            Some((format!("{}, batches of {size}", contender.name), of(|each| each.0), of(|each| each.1)))
        })
        .collect();
    let measured = Measured {
        turns: &rows.iter().map(|row| (row.name.clone(), row.figures)).collect::<Vec<_>>(),
        batch_memory: batches
            .iter()
            .find(|(name, ..)| name.starts_with("Répit, memory"))
            .map_or(0.0, |(_, per_second, _)| *per_second),
        overshoot: rows
            .iter()
            .find(|row| row.name == "Répit, Redis")
            .and_then(|row| row.overshoot.as_ref().ok().copied()),
        customers: command.customers,
        cores: machine.cores,
    };
    PeersReport {
        date: jiff::Zoned::now()
            .with_time_zone(jiff::tz::TimeZone::UTC)
            .strftime("%Y-%m-%d %H:%M UTC")
            .to_string(),
        command: format!("make peers PEERS_CUSTOMERS={}", command.customers),
        customers: command.customers,
        rounds: (command.rounds, float(command.milliseconds) / 1_000.0),
        goals: measured.goals(),
        rows,
        absent,
        batches,
        machine,
    }
}

/// How large the batches of a contender are, where it takes any.
fn batch_size(contender: &Contender) -> Option<usize> {
    let is_redis = contender.redis().is_some();
    contender.served().map(|_| if is_redis { 100 } else { 1_000 })
}

fn batch_book(profile: &Profile, size: usize) -> Book {
    let profile = Profile { mix: Mix { batch: 1.0, ..Mix::default() }, batch_size: size, ..profile.clone() };
    Book::Profile(Arc::new(ProfileBook::of(&profile)))
}

/// One grant for every key; gives the memory that each took, server and Redis together.
fn fill(contender: &Contender, customers: u64, profile: &Profile) -> Result<Option<f64>, LoadError> {
    let ask: &Ask =
        profile.asks.first().ok_or_else(|| LoadError::Usage("the profile asks nothing".to_owned()))?;
    let id = crate::drive::fresh_id();
    let resident = || {
        let redis = contender.redis().map_or(0, |redis| redis.usage().resident);
        usage_of(contender.process().pid()).resident + redis
    };
    let mut ignore = |_: &[u8]| ();
    let before = resident();
    say(&format!("filling {} with {} keys", contender.name, crate::report::figure(float(customers))))?;
    match (contender.filling, &contender.book) {
        (Filling::Nothing, _) => return Ok(None),
        (Filling::Calls, Book::Canned(template)) => {
            let mut bodies = (0..customers).map(|customer| {
                let mut body = Vec::new();
                template.write(&mut body, id.wrapping_add(customer), customer);
                body
            });
            pump(contender.address, &contender.path, 8, 256, &mut bodies, &mut ignore)?;
        }
        _ => {
            let template = Template::of_ask(ask);
            let mut bodies = (0..customers).step_by(1_000).map(|from| {
                let mut body = Vec::new();
                (from..customers.min(from + 1_000)).for_each(|customer| {
                    template.write_field(&mut body, id.wrapping_add(customer), customer)
                });
                let mut whole = Vec::with_capacity(body.len() + 5);
                grpc_head(&mut whole, body.len());
                whole.extend(body);
                whole
            });
            pump(
                contender.address,
                "/repit.v1.ArbitrationService/BatchRequestContacts",
                4,
                8,
                &mut bodies,
                &mut ignore,
            )?;
        }
    }
    Ok(Some(float(resident().saturating_sub(before)) / float(customers)))
}

fn write_json(report: &PeersReport, path: &Path) -> Result<(), LoadError> {
    let json = serde_json::to_string_pretty(report).map_err(|error| LoadError::Usage(error.to_string()))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| file_error(folder, &error))?;
    }
    fs::write(path, json).map_err(|error| file_error(path, &error))
}

fn say(line: &str) -> Result<(), LoadError> {
    writeln!(io::stderr(), "repit-load: {line}").map_err(|error| LoadError::Usage(error.to_string()))
}
