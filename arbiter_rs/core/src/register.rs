//! The register: which small integer stands for which name, and the terms frozen into contacts. It only ever grows.

use serde::{Deserialize, Serialize};

use crate::compiled::{CompiledCampaign, CompiledCatalog, CompiledChannel};
use crate::ids::{CampaignId, ChannelId, FamilyId, Micros, SegmentId, TermsId, UnitId};
use crate::selector::Kind;

/// What becomes of a reservation that is neither confirmed nor released in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unconfirmed {
    /// It keeps its place: a forgetful platform cannot lift its own cap.
    #[default]
    Counts,
    /// It loses its place when it expires.
    Released,
}

/// Everything about a campaign and a channel that a contact freezes when it is granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

fn position(names: &[String], name: &str) -> Option<u32> {
    names.iter().position(|known| known == name).and_then(|index| u32::try_from(index).ok())
}

fn admit_all<'a>(table: &mut Vec<String>, names: impl Iterator<Item = &'a str>) {
    let known: std::collections::HashSet<String> = table.iter().cloned().collect();
    table.extend(names.filter(|name| !known.contains(*name)).map(ToOwned::to_owned));
}

impl Register {
    /// Give an integer to every name and to all terms of `catalog` that have none yet.
    pub fn admit(&mut self, catalog: &CompiledCatalog) {
        admit_all(&mut self.campaigns, catalog.campaigns.iter().map(|campaign| campaign.name.as_str()));
        admit_all(&mut self.channels, catalog.channels.iter().map(|channel| channel.name.as_str()));
        admit_all(&mut self.offer_families, catalog.offer_families.iter().map(|family| family.name.as_str()));
        admit_all(&mut self.business_units, catalog.business_units.iter().map(String::as_str));
        admit_all(&mut self.segments, catalog.segments.iter().map(String::as_str));
        let known: std::collections::HashSet<String> =
            self.terms.iter().map(|terms| format!("{terms:?}")).collect();
        let fresh: Vec<Terms> = catalog
            .campaigns
            .iter()
            .flat_map(|campaign| self.terms_of(catalog, campaign))
            .filter(|terms| !known.contains(&format!("{terms:?}")))
            .collect();
        self.terms.extend(fresh);
    }

    fn terms_of(&self, catalog: &CompiledCatalog, campaign: &CompiledCampaign) -> Vec<Terms> {
        let listed = |channel: &&CompiledChannel| campaign.channels.contains(&channel.name);
        catalog
            .channels
            .iter()
            .filter(listed)
            .filter_map(|channel| self.terms_for(campaign, channel))
            .collect()
    }

    /// The terms of a contact of `campaign` by `channel` as this catalog has them.
    #[must_use]
    pub fn terms_for(&self, campaign: &CompiledCampaign, channel: &CompiledChannel) -> Option<Terms> {
        Some(Terms {
            campaign: CampaignId(position(&self.campaigns, &campaign.name)?),
            channel: ChannelId(position(&self.channels, &channel.name)?),
            kind: campaign.kind,
            priority: campaign.priority,
            offer_family: campaign
                .offer_family
                .as_deref()
                .and_then(|name| position(&self.offer_families, name))
                .map(FamilyId),
            business_unit: campaign
                .business_unit
                .as_deref()
                .and_then(|name| position(&self.business_units, name))
                .map(UnitId),
            cost: channel.cost,
            pressure: campaign.pressure.unwrap_or(channel.pressure),
            expires_after_ms: channel.expires_after_ms,
            unconfirmed: channel.unconfirmed,
        })
    }

    /// The integer of a segment.
    #[must_use]
    pub fn segment(&self, name: &str) -> Option<SegmentId> {
        position(&self.segments, name).map(SegmentId)
    }

    /// The terms of a contact.
    #[must_use]
    pub fn terms(&self, id: TermsId) -> Option<&Terms> {
        self.terms.get(id.index())
    }
}
