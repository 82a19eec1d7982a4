//! The catalog as the rules read it: one immutable snapshot per version, names resolved to integers, shared by all decisions.

mod compile;

use std::fmt;

use hashbrown::HashMap;

use self::compile::check_figures;
use crate::compiled::{CompiledCatalog, EngagementKind};
use crate::customer::AccountKey;
use crate::fast_path::Plans;
use crate::ids::{CampaignId, CapacityId, ChannelId, FamilyId, Micros, SegmentId, TermsId};
use crate::register::{Names, Register, SEPARATOR, Terms};
use crate::rules::PolicyRule;
use crate::rules::capacity::Capacity;
use crate::segments::DerivedSegment;
use crate::selector::Selector;
use crate::time::{Calendar, Timestamp};

/// How many channels a catalog has at most: a value holds an objection to each.
pub const MAX_CHANNELS: usize = 256;

/// A compiled catalog that does not hold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogError(pub String);

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CatalogError {}

/// A campaign as the rules read it.
#[derive(Debug)]
pub struct Campaign {
    /// Its name.
    pub name: String,
    /// First instant at which it is active.
    pub active_from: Option<Timestamp>,
    /// First instant at which it no longer is.
    pub active_until: Option<Timestamp>,
    /// Which customers it may contact.
    pub eligible: Selector,
    /// Its channels, in the order of the document's channels, with the terms of a contact by each.
    pub channels: Vec<(ChannelId, TermsId)>,
    /// Its own pressure points, over those of the channel.
    pub pressure: Option<Micros>,
    /// What its terms have in common whatever the channel.
    pub common: Terms,
    /// What an answer is worth, in units of money.
    pub value: Option<f64>,
}

/// An offer family as the score reads it.
#[derive(Clone, Debug, Default)]
pub struct Family {
    /// The family to propose instead.
    pub fallback: Option<FamilyId>,
    /// Half-life of the affinity for it, milliseconds.
    pub half_life_ms: Option<i64>,
    /// The engagements that teach it.
    pub learns_from: Vec<EngagementKind>,
}

/// A channel as the rules read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its integer.
    pub id: ChannelId,
    /// Cost of a contact, millionths.
    pub cost: Micros,
    /// Pressure points of a contact, millionths.
    pub pressure: Micros,
}

/// One version of the catalog, compiled.
#[derive(Debug)]
pub struct Snapshot {
    /// Which version.
    pub version: u64,
    /// The brand's calendar.
    pub calendar: Calendar,
    /// How long a contact is remembered.
    pub horizon_ms: i64,
    /// Names and terms.
    pub register: Register,
    /// Campaigns in the order of the catalog.
    pub campaigns: Vec<Campaign>,
    /// Channels of this version, in the order of the document.
    pub channels: Vec<Channel>,
    /// Rules of all policies, in the order of the document.
    pub rules: Vec<PolicyRule>,
    /// Segments that follow from what the customer did.
    pub derived: Vec<DerivedSegment>,
    /// Half-life of unanswered contacts in the score, milliseconds.
    pub fatigue_half_life_ms: Option<i64>,
    families: Vec<Family>,
    campaign_by_id: HashMap<CampaignId, usize>,
    campaigns_by_family: HashMap<FamilyId, Vec<usize>>,
    capacity_by_id: HashMap<CapacityId, usize>,
    campaign_by_name: HashMap<String, usize>,
    channel_by_name: HashMap<String, ChannelId>,
    segment_by_name: HashMap<String, SegmentId>,
    family_by_name: HashMap<String, FamilyId>,
    applicable: Vec<Vec<usize>>,
    /// How a plain request is answered from the bytes of a value.
    pub(crate) plans: Plans,
}

