//! The explanation: what each rule has used, when each channel is next free, what the customer likes and what is claimed.

use crate::asked::{Asked, asked, earliest};
use crate::catalog::Snapshot;
use crate::claims::live;
use crate::compiled::AlikeIn;
use crate::customer::{Claim, CustomerState};
use crate::decide::{Asker, given_segments};
use crate::decision::{Amount, Denial, Reason};
use crate::ids::{ChannelId, FamilyId, SegmentId, TermsId};
use crate::request::Request;
use crate::rules::{PolicyRule, RuleKind, View};
use crate::standings::Standings;
use crate::time::Timestamp;

/// How many ways to contact, campaigns by their channels, an explanation goes through at most, in the order of the catalog.
pub const MAX_WAYS: usize = 1_000;
/// How many rule readings an explanation gives at most.
pub const MAX_READINGS: usize = 10_000;

/// What one rule has used, for one campaign by one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Position of the rule in [`Snapshot::rules`].
    pub rule: usize,
    /// What the figures were taken for.
    pub terms: TermsId,
    /// The reason that it would give.
    pub reason: Reason,
    /// What it allows.
    pub limit: Amount,
    /// What is used.
    pub used: Amount,
    /// Whether it speaks against.
    pub is_against: bool,
    /// From when on it no longer would.
    pub earliest: Option<Timestamp>,
}

/// When a channel is next free, and for which campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Availability {
    /// The channel.
    pub channel: ChannelId,
    /// Terms of the campaign that could use it first.
    pub terms: Option<TermsId>,
    /// From when on.
    pub earliest: Option<Timestamp>,
}

/// Contacts in a row that nobody answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streak {
    /// Position of the back-off rule in [`Snapshot::rules`].
    pub rule: usize,
    /// What the contacts are alike in.
    pub of: AlikeIn,
    /// The name of the family, campaign or channel; empty for any, and for contacts of no family.
    pub name: String,
    /// How many.
    pub length: i64,
}

/// How much the customer likes an offer family.
#[derive(Clone, Debug, PartialEq)]
pub struct Liking {
    /// The family.
    pub family: FamilyId,
    /// What its engagements add up to, faded.
    pub strength: f64,
    /// Half-life, milliseconds.
    pub half_life_ms: i64,
}

/// What one rule says of a campaign by one of its channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// The reason that it gives or would give.
    pub reason: Reason,
    /// Position of the rule in [`Snapshot::rules`]; nothing where it stands with customer or campaign.
    pub rule: Option<usize>,
    /// The campaign by this channel.
    pub terms: TermsId,
    /// Its denial, where it speaks against.
    pub denial: Option<Denial>,
}

/// The explanation of one customer at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanation {
    /// One per rule, campaign and channel that it judges.
    pub readings: Vec<Reading>,
    /// One per channel of the catalog.
    pub channels: Vec<Availability>,
    /// Those that are not empty.
    pub streaks: Vec<Streak>,
    /// One per offer family with a half-life.
    pub likings: Vec<Liking>,
    /// Live claims of the customer, the best ranked first.
    pub claims: Vec<Claim>,
    /// For one campaign: every rule in order of precedence.
    pub ladder: Vec<Rung>,
    /// Derived segments that the customer is in.
    pub derived: Vec<SegmentId>,
}

/// Explain a customer for one campaign, or for all. Stands only where no standing was missing.
#[must_use]
pub fn explain(
    snapshot: &Snapshot,
    state: &CustomerState,
    request: &Request<'_>,
    standings: &Standings,
    only: Option<&str>,
    now: Timestamp,
) -> Explanation {
    let segments = given_segments(snapshot, request);
    let member = state.member(request.party, request.customer);
    let asker = Asker { request, segments: &segments, member, now };
    let ways = ways(snapshot, state, &asker, standings, only);
    if is_something_missing(&ways, standings, now) {
        return Explanation::default();
    }
    let channels = snapshot.channels.iter();
    let mut explanation = Explanation {
        channels: channels
            .map(|channel| Availability { channel: channel.id, terms: None, earliest: None })
            .collect(),
        ..Explanation::default()
    };
    for Way { channel, terms, view } in &ways {
        let rules: Vec<Asked<'_>> = asked(view).collect();
        readings(&rules, view, *terms, now, &mut explanation);
        if only.is_some() {
            explanation.ladder.extend(rungs(&rules, view, *terms, now));
        }
        let entry = explanation.channels.iter_mut().find(|entry| entry.channel == *channel);
        // None is free before this moment, and of several the best ranked is told.
        if let Some(entry) = entry.filter(|entry| entry.earliest != Some(now))
            && let Some(free) = earliest(&rules, view, now)
            && entry.earliest.is_none_or(|held| free < held)
        {
            *entry = Availability { channel: *channel, terms: Some(*terms), earliest: Some(free) };
        }
    }
    explanation.ladder.sort_by_key(|rung| (rung.reason, rung.rule));
    of_customer(snapshot, state, &asker, standings, &mut explanation);
    explanation
}

/// A campaign by one of its channels.
struct Way<'a> {
    channel: ChannelId,
    terms: TermsId,
    view: View<'a>,
}

