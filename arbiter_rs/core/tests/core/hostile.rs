//! No catalog that compiles, no value that decodes and no moment makes the core panic. Tests run with overflow checks.

use arbiter_core::apply::{ContactName, Report, Settlement, record, settle};
use arbiter_core::catalog::Snapshot;
use arbiter_core::codec::{decode, encode};
use arbiter_core::compiled::EngagementKind;
use arbiter_core::customer::{Contact, CustomerState, Engagement, MAX_CONTACTS, Status, Suppression};
use arbiter_core::decide::decide;
use arbiter_core::decision::Amount;
use arbiter_core::explain::explain;
use arbiter_core::ids::{ChannelId, FamilyId, SegmentId, TermsId};
use arbiter_core::request::{Candidate, Purpose, Request};
use arbiter_core::time::{Calendar, FIRST, LAST, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::world::{T, TEN_YEARS_MS, World, cap, catalog_of, compile, request, sliding};

/// Any instant, often one at the edge of what is served or of what can be said.
fn any_time() -> impl Strategy<Value = Timestamp> {
    let edges = [
        i64::MIN,
        i64::MIN + 1,
        -1,
        0,
        FIRST.0,
        FIRST.0 - 1,
        T.0,
        LAST.0 - 1,
        LAST.0,
        i64::MAX - 1,
        i64::MAX,
    ];
    prop_oneof![
        4 => FIRST.0..LAST.0,
        2 => T.0 - 100_000_000..T.0 + 100_000_000,
        1 => select(edges.to_vec()),
        1 => any::<i64>(),
    ]
    .prop_map(Timestamp)
}

fn any_length() -> impl Strategy<Value = i64> {
    prop_oneof![Just(1), Just(TEN_YEARS_MS), 1..=TEN_YEARS_MS]
}

fn any_amount() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(1), Just(i64::MAX), 0..=i64::MAX]
}

fn any_figure() -> impl Strategy<Value = i64> {
    prop_oneof![Just(i64::MIN), Just(i64::MAX), -2..5_i64, any::<i64>()]
}

fn any_zone() -> impl Strategy<Value = &'static str> {
    select(vec!["customer", "brand", "UTC", "Pacific/Apia", "America/Santiago", "Asia/Kathmandu"])
}

fn any_window() -> impl Strategy<Value = Value> {
    prop_oneof![
        any_length().prop_map(|ms| json!({"sliding_ms": ms})),
        (select(vec!["day", "week", "month", "quarter", "year"]), any_zone())
            .prop_map(|(unit, zone)| json!({"calendar": unit, "zone": zone})),
        (1..=3_653_i64, any_zone()).prop_map(|(days, zone)| json!({"rolling_days": days, "zone": zone})),
        Just(json!({"lifetime": true})),
    ]
}

fn any_span() -> impl Strategy<Value = Value> {
    prop_oneof![
        any_length().prop_map(|ms| json!({"ms": ms})),
        (1..=3_653_i64, any_zone()).prop_map(|(days, zone)| json!({"days": days, "zone": zone})),
        Just(json!("never")),
    ]
}

fn any_rule() -> impl Strategy<Value = Value> {
    let measure = select(vec!["contacts", "points", "cost"]);
    let counted = select(vec!["attempts", "confirmed", "answered"]);
    let of = select(vec!["offer_family", "campaign", "channel", "any"]);
    let reserve = proptest::option::of((any::<u8>(), any_figure()));
    prop_oneof![
        (measure, any_figure(), any_window(), counted, reserve).prop_map(|(measure, limit, window, counted, reserve)| {
            let reserve = reserve.map(|(least, places)| json!({"min_priority": least, "places": places}));
            json!({"frequency_cap": {"measure": measure, "limit": limit, "window": window, "counted": counted,
                "reserve": reserve, "window_text": ""}})
        }),
        (any::<u32>(), of, proptest::collection::vec(any_span(), 0..3)).prop_map(|(after, of, rests)| {
            let after = after % 7;
            json!({"back_off": {"after": after, "of": of, "rests": rests, "answers": ["clicked"], "rests_text": ""}})
        }),
        (any_span(), proptest::option::of(any_figure())).prop_map(|(span, least)| {
            json!({"respite": {"after": ["purchased"], "for": span, "min_value": least, "for_text": ""}})
        }),
    ]
}

