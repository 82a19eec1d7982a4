//! One account of a replica: what may be asked of it and said to it, without waiting for the store.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arbiter_core::{
    customer::Pool,
    ledger::{Counts, Ledger, LedgerError, lease_field},
};
use parking_lot::Mutex;

use super::{
    AccountSpec, FORGET_MS, FRESH_MS, Holding, IDLE_MS,
    held::{Block, Held, Known, Plan, Replica, Wish},
    taken::Charge,
};

/// Milliseconds that the ticker saw pass: no clock of the wall, and none that another replica must share.
#[derive(Debug, Default)]
pub(super) struct Clock(AtomicU64);

impl Clock {
    pub(super) fn advance(&self, elapsed_ms: u64) {
        self.0.fetch_add(elapsed_ms, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What became of the commit that took places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was made.
    Done,
    /// It was not made.
    NotMade,
    /// It was not made, because a lease of it is fenced.
    Fenced,
    /// Nobody knows.
    Unsure,
}

/// One account of this replica.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) name: Arc<str>,
    /// Held while this replica speaks with the store about the account, so that what it hears comes in order.
    pub(super) turn: tokio::sync::Mutex<()>,
    clock: Arc<Clock>,
    held: Mutex<Held>,
}

impl Account {
    pub(super) fn new(name: &str, clock: Arc<Clock>) -> Self {
        Self { name: name.into(), turn: tokio::sync::Mutex::default(), clock, held: Mutex::default() }
    }

    /// What is free of each pool of the account as this replica knows it; None where it knows nothing.
    pub(super) fn standing(&self, spec: &AccountSpec) -> Option<Vec<(Pool, i64)>> {
        let mut held = self.held.lock();
        held.asked_at = self.clock.now();
        held.keep_ms = spec.keep_ms;
        held.known.as_ref().map(|known| {
            let free = |pool| held.free(known, spec, pool);
            spec.limits.iter().map(|(pool, _)| (*pool, free(*pool))).collect()
        })
    }

    /// What is free of all pools together as this replica knows it; 0 where it knows nothing.
    pub(super) fn left(&self, spec: &AccountSpec) -> i64 {
        let held = self.held.lock();
        held.known.as_ref().map_or(0, |known| held.left(known, spec))
    }

    /// Whether the store said it less than [`FRESH_MS`] ago.
    pub(super) fn is_fresh(&self) -> bool {
        let held = self.held.lock();
        let now = self.clock.now();
        held.known
            .as_ref()
            .is_some_and(|known| !known.is_stale && now.saturating_sub(known.read_at) < FRESH_MS)
    }

    /// Take places from the replica's own block, where it has as many.
    pub(super) fn reserve(self: &Arc<Self>, wish: &Wish<'_>) -> Option<Charge> {
        let mut held = self.held.lock();
        held.keep_ms = wish.spec.keep_ms;
        let lease = held.reserve(wish, self.clock.now())?;
        Some(Charge {
            account: Arc::clone(self),
            pool: wish.pool,
            lease,
            field: lease_field(lease),
            amount: wish.amount,
            keep_ms: wish.spec.keep_ms,
        })
    }

    /// Say what became of places that were taken. A block that has ended meanwhile was settled by its fence.
    pub(super) fn say(&self, lease: u64, amount: i64, outcome: Outcome) {
        let mut held = self.held.lock();
        let now = self.clock.now();
        let Some(block) = held.blocks.iter_mut().find(|block| block.id == lease) else { return };
        block.in_flight -= amount;
        block.used_at = now;
        match outcome {
            Outcome::Done => {}
            Outcome::NotMade => block.used -= amount,
            Outcome::Unsure => block.is_unsure = true,
            Outcome::Fenced => {
                block.used -= amount;
                (block.is_unsure, block.is_ending) = (true, true);
            }
        }
    }

