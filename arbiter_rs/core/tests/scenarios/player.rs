//! Plays a scenario on the core, step by step, and says what came instead of what must.

use std::collections::{BTreeMap, HashMap};

use arbiter_core::apply::{ContactName, RecordError, Report, SettleError, Settlement, record, settle};
use arbiter_core::catalog::Snapshot;
use arbiter_core::codec;
use arbiter_core::compiled::{CompiledCatalog, EngagementKind};
use arbiter_core::customer::{CustomerState, Status};
use arbiter_core::decide::decide;
use arbiter_core::decision::{Amount, Decision, Denial, Reason};
use arbiter_core::ids::{ONE, stable_hash};
use arbiter_core::register::Register;
use arbiter_core::request::{Candidate, Purpose, Request};
use arbiter_core::rules::frequency_cap::in_units;
use arbiter_core::time::{Calendar, Timestamp};

use crate::written::{Ask, AskedCandidate, Engage, Expected, ExpectedDenial, NEVER, Step, moment};

#[expect(
    clippy::cast_possible_truncation,
    reason = "an amount of a scenario is a small number of millionths"
)]
fn millionths(figure: f64) -> i64 {
    (figure * ONE as f64).round() as i64
}

fn names_of<T: Clone>(map: &HashMap<String, T>, name: &str) -> T {
    map.get(name).cloned().unwrap_or_else(|| panic!("nothing is named `{name}`"))
}

/// One play: the catalog that holds, the customers, and what has got a name.
pub(crate) struct Player {
    catalogs: BTreeMap<String, CompiledCatalog>,
    register: Register,
    snapshot: Snapshot,
    states: HashMap<String, CustomerState>,
    pub(crate) moments: HashMap<String, Timestamp>,
    contacts: HashMap<String, (String, ContactName)>,
}

fn compiled(catalog: &CompiledCatalog, version: u64, register: &mut Register) -> Snapshot {
    register.admit(catalog);
    Snapshot::compile(version, catalog, register.clone()).expect("the catalog holds together")
}

impl Player {
    pub(crate) fn new(catalogs: BTreeMap<String, CompiledCatalog>) -> Self {
        let mut register = Register::default();
        let snapshot = compiled(&catalogs["catalog"], 1, &mut register);
        let (states, moments, contacts) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { catalogs, register, snapshot, states, moments, contacts }
    }

