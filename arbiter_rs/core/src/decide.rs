//! The decision: (catalog, state, request, now) to an answer and the state after it. Pure: the same arguments give the same answer.

use std::fmt;

use crate::arbitrate::ranked;
use crate::catalog::{Campaign, Snapshot};
use crate::customer::{Contact, CustomerState, Status};
use crate::decision::{CapUsage, Decision, Denial, Grant, Reason};
use crate::ids::{SegmentId, TermsId};
use crate::register::Terms;
use crate::request::{Candidate, Purpose, Request};
use crate::rules::eligibility::{Activity, Audience};
use crate::rules::suppression::Objection;
use crate::rules::{PolicyRule, Rule, RuleKind, View};
use crate::time::Timestamp;

/// The value refers to names that this version of the catalog has not heard of: another replica has applied a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogBehindError;

impl fmt::Display for CatalogBehindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("value was written under a newer catalog than this one")
    }
}

impl std::error::Error for CatalogBehindError {}

/// The answers, in the order of the candidates, and whether the state has changed.
#[derive(Debug)]
pub struct Outcome {
    /// One per candidate.
    pub decisions: Vec<Decision>,
    /// Whether a place was taken: the state must then be kept.
    pub is_changed: bool,
}

/// Whether every contact and engagement of a value is known to this version of the catalog.
///
/// # Errors
/// [`CatalogBehindError`] where one is not.
pub fn ensure_known(snapshot: &Snapshot, state: &CustomerState) -> Result<(), CatalogBehindError> {
    let known = |id: TermsId| id.index() < snapshot.register.terms.len();
    let is_known = state.contacts.iter().all(|contact| known(contact.terms))
        && state.engagements.iter().filter_map(|engagement| engagement.terms).all(known);
    if is_known { Ok(()) } else { Err(CatalogBehindError) }
}

/// Judge the candidates in their rank, give at most `max_grants` places and write them into `state`.
///
/// The caller keeps the state only where the outcome says that it changed and the purpose was to reserve.
///
/// # Errors
/// [`CatalogBehindError`] where the value refers to names that the snapshot does not have.
pub fn decide(
    snapshot: &Snapshot,
    state: &mut CustomerState,
    request: &Request<'_>,
    now: Timestamp,
) -> Result<Outcome, CatalogBehindError> {
    ensure_known(snapshot, state)?;
    let segments: Vec<SegmentId> =
        request.segments.iter().filter_map(|name| snapshot.segment(name)).collect();
    let mut decisions: Vec<Decision> = vec![Decision::default(); request.candidates.len()];
    let next_sequence = state.next_sequence;
    let order = ranked(snapshot, &request.candidates);
    let (repeated, mut winner) = repeat_grants(snapshot, state, request, now, &order, &mut decisions);
    let mut free = request.max_grants.saturating_sub(repeated);
    let mut is_changed = false;
    for index in order {
        let (Some(candidate), Some(decision)) = (request.candidates.get(index), decisions.get_mut(index))
        else {
            continue;
        };
        if decision.grant.is_some() {
            continue;
        }
        *decision = judge(
            snapshot,
            state,
            &Asker { request, segments: &segments },
            candidate,
            now,
            (free == 0).then(|| winner.clone().unwrap_or_default()),
        );
        if let Some(grant) = &mut decision.grant {
            let sequence = take_place(state, request, &segments, grant);
            grant.sequence = if request.purpose == Purpose::Reserve { sequence } else { 0 };
            winner = Some(candidate.campaign.to_owned());
            free -= 1;
            is_changed = true;
        }
    }
    let is_kept = is_changed && request.purpose == Purpose::Reserve;
    if !is_kept {
        // What a check would have granted is no contact that a denial could name.
        let denials = decisions.iter_mut().flat_map(|decision| &mut decision.denials);
        denials.for_each(|denial| denial.contacts.retain(|contact| contact.sequence < next_sequence));
    }
    if is_kept {
        forget(snapshot, state, now);
    }
    Ok(Outcome { decisions, is_changed: is_kept })
}

