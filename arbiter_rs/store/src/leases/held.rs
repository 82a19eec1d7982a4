//! What a replica holds of one account, behind its lock: what the store said last, its own blocks, and the beats of others.

use std::collections::HashMap;

use arbiter_core::{
    customer::Pool,
    ledger::{Counts, Lease, Ledger, LedgerError, block},
};

use super::{AccountSpec, BEAT_MS, LEASE_MS, WATCH_MS};

/// Who asks, and how its store is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replica {
    pub(super) id: u64,
    pub(super) is_shared: bool,
}

/// Places of a pool that are wanted.
#[derive(Debug)]
pub(super) struct Wish<'a> {
    pub(super) spec: &'a AccountSpec,
    pub(super) pool: Pool,
    pub(super) amount: i64,
    /// The id of the lease, should one be opened.
    pub(super) lease: u64,
}

/// An open lease of this replica.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) id: u64,
    pub(super) pool: Pool,
    pub(super) amount: i64,
    /// Taken: committed, in flight or unsure.
    pub(super) used: i64,
    pub(super) in_flight: i64,
    /// What was taken under it must be asked of the store, behind a fence.
    pub(super) is_unsure: bool,
    /// Nothing more is taken from it.
    pub(super) is_ending: bool,
    pub(super) used_at: u64,
}

impl Block {
    pub(super) fn unused(&self) -> i64 {
        self.amount.saturating_sub(self.used)
    }

    /// What was taken under it, where this replica can say.
    pub(super) fn taken(&self) -> Option<i64> {
        (!self.is_unsure && self.in_flight == 0).then_some(self.used)
    }
}

/// A lease of another replica, and since when its beat is the same.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) id: u64,
    pub(super) beat: u64,
    pub(super) since: u64,
    pub(super) is_dead: bool,
}

/// What the store said last.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) version: u64,
    pub(super) ledger: Ledger,
    /// As they were read: they only grow, so leases go by them.
    pub(super) counts: Counts,
    /// With what this replica's releases gave back since.
    pub(super) heard: Counts,
    pub(super) read_at: u64,
    pub(super) is_stale: bool,
}

#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) known: Option<Known>,
    pub(super) blocks: Vec<Block>,
    pub(super) seen: Vec<Seen>,
    pub(super) releases: u64,
    pub(super) keep_ms: i64,
    pub(super) asked_at: u64,
    pub(super) beaten_at: u64,
    pub(super) spoken_at: u64,
}

/// What a replica would write next.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) version: u64,
    pub(super) next: Ledger,
    pub(super) keep_ms: i64,
    /// Whether anything differs from what is known.
    pub(super) is_change: bool,
    /// Whether the wish is in it.
    pub(super) has_room: bool,
    /// Fields of leases that end with it and that no commit can name any more.
    pub(super) settled: Vec<u64>,
    pub(super) opened: Option<Block>,
    pub(super) is_beat: bool,
}

impl Held {
    /// What nobody has taken and this replica may: what may still be lent, and what it has left itself.
    pub(super) fn free(&self, known: &Known, spec: &AccountSpec, pool: Pool) -> i64 {
        let own = self.blocks.iter().filter(|block| block.pool == pool);
        own.fold(known.ledger.room(&spec.limits, &known.heard, pool), |free, block| {
            free.saturating_add(block.unused())
        })
    }

    /// The same of all pools together.
    pub(super) fn left(&self, known: &Known, spec: &AccountSpec) -> i64 {
        let room = known.ledger.room_of_all(&spec.limits, &known.heard);
        self.blocks.iter().fold(room, |left, block| left.saturating_add(block.unused()))
    }

    pub(super) fn reserve(&mut self, wish: &Wish<'_>, now: u64) -> Option<u64> {
        self.asked_at = now;
        let free = self.known.as_ref().map(|known| self.free(known, wish.spec, wish.pool))?;
        let is_room = |block: &&mut Block| {
            block.pool == wish.pool
                && !block.is_ending
                && block.unused() >= wish.amount
                && free >= wish.amount
        };
        // INVARIANT: no more is taken under a lease than its amount in the store.
        let block = self.blocks.iter_mut().find(is_room)?;
        block.used = block.used.saturating_add(wish.amount);
        block.in_flight = block.in_flight.saturating_add(wish.amount);
        block.used_at = now;
        Some(block.id)
    }

