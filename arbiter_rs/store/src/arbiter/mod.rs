//! Load, decide, commit: the only place where the pure core and a store meet.
//!
//! ```
//! use arbiter_core::{request::{Candidate, Request}, time::Timestamp};
//! use arbiter_store::{Arbiter, MemoryStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), arbiter_store::ArbiterError> {
//! let arbiter = Arbiter::open(MemoryStore::new()).await?;
//! let catalog = br#"{"format": 1, "zone": "UTC", "horizon_ms": 34560000000,
//!     "channels": [{"name": "email", "cost": 0, "pressure": 0, "expires_after_ms": 86400000, "unconfirmed": "counts"}],
//!     "campaigns": [{"name": "spring", "priority": 40, "kind": "marketing", "channels": ["email"]}]}"#;
//! assert_eq!(arbiter.apply_catalog(catalog, b"", None, &[]).await?, 1);
//! let request = Request {
//!     id: "request-1",
//!     customer: "customer-42",
//!     party: "customer-42",
//!     candidates: vec![Candidate { campaign: "spring", channel: "email", ..Candidate::default() }],
//!     ..Request::default()
//! };
//! let (outcome, _) = arbiter.request(&request, Timestamp(1_772_438_400_000)).await?;
//! assert!(outcome.decisions[0].grant.is_some());
//! # Ok(())
//! # }
//! ```

mod catalogs;
mod claims;
mod held;
mod plain;
mod queues;
mod scarce;
mod shadow;
mod update;

use std::sync::Arc;

use arbiter_core::{
    apply::{Change, ContactName, RecordError, Recorded, Report, SettleError, Settlement, record, settle},
    catalog::{CatalogError, Snapshot},
    codec,
    customer::CustomerState,
    decide::{DecideError, Outcome, decide, ensure_known, forget},
    explain::{Explanation, explain},
    request::{Purpose, Request},
    standings::Standings,
    time::Timestamp,
};
use arc_swap::ArcSwapOption;
use thiserror::Error;

pub use self::{
    claims::{ClaimToRegister, ClaimTotals, CustomerClaim, RegisterResult, TOLD_DAYS},
    queues::MAX_PLACES,
    shadow::{DenialCount, Shadow, ShadowReport, ShadowSample},
};
use self::{
    queues::Queues,
    scarce::Scarce,
    update::{At, Step},
};
use crate::{
    error::StoreError,
    leases::Leases,
    log::Stamp,
    store::{LogPage, Store, Versioned},
};

/// How often a decision is made anew because another commit for the same customer came first. Each such commit is somebody's answer.
const MAX_ATTEMPTS: usize = 1_024;

/// How many reports of one customer are recorded before the value is brought back within its maxima.
const REPORTS_BEFORE_FORGETTING: usize = 1_024;

/// Why there is no answer. A refusal is an answer and never one of these.
#[derive(Clone, Debug, Error)]
pub enum ArbiterError {
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No catalog has been applied yet.
    #[error("no catalog is active: apply one first (`repit apply FILE`)")]
    NoCatalog,
    /// The catalog to apply does not hold together.
    #[error("{0}")]
    Catalog(String),
    /// Another version of the catalog is active than the one that a change was made from.
    #[error("catalog version {active} is active, not {expected}: read it and make the change again")]
    CatalogChanged {
        /// The version that the change was made from.
        expected: u64,
        /// The active one.
        active: u64,
    },
    /// There is no such catalog version.
    #[error("no catalog version {0}")]
    CatalogVersionUnknown(u64),
    /// The contact cannot be settled so.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// The party has as many customers as it can have.
    #[error("the party has 256 customers already: check the `party_id`, or give this customer another")]
    PartyFull,
    /// A second catalog decides beside the active one already.
    #[error("a shadow runs already: stop it first")]
    ShadowRuns,
    /// No second catalog decides beside the active one.
    #[error("no shadow runs: start one first")]
    NoShadow,
    /// One customer is asked by too many at once.
    #[error("customer is asked by too many at once: ask again")]
    Contended,
}

impl From<DecideError> for ArbiterError {
    /// A value that names what no catalog of this replica has is caught when it is loaded; if not, asking again reads it anew.
    fn from(error: DecideError) -> Self {
        match error {
            DecideError::CatalogBehind => Self::Contended,
            DecideError::PartyFull => Self::PartyFull,
        }
    }
}

impl From<CatalogError> for ArbiterError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error.0)
    }
}

/// A customer's state as it was loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The state.
    pub state: CustomerState,
    /// How many bytes it takes in the store.
    pub bytes: usize,
}

/// What became of one engagement.
pub type RecordResult = Result<Recorded, RecordError>;

