//! The compiled catalog as JSON, as `docs/reference/compiled-catalog.md` writes it: what the control plane hands over.

mod engagement_kind;
mod rule;

use serde::{Deserialize, Serialize};

pub use self::engagement_kind::EngagementKind;
pub use self::rule::{
    AlikeIn, CapPer, CapacityPer, CompiledBackOff, CompiledCap, CompiledCapacity, CompiledHoldout,
    CompiledPrerequisite, CompiledReserve, CompiledRespite, CompiledRule, CompiledShare, CompiledSpan,
    CompiledWindow, Counted, Measure, Never, RespiteOf,
};
use crate::ids::Micros;
use crate::register::Unconfirmed;
use crate::selector::Kind;
use crate::time::Timestamp;

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
    /// Over how long unanswered contacts stop to tire; nothing where they never do.
    #[serde(default)]
    pub fatigue_half_life_ms: Option<i64>,
    /// Names of all segments.
    #[serde(default)]
    pub segments: Vec<String>,
    /// Those of them that follow from what the customer did.
    #[serde(default)]
    pub derived_segments: Vec<CompiledDerivedSegment>,
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
    /// The engagements that teach the affinity.
    #[serde(default)]
    pub learns_from: Option<Vec<EngagementKind>>,
}

/// A segment that follows from what the customer did: everything that is set must hold.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompiledDerivedSegment {
    /// Its name.
    pub name: String,
    /// Answered less than so long ago.
    pub answered_within_ms: Option<i64>,
    /// At least so many contacts since the last answer.
    pub unanswered_at_least: Option<u32>,
    /// First contacted less than so long ago.
    pub first_contact_within_ms: Option<i64>,
    /// Bought something less than so long ago.
    pub purchased_within_ms: Option<i64>,
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
