//! The catalog as the rules read it: one immutable snapshot per version, names resolved to integers, shared by all decisions.

use std::collections::HashMap;
use std::fmt;

use crate::compiled::{
    CompiledCampaign, CompiledCatalog, CompiledPolicy, CompiledRule, CompiledSelector, CompiledSpan,
    CompiledWindow,
};
use crate::ids::{CampaignId, ChannelId, FamilyId, Micros, SegmentId, TermsId, UnitId};
use crate::register::{Names, Register, Terms};
use crate::rules::back_off::BackOff;
use crate::rules::frequency_cap::FrequencyCap;
use crate::rules::respite::Respite;
use crate::rules::{PolicyRule, RuleKind};
use crate::selector::{ContactFilter, Selector};
use crate::time::{Calendar, DAY_MS, LONGEST_SPAN_DAYS, Timestamp};
use crate::windows::{Span, Window, Zone};

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
    campaign_by_name: HashMap<String, usize>,
    channel_by_name: HashMap<String, ChannelId>,
    segment_by_name: HashMap<String, SegmentId>,
    family_by_name: HashMap<String, FamilyId>,
    applicable: Vec<Vec<usize>>,
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
        let applicable = register.terms.iter().map(|terms| applicable_to(&rules, terms)).collect();
        Ok(Self {
            version,
            calendar,
            horizon_ms: catalog.horizon_ms,
            campaign_by_name: campaigns
                .iter()
                .enumerate()
                .map(|(index, campaign)| (campaign.name.clone(), index))
                .collect(),
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
            register,
        })
    }

    /// The campaign of this name, unless this version has none.
    #[must_use]
    pub fn campaign(&self, name: &str) -> Option<&Campaign> {
        self.campaign_by_name.get(name).and_then(|index| self.campaigns.get(*index))
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

fn applicable_to(rules: &[PolicyRule], terms: &Terms) -> Vec<usize> {
    rules.iter().enumerate().filter(|(_, rule)| rule.may_judge(terms)).map(|(index, _)| index).collect()
}

fn owned<T>(names: &HashMap<&str, u32>, id: impl Fn(u32) -> T) -> HashMap<String, T> {
    names.iter().map(|(name, number)| ((*name).to_owned(), id(*number))).collect()
}

fn resolve<T>(
    table: &HashMap<&str, u32>,
    names: Option<&Vec<String>>,
    what: &str,
    id: impl Fn(u32) -> T,
) -> Result<Option<Vec<T>>, CatalogError> {
    let find = |name: &String| {
        table
            .get(name.as_str())
            .copied()
            .map(&id)
            .ok_or_else(|| CatalogError(format!("no such {what} `{name}`")))
    };
    names.map(|names| names.iter().map(find).collect()).transpose()
}

impl Names<'_> {
    fn selector(&self, written: &CompiledSelector) -> Result<Selector, CatalogError> {
        Ok(Selector {
            kinds: written.kinds.clone(),
            channels: resolve(&self.channels, written.channels.as_ref(), "channel", ChannelId)?,
            campaigns: resolve(&self.campaigns, written.campaigns.as_ref(), "campaign", CampaignId)?,
            offer_families: resolve(
                &self.offer_families,
                written.offer_families.as_ref(),
                "offer family",
                FamilyId,
            )?,
            business_units: resolve(
                &self.business_units,
                written.business_units.as_ref(),
                "business unit",
                UnitId,
            )?,
            segments: resolve(&self.segments, written.segments.as_ref(), "segment", SegmentId)?,
            min_priority: written.min_priority,
            max_priority: written.max_priority,
            not: written.not.as_ref().map(|not| self.selector(not).map(Box::new)).transpose()?,
        })
    }

    fn campaign(
        &self,
        catalog: &CompiledCatalog,
        register: &Register,
        written: &CompiledCampaign,
    ) -> Result<Campaign, CatalogError> {
        let broken =
            || CatalogError(format!("campaign `{}` refers to a channel that is not there", written.name));
        let by_channel = |terms: Terms| Some((terms.channel, TermsId(*self.terms.get(&terms)?)));
        let channels: Vec<(ChannelId, TermsId)> =
            self.terms_of(catalog, written).map(by_channel).collect::<Option<_>>().ok_or_else(broken)?;
        let any = channels.first().and_then(|(_, id)| register.terms(*id)).ok_or_else(broken)?;
        Ok(Campaign {
            name: written.name.clone(),
            active_from: written.active_from_ms,
            active_until: written.active_until_ms,
            eligible: self.selector(written.eligible.as_ref().unwrap_or(&CompiledSelector::default()))?,
            pressure: written.pressure,
            common: any.clone(),
            channels,
        })
    }

    fn rules(&self, catalog: &CompiledCatalog, register: &Register) -> Result<Vec<PolicyRule>, CatalogError> {
        let mut rules = Vec::new();
        for policy in &catalog.policies {
            let applies_to = self.selector(&policy.applies_to)?;
            let counts = ContactFilter::new(self.selector(&policy.counts)?, &register.terms);
            for rule in &policy.rules {
                let kind = rule_kind(policy, rule, &counts)?;
                rules.push(PolicyRule {
                    policy: policy.name.clone(),
                    name: rule.name.clone(),
                    order: rules.len(),
                    applies_to: applies_to.clone(),
                    kind,
                });
            }
        }
        Ok(rules)
    }
}