impl Snapshot {
    /// Compile one version.
    ///
    /// # Errors
    /// [`CatalogError`] where a name refers to nothing, a zone does not exist or a figure is out of range: the control plane has let through what it should not have.
    pub fn compile(
        version: u64,
        catalog: &CompiledCatalog,
        register: Register,
    ) -> Result<Self, CatalogError> {
        if catalog.format != 1 {
            return Err(CatalogError(format!(
                "compiled catalog has format {}, this server reads 1",
                catalog.format
            )));
        }
        check_figures(catalog)?;
        let calendar = Calendar::of(&catalog.zone)
            .ok_or_else(|| CatalogError(format!("no such time zone `{}`", catalog.zone)))?;
        let names = Names::of(&register);
        let rules = names.rules(catalog, &register)?;
        let campaigns: Vec<Campaign> = catalog
            .campaigns
            .iter()
            .map(|campaign| names.campaign(catalog, &register, campaign))
            .collect::<Result<_, _>>()?;
        let derived = names.derived_segments(catalog)?;
        let families = names.families(catalog, &register)?;
        let applicable: Vec<Vec<usize>> =
            register.terms.iter().map(|terms| applicable_to(&rules, terms)).collect();
        let is_tiring = catalog.fatigue_half_life_ms.is_some();
        let plans = Plans::of(&rules, &applicable, &campaigns, &register, is_tiring, &derived);
        Ok(Self {
            version,
            calendar,
            horizon_ms: catalog.horizon_ms,
            campaign_by_name: campaigns
                .iter()
                .enumerate()
                .map(|(index, campaign)| (campaign.name.clone(), index))
                .collect(),
            campaign_by_id: campaigns
                .iter()
                .enumerate()
                .map(|(index, campaign)| (campaign.common.campaign, index))
                .collect(),
            campaigns_by_family: by_family(&campaigns),
            capacity_by_id: rules
                .iter()
                .enumerate()
                .filter_map(|(place, rule)| Some((rule.capacity()?.id, place)))
                .collect(),
            derived,
            families,
            fatigue_half_life_ms: catalog.fatigue_half_life_ms,
            channels: catalog
                .channels
                .iter()
                .filter_map(|channel| {
                    let id = names.channels.get(channel.name.as_str()).copied().map(ChannelId)?;
                    Some(Channel { id, cost: channel.cost, pressure: channel.pressure })
                })
                .collect(),
            channel_by_name: owned(&names.channels, ChannelId),
            segment_by_name: owned(&names.segments, SegmentId),
            family_by_name: owned(&names.offer_families, FamilyId),
            campaigns,
            rules,
            applicable,
            plans,
            register,
        })
    }

    /// The place of the campaign of this name among [`Snapshot::campaigns`].
    pub(crate) fn campaign_place(&self, name: &str) -> Option<usize> {
        self.campaign_by_name.get(name).copied()
    }

    /// The campaign of this name, unless this version has none.
    #[must_use]
    pub fn campaign(&self, name: &str) -> Option<&Campaign> {
        self.campaign_by_name.get(name).and_then(|index| self.campaigns.get(*index))
    }

    /// The campaign of this integer, unless this version has none.
    #[must_use]
    pub fn campaign_of(&self, id: CampaignId) -> Option<&Campaign> {
        self.campaign_by_id.get(&id).and_then(|index| self.campaigns.get(*index))
    }

    /// The campaigns of an offer family, the best ranked first: by priority, then by name in byte order.
    pub fn campaigns_of(&self, family: FamilyId) -> impl Iterator<Item = &Campaign> {
        let places = self.campaigns_by_family.get(&family).into_iter().flatten();
        places.filter_map(|place| self.campaigns.get(*place))
    }

    /// What this version says of an offer family.
    #[must_use]
    pub fn family(&self, id: FamilyId) -> Option<&Family> {
        self.families.get(id.index())
    }

    /// A capacity of this version, by its integer.
    #[must_use]
    pub fn capacity(&self, id: CapacityId) -> Option<&Capacity> {
        self.capacity_by_id.get(&id).and_then(|place| self.rules.get(*place)).and_then(PolicyRule::capacity)
    }

    /// The one name of a capacity in one window: policy, rule, that it counts money, what it is counted for, start of the window.
    #[must_use]
    pub fn account_name(&self, account: &AccountKey) -> String {
        let name = self.register.capacities.get(account.capacity.index()).map_or("", String::as_str);
        let per = account.per.map(|per| per.to_string()).unwrap_or_default();
        format!("{name}{SEPARATOR}{per}{SEPARATOR}{}", account.start.0)
    }

