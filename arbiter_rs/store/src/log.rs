//! Records of the contact log, as `proto/repit/v1/contact_log.proto` writes them.

use arbiter_core::{
    apply::{ContactName, Report},
    catalog::Snapshot,
    contact_id,
    customer::Claim,
    decision::{Decision, Grant},
    ids::ONE,
    request::Request,
    selector::Kind,
    time::Timestamp,
};
use prost::Message;
use prost_types::Timestamp as ProtoTimestamp;

/// One change of one customer's value.
#[derive(Clone, PartialEq, Message)]
pub struct ContactLogRecord {
    /// The customer.
    #[prost(string, tag = "1")]
    pub customer_id: String,
    /// By the clock of the replica that made it.
    #[prost(message, optional, tag = "2")]
    pub record_time: Option<ProtoTimestamp>,
    /// The version of the value that it made.
    #[prost(uint64, tag = "3")]
    pub state_version: u64,
    /// The version of the catalog that decided.
    #[prost(uint64, tag = "4")]
    pub catalog_version: u64,
    /// What changed.
    #[prost(oneof = "Change", tags = "5, 6, 7, 8, 9, 10")]
    pub change: Option<Change>,
    /// The party that holds the customer's state; empty where the customer is its own.
    #[prost(string, tag = "11")]
    pub party_id: String,
}

/// What changed.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Change {
    /// A grant.
    #[prost(message, tag = "5")]
    Granted(ContactGranted),
    /// A confirmation.
    #[prost(message, tag = "6")]
    Confirmed(ContactConfirmed),
    /// A release.
    #[prost(message, tag = "7")]
    Released(ContactReleased),
    /// An engagement.
    #[prost(message, tag = "8")]
    Engagement(LoggedEngagement),
    /// Claims that were registered.
    #[prost(message, tag = "9")]
    ClaimsRegistered(ClaimsRegistered),
    /// Claims that were given back.
    #[prost(message, tag = "10")]
    ClaimsWithdrawn(ClaimsWithdrawn),
}

/// Claims of one customer that were registered together.
#[derive(Clone, PartialEq, Message)]
pub struct ClaimsRegistered {
    /// The claims.
    #[prost(message, repeated, tag = "1")]
    pub claims: Vec<LoggedClaim>,
}

/// Claims of one customer that were given back together.
#[derive(Clone, PartialEq, Message)]
pub struct ClaimsWithdrawn {
    /// Their campaign.
    #[prost(string, tag = "1")]
    pub campaign_id: String,
}

/// A claim, as `claim.proto` writes it.
#[derive(Clone, PartialEq, Message)]
pub struct LoggedClaim {
    /// Whose.
    #[prost(string, tag = "1")]
    pub customer_id: String,
    /// By which campaign.
    #[prost(string, tag = "2")]
    pub campaign_id: String,
    /// By which channels.
    #[prost(string, repeated, tag = "3")]
    pub channels: Vec<String>,
    /// First instant at which a contact may use it.
    #[prost(message, optional, tag = "4")]
    pub from_time: Option<ProtoTimestamp>,
    /// First instant at which none may any more.
    #[prost(message, optional, tag = "5")]
    pub until_time: Option<ProtoTimestamp>,
    /// Ranks after the priority.
    #[prost(double, optional, tag = "6")]
    pub score: Option<f64>,
}

