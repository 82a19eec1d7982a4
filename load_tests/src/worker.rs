//! One worker: a thread that sends each question at its instant, reads what came, and never waits for an answer.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::mpsc::Sender,
    thread,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{
    arrivals::Instants,
    desk::{About, DRAIN, Desk, Tag},
    figures::Figures,
    http2::{Broken, Connection, request_headers},
    numbers::ns,
    profile::VERBS,
};

const SLICE_NS: u64 = 1_000_000_000;
const RETRY_NS: u64 = 200_000_000;
/// Failures to connect in a row, of one connection, after which the server is taken for gone.
const RETRIES: u32 = 25;
/// Calls sent between two looks at what came, so that a burst does not keep answers waiting.
const SENT_AT_ONCE: usize = 256;
const UNAVAILABLE: u32 = 14;
const DEADLINE_EXCEEDED: u32 = 4;
const STREAM: usize = 6;

/// When a worker asks.
#[derive(Debug)]
pub enum Pace {
    /// At these instants, whatever comes back.
    Open(Instants),
    /// So many calls in flight on every connection, for so long: each answer lets one more go.
    Closed {
        /// Calls on one connection.
        in_flight: usize,
        /// How long.
        lasts: Duration,
    },
}

/// What was counted in one second.
#[derive(Debug)]
pub struct Slice {
    /// Seconds from the start.
    pub second: u64,
    /// The counts.
    pub figures: Figures,
}

/// Where and how questions are sent.
#[derive(Debug, Clone)]
pub struct Target {
    /// The server.
    pub address: SocketAddr,
    /// Connections of one worker.
    pub connections: usize,
    /// The paths by verb: those of Répit, then the canned one.
    pub headers: Vec<Vec<u8>>,
}

impl Target {
    /// Répit, or whoever answers at this path.
    pub fn new(address: SocketAddr, connections: usize, canned_path: &str) -> Self {
        let authority = address.to_string();
        let rpcs = [
            "RequestContact",
            "CheckContact",
            "ConfirmContact",
            "ReleaseContact",
            "RecordEngagements",
            "BatchRequestContacts",
            "StreamRequestContacts",
        ];
        let paths = rpcs.iter().map(|rpc| format!("/repit.v1.ArbitrationService/{rpc}"));
        let paths = paths.chain([canned_path.to_owned()]);
        Self { address, connections, headers: paths.map(|path| request_headers(&authority, &path)).collect() }
    }
}

struct Link {
    connection: Option<Connection<Tag>>,
    stream: Option<u32>,
    retry_ns: u64,
    failures: u32,
}

/// One worker.
pub struct Worker {
    target: Target,
    links: Vec<Link>,
    desk: Desk,
    cursor: usize,
    body: Vec<u8>,
    slices: Sender<Slice>,
    second: u64,
}

impl Worker {
    /// Connect; Broken where the server is not there.
    pub fn connect(target: Target, desk: Desk, slices: Sender<Slice>) -> Result<Self, Broken> {
        let open = |_| {
            let connection = Connection::open(target.address)
                .map_err(|error| Broken(format!("`{}` does not answer: {error}", target.address)))?;
            Ok(Link { connection: Some(connection), stream: None, retry_ns: 0, failures: 0 })
        };
        let links = (0..target.connections).map(open).collect::<Result<_, Broken>>()?;
        Ok(Self { target, links, desk, cursor: 0, body: Vec::new(), slices, second: 0 })
    }

    /// Ask until the schedule is over and the answers are in, or ten seconds more have passed.
    pub fn run(mut self, pace: Pace) -> Result<(), Broken> {
        // A sleeping thread is woken 50 µs late unless it says that it minds.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        // The clock begins at 0: what is sent before it would have been answered in no time.
        while let Some(left) =
            self.desk.start().checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        {
            thread::park_timeout(left);
        }
        match pace {
            Pace::Open(instants) => self.run_open(instants)?,
            Pace::Closed { in_flight, lasts } => self.run_closed(in_flight, lasts)?,
        }
        self.drain()?;
        self.ship(self.second);
        Ok(())
    }

