//! The register: which small integer stands for which name, and the terms frozen into contacts. It only ever grows.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::compiled::{CompiledCampaign, CompiledCatalog, CompiledChannel, Measure};
use crate::ids::{CampaignId, ChannelId, FamilyId, Micros, TermsId, UnitId};
use crate::selector::Kind;

/// What becomes of a reservation that is neither confirmed nor released in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unconfirmed {
    /// It keeps its place: a forgetful platform cannot lift its own cap.
    #[default]
    Counts,
    /// It loses its place when it expires.
    Released,
}

/// Everything about a campaign and a channel that a contact freezes when it is granted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Whose contact it is.
    pub campaign: CampaignId,
    /// By which channel.
    pub channel: ChannelId,
    /// Of which kind.
    pub kind: Kind,
    /// 0-100.
    pub priority: u8,
    /// What it offers.
    pub offer_family: Option<FamilyId>,
    /// Who owns the campaign.
    pub business_unit: Option<UnitId>,
    /// What it costs, in millionths.
    pub cost: Micros,
    /// Pressure points, in millionths.
    pub pressure: Micros,
    /// How long the reservation stands unconfirmed.
    pub expires_after_ms: i64,
    /// What becomes of it then.
    pub unconfirmed: Unconfirmed,
}

/// All names and terms that were ever given an integer, in the order of their integers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// By [`CampaignId`].
    pub campaigns: Vec<String>,
    /// By [`ChannelId`].
    pub channels: Vec<String>,
    /// By [`FamilyId`].
    pub offer_families: Vec<String>,
    /// By [`UnitId`].
    pub business_units: Vec<String>,
    /// By [`SegmentId`].
    pub segments: Vec<String>,
    /// By [`TermsId`].
    pub terms: Vec<Terms>,
    /// By [`CapacityId`]: policy and rule, and for money that it is, with [`SEPARATOR`] between them.
    #[serde(default)]
    pub capacities: Vec<String>,
    /// Per campaign (by the number of its [`CampaignId`]) the newest version under which a registered claim is dead for ever: the campaign
    /// was not in that version, or gave all its claims back.
    #[serde(default)]
    pub withdrawn: BTreeMap<u32, u64>,
}

/// Stands between names where several make one: no name of a catalog has it.
pub const SEPARATOR: char = '|';

/// The one name of a capacity. One of money is another than one of contacts: what was counted of either says nothing of the other.
#[must_use]
pub fn capacity_name(policy: &str, rule: &str, measure: Measure) -> String {
    match measure {
        Measure::Cost => format!("{policy}{SEPARATOR}{rule}{SEPARATOR}cost"),
        Measure::Contacts | Measure::Points => format!("{policy}{SEPARATOR}{rule}"),
    }
}

fn admit_all<'a>(table: &mut Vec<String>, names: impl Iterator<Item = &'a str>) {
    let known: HashSet<String> = table.iter().cloned().collect();
    table.extend(names.filter(|name| !known.contains(*name)).map(ToOwned::to_owned));
}

impl Register {
    /// Give an integer to every name and to all terms of `catalog` that have none yet; claims of campaigns that it does not have are dead
    /// from here on. `version` is the one that the catalog becomes.
    pub fn admit(&mut self, catalog: &CompiledCatalog, version: u64) {
        admit_all(&mut self.campaigns, catalog.campaigns.iter().map(|campaign| campaign.name.as_str()));
        admit_all(&mut self.channels, catalog.channels.iter().map(|channel| channel.name.as_str()));
        admit_all(&mut self.offer_families, catalog.offer_families.iter().map(|family| family.name.as_str()));
        admit_all(&mut self.business_units, catalog.business_units.iter().map(String::as_str));
        admit_all(&mut self.segments, catalog.segments.iter().map(String::as_str));
        let rules =
            catalog.policies.iter().flat_map(|policy| policy.rules.iter().map(move |rule| (policy, rule)));
        let capacities: Vec<String> = rules
            .filter_map(|(policy, rule)| {
                let capacity = rule.capacity.as_ref()?;
                Some(capacity_name(&policy.name, &rule.name, capacity.measure))
            })
            .collect();
        admit_all(&mut self.capacities, capacities.iter().map(String::as_str));
        let listed: HashSet<&str> = catalog.campaigns.iter().map(|campaign| campaign.name.as_str()).collect();
        let absent = self.campaigns.iter().zip(0..).filter(|(name, _)| !listed.contains(name.as_str()));
        self.withdrawn.extend(absent.map(|(_, number)| (number, version)));
        let names = Names::of(self);
        let used = catalog.campaigns.iter().flat_map(|campaign| names.terms_of(catalog, campaign));
        let fresh: Vec<Terms> = used.filter(|terms| !names.terms.contains_key(terms)).collect();
        self.terms.extend(fresh);
    }