    /// A release that was committed gave so much back.
    pub(super) fn returned(&self, pool: Pool, amount: i64) {
        let mut held = self.held.lock();
        held.releases = held.releases.wrapping_add(1);
        if let Some(known) = &mut held.known {
            known.heard.give_back(pool, amount);
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.held.lock().known.is_some()
    }

    /// How many releases this replica has heard of: to be handed to [`Account::read`].
    pub(super) fn releases(&self) -> u64 {
        self.held.lock().releases
    }

    /// The store said this. A release that was heard of while it was asked may be in the counts or not: then they are not fresh.
    pub(super) fn read(&self, replica: Replica, version: u64, ledger: Ledger, counts: Counts, releases: u64) {
        let mut held = self.held.lock();
        let now = self.clock.now();
        let is_stale = held.releases != releases;
        let heard = counts.clone();
        held.known =
            Some(Known { version, ledger: Ledger::default(), counts, heard, read_at: now, is_stale });
        held.accept(replica, version, ledger, now);
    }

    /// Another replica's commit came first and left this. What was given back and lent again in it is not yet in the counts.
    pub(super) fn overtaken(&self, replica: Replica, version: u64, ledger: Ledger) {
        let mut held = self.held.lock();
        if let Some(known) = &mut held.known {
            known.is_stale |= known.version != version;
        }
        held.accept(replica, version, ledger, self.clock.now());
    }

    /// Nobody knows whether the plan was made: what is known may be old.
    pub(super) fn doubt(&self) {
        if let Some(known) = &mut self.held.lock().known {
            known.is_stale = true;
        }
    }

    /// The plan was made; take the places that were wished for in the same moment.
    pub(super) fn made(
        self: &Arc<Self>,
        replica: Replica,
        plan: Plan,
        wish: Option<&Wish<'_>>,
    ) -> Option<Charge> {
        {
            let mut held = self.held.lock();
            let now = self.clock.now();
            held.blocks.extend(plan.opened);
            if plan.is_beat {
                held.beaten_at = now;
            }
            held.accept(replica, plan.version.saturating_add(1), plan.next, now);
        }
        wish.and_then(|wish| self.reserve(wish))
    }

    /// A block that runs out although some of it is unsure is not extended: it ends, so that what it strands stays within one block.
    pub(super) fn end_unsure(&self, pool: Pool) {
        let mut held = self.held.lock();
        for block in held.blocks.iter_mut().filter(|block| block.pool == pool && block.is_unsure) {
            block.is_ending = true;
        }
    }

    /// End all blocks.
    pub(super) fn end_all(&self) {
        self.held.lock().blocks.iter_mut().for_each(|block| block.is_ending = true);
    }

    /// Leases that are to end and whose final count only a fence tells: own unsure ones, and those of dead replicas.
    pub(super) fn to_fence(&self) -> Vec<u64> {
        let mut held = self.held.lock();
        let mut ids = Vec::new();
        for block in held.blocks.iter_mut().filter(|block| block.is_ending && block.taken().is_none()) {
            block.is_unsure = true;
            ids.push(block.id);
        }
        ids.extend(held.seen.iter().filter(|seen| seen.is_dead).map(|seen| seen.id));
        ids
    }

    /// The next ledger: with what is to end ended, and the wish granted where there is room. None where nothing is known.
    pub(super) fn plan(
        &self,
        replica: Replica,
        wish: Option<&Wish<'_>>,
        sums: &HashMap<u64, i64>,
    ) -> Result<Option<Plan>, LedgerError> {
        self.held.lock().plan(replica, wish, sums, self.clock.now())
    }

    /// Whether the ticker has something to do here, and when the store was last spoken with; blocks that are idle begin to end.
    pub(super) fn due(&self, replica: Replica) -> Option<u64> {
        let mut held = self.held.lock();
        let (now, asked_at) = (self.clock.now(), held.asked_at);
        for block in &mut held.blocks {
            let is_idle = block.in_flight == 0 && now.saturating_sub(block.used_at) >= IDLE_MS;
            let is_forgotten = now.saturating_sub(asked_at) >= FORGET_MS;
            // Where nobody else may lease, a block is in nobody's way; but its account is not kept in mind for ever.
            block.is_ending |= is_idle && (replica.is_shared || block.is_unsure || is_forgotten);
        }
        let is_due = held.blocks.iter().any(|block| block.is_ending)
            || held.seen.iter().any(|seen| seen.is_dead)
            || held.is_beat_due(replica, now)
            || held.is_watch_due(replica, now);
        is_due.then_some(held.spoken_at)
    }

    /// Whether the beats of other replicas are to be looked at again.
    pub(super) fn is_watch_due(&self, replica: Replica) -> bool {
        self.held.lock().is_watch_due(replica, self.clock.now())
    }

    /// Whether nobody would miss it: without blocks, and not asked for in a while.
    pub(super) fn is_idle(&self) -> bool {
        let held = self.held.lock();
        held.blocks.is_empty() && self.clock.now().saturating_sub(held.asked_at) >= FORGET_MS
    }

    /// When it was last asked for; None while it has blocks and must not be forgotten.
    pub(super) fn forgettable_since(&self) -> Option<u64> {
        let held = self.held.lock();
        held.blocks.is_empty().then_some(held.asked_at)
    }

    pub(super) fn has_blocks(&self) -> bool {
        !self.held.lock().blocks.is_empty()
    }

    pub(super) fn holdings(&self) -> Vec<Holding> {
        let held = self.held.lock();
        let holding = |block: &Block| Holding {
            account: self.name.to_string(),
            pool: block.pool,
            amount: block.amount,
            consumed: block.used,
        };
        held.blocks.iter().map(holding).collect()
    }
}