fn any_catalog() -> impl Strategy<Value = Snapshot> {
    let channel = (any_amount(), any_amount(), any_length());
    let active = (proptest::option::of(any_time()), proptest::option::of(any_time()));
    (proptest::collection::vec(any_rule(), 0..8), any_length(), channel, active).prop_map(
        |(rules, horizon_ms, (cost, pressure, expires_after_ms), (from, until))| {
            let named = rules.into_iter().enumerate().map(|(index, mut rule)| {
                rule["name"] = json!(index.to_string());
                rule
            });
            let mut catalog = catalog_of(&json!([{"name": "p", "rules": named.collect::<Vec<_>>()}]));
            catalog["horizon_ms"] = json!(horizon_ms);
            catalog["channels"][1]["cost"] = json!(cost);
            catalog["channels"][1]["pressure"] = json!(pressure);
            catalog["channels"][1]["expires_after_ms"] = json!(expires_after_ms);
            catalog["campaigns"][1]["active_from_ms"] = json!(from);
            catalog["campaigns"][1]["active_until_ms"] = json!(until);
            compile(&catalog)
        },
    )
}

fn any_contact() -> impl Strategy<Value = Contact> {
    // One of the terms is beyond what the catalog knows.
    let numbers = (any::<u32>(), 0..9_u32, 0..4_u8, any::<u32>());
    (any_time(), numbers, any::<bool>(), any::<Option<u64>>(), prop_oneof![Just(1), any::<u32>()]).prop_map(
        |(time, (sequence, terms, status, segment_set), is_answered, key, count)| Contact {
            time,
            sequence,
            terms: TermsId(terms),
            status: Status::of(status).unwrap(),
            is_answered,
            segment_set: segment_set % 3,
            key,
            count,
        },
    )
}

fn any_engagement() -> impl Strategy<Value = Engagement> {
    let numbers =
        (proptest::option::of(0..8_u32), proptest::option::of(0..3_u32), proptest::option::of(0..4_u32));
    (any_time(), select(EngagementKind::ALL.as_slice()), numbers, any::<i64>(), any::<u64>()).prop_map(
        |(time, kind, (terms, family, channel), value, key)| Engagement {
            time,
            kind,
            terms: terms.map(TermsId),
            offer_family: family.map(FamilyId),
            channel: channel.map(ChannelId),
            value,
            key,
        },
    )
}

fn any_state() -> impl Strategy<Value = CustomerState> {
    let contacts = proptest::collection::vec(any_contact(), 0..12);
    let engagements = proptest::collection::vec(any_engagement(), 0..8);
    let suppressions = proptest::collection::vec((any_time(), proptest::option::of(0..4_u32)), 0..2);
    (any_time(), any::<u32>(), contacts, engagements, suppressions).prop_map(
        |(clock, next_sequence, mut contacts, mut engagements, suppressions)| {
            contacts.sort_by_key(|contact| (contact.time, contact.sequence));
            engagements.sort_by_key(|engagement| engagement.time);
            let objection = |(since, channel): (Timestamp, Option<u32>)| Suppression {
                since,
                kind: EngagementKind::OptedOut,
                channel: channel.map(ChannelId),
            };
            CustomerState {
                clock,
                next_sequence,
                contacts,
                engagements,
                suppressions: suppressions.into_iter().map(objection).collect(),
                segment_sets: vec![vec![SegmentId(0)], vec![SegmentId(77)]],
            }
        },
    )
}