    /// All claims that a campaign registered under `version` or an earlier one are dead from here on.
    pub fn withdraw_claims(&mut self, campaign: CampaignId, version: u64) {
        self.withdrawn.insert(campaign.0, version);
    }

    /// The newest version under which a registered claim of the campaign is dead; 0 for none.
    #[must_use]
    pub fn withdrawn_at(&self, campaign: CampaignId) -> u64 {
        self.withdrawn.get(&campaign.0).copied().unwrap_or_default()
    }

    /// The terms of a contact.
    #[must_use]
    pub fn terms(&self, id: TermsId) -> Option<&Terms> {
        self.terms.get(id.index())
    }
}

/// The register, by name.
pub(crate) struct Names<'a> {
    pub(crate) campaigns: HashMap<&'a str, u32>,
    pub(crate) channels: HashMap<&'a str, u32>,
    pub(crate) offer_families: HashMap<&'a str, u32>,
    pub(crate) business_units: HashMap<&'a str, u32>,
    pub(crate) segments: HashMap<&'a str, u32>,
    pub(crate) capacities: HashMap<&'a str, u32>,
    pub(crate) terms: HashMap<&'a Terms, u32>,
}

fn numbered(names: &[String]) -> HashMap<&str, u32> {
    names.iter().map(String::as_str).zip(0..).collect()
}

impl<'a> Names<'a> {
    pub(crate) fn of(register: &'a Register) -> Self {
        Self {
            campaigns: numbered(&register.campaigns),
            channels: numbered(&register.channels),
            offer_families: numbered(&register.offer_families),
            business_units: numbered(&register.business_units),
            segments: numbered(&register.segments),
            capacities: numbered(&register.capacities),
            terms: register.terms.iter().zip(0..).collect(),
        }
    }

    /// The terms of contacts of a campaign by each of its channels, in the order of the catalog's channels.
    pub(crate) fn terms_of<'b>(
        &'b self,
        catalog: &'b CompiledCatalog,
        campaign: &'b CompiledCampaign,
    ) -> impl Iterator<Item = Terms> + 'b {
        let listed = catalog.channels.iter().filter(|channel| campaign.channels.contains(&channel.name));
        listed.filter_map(|channel| self.terms_by(campaign, channel))
    }

    fn terms_by(&self, campaign: &CompiledCampaign, channel: &CompiledChannel) -> Option<Terms> {
        let find =
            |table: &HashMap<&str, u32>, name: Option<&str>| name.and_then(|name| table.get(name).copied());
        Some(Terms {
            campaign: CampaignId(*self.campaigns.get(campaign.name.as_str())?),
            channel: ChannelId(*self.channels.get(channel.name.as_str())?),
            kind: campaign.kind,
            priority: campaign.priority,
            offer_family: find(&self.offer_families, campaign.offer_family.as_deref()).map(FamilyId),
            business_unit: find(&self.business_units, campaign.business_unit.as_deref()).map(UnitId),
            cost: channel.cost,
            pressure: campaign.pressure.unwrap_or(channel.pressure),
            expires_after_ms: channel.expires_after_ms,
            unconfirmed: channel.unconfirmed,
        })
    }
}
