//! The compiled catalog as JSON, as `docs/reference/compiled-catalog.md` writes it: what the control plane hands over.

use serde::{Deserialize, Serialize};

use crate::ids::Micros;
use crate::register::Unconfirmed;
use crate::selector::Kind;
use crate::time::{Timestamp, Unit, WeekStart};

/// The whole document.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledCatalog {
    /// 1.
    pub format: u32,
    /// The brand's IANA zone.
    pub zone: String,
    /// How long a contact is remembered.
    pub horizon_ms: i64,
    /// In the order of the document.
    pub channels: Vec<CompiledChannel>,
    /// Names of given segments.
    #[serde(default)]
    pub segments: Vec<String>,
    /// In the order of the document.
    #[serde(default)]
    pub offer_families: Vec<CompiledFamily>,
    /// Names.
    #[serde(default)]
    pub business_units: Vec<String>,
    /// Of the document and of the API.
    #[serde(default)]
    pub campaigns: Vec<CompiledCampaign>,
    /// In the order of the document.
    #[serde(default)]
    pub policies: Vec<CompiledPolicy>,
}

/// A channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledChannel {
    /// Its name.
    pub name: String,
    /// Cost of a contact, millionths.
    pub cost: Micros,
    /// Pressure points of a contact, millionths.
    pub pressure: Micros,
    /// How long a reservation stands.
    pub expires_after_ms: i64,
    /// What becomes of it then.
    pub unconfirmed: Unconfirmed,
}

/// An offer family.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledFamily {
    /// Its name.
    pub name: String,
    /// The family to propose instead.
    #[serde(default)]
    pub fallback: Option<String>,
    /// Half-life of the affinity for it.
    #[serde(default)]
    pub half_life_ms: Option<i64>,
}

/// A campaign.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledCampaign {
    /// Its name.
    pub name: String,
    /// 0-100.
    pub priority: u8,
    /// Its kind.
    pub kind: Kind,
    /// The channels that it uses.
    pub channels: Vec<String>,
    /// What it offers.
    #[serde(default)]
    pub offer_family: Option<String>,
    /// Who owns it.
    #[serde(default)]
    pub business_unit: Option<String>,
    /// First instant at which it is active.
    #[serde(default)]
    pub active_from_ms: Option<Timestamp>,
    /// First instant at which it no longer is.
    #[serde(default)]
    pub active_until_ms: Option<Timestamp>,
    /// What an answer is worth, millionths.
    #[serde(default)]
    pub value: Option<Micros>,
    /// Pressure points of a contact, millionths; the channel's where absent.
    #[serde(default)]
    pub pressure: Option<Micros>,
    /// Which customers it may contact.
    #[serde(default)]
    pub eligible: Option<CompiledSelector>,
}

/// A selector, by names.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompiledSelector {
    /// Any of these kinds.
    pub kinds: Option<Vec<Kind>>,
    /// Any of these channels.
    pub channels: Option<Vec<String>>,
    /// Any of these campaigns.
    pub campaigns: Option<Vec<String>>,
    /// Any of these offer families.
    pub offer_families: Option<Vec<String>>,
    /// Any of these business units.
    pub business_units: Option<Vec<String>>,
    /// Any of these segments.
    pub segments: Option<Vec<String>>,
    /// At least this priority.
    pub min_priority: Option<u8>,
    /// At most this priority.
    pub max_priority: Option<u8>,
    /// None of this.
    pub not: Option<Box<Self>>,
}

/// A contact policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompiledPolicy {
    /// Its name.
    pub name: String,
    /// Which requests its rules judge.
    #[serde(default)]
    pub applies_to: CompiledSelector,
    /// Which contacts they count.
    #[serde(default)]
    pub counts: CompiledSelector,
    /// In the order of the document.
    pub rules: Vec<CompiledRule>,
}

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
    /// The window as the document writes it.
    pub window_text: String,
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

/// What came back from a customer. The numbers are those of the wire and of the value's codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngagementKind {
    /// The contact was made.
    Sent = 1,
    /// It arrived.
    Delivered = 2,
    /// It was opened.
    Opened = 3,
    /// A link was followed.
    Clicked = 4,
    /// The customer answered.
    Answered = 5,
    /// The customer did what was proposed.
    Converted = 6,
    /// The customer bought something.
    Purchased = 7,
    /// The customer refused.
    Refused = 8,
    /// The customer complained.
    Complained = 9,
    /// The customer objected.
    OptedOut = 10,
    /// It could not be delivered.
    Bounced = 11,
}

impl EngagementKind {
    /// All of them, by number.
    pub const ALL: [Self; 11] = [
        Self::Sent,
        Self::Delivered,
        Self::Opened,
        Self::Clicked,
        Self::Answered,
        Self::Converted,
        Self::Purchased,
        Self::Refused,
        Self::Complained,
        Self::OptedOut,
        Self::Bounced,
    ];

    /// The kind with this number.
    #[must_use]
    pub fn of(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| u64::from(kind.number()) == number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether it makes a contact an answered one.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        matches!(self, Self::Clicked | Self::Answered | Self::Converted | Self::Purchased)
    }

    /// Whether it suppresses marketing from its time on.
    #[must_use]
    pub const fn is_objection(self) -> bool {
        matches!(self, Self::Complained | Self::OptedOut)
    }
}