    /// Take over what the store holds. It speaks with one voice: all that is heard of an account comes in order.
    pub(super) fn accept(&mut self, replica: Replica, version: u64, ledger: Ledger, now: u64) {
        let mine: HashMap<u64, (Pool, i64)> = ledger
            .leases()
            .filter(|(_, lease)| lease.replica == replica.id)
            .map(|(pool, lease)| (lease.id, (pool, lease.amount)))
            .collect();
        self.blocks.retain_mut(|block| {
            let open = mine.get(&block.id);
            block.amount = open.map_or(block.amount, |(_, amount)| *amount);
            open.is_some()
        });
        for (id, (pool, amount)) in mine {
            if !self.blocks.iter().any(|block| block.id == id) {
                // Of a commit without an answer, or of one that the store lost: it is not taken from, it ends behind a fence.
                let (is_unsure, is_ending) = (true, true);
                let (used, in_flight, used_at) = (0, 0, now);
                self.blocks.push(Block { id, pool, amount, used, in_flight, is_unsure, is_ending, used_at });
            }
        }
        let seen = |lease: &Lease| {
            let before = self.seen.iter().find(|seen| seen.id == lease.id && seen.beat == lease.beat);
            let since = before.map_or(now, |seen| seen.since);
            let is_dead = !replica.is_shared || now.saturating_sub(since) >= LEASE_MS;
            Seen { id: lease.id, beat: lease.beat, since, is_dead }
        };
        let others = ledger.leases().filter(|(_, lease)| lease.replica != replica.id);
        self.seen = others.map(|(_, lease)| seen(lease)).collect();
        if let Some(known) = &mut self.known {
            (known.version, known.ledger) = (version, ledger);
        }
        self.spoken_at = now;
    }

    pub(super) fn plan(
        &self,
        replica: Replica,
        wish: Option<&Wish<'_>>,
        sums: &HashMap<u64, i64>,
        now: u64,
    ) -> Result<Option<Plan>, LedgerError> {
        let Some(known) = &self.known else { return Ok(None) };
        let mut plan = Plan {
            version: known.version,
            next: known.ledger.clone(),
            keep_ms: self.keep_ms,
            is_change: false,
            has_room: false,
            settled: Vec::new(),
            opened: None,
            is_beat: false,
        };
        self.plan_ends(&mut plan, sums);
        if let Some(wish) = wish {
            self.plan_wish(&mut plan, replica, wish, &known.counts, now)?;
        }
        plan.is_beat = plan.has_room || self.is_beat_due(replica, now);
        if plan.is_beat {
            plan.next.beat(replica.id);
            plan.is_change = true;
        }
        Ok(Some(plan))
    }

    fn plan_ends(&self, plan: &mut Plan, sums: &HashMap<u64, i64>) {
        for block in self.blocks.iter().filter(|block| block.is_ending) {
            // INVARIANT: the own count is trusted only where every commit under the lease was answered.
            if let Some(taken) = block.taken() {
                plan.next.end(block.id, taken);
                plan.settled.push(block.id);
                plan.is_change = true;
            }
        }
        let ending = self.blocks.iter().filter(|block| block.is_ending && block.taken().is_none());
        let dead = self.seen.iter().filter(|seen| seen.is_dead).map(|seen| seen.id);
        for id in ending.map(|block| block.id).chain(dead) {
            if let Some(taken) = sums.get(&id) {
                plan.next.end(id, *taken);
                plan.is_change = true;
            }
        }
    }

    /// The unusable rest of the own block goes back and is lent again with what is free, in one: the block is extended.
    fn plan_wish(
        &self,
        plan: &mut Plan,
        replica: Replica,
        wish: &Wish<'_>,
        counts: &Counts,
        now: u64,
    ) -> Result<(), LedgerError> {
        let own = self.blocks.iter().find(|block| block.pool == wish.pool && !block.is_ending);
        let room = plan.next.room(&wish.spec.limits, counts, wish.pool);
        let rest = room.saturating_add(own.map_or(0, Block::unused));
        let Some(amount) = block(wish.amount, rest) else { return Ok(()) };
        if let Some(own) = own {
            plan.next.extend(own.id, own.used.saturating_add(amount));
        } else {
            let (id, pool) = (wish.lease, wish.pool);
            plan.next.open(pool, Lease { id, replica: replica.id, amount, beat: 0 })?;
            let (used, in_flight, used_at) = (0, 0, now);
            let (is_unsure, is_ending) = (false, false);
            plan.opened = Some(Block { id, pool, amount, used, in_flight, is_unsure, is_ending, used_at });
        }
        (plan.has_room, plan.is_change) = (true, true);
        Ok(())
    }

    pub(super) fn is_beat_due(&self, replica: Replica, now: u64) -> bool {
        let is_in_use = self.blocks.iter().any(|block| !block.is_ending);
        replica.is_shared && is_in_use && now.saturating_sub(self.beaten_at) >= BEAT_MS
    }

    pub(super) fn is_watch_due(&self, replica: Replica, now: u64) -> bool {
        let is_asked = now.saturating_sub(self.asked_at) < WATCH_MS;
        let is_old = now.saturating_sub(self.spoken_at) >= BEAT_MS;
        replica.is_shared && is_asked && is_old && !self.seen.is_empty()
    }
}
