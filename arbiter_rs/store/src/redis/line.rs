//! One connection of the fast path: what is asked within a turn of the loop is written at once, and answered in its order.

use std::{
    io,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use parking_lot::Mutex;
use redis::{RedisError, Value};
use tokio::sync::{Semaphore, oneshot};

use super::{
    gather::Part,
    traffic::{Flush, Traffic},
};

/// How long an answer may take.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_millis(1_000);
/// Questions that a connection has in flight at most; further ones wait.
const MAX_IN_FLIGHT: usize = 4_096;

/// A reply, or why there is none.
pub(crate) type Answer = Result<Value, RedisError>;

/// What is asked of Redis.
#[derive(Debug)]
pub(crate) enum Question {
    /// A command as it is written.
    Command(Vec<u8>),
    /// One party's part of a call of the commit script.
    Commit(Part),
}

/// A question and who waits for its answer.
pub(super) type Ask = (Question, oneshot::Sender<Answer>);

/// What was not asked, because the line takes no more questions.
#[derive(Debug)]
pub(crate) struct Closed(pub(crate) Question);

/// A connection. What holds it may be on any thread; what reads and writes is a task of the runtime that opened it.
#[derive(Debug)]
pub(crate) struct Line {
    shared: Arc<Shared>,
}

/// What a line and its task share.
#[derive(Debug)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    room: Semaphore,
}

#[derive(Debug, Default)]
struct Queue {
    asked: Vec<Ask>,
    is_closed: bool,
    /// Set while the task has nothing to do.
    task: Option<Waker>,
}

impl Line {
    /// Write and read on a connection from here on, in a task of the current runtime.
    pub(crate) fn new(stream: impl Duplex + 'static, flush: Flush, script: &str) -> Self {
        let shared = Arc::new(Shared { queue: Mutex::default(), room: Semaphore::new(MAX_IN_FLIGHT) });
        let traffic = Traffic::new(Box::new(stream), flush, script.to_owned(), Arc::clone(&shared));
        drop(tokio::spawn(traffic.run()));
        Self { shared }
    }

    /// Ask, and wait for the answer. A question that was not sent is given back.
    ///
    /// Nothing is sent twice: what was not answered may have been done.
    pub(crate) async fn ask(&self, question: Question) -> Result<Answer, Closed> {
        match self.shared.room.acquire().await {
            // The answer makes room again.
            Ok(room) => room.forget(),
            Err(_closed) => return Err(Closed(question)),
        }
        let (asker, answer) = oneshot::channel();
        let task = {
            let mut queue = self.shared.queue.lock();
            if queue.is_closed {
                return Err(Closed(question));
            }
            queue.asked.push((question, asker));
            queue.task.take()
        };
        if let Some(task) = task {
            task.wake();
        }
        Ok(answer.await.unwrap_or_else(|_| Err(gone())))
    }

    /// Whether it takes questions.
    pub(crate) fn is_open(&self) -> bool {
        !self.shared.queue.lock().is_closed
    }

    /// Take no more questions; those in flight are answered, or given up in their time.
    pub(crate) fn close(&self) {
        self.shared.close();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// What was asked since the last time, and whether the line takes no more.
    pub(super) fn take(&self) -> (Vec<Ask>, bool) {
        let mut queue = self.queue.lock();
        (std::mem::take(&mut queue.asked), queue.is_closed)
    }

    /// Whether anything was asked since it was taken.
    pub(super) fn is_asked(&self) -> bool {
        !self.queue.lock().asked.is_empty()
    }

    /// Have the task woken by the next question, or by the end of the line where it has not seen that yet; returns whether
    /// there is nothing of it already.
    pub(super) fn rest(&self, context: &Context<'_>, has_seen_end: bool) -> bool {
        let mut queue = self.queue.lock();
        let is_idle = queue.asked.is_empty() && queue.is_closed == has_seen_end;
        if is_idle {
            queue.task = Some(context.waker().clone());
        }
        is_idle
    }

    /// So many questions are in flight no more.
    pub(super) fn make_room(&self, questions: usize) {
        self.room.add_permits(questions);
    }

    /// Take no more questions.
    pub(super) fn close(&self) {
        let task = {
            let mut queue = self.queue.lock();
            queue.is_closed = true;
            queue.task.take()
        };
        self.room.close();
        if let Some(task) = task {
            task.wake();
        }
    }

    /// The task is over: whoever asked what was never sent learns it.
    pub(super) fn end(&self) {
        self.close();
        let asked = std::mem::take(&mut self.queue.lock().asked);
        drop(asked);
    }
}

/// A connection gone before it answered.
pub(super) fn gone() -> RedisError {
    io::Error::from(io::ErrorKind::ConnectionAborted).into()
}

/// Bytes both ways.
pub(crate) trait Duplex: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Duplex for T {}
