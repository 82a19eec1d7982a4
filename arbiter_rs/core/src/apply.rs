//! What changes a state other than a grant: confirmations, releases, engagements.

use std::fmt;

use crate::catalog::Snapshot;
use crate::compiled::EngagementKind;
use crate::customer::{Charge, Contact, CustomerState, Engagement, Member, Status, Suppression, Whose};
use crate::decide::forget;
use crate::ids::{ChannelId, FamilyId, Micros, SegmentId, TermsId};
use crate::register::Terms;
use crate::time::Timestamp;

/// Names a contact inside its customer's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactName {
    /// Its number.
    pub sequence: u32,
    /// Its time: a name from another life of the value finds nothing.
    pub time: Timestamp,
}

/// Why a contact cannot be confirmed or released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettleError {
    /// The value holds no such contact.
    Unknown,
    /// It was released: it cannot be confirmed.
    Released,
    /// It expired, and its channel gave the place back then: it cannot be confirmed.
    Expired,
    /// It was confirmed: it cannot be released.
    Confirmed,
}

impl fmt::Display for SettleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "no such contact",
            Self::Released => "contact was released",
            Self::Expired => "reservation expired and its place was given back",
            Self::Confirmed => "contact was confirmed",
        })
    }
}

impl std::error::Error for SettleError {}

/// What settles a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It was sent.
    Confirm,
    /// It was not sent.
    Release,
}

/// Whether something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The state must be kept.
    Made,
    /// It stood so already.
    None,
}

/// What became of a reservation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Whether the state must be kept.
    pub is_changed: bool,
    /// What a release gives back to capacities and budgets.
    pub returned: Vec<Charge>,
}

/// Confirm or release a reservation. Idempotent.
///
/// # Errors
/// [`SettleError`] where there is no such contact, or where it was settled otherwise.
pub fn settle(
    snapshot: &Snapshot,
    state: &mut CustomerState,
    name: ContactName,
    settlement: Settlement,
    now: Timestamp,
) -> Result<Settled, SettleError> {
    let contact = state
        .contacts
        .iter_mut()
        .find(|contact| contact.sequence == name.sequence && contact.time == name.time)
        .ok_or(SettleError::Unknown)?;
    let is_lapsed = snapshot
        .register
        .terms(contact.terms)
        .and_then(|terms| contact.lapses(terms))
        .is_some_and(|lapse| lapse <= now);
    let status = match (settlement, contact.status) {
        (Settlement::Confirm, Status::Confirmed | Status::Elsewhere)
        | (Settlement::Release, Status::Released) => return Ok(Settled::default()),
        (Settlement::Confirm, Status::Released) => return Err(SettleError::Released),
        (Settlement::Release, Status::Confirmed | Status::Elsewhere) => return Err(SettleError::Confirmed),
        (Settlement::Confirm, Status::Pending) if is_lapsed => return Err(SettleError::Expired),
        (Settlement::Confirm, Status::Pending) => Status::Confirmed,
        (Settlement::Release, Status::Pending) => Status::Released,
    };
    contact.status = status;
    let charges = std::mem::take(&mut contact.charges);
    let returned = if settlement == Settlement::Release { charges } else { Vec::new() };
    forget(snapshot, state, now);
    Ok(Settled { is_changed: true, returned })
}

/// Something that came back, by names.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// From whom.
    pub customer: &'a str,
    /// The party that holds the customer's state.
    pub party: &'a str,
    /// Hash of the event id.
    pub key: u64,
    /// What.
    pub kind: EngagementKind,
    /// The contact that it belongs to.
    pub contact: Option<ContactName>,
    /// Else the campaign; empty for none.
    pub campaign: &'a str,
    /// The channel; empty for none.
    pub channel: &'a str,
    /// The offer family that it names; empty for none.
    pub offer_family: &'a str,
    /// What it was worth, millionths.
    pub value: Micros,
    /// When it happened.
    pub time: Timestamp,
    /// For contacts made elsewhere: the customer's segments.
    pub segments: Vec<&'a str>,
}

