//! Plans: what is asked about a candidate of some terms, worked out once per catalog, so that a contact in the bytes of a value is matched
//! with all rules at once.

use std::collections::HashMap;

use super::sums::{Alike, Sum, Weight};
use crate::catalog::Campaign;
use crate::compiled::{AlikeIn, CapPer, Counted, Measure};
use crate::ids::TermsId;
use crate::register::{Register, Unconfirmed};
use crate::rules::frequency_cap::FrequencyCap;
use crate::rules::prerequisite::Wanted;
use crate::rules::{PolicyRule, RuleKind};
use crate::segments::DerivedSegment;
use crate::selector::ContactFilter;
use crate::time::WeekStart;
use crate::windows::{Span, Window, Zone};

/// How many words of masks a catalog has at most; candidates beyond them are decided the long way.
const MAX_MASK_WORDS: usize = 4 << 20;
/// How many sums a plan has at most: one bit each.
const MAX_SUMS: usize = 64;

/// The plans of a catalog.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    /// By [`TermsId`].
    pub(super) contacts: Vec<Counting>,
    plans: Vec<Plan>,
    by_terms: Vec<Option<u32>>,
    /// By campaign: whether its audience goes by what the customer did.
    pub(super) is_derived: Vec<bool>,
    /// Whether a rule may keep contacts beyond the horizon.
    pub(super) is_endless: bool,
}

/// What there is to know of a contact of some terms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counting {
    /// Contacts of one class are counted by the same rules.
    pub(super) class: u32,
    /// How long an unconfirmed reservation holds its place.
    pub(super) holds_ms: i64,
}

/// What is asked about a candidate.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) sums: Vec<Sum>,
    /// By class: the sums that count a contact of it.
    pub(super) masks: Vec<u64>,
    /// By status and whether it is answered: the sums that count such a contact.
    pub(super) by_flags: [u64; 8],
    /// The sums of the customer, of the party, of a contact point, about a subject.
    pub(super) per: [u64; 4],
    /// The sums that go by the segments that a contact froze.
    pub(super) segmented: u64,
    /// The sums that add up something else than contacts, or only such as are alike.
    pub(super) special: u64,
    /// The windows that turn at local midnights, each once, by a rule that has it.
    pub(super) turning: Vec<usize>,
    /// The caps, in the order of the document.
    pub(super) caps: Vec<PlannedCap>,
    /// The other rules.
    pub(super) rules: Vec<Planned>,
    /// The sum of unanswered contacts, where the catalog makes them tire.
    pub(super) tiring: Option<usize>,
}

/// A cap of a plan: whether a sum within a window has room.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlannedCap {
    /// Its position among the rules of the catalog.
    pub(super) rule: usize,
    /// Whether the customer's segments say if it judges.
    pub(super) is_conditional: bool,
    /// Whether claims hold places in it.
    pub(super) is_claimed: bool,
    pub(super) sum: usize,
    pub(super) reach: Reach,
    pub(super) measure: Measure,
    pub(super) limit: i64,
    /// Below this priority a candidate has less.
    pub(super) min_priority: u8,
    pub(super) low_limit: i64,
}

/// Another rule of a plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned {
    /// Its position among the rules of the catalog.
    pub(super) rule: usize,
    /// Whether the customer's segments say if it judges.
    pub(super) is_conditional: bool,
    pub(super) asks: Asks,
}

/// How a rule is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asks {
    /// A back-off: how long the streak in this sum is.
    BackOff(usize),
    /// A prerequisite: whether there is a contact in this sum in the last so many milliseconds.
    Contact(usize, i64),
    /// One that looks at no contact.
    Itself,
}

/// Where a window that ends with the moment begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reach {
    /// So many milliseconds before it.
    Sliding(i64),
    /// With a local midnight: the place in [`Plan::turning`].
    Turning(usize),
}

