//! A second catalog that decides beside the active one, on the same states, acts on nothing, and tells what would have changed.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use arbiter_core::{
    catalog::Snapshot,
    compiled::CompiledCatalog,
    customer::CustomerState,
    decide::{Outcome, decide},
    decision::{Decision, Denial, Reason},
    request::{Purpose, Request},
    time::Timestamp,
};
use parking_lot::Mutex;

use super::{Arbiter, ArbiterError, MAX_ATTEMPTS, scarce, scarce::Scarce};
use crate::store::Store;

/// How many decisions that differ are kept to be shown, the latest ones.
const MAX_SAMPLES: usize = 20;
/// How many rules are counted at most; denials by further ones are not told apart by rule.
const MAX_RULES: usize = 4_096;

/// The second catalog and what it would have changed so far.
#[derive(Debug)]
pub struct Shadow {
    compiled: CompiledCatalog,
    start: Timestamp,
    /// The snapshot for the active version that it was made for: names and terms go on from the active ones.
    snapshot: Mutex<Option<(u64, Arc<Snapshot>)>>,
    counts: Mutex<ShadowReport>,
}

/// How often a reason or rule was the first to deny.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DenialCount {
    /// Under the active catalog.
    pub active: u64,
    /// Under the second.
    pub shadow: u64,
    /// Of the active ones: granted by the second.
    pub only_active: u64,
    /// Of the second's: granted by the active one.
    pub only_shadow: u64,
}

/// One decision that differs.
#[derive(Clone, Debug)]
pub struct ShadowSample {
    /// The customer.
    pub customer: String,
    /// The campaign of the candidate.
    pub campaign: String,
    /// Its channel.
    pub channel: String,
    /// When it was asked.
    pub asked: Timestamp,
    /// The first denial of the active catalog; nothing for a grant.
    pub active: Option<Denial>,
    /// The first denial of the second catalog; nothing for a grant.
    pub shadow: Option<Denial>,
    /// The active catalog.
    pub active_snapshot: Arc<Snapshot>,
    /// The second catalog.
    pub shadow_snapshot: Arc<Snapshot>,
}

/// What would have changed.
#[derive(Clone, Debug, Default)]
pub struct ShadowReport {
    /// When it began.
    pub start: Option<Timestamp>,
    /// Requests decided under both.
    pub requests: u64,
    /// Requests that were not compared.
    pub left_out: u64,
    /// Decisions compared.
    pub decisions: u64,
    /// The same verdict, reasons and rules.
    pub same: u64,
    /// Granted by the active catalog alone.
    pub only_active: u64,
    /// Granted by the second alone.
    pub only_shadow: u64,
    /// Denied by both, otherwise.
    pub other_reasons: u64,
    /// By first reason.
    pub reasons: BTreeMap<Reason, DenialCount>,
    /// By reason, policy and rule of the first denial.
    pub rules: HashMap<(Reason, String, String), DenialCount>,
    /// The latest that differ, newest first.
    pub samples: VecDeque<ShadowSample>,
    /// Spent deciding under the active catalog, nanoseconds.
    pub active_ns: u64,
    /// Spent deciding under the second.
    pub shadow_ns: u64,
}

/// The state before a decision, while a shadow runs, and how long the decision took.
pub(super) struct Before {
    state: CustomerState,
    begun: Instant,
    took_ns: u64,
}

impl Before {
    /// The decision under the active catalog was made.
    pub(super) fn decided(mut self) -> Self {
        self.took_ns = nanoseconds(self.begun);
        self
    }
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl Shadow {
    fn snapshot(&self, active: &Snapshot) -> Result<Arc<Snapshot>, ArbiterError> {
        let mut held = self.snapshot.lock();
        if let Some((version, snapshot)) = held.as_ref()
            && *version == active.version
        {
            return Ok(Arc::clone(snapshot));
        }
        let mut register = active.register.clone();
        register.admit(&self.compiled, active.version);
        // Claims of campaigns that the second catalog does not have are no less live under the active one.
        register.withdrawn.clone_from(&active.register.withdrawn);
        let snapshot = Arc::new(Snapshot::compile(active.version, &self.compiled, register)?);
        *held = Some((active.version, Arc::clone(&snapshot)));
        Ok(snapshot)
    }
}

impl<S: Store> Arbiter<S> {
    /// Let a second catalog decide beside the active one from here on.
    ///
    /// # Errors
    /// [`ArbiterError::Catalog`] where it does not hold together, [`ArbiterError::ShadowRuns`] where one runs already.
    pub fn start_shadow(&self, compiled: &[u8], now: Timestamp) -> Result<(), ArbiterError> {
        let compiled = serde_json::from_slice(compiled)
            .map_err(|error| ArbiterError::Catalog(format!("not a compiled catalog: {error}")))?;
        let counts = ShadowReport { start: Some(now), ..ShadowReport::default() };
        let shadow = Shadow { compiled, start: now, snapshot: Mutex::default(), counts: Mutex::new(counts) };
        shadow.snapshot(&*self.snapshot()?)?;
        let shadow = Arc::new(shadow);
        let held = self.shadow.compare_and_swap(&None::<Arc<Shadow>>, Some(shadow));
        if held.is_none() { Ok(()) } else { Err(ArbiterError::ShadowRuns) }
    }

    /// What would have changed so far.
    ///
    /// # Errors
    /// [`ArbiterError::NoShadow`] where none runs.
    pub fn shadow_report(&self) -> Result<ShadowReport, ArbiterError> {
        let shadow = self.shadow.load_full().ok_or(ArbiterError::NoShadow)?;
        let report = shadow.counts.lock().clone();
        Ok(ShadowReport { start: Some(shadow.start), ..report })
    }