/// The engine on one store: decides by the active catalog, remembers in the store.
#[derive(Debug)]
pub struct Arbiter<S> {
    store: S,
    active: ArcSwapOption<Snapshot>,
    leases: Leases,
    queues: Queues,
    shadow: ArcSwapOption<Shadow>,
}

impl<S: Store> Arbiter<S> {
    /// An engine on this store, with the newest catalog that it holds.
    ///
    /// # Errors
    /// [`ArbiterError`] where the store does not answer or its catalog cannot be read.
    pub async fn open(store: S) -> Result<Self, ArbiterError> {
        let (active, shadow) = (ArcSwapOption::empty(), ArcSwapOption::empty());
        let arbiter = Self { store, active, leases: Leases::default(), queues: Queues::default(), shadow };
        arbiter.refresh().await?;
        Ok(arbiter)
    }

    /// The store.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// The active catalog.
    ///
    /// # Errors
    /// [`ArbiterError::NoCatalog`] where none was applied yet.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, ArbiterError> {
        self.active.load_full().ok_or(ArbiterError::NoCatalog)
    }

    /// The active version; 0 for none.
    pub fn active_version(&self) -> u64 {
        self.active.load().as_ref().map_or(0, |snapshot| snapshot.version)
    }

    /// Answer a request; grants take their places, together with their records in the log and what they take of capacities.
    ///
    /// # Errors
    /// [`ArbiterError`] where there is no answer; then no place was taken that a repeat of the request id would not find.
    pub async fn request(
        &self,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<(Outcome, Arc<Snapshot>), ArbiterError> {
        if request.purpose == Purpose::Check {
            return self.check(request, now).await;
        }
        let change = |at: At<'_>, state: &mut CustomerState, standings: &mut Standings| {
            let before = self.before(state);
            let outcome = decide(at.snapshot, state, request, standings, now)?;
            let before = before.map(shadow::Before::decided);
            Ok(at.granted(outcome, request, now).with(before))
        };
        // A shadow compares decisions on decoded values: while one runs, all go the long way.
        let is_watched = self.shadow.load().is_some();
        let plain = |at: At<'_>, stored: &Versioned| {
            if is_watched {
                return None;
            }
            let (outcome, value) = plain::grant(at.snapshot, stored, request, now)?;
            Some((at.granted(outcome, request, now).with(None), value))
        };
        let ((outcome, before), snapshot) = self.update_plain(request.party, now, plain, change).await?;
        self.compare(before, request, &outcome, &snapshot, now).await;
        Ok((outcome, snapshot))
    }

    async fn check(
        &self,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<(Outcome, Arc<Snapshot>), ArbiterError> {
        let stored = self.store.load(request.party).await?;
        let snapshot = self.snapshot()?;
        if let Some((outcome, value)) = plain::grant(&snapshot, &stored, request, now) {
            plain::done_with(value);
            return Ok((outcome, snapshot));
        }
        let (loaded, snapshot) = self.known(request.party, &stored, now).await?;
        let mut scarce = Scarce::default();
        for _ in 0..MAX_ATTEMPTS {
            let mut state = loaded.state.clone();
            let outcome = decide(&snapshot, &mut state, request, &mut scarce.standings, now)?;
            if self.is_settled(&snapshot, &mut scarce, scarce::denies(&outcome), now).await? {
                return Ok((outcome, snapshot));
            }
        }
        Err(ArbiterError::Contended)
    }

    /// Confirm or release a contact; returns the state after it.
    ///
    /// # Errors
    /// [`ArbiterError::Settle`] where it cannot be, or what the store says.
    pub async fn settle(
        &self,
        party: &str,
        name: ContactName,
        step: SettleStep<'_>,
        now: Timestamp,
    ) -> Result<(CustomerState, Arc<Snapshot>), ArbiterError> {
        let change = |at: At<'_>, state: &mut CustomerState, _: &mut Standings| {
            let settled = settle(at.snapshot, state, name, step.settlement(), now);
            let settled = match settled {
                Ok(settled) if settled.is_changed => settled,
                unchanged => return Ok(Step::of(unchanged.map(|_| state.clone()))),
            };
            let contact = state.contact(name.sequence, name.time);
            let member = contact.map(|contact| contact.whose.member).unwrap_or_default();
            let stamp = at.stamp(state.name_of(party, member), party, now);
            let log = vec![step.record(&stamp, name)];
            Ok(Step { log, returned: settled.returned, ..Step::of(Ok(state.clone())) })
        };
        let (outcome, snapshot) = self.update(party, now, change).await?;
        Ok((outcome?, snapshot))
    }

    /// Record engagements of the customers of one party, in their order, in one commit. One that cannot be recorded leaves the others alone.
    ///
    /// # Errors
    /// [`ArbiterError`] where none could be recorded.
    pub async fn record(
        &self,
        party: &str,
        reports: &[(&str, Report<'_>)],
        now: Timestamp,
    ) -> Result<(Vec<RecordResult>, Arc<Snapshot>), ArbiterError> {
        self.update(party, now, |at, state, _| {
            let mut log = Vec::new();
            let mut results = Vec::with_capacity(reports.len());
            for (event_id, report) in reports {
                let result = record(at.snapshot, state, report, now);
                if let Ok(Recorded { change: Change::Made, contact, .. }) = &result {
                    let stamp = at.stamp(report.customer, party, now);
                    log.push(stamp.engaged(event_id, report, *contact));
                    if log.len() % REPORTS_BEFORE_FORGETTING == 0 {
                        forget(at.snapshot, state, now);
                    }
                }
                results.push(result);
            }
            forget(at.snapshot, state, now);
            Ok(Step { log, ..Step::of(results) })
        })
        .await
    }

    /// What is known of a customer, and what each rule makes of it.
    ///
    /// # Errors
    /// [`ArbiterError`] where the store does not answer or the value cannot be read.
    pub async fn explain(
        &self,
        request: &Request<'_>,
        campaign: Option<&str>,
        now: Timestamp,
    ) -> Result<(Loaded, Explanation, Arc<Snapshot>), ArbiterError> {
        let (loaded, snapshot) = self.load_known(request.party, now).await?;
        let mut scarce = Scarce::default();
        for _ in 0..MAX_ATTEMPTS {
            let explanation = explain(&snapshot, &loaded.state, request, &scarce.standings, campaign, now);
            if self.is_settled(&snapshot, &mut scarce, true, now).await? {
                return Ok((loaded, explanation, snapshot));
            }
        }
        Err(ArbiterError::Contended)
    }

    /// Log records of all parties of a bucket, oldest first: see [`Store::read_log_page`].
    ///
    /// # Errors
    /// What the store says.
    pub async fn read_log_page(
        &self,
        bucket: u16,
        after: &str,
        limit: usize,
    ) -> Result<LogPage, ArbiterError> {
        Ok(self.store.read_log_page(bucket, after, limit).await?)
    }

    /// Load a value together with a catalog that knows all its names.
    async fn load_known(&self, party: &str, now: Timestamp) -> Result<(Loaded, Arc<Snapshot>), ArbiterError> {
        let stored = self.store.load(party).await?;
        self.known(party, &stored, now).await
    }

    /// A stored value, together with a catalog that knows all its names.
    async fn known(
        &self,
        party: &str,
        stored: &Versioned,
        now: Timestamp,
    ) -> Result<(Loaded, Arc<Snapshot>), ArbiterError> {
        let mut loaded = Loaded { state: read(party, stored)?, bytes: stored.bytes.len() };
        let mut snapshot = self.snapshot()?;
        if ensure_known(&snapshot, &loaded.state).is_err() {
            self.refresh().await?;
            snapshot = self.snapshot()?;
            ensure_known(&snapshot, &loaded.state).map_err(|_| behind(party))?;
        }
        forget_over(&snapshot, &mut loaded.state, now);
        Ok((loaded, snapshot))
    }
}

/// How a reservation is settled.
#[derive(Clone, Copy, Debug)]
pub enum SettleStep<'a> {
    /// It was sent.
    Confirm {
        /// When.
        send_time: Timestamp,
    },
    /// It was not sent.
    Release {
        /// Why.
        reason: &'a str,
    },
}

