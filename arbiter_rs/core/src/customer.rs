//! The state of a party: all that a decision about one of its customers needs to know, as one value.

use crate::compiled::EngagementKind;
use crate::ids::{CampaignId, CapacityId, ChannelId, FamilyId, Micros, SegmentId, TermsId, UnitId};
use crate::register::{Terms, Unconfirmed};
use crate::time::{DAY_MS, Timestamp};

/// How many contacts a value holds at most; beyond it the oldest are folded together.
pub const MAX_CONTACTS: usize = 4_096;
/// How many engagements a value holds at most; beyond it the oldest are dropped.
pub const MAX_ENGAGEMENTS: usize = 1_024;
/// From how many objections on a further one is read as one to all channels.
pub const MAX_SUPPRESSIONS: usize = 1_000;
/// From how many engagements on those that no rule can tell apart from a later one are dropped.
pub const ROUTINE_ENGAGEMENTS: usize = 64;
/// How many segments a contact freezes at most.
pub const MAX_SEGMENTS: usize = 64;
/// How many customers a party has at most.
pub const MAX_MEMBERS: usize = 256;
/// How many live claims a value holds at most.
pub const MAX_CLAIMS: usize = 256;
/// For how long a request id is remembered after its grant.
pub const REQUEST_ID_MS: i64 = 24 * 3_600_000;

/// For how long after a reservation expired a release still gives back what it took of capacities.
pub const CHARGES_MS: i64 = 40 * DAY_MS;
/// For how much longer it is kept, so that a replica whose clock is behind still finds it.
pub const CLOCK_GRACE_MS: i64 = 3_600_000;

/// A customer of the party: the one that the party is named after, or one of [`CustomerState::members`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member(pub u32);

impl Member {
    /// The customer that the party is named after.
    pub const OWN: Self = Self(0);
    /// A customer of whom nothing is held yet.
    pub const UNKNOWN: Self = Self(u32::MAX);
}

/// Whose contact it is, where, and about what: what a cap can be per.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Whose {
    /// The customer.
    pub member: Member,
    /// Hash of the address or number; 0 for none.
    pub contact_point: u64,
    /// Hash of what it is about; 0 for none.
    pub subject: u64,
}

/// What a contact took of a capacity or budget, so that a release gives it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Charge {
    /// Which account.
    pub account: AccountKey,
    /// Whose part of it: a business unit's share, or what all share.
    pub pool: Pool,
    /// Contacts, or millionths of money.
    pub amount: i64,
}

/// One capacity in one window: what is counted together over all customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    /// Which capacity.
    pub capacity: CapacityId,
    /// The channel, campaign or business unit that it is counted for; nothing where for all.
    pub per: Option<u32>,
    /// Start of the window; 0 for a capacity that is counted for ever.
    pub start: Timestamp,
}

/// A part of a capacity: 0 what all share, n + 1 the share of business unit n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pool(pub u32);

impl Pool {
    /// What all share.
    pub const COMMON: Self = Self(0);

    /// The share of a business unit.
    #[must_use]
    pub const fn of(unit: UnitId) -> Self {
        Self(unit.0.saturating_add(1))
    }

    /// The business unit whose share it is.
    #[must_use]
    pub fn unit(self) -> Option<UnitId> {
        self.0.checked_sub(1).map(UnitId)
    }
}

/// Where a contact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Granted, neither confirmed nor released.
    Pending = 0,
    /// Sent.
    Confirmed = 1,
    /// Given back.
    Released = 2,
    /// Made elsewhere and reported: sent, and never asked for here.
    Elsewhere = 3,
}

impl Status {
    /// Whether the contact is known to have been made.
    #[must_use]
    pub const fn is_made(self) -> bool {
        matches!(self, Self::Confirmed | Self::Elsewhere)
    }

    /// The status with this number.
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Pending),
            1 => Some(Self::Confirmed),
            2 => Some(Self::Released),
            3 => Some(Self::Elsewhere),
            _ => None,
        }
    }
}

/// One contact, or several old ones folded into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// When it takes its place.
    pub time: Timestamp,
    /// Its number within the customer's value.
    pub sequence: u32,
    /// What was frozen when it was granted.
    pub terms: TermsId,
    /// Where it stands.
    pub status: Status,
    /// Whether an answer was attributed to it.
    pub is_answered: bool,
    /// Position of its segments in [`CustomerState::segment_sets`], plus one; 0 for none.
    pub segment_set: u32,
    /// Hash of the request id (while a request may be repeated) or of the event id (always, where made elsewhere).
    pub key: Option<u64>,
    /// How many contacts it stands for.
    pub count: u32,
    /// Whose it is, where, and about what.
    pub whose: Whose,
    /// How long before its time it was granted; 0 where it was not planned.
    pub lead_ms: i64,
    /// What it took of capacities and budgets, while it may still be released.
    pub charges: Vec<Charge>,
}

