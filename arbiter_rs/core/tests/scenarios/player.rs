//! Plays a scenario on the core, step by step, and says what came instead of what must.

use std::collections::{BTreeMap, HashMap};

use arbiter_core::apply::{
    ContactName, RecordError, Recorded, Report, SettleError, Settlement, record, settle,
};
use arbiter_core::catalog::Snapshot;
use arbiter_core::codec;
use arbiter_core::compiled::{CompiledCatalog, EngagementKind};
use arbiter_core::customer::{CustomerState, Status};
use arbiter_core::decide::{DecideError, Outcome, decide};
use arbiter_core::decision::Grant;
use arbiter_core::ids::{ONE, stable_hash};
use arbiter_core::register::Register;
use arbiter_core::request::{Candidate, MAX_PLANNED_MS, Purpose, Request};
use arbiter_core::standings::Standings;
use arbiter_core::time::{Calendar, Timestamp};

use crate::both_ways;
use crate::expected::{Comparison, NamedContact, named_in, same};
use crate::ledger::Ledger;
use crate::written::{Ask, AskedCandidate, Engage, Expected, Step, moment};

#[expect(
    clippy::cast_possible_truncation,
    reason = "an amount of a scenario is a small number of millionths"
)]
fn millionths(figure: f64) -> i64 {
    (figure * ONE as f64).round() as i64
}

/// One play: the catalog that holds, the parties, what capacities have taken, and what has got a name.
pub(crate) struct Player {
    space: String,
    catalogs: BTreeMap<String, CompiledCatalog>,
    applied: String,
    pub(crate) register: Register,
    pub(crate) snapshot: Snapshot,
    pub(crate) states: HashMap<String, CustomerState>,
    ledger: Ledger,
    pub(crate) moments: HashMap<String, Timestamp>,
    contacts: HashMap<String, NamedContact>,
}

fn compiled(catalog: &CompiledCatalog, version: u64, register: &mut Register) -> Snapshot {
    register.admit(catalog, version);
    Snapshot::compile(version, catalog, register.clone()).expect("the catalog holds together")
}

/// The hash of an id; 0 for none.
fn key(id: &str) -> u64 {
    if id.is_empty() { 0 } else { stable_hash(id.as_bytes()) }
}

impl Player {
    /// `space` keeps the customers of one play apart from those of any other.
    pub(crate) fn new(space: &str, catalogs: BTreeMap<String, CompiledCatalog>) -> Self {
        let mut register = Register::default();
        let snapshot = compiled(&catalogs["catalog"], 1, &mut register);
        Self {
            space: space.to_owned(),
            catalogs,
            applied: "catalog".to_owned(),
            register,
            snapshot,
            states: HashMap::new(),
            ledger: Ledger::default(),
            moments: HashMap::new(),
            contacts: HashMap::new(),
        }
    }

    /// Decide by another catalog from here on, or by a new version of the same.
    pub(crate) fn apply(&mut self, name: Option<&str>) {
        self.applied = name.unwrap_or(&self.applied).to_owned();
        let version = self.snapshot.version + 1;
        self.snapshot = compiled(&self.catalogs[&self.applied], version, &mut self.register);
    }

    /// Their ids: a customer is a party of its own unless it is of another.
    pub(crate) fn customer_and_party(&self, customer: &str, party: &str) -> (String, String) {
        let own = |name: &str| format!("{}/{name}", self.space);
        (own(customer), own(if party.is_empty() { customer } else { party }))
    }