/// Why a report cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// It names a contact that is not there, or confirms one that cannot be.
    Settle(SettleError),
    /// It names a campaign that no version of the catalog had.
    CampaignUnknown,
    /// It names a channel that no version of the catalog had.
    ChannelUnknown,
    /// A contact made elsewhere, by a channel that its campaign never listed.
    ChannelNotListed,
    /// A contact made elsewhere, of no campaign.
    CampaignMissing,
    /// The party has as many customers as it can have.
    PartyFull,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settle(error) => error.fmt(f),
            Self::CampaignUnknown => f.write_str("no such campaign"),
            Self::ChannelUnknown => f.write_str("no such channel"),
            Self::ChannelNotListed => f.write_str("campaign does not use this channel"),
            Self::PartyFull => f.write_str("the party has as many customers as it can have"),
            Self::CampaignMissing => f.write_str("a contact made elsewhere needs its campaign and channel"),
        }
    }
}

impl std::error::Error for RecordError {}

impl From<SettleError> for RecordError {
    fn from(error: SettleError) -> Self {
        Self::Settle(error)
    }
}

/// What a report is about, once its names are resolved.
struct Subject {
    member: Member,
    /// Position of its contact in the value.
    contact: Option<usize>,
    terms: Option<TermsId>,
    channel: Option<ChannelId>,
    offer_family: Option<FamilyId>,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Whether the state has changed.
    pub change: Change,
    /// Whether the event was known already.
    pub is_duplicate: bool,
    /// The contact that it belongs to or made.
    pub contact: Option<ContactName>,
}

/// Record what came back, late and out of order as it may be. The same event counts once.
///
/// The caller calls [`forget`] before it keeps the state: once, however many reports it records.
///
/// # Errors
/// [`RecordError`] where it names what is not there, or confirms what cannot be.
pub fn record(
    snapshot: &Snapshot,
    state: &mut CustomerState,
    report: &Report<'_>,
    now: Timestamp,
) -> Result<Recorded, RecordError> {
    let members = state.members.len();
    let recorded = record_of_member(snapshot, state, report, now);
    if recorded.is_err() {
        state.members.truncate(members);
    }
    recorded
}

fn record_of_member(
    snapshot: &Snapshot,
    state: &mut CustomerState,
    report: &Report<'_>,
    now: Timestamp,
) -> Result<Recorded, RecordError> {
    let member = match report.contact {
        // A contact is its customer's: nobody joins the party by naming one.
        Some(_) => state.member(report.party, report.customer),
        None => state.admit_member(report.party, report.customer).ok_or(RecordError::PartyFull)?,
    };
    if let Some(known) = duplicate_of(state, report, member) {
        return Ok(Recorded { change: Change::None, is_duplicate: true, contact: known });
    }
    let subject = subject_of(snapshot, state, report, member, now)?;
    match (report.kind, report.contact) {
        (EngagementKind::Sent, Some(name)) => {
            let Settled { is_changed, .. } = settle(snapshot, state, name, Settlement::Confirm, now)?;
            let change = if is_changed { Change::Made } else { Change::None };
            Ok(Recorded { change, is_duplicate: !is_changed, contact: Some(name) })
        }
        (EngagementKind::Sent, None) => made_elsewhere(snapshot, state, report, member),
        _ => Ok(engage(snapshot, state, report, &subject)),
    }
}

fn duplicate_of(state: &CustomerState, report: &Report<'_>, member: Member) -> Option<Option<ContactName>> {
    let contact = state.contacts.iter().find(|contact| {
        contact.status == Status::Elsewhere
            && contact.key == Some(report.key)
            && contact.whose.member == member
    });
    if let Some(contact) = contact {
        return Some(Some(ContactName { sequence: contact.sequence, time: contact.time }));
    }
    let is_it = |engagement: &Engagement| engagement.key == report.key && engagement.member == member;
    state.engagements.iter().any(is_it).then_some(None)
}

