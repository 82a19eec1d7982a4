//! Questions: from messages to the values of the core, with every stated maximum held. Nowhere else is a message read.

use arbiter_core::{
    apply::{ContactName, Report},
    compiled::EngagementKind,
    contact_id,
    customer::MAX_SEGMENTS,
    ids::{Micros, stable_hash},
    request::{Candidate, MAX_CANDIDATES, MAX_PLANNED_MS, Purpose, Request},
    time::{Calendar, Timestamp},
};
use prost_types::Timestamp as ProtoTimestamp;

use crate::{
    clock::Clock,
    messages::repit::v1::{self as proto},
    status::{FieldError, MAX_VIOLATIONS, Refusal},
};

/// The longest request, event and campaign id, channel, family and segment, in bytes.
pub const MAX_NAME_BYTES: usize = 64;
/// The longest customer id, in bytes.
pub const MAX_CUSTOMER_BYTES: usize = 128;
/// The longest reason of a release, in bytes.
pub const MAX_REASON_BYTES: usize = 256;
/// The longest contact id, in bytes: its number, its time and its customer.
pub const MAX_CONTACT_ID_BYTES: usize = 192;
/// The largest value of an engagement or candidate.
const MAX_VALUE: f64 = 1e12;

/// Gathers what is wrong with a request, so that all of it is said at once.
#[derive(Debug, Default)]
pub struct Checks(Vec<FieldError>);

impl Checks {
    /// Say what is wrong with a field.
    pub fn wrong(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        if self.0.len() < MAX_VIOLATIONS {
            self.0.push(FieldError { field: field.into(), problem: problem.into() });
        }
    }

    /// Whether nothing was wrong so far.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.0.is_empty()
    }

    /// The value, unless something was wrong.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with a field violation for each thing that was.
    pub fn finish<T>(self, value: T) -> Result<T, Refusal> {
        if self.0.is_empty() { Ok(value) } else { Err(Refusal::invalid(&self.0)) }
    }

    pub(crate) fn name(&mut self, field: impl Fn() -> String, name: &str, least: usize, most: usize) {
        if name.len() < least || name.len() > most {
            self.wrong(field(), format!("has {} bytes: must have {least} to {most}", name.len()));
        }
    }

    fn amount(&mut self, field: impl Fn() -> String, value: f64) -> Micros {
        if !value.is_finite() || !(0.0..=MAX_VALUE).contains(&value) {
            self.wrong(field(), format!("is {value}: must be a number from 0 to {MAX_VALUE}"));
            return 0;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 1e18, which an i64 holds")]
        let micros = (value * 1e6).round() as Micros;
        micros
    }

    /// A moment; nothing where the field is absent.
    pub fn time(&mut self, field: impl Fn() -> String, time: Option<&ProtoTimestamp>) -> Option<Timestamp> {
        let time = time?;
        let millis = i64::from(time.nanos).div_euclid(1_000_000);
        let moment = Timestamp(time.seconds.saturating_mul(1_000).saturating_add(millis));
        if !moment.is_served() || !(0..1_000_000_000).contains(&time.nanos) {
            self.wrong(field(), "must be from 2000-01-01 to 2199-12-31");
            return None;
        }
        Some(moment)
    }

    /// The time of the decision.
    pub fn now(&mut self, clock: Clock, as_of_time: Option<&ProtoTimestamp>) -> Timestamp {
        let given = self.time(|| "as_of_time".to_owned(), as_of_time);
        match (clock, as_of_time) {
            (Clock::System, None) => Clock::system_now(),
            (Clock::Request, Some(_)) => given.unwrap_or(Timestamp(0)),
            (Clock::System, Some(_)) => {
                self.wrong("as_of_time", "is only taken by a server that runs with `--clock request`");
                Timestamp(0)
            }
            (Clock::Request, None) => {
                self.wrong("as_of_time", "is needed: this server runs with `--clock request`");
                Timestamp(0)
            }
        }
    }

    /// The party that holds the customer's state: the customer itself where none is named.
    pub fn party<'a>(&mut self, field: impl Fn() -> String, party: &'a str, customer: &'a str) -> &'a str {
        self.name(field, party, 0, MAX_CUSTOMER_BYTES);
        if party.is_empty() { customer } else { party }
    }

    /// What is kept of an opaque text; 0 for none.
    fn opaque(&mut self, field: &str, text: &str) -> u64 {
        self.name(|| field.to_owned(), text, 0, MAX_CUSTOMER_BYTES);
        if text.is_empty() { 0 } else { stable_hash(text.as_bytes()).max(1) }
    }

    /// A score, where one is given.
    pub fn score(&mut self, field: impl Fn() -> String, score: Option<f64>) -> Option<f64> {
        if let Some(score) = score.filter(|score| !score.is_finite()) {
            self.wrong(field(), format!("is {score}: must be a finite number"));
        }
        score
    }

    /// When a contact is planned.
    fn planned(&mut self, now: Timestamp, time: Option<&ProtoTimestamp>) -> Option<Timestamp> {
        let planned = self.time(|| "planned_time".to_owned(), time)?;
        if !now.is_served() {
            // The time of the request is wrong or missing, and that is said already.
        } else if planned < now {
            self.wrong("planned_time", "lies before the time of the request: leave it out to ask for now");
        } else if planned > now.plus_ms(MAX_PLANNED_MS) {
            self.wrong("planned_time", "is more than 31 days ahead: ask again when it is nearer");
        }
        Some(planned)
    }

    fn not_served(&mut self, field: &str, is_set: bool) {
        if is_set {
            self.wrong(field, "is not served yet: leave it out");
        }
    }

    fn customer<'a>(
        &mut self,
        context: Option<&'a proto::CustomerContext>,
    ) -> (Vec<&'a str>, Option<Calendar>) {
        let Some(context) = context else { return (Vec::new(), None) };
        self.not_served("customer.country", !context.country.is_empty());
        let segments = self.segments("customer.segments", &context.segments);
        let calendar = if context.time_zone.is_empty() { None } else { Calendar::of(&context.time_zone) };
        if calendar.is_none() && !context.time_zone.is_empty() {
            self.wrong(
                "customer.time_zone",
                format!("`{}` is not an IANA time zone such as `Europe/Paris`", shown(&context.time_zone)),
            );
        }
        (segments, calendar)
    }

    fn segments<'a>(&mut self, field: &str, segments: &'a [String]) -> Vec<&'a str> {
        if segments.len() > MAX_SEGMENTS {
            self.wrong(field, format!("has {} entries: at most {MAX_SEGMENTS}", segments.len()));
        }
        for (index, segment) in segments.iter().enumerate().take(MAX_SEGMENTS) {
            self.name(|| format!("{field}[{index}]"), segment, 1, MAX_NAME_BYTES);
        }
        segments.iter().map(String::as_str).collect()
    }

    /// The contact that an id names, and its customer.
    pub fn contact_id<'a>(
        &mut self,
        field: impl Fn() -> String,
        id: &'a str,
    ) -> Option<(ContactName, &'a str)> {
        self.name(&field, id, 1, MAX_CONTACT_ID_BYTES);
        contact_id::parse(id)
    }

    /// Hold the reason of a release to its maximum.
    pub fn reason(&mut self, reason: &str) {
        self.name(|| "reason".to_owned(), reason, 0, MAX_REASON_BYTES);
    }

    /// Hold a customer id to its maximum.
    pub fn customer_id(&mut self, field: impl Fn() -> String, id: &str) {
        self.name(field, id, 1, MAX_CUSTOMER_BYTES);
    }

    /// Hold a batch to its maximum.
    pub fn batch(&mut self, field: &str, length: usize, most: usize) {
        if length == 0 || length > most {
            self.wrong(field, format!("has {length} entries: must have 1 to {most}"));
        }
    }
}