impl Plans {
    /// The plans of the terms that a grant may freeze.
    pub(crate) fn of(
        rules: &[PolicyRule],
        applicable: &[Vec<usize>],
        campaigns: &[Campaign],
        register: &Register,
        is_tiring: bool,
        derived: &[DerivedSegment],
    ) -> Self {
        let filters = Filters::of(rules, register);
        let mut plans = Self {
            contacts: register
                .terms
                .iter()
                .zip(&filters.classes)
                .map(|(terms, class)| Counting {
                    class: *class,
                    holds_ms: if terms.unconfirmed == Unconfirmed::Released {
                        terms.expires_after_ms
                    } else {
                        i64::MAX
                    },
                })
                .collect(),
            by_terms: vec![None; register.terms.len()],
            is_derived: campaigns
                .iter()
                .map(|campaign| derived.iter().any(|segment| campaign.eligible.names_segment(segment.id)))
                .collect(),
            is_endless: rules
                .iter()
                .filter_map(PolicyRule::back_off)
                .any(crate::rules::back_off::BackOff::is_endless),
            plans: Vec::new(),
        };
        let mut known: HashMap<&[usize], Option<u32>> = HashMap::new();
        let mut words = 0;
        for (_, id) in campaigns.iter().flat_map(|campaign| &campaign.channels) {
            let (Some(list), Some(place)) = (applicable.get(id.index()), plans.by_terms.get_mut(id.index()))
            else {
                continue;
            };
            *place = *known.entry(list.as_slice()).or_insert_with(|| {
                let plan = Plan::of(rules, list, &filters, is_tiring)?;
                words += plan.masks.len();
                let number = u32::try_from(plans.plans.len()).ok().filter(|_| words <= MAX_MASK_WORDS)?;
                plans.plans.push(plan);
                Some(number)
            });
        }
        plans
    }

    /// The plan of a candidate of these terms.
    pub(super) fn plan(&self, id: TermsId) -> Option<&Plan> {
        let number = self.by_terms.get(id.index()).copied().flatten()?;
        self.plans.get(usize::try_from(number).ok()?)
    }
}

/// The distinct filters of a catalog's rules, and the classes of terms that none of them tells apart.
struct Filters<'a> {
    by_rule: Vec<usize>,
    distinct: Vec<&'a ContactFilter>,
    classes: Vec<u32>,
    /// Terms of each class.
    examples: Vec<usize>,
    register: &'a Register,
}

fn filter_of(rule: &PolicyRule) -> Option<&ContactFilter> {
    match &rule.kind {
        RuleKind::FrequencyCap(cap) => Some(&cap.counts),
        RuleKind::BackOff(back_off) => Some(&back_off.counts),
        RuleKind::Prerequisite(rule) => match &rule.wanted {
            Wanted::Contact(filter) => Some(filter),
            Wanted::Engagement(..) => None,
        },
        RuleKind::Respite(_) | RuleKind::Holdout(_) | RuleKind::Capacity(_) => None,
    }
}

impl<'a> Filters<'a> {
    fn of(rules: &'a [PolicyRule], register: &'a Register) -> Self {
        let answers = |filter: &ContactFilter| -> Vec<bool> {
            let terms = register.terms.iter().enumerate();
            terms.map(|(index, terms)| filter.takes(index, terms, &[])).collect()
        };
        let mut distinct: Vec<(&ContactFilter, Vec<bool>)> = Vec::new();
        let mut known: HashMap<(Vec<bool>, bool), usize> = HashMap::new();
        let mut by_rule = Vec::with_capacity(rules.len());
        for rule in rules {
            let place = filter_of(rule).map(|filter| {
                let answers = answers(filter);
                *known.entry((answers.clone(), filter.needs_segments())).or_insert_with(|| {
                    distinct.push((filter, answers));
                    distinct.len() - 1
                })
            });
            by_rule.push(place.unwrap_or(usize::MAX));
        }
        let (mut classes, mut examples) = (Vec::with_capacity(register.terms.len()), Vec::new());
        let mut numbers: HashMap<Vec<bool>, u32> = HashMap::new();
        for index in 0..register.terms.len() {
            let signature = distinct.iter().map(|(_, answers)| answers.get(index) == Some(&true)).collect();
            classes.push(*numbers.entry(signature).or_insert_with(|| {
                examples.push(index);
                u32::try_from(examples.len() - 1).unwrap_or(u32::MAX)
            }));
        }
        let distinct = distinct.into_iter().map(|(filter, _)| filter).collect();
        Self { by_rule, distinct, classes, examples, register }
    }

