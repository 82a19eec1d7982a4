//! Load, decide, commit: the only place where the pure core and a store meet.
//!
//! ```
//! use arbiter_core::{request::{Candidate, Purpose, Request}, time::Timestamp};
//! use arbiter_store::{Arbiter, MemoryStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), arbiter_store::ArbiterError> {
//! let arbiter = Arbiter::open(MemoryStore::new()).await?;
//! let catalog = br#"{"format": 1, "zone": "UTC", "horizon_ms": 34560000000,
//!     "channels": [{"name": "email", "cost": 0, "pressure": 0, "expires_after_ms": 86400000, "unconfirmed": "counts"}],
//!     "campaigns": [{"name": "spring", "priority": 40, "kind": "marketing", "channels": ["email"]}]}"#;
//! assert_eq!(arbiter.apply_catalog(catalog, b"", None).await?, 1);
//! let request = Request {
//!     id: "request-1",
//!     candidates: vec![Candidate { campaign: "spring", channel: "email", score: 0.0, deadline: None }],
//!     max_grants: 1,
//!     segments: Vec::new(),
//!     calendar: None,
//!     purpose: Purpose::Reserve,
//! };
//! let (outcome, _) = arbiter.request("customer-42", &request, Timestamp(1_772_438_400_000)).await?;
//! assert!(outcome.decisions[0].grant.is_some());
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;

use arbiter_core::{
    apply::{Change, ContactName, RecordError, Recorded, Report, SettleError, Settlement, record, settle},
    catalog::{CatalogError, Snapshot},
    codec,
    customer::CustomerState,
    decide::{CatalogBehindError, Outcome, decide, ensure_known, forget},
    explain::{Explanation, explain},
    request::{Purpose, Request},
    time::Timestamp,
};
use arc_swap::ArcSwapOption;
use thiserror::Error;

use crate::{
    catalog_record::CatalogRecord,
    error::StoreError,
    log::Stamp,
    store::{Commit, Store, Versioned},
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
    /// One customer is asked by too many at once.
    #[error("customer is asked by too many at once: ask again")]
    Contended,
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
}

