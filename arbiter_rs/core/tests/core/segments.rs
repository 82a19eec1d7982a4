//! Derived segments: who is in one because of what it did, to the millisecond, and which rules follow it.

use arbiter_core::compiled::EngagementKind;
use arbiter_core::decision::Reason;
use arbiter_core::request::Request;
use arbiter_core::time::{DAY_MS, Timestamp};
use serde_json::{Value, json};

use crate::world::{HOUR_MS, T, World, catalog_of, compile, reasons, request, sliding};

/// `spring` is for customers in the segment alone.
fn only_for(when: &Value, horizon_ms: i64) -> World {
    let mut catalog = catalog_of(&json!([]));
    let mut segment = when.clone();
    segment["name"] = json!("derived");
    catalog["segments"] = json!(["loyal", "derived"]);
    catalog["derived_segments"] = json!([segment]);
    catalog["campaigns"][0]["eligible"] = json!({"segments": ["derived"]});
    catalog["horizon_ms"] = json!(horizon_ms);
    World::new(compile(&catalog))
}

fn is_in(world: &World, t: Timestamp) -> bool {
    let decision = world.check("spring", "email", t);
    assert!(decision.grant.is_some() || reasons(&decision) == [Reason::NotEligible]);
    decision.grant.is_some()
}

#[test]
fn who_answered_is_in_from_then_on_and_out_when_that_is_a_span_ago() {
    for kind in [
        EngagementKind::Clicked,
        EngagementKind::Answered,
        EngagementKind::Converted,
        EngagementKind::Purchased,
    ] {
        let mut world = only_for(&json!({"answered_within_ms": 30 * DAY_MS}), 400 * DAY_MS);
        world.engage(EngagementKind::Opened, "summer", 0, T.minus_ms(DAY_MS));
        world.engage(kind, "summer", 0, T);
        let out = T.plus_ms(30 * DAY_MS);
        assert_eq!(
            [T.minus_ms(1), T, out.minus_ms(1), out].map(|t| is_in(&world, t)),
            [false, true, true, false]
        );
    }
}

#[test]
fn a_later_answer_keeps_the_customer_in() {
    let mut world = only_for(&json!({"answered_within_ms": 2 * DAY_MS}), 400 * DAY_MS);
    world.engage(EngagementKind::Clicked, "summer", 0, T);
    world.engage(EngagementKind::Clicked, "summer", 0, T.plus_ms(DAY_MS));
    assert!(is_in(&world, T.plus_ms(3 * DAY_MS - 1)));
    assert!(!is_in(&world, T.plus_ms(3 * DAY_MS)));
}

#[test]
fn only_a_purchase_makes_a_buyer() {
    let mut world = only_for(&json!({"purchased_within_ms": DAY_MS}), 400 * DAY_MS);
    world.engage(EngagementKind::Converted, "summer", 0, T);
    assert!(!is_in(&world, T));
    world.engage(EngagementKind::Purchased, "", 0, T);
    assert!(is_in(&world, T) && !is_in(&world, T.plus_ms(DAY_MS)));
}

#[test]
fn contacts_since_the_last_answer_that_hold_their_places_and_are_remembered_are_unanswered() {
    let mut world = only_for(&json!({"unanswered_at_least": 2}), 10 * DAY_MS);
    world.grant_by("summer", "email", T);
    let lapsing = world.grant_by("summer", "sms", T.plus_ms(1));
    assert!(!is_in(&world, T) && is_in(&world, T.plus_ms(1)));
    let lapse = lapsing.time.plus_ms(HOUR_MS);
    assert!(is_in(&world, lapse.minus_ms(1)) && !is_in(&world, lapse));
    world.grant_by("summer", "email", T.plus_ms(DAY_MS));
    let forgotten = T.plus_ms(10 * DAY_MS);
    assert!(is_in(&world, forgotten.minus_ms(1)) && !is_in(&world, forgotten));
    // An answer at the instant of a contact leaves that one unanswered.
    world.engage(EngagementKind::Clicked, "", 0, T.plus_ms(DAY_MS));
    assert!(!is_in(&world, T.plus_ms(DAY_MS)));
    world.grant_by("summer", "email", T.plus_ms(2 * DAY_MS));
    assert!(is_in(&world, T.plus_ms(2 * DAY_MS)));
}

#[test]
fn a_newcomer_is_one_since_its_first_contact_and_who_was_never_contacted_is_none() {
    let mut world = only_for(&json!({"first_contact_within_ms": 14 * DAY_MS}), 400 * DAY_MS);
    assert!(!is_in(&world, T));
    world.grant_by("summer", "email", T);
    world.grant_by("summer", "email", T.plus_ms(10 * DAY_MS));
    let out = T.plus_ms(14 * DAY_MS);
    assert_eq!(
        [T.minus_ms(1), T, out.minus_ms(1), out].map(|t| is_in(&world, t)),
        [false, true, true, false]
    );
}