impl Default for Contact {
    fn default() -> Self {
        Self {
            time: Timestamp(0),
            sequence: 0,
            terms: TermsId(0),
            status: Status::Pending,
            is_answered: false,
            segment_set: 0,
            key: None,
            count: 1,
            whose: Whose::default(),
            lead_ms: 0,
            charges: Vec::new(),
        }
    }
}

impl Contact {
    /// When it was granted.
    #[must_use]
    pub const fn granted(&self) -> Timestamp {
        self.time.minus_ms(self.lead_ms)
    }

    /// When the reservation expires unless confirmed.
    #[must_use]
    pub fn expires(&self, terms: &Terms) -> Timestamp {
        self.time.plus_ms(terms.expires_after_ms)
    }

    /// The instant from which it holds no place any more though nothing happened to it.
    #[must_use]
    pub fn lapses(&self, terms: &Terms) -> Option<Timestamp> {
        (self.status == Status::Pending && terms.unconfirmed == Unconfirmed::Released)
            .then(|| self.expires(terms))
    }

    /// Whether it holds its place for whoever asks at `asked`, as far as release and expiry go.
    #[must_use]
    pub fn holds_place(&self, terms: &Terms, asked: Timestamp) -> bool {
        self.status != Status::Released && self.lapses(terms).is_none_or(|lapse| asked < lapse)
    }

    /// Whether it is known to have been made.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        self.status.is_made()
    }

    /// Whether it answers to this request key of this customer at `asked`.
    #[must_use]
    pub fn is_of_request(&self, key: u64, member: Member, asked: Timestamp) -> bool {
        self.key == Some(key)
            && self.whose.member == member
            && self.status != Status::Elsewhere
            && asked < self.granted().plus_ms(REQUEST_ID_MS)
    }
}

/// Something that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engagement {
    /// From whom.
    pub member: Member,
    /// When it happened.
    pub time: Timestamp,
    /// What.
    pub kind: EngagementKind,
    /// Terms of the contact or campaign that it belongs to.
    pub terms: Option<TermsId>,
    /// The offer family that it names, over that of its terms.
    pub offer_family: Option<FamilyId>,
    /// The channel that it names, over that of its terms.
    pub channel: Option<ChannelId>,
    /// What it was worth, millionths.
    pub value: Micros,
    /// Hash of the event id.
    pub key: u64,
}

/// Marketing is suppressed from `since` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Of whom.
    pub member: Member,
    /// From when on.
    pub since: Timestamp,
    /// By an opt-out or a complaint.
    pub kind: EngagementKind,
    /// On this channel; on all where absent.
    pub channel: Option<ChannelId>,
}

/// A place that a campaign asked for in advance. (customer, campaign, from, until) name it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// With whom.
    pub member: Member,
    /// By which campaign.
    pub campaign: CampaignId,
    /// By which channels; all of the campaign's where empty.
    pub channels: Vec<ChannelId>,
    /// First instant at which a contact may use it.
    pub from: Timestamp,
    /// First instant at which none may any more.
    pub until: Timestamp,
    /// Ranks after the campaign's priority; 0 where absent.
    pub score: Option<f64>,
    /// The catalog version that it was registered under.
    pub version: u64,
}

impl Claim {
    /// Whether both are the same place.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        (self.member, self.campaign, self.from, self.until)
            == (other.member, other.campaign, other.from, other.until)
    }

    /// Whether a contact by this channel may use it.
    #[must_use]
    pub fn takes_channel(&self, channel: ChannelId) -> bool {
        self.channels.is_empty() || self.channels.contains(&channel)
    }
}

/// What engagements that are no longer held taught of one offer family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taste {
    /// Whose.
    pub member: Member,
    /// For what.
    pub family: FamilyId,
    /// As of when.
    pub time: Timestamp,
    /// How many engagements, faded to that moment.
    pub strength: f64,
}