/// Keep a changed value within its maxima; contacts that a never-ending rest depends on stay beyond the horizon.
pub fn forget(snapshot: &Snapshot, state: &mut CustomerState, now: Timestamp) {
    let is_needed = |state: &CustomerState, contact: &Contact| {
        snapshot.register.terms(contact.terms).is_some_and(|terms| {
            snapshot.rules.iter().any(|rule| match &rule.kind {
                RuleKind::BackOff(back_off) => back_off.needs(contact, terms, state.segments_of(contact)),
                RuleKind::FrequencyCap(_) | RuleKind::Respite(_) => false,
            })
        })
    };
    // A day of grace: replicas whose clocks are behind still find what they would count.
    state.compact(now, snapshot.horizon_at(now).minus_ms(crate::time::DAY_MS), is_needed);
}

/// Answer the grants of an earlier request with this id again; returns how many there were, and the campaign of the last.
///
/// Of candidates that are alike the best ranked one had the earliest grant.
fn repeat_grants(
    snapshot: &Snapshot,
    state: &CustomerState,
    request: &Request<'_>,
    now: Timestamp,
    order: &[usize],
    decisions: &mut [Decision],
) -> (usize, Option<String>) {
    let Some(key) = request.key() else { return (0, None) };
    let (mut grants, mut winner) = (0, None);
    for contact in state.contacts.iter().filter(|contact| contact.is_of_request(key, now)) {
        let Some(terms) = snapshot.register.terms(contact.terms) else { continue };
        let name = snapshot.register.campaigns.get(terms.campaign.index());
        grants += 1;
        winner = name.cloned().or(winner);
        let is_open = |index: &&usize| {
            let candidate = request.candidates.get(**index);
            decisions.get(**index).is_some_and(|decision| decision.grant.is_none())
                && candidate.is_some_and(|candidate| {
                    snapshot.channel(candidate.channel) == Some(terms.channel)
                        && name.is_some_and(|name| name == candidate.campaign)
                })
        };
        if let Some(decision) = order.iter().find(is_open).and_then(|index| decisions.get_mut(*index)) {
            *decision = repeated(snapshot, state, request, contact, terms);
        }
    }
    (grants, winner)
}

/// The decision that a contact was granted by, as things stood then.
fn repeated(
    snapshot: &Snapshot,
    state: &CustomerState,
    request: &Request<'_>,
    contact: &Contact,
    terms: &Terms,
) -> Decision {
    let grant = Grant {
        sequence: contact.sequence,
        time: contact.time,
        expires: contact.expires(terms),
        terms: contact.terms,
        is_repeat: true,
    };
    let name = snapshot.register.campaigns.get(terms.campaign.index());
    let remaining = name.and_then(|name| snapshot.campaign(name)).map(|campaign| {
        let view = View {
            snapshot,
            state,
            campaign,
            terms,
            terms_id: Some(contact.terms),
            segments: state.segments_of(contact),
            calendar: request.calendar.as_ref(),
            before_sequence: contact.sequence,
        };
        remaining(&view, contact.time)
    });
    Decision { grant: Some(grant), remaining: remaining.unwrap_or_default(), ..Decision::default() }
}

/// What a request says of the customer, with the names resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) segments: &'a [SegmentId],
}

/// Ask every rule about one candidate.
fn judge(
    snapshot: &Snapshot,
    state: &CustomerState,
    asker: &Asker<'_>,
    candidate: &Candidate<'_>,
    now: Timestamp,
    outranked_by: Option<String>,
) -> Decision {
    let Some(campaign) = snapshot.campaign(candidate.campaign) else {
        return Decision { denials: vec![Denial::plain(Reason::CampaignUnknown)], ..Decision::default() };
    };
    let channel = snapshot.channel(candidate.channel);
    let listed = campaign.channels.iter().find(|(id, _)| Some(*id) == channel).map(|(_, terms)| *terms);
    let unlisted = snapshot.unlisted_terms(campaign, channel);
    let terms = listed.and_then(|id| snapshot.register.terms(id)).unwrap_or(&unlisted);
    let view = View {
        snapshot,
        state,
        campaign,
        terms,
        terms_id: listed,
        segments: asker.segments,
        calendar: asker.request.calendar.as_ref(),
        before_sequence: u32::MAX,
    };
    let mut denials: Vec<Denial> = asked(&view).filter_map(|asked| asked.deny(&view, now)).collect();
    if let Some(winner) = outranked_by {
        denials.push(Denial {
            outranked_by: Some(winner),
            earliest: Some(now),
            ..Denial::plain(Reason::Outranked)
        });
    }
    match (denials.is_empty(), listed) {
        (true, Some(terms_id)) => Decision {
            grant: Some(Grant {
                sequence: 0,
                time: now,
                expires: now.plus_ms(terms.expires_after_ms),
                terms: terms_id,
                is_repeat: false,
            }),
            remaining: remaining(&view, now),
            ..Decision::default()
        },
        _ => {
            denials.sort_by_key(|denial| (denial.reason, denial.rule));
            let earliest = if denials.iter().any(|denial| denial.earliest.is_none()) {
                None
            } else {
                earliest(&view, now)
            };
            Decision { denials, earliest, ..Decision::default() }
        }
    }
}

