//! `repit-load run`: a profile against a server that is there, or one that is started for it.

use std::{
    io::{self, Write},
    net::{SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use clap::Args;

use crate::{
    catalog::caps_of,
    desk::{Book, ProfileBook},
    drive::{self, Plan, PlanPace},
    error::LoadError,
    keys::Keys,
    numbers::span,
    over_admission::Detector,
    process::{Served, Store, Usage},
    profile::Profile,
    progress::Progress,
    report::{Report, Setting, figure},
    worker::Target,
    world,
};

/// The flags of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunCommand {
    /// A profile: its file, or the name of one in load_tests/profiles.
    pub profile: String,
    /// A server that is there, HOST:PORT, with the profile's catalog applied; without it one is started.
    #[arg(long)]
    pub target: Option<String>,
    /// The store of the server that is started: memory, embedded or redis.
    #[arg(long, default_value = "memory")]
    pub store: String,
    /// Stretch or shorten the schedule to so long in all, like 20s.
    #[arg(long)]
    pub duration: Option<String>,
    /// Lift or lower the schedule so that its peak is so many calls a second.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Instead of the schedule: so many calls in flight on each connection, for the schedule's length.
    #[arg(long)]
    pub in_flight: Option<usize>,
    /// Connections, instead of the profile's.
    #[arg(long)]
    pub connections: Option<usize>,
    /// Customers of the world, instead of the profile's.
    #[arg(long)]
    pub customers: Option<u64>,
    /// Threads of the generator.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Seed of the schedule, instead of the profile's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Where report.json and report.html go.
    #[arg(long, default_value = "load-report")]
    pub report: PathBuf,
    /// Print the report as JSON on stdout.
    #[arg(long)]
    pub json: bool,
    /// The server's command.
    #[arg(long, default_value = ".venv/bin/repit")]
    pub repit: PathBuf,
}

/// Run; gives the exit status: 0 all held, 1 missed or over-admitted.
pub fn run(command: &RunCommand) -> Result<u8, LoadError> {
    let (name, profile) = profile_of(command)?;
    let curve = profile.curve().map_err(LoadError::Usage)?;
    let lasts = command.duration.as_deref().map(span).transpose().map_err(LoadError::Usage)?;
    if lasts.is_some_and(|lasts| lasts.is_zero())
        || command.rate.is_some_and(|rate| !(rate > 0.0 && rate <= 1e7))
    {
        return Err(LoadError::Usage(
            "a duration is above 0, a rate above 0 and at most 10,000,000".to_owned(),
        ));
    }
    let curve = curve.scaled(lasts.map(|lasts| lasts.as_secs_f64()), command.rate);
    let caps = caps_of(&profile.catalog, &profile.ways())?;
    let store: Store = command
        .store
        .parse()
        .map_err(|wanted| LoadError::Usage(format!("`--store {}`: {wanted}", command.store)))?;
    let (served, address, target) = match &command.target {
        Some(target) => (None, resolve(target)?, target.clone()),
        None => {
            let served = Served::start(&command.repit, store, &profile.catalog)?;
            let address = served.server.address;
            (Some(served), address, format!("repit serve, {} store", command.store))
        }
    };
    let mut progress = Progress::new(curve.seconds());
    let mut detector = Detector::new(caps.counted.clone());
    world::fill(address, &profile, &mut detector, drive::fresh_id(), &mut |done, total| {
        progress.filling(done, total)
    })?;
    let detector = Arc::new(Mutex::new(detector));
    let length = std::time::Duration::from_secs_f64(curve.seconds());
    let plan = Plan {
        target: Target::new(address, profile.connections, ""),
        book: Book::Profile(Arc::new(ProfileBook::of(&profile))),
        keys: Keys::new(profile.world.customers, profile.keys),
        pace: command
            .in_flight
            .map_or_else(|| PlanPace::Open(curve, profile.spacing), |calls| PlanPace::Closed(calls, length)),
        seed: profile.seed,
        workers: command.threads,
        detector: Some(Arc::clone(&detector)),
    };
    let before = used(served.as_ref());
    let outcome = drive::run(&plan, &mut |second, so_far| progress.second(second, so_far))?;
    progress.end();
    let after = used(served.as_ref());
    let over = {
        let detector = detector.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, examples) = detector.found();
        (number, examples.to_vec())
    };
    let since = |after: Option<Usage>, before: Option<Usage>| {
        after.zip(before).map(|(after, before)| Usage { cpu: after.cpu - before.cpu, ..after })
    };
    let setting = Setting {
        name: &name,
        profile: &profile,
        command: std::env::args().collect::<Vec<_>>().join(" "),
        target,
        is_closed: command.in_flight.is_some(),
        caps: &caps,
        over,
        used: (since(after.0, before.0), since(after.1, before.1)),
    };
    let report = Report::of(setting, outcome);
    report.write(&command.report)?;
    say(&report, command)
}