fn subject_of(
    snapshot: &Snapshot,
    state: &CustomerState,
    report: &Report<'_>,
    member: Member,
    now: Timestamp,
) -> Result<Subject, RecordError> {
    let named = |name: &str| !name.is_empty();
    let offer_family = named(report.offer_family)
        .then(|| snapshot.offer_family(report.offer_family).unwrap_or(FamilyId::UNNAMED));
    if let Some(name) = report.contact {
        let index = state
            .contacts
            .iter()
            .position(|contact| contact.sequence == name.sequence && contact.time == name.time)
            .filter(|index| state.contacts.get(*index).is_some_and(|contact| contact.whose.member == member));
        let index = index.ok_or(SettleError::Unknown)?;
        let terms = state.contacts.get(index).map(|contact| contact.terms);
        return Ok(Subject { member, contact: Some(index), terms, channel: None, offer_family });
    }
    let channel = match snapshot.channel(report.channel) {
        None if !named(report.channel) => None,
        None if report.kind == EngagementKind::Purchased => Some(ChannelId::UNNAMED),
        None => return Err(RecordError::ChannelUnknown),
        known => known,
    };
    if !named(report.campaign) {
        return Ok(Subject { member, contact: None, terms: None, channel, offer_family });
    }
    let of_campaign = snapshot.terms_of(report.campaign, None).ok_or(RecordError::CampaignUnknown)?;
    if let Some(index) = latest_contact(snapshot, state, report, (member, now), of_campaign, channel) {
        let terms = state.contacts.get(index).map(|contact| contact.terms);
        return Ok(Subject { member, contact: Some(index), terms, channel: None, offer_family });
    }
    let terms = snapshot.terms_of(report.campaign, channel).unwrap_or(of_campaign);
    Ok(Subject {
        member,
        contact: None,
        terms: Some(terms),
        channel: Some(channel.unwrap_or(ChannelId::UNNAMED)),
        offer_family,
    })
}

/// The customer's latest contact of the campaign (by the channel, where one is named) at or before the event that held its place then and is remembered.
fn latest_contact(
    snapshot: &Snapshot,
    state: &CustomerState,
    report: &Report<'_>,
    (member, now): (Member, Timestamp),
    of_campaign: TermsId,
    channel: Option<ChannelId>,
) -> Option<usize> {
    let campaign = snapshot.register.terms(of_campaign)?.campaign;
    let oldest = snapshot.horizon_at(now);
    state.contacts.iter().rposition(|contact| {
        let is_it = |terms: &Terms| {
            terms.campaign == campaign
                && channel.is_none_or(|channel| channel == terms.channel)
                && contact.holds_place(terms, report.time)
        };
        contact.whose.member == member
            && oldest < contact.time
            && contact.time <= report.time
            && snapshot.register.terms(contact.terms).is_some_and(is_it)
    })
}

fn made_elsewhere(
    snapshot: &Snapshot,
    state: &mut CustomerState,
    report: &Report<'_>,
    member: Member,
) -> Result<Recorded, RecordError> {
    if report.campaign.is_empty() || report.channel.is_empty() {
        return Err(RecordError::CampaignMissing);
    }
    let channel = snapshot.channel(report.channel).ok_or(RecordError::ChannelUnknown)?;
    let terms = snapshot
        .terms_of(report.campaign, Some(channel))
        .or_else(|| snapshot.former_terms_of(report.campaign, Some(channel)))
        .ok_or(RecordError::ChannelNotListed)?;
    let is_given = |id: &SegmentId| snapshot.derived.iter().all(|segment| segment.id != *id);
    let segments = report.segments.iter().filter_map(|name| snapshot.segment(name)).filter(is_given);
    let segments: Vec<SegmentId> = segments.collect();
    let segment_set = state.admit_segments(&segments);
    let contact = Contact {
        time: report.time,
        terms,
        status: Status::Elsewhere,
        segment_set,
        key: Some(report.key),
        whose: Whose { member, ..Whose::default() },
        ..Contact::default()
    };
    let sequence = state.admit_contact(contact);
    Ok(Recorded {
        change: Change::Made,
        is_duplicate: false,
        contact: Some(ContactName { sequence, time: report.time }),
    })
}

fn engage(
    snapshot: &Snapshot,
    state: &mut CustomerState,
    report: &Report<'_>,
    subject: &Subject,
) -> Recorded {
    let mut name = None;
    if let Some(contact) = subject.contact.and_then(|index| state.contacts.get_mut(index)) {
        contact.is_answered |= report.kind.is_answer();
        name = Some(ContactName { sequence: contact.sequence, time: contact.time });
    }
    if report.kind.is_objection() {
        let of_contact = subject
            .contact
            .and(subject.terms)
            .and_then(|id| snapshot.register.terms(id))
            .map(|terms| terms.channel);
        let channel = of_contact.or_else(|| subject.channel.filter(|channel| *channel != ChannelId::UNNAMED));
        state.suppress(Suppression {
            member: subject.member,
            since: report.time,
            kind: report.kind,
            channel,
        });
    }
    state.admit_engagement(Engagement {
        member: subject.member,
        time: report.time,
        kind: report.kind,
        terms: subject.terms,
        offer_family: subject.offer_family,
        channel: subject.channel,
        value: report.value,
        key: report.key,
    });
    Recorded { change: Change::Made, is_duplicate: false, contact: name }
}
