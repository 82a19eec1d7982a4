//! Claims: registered, given back, counted.

use std::{collections::BTreeMap, sync::Arc};

use arbiter_core::{
    catalog::Snapshot,
    claims::{ClaimError, LiveClaim, Registered, live, register, withdraw},
    customer::{Claim, CustomerState},
    decide::forget,
    ids::{CampaignId, ChannelId},
    time::{DAY_MS, Timestamp},
};

use super::{Arbiter, ArbiterError, Step, scarce::Count};
use crate::store::Store;

/// The account of all counts of claims.
const ACCOUNT: &str = "claims";
const REGISTERED: &str = "registered";
pub(super) const USED: &str = "used";
const WITHDRAWN: &str = "withdrawn";

/// A claim to register.
#[derive(Clone, Debug)]
pub struct ClaimToRegister<'a> {
    /// Of which customer of the party.
    pub customer: &'a str,
    /// By which campaign.
    pub campaign: &'a str,
    /// By which channels; all of the campaign's where empty.
    pub channels: &'a [String],
    /// First instant at which a contact may use it.
    pub from: Timestamp,
    /// First instant at which none may any more.
    pub until: Timestamp,
    /// Ranks after the priority.
    pub score: Option<f64>,
}

/// A live claim, by names.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerClaim {
    /// The claim.
    pub claim: Claim,
    /// The priority of its campaign.
    pub priority: u8,
}

/// What became of one claim to register.
pub type RegisterResult = Result<Registered, ClaimError>;

/// How many of a campaign's claims ever came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClaimTotals {
    /// Registered.
    pub registered: u64,
    /// Used by a grant.
    pub used: u64,
    /// Given back.
    pub withdrawn: u64,
    /// Registered, not given back, and over.
    pub due: u64,
    /// Of those: used.
    pub due_used: u64,
}

/// What is counted of a claim: per campaign, since its claims were last withdrawn as a whole, and per UTC day of its end.
pub(super) fn count(snapshot: &Snapshot, claim: &Claim, what: &str, delta: i64) -> Count {
    let since = snapshot.register.withdrawn_at(claim.campaign);
    let day = claim.until.0.div_euclid(DAY_MS);
    let field = format!("{}|{since}|{day}|{what}", claim.campaign.0);
    Count { account: ACCOUNT.to_owned(), field, delta, keep_ms: 0 }
}

