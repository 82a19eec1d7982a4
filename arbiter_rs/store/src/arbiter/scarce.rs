//! Capacities and budgets of a decision: what is known of them, taking them, giving them back.

use arbiter_core::{
    catalog::Snapshot,
    customer::{AccountKey, CHARGES_MS, Charge},
    decide::Outcome,
    decision::Reason,
    ledger::returned_field,
    standings::{Standing, Standings},
    time::{DAY_MS, Timestamp},
};

use super::{Arbiter, ArbiterError};
use crate::{
    leases::{AccountSpec, Taken},
    store::Store,
    tally::Tally,
};

/// How long what is stored of a window is kept after it has ended.
const KEPT_MS: i64 = CHARGES_MS;
/// The longest that it is kept.
const KEPT_MOST_MS: i64 = 3_600 * DAY_MS;

/// What a decision knows of capacities.
#[derive(Default)]
pub(super) struct Scarce {
    pub(super) standings: Standings,
    accounts: Vec<AccountKey>,
    /// Whether the store was asked about all of them just now.
    pub(super) is_fresh: bool,
}

/// A count that changes in the same instant as the value.
pub(super) struct Count {
    pub(super) account: String,
    pub(super) field: String,
    pub(super) delta: i64,
    pub(super) keep_ms: i64,
}

impl Count {
    pub(super) fn tally(&self) -> Tally<'_> {
        Tally { account: &self.account, field: &self.field, delta: self.delta, keep_ms: self.keep_ms }
    }
}

/// Whether a capacity or budget speaks against a candidate.
pub(super) fn denies(outcome: &Outcome) -> bool {
    let mut denials = outcome.decisions.iter().flat_map(|decision| &decision.denials);
    denials.any(|denial| matches!(denial.reason, Reason::Capacity | Reason::Budget))
}

fn spec(snapshot: &Snapshot, account: &AccountKey, now: Timestamp) -> AccountSpec {
    let capacity = snapshot.capacity(account.capacity);
    let left = |(_, end): (Timestamp, Timestamp)| end.0.saturating_sub(now.0).max(0);
    let keep = |left: i64| left.saturating_add(KEPT_MS).min(KEPT_MOST_MS);
    // Only a release still speaks of windows that this catalog does not have.
    let window = capacity.and_then(|capacity| capacity.window(snapshot, account.start));
    // What is counted for ever is kept for ever, whatever the catalog has made of it.
    let keep_ms =
        if account.start == Timestamp(0) { 0 } else { window.map_or(KEPT_MS, |window| keep(left(window))) };
    AccountSpec {
        name: snapshot.account_name(account),
        limits: capacity.map(|capacity| capacity.limits()).unwrap_or_default(),
        keep_ms,
    }
}

/// What a committed release counts as given back.
pub(super) fn returned(snapshot: &Snapshot, charges: &[Charge], now: Timestamp) -> Vec<Count> {
    let count = |charge: &Charge| {
        let AccountSpec { name, keep_ms, .. } = spec(snapshot, &charge.account, now);
        Count { account: name, field: returned_field(charge.pool), delta: charge.amount, keep_ms }
    };
    charges.iter().map(count).collect()
}