fn profile_of(command: &RunCommand) -> Result<(String, Profile), LoadError> {
    let mut path = PathBuf::from(&command.profile);
    if !path.is_file() && path.components().count() == 1 {
        path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("profiles")
            .join(&command.profile)
            .with_extension("toml");
    }
    if !path.is_file() {
        return Err(LoadError::Usage(format!(
            "there is no profile `{}`; there are {}",
            command.profile,
            shipped().join(", ")
        )));
    }
    let mut profile = Profile::read(&path)?;
    profile.connections = command.connections.unwrap_or(profile.connections);
    profile.world.customers = command.customers.unwrap_or(profile.world.customers);
    profile.seed = command.seed.unwrap_or(profile.seed);
    profile.check().map_err(LoadError::Usage)?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Ok((name, profile))
}

/// The profiles of the project, by name.
pub fn shipped() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut names: Vec<String> =
        files.filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    names
}

fn resolve(target: &str) -> Result<SocketAddr, LoadError> {
    let found = target
        .to_socket_addrs()
        .map_err(|error| LoadError::Usage(format!("`{target}` is no HOST:PORT: {error}")))?
        .next();
    found.ok_or_else(|| LoadError::Usage(format!("`{target}` has no address")))
}

fn used(served: Option<&Served>) -> (Option<Usage>, Option<Usage>) {
    (
        served.map(|served| served.server.usage()),
        served.and_then(|served| served.redis.as_ref()).map(super::process::Process::usage),
    )
}

fn say(report: &Report, command: &RunCommand) -> Result<u8, LoadError> {
    let mut out = io::stdout().lock();
    let failed = |error: io::Error| LoadError::Usage(format!("stdout: {error}"));
    if command.json {
        let json = serde_json::to_string(report).map_err(|error| LoadError::Usage(error.to_string()))?;
        writeln!(out, "{json}").map_err(failed)?;
    } else {
        let latency = &report.latency;
        writeln!(
            out,
            "{}: {} answers/s, p50 {} p99 {} p99.9 {} µs; {} grants, {} denials, {} errors, {} over a cap",
            report.profile,
            figure(report.answers_per_second),
            figure(latency.p50_us),
            figure(latency.p99_us),
            figure(latency.p999_us),
            report.grants,
            report.denials,
            report.errors.iter().map(|each| each.count).sum::<u64>(),
            report.over_admitted
        )
        .map_err(failed)?;
        for error in &report.errors {
            writeln!(out, "errors: {} {}, the first: {}", error.count, error.status, error.first)
                .map_err(failed)?;
        }
        writeln!(
            out,
            "generator: {} µs of processor a call, {} % of one core",
            figure(report.generator.cpu_us_per_call),
            figure(report.generator.cpu_share * 100.0)
        )
        .map_err(failed)?;
        writeln!(out, "report: {}", command.report.join("report.html").display()).map_err(failed)?;
    }
    if let Some(broken) = &report.broken {
        return Err(LoadError::Server(broken.clone()));
    }
    let missed = report.missed();
    for line in &missed {
        let _ = writeln!(io::stderr(), "repit-load: missed {line}");
    }
    Ok(u8::from(!missed.is_empty()))
}
