//! A party's value while one request is decided on it: where it came from, and whether it is known to be the current one.

use std::time::Instant;

use super::{
    ArbiterError, plain,
    queues::{Known, Place, Queues},
};
use crate::{
    error::StoreError,
    store::{Commit, Store, Versioned},
    tally::Tally,
};

/// The value that a request is decided on.
///
/// It may be one that this process remembers and that another has changed since. A commit finds that out by itself; an answer
/// without a commit is given only where the value was the current one at some instant since the request came.
#[derive(Debug)]
pub(super) struct Held<'a, S> {
    store: &'a S,
    party: &'a str,
    stored: Versioned,
    /// When the request came; nothing where the store never waits, so that what it loaded is the current value.
    came: Option<Instant>,
    /// The value was the current one at some instant not before this.
    since: Option<Instant>,
    place: Option<Place<'a>>,
}

impl<'a, S: Store> Held<'a, S> {
    /// Wait for the party's queue where the store waits, and get hold of the value, asking the store only where nothing of it is known.
    pub(super) async fn enter(
        store: &'a S,
        queues: &'a Queues,
        party: &'a str,
    ) -> Result<Self, ArbiterError> {
        if !store.waits() {
            let stored = store.load(party).await?;
            return Ok(Self { store, party, stored, came: None, since: None, place: None });
        }
        let came = Instant::now();
        let mut place = queues.enter(party).await?;
        let known = place.take_known().map(|known| (known.stored, Some(known.since)));
        let known = known.or_else(|| store.recall(party).map(|stored| (stored, None)));
        let (stored, since) = match known {
            Some(known) => known,
            None => {
                let since = Instant::now();
                (store.load(party).await?, Some(since))
            }
        };
        Ok(Self { store, party, stored, came: Some(came), since, place: Some(place) })
    }

    pub(super) const fn stored(&self) -> &Versioned {
        &self.stored
    }

    /// Whether the value is the current one. Where that is not known, the store is asked; where it says otherwise, its value takes
    /// the place of the old one.
    pub(super) async fn is_current(&mut self) -> Result<bool, StoreError> {
        // INVARIANT: what is answered is true of the value at an instant between question and answer.
        let Some(came) = self.came else { return Ok(true) };
        if self.since.is_some_and(|since| since >= came) {
            return Ok(true);
        }
        let since = Instant::now();
        let current = self.store.load(self.party).await?;
        self.since = Some(since);
        let is_same = current == self.stored;
        self.stored = current;
        Ok(is_same)
    }

    /// Compare and set. After a conflict the current value is held.
    pub(super) async fn commit(
        &mut self,
        value: Vec<u8>,
        log: &[Vec<u8>],
        tallies: &[Tally<'_>],
    ) -> Result<Outcome, StoreError> {
        let since = self.came.map(|_| Instant::now());
        let made = match self.store.commit(self.party, self.stored.version, &value, log, tallies).await? {
            Commit::Done => {
                self.stored = Versioned { version: self.stored.version.saturating_add(1), bytes: value };
                Outcome::Done
            }
            Commit::Conflict(current) => {
                self.stored = current;
                Outcome::Conflict
            }
            Commit::Fenced => return Ok(Outcome::Fenced),
        };
        self.since = since;
        Ok(made)
    }
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Conflict,
    Fenced,
}

impl<S> Drop for Held<'_, S> {
    fn drop(&mut self) {
        let stored = std::mem::take(&mut self.stored);
        match &mut self.place {
            Some(place) => place.pass_on(self.since.map(|since| Known { stored, since })),
            None => plain::done_with(stored.bytes),
        }
    }
}
