//! What is decided on in the benches: catalogs with so many rules, customers with so many contacts.

use arbiter_core::catalog::Snapshot;
use arbiter_core::compiled::CompiledCatalog;
use arbiter_core::customer::{Claim, Contact, CustomerState, Member, Status};
use arbiter_core::ids::{CampaignId, TermsId};
use arbiter_core::register::Register;
use arbiter_core::request::{Candidate, Request};
use arbiter_core::time::{DAY_MS, Timestamp};
use serde_json::{Value, json};

/// 2026-03-02T08:00:00Z.
pub(crate) const T: Timestamp = Timestamp(1_772_438_400_000);
pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const CAMPAIGNS: usize = 300;

pub(crate) fn sliding(index: usize, limit: usize, days: usize) -> Value {
    let sliding_ms = i64::try_from(days).unwrap() * DAY_MS;
    json!({"name": format!("r{index}"), "frequency_cap": {"measure": "contacts", "limit": limit,
        "window": {"sliding_ms": sliding_ms}, "counted": "attempts", "window_text": "w"}})
}

/// A rule of each kind of window and of each kind of rule, in turn.
pub(crate) fn mixed(index: usize) -> Value {
    let cap = |window: Value| {
        json!({"name": format!("r{index}"), "frequency_cap": {"measure": "points", "limit": 900_000_000_000_i64,
            "window": window, "counted": "attempts", "window_text": "w"}})
    };
    match index % 5 {
        0 => cap(json!({"sliding_ms": 30 * DAY_MS})),
        1 => cap(json!({"calendar": "month", "zone": "Europe/Paris"})),
        2 => cap(json!({"rolling_days": 30, "zone": "customer"})),
        3 => {
            json!({"name": format!("r{index}"), "back_off": {"after": 50, "of": "any", "rests": [{"ms": DAY_MS}],
            "answers": ["clicked"], "rests_text": "r"}})
        }
        _ => {
            json!({"name": format!("r{index}"), "respite": {"after": ["purchased"], "for": {"ms": DAY_MS}, "for_text": "s"}})
        }
    }
}

pub(crate) fn snapshot(policies: &Value) -> Snapshot {
    let campaigns: Vec<Value> = (0..CAMPAIGNS)
        .map(|index| json!({"name": format!("c{index}"), "priority": 50, "kind": "marketing", "channels": ["email"]}))
        .collect();
    let catalog: CompiledCatalog = serde_json::from_value(json!({
        "format": 1, "zone": "Europe/Paris", "horizon_ms": 3_653 * DAY_MS, "campaigns": campaigns, "policies": policies,
        "channels": [{"name": "email", "cost": 2_000, "pressure": 1_000_000, "expires_after_ms": DAY_MS, "unconfirmed": "counts"}],
    }))
    .unwrap();
    let mut register = Register::default();
    register.admit(&catalog, 1);
    Snapshot::compile(1, &catalog, register).unwrap()
}

/// So many rules that judge the campaign asked for, among so many in all.
pub(crate) fn rules(judging: usize, all: usize, rule: impl Fn(usize) -> Value) -> Snapshot {
    let policy = |index: usize| {
        // Claims of other campaigns hold places where the rules judge those too.
        let applies_to = if index < judging { json!({}) } else { json!({"campaigns": ["c299"]}) };
        json!({"name": format!("p{index}"), "applies_to": applies_to, "rules": [rule(index)]})
    };
    snapshot(&json!((0..all).map(policy).collect::<Vec<_>>()))
}

/// A customer with settled contacts, one every two days, of many campaigns.
pub(crate) fn customer(contacts: usize) -> CustomerState {
    let mut state = CustomerState::default();
    for index in 0..contacts {
        let days = i64::try_from(contacts - index).unwrap() * 2;
        // A full value goes back eight years.
        let age_ms = days * DAY_MS * 3_000 / i64::try_from(contacts * 2).unwrap().max(3_000);
        state.admit_contact(Contact {
            time: T.minus_ms(age_ms),
            terms: TermsId(u32::try_from(index * 37 % CAMPAIGNS).unwrap()),
            status: Status::Confirmed,
            ..Contact::default()
        });
    }
    state.clock = T.minus_ms(HOUR_MS);
    state
}

/// The same with claims of better-ranked campaigns: two days each, from each of the coming days on.
pub(crate) fn claimed(mut state: CustomerState, claims: usize) -> CustomerState {
    state.claims = (0..i64::try_from(claims).unwrap())
        .map(|day| Claim {
            member: Member::OWN,
            campaign: CampaignId(u32::try_from(1 + day).unwrap()),
            channels: Vec::new(),
            from: T.plus_ms(day * DAY_MS),
            until: T.plus_ms((day + 2) * DAY_MS),
            score: Some(1.0),
            version: 1,
        })
        .collect();
    state
}

pub(crate) fn request() -> Request<'static> {
    Request {
        id: "3fb0a2c0e41f4a86",
        customer: "42",
        party: "42",
        candidates: vec![Candidate { campaign: "c0", channel: "email", ..Candidate::default() }],
        ..Request::default()
    }
}
