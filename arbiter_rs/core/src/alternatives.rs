//! Alternatives: what to do instead, where nothing that was asked for was granted.

use crate::asked::is_open;
use crate::catalog::{Campaign, Snapshot};
use crate::compiled::AlikeIn;
use crate::customer::CustomerState;
use crate::decide::{Asker, Contender};
use crate::decision::{Alternative, AlternativeKind, Decision, Reason};
use crate::ids::{ChannelId, FamilyId};
use crate::request::Candidate;
use crate::rules::RuleKind;
use crate::standings::Standings;

/// How many campaigns are looked at along all families to fall back to, the best ranked of each first.
const MAX_CAMPAIGNS: usize = 64;
/// How many families are fallen back to, one after the other.
const MAX_FAMILIES: usize = 64;

/// For the best ranked candidate: another channel, a campaign of the family to fall back to, a later time.
pub(crate) fn alternatives(
    snapshot: &Snapshot,
    state: &CustomerState,
    asker: &Asker<'_>,
    standings: &Standings,
    best: &Contender<'_>,
    decision: &Decision,
) -> Vec<Alternative> {
    let (Some(campaign), Some(terms)) = (best.campaign, &best.terms) else { return Vec::new() };
    let other = |kind, (campaign, channel): (&Campaign, ChannelId)| Alternative {
        kind,
        campaign: campaign.common.campaign,
        channel,
        time: asker.time(),
    };
    let open = |candidate: Candidate<'_>, campaign: &Campaign, but: Option<ChannelId>| {
        let mut channels = campaign.channels.iter().map(|(channel, _)| *channel);
        channels.find(|channel| {
            let name = snapshot.register.channels.get(channel.index()).map_or("", String::as_str);
            let asked_for = Candidate { campaign: &campaign.name, channel: name, ..candidate };
            let contender = if state.claims.is_empty() {
                Contender::unscored(snapshot, asked_for)
            } else {
                Contender::of(snapshot, state, asker, standings, asked_for)
            };
            Some(*channel) != but
                && contender
                    .view(snapshot, state, asker, standings)
                    .is_some_and(|view| is_open(&view, asker.time()))
        })
    };
    let by_channel = open(best.candidate, campaign, Some(terms.channel))
        .map(|channel| other(AlternativeKind::Channel, (campaign, channel)));
    let fallback =
        resting_family(snapshot, decision).then_some(terms.offer_family).flatten().and_then(|family| {
            let families = fallbacks(snapshot, family).into_iter();
            let mut campaigns = families.flat_map(|family| snapshot.campaigns_of(family)).take(MAX_CAMPAIGNS);
            campaigns.find_map(|campaign| {
                let channel = open(Candidate::default(), campaign, None)?;
                Some(other(AlternativeKind::Fallback, (campaign, channel)))
            })
        });
    let later = decision.earliest.filter(|earliest| *earliest > asker.now).map(|time| Alternative {
        kind: AlternativeKind::Time,
        campaign: terms.campaign,
        channel: terms.channel,
        time,
    });
    by_channel.into_iter().chain(fallback).chain(later).collect()
}

/// Whether the offer family rests.
fn resting_family(snapshot: &Snapshot, decision: &Decision) -> bool {
    let rules = decision.denials.iter().filter(|denial| denial.reason == Reason::BackOff);
    rules.filter_map(|denial| snapshot.rules.get(denial.rule?)).any(|rule| {
        matches!(&rule.kind, RuleKind::BackOff(back_off) if back_off.written.of == AlikeIn::OfferFamily)
    })
}

/// The families to fall back to, one after the other, each once.
fn fallbacks(snapshot: &Snapshot, family: FamilyId) -> Vec<FamilyId> {
    let mut fallbacks = Vec::new();
    let mut next = snapshot.family(family).and_then(|family| family.fallback);
    while let Some(other) = next.filter(|other| *other != family && !fallbacks.contains(other))
        && fallbacks.len() < MAX_FAMILIES
    {
        fallbacks.push(other);
        next = snapshot.family(other).and_then(|other| other.fallback);
    }
    fallbacks
}