    /// The channel of this name, in this version or an earlier one.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<ChannelId> {
        self.channel_by_name.get(name).copied()
    }

    /// The segment of this name, in this version or an earlier one.
    #[must_use]
    pub fn segment(&self, name: &str) -> Option<SegmentId> {
        self.segment_by_name.get(name).copied()
    }

    /// The offer family of this name, in this version or an earlier one.
    #[must_use]
    pub fn offer_family(&self, name: &str) -> Option<FamilyId> {
        self.family_by_name.get(name).copied()
    }

    /// The rules that may judge a candidate, in the order of the document: those that its terms do not rule out.
    pub fn rules_for<'a>(
        &'a self,
        terms: &'a Terms,
        id: Option<TermsId>,
    ) -> impl Iterator<Item = &'a PolicyRule> {
        let indexed = id.and_then(|id| self.applicable.get(id.index()));
        let listed = indexed.map(|list| list.iter().filter_map(|index| self.rules.get(*index)));
        let all = indexed.is_none().then(|| self.rules.iter().filter(move |rule| rule.may_judge(terms)));
        listed.into_iter().flatten().chain(all.into_iter().flatten())
    }

    /// Terms of a campaign by a channel that it does not list, so that the other rules can still be asked.
    #[must_use]
    pub fn unlisted_terms(&self, campaign: &Campaign, channel: Option<ChannelId>) -> Terms {
        let known = self.channels.iter().find(|known| Some(known.id) == channel);
        Terms {
            channel: channel.unwrap_or(ChannelId::UNNAMED),
            cost: known.map_or(0, |known| known.cost),
            pressure: campaign.pressure.or(known.map(|known| known.pressure)).unwrap_or(0),
            ..campaign.common.clone()
        }
    }

    /// Terms of a campaign by a channel, or by any of its channels, as this version has them; of a campaign that it has not, as the latest version had them.
    #[must_use]
    pub fn terms_of(&self, campaign: &str, channel: Option<ChannelId>) -> Option<TermsId> {
        let Some(current) = self.campaign(campaign) else { return self.former_terms_of(campaign, channel) };
        let by_channel = current.channels.iter().find(|(id, _)| channel.is_none_or(|channel| channel == *id));
        by_channel.map(|(_, terms)| *terms)
    }

    /// The latest terms that a campaign ever had by a channel, or by any.
    #[must_use]
    pub fn former_terms_of(&self, campaign: &str, channel: Option<ChannelId>) -> Option<TermsId> {
        let names = self.register.campaigns.iter().zip(0..);
        let known =
            names.into_iter().find(|(name, _)| *name == campaign).map(|(_, number)| CampaignId(number))?;
        let is_it =
            |terms: &Terms| terms.campaign == known && channel.is_none_or(|channel| channel == terms.channel);
        let latest = self.register.terms.iter().rposition(is_it)?;
        u32::try_from(latest).ok().map(TermsId)
    }

    /// The latest instant that the horizon has left behind at `t`: contacts at or before it are forgotten.
    #[must_use]
    pub const fn horizon_at(&self, t: Timestamp) -> Timestamp {
        t.minus_ms(self.horizon_ms)
    }
}

fn by_family(campaigns: &[Campaign]) -> HashMap<FamilyId, Vec<usize>> {
    let mut ranked: Vec<(usize, &Campaign)> = campaigns.iter().enumerate().collect();
    ranked.sort_by(|(_, left), (_, right)| {
        let by_priority = right.common.priority.cmp(&left.common.priority);
        by_priority.then_with(|| left.name.as_bytes().cmp(right.name.as_bytes()))
    });
    let mut families: HashMap<FamilyId, Vec<usize>> = HashMap::new();
    for (place, campaign) in ranked {
        if let Some(family) = campaign.common.offer_family {
            families.entry(family).or_default().push(place);
        }
    }
    families
}

fn applicable_to(rules: &[PolicyRule], terms: &Terms) -> Vec<usize> {
    rules.iter().enumerate().filter(|(_, rule)| rule.may_judge(terms)).map(|(index, _)| index).collect()
}

fn owned<T>(names: &std::collections::HashMap<&str, u32>, id: impl Fn(u32) -> T) -> HashMap<String, T> {
    names.iter().map(|(name, number)| ((*name).to_owned(), id(*number))).collect()
}