/// The start of a text that somebody sent, short enough to repeat.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A request as the core reads it, and its time.
///
/// # Errors
/// INVALID_ARGUMENT with a field violation for each thing that is wrong.
pub fn request(
    message: &proto::RequestContactRequest,
    purpose: Purpose,
    clock: Clock,
) -> Result<(Request<'_>, Timestamp), Refusal> {
    let mut checks = Checks::default();
    let least_id = usize::from(purpose == Purpose::Reserve);
    checks.name(|| "request_id".to_owned(), &message.request_id, least_id, MAX_NAME_BYTES);
    checks.customer_id(|| "customer_id".to_owned(), &message.customer_id);
    checks.batch("candidates", message.candidates.len(), MAX_CANDIDATES);
    if message.max_grants as usize > MAX_CANDIDATES {
        checks.wrong("max_grants", format!("is {}: at most {MAX_CANDIDATES}", message.max_grants));
    }
    let party = checks.party(|| "party_id".to_owned(), &message.party_id, &message.customer_id);
    let contact_point = checks.opaque("contact_point", &message.contact_point);
    let subject = checks.opaque("subject", &message.subject);
    let (segments, calendar) = checks.customer(message.customer.as_ref());
    let candidates = message
        .candidates
        .iter()
        .enumerate()
        .take(MAX_CANDIDATES)
        .map(|(index, message)| candidate(&mut checks, index, message))
        .collect();
    let now = checks.now(clock, message.as_of_time.as_ref());
    let planned = checks.planned(now, message.planned_time.as_ref());
    let request = Request {
        id: &message.request_id,
        customer: &message.customer_id,
        party,
        contact_point,
        subject,
        candidates,
        max_grants: (message.max_grants as usize).max(1),
        segments,
        calendar,
        purpose,
        planned,
    };
    checks.finish((request, now))
}

