//! Answers: from the values of the core to messages.

use arbiter_core::{
    apply::ContactName,
    catalog::Snapshot,
    contact_id,
    customer::{Contact, Engagement, Status},
    decide::Outcome,
    decision::{Alternative, AlternativeKind, CapUsage, ContactReference, Decision, Denial, Grant},
    ids::{ChannelId, ONE, TermsId},
    register::Terms,
    request::{Candidate, Purpose},
    rules::frequency_cap::in_units,
    score::Score,
    selector::Kind,
    time::Timestamp,
};
use arbiter_store::log::proto_time;

use crate::messages::repit::v1 as proto;

/// How many denials, and how many caps, a decision names at most.
const MAX_LISTED: usize = 256;

/// Writes messages about one customer under one catalog.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The catalog that decided.
    pub snapshot: &'a Snapshot,
    /// The customer.
    pub customer: &'a str,
    /// The party that holds its state.
    pub party: &'a str,
}

impl Writer<'_> {
    fn terms(&self, id: TermsId) -> Option<&Terms> {
        self.snapshot.register.terms(id)
    }

    pub(crate) fn campaign_name(&self, id: TermsId) -> String {
        self.terms(id)
            .and_then(|terms| self.snapshot.register.campaigns.get(terms.campaign.index()))
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn channel_name(&self, id: ChannelId) -> String {
        self.snapshot.register.channels.get(id.index()).cloned().unwrap_or_default()
    }

    pub(crate) fn channel_of(&self, id: TermsId) -> String {
        self.terms(id).map(|terms| self.channel_name(terms.channel)).unwrap_or_default()
    }

    fn family_of(&self, id: Option<TermsId>, named: Option<arbiter_core::ids::FamilyId>) -> String {
        let family = named.or_else(|| id.and_then(|id| self.terms(id)?.offer_family));
        family
            .and_then(|family| self.snapshot.register.offer_families.get(family.index()))
            .cloned()
            .unwrap_or_default()
    }

    fn id(&self, sequence: u32, time: Timestamp) -> String {
        contact_id::format(ContactName { sequence, time }, self.party)
    }

    /// The answer to a request.
    #[must_use]
    pub fn response(
        &self,
        candidates: &[Candidate<'_>],
        outcome: &Outcome,
        purpose: Purpose,
    ) -> proto::RequestContactResponse {
        let decisions = candidates
            .iter()
            .zip(&outcome.decisions)
            .map(|(candidate, decision)| self.decision(candidate, decision, purpose))
            .collect();
        proto::RequestContactResponse {
            decisions,
            catalog_version: self.snapshot.version,
            alternatives: outcome.alternatives.iter().map(|other| self.alternative(other)).collect(),
        }
    }

    fn alternative(&self, other: &Alternative) -> proto::Alternative {
        let campaign = self.snapshot.campaign_of(other.campaign);
        let channel = self.channel_name(other.channel);
        let why = match other.kind {
            AlternativeKind::Channel => format!("`{channel}` is open for the same campaign"),
            AlternativeKind::Fallback => {
                let family = campaign.and_then(|campaign| campaign.common.offer_family);
                let family = self.family_of(None, family);
                format!("the offer family rests: `{family}` is what it falls back to")
            }
            AlternativeKind::Time => "the same, from then on".to_owned(),
        };
        proto::Alternative {
            campaign_id: campaign.map(|campaign| campaign.name.clone()).unwrap_or_default(),
            channel,
            why,
            kind: other.kind as i32,
            time: Some(proto_time(other.time)),
        }
    }

    fn decision(&self, candidate: &Candidate<'_>, decision: &Decision, purpose: Purpose) -> proto::Decision {
        let verdict = if decision.grant.is_some() { proto::Verdict::Grant } else { proto::Verdict::Deny };
        let reserved = |grant: &Grant| {
            if purpose == Purpose::Reserve { self.id(grant.sequence, grant.time) } else { String::new() }
        };
        proto::Decision {
            campaign_id: candidate.campaign.to_owned(),
            channel: candidate.channel.to_owned(),
            verdict: verdict.into(),
            contact_id: decision.grant.as_ref().map(reserved).unwrap_or_default(),
            expire_time: decision.grant.map(|grant| proto_time(grant.expires)),
            remaining: decision.remaining.iter().take(MAX_LISTED).map(|usage| self.usage(usage)).collect(),
            denials: decision.denials.iter().take(MAX_LISTED).map(|denial| self.denial(denial)).collect(),
            earliest_time: decision.earliest.map(proto_time),
            score: decision.score.as_ref().map(score),
        }
    }

    fn usage(&self, usage: &CapUsage) -> proto::CapUsage {
        let (policy, rule, _) = self.rule_names(Some(usage.rule));
        let left = in_units(usage.limit.left(usage.used));
        proto::CapUsage { policy, rule, limit: in_units(usage.limit), used: in_units(usage.used), left }
    }

    /// Policy, rule and window of a rule; empty where none is named.
    pub(crate) fn rule_names(&self, rule: Option<usize>) -> (String, String, String) {
        let named = rule.and_then(|rule| self.snapshot.rules.get(rule));
        named
            .map(|rule| (rule.policy.clone(), rule.name.clone(), rule.window_text().to_owned()))
            .unwrap_or_default()
    }

    pub(crate) fn denial(&self, denial: &Denial) -> proto::Denial {
        let (policy, rule, window) = self.rule_names(denial.rule);
        proto::Denial {
            reason: denial.reason as i32,
            policy,
            rule,
            limit: in_units(denial.limit),
            used: in_units(denial.used),
            window,
            contacts: denial.contacts.iter().map(|reference| self.reference(reference)).collect(),
            outranked_by: denial.outranked_by.clone().unwrap_or_default(),
            earliest_time: denial.earliest.map(proto_time),
        }
    }

    fn reference(&self, reference: &ContactReference) -> proto::ContactReference {
        proto::ContactReference {
            contact_id: self.id(reference.sequence, reference.time),
            campaign_id: self.campaign_name(reference.terms),
            channel: self.channel_of(reference.terms),
            contact_time: Some(proto_time(reference.time)),
        }
    }

    /// A contact as it stands at `now`.
    #[must_use]
    pub fn contact(&self, contact: &Contact, now: Timestamp) -> proto::Contact {
        let terms = self.terms(contact.terms);
        let is_expired = terms.is_some_and(|terms| contact.expires(terms) <= now);
        let state = match contact.status {
            Status::Pending if is_expired => proto::ContactState::Expired,
            Status::Pending => proto::ContactState::Pending,
            Status::Confirmed | Status::Elsewhere => proto::ContactState::Confirmed,
            Status::Released => proto::ContactState::Released,
        };
        let is_pending = contact.status == Status::Pending;
        proto::Contact {
            contact_id: self.id(contact.sequence, contact.time),
            campaign_id: self.campaign_name(contact.terms),
            channel: self.channel_of(contact.terms),
            kind: terms.map_or(0, |terms| kind_number(terms.kind)),
            offer_family: self.family_of(Some(contact.terms), None),
            contact_time: Some(proto_time(contact.time)),
            state: state.into(),
            expire_time: terms.filter(|_| is_pending).map(|terms| proto_time(contact.expires(terms))),
            is_answered: contact.is_answered,
            count: contact.count,
            customer_id: String::new(),
        }
    }

    pub(crate) fn engagement(&self, engagement: &Engagement) -> proto::Engagement {
        let channel = engagement
            .channel
            .or_else(|| engagement.terms.and_then(|id| self.terms(id)).map(|terms| terms.channel));
        #[expect(clippy::cast_precision_loss, reason = "a value came in as a double of six decimals")]
        let value = engagement.value as f64 / ONE as f64;
        proto::Engagement {
            customer_id: self.customer.to_owned(),
            kind: i32::from(engagement.kind.number()),
            campaign_id: engagement.terms.map(|id| self.campaign_name(id)).unwrap_or_default(),
            channel: channel.map(|channel| self.channel_name(channel)).unwrap_or_default(),
            offer_family: self.family_of(engagement.terms, engagement.offer_family),
            value,
            event_time: Some(proto_time(engagement.time)),
            ..proto::Engagement::default()
        }
    }
}

fn score(score: &Score) -> proto::Score {
    match *score {
        Score::Given(score) => proto::Score { score, is_given: true, ..proto::Score::default() },
        Score::Expected { score, answer_probability, value, affinity, fatigue, cost } => {
            proto::Score { score, is_given: false, answer_probability, value, affinity, fatigue, cost }
        }
    }
}

const fn kind_number(kind: Kind) -> i32 {
    match kind {
        Kind::Marketing => proto::Kind::Marketing as i32,
        Kind::Service => proto::Kind::Service as i32,
        Kind::Transactional => proto::Kind::Transactional as i32,
        Kind::Legal => proto::Kind::Legal as i32,
    }
}