    /// The mask of each class: which of the sums count a contact of it.
    fn masks(&self, sums: &[Sum]) -> Vec<u64> {
        let is_counted =
            |sum: &Sum, example: usize| match sum.filter.and_then(|place| self.distinct.get(place)) {
                Some(filter) => {
                    self.register.terms.get(example).is_some_and(|terms| filter.takes(example, terms, &[]))
                }
                None => true,
            };
        let mask = |example: &usize| bits(sums, |sum| is_counted(sum, *example));
        self.examples.iter().map(mask).collect()
    }
}

/// A bit for each sum that is so.
fn bits(sums: &[Sum], is_so: impl Fn(&Sum) -> bool) -> u64 {
    sums.iter().enumerate().filter(|(_, sum)| is_so(sum)).fold(0, |bits, (place, _)| bits | 1 << place)
}

impl Plan {
    /// Nothing where a rule wants to know more than the bytes of contacts say at a glance.
    fn of(rules: &[PolicyRule], list: &[usize], filters: &Filters<'_>, is_tiring: bool) -> Option<Self> {
        let mut plan = Self::default();
        for index in list {
            let rule = rules.get(*index)?;
            if rule.is_derived {
                return None;
            }
            let is_conditional = rule.applies_to.needs_segments();
            if let Some(cap) = rule.cap() {
                let planned = plan.cap(rules, *index, cap, filters)?;
                plan.caps.push(PlannedCap {
                    is_conditional,
                    is_claimed: rule.outranking.is_some(),
                    ..planned
                });
            } else {
                let asks = plan.asks(rules, *index, filters)?;
                plan.rules.push(Planned { rule: *index, is_conditional, asks });
            }
        }
        if is_tiring {
            plan.tiring = Some(plan.sum(Sum { counted: None, filter: None, ..Sum::default() })?);
        }
        let sums = &plan.sums;
        plan.masks = filters.masks(sums);
        plan.segmented = bits(sums, |sum| {
            sum.filter
                .and_then(|place| filters.distinct.get(place))
                .is_some_and(|filter| filter.needs_segments())
        });
        plan.special = bits(sums, |sum| sum.weight != Weight::One || sum.alike != Alike::Any);
        plan.per = [CapPer::Customer, CapPer::Party, CapPer::ContactPoint, CapPer::Subject]
            .map(|per| bits(sums, |sum| sum.per == per));
        for (flags, mask) in (0..).zip(&mut plan.by_flags) {
            *mask = bits(sums, |sum| sum.counts_flags(flags));
        }
        Some(plan)
    }

    /// The place of a sum, which several rules may share.
    fn sum(&mut self, sum: Sum) -> Option<usize> {
        let place = self.sums.iter().position(|known| *known == sum).unwrap_or_else(|| {
            self.sums.push(sum);
            self.sums.len() - 1
        });
        (place < MAX_SUMS).then_some(place)
    }

