//! Contacts planned ahead: everything is judged at their moment, and only reservations, claims and request ids go by when they are asked for.

use arbiter_core::compiled::EngagementKind;
use arbiter_core::decision::{Amount, Reason};
use arbiter_core::request::Request;
use arbiter_core::time::{DAY_MS, Timestamp};
use serde_json::json;

use crate::world::{HOUR_MS, T, World, catalog_of, compile, reasons, request, sliding};

fn days(count: i64) -> Timestamp {
    T.plus_ms(count * DAY_MS)
}

#[test]
fn a_planned_contact_stands_at_its_moment_and_expires_after_it() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    let grant = world.plan("spring", days(10), T).grant.unwrap();
    assert_eq!((grant.time, grant.expires), (days(10), days(11)));
    let contact = &world.state.contacts[0];
    assert_eq!((contact.time, contact.granted()), (days(10), T));
}

#[test]
fn a_planned_contact_counts_for_those_before_and_after_it() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    world.plan("spring", days(10), T).grant.unwrap();
    for (planned, is_granted) in
        [(days(9), true), (days(9).plus_ms(1), false), (days(11).minus_ms(1), false), (days(11), true)]
    {
        let decision = world.answer(&planned_at(planned), T.plus_ms(1)).decisions.remove(0);
        assert_eq!(decision.grant.is_some(), is_granted, "{planned:?}");
        if !is_granted {
            assert_eq!((decision.denials[0].used, decision.earliest), (Amount::Contacts(1), Some(days(11))));
        }
    }
}

#[test]
fn a_respite_a_rest_and_the_days_of_a_campaign_are_judged_at_the_moment_of_the_contact() {
    let rules = json!([{"name": "p", "rules": [
        {"name": "respite", "respite": {"after": ["purchased"], "for": {"ms": 5 * DAY_MS}, "for_text": "s"}},
        {"name": "rest", "back_off": {"after": 1, "of": "any", "rests": [{"ms": 3 * DAY_MS}], "answers": ["clicked"], "rests_text": "r"}}]}]);
    let mut catalog = catalog_of(&rules);
    catalog["campaigns"][0]["active_from_ms"] = json!(days(2).0);
    let mut world = World::new(compile(&catalog));
    world.grant_by("summer", "email", T);
    world.engage(EngagementKind::Purchased, "", 0, T);
    let at = |days_ahead: i64| world.answer(&planned_at(days(days_ahead)), T).decisions.remove(0);
    assert_eq!(reasons(&at(1)), [Reason::CampaignInactive, Reason::Respite, Reason::BackOff]);
    assert_eq!(reasons(&at(2)), [Reason::Respite, Reason::BackOff]);
    assert_eq!(reasons(&at(3)), [Reason::Respite]);
    assert_eq!(at(1).earliest, Some(days(5)));
    assert!(at(5).grant.is_some());
}

fn planned_at(planned: Timestamp) -> Request<'static> {
    Request { planned: Some(planned), ..request("", "spring", "email") }
}

#[test]
fn an_answer_to_come_does_not_help_and_a_planned_contact_behind_it_is_in_the_streak() {
    let rest = json!([{"name": "rest", "back_off": {"after": 1, "of": "any", "rests": ["never"], "answers": ["clicked"], "rests_text": "r"}}]);
    let mut world = World::with_rules(&rest);
    world.plan("spring", days(5), T).grant.unwrap();
    // Before it there is no streak yet.
    assert!(world.answer(&planned_at(days(5).minus_ms(1)), T).decisions[0].grant.is_some());
    assert_eq!(reasons(&world.answer(&planned_at(days(5)), T).decisions[0]), [Reason::BackOff]);
}

#[test]
fn a_reservation_that_may_still_be_confirmed_holds_its_place_for_who_asks_before_its_expiry() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    let by_sms = Request { planned: Some(days(10)), ..request("", "spring", "sms") };
    world.decision(&by_sms, T).grant.unwrap();
    let lapse = days(10).plus_ms(HOUR_MS);
    let after = lapse.plus_ms(HOUR_MS);
    let denied = world.plan("spring", after, T);
    assert_eq!(reasons(&denied), [Reason::FrequencyCap]);
    // Asked at that time it is granted: the reservation has lapsed by then.
    assert_eq!(denied.earliest, Some(after));
    assert!(world.plan("spring", after, lapse.minus_ms(1)).grant.is_none());
    assert!(world.plan("spring", after, lapse).grant.is_some());
}

#[test]
fn a_request_id_is_remembered_for_24_hours_from_the_asking() {
    let mut world = World::with_rules(&json!([sliding("two", 2, DAY_MS)]));
    let question = Request { planned: Some(days(20)), ..request("r", "spring", "email") };
    let first = world.decision(&question, T).grant.unwrap();
    let again = world.decision(&question, days(1).minus_ms(1));
    let grant = again.grant.unwrap();
    assert!(grant.is_repeat);
    assert_eq!((grant.sequence, grant.time, grant.expires), (first.sequence, first.time, first.expires));
    assert_eq!(again.remaining[0].used, Amount::Contacts(1));
    assert!(!world.decision(&question, days(1)).grant.unwrap().is_repeat);
}

#[test]
fn a_repeated_request_finds_its_contact_whatever_moment_it_names() {
    let mut world = World::with_rules(&json!([]));
    let first = world.decision(&Request { planned: Some(days(3)), ..request("r", "spring", "email") }, T);
    let again =
        world.decision(&Request { planned: Some(days(4)), ..request("r", "spring", "email") }, T.plus_ms(1));
    assert_eq!(again.grant.unwrap().time, days(3));
    assert_eq!(first.grant.unwrap().sequence, again.grant.unwrap().sequence);
}

#[test]
fn a_repeated_request_tells_what_remained_when_it_was_asked() {
    let mut world = World::with_rules(&json!([sliding("two", 2, DAY_MS)]));
    let by_sms = Request { planned: Some(days(10)), ..request("", "spring", "sms") };
    world.decision(&by_sms, T).grant.unwrap();
    let later = Some(days(10).plus_ms(2 * HOUR_MS));
    let question = Request { planned: later, ..request("r", "spring", "email") };
    let first = world.decision(&question, T);
    assert_eq!(first.remaining[0].used, Amount::Contacts(2));
    assert_eq!(world.decision(&question, T.plus_ms(1)).remaining, first.remaining);
}
