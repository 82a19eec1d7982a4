//! The change of a value: a step on it, what the step takes of capacities, the commit, and all of it anew where another came first.

use std::sync::Arc;

use arbiter_core::{
    catalog::Snapshot,
    codec,
    customer::{Charge, CustomerState},
    decide::{DecideError, Outcome, ensure_known},
    request::Request,
    standings::Standings,
    time::Timestamp,
};

use super::{
    Arbiter, ArbiterError, MAX_ATTEMPTS, behind, claims, forget_over,
    held::{self, Held},
    read,
    scarce::{self, Scarce},
};
use crate::{
    error::StoreError,
    log::Stamp,
    store::{Store, Versioned},
    tally::Tally,
};

/// What a step is made under: the catalog, and the version of the value that it makes.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) snapshot: &'a Snapshot,
    version: u64,
}

impl<'a> At<'a> {
    pub(super) const fn stamp(&self, customer: &'a str, party: &'a str, now: Timestamp) -> Stamp<'a> {
        Stamp { customer, party, now, state_version: self.version, snapshot: self.snapshot }
    }

    /// The step of a decision: what its grants log, take and count.
    pub(super) fn granted(&self, outcome: Outcome, request: &Request<'_>, now: Timestamp) -> Step<Outcome> {
        let granted = outcome.decisions.iter().filter_map(|decision| {
            let grant = decision.grant.as_ref().filter(|grant| outcome.is_changed && !grant.is_repeat)?;
            Some((grant, decision))
        });
        let stamp = self.stamp(request.customer, request.party, now);
        let log = granted.clone().map(|(grant, decision)| stamp.granted(grant, decision, request)).collect();
        let charges = granted.clone().flat_map(|(_, decision)| decision.charges.clone()).collect();
        let used = granted.filter_map(|(_, decision)| decision.claim.as_ref());
        let counts = used.map(|claim| claims::count(self.snapshot, claim, claims::USED, now)).collect();
        let is_scarce = scarce::denies(&outcome);
        Step { log, charges, counts, is_scarce, ..Step::of(outcome) }
    }
}

/// One step on a state; without records for the log nothing has changed.
pub(super) struct Step<T> {
    pub(super) result: T,
    pub(super) log: Vec<Vec<u8>>,
    /// What its grants take of capacities and budgets.
    pub(super) charges: Vec<Charge>,
    /// What its release gives back to them.
    pub(super) returned: Vec<Charge>,
    /// What is counted with it.
    pub(super) counts: Vec<scarce::Count>,
    /// Whether a capacity or budget spoke against.
    pub(super) is_scarce: bool,
}

impl<T> Step<T> {
    pub(super) fn of(result: T) -> Self {
        Self {
            result,
            log: Vec::new(),
            charges: Vec::new(),
            returned: Vec::new(),
            counts: Vec::new(),
            is_scarce: false,
        }
    }

    /// The same step with something beside its result.
    pub(super) fn with<B>(self, beside: B) -> Step<(T, B)> {
        let Self { result, log, charges, returned, counts, is_scarce } = self;
        Step { result: (result, beside), log, charges, returned, counts, is_scarce }
    }
}

/// What a step leaves behind: the state, or the bytes of the value right away.
enum Made {
    State(Box<CustomerState>),
    Value(Vec<u8>),
}

impl Made {
    fn value(self) -> Vec<u8> {
        match self {
            Self::State(state) => codec::encode(&state),
            Self::Value(value) => value,
        }
    }
}

