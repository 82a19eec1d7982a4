//! Explanations: from the values of the core to messages.

use arbiter_core::{
    compiled::AlikeIn,
    customer::{Claim, CustomerState, Member, Suppression},
    explain::{Availability, Explanation, Liking, Reading, Rung, Streak},
    ids::{CampaignId, FamilyId, UnitId},
    register::SEPARATOR,
    rules::{PolicyRule, frequency_cap::in_units},
    time::{DAY_MS, Timestamp},
};
use arbiter_store::{leases::Holding, log::proto_time};

use crate::{messages::repit::v1 as proto, respond::Writer};

impl Writer<'_> {
    /// Contacts and engagements, newest first.
    #[must_use]
    pub fn timeline(
        &self,
        state: &CustomerState,
        member: Member,
        most: usize,
        now: Timestamp,
    ) -> Vec<proto::TimelineEntry> {
        use proto::timeline_entry::Entry;
        let contacts = state
            .contacts
            .iter()
            .filter(|contact| contact.whose.member == member)
            .map(|contact| (contact.time, Entry::Contact(self.contact(contact, now))));
        let engagements = state
            .engagements
            .iter()
            .filter(|engagement| engagement.member == member)
            .map(|engagement| (engagement.time, Entry::Engagement(self.engagement(engagement))));
        let mut entries: Vec<(Timestamp, Entry)> = contacts.chain(engagements).collect();
        entries.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        entries
            .into_iter()
            .take(most)
            .map(|(time, entry)| proto::TimelineEntry { time: Some(proto_time(time)), entry: Some(entry) })
            .collect()
    }

    /// The objections that hold.
    #[must_use]
    pub fn suppressions(&self, state: &CustomerState, member: Member) -> Vec<proto::Engagement> {
        let objection = |suppression: &Suppression| proto::Engagement {
            customer_id: self.customer.to_owned(),
            kind: i32::from(suppression.kind.number()),
            channel: suppression.channel.map(|channel| self.channel_name(channel)).unwrap_or_default(),
            event_time: Some(proto_time(suppression.since)),
            ..proto::Engagement::default()
        };
        state.suppressions.iter().filter(|held| held.member == member).map(objection).collect()
    }

    /// What one rule has used.
    #[must_use]
    pub fn reading(&self, reading: &Reading) -> proto::RuleUsage {
        let (policy, rule, window) = self.rule_names(Some(reading.rule));
        proto::RuleUsage {
            policy,
            rule,
            reason: reading.reason as i32,
            limit: in_units(reading.limit),
            used: in_units(reading.used),
            window,
            is_against: reading.is_against,
            earliest_time: reading.earliest.map(proto_time),
            campaign_id: self.campaign_name(reading.terms),
            channel: self.channel_of(reading.terms),
        }
    }

    /// When a channel is next free.
    #[must_use]
    pub fn availability(&self, availability: &Availability) -> proto::ChannelAvailability {
        proto::ChannelAvailability {
            channel: self.channel_name(availability.channel),
            campaign_id: availability.terms.map(|id| self.campaign_name(id)).unwrap_or_default(),
            earliest_time: availability.earliest.map(proto_time),
        }
    }

    /// A claim, with the priority of its campaign.
    #[must_use]
    pub fn claim(&self, claim: &Claim) -> proto::Claim {
        let campaign = self.snapshot.campaign_of(claim.campaign);
        let all = campaign.map(|campaign| campaign.channels.iter().map(|(channel, _)| *channel).collect());
        let channels =
            if claim.channels.is_empty() { all.unwrap_or_default() } else { claim.channels.clone() };
        proto::Claim {
            customer_id: self.customer.to_owned(),
            campaign_id: self.campaign(claim.campaign),
            channels: channels.into_iter().map(|channel| self.channel_name(channel)).collect(),
            from_time: Some(proto_time(claim.from)),
            until_time: Some(proto_time(claim.until)),
            score: claim.score,
            priority: campaign.map_or(0, |campaign| u32::from(campaign.common.priority)),
        }
    }

    fn campaign(&self, id: CampaignId) -> String {
        self.snapshot.register.campaigns.get(id.index()).cloned().unwrap_or_default()
    }

    fn family(&self, id: FamilyId) -> String {
        self.snapshot.register.offer_families.get(id.index()).cloned().unwrap_or_default()
    }

    fn unit(&self, id: UnitId) -> String {
        self.snapshot.register.business_units.get(id.index()).cloned().unwrap_or_default()
    }

    fn streak(&self, streak: &Streak) -> proto::Streak {
        let (policy, rule, _) = self.rule_names(Some(streak.rule));
        let of = match streak.of {
            AlikeIn::OfferFamily => "offer_family",
            AlikeIn::Campaign => "campaign",
            AlikeIn::Channel => "channel",
            AlikeIn::Any => "any",
        };
        let back_off = self.snapshot.rules.get(streak.rule).and_then(PolicyRule::back_off);
        let after = back_off.map_or(0, |back_off| back_off.written.after);
        proto::Streak {
            policy,
            rule,
            of: of.to_owned(),
            name: streak.name.clone(),
            length: u32::try_from(streak.length).unwrap_or(u32::MAX),
            after,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a half-life is below 2^53 ms")]
    fn liking(&self, liking: &Liking) -> proto::Affinity {
        proto::Affinity {
            offer_family: self.family(liking.family),
            strength: liking.strength,
            half_life_days: liking.half_life_ms as f64 / DAY_MS as f64,
        }
    }

    fn rung(&self, rung: &Rung) -> proto::LadderStep {
        let (policy, rule, _) = self.rule_names(rung.rule);
        proto::LadderStep {
            reason: rung.reason as i32,
            policy,
            rule,
            channel: self.channel_of(rung.terms),
            is_against: rung.denial.is_some(),
            denial: rung.denial.as_ref().map(|denial| self.denial(denial)),
        }
    }

    /// What this server holds of a capacity; nothing where the catalog does not have it any more.
    fn holding(&self, holding: &Holding) -> Option<proto::CapacityHolding> {
        let mut parts = holding.account.split(SEPARATOR);
        let (policy, rule, per, start) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let rule_of = |known: &&PolicyRule| known.policy == policy && known.name == rule;
        let capacity = self.snapshot.rules.iter().find(rule_of)?.capacity()?;
        let per = match (capacity.per(), per.parse().ok()) {
            (Some(arbiter_core::compiled::CapacityPer::Channel), Some(id)) => {
                self.channel_name(arbiter_core::ids::ChannelId(id))
            }
            (Some(arbiter_core::compiled::CapacityPer::Campaign), Some(id)) => self.campaign(CampaignId(id)),
            (Some(arbiter_core::compiled::CapacityPer::BusinessUnit), Some(id)) => self.unit(UnitId(id)),
            _ => String::new(),
        };
        let start = start.parse().map(Timestamp).ok().filter(|start| start.0 > 0);
        let figure = |amount: i64| in_units(capacity.amount(amount));
        Some(proto::CapacityHolding {
            policy: policy.to_owned(),
            rule: rule.to_owned(),
            per,
            business_unit: holding.pool.unit().map(|unit| self.unit(unit)).unwrap_or_default(),
            window_start_time: start.map(proto_time),
            leased: figure(holding.amount),
            used: figure(holding.consumed),
            free: figure(holding.amount.saturating_sub(holding.consumed)),
        })
    }

    /// The whole explanation of a customer.
    #[must_use]
    pub fn explanation(
        &self,
        state: &CustomerState,
        explanation: &Explanation,
        holdings: &[Holding],
        (most, now): (usize, Timestamp),
    ) -> proto::ExplainCustomerResponse {
        let member = state.member(self.party, self.customer);
        let segment =
            |id: &arbiter_core::ids::SegmentId| self.snapshot.register.segments.get(id.index()).cloned();
        let members = state.members.iter().cloned().chain([self.party.to_owned()]);
        proto::ExplainCustomerResponse {
            customer_id: self.customer.to_owned(),
            timeline: self.timeline(state, member, most, now),
            rules: explanation.readings.iter().map(|reading| self.reading(reading)).collect(),
            channels: explanation.channels.iter().map(|channel| self.availability(channel)).collect(),
            suppressions: self.suppressions(state, member),
            catalog_version: self.snapshot.version,
            as_of_time: Some(proto_time(now)),
            contact_count: count(
                state.contacts.iter().filter(|contact| contact.whose.member == member).count(),
            ),
            value_bytes: 0,
            streaks: explanation.streaks.iter().map(|streak| self.streak(streak)).collect(),
            affinities: explanation.likings.iter().map(|liking| self.liking(liking)).collect(),
            claims: explanation.claims.iter().map(|claim| self.claim(claim)).collect(),
            holdings: holdings
                .iter()
                .take(MAX_HOLDINGS)
                .filter_map(|holding| self.holding(holding))
                .collect(),
            ladder: explanation.ladder.iter().map(|rung| self.rung(rung)).collect(),
            derived_segments: explanation.derived.iter().filter_map(segment).collect(),
            party_customer_ids: if state.members.is_empty() { Vec::new() } else { members.collect() },
        }
    }
}

/// How many holdings an explanation gives at most.
const MAX_HOLDINGS: usize = 1_000;

fn count(figure: usize) -> u32 {
    u32::try_from(figure).unwrap_or(u32::MAX)
}