/// A rule that judges a candidate, and where it stands in the document.
pub(crate) struct Asked<'a> {
    pub(crate) rule: &'a dyn Rule,
    pub(crate) policy_rule: Option<&'a PolicyRule>,
}

impl Asked<'_> {
    /// Its denial with everything filled in.
    pub(crate) fn deny(&self, view: &View<'_>, t: Timestamp) -> Option<Denial> {
        let denial = self.rule.check(view, t)?;
        Some(Denial {
            rule: self.policy_rule.map(|rule| rule.order),
            earliest: self.rule.silent_from(view, t),
            ..denial
        })
    }
}

/// Every rule that judges a candidate: those that stand with customer and campaign, then those of the policies.
pub(crate) fn asked<'a>(view: &View<'a>) -> impl Iterator<Item = Asked<'a>> {
    let view = *view;
    let standing: [&dyn Rule; 3] = [&Objection, &Activity, &Audience];
    let of_policies =
        view.snapshot.rules_for(view.terms, view.terms_id).filter(move |rule| rule.judges(&view));
    standing
        .into_iter()
        .map(|rule| Asked { rule, policy_rule: None })
        .chain(of_policies.map(|rule| Asked { rule: rule.as_rule(), policy_rule: Some(rule) }))
}

/// The first instant at or after `t` at which no rule speaks against, if nothing else happens.
///
/// Each round moves on to the instant at which the last of the speaking rules falls silent; until then none of the earlier ones can do.
pub(crate) fn earliest(view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
    const MAX_ROUNDS: usize = 4_096;
    let mut moment = t;
    for _ in 0..MAX_ROUNDS {
        let mut next = moment;
        for asked in asked(view) {
            next = next.max(asked.rule.silent_from(view, moment)?);
        }
        if next == moment {
            return Some(moment);
        }
        moment = next;
    }
    None
}

fn remaining(view: &View<'_>, t: Timestamp) -> Vec<CapUsage> {
    let caps =
        view.snapshot.rules_for(view.terms, view.terms_id).filter(|rule| rule.judges(view)).filter_map(
            |rule| match &rule.kind {
                RuleKind::FrequencyCap(cap) => Some((rule.order, cap)),
                RuleKind::BackOff(_) | RuleKind::Respite(_) => None,
            },
        );
    caps.map(|(order, cap)| {
        let used = cap.used(view, t).saturating_add(cap.weight(view.terms));
        CapUsage { rule: order, limit: cap.amount(cap.limit(view.terms)), used: cap.amount(used) }
    })
    .collect()
}

fn take_place(
    state: &mut CustomerState,
    request: &Request<'_>,
    segments: &[SegmentId],
    grant: &Grant,
) -> u32 {
    let segment_set = state.admit_segments(segments);
    state.admit_contact(Contact {
        time: grant.time,
        sequence: 0,
        terms: grant.terms,
        status: Status::Pending,
        is_answered: false,
        segment_set,
        key: request.key(),
        count: 1,
    })
}

/// The view of a candidate for explanations: the campaign by one of its own channels.
pub(crate) fn view_of<'a>(
    snapshot: &'a Snapshot,
    state: &'a CustomerState,
    campaign: &'a Campaign,
    terms_id: TermsId,
    asker: &Asker<'a>,
) -> Option<View<'a>> {
    let terms = snapshot.register.terms(terms_id)?;
    Some(View {
        snapshot,
        state,
        campaign,
        terms,
        terms_id: Some(terms_id),
        segments: asker.segments,
        calendar: asker.request.calendar.as_ref(),
        before_sequence: u32::MAX,
    })
}