fn rule_kind(
    policy: &CompiledPolicy,
    rule: &CompiledRule,
    counts: &ContactFilter,
) -> Result<RuleKind, CatalogError> {
    let kinds = [
        rule.frequency_cap.as_ref().map(|cap| {
            Ok(RuleKind::FrequencyCap(FrequencyCap {
                written: cap.clone(),
                window: window(&cap.window)?,
                counts: counts.clone(),
            }))
        }),
        rule.back_off.as_ref().map(|written| {
            let rests = written.rests.iter().map(span).collect::<Result<Vec<_>, _>>()?;
            Ok(RuleKind::BackOff(BackOff { rests, counts: counts.clone(), written: written.clone() }))
        }),
        rule.respite.as_ref().map(|written| {
            Ok(RuleKind::Respite(Respite { span: span(&written.span)?, written: written.clone() }))
        }),
    ];
    let mut given = kinds.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(kind), None) => kind,
        _ => Err(CatalogError(format!(
            "rule `{}/{}` must be exactly one of frequency_cap, back_off, respite",
            policy.name, rule.name
        ))),
    }
}

fn zone(name: &str) -> Result<Zone, CatalogError> {
    match name {
        "customer" => Ok(Zone::Customer),
        "brand" => Ok(Zone::Brand),
        name => Calendar::of(name)
            .map(Zone::Fixed)
            .ok_or_else(|| CatalogError(format!("no such time zone `{name}`"))),
    }
}

/// A length from 1 to ten years: arithmetic on served instants then stays far from the ends of an i64.
fn length(figure: i64, most: i64) -> Result<i64, CatalogError> {
    if (1..=most).contains(&figure) {
        Ok(figure)
    } else {
        Err(CatalogError(format!("a span of {figure} is out of range: 1 to {most}")))
    }
}

fn length_ms(figure: i64) -> Result<i64, CatalogError> {
    length(figure, LONGEST_SPAN_DAYS * DAY_MS)
}

fn length_days(figure: i64) -> Result<i64, CatalogError> {
    length(figure, LONGEST_SPAN_DAYS)
}

fn check_figures(catalog: &CompiledCatalog) -> Result<(), CatalogError> {
    if catalog.channels.len() > MAX_CHANNELS {
        let count = catalog.channels.len();
        return Err(CatalogError(format!("catalog has {count} channels: at most {MAX_CHANNELS}")));
    }
    length_ms(catalog.horizon_ms)?;
    for channel in &catalog.channels {
        length_ms(channel.expires_after_ms)?;
        not_negative(channel.cost, "cost", &channel.name)?;
        not_negative(channel.pressure, "pressure", &channel.name)?;
    }
    for campaign in &catalog.campaigns {
        not_negative(campaign.pressure.unwrap_or(0), "pressure", &campaign.name)?;
    }
    Ok(())
}

fn not_negative(figure: i64, what: &str, of: &str) -> Result<(), CatalogError> {
    if figure >= 0 { Ok(()) } else { Err(CatalogError(format!("the {what} of `{of}` is negative"))) }
}

fn window(written: &CompiledWindow) -> Result<Window, CatalogError> {
    Ok(match written {
        CompiledWindow::Sliding { sliding_ms } => Window::Sliding(length_ms(*sliding_ms)?),
        CompiledWindow::Calendar { calendar, zone: name, week_starts } => {
            Window::Calendar(*calendar, *week_starts, zone(name)?)
        }
        CompiledWindow::RollingDays { rolling_days, zone: name } => {
            Window::RollingDays(length_days(*rolling_days)?, zone(name)?)
        }
        CompiledWindow::Lifetime { .. } => Window::Lifetime,
    })
}

fn span(written: &CompiledSpan) -> Result<Span, CatalogError> {
    Ok(match written {
        CompiledSpan::Exact { ms } => Span::Exact(length_ms(*ms)?),
        CompiledSpan::Days { days, zone: name } => Span::Days(length_days(*days)?, zone(name)?),
        CompiledSpan::Word(_) => Span::Never,
    })
}