/// The ways to go through, the best ranked campaigns first.
fn ways<'a>(
    snapshot: &'a Snapshot,
    state: &'a CustomerState,
    asker: &Asker<'a>,
    standings: &'a Standings,
    only: Option<&str>,
) -> Vec<Way<'a>> {
    let campaigns =
        snapshot.campaigns.iter().filter(|campaign| only.is_none_or(|name| name == campaign.name));
    let listed = campaigns.flat_map(|campaign| campaign.channels.iter().map(move |way| (campaign, *way)));
    let known = listed.filter_map(|(campaign, (channel, id))| {
        let terms = snapshot.register.terms(id)?;
        let view = asker.view(snapshot, state, standings, (campaign, Some(id), terms));
        Some(Way { channel, terms: id, view })
    });
    let mut ways: Vec<_> = known.take(MAX_WAYS).collect();
    ways.sort_by(|left, right| {
        let (left, right) = (left.view.campaign, right.view.campaign);
        let by_priority = right.common.priority.cmp(&left.common.priority);
        by_priority.then_with(|| left.name.as_bytes().cmp(right.name.as_bytes()))
    });
    ways
}

/// Whether an account that counts at this moment is not known; all of them are then noted, before any work that will have to be done anew.
fn is_something_missing(ways: &[Way<'_>], standings: &Standings, now: Timestamp) -> bool {
    for Way { view, .. } in ways {
        let rules = view.snapshot.rules_for(view.terms, view.terms_id);
        let capacities = rules.filter(|rule| rule.judges(view, now)).filter_map(PolicyRule::capacity);
        capacities.for_each(|capacity| capacity.note(view, now));
    }
    standings.is_something_missing()
}

/// What does not depend on a campaign.
fn of_customer(
    snapshot: &Snapshot,
    state: &CustomerState,
    asker: &Asker<'_>,
    standings: &Standings,
    explanation: &mut Explanation,
) {
    let mut claims: Vec<_> =
        live(snapshot, state, asker.now).filter(|live| live.claim.member == asker.member).collect();
    claims.sort_by(|left, right| left.rank().order(&right.rank()));
    explanation.claims = claims.into_iter().map(|live| live.claim.clone()).collect();
    let Some(any) = snapshot.campaigns.first() else { return };
    let view = asker.view(snapshot, state, standings, (any, None, &any.common));
    explanation.derived = view.derived_at(asker.now).collect();
    let families = (0..).zip(&snapshot.register.offer_families).map(|(number, _)| FamilyId(number));
    explanation.likings = families
        .filter_map(|family| {
            let half_life_ms = snapshot.family(family)?.half_life_ms?;
            let strength = crate::affinity::strength(&view, family, asker.now)?;
            Some(Liking { family, strength, half_life_ms })
        })
        .collect();
}

fn rungs(rules: &[Asked<'_>], view: &View<'_>, terms: TermsId, now: Timestamp) -> impl Iterator<Item = Rung> {
    let judging = rules.iter().filter(move |asked| asked.judges(view, now));
    judging.map(move |asked| Rung {
        reason: asked.reason,
        rule: asked.policy_rule.map(|rule| rule.order),
        terms,
        denial: asked.deny(view, now),
    })
}

fn readings(rules: &[Asked<'_>], view: &View<'_>, terms: TermsId, now: Timestamp, into: &mut Explanation) {
    for asked in rules {
        let Some(policy_rule) = asked.policy_rule.filter(|rule| rule.judges(view, now)) else { continue };
        if into.readings.len() >= MAX_READINGS {
            return;
        }
        let denial = asked.deny(view, now);
        if asked.reason == Reason::Outranked && denial.is_none() {
            continue;
        }
        let is_against = denial.is_some();
        let earliest = denial.as_ref().and_then(|denial| denial.earliest);
        let (limit, used) = match (&policy_rule.kind, denial) {
            (_, Some(denial)) => (denial.limit, denial.used),
            (kind, None) => figures(kind, view, now),
        };
        if let RuleKind::BackOff(back_off) = &policy_rule.kind {
            let length = back_off.streak_length(view, now);
            note_streak(view, policy_rule.order, back_off.written.of, length, &mut into.streaks);
        }
        let reason = asked.reason;
        into.readings.push(Reading {
            rule: policy_rule.order,
            terms,
            reason,
            limit,
            used,
            is_against,
            earliest,
        });
    }
}

/// What a silent rule allows, and what is used of it.
fn figures(kind: &RuleKind, view: &View<'_>, now: Timestamp) -> (Amount, Amount) {
    match kind {
        RuleKind::FrequencyCap(cap) => (cap.amount(cap.limit(view.terms)), cap.amount(cap.used(view, now))),
        RuleKind::BackOff(back_off) => (
            Amount::Contacts(i64::from(back_off.written.after)),
            Amount::Contacts(back_off.streak_length(view, now)),
        ),
        RuleKind::Capacity(capacity) => {
            (capacity.amount(capacity.limit), capacity.amount(capacity.used(view, now)))
        }
        RuleKind::Respite(_) | RuleKind::Prerequisite(_) | RuleKind::Holdout(_) => {
            (Amount::None, Amount::None)
        }
    }
}

fn note_streak(view: &View<'_>, rule: usize, of: AlikeIn, length: i64, into: &mut Vec<Streak>) {
    let register = &view.snapshot.register;
    let name = match of {
        AlikeIn::OfferFamily => {
            view.terms.offer_family.and_then(|family| register.offer_families.get(family.index()))
        }
        AlikeIn::Campaign => register.campaigns.get(view.terms.campaign.index()),
        AlikeIn::Channel => register.channels.get(view.terms.channel.index()),
        AlikeIn::Any => None,
    };
    let streak = Streak { rule, of, name: name.cloned().unwrap_or_default(), length };
    let is_known = into.iter().any(|held| held.rule == rule && held.name == streak.name);
    if length > 0 && !is_known {
        into.push(streak);
    }
}