impl<S: Store> Arbiter<S> {
    /// An engine on this store, with the newest catalog that it holds.
    ///
    /// # Errors
    /// [`ArbiterError`] where the store does not answer or its catalog cannot be read.
    pub async fn open(store: S) -> Result<Self, ArbiterError> {
        let arbiter = Self { store, active: ArcSwapOption::empty() };
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

    /// Make the newest stored catalog the active one; returns its version.
    ///
    /// # Errors
    /// [`ArbiterError`] where the store does not answer or its catalog cannot be read: the active one stays.
    pub async fn refresh(&self) -> Result<u64, ArbiterError> {
        let newest = self.store.catalog_version().await?;
        if newest > self.active_version()
            && let Some(stored) = self.store.catalog(newest).await?
        {
            let record = CatalogRecord::decode(&stored.bytes);
            self.activate(
                record.and_then(|record| record.compile(stored.version)).map_err(unreadable_catalog)?,
            );
        }
        Ok(self.active_version())
    }

    /// An older version never replaces a newer one, whoever comes first.
    fn activate(&self, snapshot: Snapshot) {
        let snapshot = Arc::new(snapshot);
        self.active.rcu(|active| match active {
            Some(held) if held.version >= snapshot.version => Some(Arc::clone(held)),
            _ => Some(Arc::clone(&snapshot)),
        });
    }

    /// One stored version, the newest where 0 is asked; nothing where there is none yet.
    ///
    /// # Errors
    /// [`ArbiterError::CatalogVersionUnknown`], or what the store says.
    pub async fn catalog(&self, version: u64) -> Result<Option<(u64, CatalogRecord)>, ArbiterError> {
        match self.store.catalog(version).await? {
            Some(stored) => {
                Ok(Some((stored.version, CatalogRecord::decode(&stored.bytes).map_err(unreadable_catalog)?)))
            }
            None if version == 0 => Ok(None),
            None => Err(ArbiterError::CatalogVersionUnknown(version)),
        }
    }

    /// Make a compiled catalog the next version and the active one; returns the version.
    ///
    /// # Errors
    /// [`ArbiterError::CatalogChanged`] where `expected` is not the newest version, [`ArbiterError::Catalog`] where it does not hold together.
    pub async fn apply_catalog(
        &self,
        compiled: &[u8],
        attachment: &[u8],
        expected: Option<u64>,
    ) -> Result<u64, ArbiterError> {
        for _ in 0..MAX_ATTEMPTS {
            let (newest, previous) = match self.catalog(0).await? {
                Some((version, record)) => (version, Some(record)),
                None => (0, None),
            };
            if let Some(expected) = expected.filter(|expected| *expected != newest) {
                return Err(ArbiterError::CatalogChanged { expected, active: newest });
            }
            let record = CatalogRecord::following(previous.as_ref(), compiled, attachment)?;
            let snapshot = record.compile(newest + 1)?;
            if self.store.commit_catalog(newest, &record.encode()?).await? == Commit::Done {
                self.activate(snapshot);
                return Ok(newest + 1);
            }
        }
        Err(ArbiterError::Contended)
    }

    /// Answer a request; grants take their places, together with their records in the log.
    ///
    /// # Errors
    /// [`ArbiterError`] where there is no answer; then no place was taken that a repeat of the request id would not find.
    pub async fn request(
        &self,
        customer: &str,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<(Outcome, Arc<Snapshot>), ArbiterError> {
        let change = |snapshot: &Snapshot, state: &mut CustomerState, version: u64| {
            let outcome = decide(snapshot, state, request, now)?;
            let stamp = Stamp { customer, now, state_version: version, snapshot };
            let grants = outcome
                .decisions
                .iter()
                .filter_map(|decision| decision.grant.as_ref())
                .filter(|grant| !grant.is_repeat);
            let log = if outcome.is_changed {
                grants.map(|grant| stamp.granted(grant, request.id, &request.segments)).collect()
            } else {
                Vec::new()
            };
            Ok(Step { result: outcome, log })
        };
        if request.purpose == Purpose::Check {
            let (mut loaded, snapshot) = self.load_known(customer).await?;
            let outcome = decide(&snapshot, &mut loaded.state, request, now)
                .map_err(|CatalogBehindError| ArbiterError::Contended)?;
            return Ok((outcome, snapshot));
        }
        self.update(customer, change).await
    }

    /// Confirm or release a contact; returns the state after it.
    ///
    /// # Errors
    /// [`ArbiterError::Settle`] where it cannot be, or what the store says.
    pub async fn settle(
        &self,
        customer: &str,
        name: ContactName,
        step: SettleStep<'_>,
        now: Timestamp,
    ) -> Result<(CustomerState, Arc<Snapshot>), ArbiterError> {
        let change = |snapshot: &Snapshot, state: &mut CustomerState, version: u64| {
            let stamp = Stamp { customer, now, state_version: version, snapshot };
            let (settlement, entry) = match step {
                SettleStep::Confirm { send_time } => (Settlement::Confirm, stamp.confirmed(name, send_time)),
                SettleStep::Release { reason } => (Settlement::Release, stamp.released(name, reason)),
            };
            let outcome = settle(snapshot, state, name, settlement, now);
            let log = if outcome == Ok(Change::Made) { vec![entry] } else { Vec::new() };
            Ok(Step { result: outcome.map(|_| state.clone()), log })
        };
        let (outcome, snapshot) = self.update(customer, change).await?;
        Ok((outcome?, snapshot))
    }

    /// Record engagements of one customer, in their order, in one commit. One that cannot be recorded leaves the others alone.
    ///
    /// # Errors
    /// [`ArbiterError`] where none could be recorded.
    pub async fn record(
        &self,
        customer: &str,
        reports: &[(&str, Report<'_>)],
        now: Timestamp,
    ) -> Result<(Vec<RecordResult>, Arc<Snapshot>), ArbiterError> {
        self.update(customer, |snapshot, state, version| {
            let stamp = Stamp { customer, now, state_version: version, snapshot };
            let mut log = Vec::new();
            let mut results = Vec::with_capacity(reports.len());
            for (event_id, report) in reports {
                let result = record(snapshot, state, report, now);
                if let Ok(Recorded { change: Change::Made, contact, .. }) = &result {
                    log.push(stamp.engaged(event_id, report, *contact));
                    if log.len() % REPORTS_BEFORE_FORGETTING == 0 {
                        forget(snapshot, state, now);
                    }
                }
                results.push(result);
            }
            forget(snapshot, state, now);
            Ok(Step { result: results, log })
        })
        .await
    }

    /// What is known of a customer, and what each rule makes of it.
    ///
    /// # Errors
    /// [`ArbiterError`] where the store does not answer or the value cannot be read.
    pub async fn explain(
        &self,
        customer: &str,
        request: &Request<'_>,
        campaign: Option<&str>,
        now: Timestamp,
    ) -> Result<(Loaded, Explanation, Arc<Snapshot>), ArbiterError> {
        let (loaded, snapshot) = self.load_known(customer).await?;
        let explanation = explain(&snapshot, &loaded.state, request, campaign, now);
        Ok((loaded, explanation, snapshot))
    }

    /// Load a value together with a catalog that knows all its names.
    async fn load_known(&self, customer: &str) -> Result<(Loaded, Arc<Snapshot>), ArbiterError> {
        let stored = self.store.load(customer).await?;
        let loaded = Loaded { state: read(customer, &stored)?, bytes: stored.bytes.len() };
        let snapshot = self.snapshot()?;
        if ensure_known(&snapshot, &loaded.state).is_ok() {
            return Ok((loaded, snapshot));
        }
        self.refresh().await?;
        let snapshot = self.snapshot()?;
        ensure_known(&snapshot, &loaded.state).map_err(|_| behind(customer))?;
        Ok((loaded, snapshot))
    }

    /// Change a value by compare-and-set: make the step on the state, commit it where it has something to log, and do it anew on the current value where another commit came first.
    ///
    /// INVARIANT: what is answered was decided on exactly the value that the commit replaced.
    async fn update<T>(
        &self,
        customer: &str,
        change: impl Fn(&Snapshot, &mut CustomerState, u64) -> Result<Step<T>, CatalogBehindError>,
    ) -> Result<(T, Arc<Snapshot>), ArbiterError> {
        let mut snapshot = self.snapshot()?;
        let mut stored = self.store.load(customer).await?;
        for _ in 0..MAX_ATTEMPTS {
            let mut state = read(customer, &stored)?;
            if ensure_known(&snapshot, &state).is_err() {
                self.refresh().await?;
                snapshot = self.snapshot()?;
                ensure_known(&snapshot, &state).map_err(|_| behind(customer))?;
            }
            let step = change(&snapshot, &mut state, stored.version.saturating_add(1))
                .map_err(|_| behind(customer))?;
            if step.log.is_empty() {
                return Ok((step.result, snapshot));
            }
            match self.store.commit(customer, stored.version, &codec::encode(&state), &step.log).await? {
                Commit::Done => return Ok((step.result, snapshot)),
                Commit::Conflict(current) => stored = current,
            }
        }
        Err(ArbiterError::Contended)
    }
}

/// One step on a state: its result, and its records for the log; without records nothing has changed.
struct Step<T> {
    result: T,
    log: Vec<Vec<u8>>,
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

fn read(customer: &str, stored: &Versioned) -> Result<CustomerState, ArbiterError> {
    // Only a customer that was never written has no bytes.
    if stored.version > 0 && stored.bytes.is_empty() {
        return Err(StoreError::corrupt(customer, "it is empty").into());
    }
    codec::decode(&stored.bytes).map_err(|error| StoreError::corrupt(customer, error.to_string()).into())
}

fn unreadable_catalog(error: CatalogError) -> ArbiterError {
    StoreError::corrupt("catalog", error.0).into()
}

fn behind(customer: &str) -> ArbiterError {
    StoreError::corrupt(customer, "it names terms that no stored catalog has").into()
}
