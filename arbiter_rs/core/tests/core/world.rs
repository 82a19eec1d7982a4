//! Small worlds for the tests: a catalog in a few words, a customer, and what the customer is asked.

use arbiter_core::apply::{ContactName, Report, Settlement, record, settle};
use arbiter_core::catalog::Snapshot;
use arbiter_core::claims::register;
use arbiter_core::compiled::{CompiledCatalog, EngagementKind};
use arbiter_core::customer::{Claim, CustomerState, Member};
use arbiter_core::decide::{Outcome, decide};
use arbiter_core::decision::{Decision, Reason};
use arbiter_core::ids::stable_hash;
use arbiter_core::register::Register;
use arbiter_core::request::{Candidate, Purpose, Request};
use arbiter_core::standings::Standings;
use arbiter_core::time::{Calendar, DAY_MS, Timestamp};
use serde_json::{Value, json};

/// 2026-03-02T08:00:00Z, a Monday.
pub(crate) const T: Timestamp = Timestamp(1_772_438_400_000);
pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const YEAR_MS: i64 = 365 * DAY_MS;
/// The customer of most tests, who is a party of its own.
pub(crate) const CUSTOMER: &str = "42";
/// The longest span that a catalog may name.
pub(crate) const TEN_YEARS_MS: i64 = 3_653 * DAY_MS;

/// The instant of an RFC 3339 text.
pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

/// Compile a catalog as it would be the first time that it is applied.
pub(crate) fn compile(catalog: &Value) -> Snapshot {
    let catalog: CompiledCatalog = serde_json::from_value(catalog.clone()).unwrap();
    let mut register = Register::default();
    register.admit(&catalog, 1);
    Snapshot::compile(1, &catalog, register).unwrap()
}

/// Channels, offer families and campaigns alike for all tests; the rules are theirs.
///
/// `spring` (priority 40) and `summer` (60) of the family `weekends`, `autumn` (40) of `cruises`, `receipt` (transactional, of no family).
/// A reservation by `sms` loses its place after an hour, one by `email` or `post` keeps it.
pub(crate) fn catalog_of(policies: &Value) -> Value {
    let channel = |name: &str, cost: i64, pressure: i64, expires_after_ms: i64, unconfirmed: &str| json!({"name": name, "cost": cost, "pressure": pressure, "expires_after_ms": expires_after_ms, "unconfirmed": unconfirmed});
    let campaign = |name: &str, priority: u8, kind: &str, family: Option<&str>| json!({"name": name, "priority": priority, "kind": kind, "channels": ["email", "sms"], "offer_family": family});
    json!({
        "format": 1, "zone": "Europe/Paris", "horizon_ms": TEN_YEARS_MS,
        "channels": [
            channel("email", 2_000, 1_000_000, DAY_MS, "counts"),
            channel("sms", 60_000, 2_000_000, HOUR_MS, "released"),
            channel("post", 1_000_000, 3_000_000, DAY_MS, "counts"),
        ],
        "segments": ["loyal", "prospect"],
        "business_units": ["retail", "travel"],
        "offer_families": [{"name": "weekends"}, {"name": "cruises"}],
        "campaigns": [
            campaign("spring", 40, "marketing", Some("weekends")),
            campaign("summer", 60, "marketing", Some("weekends")),
            campaign("autumn", 40, "marketing", Some("cruises")),
            campaign("receipt", 40, "transactional", None),
        ],
        "policies": policies,
    })
}

/// A snapshot with these rules in one policy that judges and counts everything.
pub(crate) fn with_rules(rules: &Value) -> Snapshot {
    compile(&catalog_of(&json!([{"name": "p", "rules": rules}])))
}

/// A frequency cap on contacts.
pub(crate) fn cap(name: &str, limit: i64, window: &Value) -> Value {
    json!({"name": name, "frequency_cap": {
        "measure": "contacts", "limit": limit, "window": window, "counted": "attempts", "window_text": "w"}})
}

/// A sliding cap on contacts.
pub(crate) fn sliding(name: &str, limit: i64, sliding_ms: i64) -> Value {
    cap(name, limit, &json!({"sliding_ms": sliding_ms}))
}

/// A request of one candidate.
pub(crate) fn request<'a>(id: &'a str, campaign: &'a str, channel: &'a str) -> Request<'a> {
    Request {
        id,
        customer: CUSTOMER,
        party: CUSTOMER,
        candidates: vec![Candidate { campaign, channel, ..Candidate::default() }],
        ..Request::default()
    }
}

/// A customer under a catalog.
pub(crate) struct World {
    pub(crate) snapshot: Snapshot,
    pub(crate) state: CustomerState,
    events: u32,
}

