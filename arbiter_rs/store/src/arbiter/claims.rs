//! Claims: registered, given back, counted.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arbiter_core::{
    catalog::{Campaign, Snapshot},
    claims::{ClaimError, LiveClaim, MAX_AHEAD_MS, Registered, live, register, withdraw},
    customer::{Claim, CustomerState},
    decide::forget,
    ids::{CampaignId, ChannelId},
    time::{DAY_MS, Timestamp},
};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Arbiter, ArbiterError, Step, scarce::Count};
use crate::{store::Store, tally::MAX_KEEP_MS};

/// For how many days after the UTC day of its end a claim is told of in the totals.
pub const TOLD_DAYS: i64 = 400;
/// How many days ahead a claim may end.
const AHEAD_DAYS: i64 = MAX_AHEAD_MS / DAY_MS;
/// How many campaigns totals are told of at most, in the order of the catalog.
const MAX_TOTALS: usize = 1_000;
/// Of how many campaigns counts are read at once.
const READS_IN_FLIGHT: usize = 16;

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

impl<'a> ClaimToRegister<'a> {
    const fn place(&self) -> Place<'a> {
        (self.customer, self.campaign, self.from, self.until)
    }
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

/// How many of a campaign's claims came.
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

impl ClaimTotals {
    /// Add what was counted of claims that end on one day. Of one day what was registered comes first.
    fn add(&mut self, what: &str, sum: u64, is_over: bool) {
        let due = if is_over { sum } else { 0 };
        match what {
            REGISTERED => (self.registered, self.due) = (self.registered + sum, self.due + due),
            USED => (self.used, self.due_used) = (self.used + sum, self.due_used + due),
            WITHDRAWN => (self.withdrawn, self.due) = (self.withdrawn + sum, self.due.saturating_sub(due)),
            _ => {}
        }
    }
}

/// The account of the claims of a campaign, since they were last withdrawn as a whole, that end in one span of days. Unlike that of a
/// capacity its name has no [`SEPARATOR`](arbiter_core::register::SEPARATOR).
fn account(campaign: CampaignId, since: u64, span: i64) -> String {
    format!("claims:{}:{since}:{span}", campaign.0)
}

/// What is counted of a claim: per UTC day of its end. Claims of an account end in one span, so that it is kept as long as any day of
/// the span is told of.
pub(super) fn count(snapshot: &Snapshot, claim: &Claim, what: &str, now: Timestamp) -> Count {
    let since = snapshot.register.withdrawn_at(claim.campaign);
    let day = claim.until.0.div_euclid(DAY_MS);
    let span = day.div_euclid(TOLD_DAYS);
    let told_until = (span + 2) * TOLD_DAYS * DAY_MS;
    let keep_ms = told_until.saturating_sub(now.0).clamp(DAY_MS, MAX_KEEP_MS);
    Count { account: account(claim.campaign, since, span), field: format!("{day}|{what}"), delta: 1, keep_ms }
}

/// The parts of a count's field: day, what.
fn parts(field: &str) -> Option<(i64, &str)> {
    let (day, what) = field.split_once('|')?;
    Some((day.parse().ok()?, what))
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

/// What a claim is known by.
type Place<'a> = (&'a str, &'a str, Timestamp, Timestamp);

/// Each place once, in the order in which they are last named, as it is named last.
fn last_words<'a>(wanted: &'a [ClaimToRegister<'a>]) -> Vec<(Place<'a>, &'a ClaimToRegister<'a>)> {
    let mut seen = HashSet::new();
    let named = wanted.iter().rev().map(|wanted| (wanted.place(), wanted));
    let mut last: Vec<_> = named.filter(|(place, _)| seen.insert(*place)).collect();
    last.reverse();
    last
}

/// What became of each claim to register: of one place that is named several times it was there when it was named again.
fn results<'a>(
    wanted: &'a [ClaimToRegister<'a>],
    mut outcomes: HashMap<Place<'a>, RegisterResult>,
) -> Vec<RegisterResult> {
    let result = |wanted: &ClaimToRegister<'a>| {
        let Some(outcome) = outcomes.get_mut(&wanted.place()) else { return Ok(Registered::Known) };
        std::mem::replace(outcome, outcome.map(|_| Registered::Known))
    };
    wanted.iter().map(result).collect()
}

/// Register one claim; it comes back where the state has changed. One that is refused makes nobody a member of the party.
fn register_one(
    snapshot: &Snapshot,
    state: &mut CustomerState,
    party: &str,
    wanted: &ClaimToRegister<'_>,
    now: Timestamp,
) -> (Option<Claim>, RegisterResult) {
    let members = state.members.len();
    let Some(member) = state.admit_member(party, wanted.customer) else {
        return (None, Err(ClaimError::PartyFull));
    };
    let claim = claim_of(snapshot, wanted, member).ok_or(ClaimError::CampaignUnknown);
    let registered = claim.and_then(|claim| Ok((register(snapshot, state, claim.clone(), now)?, claim)));
    match registered {
        Ok((registered, claim)) => ((registered != Registered::Unchanged).then_some(claim), Ok(registered)),
        Err(error) => {
            state.members.truncate(members);
            (None, Err(error))
        }
    }
}