impl SettleStep<'_> {
    const fn settlement(&self) -> Settlement {
        match self {
            Self::Confirm { .. } => Settlement::Confirm,
            Self::Release { .. } => Settlement::Release,
        }
    }

    fn record(&self, stamp: &Stamp<'_>, name: ContactName) -> Vec<u8> {
        match self {
            Self::Confirm { send_time } => stamp.confirmed(name, *send_time),
            Self::Release { reason } => stamp.released(name, reason),
        }
    }
}

/// Forget the customers of a full party of whom nothing is held any more, before anybody asks.
fn forget_over(snapshot: &Snapshot, state: &mut CustomerState, now: Timestamp) {
    if state.is_full() {
        forget(snapshot, state, now);
    }
}

fn read(party: &str, stored: &Versioned) -> Result<CustomerState, ArbiterError> {
    // Only a party that was never written has no bytes.
    if stored.version > 0 && stored.bytes.is_empty() {
        return Err(StoreError::corrupt(party, "it is empty").into());
    }
    codec::decode(&stored.bytes).map_err(|error| StoreError::corrupt(party, error.to_string()).into())
}

fn unreadable_catalog(error: CatalogError) -> ArbiterError {
    StoreError::corrupt("catalog", error.0).into()
}

fn behind(party: &str) -> ArbiterError {
    StoreError::corrupt(party, "it names what no stored catalog has").into()
}
