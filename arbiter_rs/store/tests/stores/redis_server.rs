//! A Redis of its own for each test: on a free port, in a temporary directory, stopped by its process id.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// Ports tried before a test gives up: another program may take a free port before Redis does.
const PORTS_TRIED: usize = 10;

/// A running Redis.
pub(crate) struct RedisServer {
    pub(crate) process: Child,
    port: u16,
    directory: TempDir,
    settings: Vec<String>,
}

impl RedisServer {
    /// A Redis with nothing in it and nothing on the disk.
    pub(crate) fn start() -> Self {
        Self::start_with(&["--save", "", "--appendonly", "no"])
    }

    /// A Redis with settings of its own.
    pub(crate) fn start_with(settings: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        for _ in 0..PORTS_TRIED {
            let port = free_port();
            if let Some(process) = spawn(port, &directory, &settings) {
                return Self { process, port, directory, settings };
            }
        }
        panic!("redis-server did not start: is it installed (`apt-get install redis-server`)?");
    }

    /// The address of the store in it.
    pub(crate) fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The address of the store in it, asked through connections of our own (`own`) or the library's (`library`).
    pub(crate) fn address_of(&self, client: &str) -> String {
        format!("redis://127.0.0.1:{}?client={client}", self.port)
    }

    /// Where it listens.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Kill it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Start it again on the same port, with what its disk holds.
    pub(crate) fn restart(&mut self) {
        self.process = spawn(self.port, &self.directory, &self.settings).unwrap();
    }

    /// A connection beside the store's, with all the time in the world.
    pub(crate) async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.address()).unwrap();
        let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        client.get_multiplexed_async_connection_with_config(&patient).await.unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // The process may be gone already, killed by its test.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listens at just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Start a Redis and wait until it takes connections; None where it ends instead.
fn spawn(port: u16, directory: &TempDir, settings: &[String]) -> Option<Child> {
    let mut process = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--daemonize", "no", "--logfile", ""])
        .arg("--dir")
        .arg(directory.path())
        .args(settings)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is not installed: `apt-get install redis-server`");
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    if lines.any(|line| line.is_ok_and(|line| line.contains("Ready to accept connections"))) {
        // Redis stops when nobody reads what it logs.
        std::thread::spawn(move || lines.for_each(drop));
        return Some(process);
    }
    let _ = process.kill();
    let _ = process.wait();
    None
}