fn any_request() -> impl Strategy<Value = Request<'static>> {
    let candidate = (
        select(vec!["spring", "summer", "receipt", "gone", ""]),
        select(vec!["email", "sms", "post", "x"]),
        any::<f64>(),
        proptest::option::of(any_time()),
    )
        .prop_map(|(campaign, channel, score, deadline)| Candidate {
            campaign,
            channel,
            score,
            deadline,
        });
    let zone = proptest::option::of(select(vec!["Pacific/Apia", "UTC", "America/St_Johns"]));
    (select(vec!["", "r"]), proptest::collection::vec(candidate, 0..6), 0..4_usize, zone, any::<bool>())
        .prop_map(|(id, candidates, max_grants, zone, is_check)| Request {
            id,
            candidates,
            max_grants,
            segments: vec!["loyal", "nobody"],
            calendar: zone.and_then(Calendar::of),
            purpose: if is_check { Purpose::Check } else { Purpose::Reserve },
        })
}

proptest! {
    #[test]
    fn every_call_on_anything_returns(
        snapshot in any_catalog(),
        mut state in any_state(),
        request in any_request(),
        now in any_time(),
        event in any_engagement(),
    ) {
        let _ = explain(&snapshot, &state, &request, None, now);
        let decided = decide(&snapshot, &mut state, &request, now);
        prop_assert!(decided.is_err() || decided.unwrap().decisions.len() == request.candidates.len());
        let name = state.contacts.first().map(|contact| ContactName { sequence: contact.sequence, time: contact.time });
        let report = Report {
            key: event.key,
            kind: event.kind,
            contact: name.filter(|_| event.value % 2 == 0),
            campaign: "spring",
            channel: "sms",
            offer_family: "cruises",
            value: event.value,
            time: event.time,
            segments: vec!["prospect"],
        };
        let _ = record(&snapshot, &mut state, &report, now);
        if let Some(name) = name {
            let _ = settle(&snapshot, &mut state, name, Settlement::Confirm, now);
            let _ = settle(&snapshot, &mut state, name, Settlement::Release, now);
        }
        let _ = decide(&snapshot, &mut state, &request, now);
        prop_assert_eq!(decode(&encode(&state)), Ok(state));
    }
}

/// A customer with as many contacts as a value holds, a minute apart.
fn full(world: &mut World) -> Timestamp {
    let template = {
        world.grant(T);
        world.state.contacts.remove(0)
    };
    for minute in 0..i64::try_from(MAX_CONTACTS).unwrap() {
        world.state.admit_contact(Contact { time: T.plus_ms(minute * 60_000), ..template.clone() });
    }
    T.plus_ms(i64::try_from(MAX_CONTACTS).unwrap() * 60_000)
}

#[test]
fn a_contact_more_than_a_value_holds_is_still_counted() {
    let mut world = World::with_rules(&json!([cap("ever", 10_000, &json!({"lifetime": true}))]));
    let now = full(&mut world);
    for contact in &mut world.state.contacts {
        contact.status = Status::Confirmed;
    }
    for more in 0..5 {
        let granted = world.ask(now.plus_ms(more * 60_000));
        let total = i64::try_from(MAX_CONTACTS).unwrap() + 2 + more - 1;
        assert_eq!(granted.remaining[0].used, Amount::Contacts(total));
    }
    assert!(world.state.contacts.len() <= MAX_CONTACTS);
    assert_eq!(decode(&encode(&world.state)).unwrap(), world.state);
}

#[test]
fn a_full_value_is_decided_on_under_every_kind_of_rule() {
    let mut world = World::with_rules(&json!([
        sliding("sliding", 10_000, 30 * 86_400_000),
        cap("days", 10_000, &json!({"rolling_days": 30, "zone": "customer"})),
        cap("month", 10_000, &json!({"calendar": "month", "zone": "brand"})),
    ]));
    let now = full(&mut world);
    let granted =
        decide(&world.snapshot, &mut world.state.clone(), &request("r", "spring", "email"), now).unwrap();
    assert_eq!(granted.decisions[0].remaining.len(), 3);
}