    pub(crate) fn take(&mut self, step: &Step, at: Timestamp, number: usize) -> Result<(), String> {
        if let Some(name) = &step.apply {
            self.apply(Some(name));
        } else if step.ask.is_some() || step.check.is_some() {
            self.ask_each(step, at, number)?;
        } else if let Some(engage) = &step.engage {
            self.engage(step, engage, at, number)?;
        } else if let Some(name) = &step.confirm {
            self.settle(step, name, Settlement::Confirm, at)?;
        } else if let Some(name) = &step.release {
            self.settle(step, name, Settlement::Release, at)?;
        } else {
            self.take_claims(step, at)?;
        }
        // As in a store: what a step leaves behind is read back from its bytes.
        for state in self.states.values_mut() {
            *state = codec::decode(&codec::encode(state)).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// A check, and a request where one is meant: the check says the same and takes nothing. It knows no request ids.
    fn ask_each(&mut self, step: &Step, at: Timestamp, number: usize) -> Result<(), String> {
        let Some(question) = step.ask.as_ref().or(step.check.as_ref()) else { return Ok(()) };
        for customer in question.all_customers() {
            let ask = Ask { customer, ..question.clone() };
            if step.check.is_some() || ask.request_id.is_empty() {
                self.ask(step, &ask, Purpose::Check, at, number)
                    .map_err(|error| format!("of a check, {error}"))?;
            }
            if step.ask.is_some() {
                self.ask(step, &ask, Purpose::Reserve, at, number)?;
            }
        }
        Ok(())
    }

    fn ask(
        &mut self,
        step: &Step,
        ask: &Ask,
        purpose: Purpose,
        at: Timestamp,
        number: usize,
    ) -> Result<(), String> {
        let (customer, party) = self.customer_and_party(&ask.customer, &ask.party);
        let own_id = format!("request {number}");
        let candidates = ask.all_candidates();
        let request = Request {
            id: if ask.request_id.is_empty() { &own_id } else { &ask.request_id },
            customer: &customer,
            party: &party,
            contact_point: key(&ask.contact_point),
            subject: key(&ask.subject),
            candidates: candidates.iter().map(|asked| self.candidate(asked, at)).collect(),
            max_grants: ask.max_grants,
            segments: ask.segments.iter().map(String::as_str).collect(),
            calendar: (!ask.time_zone.is_empty())
                .then(|| Calendar::of(&ask.time_zone).expect("a zone that exists")),
            purpose,
            planned: ask.planned.as_deref().map(|text| moment(text, at, &self.moments)),
        };
        let outcome = self.decide(&request, at);
        let expected = step.then.all();
        let error = expected.first().map_or("", |then| then.error.as_str());
        same("error", &outcome.as_ref().err().copied().unwrap_or_default(), &error)?;
        let Ok(outcome) = outcome else { return Ok(()) };
        self.compare(expected, &outcome, at)?;
        if purpose == Purpose::Reserve {
            for (then, decision) in expected.iter().zip(&outcome.decisions) {
                let name = if then.name.is_empty() { &step.name } else { &then.name };
                if let Some(grant) = decision.grant {
                    self.name(name, &party, grant);
                }
            }
        }
        Ok(())
    }

    fn candidate<'a>(&self, asked: &'a AskedCandidate, at: Timestamp) -> Candidate<'a> {
        Candidate {
            campaign: &asked.campaign,
            channel: &asked.channel,
            score: asked.score,
            answer_probability: asked.answer_probability,
            value: asked.value,
            deadline: asked.deadline.as_deref().map(|text| moment(text, at, &self.moments)),
        }
    }

