//! What the figures were measured on.

use std::{env, fs, thread};

use serde::Serialize;

/// A machine, as a report names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Processor.
    pub processor: String,
    /// Its cores, as far as this process may use them.
    pub cores: usize,
    /// Memory, in GiB.
    pub memory_gib: u64,
    /// Operating system and kernel.
    pub system: String,
    /// Load average of the last minute, at the time of the report.
    pub load_average: String,
    /// Version of this program.
    pub version: String,
}

impl Machine {
    /// The one that this runs on.
    pub fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let value = |text: &str, key: &str| {
            let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            line.split_once([':', '='])
                .map(|(_, value)| value.trim().trim_matches('"').to_owned())
                .unwrap_or_default()
        };
        let memory = value(&read("/proc/meminfo"), "MemTotal");
        let kib: u64 = memory.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let (name, kernel) =
            (value(&read("/etc/os-release"), "PRETTY_NAME"), read("/proc/sys/kernel/osrelease"));
        Self {
            processor: value(&read("/proc/cpuinfo"), "model name"),
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kib.div_ceil(1 << 20),
            system: format!("{name}, Linux {}", kernel.trim()),
            load_average: read("/proc/loadavg").split_whitespace().next().unwrap_or_default().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