    /// End it.
    pub fn stop_shadow(&self) {
        self.shadow.store(None);
    }

    /// The state that a decision is about to be made on, where a shadow wants to know it.
    pub(super) fn before(&self, state: &CustomerState) -> Option<Before> {
        let is_wanted = self.shadow.load().is_some();
        is_wanted.then(|| Before { state: state.clone(), begun: Instant::now(), took_ns: 0 })
    }

    /// Decide the same under the second catalog, and count what differs. What it says never changes an answer.
    pub(super) async fn compare(
        &self,
        before: Option<Before>,
        request: &Request<'_>,
        outcome: &Outcome,
        active: &Arc<Snapshot>,
        now: Timestamp,
    ) {
        let (Some(before), Some(shadow)) = (before, self.shadow.load_full()) else { return };
        let is_repeat = |decision: &Decision| decision.grant.as_ref().is_some_and(|grant| grant.is_repeat);
        let compared = if outcome.decisions.iter().any(is_repeat) {
            None
        } else {
            self.decide_in_shadow(&shadow, &before.state, request, active, now).await.ok()
        };
        let mut counts = shadow.counts.lock();
        let Some((decisions, snapshot, took_ns)) = compared else {
            counts.left_out += 1;
            return;
        };
        counts.requests += 1;
        counts.active_ns += before.took_ns;
        counts.shadow_ns += took_ns;
        for ((candidate, left), right) in request.candidates.iter().zip(&outcome.decisions).zip(&decisions) {
            let sides = [(left, active), (right, &snapshot)];
            if counts.note(sides) {
                let first = |decision: &Decision| {
                    let denial = decision.denials.first()?;
                    Some(Denial { contacts: Vec::new(), ..denial.clone() })
                };
                counts.samples.truncate(MAX_SAMPLES - 1);
                counts.samples.push_front(ShadowSample {
                    customer: request.customer.to_owned(),
                    campaign: candidate.campaign.to_owned(),
                    channel: candidate.channel.to_owned(),
                    asked: now,
                    active: first(left),
                    shadow: first(right),
                    active_snapshot: Arc::clone(active),
                    shadow_snapshot: Arc::clone(&snapshot),
                });
            }
        }
    }

    async fn decide_in_shadow(
        &self,
        shadow: &Shadow,
        before: &CustomerState,
        request: &Request<'_>,
        active: &Snapshot,
        now: Timestamp,
    ) -> Result<(Vec<Decision>, Arc<Snapshot>, u64), ArbiterError> {
        let snapshot = shadow.snapshot(active)?;
        let request = Request { purpose: Purpose::Check, ..request.clone() };
        let (mut scarce, mut took_ns) = (Scarce::default(), 0);
        for _ in 0..MAX_ATTEMPTS {
            let begun = Instant::now();
            let mut state = before.clone();
            let outcome = decide(&snapshot, &mut state, &request, &mut scarce.standings, now)?;
            took_ns += nanoseconds(begun);
            if self.is_settled(&snapshot, &mut scarce, scarce::denies(&outcome), now).await? {
                return Ok((outcome.decisions, snapshot, took_ns));
            }
        }
        Err(ArbiterError::Contended)
    }
}

/// Reason, policy and rule of a denial.
fn key(denial: &Denial, snapshot: &Snapshot) -> (Reason, String, String) {
    let rule = denial.rule.and_then(|order| snapshot.rules.get(order));
    let (policy, name) = rule.map(|rule| (rule.policy.clone(), rule.name.clone())).unwrap_or_default();
    (denial.reason, policy, name)
}

impl ShadowReport {
    /// Count one decision under both catalogs, the active one first; returns whether they differ.
    fn note(&mut self, [active, shadow]: [(&Decision, &Arc<Snapshot>); 2]) -> bool {
        self.decisions += 1;
        let said = |(decision, snapshot): (&Decision, &Arc<Snapshot>)| -> Vec<_> {
            decision.denials.iter().map(|denial| key(denial, snapshot)).collect()
        };
        let (left, right) = (said(active), said(shadow));
        let (grants_left, grants_right) = (active.0.grant.is_some(), shadow.0.grant.is_some());
        let only_active = !grants_left && grants_right;
        let only_shadow = grants_left && !grants_right;
        match (grants_left, grants_right) {
            (true, false) => self.only_active += 1,
            (false, true) => self.only_shadow += 1,
            _ if left == right => self.same += 1,
            _ => self.other_reasons += 1,
        }
        if let Some(first) = left.first() {
            self.add(
                first,
                DenialCount { active: 1, only_active: u64::from(only_active), ..DenialCount::default() },
            );
        }
        if let Some(first) = right.first() {
            self.add(
                first,
                DenialCount { shadow: 1, only_shadow: u64::from(only_shadow), ..DenialCount::default() },
            );
        }
        grants_left != grants_right || left != right
    }

    fn add(&mut self, key: &(Reason, String, String), count: DenialCount) {
        self.reasons.entry(key.0).or_default().plus(count);
        let is_counted = self.rules.len() < MAX_RULES || self.rules.contains_key(key);
        if is_counted && !key.2.is_empty() {
            self.rules.entry(key.clone()).or_default().plus(count);
        }
    }
}

impl DenialCount {
    const fn plus(&mut self, other: Self) {
        self.active += other.active;
        self.shadow += other.shadow;
        self.only_active += other.only_active;
        self.only_shadow += other.only_shadow;
    }
}