impl<S: Store> Arbiter<S> {
    /// Change a value by compare-and-set: make the step on the state, take what it needs of capacities, commit it where it has something to
    /// log, and do it anew on the current value where another commit came first, or where a capacity is not as it was taken to be.
    ///
    /// INVARIANT: what is answered was decided on exactly the value that the commit replaced.
    pub(super) async fn update<T>(
        &self,
        party: &str,
        now: Timestamp,
        change: impl Fn(At<'_>, &mut CustomerState, &mut Standings) -> Result<Step<T>, DecideError>,
    ) -> Result<(T, Arc<Snapshot>), ArbiterError> {
        self.update_plain(party, now, |_, _| None, change).await
    }

    /// [`Arbiter::update`] where a plain step is made on the bytes of the value, and gives those of the next one.
    pub(super) async fn update_plain<T>(
        &self,
        party: &str,
        now: Timestamp,
        plain: impl Fn(At<'_>, &Versioned) -> Option<(Step<T>, Vec<u8>)>,
        change: impl Fn(At<'_>, &mut CustomerState, &mut Standings) -> Result<Step<T>, DecideError>,
    ) -> Result<(T, Arc<Snapshot>), ArbiterError> {
        let mut snapshot = self.snapshot()?;
        let mut held = Held::enter(&self.store, &self.queues, party).await?;
        let mut scarce = Scarce::default();
        for _ in 0..MAX_ATTEMPTS {
            let version = held.stored().version.saturating_add(1);
            let made = match plain(At { snapshot: &snapshot, version }, held.stored()) {
                Some((step, value)) => Ok((Some(step), Made::Value(value))),
                None => self.step(&mut snapshot, party, held.stored(), &mut scarce, now, &change).await,
            };
            let is_answer = match &made {
                Ok((step, _)) => step.as_ref().is_some_and(|step| step.log.is_empty()),
                Err(_) => true,
            };
            // An error of a value that another has changed since is no more true than an answer of it.
            if is_answer && !held.is_current().await? {
                scarce.is_fresh = false;
                continue;
            }
            let (Some(step), made) = made? else { continue };
            if step.log.is_empty() {
                return Ok((step.result, snapshot));
            }
            let Some(taken) = self.take(&snapshot, &step.charges, now).await? else {
                scarce.is_fresh = false;
                self.learn(&snapshot, &mut scarce, now).await?;
                continue;
            };
            let returned = scarce::returned(&snapshot, &step.returned, now);
            let counts = step.counts.iter().chain(&returned).map(scarce::Count::tally);
            let tallies: Vec<Tally<'_>> = taken.tallies().into_iter().chain(counts).collect();
            let committed = held.commit(made.value(), &step.log, &tallies).await;
            drop(tallies);
            match committed {
                Ok(held::Outcome::Done) => {
                    taken.done();
                    self.give_back(&snapshot, &step.returned);
                    return Ok((step.result, snapshot));
                }
                Ok(held::Outcome::Conflict) => {
                    taken.give_back();
                    scarce.is_fresh = false;
                }
                Ok(held::Outcome::Fenced) => {
                    taken.fenced();
                    scarce = Scarce::default();
                }
                Err(error) => {
                    // What is beyond a maximum was never sent; of anything else nobody knows.
                    if matches!(error, StoreError::TooLarge { .. }) {
                        taken.give_back();
                    } else {
                        taken.unsure();
                    }
                    return Err(error.into());
                }
            }
        }
        Err(ArbiterError::Contended)
    }

    /// Make the step on one value; nothing where a capacity was not as it was taken to be.
    async fn step<T>(
        &self,
        snapshot: &mut Arc<Snapshot>,
        party: &str,
        stored: &Versioned,
        scarce: &mut Scarce,
        now: Timestamp,
        change: impl Fn(At<'_>, &mut CustomerState, &mut Standings) -> Result<Step<T>, DecideError>,
    ) -> Result<(Option<Step<T>>, Made), ArbiterError> {
        let mut state = read(party, stored)?;
        if ensure_known(snapshot, &state).is_err() {
            self.refresh().await?;
            *snapshot = self.snapshot()?;
            ensure_known(snapshot, &state).map_err(|_| behind(party))?;
        }
        forget_over(snapshot, &mut state, now);
        let at = At { snapshot, version: stored.version.saturating_add(1) };
        let step = change(at, &mut state, &mut scarce.standings)?;
        let is_settled = self.is_settled(snapshot, scarce, step.is_scarce, now).await?;
        Ok((is_settled.then_some(step), Made::State(Box::new(state))))
    }
}
