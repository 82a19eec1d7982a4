//! One queue for each party that is asked: what one request learnt of the value, the next goes on from.
//!
//! Where a store waits for a network, requests for one party that are decided at the same time would find that another
//! came first, all but one of them, and would be decided anew again and again. So they wait for each other, in the order in
//! which they came; other replicas are still told apart by the compare. Parties do not wait for each other.

use std::{
    hash::BuildHasher,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::OwnedMutexGuard;

use super::ArbiterError;
use crate::store::Versioned;

/// Parts with a lock of their own.
const SHARDS: usize = 64;
/// Requests for one party at once, the one that is decided included; further ones are told to ask again.
pub const MAX_PLACES: usize = 8_192;
/// How long one waits for one's turn at most.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// A value that was the current one at some instant not before `since`.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) stored: Versioned,
    pub(super) since: Instant,
}

/// All queues.
#[derive(Debug)]
pub(super) struct Queues {
    shards: Box<[Mutex<HashTable<Arc<Queue>>>]>,
    hasher: DefaultHashBuilder,
}

#[derive(Debug)]
struct Queue {
    party: Box<str>,
    hash: u64,
    /// How many hold or wait. Changed under the lock of the shard.
    places: AtomicUsize,
    turn: Arc<tokio::sync::Mutex<Option<Known>>>,
}

impl Default for Queues {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, hasher: DefaultHashBuilder::default() }
    }
}

impl Queues {
    /// Wait for one's turn.
    ///
    /// # Errors
    /// [`ArbiterError::Contended`] where too many wait already, or where the turn does not come in time.
    pub(super) async fn enter(&self, party: &str) -> Result<Place<'_>, ArbiterError> {
        let mut place = self.place(party).ok_or(ArbiterError::Contended)?;
        let turn = Arc::clone(&place.queue.turn);
        place.turn = match Arc::clone(&turn).try_lock_owned() {
            Ok(turn) => Some(turn),
            Err(_taken) => {
                let waited = tokio::time::timeout(MAX_WAIT, turn.lock_owned()).await;
                Some(waited.map_err(|_| ArbiterError::Contended)?)
            }
        };
        Ok(place)
    }

    fn place(&self, party: &str) -> Option<Place<'_>> {
        let hash = self.hasher.hash_one(party);
        let mut shard = self.shard(hash)?;
        let found = shard.find(hash, |queue| *queue.party == *party);
        let queue = match found {
            Some(queue) if queue.places.load(Ordering::Relaxed) >= MAX_PLACES => return None,
            Some(queue) => Arc::clone(queue),
            None => {
                let queue = Arc::new(Queue {
                    party: party.into(),
                    hash,
                    places: AtomicUsize::new(0),
                    turn: Arc::default(),
                });
                shard.insert_unique(hash, Arc::clone(&queue), |queue| queue.hash);
                queue
            }
        };
        queue.places.fetch_add(1, Ordering::Relaxed);
        Some(Place { queues: self, queue, turn: None })
    }

    fn shard(&self, hash: u64) -> Option<MutexGuard<'_, HashTable<Arc<Queue>>>> {
        // The table goes by the lowest and the highest bits.
        let index = usize::try_from(hash >> 32).unwrap_or_default() % SHARDS;
        self.shards.get(index).map(Mutex::lock)
    }
}

/// A place in the queue of a party; the turn too, once it has come.
#[derive(Debug)]
pub(super) struct Place<'a> {
    queues: &'a Queues,
    queue: Arc<Queue>,
    turn: Option<OwnedMutexGuard<Option<Known>>>,
}

impl Place<'_> {
    /// What the one before knew last.
    pub(super) fn take_known(&mut self) -> Option<Known> {
        self.turn.as_mut().and_then(|turn| turn.take())
    }

    /// Tell the next one, where there is one.
    pub(super) fn pass_on(&mut self, known: Option<Known>) {
        if let Some(turn) = &mut self.turn {
            **turn = known;
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.turn = None;
        let Some(mut shard) = self.queues.shard(self.queue.hash) else { return };
        if self.queue.places.fetch_sub(1, Ordering::Relaxed) == 1 {
            let is_own = |queue: &Arc<Queue>| Arc::ptr_eq(queue, &self.queue);
            if let Ok(found) = shard.find_entry(self.queue.hash, is_own) {
                found.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_like::now_or_never;

    /// What a future gives without waiting.
    mod futures_like {
        use std::{
            future::Future,
            pin::pin,
            task::{Context, Poll, Waker},
        };

        pub(super) fn now_or_never<T>(future: impl Future<Output = T>) -> Option<T> {
            match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(value) => Some(value),
                Poll::Pending => None,
            }
        }
    }

    fn held(queues: &Queues) -> usize {
        queues.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    #[tokio::test]
    async fn one_after_the_other_and_each_party_for_itself() {
        let queues = Queues::default();
        let first = now_or_never(queues.enter("p")).unwrap().unwrap();
        let other = now_or_never(queues.enter("q")).unwrap().unwrap();
        assert!(now_or_never(queues.enter("p")).is_none(), "who gives up has waited in vain");
        drop(first);
        drop(now_or_never(queues.enter("p")).unwrap().unwrap());
        assert_eq!(held(&queues), 1);
        drop(other);
        assert_eq!(held(&queues), 0, "nothing is left behind");
    }

    #[tokio::test]
    async fn the_next_one_learns_what_was_known_last() {
        let queues = Arc::new(Queues::default());
        let mut first = queues.enter("p").await.unwrap();
        let next = tokio::spawn({
            let queues = Arc::clone(&queues);
            async move { queues.enter("p").await.unwrap().take_known().map(|known| known.stored) }
        });
        tokio::task::yield_now().await;
        let stored = Versioned { version: 3, bytes: b"v".to_vec() };
        first.pass_on(Some(Known { stored: stored.clone(), since: Instant::now() }));
        drop(first);
        assert_eq!(next.await.unwrap(), Some(stored));
        assert!(queues.enter("p").await.unwrap().take_known().is_none(), "nobody waited for it");
    }

    #[test]
    fn a_queue_has_a_maximum() {
        let queues = Queues::default();
        let places: Vec<_> = (0..MAX_PLACES).map(|_| queues.place("p").unwrap()).collect();
        assert!(matches!(now_or_never(queues.enter("p")), Some(Err(ArbiterError::Contended))));
        assert!(matches!(now_or_never(queues.enter("q")), Some(Ok(_))));
        drop(places);
        assert!(matches!(now_or_never(queues.enter("p")), Some(Ok(_))));
    }
}