    pub(crate) fn take(&mut self, step: &Step, at: Timestamp, number: usize) -> Result<(), String> {
        if let Some(name) = &step.apply {
            let version = self.snapshot.version + 1;
            self.snapshot = compiled(&self.catalogs[name], version, &mut self.register);
        } else if let Some(ask) = &step.ask {
            self.ask(step, ask, Purpose::Reserve, at, number)?;
        } else if let Some(ask) = &step.check {
            self.ask(step, ask, Purpose::Check, at, number)?;
        } else if let Some(engage) = &step.engage {
            self.engage(step, engage, at, number)?;
        } else if let Some(name) = &step.confirm {
            self.settle(step, name, Settlement::Confirm, at)?;
        } else if let Some(name) = &step.release {
            self.settle(step, name, Settlement::Release, at)?;
        }
        // As in a store: what a step leaves behind is read back from its bytes.
        for state in self.states.values_mut() {
            *state = codec::decode(&codec::encode(state)).map_err(|error| error.to_string())?;
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
        let candidate = |asked: &AskedCandidate| (asked.score, asked.deadline.clone());
        let single = [(ask.campaign.as_str(), ask.channel.as_str(), (0.0, None))];
        let several: Vec<_> = ask
            .candidates
            .iter()
            .map(|asked| (asked.campaign.as_str(), asked.channel.as_str(), candidate(asked)))
            .collect();
        let candidates = if several.is_empty() { single.to_vec() } else { several };
        let own_id = format!("request {number}");
        let request = Request {
            id: if ask.request_id.is_empty() { &own_id } else { &ask.request_id },
            candidates: candidates
                .into_iter()
                .map(|(campaign, channel, (score, deadline))| Candidate {
                    campaign,
                    channel,
                    score,
                    deadline: deadline.map(|text| moment(&text, at, &self.moments)),
                })
                .collect(),
            max_grants: ask.max_grants,
            segments: ask.segments.iter().map(String::as_str).collect(),
            calendar: (!ask.time_zone.is_empty())
                .then(|| Calendar::of(&ask.time_zone).expect("a zone that exists")),
            purpose,
        };
        let mut state = self.states.get(&ask.customer).cloned().unwrap_or_default();
        let outcome = decide(&self.snapshot, &mut state, &request, at).map_err(|error| error.to_string())?;
        if outcome.is_changed {
            self.states.insert(ask.customer.clone(), state);
        }
        let expected = step.then.all();
        if expected.len() != outcome.decisions.len() {
            return Err(format!("{} decisions, not {}", outcome.decisions.len(), expected.len()));
        }
        for (then, decision) in expected.iter().zip(&outcome.decisions) {
            self.compare(then, decision, at)?;
            if let Some(grant) = &decision.grant {
                let name = if then.name.is_empty() { &step.name } else { &then.name };
                self.name(name, &ask.customer, ContactName { sequence: grant.sequence, time: grant.time });
            }
        }
        Ok(())
    }

    fn name(&mut self, name: &str, customer: &str, contact: ContactName) {
        if !name.is_empty() {
            self.moments.insert(name.to_owned(), contact.time);
            self.contacts.insert(name.to_owned(), (customer.to_owned(), contact));
        }
    }

    fn compare(&self, then: &Expected, decision: &Decision, at: Timestamp) -> Result<(), String> {
        let verdict = if decision.grant.is_some() { "GRANT" } else { "DENY" };
        same("verdict", &verdict, &then.verdict.as_str()).map_err(|text| format!("{text}: {decision:?}"))?;
        let when = |text: &Option<String>| {
            text.as_deref().filter(|text| *text != NEVER).map(|text| moment(text, at, &self.moments))
        };
        same("earliest", &decision.earliest, &when(&then.earliest))?;
        let denials = then.all_denials();
        let reasons: Vec<String> = decision.denials.iter().map(|denial| word(denial.reason)).collect();
        let expected: Vec<String> = denials.iter().map(|denial| denial.reason.clone()).collect();
        same("reasons", &reasons, &expected)?;
        for (expected, denial) in denials.iter().zip(&decision.denials) {
            self.compare_denial(expected, denial, at)?;
        }
        for (rule, left) in then.left.iter().flatten() {
            let usage = decision.remaining.iter().find(|usage| self.snapshot.rules[usage.rule].name == *rule);
            let usage = usage.ok_or_else(|| format!("nothing is said of `{rule}`"))?;
            same(rule, &left_of(usage.limit, usage.used), left)?;
        }
        if then.expires.is_some() {
            same("expires", &decision.grant.map(|grant| grant.expires), &when(&then.expires))?;
        }
        if let Some(name) = &then.same_contact {
            let came = decision.grant.map(|grant| (grant.sequence, grant.time));
            let (_, known) = names_of(&self.contacts, name);
            same("contact", &came, &Some((known.sequence, known.time)))?;
        }
        Ok(())
    }

    fn compare_denial(
        &self,
        expected: &ExpectedDenial,
        denial: &Denial,
        at: Timestamp,
    ) -> Result<(), String> {
        let rule = denial.rule.and_then(|index| self.snapshot.rules.get(index));
        let name = rule.map(|rule| format!("{}/{}", rule.policy, rule.name)).unwrap_or_default();
        same("rule", &name, &expected.rule)?;
        let earliest = Some(&expected.earliest).filter(|text| *text != NEVER);
        same("its earliest", &denial.earliest, &earliest.map(|text| moment(text, at, &self.moments)))?;
        same("outranked_by", &denial.outranked_by.as_deref().unwrap_or_default(), &&*expected.outranked_by)?;
        for (what, came, figure) in
            [("limit", denial.limit, expected.limit), ("used", denial.used, expected.used)]
        {
            if let Some(figure) = figure {
                same(what, &in_units(came), &figure)?;
            }
        }
        if let Some(window) = &expected.window {
            same("window", &rule.map(|rule| rule.window_text()), &Some(window.as_str()))?;
        }
        if let Some(names) = &expected.contacts {
            let came: Vec<_> =
                denial.contacts.iter().map(|contact| (contact.sequence, contact.time)).collect();
            let known: Vec<_> = names
                .iter()
                .map(|name| names_of(&self.contacts, name).1)
                .map(|contact| (contact.sequence, contact.time))
                .collect();
            same("contacts", &came, &known)?;
        }
        Ok(())
    }

    fn engage(&mut self, step: &Step, engage: &Engage, at: Timestamp, number: usize) -> Result<(), String> {
        let event_id = engage.event_id.clone().unwrap_or_else(|| format!("event {number}"));
        let report = Report {
            key: stable_hash(event_id.as_bytes()),
            kind: engage.kind,
            contact: engage.contact.as_deref().map(|name| names_of(&self.contacts, name).1),
            campaign: &engage.campaign,
            channel: &engage.channel,
            offer_family: &engage.offer_family,
            value: millionths(engage.value),
            time: engage.time.as_deref().map_or(at, |text| moment(text, at, &self.moments)),
            segments: engage.segments.iter().map(String::as_str).collect(),
        };
        let state = self.states.entry(engage.customer.clone()).or_default();
        let outcome = record(&self.snapshot, state, &report, at);
        let none = Expected::default();
        let then = step.then.all().first().unwrap_or(&none);
        let error = outcome.as_ref().err().map(|error| match error {
            RecordError::Settle(error) => code(*error),
            RecordError::CampaignUnknown | RecordError::ChannelUnknown => "NOT_FOUND",
            RecordError::ChannelNotListed | RecordError::CampaignMissing => "INVALID_ARGUMENT",
        });
        same("error", &error.unwrap_or_default(), &then.error.as_str())?;
        let Ok(recorded) = outcome else { return Ok(()) };
        same("duplicate", &recorded.is_duplicate, &then.duplicate)?;
        if let Some(name) = &then.contact {
            same("contact", &recorded.contact, &Some(names_of(&self.contacts, name).1))?;
        }
        if let (Some(contact), EngagementKind::Sent) = (recorded.contact, engage.kind) {
            self.name(&step.name, &engage.customer, contact);
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
        let (customer, contact) = names_of(&self.contacts, name);
        let state = self.states.entry(customer).or_default();
        let outcome = settle(&self.snapshot, state, contact, settlement, at);
        let none = Expected::default();
        let then = step.then.all().first().unwrap_or(&none);
        same("error", &outcome.err().map(code).unwrap_or_default(), &then.error.as_str())?;
        let status = state.contact(contact.sequence, contact.time).map(|contact| contact.status);
        let word = match status {
            Some(Status::Confirmed | Status::Elsewhere) => "confirmed",
            Some(Status::Released) => "released",
            Some(Status::Pending) => "pending",
            None => "unknown",
        };
        then.state.as_deref().map_or(Ok(()), |expected| same("state", &word, &expected))
    }
}

fn code(error: SettleError) -> &'static str {
    match error {
        SettleError::Unknown => "NOT_FOUND",
        SettleError::Released | SettleError::Expired | SettleError::Confirmed => "FAILED_PRECONDITION",
    }
}

fn left_of(limit: Amount, used: Amount) -> f64 {
    in_units(match (limit, used) {
        (Amount::Contacts(limit), Amount::Contacts(used)) => Amount::Contacts((limit - used).max(0)),
        (Amount::Micros(limit), Amount::Micros(used)) => Amount::Micros((limit - used).max(0)),
        _ => Amount::None,
    })
}

/// A reason as the contract spells it.
fn word(reason: Reason) -> String {
    let mut word = String::new();
    for letter in format!("{reason:?}").chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_uppercase());
    }
    word
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, came: &T, expected: &T) -> Result<(), String> {
    if came == expected { Ok(()) } else { Err(format!("{what} is {came:?}, not {expected:?}")) }
}
