//! Prerequisite: from the instant of what must have been until the end of its span, and not a millisecond more.

use arbiter_core::compiled::EngagementKind;
use arbiter_core::decision::{Decision, Reason};
use arbiter_core::time::{DAY_MS, Timestamp};
use serde_json::{Value, json};

use crate::world::{HOUR_MS, T, World, at, catalog_of, compile, reasons};

/// `summer` only after what is wanted.
fn only_after(prerequisite: &Value) -> World {
    let policy = json!({"name": "p", "applies_to": {"campaigns": ["summer"]}, "rules": [{"name": "first", "prerequisite": prerequisite}]});
    World::new(compile(&catalog_of(&json!([policy]))))
}

fn after_spring(within: &Value) -> World {
    only_after(&json!({"contact": {"campaigns": ["spring"]}, "within": within, "within_text": "w"}))
}

fn is_denied(decision: &Decision, earliest: Option<Timestamp>) {
    assert_eq!((reasons(decision), decision.earliest), (vec![Reason::NotEligible], earliest));
    assert_eq!(decision.denials[0].rule, Some(0));
}

#[test]
fn a_contact_opens_the_way_from_its_instant_until_its_span_is_over() {
    let mut world = after_spring(&json!({"ms": 3 * DAY_MS}));
    is_denied(&world.check("summer", "email", T), None);
    world.grant(T);
    let ask = |t| world.check("summer", "email", t);
    is_denied(&ask(T.minus_ms(1)), Some(T));
    assert!(ask(T).grant.is_some());
    assert!(ask(T.plus_ms(3 * DAY_MS - 1)).grant.is_some());
    is_denied(&ask(T.plus_ms(3 * DAY_MS)), None);
}

#[test]
fn a_contact_of_another_campaign_opens_nothing() {
    let mut world = after_spring(&json!({"ms": DAY_MS}));
    world.grant_by("autumn", "email", T);
    is_denied(&world.check("summer", "email", T), None);
}

#[test]
fn a_contact_given_back_or_lapsed_opens_nothing() {
    let mut world = after_spring(&json!({"ms": DAY_MS}));
    let name = world.grant_by("spring", "sms", T);
    let lapse = T.plus_ms(HOUR_MS);
    assert!(world.check("summer", "email", lapse.minus_ms(1)).grant.is_some());
    is_denied(&world.check("summer", "email", lapse), None);
    world.release(name, T.plus_ms(1));
    is_denied(&world.check("summer", "email", T.plus_ms(1)), None);
}

#[test]
fn a_span_of_days_ends_at_the_start_of_a_local_day() {
    let mut world = after_spring(&json!({"days": 2, "zone": "Europe/Paris"}));
    world.grant(at("2026-03-27T22:30:00Z"));
    let end = at("2026-03-28T23:00:00Z");
    assert!(world.check("summer", "email", end.minus_ms(1)).grant.is_some());
    is_denied(&world.check("summer", "email", end), None);
}

#[test]
fn a_span_longer_than_the_memory_lasts_as_long_as_the_contact_is_remembered() {
    for within in [json!("never"), json!({"ms": 60 * DAY_MS})] {
        is_remembered_for_30_days(&within);
    }
}

fn is_remembered_for_30_days(within: &Value) {
    let prerequisite = json!({"contact": {}, "within": within, "within_text": "w"});
    let policy = json!({"name": "p", "applies_to": {"campaigns": ["summer"]}, "rules": [{"name": "first", "prerequisite": prerequisite}]});
    let mut catalog = catalog_of(&json!([policy]));
    catalog["horizon_ms"] = json!(30 * DAY_MS);
    let mut world = World::new(compile(&catalog));
    world.grant(T);
    assert!(world.check("summer", "email", T.plus_ms(30 * DAY_MS - 1)).grant.is_some());
    is_denied(&world.check("summer", "email", T.plus_ms(30 * DAY_MS)), None);
}

#[test]
fn an_engagement_opens_the_way_where_it_is_of_a_kind_that_is_asked_for() {
    let mut world = only_after(
        &json!({"engagement": ["clicked", "answered"], "within": {"ms": DAY_MS}, "within_text": "w"}),
    );
    world.engage(EngagementKind::Opened, "spring", 0, T);
    is_denied(&world.check("summer", "email", T), None);
    world.engage(EngagementKind::Answered, "autumn", 0, T);
    assert!(world.check("summer", "email", T.plus_ms(DAY_MS - 1)).grant.is_some());
    is_denied(&world.check("summer", "email", T.plus_ms(DAY_MS)), None);
}

#[test]
fn an_engagement_of_the_same_family_is_one_of_its_own_or_of_its_campaigns() {
    let mut world = only_after(
        &json!({"engagement": ["clicked"], "of": "offer_family", "within": {"ms": DAY_MS}, "within_text": "w"}),
    );
    world.engage(EngagementKind::Clicked, "autumn", 0, T);
    is_denied(&world.check("summer", "email", T), None);
    world.engage(EngagementKind::Clicked, "spring", 0, T);
    assert!(world.check("summer", "email", T).grant.is_some());
}

#[test]
fn what_lies_ahead_is_waited_for() {
    let mut world = after_spring(&json!({"ms": DAY_MS}));
    world.plan("spring", T.plus_ms(9 * DAY_MS), T).grant.unwrap();
    is_denied(&world.check("summer", "email", T), Some(T.plus_ms(9 * DAY_MS)));
    assert!(world.plan("summer", T.plus_ms(9 * DAY_MS), T).grant.is_some());
}
