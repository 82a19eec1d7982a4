//! Where a run is: one line that is redrawn on a terminal, a plain line every few seconds elsewhere. Always on stderr.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use crate::{
    drive::Second,
    figures::{Figures, Percentiles},
    numbers::{count, float},
    report::figure,
};

const EVERY: Duration = Duration::from_secs(5);
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// Shows where a run is.
#[derive(Debug)]
pub struct Progress {
    is_terminal: bool,
    total_seconds: f64,
    last: Option<Instant>,
}

impl Progress {
    /// Of a run that is to last so long.
    pub fn new(total_seconds: f64) -> Self {
        Self { is_terminal: io::stderr().is_terminal(), total_seconds, last: None }
    }

    /// A world is being filled.
    pub fn filling(&mut self, done: u64, total: u64) {
        let every = if self.is_terminal { DRAWN_EVERY } else { EVERY };
        if done < total && self.last.is_some_and(|last| last.elapsed() < every) {
            return;
        }
        self.say(&format!("filling the world: {} of {} contacts", figure(float(done)), figure(float(total))));
    }

    /// A second is over.
    pub fn second(&mut self, second: &Second, so_far: &Figures) {
        if !self.is_terminal && self.last.is_some_and(|last| last.elapsed() < EVERY) {
            return;
        }
        let latency = Percentiles::of(&so_far.latency_of_all());
        let left = (self.total_seconds - float(second.second) - 1.0).max(0.0).ceil();
        let over = if so_far.over_admitted > 0 {
            format!(", {} OVER A CAP", so_far.over_admitted)
        } else {
            String::new()
        };
        self.say(&format!(
            "{}/s of {}/s asked, p50 {} p99 {} µs, {} grants {} denials {} errors{over}, {} s left",
            figure(float(second.answered)),
            figure(second.asked.round()),
            figure(latency.p50_us),
            figure(latency.p99_us),
            figure(float(so_far.grants)),
            figure(float(so_far.denials)),
            figure(float(so_far.error_count())),
            figure(left),
        ));
    }

    /// The line ends here.
    pub fn end(&mut self) {
        if self.is_terminal && self.last.take().is_some() {
            let _ = writeln!(io::stderr());
        }
    }

    fn say(&mut self, line: &str) {
        self.last = Some(Instant::now());
        let mut stderr = io::stderr();
        // Where nobody reads, nobody misses it.
        let _ = if self.is_terminal {
            let columns = rustix::termios::tcgetwinsize(&stderr).map_or(80, |size| u64::from(size.ws_col));
            let shown: String = line.chars().take(crate::numbers::place(columns.saturating_sub(1))).collect();
            debug_assert!(count(shown.chars().count()) <= columns);
            write!(stderr, "\r\x1b[2K{shown}").and_then(|()| stderr.flush())
        } else {
            writeln!(stderr, "repit-load: {line}")
        };
    }
}
