//! Claims: places that campaigns asked for in advance, and what becomes of them.

use std::fmt;

use crate::arbitrate::Rank;
use crate::catalog::{Campaign, Snapshot};
use crate::customer::{Claim, CustomerState, MAX_CLAIMS, Member};
use crate::ids::{CampaignId, ChannelId, TermsId};
use crate::time::{DAY_MS, Timestamp};

/// How far ahead a claim may reach.
pub const MAX_AHEAD_MS: i64 = 400 * DAY_MS;

/// A claim that holds its place.
#[derive(Clone, Copy, Debug)]
pub struct LiveClaim<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// Its campaign, as the catalog has it.
    pub campaign: &'a Campaign,
    /// The first instant at which it may be used.
    pub first: Timestamp,
    /// The first instant at which it may not be used any more.
    pub end: Timestamp,
}

impl<'a> LiveClaim<'a> {
    /// A claim as it stands for whoever asks at `asked`; nothing where it holds no place.
    #[must_use]
    pub fn of(snapshot: &'a Snapshot, claim: &'a Claim, asked: Timestamp) -> Option<Self> {
        let campaign = snapshot.campaign_of(claim.campaign)?;
        if claim.version <= snapshot.register.withdrawn_at(claim.campaign) {
            return None;
        }
        let begun = campaign.active_from.map_or(claim.from, |from| from.max(claim.from));
        let first = begun.max(asked);
        let end = campaign.active_until.map_or(claim.until, |until| until.min(claim.until));
        (first < end).then_some(Self { claim, campaign, first, end })
    }

    /// Where it stands among candidates and other claims.
    #[must_use]
    pub fn rank(&self) -> Rank<'a> {
        Rank {
            priority: self.campaign.common.priority,
            score: self.claim.score.unwrap_or(0.0),
            deadline: Some(self.claim.until),
            campaign: &self.campaign.name,
        }
    }

    /// The campaign's channels that it may use, with their terms.
    pub fn channels(&self) -> impl Iterator<Item = (ChannelId, TermsId)> + use<'a> {
        let claim = self.claim;
        self.campaign.channels.iter().copied().filter(move |(channel, _)| claim.takes_channel(*channel))
    }
}

/// The claims of a party that hold their places for whoever asks at `asked`.
pub fn live<'a>(
    snapshot: &'a Snapshot,
    state: &'a CustomerState,
    asked: Timestamp,
) -> impl Iterator<Item = LiveClaim<'a>> {
    state.claims.iter().filter_map(move |claim| LiveClaim::of(snapshot, claim, asked))
}

/// A contact that may use a claim.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// Of whom.
    pub member: Member,
    /// Of which campaign.
    pub campaign: CampaignId,
    /// By which channel.
    pub channel: ChannelId,
    /// When it takes its place.
    pub time: Timestamp,
    /// When it was asked for.
    pub asked: Timestamp,
}

/// Use up the claim that a grant was for: of those that fit, the one with the earliest `until`, then the earliest `from`.
pub fn use_up(snapshot: &Snapshot, state: &mut CustomerState, by: Use) -> Option<Claim> {
    let fits = |claim: &Claim| {
        claim.member == by.member
            && claim.campaign == by.campaign
            && claim.from <= by.time
            && by.time < claim.until
            && claim.takes_channel(by.channel)
            && LiveClaim::of(snapshot, claim, by.asked).is_some()
    };
    let fitting = state.claims.iter().enumerate().filter(|(_, claim)| fits(claim));
    let (place, _) = fitting.min_by_key(|(_, claim)| (claim.until, claim.from))?;
    Some(state.claims.remove(place))
}

/// What became of a claim to register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It holds a place.
    Added,
    /// It was there, and was brought up to date.
    Known,
    /// It was there just as it is.
    Unchanged,
}

/// Why a claim is not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// The party holds as many live claims as it can.
    TooMany,
    /// The party has as many customers as it can.
    PartyFull,
    /// The catalog does not have the campaign any more.
    CampaignUnknown,
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(f, "the party holds {MAX_CLAIMS} live claims already"),
            Self::CampaignUnknown => f.write_str("no such campaign"),
            Self::PartyFull => f.write_str("the party has as many customers as it can have"),
        }
    }
}

impl std::error::Error for ClaimError {}

/// Register a claim; those of the party that are over, or were withdrawn with their campaigns, go. Where the claim is there as it is, the
/// state need not be kept.
///
/// # Errors
/// [`ClaimError::TooMany`] where the party is full of live claims.
pub fn register(
    snapshot: &Snapshot,
    state: &mut CustomerState,
    claim: Claim,
    asked: Timestamp,
) -> Result<Registered, ClaimError> {
    let is_dead =
        |held: &Claim| held.until <= asked || held.version <= snapshot.register.withdrawn_at(held.campaign);
    state.claims.retain(|held| !is_dead(held));
    if let Some(held) = state.claims.iter_mut().find(|held| held.is_same_place(&claim)) {
        // Both versions are newer than the last under which claims of the campaign are dead: which of them it is says nothing.
        if (&held.channels, held.score) == (&claim.channels, claim.score) {
            return Ok(Registered::Unchanged);
        }
        *held = claim;
        return Ok(Registered::Known);
    }
    if state.claims.len() >= MAX_CLAIMS {
        return Err(ClaimError::TooMany);
    }
    state.claims.push(claim);
    Ok(Registered::Added)
}

/// Give back the claims of a customer for a campaign; returns those that were live.
pub fn withdraw(
    snapshot: &Snapshot,
    state: &mut CustomerState,
    member: Member,
    campaign: CampaignId,
    asked: Timestamp,
) -> Vec<Claim> {
    let is_meant = |claim: &Claim| claim.member == member && claim.campaign == campaign;
    let withdrawn: Vec<Claim> = live(snapshot, state, asked)
        .filter(|live| is_meant(live.claim))
        .map(|live| live.claim.clone())
        .collect();
    state.claims.retain(|claim| !is_meant(claim));
    withdrawn
}