    /// Decide, look up the capacities that were asked for, and decide again until none is missing; keep the state as a store would.
    fn decide(&mut self, request: &Request<'_>, at: Timestamp) -> Result<Outcome, &'static str> {
        let is_in_reach = |planned: Timestamp| at <= planned && planned <= at.plus_ms(MAX_PLANNED_MS);
        if !request.planned.is_none_or(is_in_reach) {
            return Err("INVALID_ARGUMENT");
        }
        let mut standings = Standings::default();
        loop {
            let mut state = self.states.get(request.party).cloned().unwrap_or_default();
            both_ways::compare(&self.snapshot, &state, request, at).map_err(|_| "the fast path differs")?;
            let outcome = decide(&self.snapshot, &mut state, request, &mut standings, at).map_err(
                |error| match error {
                    DecideError::PartyFull => "FAILED_PRECONDITION",
                    DecideError::CatalogBehind => "UNAVAILABLE",
                },
            )?;
            let missing = standings.take_missing();
            for account in &missing {
                standings.learn(*account, self.ledger.standing(&self.snapshot, *account));
            }
            if missing.is_empty() {
                if outcome.is_changed {
                    outcome.decisions.iter().for_each(|decision| self.ledger.take(&decision.charges));
                    self.states.insert(request.party.to_owned(), state);
                }
                return Ok(outcome);
            }
        }
    }

    fn compare(&self, expected: &[Expected], outcome: &Outcome, at: Timestamp) -> Result<(), String> {
        if expected.len() != outcome.decisions.len() {
            return Err(format!("{} decisions, not {}", outcome.decisions.len(), expected.len()));
        }
        let Self { snapshot, moments, contacts, .. } = self;
        let comparison = Comparison { snapshot, moments, contacts, at };
        for (then, decision) in expected.iter().zip(&outcome.decisions) {
            comparison.decision(then, decision)?;
            if let Some(name) = &then.same_contact {
                let came = decision.grant.map(|grant| (grant.sequence, grant.time));
                let known = named_in(contacts, name).name;
                same("contact", &came, &Some((known.sequence, known.time)))?;
            }
        }
        let alternatives = expected.first().and_then(|then| then.alternatives.as_ref());
        alternatives.map_or(Ok(()), |wanted| comparison.alternatives(wanted, &outcome.alternatives))
    }

    fn name(&mut self, name: &str, party: &str, grant: Grant) {
        if !name.is_empty() {
            let contact = ContactName { sequence: grant.sequence, time: grant.time };
            self.moments.insert(name.to_owned(), grant.time);
            self.contacts.insert(name.to_owned(), NamedContact { party: party.to_owned(), name: contact });
        }
    }

    fn engage(&mut self, step: &Step, engage: &Engage, at: Timestamp, number: usize) -> Result<(), String> {
        let (customer, party) = self.customer_and_party(&engage.customer, &engage.party);
        let event_id = engage.event_id.clone().unwrap_or_else(|| format!("event {number}"));
        let report = Report {
            customer: &customer,
            party: &party,
            key: stable_hash(event_id.as_bytes()),
            kind: engage.kind,
            contact: engage.contact.as_deref().map(|name| named_in(&self.contacts, name).name),
            campaign: &engage.campaign,
            channel: &engage.channel,
            offer_family: &engage.offer_family,
            value: millionths(engage.value),
            time: engage.time.as_deref().map_or(at, |text| moment(text, at, &self.moments)),
            segments: engage.segments.iter().map(String::as_str).collect(),
        };
        let mut state = self.states.get(&party).cloned().unwrap_or_default();
        let outcome = record(&self.snapshot, &mut state, &report, at);
        let none = Expected::default();
        let then = step.then.all().first().unwrap_or(&none);
        let error = outcome.as_ref().err().map(|error| code_of(*error));
        same("error", &error.unwrap_or_default(), &then.error.as_str())?;
        let Ok(recorded) = outcome else { return Ok(()) };
        self.states.insert(party.clone(), state);
        self.recorded(step, then, recorded, party, engage.kind)
    }

    fn recorded(
        &mut self,
        step: &Step,
        then: &Expected,
        recorded: Recorded,
        party: String,
        kind: EngagementKind,
    ) -> Result<(), String> {
        same("duplicate", &recorded.is_duplicate, &then.duplicate)?;
        if let Some(name) = &then.contact {
            same("contact", &recorded.contact, &Some(named_in(&self.contacts, name).name))?;
        }
        if let (Some(name), EngagementKind::Sent, false) = (recorded.contact, kind, step.name.is_empty()) {
            self.moments.insert(step.name.clone(), name.time);
            self.contacts.insert(step.name.clone(), NamedContact { party, name });
        }
        Ok(())
    }

    fn settle(
        &mut self,
        step: &Step,
        name: &str,
        settlement: Settlement,
        at: Timestamp,
    ) -> Result<(), String> {
        let NamedContact { party, name, .. } = named_in(&self.contacts, name);
        let state = self.states.entry(party).or_default();
        let outcome = settle(&self.snapshot, state, name, settlement, at);
        let none = Expected::default();
        let then = step.then.all().first().unwrap_or(&none);
        if let Ok(settled) = &outcome {
            self.ledger.give_back(&settled.returned);
        }
        same("error", &outcome.err().map(code).unwrap_or_default(), &then.error.as_str())?;
        let status = state.contact(name.sequence, name.time).map(|contact| contact.status);
        let word = match status {
            Some(Status::Confirmed | Status::Elsewhere) => "confirmed",
            Some(Status::Released) => "released",
            Some(Status::Pending) => "pending",
            None => "unknown",
        };
        then.state.as_deref().map_or(Ok(()), |expected| same("state", &word, &expected))
    }
}

fn code_of(error: RecordError) -> &'static str {
    match error {
        RecordError::Settle(error) => code(error),
        RecordError::CampaignUnknown | RecordError::ChannelUnknown => "NOT_FOUND",
        RecordError::ChannelNotListed | RecordError::CampaignMissing => "INVALID_ARGUMENT",
        RecordError::PartyFull => "FAILED_PRECONDITION",
    }
}

fn code(error: SettleError) -> &'static str {
    match error {
        SettleError::Unknown => "NOT_FOUND",
        SettleError::Released | SettleError::Expired | SettleError::Confirmed => "FAILED_PRECONDITION",
    }
}
