//! No catalog that compiles, no value that decodes and no moment makes the core panic. Tests run with overflow checks.

use arbiter_core::apply::{ContactName, Report, Settlement, record, settle};
use arbiter_core::catalog::Snapshot;
use arbiter_core::claims;
use arbiter_core::codec::{decode, encode};
use arbiter_core::compiled::EngagementKind;
use arbiter_core::customer::{
    AccountKey, Charge, Claim, Contact, CustomerState, Engagement, MAX_CONTACTS, Member, Pool, Status,
    Suppression, Taste, Whose,
};
use arbiter_core::decide::decide;
use arbiter_core::decision::Amount;
use arbiter_core::explain::explain;
use arbiter_core::ids::{CampaignId, CapacityId, ChannelId, FamilyId, SegmentId, TermsId};
use arbiter_core::request::{Candidate, MAX_PLANNED_MS, Purpose, Request};
use arbiter_core::standings::Standings;
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

fn any_capacity() -> impl Strategy<Value = Value> {
    let window =
        prop_oneof![Just(json!({"calendar": "week", "zone": "brand"})), Just(json!({"lifetime": true}))];
    let per = select(vec![Value::Null, json!("channel"), json!("campaign"), json!("business_unit")]);
    (select(vec!["contacts", "cost"]), any_amount(), window, per, any::<bool>()).prop_map(
        |(measure, limit, window, per, lend)| {
            let shares = json!([{"business_unit": "retail", "limit": limit / 2}]);
            json!({"capacity": {"measure": measure, "limit": limit, "window": window, "per": per, "shares": shares,
                "lend": lend, "window_text": ""}})
        },
    )
}

fn any_rule() -> impl Strategy<Value = Value> {
    let measure = select(vec!["contacts", "points", "cost"]);
    let counted = select(vec!["attempts", "confirmed", "answered"]);
    let of = select(vec!["offer_family", "campaign", "channel", "any"]);
    let reserve = proptest::option::of((any::<u8>(), any_figure()));
    let per = select(vec!["customer", "party", "contact_point", "subject"]);
    prop_oneof![
        (measure, any_figure(), any_window(), (counted, per), reserve).prop_map(|(measure, limit, window, (counted, per), reserve)| {
            let reserve = reserve.map(|(least, places)| json!({"min_priority": least, "places": places}));
            json!({"frequency_cap": {"measure": measure, "limit": limit, "window": window, "counted": counted,
                "per": per, "reserve": reserve, "window_text": ""}})
        }),
        (any::<u32>(), of, proptest::collection::vec(any_span(), 0..3)).prop_map(|(after, of, rests)| {
            let after = after % 7;
            json!({"back_off": {"after": after, "of": of, "rests": rests, "answers": ["clicked"], "rests_text": ""}})
        }),
        (any_span(), proptest::option::of(any_figure())).prop_map(|(span, least)| {
            json!({"respite": {"after": ["purchased"], "for": span, "min_value": least, "for_text": ""}})
        }),
        (any_span(), any::<bool>()).prop_map(|(within, is_contact)| {
            let wanted = if is_contact { json!({"channels": ["email"]}) } else { json!(["clicked", "sent"]) };
            json!({"prerequisite": {if is_contact { "contact" } else { "engagement" }: wanted, "within": within, "within_text": ""}})
        }),
        any::<u32>().prop_map(|share| json!({"holdout": {"share_micros": share, "salt": "s"}})),
        any_capacity(),
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
            let mut policy = json!({"name": "p", "rules": named.collect::<Vec<_>>()});
            if horizon_ms % 2 == 0 {
                policy["applies_to"] = json!({"not": {"segments": ["busy"]}});
            }
            let mut catalog = catalog_of(&json!([policy]));
            catalog["horizon_ms"] = json!(horizon_ms);
            catalog["fatigue_half_life_ms"] = json!(horizon_ms);
            catalog["offer_families"][0]["half_life_ms"] = json!(horizon_ms);
            catalog["offer_families"][0]["fallback"] = json!("cruises");
            catalog["segments"] = json!(["loyal", "prospect", "busy"]);
            catalog["derived_segments"] = json!([{"name": "busy", "answered_within_ms": horizon_ms,
                "unanswered_at_least": 2, "first_contact_within_ms": expires_after_ms}]);
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
            ..Contact::default()
        },
    )
}

fn any_member() -> impl Strategy<Value = Member> {
    prop_oneof![3 => Just(Member::OWN), 2 => Just(Member(1)), 1 => any::<u32>().prop_map(Member)]
}

/// A contact of a party: somebody's, somewhere, about something, planned, and charged.
fn any_contact_of_party() -> impl Strategy<Value = Contact> {
    let charge = (0..4_u32, proptest::option::of(0..4_u32), any_time(), 0..4_u32, any::<i64>());
    let charge = charge.prop_map(|(capacity, per, start, pool, amount)| Charge {
        account: AccountKey { capacity: CapacityId(capacity), per, start },
        pool: Pool(pool),
        amount,
    });
    let charges = proptest::collection::vec(charge, 0..3);
    (any_contact(), any_member(), 0..3_u64, 0..3_u64, 0..=MAX_PLANNED_MS, charges).prop_map(
        |(contact, member, contact_point, subject, lead_ms, charges)| Contact {
            whose: Whose { member, contact_point, subject },
            lead_ms,
            charges,
            ..contact
        },
    )
}