    fn run_open(&mut self, mut instants: Instants) -> Result<(), Broken> {
        let mut due = instants.next();
        // Instants that have passed while no connection had room: they keep their time.
        let mut waiting: VecDeque<u64> = VecDeque::new();
        while due.is_some() || !waiting.is_empty() {
            let now = self.turn_of_time();
            while let Some(at) = due.filter(|at| *at <= now) {
                waiting.push_back(at);
                due = instants.next();
            }
            for _ in 0..SENT_AT_ONCE {
                let Some(&at) = waiting.front() else { break };
                if !self.ask_at(at) {
                    break;
                }
                waiting.pop_front();
            }
            let has_room = self.flush() && self.links.iter().any(Link::has_room);
            let until = if waiting.is_empty() { due } else { has_room.then_some(0) };
            self.wait(until)?;
        }
        Ok(())
    }

    fn run_closed(&mut self, in_flight: usize, lasts: Duration) -> Result<(), Broken> {
        let end = ns(self.desk.start().elapsed()) + ns(lasts);
        for _ in 0..in_flight * self.links.len() {
            let now = self.turn_of_time();
            self.ask_at(now);
        }
        loop {
            self.flush();
            self.desk.ended = 0;
            self.wait(Some(end))?;
            let now = self.turn_of_time();
            if now >= end {
                return Ok(());
            }
            for _ in 0..self.desk.ended {
                self.ask_at(now);
            }
        }
    }

    /// Read the clock; ship what is counted at the end of each second.
    fn turn_of_time(&mut self) -> u64 {
        let now = self.desk.read_clock();
        while now >= (self.second + 1) * SLICE_NS {
            self.ship(self.second);
            self.second += 1;
        }
        now
    }

    fn ship(&mut self, second: u64) {
        let figures = std::mem::take(&mut self.desk.figures);
        // Whoever listens may have gone already.
        let _ = self.slices.send(Slice { second, figures });
    }

    /// Send the next question; false where no connection has room. Where none is up the call has failed.
    fn ask_at(&mut self, at_ns: u64) -> bool {
        let count = self.links.len();
        let next = (0..count)
            .map(|step| (self.cursor + step) % count)
            .find(|&place| self.links.get(place).is_some_and(Link::has_room));
        let Some(place) = next else {
            let is_down = self.links.iter().all(|link| link.connection.is_none());
            if is_down {
                self.desk.unanswered(UNAVAILABLE, "no connection to the server");
                self.desk.figures.sent += 1;
            }
            return is_down;
        };
        self.cursor = place + 1;
        let question = self.desk.next(&mut self.body);
        let sent_ns = self.desk.read_clock();
        self.desk.figures.sent += 1;
        let late_ns = sent_ns.saturating_sub(at_ns).max(1);
        // It grows with what comes.
        let _ = self.desk.figures.lateness_ns.record(late_ns);
        let tag = Tag { at_ns, sent_ns, verb: question.verb, about: question.about };
        let headers = self.target.headers.get(tag.verb).map(Vec::as_slice).unwrap_or_default();
        if let Some(link) = self.links.get_mut(place) {
            link.send(headers, &self.body, tag);
        }
        true
    }

    fn flush(&mut self) -> bool {
        let mut is_written = true;
        for link in &mut self.links {
            let flushed = link.connection.as_mut().map_or(Ok(true), Connection::flush);
            match flushed {
                Ok(whole) => is_written &= whole,
                Err(broken) => link.give_up(&broken, &mut self.desk),
            }
        }
        is_written
    }