impl World {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self { snapshot, state: CustomerState::default(), events: 0 }
    }

    pub(crate) fn with_rules(rules: &Value) -> Self {
        Self::new(with_rules(rules))
    }

    /// Ask, and keep the state as a store would.
    pub(crate) fn decide(&mut self, request: &Request<'_>, now: Timestamp) -> Outcome {
        let mut state = self.state.clone();
        let outcome = decide(&self.snapshot, &mut state, request, &mut Standings::default(), now).unwrap();
        if outcome.is_changed {
            self.state = state;
        }
        outcome
    }

    /// Ask for one campaign by one channel, without a request id.
    pub(crate) fn ask_by(&mut self, campaign: &str, channel: &str, now: Timestamp) -> Decision {
        self.decide(&request("", campaign, channel), now).decisions.remove(0)
    }

    /// Ask for `spring` by e-mail.
    pub(crate) fn ask(&mut self, now: Timestamp) -> Decision {
        self.ask_by("spring", "email", now)
    }

    /// Ask and expect a grant; returns its name.
    pub(crate) fn grant(&mut self, now: Timestamp) -> ContactName {
        self.grant_by("spring", "email", now)
    }

    /// Ask and expect a grant; returns its name.
    pub(crate) fn grant_by(&mut self, campaign: &str, channel: &str, now: Timestamp) -> ContactName {
        let grant = self.ask_by(campaign, channel, now).grant.expect("a grant");
        ContactName { sequence: grant.sequence, time: grant.time }
    }

    /// What would be answered; nothing is kept.
    pub(crate) fn answer(&self, request: &Request<'_>, now: Timestamp) -> Outcome {
        decide(&self.snapshot, &mut self.state.clone(), request, &mut Standings::default(), now).unwrap()
    }

    /// What would be answered, nothing reserved.
    pub(crate) fn check(&self, campaign: &str, channel: &str, now: Timestamp) -> Decision {
        let question = Request { purpose: Purpose::Check, ..request("", campaign, channel) };
        self.answer(&question, now).decisions.remove(0)
    }

    /// Ask one question of one candidate.
    pub(crate) fn decision(&mut self, request: &Request<'_>, now: Timestamp) -> Decision {
        self.decide(request, now).decisions.remove(0)
    }

    /// Ask for a contact of one campaign by e-mail that will be made then.
    pub(crate) fn plan(&mut self, campaign: &str, planned: Timestamp, now: Timestamp) -> Decision {
        self.decision(&Request { planned: Some(planned), ..request("", campaign, "email") }, now)
    }

    /// What a claim of a campaign is, by all of its channels and without a score.
    pub(crate) fn place(&self, campaign: &str, from: Timestamp, until: Timestamp) -> Claim {
        Claim {
            member: Member::OWN,
            campaign: self.snapshot.campaign(campaign).expect("a campaign").common.campaign,
            channels: Vec::new(),
            from,
            until,
            score: None,
            version: self.snapshot.version,
        }
    }

    /// Register a claim, a day before all else.
    pub(crate) fn claim(&mut self, campaign: &str, from: Timestamp, until: Timestamp) {
        let claim = self.place(campaign, from, until);
        register(&self.snapshot, &mut self.state, claim, T.minus_ms(DAY_MS)).unwrap();
    }

    pub(crate) fn confirm(&mut self, name: ContactName, now: Timestamp) {
        settle(&self.snapshot, &mut self.state, name, Settlement::Confirm, now).unwrap();
    }

    pub(crate) fn release(&mut self, name: ContactName, now: Timestamp) {
        settle(&self.snapshot, &mut self.state, name, Settlement::Release, now).unwrap();
    }

    /// Report an event of its own, of a campaign (or none).
    pub(crate) fn engage(&mut self, kind: EngagementKind, campaign: &str, value: i64, time: Timestamp) {
        self.events += 1;
        let report = Report {
            customer: CUSTOMER,
            party: CUSTOMER,
            key: stable_hash(&self.events.to_le_bytes()),
            kind,
            contact: None,
            campaign,
            channel: if kind == EngagementKind::Sent { "email" } else { "" },
            offer_family: "",
            value,
            time,
            segments: Vec::new(),
        };
        record(&self.snapshot, &mut self.state, &report, time).unwrap();
    }
}

/// The reasons of a decision, in its order.
pub(crate) fn reasons(decision: &Decision) -> Vec<Reason> {
    decision.denials.iter().map(|denial| denial.reason).collect()
}

/// A calendar for requests.
pub(crate) fn zone(name: &str) -> Option<Calendar> {
    Some(Calendar::of(name).unwrap())
}
