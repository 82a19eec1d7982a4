//! What capacities and budgets of a play have taken: exact, since nobody else takes of them.

use std::collections::HashMap;

use arbiter_core::catalog::Snapshot;
use arbiter_core::customer::{AccountKey, Charge, Pool};
use arbiter_core::rules::RuleKind;
use arbiter_core::standings::Standing;

#[derive(Default)]
pub(crate) struct Ledger(HashMap<(AccountKey, Pool), i64>);

impl Ledger {
    pub(crate) fn take(&mut self, charges: &[Charge]) {
        for charge in charges {
            *self.0.entry((charge.account, charge.pool)).or_default() += charge.amount;
        }
    }

    pub(crate) fn give_back(&mut self, charges: &[Charge]) {
        for charge in charges {
            *self.0.entry((charge.account, charge.pool)).or_default() -= charge.amount;
        }
    }

    /// What each pool of an account still has.
    pub(crate) fn standing(&self, snapshot: &Snapshot, account: AccountKey) -> Standing {
        let capacity = snapshot.rules.iter().find_map(|rule| {
            let RuleKind::Capacity(capacity) = &rule.kind else { return None };
            (capacity.id == account.capacity).then_some(capacity)
        });
        let limits = capacity.expect("an account is of a rule").limits();
        let taken = |pool| self.0.get(&(account, pool)).copied().unwrap_or_default();
        Standing::of(limits.into_iter().map(|(pool, limit)| (pool, limit - taken(pool))).collect())
    }
}
