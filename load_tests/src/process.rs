//! Servers of a run's own: started on free ports of loopback in a temporary directory, stopped by their process id.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    str::FromStr,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{error::LoadError, numbers::float};

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(20);
/// Last lines of a process that are shown when it fails.
const LINES: usize = 12;

/// Where Répit keeps its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// In memory.
    Memory,
    /// In a directory.
    Embedded,
    /// In a Redis that is started with it.
    Redis,
}

impl FromStr for Store {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "memory" => Ok(Self::Memory),
            "embedded" => Ok(Self::Embedded),
            "redis" => Ok(Self::Redis),
            _ => Err("`memory`, `embedded` or `redis`".to_owned()),
        }
    }
}

/// A process that listens; stopped when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Processor time and memory of a process, from the kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Seconds of processor time.
    pub cpu: f64,
    /// Bytes that are resident.
    pub resident: u64,
}

impl Process {
    /// Start a program that says on stderr, as `repit serve` does, `{"event": "serving", "address": …}`.
    pub fn announced(name: &str, command: &mut Command) -> Result<Self, LoadError> {
        clean(command).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| cannot_start(name, command, &error))?;
        let (told, heard) = mpsc::channel();
        if let Some(stderr) = child.stderr.take() {
            thread::spawn(move || {
                // Read to the end, so that the process never waits for a reader.
                BufReader::new(stderr).lines().map_while(Result::ok).for_each(|line| drop(told.send(line)));
            });
        }
        let mut process = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let mut lines = Vec::new();
        let end = Instant::now() + START;
        while let Ok(line) = heard.recv_timeout(end.saturating_duration_since(Instant::now())) {
            if let Some(address) = announced_address(&line) {
                process.address = address;
                return Ok(process);
            }
            lines.push(line);
        }
        let _ = process.child.kill();
        let last = lines.len().saturating_sub(LINES);
        Err(LoadError::Server(format!("{name} did not start:\n{}", lines.split_off(last).join("\n"))))
    }

    /// Start a program that listens on a port it was given; returns when it accepts connections.
    pub fn listening(name: &str, port: u16, command: &mut Command, log: &Path) -> Result<Self, LoadError> {
        let file = fs::File::create(log).map_err(|error| crate::error::file_error(log, &error))?;
        let errors = file.try_clone().map_err(|error| crate::error::file_error(log, &error))?;
        clean(command).stdout(file).stderr(errors);
        let child = command.spawn().map_err(|error| cannot_start(name, command, &error))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut process = Self { child, address };
        let end = Instant::now() + START;
        loop {
            if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
                return Ok(process);
            }
            let is_over = process.child.try_wait().map_or(true, |status| status.is_some());
            if is_over || Instant::now() > end {
                let said = fs::read_to_string(log).unwrap_or_default();
                let last: Vec<&str> = said.lines().rev().take(LINES).collect();
                let last: Vec<&str> = last.into_iter().rev().collect();
                return Err(LoadError::Server(format!("{name} did not start:\n{}", last.join("\n"))));
            }
            thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has used; nothing where it is gone.
    pub fn usage(&self) -> Usage {
        usage_of(self.pid())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let end = Instant::now() + STOP;
        while Instant::now() < end {
            if self.child.try_wait().map_or(true, |status| status.is_some()) {
                return;
            }
            thread::park_timeout(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// None of this machine's settings, and words in English.
fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REPIT_")) {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null())
}

fn cannot_start(name: &str, command: &Command, error: &std::io::Error) -> LoadError {
    LoadError::Server(format!(
        "{name} cannot be started: `{}`: {error}",
        command.get_program().to_string_lossy()
    ))
}

fn announced_address(line: &str) -> Option<SocketAddr> {
    let said: serde_json::Value = serde_json::from_str(line).ok()?;
    if said.get("event")? != "serving" {
        return None;
    }
    said.get("address")?.as_str()?.parse().ok()
}

/// What a process has used, from `/proc`.
pub fn usage_of(pid: u32) -> Usage {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in brackets may hold blanks; utime and stime are the 12th and 13th after it.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let pages = ticks(21);
    Usage {
        cpu: float(ticks(11) + ticks(12)) / float(rustix::param::clock_ticks_per_second()),
        resident: pages * u64::try_from(rustix::param::page_size()).unwrap_or(4_096),
    }
}

/// A port of loopback that nobody listens on.
pub fn free_port() -> Result<u16, LoadError> {
    let probe = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    probe
        .map(|address| address.port())
        .map_err(|error| LoadError::Server(format!("no free port on loopback: {error}")))
}

/// A Redis that remembers nothing.
pub fn redis(directory: &Path) -> Result<Process, LoadError> {
    let port = free_port()?;
    let mut command = Command::new("redis-server");
    command
        .args([
            "--bind",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
        ])
        .arg(directory);
    Process::listening("redis-server", port, &mut command, &directory.join(format!("redis-{port}.log")))
}

/// Répit, with the store that it stands on.
#[derive(Debug)]
pub struct Served {
    /// The server.
    pub server: Process,
    /// Its Redis, where it has one.
    pub redis: Option<Process>,
    _directory: TempDir,
}

impl Served {
    /// Start `repit serve` on a store of its own.
    pub fn start(repit: &Path, store: Store, catalog: &Path) -> Result<Self, LoadError> {
        let directory = tempfile::Builder::new().prefix("repit-load-").tempdir();
        let directory =
            directory.map_err(|error| LoadError::Server(format!("no temporary directory: {error}")))?;
        let redis = if store == Store::Redis { Some(redis(directory.path())?) } else { None };
        let place: OsString = match (store, &redis) {
            (Store::Embedded, _) => format!("embedded:{}", directory.path().join("store").display()).into(),
            (_, Some(redis)) => format!("redis://{}", redis.address).into(),
            _ => "memory".into(),
        };
        let server = Self::server(repit, &place, catalog, directory.path())?;
        Ok(Self { server, redis, _directory: directory })
    }

    /// One more server on the same Redis.
    pub fn replica(&self, repit: &Path, catalog: &Path) -> Result<Process, LoadError> {
        let place = self.redis.as_ref().map(|redis| format!("redis://{}", redis.address));
        let place =
            place.ok_or_else(|| LoadError::Usage("only servers on one Redis are replicas".to_owned()))?;
        Self::server(repit, &place.into(), catalog, self._directory.path())
    }

    fn server(
        repit: &Path,
        store: &OsString,
        catalog: &Path,
        directory: &Path,
    ) -> Result<Process, LoadError> {
        let absolute =
            |path: &Path| fs::canonicalize(path).map_err(|error| crate::error::file_error(path, &error));
        let mut command = Command::new(absolute_program(repit));
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
            "--max-in-flight",
            "100000",
            "--store",
        ]);
        command.arg(store).arg("--catalog").arg(absolute(catalog)?).current_dir(directory);
        Process::announced("repit serve", &mut command)
    }
}

/// A program named with a directory is found from here, whatever the working directory of its process is.
pub fn absolute_program(program: &Path) -> PathBuf {
    if program.components().count() == 1 {
        program.to_owned()
    } else {
        std::path::absolute(program).unwrap_or_else(|_| program.to_owned())
    }
}

/// Where a program is on the PATH.
pub fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|file| file.is_file())
}