fn candidate<'a>(checks: &mut Checks, index: usize, message: &'a proto::Candidate) -> Candidate<'a> {
    let field = |name: &str| format!("candidates[{index}].{name}");
    checks.name(|| field("campaign_id"), &message.campaign_id, 1, MAX_NAME_BYTES);
    checks.name(|| field("channel"), &message.channel, 1, MAX_NAME_BYTES);
    let score = checks.score(|| field("score"), message.score);
    checks.amount(|| field("value"), message.value);
    let answer_probability = message.answer_probability;
    if answer_probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
        let given = answer_probability.unwrap_or_default();
        checks.wrong(field("answer_probability"), format!("is {given}: must be from 0 to 1"));
    }
    let deadline = checks.time(|| field("deadline_time"), message.deadline_time.as_ref());
    Candidate {
        campaign: &message.campaign_id,
        channel: &message.channel,
        score,
        answer_probability,
        value: Some(message.value).filter(|value| *value > 0.0),
        deadline,
    }
}

/// What an explanation is asked for, as a request without candidates, and its time.
///
/// # Errors
/// INVALID_ARGUMENT with a field violation for each thing that is wrong.
pub fn explain_request(
    message: &proto::ExplainCustomerRequest,
    clock: Clock,
) -> Result<(Request<'_>, Timestamp), Refusal> {
    let mut checks = Checks::default();
    checks.customer_id(|| "customer_id".to_owned(), &message.customer_id);
    checks.name(|| "campaign_id".to_owned(), &message.campaign_id, 0, MAX_NAME_BYTES);
    let party = checks.party(|| "party_id".to_owned(), &message.party_id, &message.customer_id);
    let contact_point = checks.opaque("contact_point", &message.contact_point);
    let subject = checks.opaque("subject", &message.subject);
    if message.max_entries as usize > arbiter_core::customer::MAX_CONTACTS {
        checks.wrong(
            "max_entries",
            format!("is {}: at most {}", message.max_entries, arbiter_core::customer::MAX_CONTACTS),
        );
    }
    let (segments, calendar) = checks.customer(message.customer.as_ref());
    let now = checks.now(clock, message.as_of_time.as_ref());
    let request = Request {
        customer: &message.customer_id,
        party,
        contact_point,
        subject,
        segments,
        calendar,
        purpose: Purpose::Check,
        ..Request::default()
    };
    checks.finish((request, now))
}

/// An engagement as the core reads it.
///
/// # Errors
/// INVALID_ARGUMENT with a field violation for each thing that is wrong; NOT_FOUND where its contact id is of another customer, or of none.
pub fn report(message: &proto::Engagement, index: usize, now: Timestamp) -> Result<Report<'_>, Refusal> {
    let mut checks = Checks::default();
    let field = |name: &str| format!("engagements[{index}].{name}");
    checks.name(|| field("event_id"), &message.event_id, 1, MAX_NAME_BYTES);
    checks.customer_id(|| field("customer_id"), &message.customer_id);
    checks.name(|| field("campaign_id"), &message.campaign_id, 0, MAX_NAME_BYTES);
    checks.name(|| field("channel"), &message.channel, 0, MAX_NAME_BYTES);
    checks.name(|| field("offer_family"), &message.offer_family, 0, MAX_NAME_BYTES);
    let party = checks.party(|| field("party_id"), &message.party_id, &message.customer_id);
    let kind = u64::try_from(message.kind).ok().and_then(EngagementKind::of);
    if kind.is_none() {
        checks.wrong(field("kind"), format!("is {}: must be one of EngagementKind", message.kind));
    }
    let value = checks.amount(|| field("value"), message.value);
    let time = checks.time(|| field("event_time"), message.event_time.as_ref()).unwrap_or(now);
    let segments = checks.segments(&field("segments"), &message.segments);
    let contact = if message.contact_id.is_empty() {
        None
    } else {
        checks.contact_id(|| field("contact_id"), &message.contact_id)
    };
    let report = Report {
        customer: &message.customer_id,
        // A contact id says where its customer's state is.
        party: contact.map_or(party, |(_, party)| party),
        key: stable_hash(message.event_id.as_bytes()),
        kind: kind.unwrap_or(EngagementKind::Sent),
        contact: contact.map(|(name, _)| name),
        campaign: &message.campaign_id,
        channel: &message.channel,
        offer_family: &message.offer_family,
        value,
        time,
        segments,
    };
    let report = checks.finish(report)?;
    let is_foreign = contact.is_none_or(|(_, held)| !message.party_id.is_empty() && held != party);
    if !message.contact_id.is_empty() && is_foreign {
        return Err(Refusal::not_found("CONTACT_UNKNOWN", "Contact", &message.contact_id));
    }
    Ok(report)
}