/// All that a decision needs to know of one party.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerState {
    /// The latest instant at which it was changed.
    pub clock: Timestamp,
    /// The number of the next contact.
    pub next_sequence: u32,
    /// Ascending by (time, sequence).
    pub contacts: Vec<Contact>,
    /// Ascending by time.
    pub engagements: Vec<Engagement>,
    /// One per channel and kind, the earliest.
    pub suppressions: Vec<Suppression>,
    /// The distinct sets of segments that contacts froze.
    pub segment_sets: Vec<Vec<SegmentId>>,
    /// The party's customers by number, from 1; the one that it is named after has no entry.
    pub members: Vec<String>,
    /// Places asked for in advance.
    pub claims: Vec<Claim>,
    /// What engagements that are no longer held taught.
    pub tastes: Vec<Taste>,
}

impl Default for CustomerState {
    fn default() -> Self {
        Self {
            clock: Timestamp(0),
            next_sequence: 1,
            contacts: Vec::new(),
            engagements: Vec::new(),
            suppressions: Vec::new(),
            segment_sets: Vec::new(),
            members: Vec::new(),
            claims: Vec::new(),
            tastes: Vec::new(),
        }
    }
}

impl CustomerState {
    /// The number of a customer of the party; [`Member::UNKNOWN`] where nothing is held of it.
    #[must_use]
    pub fn member(&self, party: &str, customer: &str) -> Member {
        if party == customer {
            return Member::OWN;
        }
        let place = self.members.iter().position(|name| name == customer);
        let number = place.and_then(|place| u32::try_from(place).ok());
        number.map_or(Member::UNKNOWN, |number| Member(number.saturating_add(1)))
    }

    /// The number of a customer of the party, given to it where it has none; nothing where the party is full.
    pub fn admit_member(&mut self, party: &str, customer: &str) -> Option<Member> {
        let known = self.member(party, customer);
        if known != Member::UNKNOWN {
            return Some(known);
        }
        if self.is_full() {
            return None;
        }
        self.members.push(customer.to_owned());
        u32::try_from(self.members.len()).ok().map(Member)
    }

    /// Whether the party has as many customers as it can have.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.members.len() + 1 >= MAX_MEMBERS
    }

    /// The name of a customer of the party.
    #[must_use]
    pub fn name_of<'a>(&'a self, party: &'a str, member: Member) -> &'a str {
        let place = member.0.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        place.map_or(party, |place| self.members.get(place).map_or("", String::as_str))
    }

    /// The segments that a contact froze.
    #[must_use]
    pub fn segments_of(&self, contact: &Contact) -> &[SegmentId] {
        let index = contact.segment_set.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.segment_sets.get(index)).map_or(&[], Vec::as_slice)
    }

    /// The position, plus one, of a set of segments; 0 for the empty set.
    pub fn admit_segments(&mut self, segments: &[SegmentId]) -> u32 {
        if segments.is_empty() {
            return 0;
        }
        let mut set = segments.to_vec();
        set.sort_unstable();
        set.dedup();
        let index = self.segment_sets.iter().position(|known| *known == set).unwrap_or_else(|| {
            self.segment_sets.push(set);
            self.segment_sets.len() - 1
        });
        u32::try_from(index + 1).unwrap_or(0)
    }

    /// Put a contact in its place in time; returns its number.
    pub fn admit_contact(&mut self, mut contact: Contact) -> u32 {
        let sequence = self.next_sequence;
        contact.sequence = sequence;
        self.next_sequence = sequence.saturating_add(1);
        let place = self.contacts.partition_point(|held| held.time <= contact.time);
        self.contacts.insert(place, contact);
        sequence
    }

    /// The contact with this number and time.
    #[must_use]
    pub fn contact(&self, sequence: u32, time: Timestamp) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.sequence == sequence && contact.time == time)
    }

    /// Put an engagement in its place in time.
    pub fn admit_engagement(&mut self, engagement: Engagement) {
        let place = self.engagements.partition_point(|held| held.time <= engagement.time);
        self.engagements.insert(place, engagement);
    }

    /// Suppress marketing from `since` on, or earlier where it already was.
    pub fn suppress(&mut self, suppression: Suppression) {
        let is_same = |held: &Suppression| {
            (held.member, held.channel, held.kind)
                == (suppression.member, suppression.channel, suppression.kind)
        };
        if let Some(held) = self.suppressions.iter_mut().find(|held| is_same(held)) {
            held.since = held.since.min(suppression.since);
        } else if suppression.channel.is_some() && self.suppressions.len() >= MAX_SUPPRESSIONS {
            // Nobody objects channel by channel so often without meaning all of them.
            self.suppress(Suppression { channel: None, ..suppression });
        } else {
            self.suppressions.push(suppression);
        }
    }
}