    /// Wait for answers, for room to write, or for the instant; then read what came.
    fn wait(&mut self, until_ns: Option<u64>) -> Result<(), Broken> {
        let now = self.turn_of_time();
        let slice_end = (self.second + 1) * SLICE_NS;
        let until = until_ns.unwrap_or(slice_end).min(slice_end).min(now + RETRY_NS);
        let left = Duration::from_nanos(until.saturating_sub(now));
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(0),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut polled = Vec::with_capacity(self.links.len());
        let mut places = Vec::with_capacity(self.links.len());
        for (place, link) in self.links.iter().enumerate() {
            if let Some(connection) = &link.connection {
                let mut flags = PollFlags::IN;
                if connection.wants_to_write() {
                    flags |= PollFlags::OUT;
                }
                polled.push(PollFd::new(connection, flags));
                places.push(place);
            }
        }
        match poll(&mut polled, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Broken(format!("waiting for answers failed: {error}"))),
        }
        let readable = polled
            .iter()
            .map(|each| each.revents().intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR));
        let readable: Vec<usize> =
            places.into_iter().zip(readable).filter(|(_, is)| *is).map(|(place, _)| place).collect();
        let now = self.turn_of_time();
        for place in readable {
            let Some(link) = self.links.get_mut(place) else { continue };
            if let Some(Err(broken)) =
                link.connection.as_mut().map(|connection| connection.receive(&mut self.desk))
            {
                link.give_up(&broken, &mut self.desk);
            }
        }
        self.links.iter_mut().for_each(|link| link.renew(self.target.address, now));
        if let Some(link) = self.links.iter().find(|link| link.failures > RETRIES) {
            return Err(Broken(format!(
                "the server at {} is gone: {} attempts to connect failed",
                self.target.address, link.failures
            )));
        }
        Ok(())
    }

    /// Close the streams, wait for what is still to come, and count what did not come.
    fn drain(&mut self) -> Result<(), Broken> {
        for link in &mut self.links {
            if let (Some(connection), Some(id)) = (&mut link.connection, link.stream.take()) {
                connection.send(id, &[], true);
            }
        }
        let end = self.desk.read_clock() + ns(DRAIN);
        while self.links.iter().any(|link| link.connection.as_ref().is_some_and(|each| each.open_calls() > 0))
        {
            self.flush();
            self.wait(Some(end))?;
            if self.desk.now_ns >= end {
                break;
            }
        }
        let late = Broken("no answer within ten seconds of the end".to_owned());
        for connection in self.links.iter_mut().filter_map(|link| link.connection.take()) {
            connection.abandon(DEADLINE_EXCEEDED, &late, &mut self.desk);
        }
        Ok(())
    }
}

impl Link {
    fn has_room(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::has_room)
    }

    fn send(&mut self, headers: &[u8], body: &[u8], tag: Tag) {
        let Some(connection) = &mut self.connection else { return };
        if VERBS.get(tag.verb) != Some(&"stream") {
            connection.ask(headers, body, tag);
            return;
        }
        let About::One(asked) = tag.about else { return };
        let id = match self.stream {
            Some(id) if connection.tag(id).is_some() => id,
            _ => connection.open_stream(
                headers,
                Tag { at_ns: 0, sent_ns: 0, verb: STREAM, about: About::Stream(VecDeque::new()) },
            ),
        };
        self.stream = Some(id);
        if let Some(Tag { about: About::Stream(waiting), .. }) = connection.tag(id) {
            waiting.push_back((tag.at_ns, tag.sent_ns, asked));
        }
        connection.send(id, body, false);
    }

    /// The connection is lost: its calls have failed.
    fn give_up(&mut self, broken: &Broken, desk: &mut Desk) {
        if let Some(connection) = self.connection.take() {
            connection.abandon(UNAVAILABLE, broken, desk);
        }
        (self.stream, self.retry_ns) = (None, 0);
    }

    /// Connect anew where the connection is lost, or where the server said goodbye and everything is answered.
    fn renew(&mut self, address: SocketAddr, now_ns: u64) {
        let is_over = self.connection.as_ref().is_none_or(|each| each.is_leaving() && each.open_calls() == 0);
        if !is_over || now_ns < self.retry_ns {
            return;
        }
        (self.connection, self.stream, self.retry_ns) =
            (Connection::open(address).ok(), None, now_ns + RETRY_NS);
        self.failures = if self.connection.is_some() { 0 } else { self.failures + 1 };
    }
}