impl<S: Store> Arbiter<S> {
    /// Whether a decision stands as far as capacities go: nothing was missing, and what denied it was known freshly. Makes known what was not.
    pub(super) async fn is_settled(
        &self,
        snapshot: &Snapshot,
        scarce: &mut Scarce,
        is_scarce: bool,
        now: Timestamp,
    ) -> Result<bool, ArbiterError> {
        let missing = scarce.standings.take_missing();
        if !missing.is_empty() {
            for account in missing {
                let spec = spec(snapshot, &account, now);
                let free = self.leases.standing(&self.store, &spec).await?;
                scarce.standings.learn(account, Standing { free, left: self.leases.left(&spec) });
                scarce.accounts.push(account);
            }
            scarce.is_fresh = false;
            return Ok(false);
        }
        if is_scarce && !scarce.is_fresh && !scarce.accounts.is_empty() {
            self.learn(snapshot, scarce, now).await?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Ask the store about every account that the decision looks at, unless it was just asked.
    pub(super) async fn learn(
        &self,
        snapshot: &Snapshot,
        scarce: &mut Scarce,
        now: Timestamp,
    ) -> Result<(), ArbiterError> {
        for account in &scarce.accounts {
            let spec = spec(snapshot, account, now);
            let free = self.leases.fresh_standing(&self.store, &spec).await?;
            scarce.standings.learn(*account, Standing { free, left: self.leases.left(&spec) });
        }
        scarce.is_fresh = true;
        Ok(())
    }

    /// Take what grants need; nothing where there is not enough any more.
    pub(super) async fn take(
        &self,
        snapshot: &Snapshot,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Option<Taken>, ArbiterError> {
        let charges: Vec<_> = charges
            .iter()
            .map(|charge| (spec(snapshot, &charge.account, now), charge.pool, charge.amount))
            .collect();
        Ok(self.leases.take(&self.store, &charges).await?)
    }

    /// A release was committed: this replica knows at once what is free again.
    pub(super) fn give_back(&self, snapshot: &Snapshot, returned: &[Charge]) {
        for charge in returned {
            self.leases.returned(&snapshot.account_name(&charge.account), charge.pool, charge.amount);
        }
    }

    /// Keep the blocks of capacities that this replica holds, give back those that are idle, end those of replicas that died. To be called
    /// several times a second, so many milliseconds after the last time.
    ///
    /// # Errors
    /// What the store says; the next call goes on.
    pub async fn tend(&self, elapsed_ms: u64) -> Result<(), ArbiterError> {
        Ok(self.leases.tend(&self.store, elapsed_ms).await?)
    }

    /// Give all blocks back: the last thing before the end.
    ///
    /// # Errors
    /// What the store says; blocks that were not given back are ended by other replicas.
    pub async fn close(&self) -> Result<(), ArbiterError> {
        Ok(self.leases.close(&self.store).await?)
    }

    /// The blocks that this replica holds.
    pub fn holdings(&self) -> Vec<crate::leases::Holding> {
        self.leases.holdings()
    }
}

#[cfg(test)]
mod tests {
    use arbiter_core::{compiled::CompiledCatalog, customer::Pool, ids::CapacityId, register::Register};
    use serde_json::{Value, json};

    use super::*;

    const T: Timestamp = Timestamp(1_772_438_400_000);

    /// For how long what a release gives back is kept, of a window that began then.
    fn kept(window: Option<&Value>, start: Timestamp) -> i64 {
        let capacity = |window: &Value| json!({"name": "c", "capacity": {"measure": "contacts", "limit": 3, "window": window, "window_text": "w"}});
        let rules: Vec<Value> = window.map(capacity).into_iter().collect();
        let catalog = json!({"format": 1, "zone": "UTC", "horizon_ms": DAY_MS, "channels": [],
            "policies": [{"name": "p", "rules": rules}]});
        let catalog: CompiledCatalog = serde_json::from_value(catalog).unwrap();
        let mut register = Register { capacities: vec!["p|c".to_owned()], ..Register::default() };
        register.admit(&catalog, 1);
        let snapshot = Snapshot::compile(1, &catalog, register).unwrap();
        let account = AccountKey { capacity: CapacityId(0), per: None, start };
        let charge = Charge { account, pool: Pool::COMMON, amount: 1 };
        returned(&snapshot, &[charge], T)[0].keep_ms
    }

    #[test]
    fn what_is_given_back_to_a_lifetime_is_kept_for_ever_whatever_the_catalog_has_of_it() {
        let (lifetime, week) = (json!({"lifetime": true}), json!({"calendar": "week", "zone": "UTC"}));
        for window in [None, Some(&lifetime), Some(&week)] {
            assert_eq!(kept(window, Timestamp(0)), 0, "{window:?}");
        }
        assert_eq!(kept(Some(&week), T), KEPT_MS + 7 * DAY_MS - 8 * 3_600_000);
        assert_eq!(kept(None, T), KEPT_MS);
        assert_eq!(kept(Some(&lifetime), T), KEPT_MS);
    }
}
