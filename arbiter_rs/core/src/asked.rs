//! Which rules are asked about a candidate, and what they say together.

use crate::customer::Charge;
use crate::decision::{CapUsage, Denial, Reason};
use crate::rules::eligibility::{Activity, Audience};
use crate::rules::suppression::Objection;
use crate::rules::{PolicyRule, Rule, View};
use crate::time::Timestamp;

/// A rule that judges a candidate, and where it stands in the document.
pub(crate) struct Asked<'a> {
    pub(crate) rule: &'a dyn Rule,
    pub(crate) reason: Reason,
    pub(crate) policy_rule: Option<&'a PolicyRule>,
}

impl Asked<'_> {
    /// Its denial with everything filled in.
    pub(crate) fn deny(&self, view: &View<'_>, t: Timestamp) -> Option<Denial> {
        if !self.judges(view, t) {
            return None;
        }
        let denial = self.rule.check(view, t)?;
        Some(Denial {
            rule: self.policy_rule.map(|rule| rule.order),
            earliest: self.silent_from(&View { asked: None, ..*view }, t),
            ..denial
        })
    }

    /// Whether it judges the candidate at `t`.
    pub(crate) fn judges(&self, view: &View<'_>, t: Timestamp) -> bool {
        self.policy_rule.is_none_or(|rule| !rule.is_derived || rule.judges(view, t))
    }

    /// The first instant at or after `t` at which it does not speak against whoever asks then, if nothing else happens: because it is silent,
    /// or because the customer has left the segments that it judges.
    pub(crate) fn silent_from(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        const MAX_CHANGES: usize = 32_768;
        let Some(rule) = self.policy_rule.filter(|rule| rule.is_derived) else {
            return self.rule.silent_from(view, t);
        };
        let mut moment = t;
        for _ in 0..MAX_CHANGES {
            if !rule.judges(view, moment) || !self.rule.is_against(view, moment) {
                return Some(moment);
            }
            let silence = self.rule.silent_from(view, moment);
            let change = view.next_segment_change(&rule.applies_to, moment);
            moment = silence.into_iter().chain(change).min()?;
        }
        None
    }
}

/// Every rule that may judge a candidate: those that stand with customer and campaign, then those of the policies, each cap followed by the
/// claims that hold places in it.
pub(crate) fn asked<'a>(view: &View<'a>) -> impl Iterator<Item = Asked<'a>> {
    let view = *view;
    let standing: [(&dyn Rule, Reason); 3] = [
        (&Objection, Reason::Suppressed),
        (&Activity, Reason::CampaignInactive),
        (&Audience, Reason::NotEligible),
    ];
    let has_claims = !view.state.claims.is_empty();
    let of_policies =
        view.snapshot.rules_for(view.terms, view.terms_id).filter(move |rule| rule.may_judge_later(&view));
    standing.into_iter().map(|(rule, reason)| Asked { rule, reason, policy_rule: None }).chain(
        of_policies.flat_map(move |rule| {
            let itself = Asked { rule: rule.as_rule(), reason: rule.reason(), policy_rule: Some(rule) };
            let claims = rule.outranking.as_ref().filter(|_| has_claims).map(|claims| Asked {
                rule: claims,
                reason: Reason::Outranked,
                policy_rule: Some(rule),
            });
            std::iter::once(itself).chain(claims)
        }),
    )
}

/// Whether any rule speaks against a contact at `t`.
pub(crate) fn is_open(view: &View<'_>, t: Timestamp) -> bool {
    asked(view).all(|asked| !asked.judges(view, t) || !asked.rule.is_against(view, t))
}

/// The first instant at or after `t` at which none of these rules speaks against whoever asks then, if nothing else happens.
///
/// Each round moves on to the instant at which the last of the speaking rules falls silent; until then none of the earlier ones can do.
pub(crate) fn earliest(rules: &[Asked<'_>], view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
    const MAX_ROUNDS: usize = 4_096;
    let view = View { asked: None, ..*view };
    let mut moment = t;
    for _ in 0..MAX_ROUNDS {
        let mut next = moment;
        for asked in rules {
            next = next.max(asked.silent_from(&view, moment)?);
        }
        if next == moment {
            return Some(moment);
        }
        moment = next;
    }
    None
}

/// What each cap that judges the candidate still holds after it.
pub(crate) fn remaining(rules: &[Asked<'_>], view: &View<'_>, t: Timestamp) -> Vec<CapUsage> {
    let themselves = rules.iter().filter(|asked| asked.reason != Reason::Outranked && asked.judges(view, t));
    let caps =
        themselves.filter_map(|asked| asked.policy_rule.and_then(|rule| Some((rule.order, rule.cap()?))));
    caps.map(|(order, cap)| {
        let used = cap.used(view, t).saturating_add(cap.weight(view.terms));
        CapUsage { rule: order, limit: cap.amount(cap.limit(view.terms)), used: cap.amount(used) }
    })
    .collect()
}

/// What a grant takes of capacities and budgets.
pub(crate) fn charges(rules: &[Asked<'_>], view: &View<'_>, t: Timestamp) -> Vec<Charge> {
    let judging = rules.iter().filter(|asked| asked.judges(view, t));
    judging
        .filter_map(|asked| asked.policy_rule.and_then(PolicyRule::capacity))
        .filter_map(|capacity| capacity.charge(view, t).ok().flatten())
        .collect()
}
