//! The task behind a connection of the fast path: writes what was asked, reads what is answered, gives up what is late.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use redis::{ErrorKind, RedisError, Value};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
    time::Sleep,
};

use super::{
    gather::Gathered,
    line::{Answer, Duplex, Question, RESPONSE_TIMEOUT, Shared, gone},
    resp,
};

/// Bytes read at once, and what a buffer has at least.
const READ_BYTES: usize = 64 << 10;
/// A buffer that grew beyond this is let go of when it is empty.
const KEPT_BYTES: usize = 1 << 20;

/// When what was asked is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flush {
    /// When the task is polled: on a runtime of one thread that is after all tasks that were ready before.
    AtOnce,
    /// When it is polled next: a runtime of several threads runs the task that was woken last first.
    NextTurn,
}

/// What was written and is not answered.
#[derive(Debug)]
struct Sent {
    at: Instant,
    askers: Askers,
}

/// Who waits for a reply; nobody once it was given up.
#[derive(Debug)]
enum Askers {
    OfCommand(oneshot::Sender<Answer>),
    /// Of a call of the commit script, in the order of its answers.
    OfCommits(Vec<oneshot::Sender<Answer>>),
    GivenUp(usize),
}

impl Askers {
    fn count(&self) -> usize {
        match self {
            Self::OfCommand(_) => 1,
            Self::OfCommits(askers) => askers.len(),
            Self::GivenUp(count) => *count,
        }
    }

    fn fail(self, error: &RedisError) {
        // Whoever asked may have gone meanwhile, here and below.
        match self {
            Self::OfCommand(asker) => drop(asker.send(Err(error.clone()))),
            Self::OfCommits(askers) => {
                askers.into_iter().for_each(|asker| drop(asker.send(Err(error.clone()))));
            }
            Self::GivenUp(_) => {}
        }
    }

    fn answer(self, reply: Value) -> Result<(), RedisError> {
        match (self, reply) {
            (Self::OfCommand(asker), reply) => drop(asker.send(Ok(reply))),
            (Self::OfCommits(askers), Value::Array(replies)) => {
                if replies.len() != askers.len() {
                    return Err(no_redis());
                }
                let pairs = askers.into_iter().zip(replies);
                pairs.for_each(|(asker, reply)| drop(asker.send(Ok(reply))));
            }
            (Self::OfCommits(askers), refusal) => {
                askers.into_iter().for_each(|asker| drop(asker.send(Ok(refusal.clone()))));
            }
            (Self::GivenUp(_), _) => {}
        }
        Ok(())
    }
}

/// The state of the task.
pub(super) struct Traffic {
    stream: Box<dyn Duplex>,
    flush: Flush,
    /// The hash of the commit script.
    script: String,
    shared: Arc<Shared>,
    output: Vec<u8>,
    written: usize,
    input: Vec<u8>,
    filled: usize,
    sent: VecDeque<Sent>,
    /// Rings for the oldest that is not answered; it is not set anew for each.
    alarm: Pin<Box<Sleep>>,
    is_alarm_set: bool,
    /// Whether others had their turn since something was asked.
    has_yielded: bool,
}

impl Drop for Traffic {
    fn drop(&mut self) {
        // Also where the runtime ended with the task in the middle.
        self.shared.end();
    }
}

impl Traffic {
    pub(super) fn new(stream: Box<dyn Duplex>, flush: Flush, script: String, shared: Arc<Shared>) -> Self {
        let alarm = Box::pin(tokio::time::sleep(RESPONSE_TIMEOUT));
        Self {
            stream,
            flush,
            script,
            shared,
            output: Vec::new(),
            written: 0,
            input: Vec::new(),
            filled: 0,
            sent: VecDeque::new(),
            alarm,
            is_alarm_set: false,
            has_yielded: false,
        }
    }