/// A contact took its place.
#[derive(Clone, PartialEq, Message)]
pub struct ContactGranted {
    /// Its id.
    #[prost(string, tag = "1")]
    pub contact_id: String,
    /// The request that asked for it.
    #[prost(string, tag = "2")]
    pub request_id: String,
    /// Its campaign.
    #[prost(string, tag = "3")]
    pub campaign_id: String,
    /// Its channel.
    #[prost(string, tag = "4")]
    pub channel: String,
    /// Its kind.
    #[prost(int32, tag = "5")]
    pub kind: i32,
    /// Its offer family.
    #[prost(string, tag = "6")]
    pub offer_family: String,
    /// Its business unit.
    #[prost(string, tag = "7")]
    pub business_unit: String,
    /// The customer's segments.
    #[prost(string, repeated, tag = "8")]
    pub segments: Vec<String>,
    /// Its priority.
    #[prost(uint32, tag = "9")]
    pub priority: u32,
    /// When it takes its place.
    #[prost(message, optional, tag = "10")]
    pub contact_time: Option<ProtoTimestamp>,
    /// The claim that it used.
    #[prost(message, optional, tag = "11")]
    pub claim: Option<LoggedClaim>,
    /// Hash of the contact point; 0 for none.
    #[prost(fixed64, tag = "12")]
    pub contact_point: u64,
    /// Hash of the subject; 0 for none.
    #[prost(fixed64, tag = "13")]
    pub subject: u64,
}

/// A contact was made.
#[derive(Clone, PartialEq, Message)]
pub struct ContactConfirmed {
    /// Its id.
    #[prost(string, tag = "1")]
    pub contact_id: String,
    /// When it was made.
    #[prost(message, optional, tag = "2")]
    pub send_time: Option<ProtoTimestamp>,
}

/// A contact was given back.
#[derive(Clone, PartialEq, Message)]
pub struct ContactReleased {
    /// Its id.
    #[prost(string, tag = "1")]
    pub contact_id: String,
    /// Why.
    #[prost(string, tag = "2")]
    pub reason: String,
}

/// An engagement, as `engagement.proto` writes it.
#[derive(Clone, PartialEq, Message)]
pub struct LoggedEngagement {
    /// Names the event.
    #[prost(string, tag = "1")]
    pub event_id: String,
    /// Whose.
    #[prost(string, tag = "2")]
    pub customer_id: String,
    /// What happened.
    #[prost(int32, tag = "3")]
    pub kind: i32,
    /// The contact.
    #[prost(string, tag = "4")]
    pub contact_id: String,
    /// The campaign.
    #[prost(string, tag = "5")]
    pub campaign_id: String,
    /// The channel.
    #[prost(string, tag = "6")]
    pub channel: String,
    /// The offer family.
    #[prost(string, tag = "7")]
    pub offer_family: String,
    /// What it was worth.
    #[prost(double, tag = "8")]
    pub value: f64,
    /// When it happened.
    #[prost(message, optional, tag = "9")]
    pub event_time: Option<ProtoTimestamp>,
    /// The customer's segments.
    #[prost(string, repeated, tag = "10")]
    pub segments: Vec<String>,
}

/// What every record of one commit has in common.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// The customer.
    pub customer: &'a str,
    /// The party that holds its state.
    pub party: &'a str,
    /// The clock of this replica.
    pub now: Timestamp,
    /// The version that the commit makes.
    pub state_version: u64,
    /// The catalog that decided.
    pub snapshot: &'a Snapshot,
}

/// A moment on the wire.
#[must_use]
pub fn proto_time(t: Timestamp) -> ProtoTimestamp {
    let nanos = i32::try_from(t.0.rem_euclid(1_000)).unwrap_or(0) * 1_000_000;
    ProtoTimestamp { seconds: t.0.div_euclid(1_000), nanos }
}

const fn kind_number(kind: Kind) -> i32 {
    match kind {
        Kind::Marketing => 1,
        Kind::Service => 2,
        Kind::Transactional => 3,
        Kind::Legal => 4,
    }
}

