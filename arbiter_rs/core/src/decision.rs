//! The answer: a verdict for each candidate, and everything that spoke for or against it.

use crate::customer::{Charge, Claim};
use crate::ids::{CampaignId, ChannelId, TermsId};
use crate::score::Score;
use crate::time::Timestamp;

/// Why a rule spoke against. The order is the order of precedence, the numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The customer objected or complained.
    Suppressed = 1,
    /// Consent is needed and not there.
    NoConsent = 2,
    /// Quiet hours or a holiday.
    ChannelClosed = 3,
    /// The catalog has no such campaign.
    CampaignUnknown = 4,
    /// The campaign has not begun or is over.
    CampaignInactive = 5,
    /// The customer is not in the audience, or the campaign does not use the channel.
    NotEligible = 6,
    /// The customer is in the hold-out.
    HeldOut = 7,
    /// An event asks for respite.
    Respite = 8,
    /// The customer left contacts unanswered.
    BackOff = 9,
    /// A frequency cap is full.
    FrequencyCap = 10,
    /// No capacity left.
    Capacity = 11,
    /// The budget is spent.
    Budget = 12,
    /// A better-ranked campaign takes the place.
    Outranked = 13,
}

/// A figure of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Amount {
    /// There is none.
    #[default]
    None,
    /// Contacts.
    Contacts(i64),
    /// Points or money, in millionths.
    Micros(i64),
}

impl Amount {
    /// What is left of this where `used` is used, never below 0.
    #[must_use]
    pub fn left(self, used: Self) -> Self {
        let rest = |limit: i64, used: i64| limit.saturating_sub(used).max(0);
        match (self, used) {
            (Self::Contacts(limit), Self::Contacts(used)) => Self::Contacts(rest(limit, used)),
            (Self::Micros(limit), Self::Micros(used)) => Self::Micros(rest(limit, used)),
            _ => Self::None,
        }
    }
}

/// A contact named in a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactReference {
    /// Its number in the customer's value.
    pub sequence: u32,
    /// When it takes its place.
    pub time: Timestamp,
    /// Its terms.
    pub terms: TermsId,
}

/// One rule that spoke against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// Position of the rule in [`crate::catalog::Snapshot::rules`]; nothing where no policy's rule spoke.
    pub rule: Option<usize>,
    /// What the rule allows.
    pub limit: Amount,
    /// What is used of it.
    pub used: Amount,
    /// The latest contacts that used it, newest first, at most [`MAX_REFERENCES`].
    pub contacts: Vec<ContactReference>,
    /// The campaign that takes the place.
    pub outranked_by: Option<String>,
    /// First instant from which the rule no longer speaks against, if nothing else happens.
    pub earliest: Option<Timestamp>,
}

/// How many contacts a denial names at most.
pub const MAX_REFERENCES: usize = 10;

impl Denial {
    /// A denial without figures.
    #[must_use]
    pub const fn plain(reason: Reason) -> Self {
        Self {
            reason,
            rule: None,
            limit: Amount::None,
            used: Amount::None,
            contacts: Vec::new(),
            outranked_by: None,
            earliest: None,
        }
    }
}

/// What a cap still holds after a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapUsage {
    /// Position of the rule in [`crate::catalog::Snapshot::rules`].
    pub rule: usize,
    /// What it allows.
    pub limit: Amount,
    /// What is used, the granted contact included.
    pub used: Amount,
}

/// A place that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The contact's number in the customer's value; 0 where nothing was reserved.
    pub sequence: u32,
    /// When it takes its place.
    pub time: Timestamp,
    /// When the reservation expires unless confirmed.
    pub expires: Timestamp,
    /// The contact's terms.
    pub terms: TermsId,
    /// Whether an earlier request of the same id was given it.
    pub is_repeat: bool,
}

/// The answer for one candidate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// The place, where it was granted.
    pub grant: Option<Grant>,
    /// What each cap still holds, for grants.
    pub remaining: Vec<CapUsage>,
    /// Every rule that spoke against, in order of precedence, then of the document.
    pub denials: Vec<Denial>,
    /// First instant at which no rule speaks against whoever asks then, if nothing else happens.
    pub earliest: Option<Timestamp>,
    /// What ranked it after its priority.
    pub score: Option<Score>,
    /// For grants: what it took of capacities and budgets.
    pub charges: Vec<Charge>,
    /// For grants: the claim that it used.
    pub claim: Option<Claim>,
}

/// In which way an alternative differs from what was asked for. The numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlternativeKind {
    /// The same campaign by another channel.
    Channel = 1,
    /// A campaign of the offer family to fall back to.
    Fallback = 2,
    /// The same campaign and channel, later.
    Time = 3,
}

/// Another way, where nothing that was asked for was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// In which way it differs.
    pub kind: AlternativeKind,
    /// The campaign.
    pub campaign: CampaignId,
    /// The channel.
    pub channel: ChannelId,
    /// When it would be granted, if nothing else happens.
    pub time: Timestamp,
}

/// How many alternatives an answer names at most.
pub const MAX_ALTERNATIVES: usize = 3;
