//! The explanation: what each rule has used, and when each channel is next free.

use crate::catalog::Snapshot;
use crate::customer::CustomerState;
use crate::decide::{Asker, asked, earliest, view_of};
use crate::decision::{Amount, Reason};
use crate::ids::{ChannelId, SegmentId, TermsId};
use crate::request::Request;
use crate::rules::{RuleKind, View};
use crate::time::Timestamp;

/// How many campaigns an explanation goes through at most, in the order of the catalog.
pub const MAX_CAMPAIGNS: usize = 1_000;
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

/// The explanation of one customer at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// One per rule, campaign and channel that it judges.
    pub readings: Vec<Reading>,
    /// One per channel of the catalog.
    pub channels: Vec<Availability>,
}

/// Explain a customer for one campaign, or for all.
#[must_use]
pub fn explain(
    snapshot: &Snapshot,
    state: &CustomerState,
    request: &Request<'_>,
    only: Option<&str>,
    now: Timestamp,
) -> Explanation {
    let segments: Vec<SegmentId> =
        request.segments.iter().filter_map(|name| snapshot.segment(name)).collect();
    let asker = Asker { request, segments: &segments };
    let mut explanation = Explanation::default();
    let mut best: Vec<Availability> = snapshot
        .channels
        .iter()
        .map(|channel| Availability { channel: channel.id, terms: None, earliest: None })
        .collect();
    let mut campaigns: Vec<_> = snapshot
        .campaigns
        .iter()
        .filter(|campaign| only.is_none_or(|name| name == campaign.name))
        .take(MAX_CAMPAIGNS)
        .collect();
    campaigns.sort_by(|left, right| {
        right
            .common
            .priority
            .cmp(&left.common.priority)
            .then_with(|| left.name.as_bytes().cmp(right.name.as_bytes()))
    });
    for campaign in campaigns {
        for (channel, terms_id) in &campaign.channels {
            let Some(view) = view_of(snapshot, state, campaign, *terms_id, &asker) else { continue };
            readings(&view, *terms_id, now, &mut explanation.readings);
            let free = earliest(&view, now);
            let entry = best.iter_mut().find(|entry| entry.channel == *channel);
            if let (Some(entry), Some(free)) = (entry, free)
                && entry.earliest.is_none_or(|held| free < held)
            {
                *entry = Availability { channel: *channel, terms: Some(*terms_id), earliest: Some(free) };
            }
        }
    }
    explanation.channels = best;
    explanation
}

fn readings(view: &View<'_>, terms: TermsId, now: Timestamp, into: &mut Vec<Reading>) {
    for asked in asked(view) {
        let Some(policy_rule) = asked.policy_rule else { continue };
        if into.len() >= MAX_READINGS {
            return;
        }
        let denial = asked.rule.check(view, now);
        let is_against = denial.is_some();
        let (limit, used) = match (&policy_rule.kind, denial) {
            (_, Some(denial)) => (denial.limit, denial.used),
            (RuleKind::FrequencyCap(cap), None) => {
                (cap.amount(cap.limit(view.terms)), cap.amount(cap.used(view, now)))
            }
            (RuleKind::BackOff(back_off), None) => (
                Amount::Contacts(i64::from(back_off.written.after)),
                Amount::Contacts(back_off.streak_length(view, now)),
            ),
            (RuleKind::Respite(_), None) => (Amount::None, Amount::None),
        };
        let earliest = if is_against { asked.rule.silent_from(view, now) } else { None };
        into.push(Reading {
            rule: policy_rule.order,
            terms,
            reason: policy_rule.reason(),
            limit,
            used,
            is_against,
            earliest,
        });
    }
}