impl Stamp<'_> {
    fn record(&self, change: Change) -> Vec<u8> {
        let record = ContactLogRecord {
            customer_id: self.customer.to_owned(),
            record_time: Some(proto_time(self.now)),
            state_version: self.state_version,
            catalog_version: self.snapshot.version,
            change: Some(change),
            party_id: if self.party == self.customer { String::new() } else { self.party.to_owned() },
        };
        record.encode_to_vec()
    }

    fn id(&self, name: ContactName) -> String {
        contact_id::format(name, self.party)
    }

    fn claim(&self, claim: &Claim) -> LoggedClaim {
        let register = &self.snapshot.register;
        let channel = |id: &arbiter_core::ids::ChannelId| register.channels.get(id.index()).cloned();
        LoggedClaim {
            customer_id: self.customer.to_owned(),
            campaign_id: register.campaigns.get(claim.campaign.index()).cloned().unwrap_or_default(),
            channels: claim.channels.iter().filter_map(channel).collect(),
            from_time: Some(proto_time(claim.from)),
            until_time: Some(proto_time(claim.until)),
            score: claim.score,
        }
    }

    /// The record of claims that were registered.
    #[must_use]
    pub fn registered(&self, claims: &[Claim]) -> Vec<u8> {
        let claims = claims.iter().map(|claim| self.claim(claim)).collect();
        self.record(Change::ClaimsRegistered(ClaimsRegistered { claims }))
    }

    /// The record of claims that were given back.
    #[must_use]
    pub fn withdrawn(&self, campaign: &str) -> Vec<u8> {
        self.record(Change::ClaimsWithdrawn(ClaimsWithdrawn { campaign_id: campaign.to_owned() }))
    }

    /// The record of a grant.
    #[must_use]
    pub fn granted(&self, grant: &Grant, decision: &Decision, request: &Request<'_>) -> Vec<u8> {
        let register = &self.snapshot.register;
        let name = |names: &[String], index: Option<usize>| {
            index.and_then(|index| names.get(index)).cloned().unwrap_or_default()
        };
        let terms = register.terms(grant.terms);
        self.record(Change::Granted(ContactGranted {
            contact_id: self.id(ContactName { sequence: grant.sequence, time: grant.time }),
            request_id: request.id.to_owned(),
            campaign_id: name(&register.campaigns, terms.map(|terms| terms.campaign.index())),
            channel: name(&register.channels, terms.map(|terms| terms.channel.index())),
            kind: terms.map_or(0, |terms| kind_number(terms.kind)),
            offer_family: name(
                &register.offer_families,
                terms.and_then(|terms| terms.offer_family).map(|family| family.index()),
            ),
            business_unit: name(
                &register.business_units,
                terms.and_then(|terms| terms.business_unit).map(|unit| unit.index()),
            ),
            segments: request.segments.iter().map(|segment| (*segment).to_owned()).collect(),
            priority: terms.map_or(0, |terms| u32::from(terms.priority)),
            contact_time: Some(proto_time(grant.time)),
            claim: decision.claim.as_ref().map(|claim| self.claim(claim)),
            contact_point: request.contact_point,
            subject: request.subject,
        }))
    }

    /// The record of a confirmation.
    #[must_use]
    pub fn confirmed(&self, name: ContactName, send_time: Timestamp) -> Vec<u8> {
        let contact_id = self.id(name);
        self.record(Change::Confirmed(ContactConfirmed {
            contact_id,
            send_time: Some(proto_time(send_time)),
        }))
    }

    /// The record of a release.
    #[must_use]
    pub fn released(&self, name: ContactName, reason: &str) -> Vec<u8> {
        self.record(Change::Released(ContactReleased {
            contact_id: self.id(name),
            reason: reason.to_owned(),
        }))
    }

    /// The record of an engagement; `contact` is the one that it was found to belong to, or that it made.
    #[must_use]
    pub fn engaged(&self, event_id: &str, report: &Report<'_>, contact: Option<ContactName>) -> Vec<u8> {
        #[expect(clippy::cast_precision_loss, reason = "a value came in as a double of six decimals")]
        let value = report.value as f64 / ONE as f64;
        self.record(Change::Engagement(LoggedEngagement {
            event_id: event_id.to_owned(),
            customer_id: self.customer.to_owned(),
            kind: i32::from(report.kind.number()),
            contact_id: contact.map(|name| self.id(name)).unwrap_or_default(),
            campaign_id: report.campaign.to_owned(),
            channel: report.channel.to_owned(),
            offer_family: report.offer_family.to_owned(),
            value,
            event_time: Some(proto_time(report.time)),
            segments: report.segments.iter().map(|segment| (*segment).to_owned()).collect(),
        }))
    }
}
