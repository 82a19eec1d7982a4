//! Rules of the compiled catalog.

use serde::{Deserialize, Serialize};

use super::{CompiledSelector, EngagementKind};
use crate::ids::Micros;
use crate::time::{Unit, WeekStart};

/// A rule: exactly one of its kinds is set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledRule {
    /// Its name.
    pub name: String,
    /// At most so many in a window.
    #[serde(default)]
    pub frequency_cap: Option<CompiledCap>,
    /// Growing rest after silence.
    #[serde(default)]
    pub back_off: Option<CompiledBackOff>,
    /// No contact after an event.
    #[serde(default)]
    pub respite: Option<CompiledRespite>,
    /// Only after a contact or an engagement.
    #[serde(default)]
    pub prerequisite: Option<CompiledPrerequisite>,
    /// No contact with a share of the customers.
    #[serde(default)]
    pub holdout: Option<CompiledHoldout>,
    /// At most so many in a window, over all customers.
    #[serde(default)]
    pub capacity: Option<CompiledCapacity>,
}

/// A frequency cap.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledCap {
    /// What it adds up.
    pub measure: Measure,
    /// Contacts, or millionths of points or money.
    pub limit: i64,
    /// Over which window.
    pub window: CompiledWindow,
    /// Which contacts take part.
    pub counted: Counted,
    /// Places kept for better campaigns.
    #[serde(default)]
    pub reserve: Option<CompiledReserve>,
    /// Whose contacts are added up.
    #[serde(default)]
    pub per: CapPer,
    /// The window as the document writes it.
    pub window_text: String,
}

/// Whose contacts a cap adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapPer {
    /// The customer's.
    #[default]
    Customer,
    /// Those of all customers of the party.
    Party,
    /// Those of the party at the same contact point.
    ContactPoint,
    /// Those of the party about the same subject.
    Subject,
}

/// What a cap adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// One a contact.
    Contacts,
    /// Pressure points.
    Points,
    /// Money.
    Cost,
}

/// Which contacts take part in a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Counted {
    /// Every grant that was not released.
    Attempts,
    /// Those that were sent.
    Confirmed,
    /// Those that got an answer.
    Answered,
}

/// Places kept for better campaigns.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledReserve {
    /// Below this priority the limit is smaller.
    pub min_priority: u8,
    /// By so much, in the unit of the limit.
    pub places: i64,
}

/// A window.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum CompiledWindow {
    /// The last so many milliseconds, exactly.
    Sliding {
        /// Its length.
        sliding_ms: i64,
    },
    /// A calendar period.
    Calendar {
        /// Its unit.
        calendar: Unit,
        /// `customer`, `brand` or an IANA name.
        zone: String,
        /// Where weeks begin.
        #[serde(default)]
        week_starts: WeekStart,
    },
    /// The last so many whole calendar days.
    RollingDays {
        /// How many.
        rolling_days: i64,
        /// `customer`, `brand` or an IANA name.
        zone: String,
    },
    /// Ever, within the horizon.
    Lifetime {
        /// Always true.
        lifetime: bool,
    },
}

/// How long a rest or a respite lasts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum CompiledSpan {
    /// So many milliseconds.
    Exact {
        /// How many.
        ms: i64,
    },
    /// Until the start of the day so many days after.
    Days {
        /// How many.
        days: i64,
        /// `customer`, `brand` or an IANA name.
        zone: String,
    },
    /// For ever.
    Word(Never),
}

/// The word `never`: a rest that never ends.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Never {
    /// For ever.
    Never,
}

/// Growing rest after silence.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledBackOff {
    /// From so many unanswered contacts on.
    pub after: u32,
    /// Contacts alike in what.
    pub of: AlikeIn,
    /// The rests, growing; the last one repeats.
    pub rests: Vec<CompiledSpan>,
    /// What counts as an answer.
    pub answers: Vec<EngagementKind>,
    /// The rests as the document writes them.
    pub rests_text: String,
}

/// What contacts must have in common to make a streak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlikeIn {
    /// The offer family.
    OfferFamily,
    /// The campaign.
    Campaign,
    /// The channel.
    Channel,
    /// Nothing: all contacts.
    Any,
}

/// No contact after an event.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledRespite {
    /// The events.
    pub after: Vec<EngagementKind>,
    /// For how long.
    #[serde(rename = "for")]
    pub span: CompiledSpan,
    /// Only events worth at least this, millionths.
    #[serde(default)]
    pub min_value: Option<Micros>,
    /// Only events of the same offer family.
    #[serde(default)]
    pub of: Option<RespiteOf>,
    /// The span as the document writes it.
    pub for_text: String,
}

/// Which events start a respite for a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RespiteOf {
    /// Those of its offer family.
    OfferFamily,
}

/// Only after a contact or an engagement: exactly one of the two is set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledPrerequisite {
    /// A contact of this kind.
    #[serde(default)]
    pub contact: Option<CompiledSelector>,
    /// An engagement of any of these kinds.
    #[serde(default)]
    pub engagement: Option<Vec<EngagementKind>>,
    /// What the engagement must have in common with the candidate.
    #[serde(default = "any")]
    pub of: AlikeIn,
    /// How long ago at most.
    pub within: CompiledSpan,
    /// The span as the document writes it.
    pub within_text: String,
}

const fn any() -> AlikeIn {
    AlikeIn::Any
}

/// No contact with a share of the customers, so that the effect of contact can be measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledHoldout {
    /// How large a share, in millionths.
    pub share_micros: u32,
    /// Makes hold-outs independent of each other.
    pub salt: String,
}

/// At most so many contacts, or so much money, in a window, over all customers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledCapacity {
    /// Contacts or cost.
    pub measure: Measure,
    /// Contacts, or millionths of money.
    pub limit: i64,
    /// A calendar period, or ever.
    pub window: CompiledWindow,
    /// Whether each channel, campaign or business unit has one of its own.
    #[serde(default)]
    pub per: Option<CapacityPer>,
    /// What business units have for sure.
    #[serde(default)]
    pub shares: Vec<CompiledShare>,
    /// Whether units lend what they leave, in the last tenth of the window.
    #[serde(default)]
    pub lend: bool,
    /// Units that have declared that they will not use the rest of theirs.
    #[serde(default)]
    pub declared_unused: Vec<String>,
    /// The window as the document writes it.
    pub window_text: String,
}

/// What each has a capacity of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacityPer {
    /// Each channel.
    Channel,
    /// Each campaign.
    Campaign,
    /// Each business unit.
    BusinessUnit,
}

/// What a business unit has for sure of a capacity.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledShare {
    /// Which unit.
    pub business_unit: String,
    /// Contacts, or millionths of money.
    pub limit: i64,
}