/// The parts of a count's field: campaign, since, day, what.
fn parts(field: &str) -> Option<(u32, u64, i64, &str)> {
    let mut parts = field.split('|');
    let (campaign, since, day) =
        (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((campaign, since, day, parts.next()?))
}

fn claim_of(
    snapshot: &Snapshot,
    wanted: &ClaimToRegister<'_>,
    member: arbiter_core::customer::Member,
) -> Option<Claim> {
    let campaign = snapshot.campaign(wanted.campaign)?;
    let mut channels: Vec<ChannelId> = Vec::new();
    for channel in wanted.channels.iter().filter_map(|name| snapshot.channel(name)) {
        // Each once: a value holds as many channels of a claim as a catalog can have, and no more.
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }
    Some(Claim {
        member,
        campaign: campaign.common.campaign,
        channels,
        from: wanted.from,
        until: wanted.until,
        score: wanted.score,
        version: snapshot.version,
    })
}

impl<S: Store> Arbiter<S> {
    /// Register claims of the customers of one party, in one commit. The campaign and channels were checked against the active catalog.
    ///
    /// # Errors
    /// [`ArbiterError`] where none was registered.
    pub async fn register_claims(
        &self,
        party: &str,
        wanted: &[ClaimToRegister<'_>],
        now: Timestamp,
    ) -> Result<Vec<RegisterResult>, ArbiterError> {
        let change = |at: super::At<'_>, state: &mut CustomerState, _: &mut _| {
            let (mut results, mut counts, mut log) = (Vec::new(), Vec::new(), Vec::new());
            for wanted in wanted {
                let Some(member) = state.admit_member(party, wanted.customer) else {
                    results.push(Err(ClaimError::PartyFull));
                    continue;
                };
                let Some(claim) = claim_of(at.snapshot, wanted, member) else {
                    results.push(Err(ClaimError::CampaignUnknown));
                    continue;
                };
                let registered = register(at.snapshot, state, claim.clone(), now);
                if registered == Ok(Registered::Added) {
                    counts.push(count(at.snapshot, &claim, REGISTERED, 1));
                }
                if registered.is_ok() {
                    log.push(at.stamp(wanted.customer, party, now).registered(&[claim]));
                }
                results.push(registered);
            }
            forget(at.snapshot, state, now);
            Ok(Step { log, counts, ..Step::of(results) })
        };
        self.update(party, now, change).await.map(|(results, _)| results)
    }

    /// Give back a customer's claims for a campaign; returns how many were live.
    ///
    /// # Errors
    /// [`ArbiterError`] where none was given back.
    pub async fn withdraw_claims(
        &self,
        party: &str,
        customer: &str,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<u64, ArbiterError> {
        let change = |at: super::At<'_>, state: &mut CustomerState, _: &mut _| {
            let member = state.member(party, customer);
            let withdrawn = withdraw(at.snapshot, state, member, campaign, now);
            if withdrawn.is_empty() {
                return Ok(Step::of(0));
            }
            let counts = withdrawn.iter().map(|claim| count(at.snapshot, claim, WITHDRAWN, 1)).collect();
            let name = at.snapshot.register.campaigns.get(campaign.index()).map_or("", String::as_str);
            let log = vec![at.stamp(customer, party, now).withdrawn(name)];
            forget(at.snapshot, state, now);
            Ok(Step { log, counts, ..Step::of(withdrawn.len() as u64) })
        };
        self.update(party, now, change).await.map(|(count, _)| count)
    }

    /// The live claims of a customer, the best ranked first.
    ///
    /// # Errors
    /// What the store says.
    pub async fn claims(
        &self,
        party: &str,
        customer: &str,
        now: Timestamp,
    ) -> Result<(Vec<CustomerClaim>, Arc<Snapshot>), ArbiterError> {
        let (loaded, snapshot) = self.load_known(party, now).await?;
        let member = loaded.state.member(party, customer);
        let mut held: Vec<LiveClaim<'_>> =
            live(&snapshot, &loaded.state, now).filter(|live| live.claim.member == member).collect();
        held.sort_by(|left, right| left.rank().order(&right.rank()));
        let claims = held
            .iter()
            .map(|live| CustomerClaim { claim: live.claim.clone(), priority: live.campaign.common.priority });
        let claims = claims.collect();
        drop(held);
        Ok((claims, snapshot))
    }

    /// How many claims of each campaign of the catalog ever came, since its claims were last withdrawn as a whole.
    ///
    /// # Errors
    /// What the store says.
    pub async fn claim_totals(&self, now: Timestamp) -> Result<Vec<(String, ClaimTotals)>, ArbiterError> {
        let snapshot = self.snapshot()?;
        let today = now.0.div_euclid(DAY_MS);
        let mut totals: BTreeMap<u32, ClaimTotals> = BTreeMap::new();
        let counted = self.store.tally(ACCOUNT).await?;
        for (field, sum) in &counted {
            let Some((campaign, since, day, what)) = parts(field) else { continue };
            if since != snapshot.register.withdrawn_at(CampaignId(campaign)) {
                continue;
            }
            let (sum, is_due) = (u64::try_from(*sum).unwrap_or_default(), day < today);
            let due = if is_due { sum } else { 0 };
            let held = totals.entry(campaign).or_default();
            match what {
                REGISTERED => (held.registered, held.due) = (held.registered + sum, held.due + due),
                USED => (held.used, held.due_used) = (held.used + sum, held.due_used + due),
                WITHDRAWN => {
                    (held.withdrawn, held.due) = (held.withdrawn + sum, held.due.saturating_sub(due));
                }
                _ => {}
            }
        }
        let of = |campaign: &arbiter_core::catalog::Campaign| {
            let totals = totals.get(&campaign.common.campaign.0).copied().unwrap_or_default();
            (campaign.name.clone(), totals)
        };
        Ok(snapshot.campaigns.iter().take(MAX_TOTALS).map(of).collect())
    }
}

/// How many campaigns totals are told of at most, in the order of the catalog.
const MAX_TOTALS: usize = 1_000;