fn any_claim() -> impl Strategy<Value = Claim> {
    let channels = proptest::collection::vec((0..4_u32).prop_map(ChannelId), 0..3);
    let score = proptest::option::of(prop_oneof![Just(0.0), Just(f64::MAX), -2.0..2.0_f64]);
    (any_member(), 0..5_u32, channels, (any_time(), any_time()), score, 0..3_u64).prop_map(
        |(member, campaign, channels, (from, until), score, version)| Claim {
            member,
            campaign: CampaignId(campaign),
            channels,
            from,
            until,
            score,
            version,
        },
    )
}

fn any_taste() -> impl Strategy<Value = Taste> {
    (any_member(), 0..3_u32, any_time(), 0.0..1e9_f64).prop_map(|(member, family, time, strength)| Taste {
        member,
        family: FamilyId(family),
        time,
        strength,
    })
}

fn any_engagement() -> impl Strategy<Value = Engagement> {
    let numbers =
        (proptest::option::of(0..8_u32), proptest::option::of(0..3_u32), proptest::option::of(0..4_u32));
    let kind = (select(EngagementKind::ALL.as_slice()), any_member());
    (any_time(), kind, numbers, any::<i64>(), any::<u64>()).prop_map(
        |(time, (kind, member), (terms, family, channel), value, key)| Engagement {
            member,
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
    let contacts = proptest::collection::vec(any_contact_of_party(), 0..12);
    let engagements = proptest::collection::vec(any_engagement(), 0..8);
    let suppressions =
        proptest::collection::vec((any_member(), any_time(), proptest::option::of(0..4_u32)), 0..2);
    let ahead = (proptest::collection::vec(any_claim(), 0..6), proptest::collection::vec(any_taste(), 0..3));
    let members = proptest::collection::vec(select(vec!["43", "44", ""]), 0..3);
    (any_time(), any::<u32>(), contacts, engagements, suppressions, ahead, members).prop_map(
        |(clock, next_sequence, mut contacts, mut engagements, suppressions, (claims, tastes), members)| {
            contacts.sort_by_key(|contact| (contact.time, contact.sequence));
            engagements.sort_by_key(|engagement| engagement.time);
            let objection = |(member, since, channel): (Member, Timestamp, Option<u32>)| Suppression {
                member,
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
                members: members.into_iter().map(str::to_owned).collect(),
                claims,
                tastes,
            }
        },
    )
}

fn any_candidate() -> impl Strategy<Value = Candidate<'static>> {
    let factors = (any::<Option<f64>>(), any::<Option<f64>>(), any::<Option<f64>>());
    (
        select(vec!["spring", "summer", "receipt", "gone", ""]),
        select(vec!["email", "sms", "post", "x"]),
        factors,
        proptest::option::of(any_time()),
    )
        .prop_map(|(campaign, channel, (score, answer_probability, value), deadline)| Candidate {
            campaign,
            channel,
            score,
            answer_probability,
            value,
            deadline,
        })
}

/// What is asked at `now`; a contact is planned up to as far ahead as it may be.
fn any_request() -> impl Strategy<Value = (Request<'static>, Timestamp)> {
    let candidates = proptest::collection::vec(any_candidate(), 0..6);
    let zone = proptest::option::of(select(vec!["Pacific/Apia", "UTC", "America/St_Johns"]));
    let customer = (select(vec!["42", "43", "45"]), 0..3_u64, 0..3_u64);
    let planned = (any_time(), proptest::option::of(0..=MAX_PLANNED_MS));
    (select(vec!["", "r"]), candidates, 0..4_usize, zone, any::<bool>(), customer, planned).prop_map(
        |(id, candidates, max_grants, zone, is_check, (customer, contact_point, subject), (now, ahead))| {
            let request = Request {
                id,
                customer,
                party: "42",
                contact_point,
                subject,
                candidates,
                max_grants,
                segments: vec!["loyal", "nobody"],
                calendar: zone.and_then(Calendar::of),
                purpose: if is_check { Purpose::Check } else { Purpose::Reserve },
                planned: ahead.map(|ms| now.plus_ms(ms)),
            };
            (request, now)
        },
    )
}

proptest! {
    #[test]
    fn every_call_on_anything_returns(
        snapshot in any_catalog(),
        mut state in any_state(),
        (request, now) in any_request(),
        event in any_engagement(),
    ) {
        let _ = explain(&snapshot, &state, &request, &Standings::default(), None, now);
        let decided = decide(&snapshot, &mut state, &request, &mut Standings::default(), now);
        prop_assert!(decided.is_err() || decided.unwrap().decisions.len() == request.candidates.len());
        let name = state.contacts.first().map(|contact| ContactName { sequence: contact.sequence, time: contact.time });
        let report = Report {
            customer: request.customer,
            party: request.party,
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
        let claim = Claim { member: Member(2), campaign: CampaignId(0), channels: Vec::new(), from: now, until: event.time, score: None, version: 1 };
        let _ = claims::register(&snapshot, &mut state, claim, now);
        let _ = claims::withdraw(&snapshot, &mut state, Member(1), CampaignId(1), now);
        let _ = decide(&snapshot, &mut state, &request, &mut Standings::default(), now);
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
    let granted = world.answer(&request("r", "spring", "email"), now);
    assert_eq!(granted.decisions[0].remaining.len(), 3);
}