#[test]
fn all_that_is_written_must_hold() {
    let mut world =
        only_for(&json!({"answered_within_ms": 9 * DAY_MS, "unanswered_at_least": 1}), 400 * DAY_MS);
    world.grant_by("summer", "email", T);
    assert!(!is_in(&world, T));
    world.engage(EngagementKind::Clicked, "", 0, T.plus_ms(1));
    assert!(!is_in(&world, T.plus_ms(1)));
    world.grant_by("summer", "email", T.plus_ms(2));
    assert!(is_in(&world, T.plus_ms(2)));
}

#[test]
fn a_derived_segment_that_a_request_gives_is_not_believed() {
    let mut world = only_for(&json!({"purchased_within_ms": DAY_MS}), 400 * DAY_MS);
    let claiming = Request { segments: vec!["derived"], ..request("", "spring", "email") };
    assert_eq!(reasons(&world.decision(&claiming, T)), [Reason::NotEligible]);
    world.engage(EngagementKind::Purchased, "", 0, T);
    let granted = world.decision(&Request { segments: vec!["derived", "loyal"], ..claiming }, T);
    assert!(granted.grant.is_some());
    // The given segment is frozen, the derived one is not.
    assert_eq!(world.state.segment_sets, [vec![world.snapshot.segment("loyal").unwrap()]]);
}

#[test]
fn who_is_not_eligible_is_told_when_it_will_be() {
    let mut world = only_for(&json!({"unanswered_at_least": 1}), 400 * DAY_MS);
    world.plan("summer", T.plus_ms(5 * DAY_MS), T).grant.unwrap();
    assert_eq!(world.ask(T).earliest, Some(T.plus_ms(5 * DAY_MS)));
    let silent = only_for(&json!({"unanswered_at_least": 1}), 400 * DAY_MS);
    assert_eq!(silent.check("spring", "email", T).earliest, None);
}

#[test]
fn who_will_buy_something_is_told_so_and_whose_reservation_lapses_is_not_silent_any_more() {
    let mut buyer = only_for(&json!({"purchased_within_ms": DAY_MS}), 400 * DAY_MS);
    buyer.engage(EngagementKind::Purchased, "", 0, T.plus_ms(DAY_MS));
    assert_eq!(buyer.ask(T).earliest, Some(T.plus_ms(DAY_MS)));

    let mut catalog = catalog_of(&json!([]));
    catalog["segments"] = json!(["silent"]);
    catalog["derived_segments"] = json!([{"name": "silent", "unanswered_at_least": 1}]);
    catalog["campaigns"][0]["eligible"] = json!({"not": {"segments": ["silent"]}});
    let mut silent = World::new(compile(&catalog));
    silent.grant_by("summer", "sms", T);
    assert_eq!(silent.ask(T).earliest, Some(T.plus_ms(HOUR_MS)));
}

/// No more than one contact a week with whoever does not answer.
fn one_a_week_for_the_silent(window_days: i64) -> World {
    let policy = json!({"name": "p", "applies_to": {"segments": ["silent"]}, "rules": [sliding("one", 1, window_days * DAY_MS)]});
    let mut catalog = catalog_of(&json!([policy]));
    catalog["segments"] = json!(["silent"]);
    catalog["derived_segments"] = json!([{"name": "silent", "unanswered_at_least": 2}]);
    catalog["horizon_ms"] = json!(10 * DAY_MS);
    World::new(compile(&catalog))
}

#[test]
fn a_rule_judges_only_while_the_customer_is_in_its_segment() {
    let mut world = one_a_week_for_the_silent(7);
    world.grant(T);
    world.grant(T.plus_ms(1));
    let denied = world.ask(T.plus_ms(2));
    assert_eq!(
        (reasons(&denied), denied.earliest),
        (vec![Reason::FrequencyCap], Some(T.plus_ms(1 + 7 * DAY_MS)))
    );
    world.engage(EngagementKind::Clicked, "spring", 0, T.plus_ms(3));
    world.grant(T.plus_ms(3));
}

#[test]
fn a_rule_falls_silent_when_the_customer_leaves_its_segment_before_the_window_ends() {
    let mut world = one_a_week_for_the_silent(300);
    world.grant(T);
    world.grant(T.plus_ms(DAY_MS));
    // The horizon forgets the first contact, and one alone makes no silence.
    let denied = world.ask(T.plus_ms(2 * DAY_MS));
    assert_eq!(denied.earliest, Some(T.plus_ms(10 * DAY_MS)));
    assert!(world.check("spring", "email", T.plus_ms(10 * DAY_MS)).grant.is_some());
    assert!(world.check("spring", "email", T.plus_ms(10 * DAY_MS - 1)).grant.is_none());
}

#[test]
fn a_claim_is_held_by_the_caps_of_the_segments_that_the_customer_is_in() {
    let mut world = one_a_week_for_the_silent(7);
    world.claim("summer", T, T.plus_ms(30 * DAY_MS));
    assert!(world.check("spring", "email", T).grant.is_some());
    world.grant_by("autumn", "email", T);
    assert!(world.check("spring", "email", T.plus_ms(1)).grant.is_some());
    world.grant_by("autumn", "email", T.plus_ms(1));
    let denied = world.ask(T.plus_ms(2));
    assert_eq!(reasons(&denied), [Reason::FrequencyCap, Reason::Outranked]);
}
