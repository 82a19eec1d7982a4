//! From the compiled catalog's JSON to what the rules read.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Campaign, CatalogError, Family, MAX_CHANNELS};
use crate::compiled::{
    CompiledCampaign, CompiledCapacity, CompiledCatalog, CompiledDerivedSegment, CompiledPolicy,
    CompiledPrerequisite, CompiledRule, CompiledSelector, CompiledSpan, CompiledWindow, Counted,
    EngagementKind, Measure,
};
use crate::ids::{CampaignId, CapacityId, ChannelId, FamilyId, SegmentId, TermsId, UnitId};
use crate::register::{Names, Register, Terms, capacity_name};
use crate::rules::back_off::BackOff;
use crate::rules::capacity::{Capacity, Period};
use crate::rules::frequency_cap::FrequencyCap;
use crate::rules::holdout::Holdout;
use crate::rules::outranking::Outranking;
use crate::rules::prerequisite::{Prerequisite, Wanted};
use crate::rules::respite::Respite;
use crate::rules::{PolicyRule, RuleKind};
use crate::segments::DerivedSegment;
use crate::selector::{ContactFilter, Selector};
use crate::time::{Calendar, DAY_MS, LONGEST_SPAN_DAYS};
use crate::windows::{Span, Window, Zone};

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
    pub(super) fn selector(&self, written: &CompiledSelector) -> Result<Selector, CatalogError> {
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

    pub(super) fn campaign(
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
            value: written.value.filter(|value| *value > 0).map(in_units),
        })
    }

    pub(super) fn rules(
        &self,
        catalog: &CompiledCatalog,
        register: &Register,
    ) -> Result<Vec<PolicyRule>, CatalogError> {
        let mut rules = Vec::new();
        for policy in &catalog.policies {
            let applies_to = self.selector(&policy.applies_to)?;
            let counts = ContactFilter::new(self.selector(&policy.counts)?, &register.terms);
            for rule in &policy.rules {
                let scope = Scope { policy, rule, counts: &counts };
                let kind = self.rule_kind(&scope, register)?;
                let outranking = if let RuleKind::FrequencyCap(cap) = &kind
                    && cap.written.counted == Counted::Attempts
                {
                    Some(Outranking { cap: Arc::clone(cap), applies_to: applies_to.clone() })
                } else {
                    None
                };
                rules.push(PolicyRule {
                    policy: policy.name.clone(),
                    name: rule.name.clone(),
                    order: rules.len(),
                    is_derived: self.is_derived(&applies_to, catalog),
                    applies_to: applies_to.clone(),
                    kind,
                    outranking,
                });
            }
        }
        Ok(rules)
    }

    /// Whether the selector asks for a segment that follows from what the customer did.
    fn is_derived(&self, selector: &Selector, catalog: &CompiledCatalog) -> bool {
        let mut derived =
            catalog.derived_segments.iter().filter_map(|segment| self.segments.get(segment.name.as_str()));
        derived.any(|number| selector.names_segment(SegmentId(*number)))
    }

    fn rule_kind(&self, scope: &Scope<'_>, register: &Register) -> Result<RuleKind, CatalogError> {
        let rule = scope.rule;
        let kinds = [
            rule.frequency_cap.as_ref().map(|cap| {
                Ok(RuleKind::FrequencyCap(Arc::new(FrequencyCap {
                    written: cap.clone(),
                    window: window(&cap.window)?,
                    counts: scope.counts.clone(),
                })))
            }),
            rule.back_off.as_ref().map(|written| {
                let rests = written.rests.iter().map(span).collect::<Result<Vec<_>, _>>()?;
                let counts = scope.counts.clone();
                Ok(RuleKind::BackOff(BackOff { rests, counts, written: written.clone() }))
            }),
            rule.respite.as_ref().map(|written| {
                Ok(RuleKind::Respite(Respite { span: span(&written.span)?, written: written.clone() }))
            }),
            rule.prerequisite
                .as_ref()
                .map(|written| self.prerequisite(written, register).map(RuleKind::Prerequisite)),
            rule.holdout.as_ref().map(|written| Ok(RuleKind::Holdout(Holdout { written: written.clone() }))),
            rule.capacity.as_ref().map(|written| self.capacity(scope, written).map(RuleKind::Capacity)),
        ];
        let mut given = kinds.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(kind), None) => kind,
            _ => Err(CatalogError(format!(
                "rule `{}/{}` must be exactly one of frequency_cap, back_off, respite, prerequisite, holdout, capacity",
                scope.policy.name, rule.name
            ))),
        }
    }

    fn prerequisite(
        &self,
        written: &CompiledPrerequisite,
        register: &Register,
    ) -> Result<Prerequisite, CatalogError> {
        let wanted = match (&written.contact, &written.engagement) {
            (Some(contact), None) => {
                Wanted::Contact(ContactFilter::new(self.selector(contact)?, &register.terms))
            }
            (None, Some(kinds)) => Wanted::Engagement(kinds.clone(), written.of),
            _ => {
                return Err(CatalogError(
                    "a prerequisite must be exactly one of contact, engagement".to_owned(),
                ));
            }
        };
        Ok(Prerequisite { wanted, within: span(&written.within)?, within_text: written.within_text.clone() })
    }

    fn unit(&self, name: &str) -> Result<UnitId, CatalogError> {
        let number = self.business_units.get(name).copied();
        number.map(UnitId).ok_or_else(|| CatalogError(format!("no such business unit `{name}`")))
    }

    fn capacity(&self, scope: &Scope<'_>, written: &CompiledCapacity) -> Result<Capacity, CatalogError> {
        let name = capacity_name(&scope.policy.name, &scope.rule.name, written.measure);
        let id = self.capacities.get(name.as_str()).copied().map(CapacityId);
        let id = id.ok_or_else(|| CatalogError(format!("capacity `{name}` is not in the register")))?;
        let period = match window(&written.window)? {
            Window::Calendar(unit, week_start, zone @ (Zone::Brand | Zone::Fixed(_))) => {
                Period::Calendar(unit, week_start, zone)
            }
            Window::Lifetime => Period::Lifetime,
            Window::Sliding(_) | Window::Calendar(..) | Window::RollingDays(..) => {
                return Err(CatalogError(format!(
                    "capacity `{name}` must count calendar periods of a fixed zone"
                )));
            }
        };
        let of_money = written.measure == Measure::Cost;
        if written.measure == Measure::Points
            || written.limit < 0
            || written.shares.iter().any(|share| share.limit < 0)
        {
            return Err(CatalogError(format!("capacity `{name}` must count contacts or cost, not below 0")));
        }
        let shares = written.shares.iter().map(|share| Ok((self.unit(&share.business_unit)?, share.limit)));
        let shares = shares.collect::<Result<Vec<_>, CatalogError>>()?;
        let shared = shares.iter().fold(0_i64, |sum, (_, limit)| sum.saturating_add(*limit));
        let common = written.limit.checked_sub(shared).filter(|rest| *rest >= 0).ok_or_else(|| {
            CatalogError(format!("the shares of capacity `{name}` are more than its limit"))
        })?;
        let declared_unused =
            written.declared_unused.iter().map(|unit| self.unit(unit)).collect::<Result<Vec<_>, _>>()?;
        Ok(Capacity {
            id,
            is_money: of_money,
            limit: written.limit,
            period,
            per: written.per,
            shares,
            common,
            lends: written.lend,
            declared_unused,
            window_text: written.window_text.clone(),
        })
    }

    pub(super) fn derived_segments(
        &self,
        catalog: &CompiledCatalog,
    ) -> Result<Vec<DerivedSegment>, CatalogError> {
        let derive = |written: &CompiledDerivedSegment| {
            let id = self.segments.get(written.name.as_str()).copied().map(SegmentId);
            let id = id.ok_or_else(|| CatalogError(format!("no such segment `{}`", written.name)))?;
            for length in
                [written.answered_within_ms, written.first_contact_within_ms, written.purchased_within_ms]
            {
                length.map_or(Ok(0), length_ms)?;
            }
            Ok(DerivedSegment { id, written: written.clone() })
        };
        catalog.derived_segments.iter().map(derive).collect()
    }

    pub(super) fn families(
        &self,
        catalog: &CompiledCatalog,
        register: &Register,
    ) -> Result<Vec<Family>, CatalogError> {
        let mut families = vec![Family::default(); register.offer_families.len()];
        for written in &catalog.offer_families {
            let number = |name: &String| {
                let number = self.offer_families.get(name.as_str()).copied();
                number.map(FamilyId).ok_or_else(|| CatalogError(format!("no such offer family `{name}`")))
            };
            let family = Family {
                fallback: written.fallback.as_ref().map(number).transpose()?,
                half_life_ms: written.half_life_ms.map(length_ms).transpose()?,
                learns_from: written.learns_from.clone().unwrap_or_else(|| EngagementKind::TEACHERS.to_vec()),
            };
            if let Some(place) = families.get_mut(number(&written.name)?.index()) {
                *place = family;
            }
        }
        Ok(families)
    }
}

/// A rule and what its policy says of it.
struct Scope<'a> {
    policy: &'a CompiledPolicy,
    rule: &'a CompiledRule,
    counts: &'a ContactFilter,
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

pub(super) fn check_figures(catalog: &CompiledCatalog) -> Result<(), CatalogError> {
    if catalog.channels.len() > MAX_CHANNELS {
        let count = catalog.channels.len();
        return Err(CatalogError(format!("catalog has {count} channels: at most {MAX_CHANNELS}")));
    }
    length_ms(catalog.horizon_ms)?;
    catalog.fatigue_half_life_ms.map_or(Ok(0), length_ms)?;
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

/// Millionths as units of money.
#[expect(clippy::cast_precision_loss, reason = "a value has at most 6 decimals and 12 digits before them")]
fn in_units(micros: i64) -> f64 {
    micros as f64 / 1e6
}
