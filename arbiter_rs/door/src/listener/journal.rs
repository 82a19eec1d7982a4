//! What the log is told: kept here until the control plane takes it, so that no call waits for a log.

use std::{collections::VecDeque, time::Instant};

use parking_lot::Mutex;
use tonic::{Code, Status};

/// Lines kept until they are taken; of more only the number is known.
const MAX_LINES: usize = 1_024;

/// Which calls get a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Those that the server or its store is to blame for.
    Failed,
    /// All, with how long each took.
    All,
}

/// One line for the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A call was answered.
    Call {
        /// Of this method.
        method: String,
        /// In this time.
        milliseconds: f64,
    },
    /// A call failed, by no fault of its caller's.
    Failed {
        /// Of this method.
        method: String,
        /// What the caller was told.
        error: String,
    },
    /// The program is wrong; its words are on stderr.
    Fault {
        /// In this method.
        method: String,
    },
    /// Lines that found no room.
    Lost {
        /// So many.
        lines: u64,
    },
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<Entry>,
    lost: u64,
}

/// The lines not taken yet.
#[derive(Debug)]
pub(super) struct Journal {
    calls: Calls,
    lines: Mutex<Lines>,
}

impl Journal {
    pub(super) fn new(calls: Calls) -> Self {
        Self { calls, lines: Mutex::default() }
    }

    /// When a call began, where that is of interest.
    pub(super) fn begin(&self) -> Option<Instant> {
        (self.calls == Calls::All).then(Instant::now)
    }

    /// A call has ended.
    pub(super) fn end(&self, method: &str, begun: Option<Instant>, failure: Option<&Status>) {
        if let Some(status) = failure {
            self.failed(method, status);
        }
        if let Some(begun) = begun {
            let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
            self.write(Entry::Call { method: name(method), milliseconds });
        }
    }

    /// A call was answered with this.
    pub(super) fn failed(&self, method: &str, status: &Status) {
        let is_server_side = matches!(
            status.code(),
            Code::Unknown | Code::ResourceExhausted | Code::Internal | Code::Unavailable | Code::DataLoss
        );
        if is_server_side {
            self.write(Entry::Failed { method: name(method), error: status.message().to_owned() });
        }
    }

    /// A call met a fault of the program.
    pub(super) fn fault(&self, method: &str) {
        self.write(Entry::Fault { method: name(method) });
    }

    fn write(&self, entry: Entry) {
        let mut lines = self.lines.lock();
        if lines.kept.len() < MAX_LINES {
            lines.kept.push_back(entry);
        } else {
            lines.lost += 1;
        }
    }

    pub(super) fn take(&self) -> Vec<Entry> {
        let Lines { kept, lost } = std::mem::take(&mut *self.lines.lock());
        let lost = (lost > 0).then_some(Entry::Lost { lines: lost });
        kept.into_iter().chain(lost).collect()
    }
}

/// The method alone; the caller gave the path, so it is cut.
fn name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_finds_no_room_the_number_is_told() {
        let journal = Journal::new(Calls::Failed);
        for _ in 0..MAX_LINES + 3 {
            journal.failed("/a.B/C", &Status::unavailable("away"));
        }
        let lines = journal.take();
        assert_eq!(lines.first(), Some(&Entry::Failed { method: "C".to_owned(), error: "away".to_owned() }));
        assert_eq!(lines.last(), Some(&Entry::Lost { lines: 3 }));
        assert_eq!(journal.take(), []);
    }

    #[test]
    fn what_the_caller_did_wrong_gets_no_line() {
        let journal = Journal::new(Calls::Failed);
        journal.end("/a.B/C", journal.begin(), Some(&Status::invalid_argument("no name")));
        assert_eq!(journal.take(), []);
    }
}