    /// Until the line is closed and nothing is in flight, or until the connection breaks.
    pub(super) async fn run(mut self) {
        let end = poll_fn(|context| self.poll(context)).await;
        self.shared.close();
        let error = end.err().unwrap_or_else(gone);
        self.sent.drain(..).for_each(|sent| sent.askers.fail(&error));
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), RedisError>> {
        self.read(context)?;
        loop {
            if self.flush == Flush::NextTurn && !self.has_yielded && self.shared.is_asked() {
                self.has_yielded = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.has_yielded = false;
            let is_closed = self.gather();
            self.write(context)?;
            self.give_up(context);
            let is_over = |sent: &Sent| matches!(sent.askers, Askers::GivenUp(_));
            if is_closed && self.sent.iter().all(is_over) {
                return Poll::Ready(Ok(()));
            }
            if self.shared.rest(context, is_closed) {
                return Poll::Pending;
            }
        }
    }

    /// Put what was asked into the output, commits of several parties as one call; returns whether the line is closed.
    fn gather(&mut self) -> bool {
        let (asked, is_closed) = self.shared.take();
        if asked.is_empty() {
            return is_closed;
        }
        let at = Instant::now();
        let mut gathered = Gathered::default();
        for (question, asker) in asked {
            match question {
                Question::Command(command) => {
                    self.output.extend_from_slice(&command);
                    self.sent.push_back(Sent { at, askers: Askers::OfCommand(asker) });
                }
                Question::Commit(part) => {
                    if !gathered.has_room_for(&part) {
                        self.call(&mut gathered, at);
                    }
                    gathered.add(part, asker);
                }
            }
        }
        self.call(&mut gathered, at);
        is_closed
    }

    fn call(&mut self, gathered: &mut Gathered, at: Instant) {
        let askers = gathered.write(&self.script, &mut self.output);
        if !askers.is_empty() {
            self.sent.push_back(Sent { at, askers: Askers::OfCommits(askers) });
        }
    }

    fn write(&mut self, context: &mut Context<'_>) -> Result<(), RedisError> {
        while let Some(rest) = self.output.get(self.written..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut self.stream).poll_write(context, rest)? {
                Poll::Ready(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Poll::Ready(count) => self.written += count,
                Poll::Pending => return Ok(()),
            }
        }
        self.written = 0;
        self.output.clear();
        if self.output.capacity() > KEPT_BYTES {
            self.output = Vec::new();
        }
        Ok(())
    }

    fn read(&mut self, context: &mut Context<'_>) -> Result<(), RedisError> {
        loop {
            if self.input.len() - self.filled < READ_BYTES / 2 {
                self.input.resize((2 * self.input.len()).max(READ_BYTES), 0);
            }
            let mut room = ReadBuf::new(self.input.get_mut(self.filled..).unwrap_or_default());
            let Poll::Ready(end) = Pin::new(&mut self.stream).poll_read(context, &mut room) else {
                return Ok(());
            };
            end?;
            let count = room.filled().len();
            if count == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.filled += count;
            self.answer()?;
        }
    }

    /// Hand on the replies that are there in full.
    fn answer(&mut self) -> Result<(), RedisError> {
        let mut at = 0;
        while let Some(rest) = self.input.get(at..self.filled).filter(|rest| !rest.is_empty()) {
            let Some((reply, length)) = resp::read(rest).map_err(|resp::Malformed| no_redis())? else {
                break;
            };
            at += length;
            let sent = self.sent.pop_front().ok_or_else(no_redis)?;
            self.shared.make_room(sent.askers.count());
            sent.askers.answer(reply)?;
        }
        self.input.copy_within(at..self.filled, 0);
        self.filled -= at;
        if self.filled == 0 && self.input.len() > KEPT_BYTES {
            self.input = Vec::new();
        }
        Ok(())
    }

    /// Give up what was asked too long ago, and take no more questions: Redis may have done it, and nobody knows. What was asked
    /// later may still be answered.
    fn give_up(&mut self, context: &mut Context<'_>) {
        loop {
            let oldest = self.sent.iter().find(|sent| !matches!(sent.askers, Askers::GivenUp(_)));
            let Some(end) = oldest.map(|sent| sent.at + RESPONSE_TIMEOUT) else { return };
            if !self.is_alarm_set {
                self.alarm.as_mut().reset(end.into());
                self.is_alarm_set = true;
            }
            if self.alarm.as_mut().poll(context).is_pending() {
                return;
            }
            self.is_alarm_set = false;
            let now = Instant::now();
            let late = self.sent.iter_mut().take_while(|sent| sent.at + RESPONSE_TIMEOUT <= now);
            for sent in late {
                let count = sent.askers.count();
                let given_up = std::mem::replace(&mut sent.askers, Askers::GivenUp(count));
                given_up.fail(&io::Error::from(io::ErrorKind::TimedOut).into());
                self.shared.close();
            }
        }
    }
}

fn no_redis() -> RedisError {
    (ErrorKind::Parse, "not the protocol of Redis").into()
}