impl<S: Store> Arbiter<S> {
    /// Register claims of the customers of one party, in one commit; a place that is named several times as it is named last. The campaign and channels were checked against the active catalog.
    ///
    /// # Errors
    /// [`ArbiterError`] where none was registered.
    pub async fn register_claims(
        &self,
        party: &str,
        wanted: &[ClaimToRegister<'_>],
        now: Timestamp,
    ) -> Result<Vec<RegisterResult>, ArbiterError> {
        let last = last_words(wanted);
        let change = |at: super::At<'_>, state: &mut CustomerState, _: &mut _| {
            let (mut outcomes, mut counts, mut log) = (HashMap::new(), Vec::new(), Vec::new());
            for (place, wanted) in &last {
                let (claim, registered) = register_one(at.snapshot, state, party, wanted, now);
                if let Some(claim) = claim {
                    if registered == Ok(Registered::Added) {
                        counts.push(count(at.snapshot, &claim, REGISTERED, now));
                    }
                    log.push(at.stamp(wanted.customer, party, now).registered(&[claim]));
                }
                outcomes.insert(*place, registered);
            }
            forget(at.snapshot, state, now);
            Ok(Step { log, counts, ..Step::of(results(wanted, outcomes)) })
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
            let counts = withdrawn.iter().map(|claim| count(at.snapshot, claim, WITHDRAWN, now)).collect();
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

    /// How many claims of this campaign, or of each campaign of the catalog, came: those counted since its claims were last withdrawn as a
    /// whole that end in the future or ended at most [`TOLD_DAYS`] ago.
    ///
    /// # Errors
    /// What the store says.
    pub async fn claim_totals(
        &self,
        campaign: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<(String, ClaimTotals)>, ArbiterError> {
        let snapshot = self.snapshot()?;
        let is_meant = |known: &&Campaign| campaign.is_none_or(|name| name == known.name);
        let meant = snapshot.campaigns.iter().filter(is_meant).take(MAX_TOTALS);
        let named = |campaign: &Campaign| (campaign.name.clone(), campaign.common.campaign);
        // Owned: a future that is sent to another thread holds no closure of borrowed campaigns.
        let meant: Vec<(String, CampaignId)> = meant.map(named).collect();
        let snapshot = &snapshot;
        let read = stream::iter(meant).map(|(name, campaign)| async move {
            Ok((name, self.totals_of(snapshot, campaign, now).await?))
        });
        read.buffered(READS_IN_FLIGHT).try_collect().await
    }

    async fn totals_of(
        &self,
        snapshot: &Snapshot,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<ClaimTotals, ArbiterError> {
        let (since, today) = (snapshot.register.withdrawn_at(campaign), now.0.div_euclid(DAY_MS));
        let oldest = today - TOLD_DAYS;
        let mut totals = ClaimTotals::default();
        // A day more: the clock of the replica that registered a claim may be ahead.
        let latest = today + AHEAD_DAYS + 1;
        for span in oldest.div_euclid(TOLD_DAYS)..=latest.div_euclid(TOLD_DAYS) {
            for (field, sum) in self.store.tally(&account(campaign, since, span)).await? {
                let counted = parts(&field).filter(|(day, _)| oldest <= *day);
                if let Some((day, what)) = counted {
                    totals.add(what, u64::try_from(sum).unwrap_or_default(), day < today);
                }
            }
        }
        Ok(totals)
    }
}

#[cfg(test)]
mod tests {
    use arbiter_core::{compiled::CompiledCatalog, customer::Member, register::Register};

    use super::*;

    const T: Timestamp = Timestamp(1_772_438_400_000);

    fn snapshot() -> Snapshot {
        let catalog = serde_json::json!({"format": 1, "zone": "UTC", "horizon_ms": DAY_MS, "channels": []});
        let catalog: CompiledCatalog = serde_json::from_value(catalog).unwrap();
        Snapshot::compile(1, &catalog, Register::default()).unwrap()
    }

    #[test]
    fn a_count_is_kept_as_long_as_the_last_day_of_its_account_is_told_of() {
        for ahead in [1, 200 * DAY_MS, MAX_AHEAD_MS] {
            let until = T.plus_ms(ahead);
            let claim = Claim {
                member: Member::OWN,
                campaign: CampaignId(7),
                channels: Vec::new(),
                from: T,
                until,
                score: None,
                version: 1,
            };
            let count = count(&snapshot(), &claim, REGISTERED, T);
            let left = T.plus_ms(count.keep_ms).0 - until.0;
            assert!((TOLD_DAYS * DAY_MS..=(2 * TOLD_DAYS + 1) * DAY_MS).contains(&left), "{left} ms");
            assert!(count.account.starts_with("claims:7:0:"), "{}", count.account);
        }
    }
}