    fn cap(
        &mut self,
        rules: &[PolicyRule],
        index: usize,
        cap: &FrequencyCap,
        filters: &Filters<'_>,
    ) -> Option<PlannedCap> {
        let (measure, counted) = (cap.written.measure, Some(cap.written.counted));
        let weight = match measure {
            Measure::Contacts => Weight::One,
            Measure::Points => Weight::Pressure,
            Measure::Cost => Weight::Cost,
        };
        let filter = filters.by_rule.get(index).copied();
        let sum = self.sum(Sum { filter, weight, counted, per: cap.written.per, ..Sum::default() })?;
        let (min_priority, low_limit) = cap.below();
        Some(PlannedCap {
            rule: index,
            is_conditional: false,
            is_claimed: false,
            sum,
            reach: self.reach(rules, index, &cap.window),
            measure,
            limit: cap.written.limit.max(0),
            min_priority,
            low_limit,
        })
    }

    fn asks(&mut self, rules: &[PolicyRule], index: usize, filters: &Filters<'_>) -> Option<Asks> {
        let filter = filters.by_rule.get(index).copied();
        match &rules.get(index)?.kind {
            RuleKind::BackOff(back_off) => {
                let alike = match back_off.written.of {
                    AlikeIn::OfferFamily => Alike::Family,
                    AlikeIn::Campaign => Alike::Campaign,
                    AlikeIn::Channel => Alike::Channel,
                    AlikeIn::Any => Alike::Any,
                };
                Some(Asks::BackOff(self.sum(Sum { filter, alike, ..Sum::default() })?))
            }
            RuleKind::Prerequisite(rule) => match (&rule.wanted, &rule.within) {
                (Wanted::Contact(_), Span::Exact(ms)) => {
                    Some(Asks::Contact(self.sum(Sum { filter, ..Sum::default() })?, *ms))
                }
                (Wanted::Contact(_), Span::Days(..) | Span::Never) => None,
                (Wanted::Engagement(..), _) => Some(Asks::Itself),
            },
            RuleKind::Respite(_) | RuleKind::Holdout(_) => Some(Asks::Itself),
            RuleKind::FrequencyCap(_) | RuleKind::Capacity(_) => None,
        }
    }

    fn reach(&mut self, rules: &[PolicyRule], index: usize, window: &Window) -> Reach {
        match window {
            Window::Sliding(ms) => Reach::Sliding(*ms),
            Window::Lifetime => Reach::Sliding(i64::MAX),
            Window::Calendar(..) | Window::RollingDays(..) => {
                let is_it = |held: &usize| {
                    rules.get(*held).and_then(PolicyRule::cap).is_some_and(|cap| is_same(&cap.window, window))
                };
                let place = self.turning.iter().position(is_it).unwrap_or_else(|| {
                    self.turning.push(index);
                    self.turning.len() - 1
                });
                Reach::Turning(place)
            }
        }
    }
}

fn is_same(left: &Window, right: &Window) -> bool {
    match (left, right) {
        (Window::RollingDays(days, zone), Window::RollingDays(others, other)) => {
            days == others && is_same_zone(zone, other)
        }
        (Window::Calendar(unit, start, zone), Window::Calendar(other_unit, other_start, other)) => {
            let starts = |start: &WeekStart| matches!(start, WeekStart::Sunday);
            unit == other_unit && starts(start) == starts(other_start) && is_same_zone(zone, other)
        }
        _ => false,
    }
}

fn is_same_zone(left: &Zone, right: &Zone) -> bool {
    match (left, right) {
        (Zone::Customer, Zone::Customer) | (Zone::Brand, Zone::Brand) => true,
        (Zone::Fixed(left), Zone::Fixed(right)) => left == right,
        _ => false,
    }
}

impl Sum {
    /// Whether it counts a contact of this status, answered or not.
    fn counts_flags(&self, flags: u8) -> bool {
        use crate::codec::ANSWERED;
        use crate::customer::Status;
        let Some(status) = Status::of(flags & 3).filter(|status| *status != Status::Released) else {
            return false;
        };
        match self.counted {
            Some(Counted::Attempts) => true,
            Some(Counted::Confirmed) => status.is_made(),
            Some(Counted::Answered) => flags & ANSWERED != 0,
            None => flags & ANSWERED == 0,
        }
    }
}
