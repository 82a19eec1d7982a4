//! Bodies through one call, as fast as they are answered: to fill a world, or to ask one key by several callers at once.

use std::{net::SocketAddr, time::Duration};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{
    error::LoadError,
    http2::{Answers, Broken, Connection, End, request_headers},
};

/// The longest that the pump waits for anything to come.
const SILENCE: Duration = Duration::from_secs(60);

struct Taker<'a> {
    take: &'a mut dyn FnMut(&[u8]),
    failure: Option<End>,
}

impl Answers<()> for Taker<'_> {
    fn message(&mut self, (): &mut (), body: &[u8]) {
        (self.take)(body);
    }

    fn end(&mut self, (): (), end: &End) {
        if end.status != 0 && self.failure.is_none() {
            self.failure = Some(end.clone());
        }
    }
}

/// Send every body (a whole gRPC message) to a unary method, at most `in_flight` at once over all connections.
///
/// `take` gets every answer's message. LoadError::Server at the first call that fails.
pub fn pump(
    address: SocketAddr,
    path: &str,
    connections: usize,
    in_flight: usize,
    bodies: &mut dyn Iterator<Item = Vec<u8>>,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), LoadError> {
    let headers = request_headers(&address.to_string(), path);
    let failed = |what: &str| LoadError::Server(format!("{path} at {address}: {what}"));
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(address).map_err(|error| failed(&format!("does not answer: {error}")))?);
    }
    let mut taker = Taker { take, failure: None };
    let mut is_over = false;
    loop {
        for connection in &mut open {
            while !is_over
                && connection.open_calls() < in_flight.div_ceil(connections)
                && connection.has_room()
            {
                match bodies.next() {
                    Some(body) => connection.ask(&headers, &body, ()),
                    None => is_over = true,
                }
            }
            connection.flush().map_err(|broken| failed(&broken.0))?;
        }
        if is_over && open.iter().all(|connection| connection.open_calls() == 0) {
            return Ok(());
        }
        wait(&open).map_err(|broken| failed(&broken.0))?;
        for connection in &mut open {
            connection.receive(&mut taker).map_err(|broken| failed(&broken.0))?;
        }
        if let Some(end) = taker.failure {
            return Err(failed(&format!("{}: {}", crate::figures::status_name(end.status), end.message)));
        }
    }
}

fn wait(open: &[Connection<()>]) -> Result<(), Broken> {
    let flags = |connection: &Connection<()>| {
        if connection.wants_to_write() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN }
    };
    let mut polled: Vec<PollFd<'_>> = open.iter().map(|each| PollFd::new(each, flags(each))).collect();
    let silence = Timespec { tv_sec: i64::try_from(SILENCE.as_secs()).unwrap_or(60), tv_nsec: 0 };
    match poll(&mut polled, Some(&silence)) {
        Ok(0) => Err(Broken(format!("no answer within {} s", SILENCE.as_secs()))),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(Broken(format!("waiting failed: {error}"))),
    }
}
