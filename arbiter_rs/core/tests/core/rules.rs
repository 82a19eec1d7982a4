//! The edges of each rule: the last millisecond that it speaks, and the first that it is silent.

use arbiter_core::compiled::EngagementKind;
use arbiter_core::decision::{Amount, Reason};
use arbiter_core::time::{DAY_MS, Timestamp};
use serde_json::json;

use crate::world::{HOUR_MS, T, TEN_YEARS_MS, World, YEAR_MS, at, cap, reasons, request, sliding, zone};

#[test]
fn a_sliding_window_holds_from_one_second_to_ten_years() {
    for length_ms in [1_000, DAY_MS, YEAR_MS, TEN_YEARS_MS] {
        let mut world = World::with_rules(&json!([sliding("one", 1, length_ms)]));
        world.grant(T);
        let end = T.plus_ms(length_ms);
        let denied = world.ask(end.minus_ms(1));
        assert_eq!(denied.earliest, Some(end), "{length_ms} ms");
        assert!(world.check("spring", "email", end).grant.is_some(), "{length_ms} ms");
    }
}

#[test]
fn a_cap_of_0_denies_and_no_time_helps() {
    let mut world = World::with_rules(&json!([sliding("none", 0, DAY_MS)]));
    let denied = world.ask(T);
    assert_eq!(reasons(&denied), [Reason::FrequencyCap]);
    assert_eq!((denied.earliest, denied.denials[0].earliest), (None, None));
    assert_eq!(denied.denials[0].used, Amount::Contacts(0));
}

#[test]
fn a_contact_heavier_than_the_cap_is_never_granted() {
    let points = json!({"name": "points", "frequency_cap": {"measure": "points", "limit": 1_500_000,
        "window": {"sliding_ms": DAY_MS}, "counted": "attempts", "window_text": "w"}});
    let mut world = World::with_rules(&json!([points]));
    world.grant(T);
    let by_sms = world.ask_by("spring", "sms", T);
    assert_eq!((by_sms.earliest, by_sms.denials[0].used), (None, Amount::Micros(1_000_000)));
    assert_eq!(world.ask(T).earliest, Some(T.plus_ms(DAY_MS)));
}

#[test]
fn a_contact_without_weight_fits_into_a_full_cap() {
    let free = json!({"name": "spend", "frequency_cap": {"measure": "cost", "limit": 0,
        "window": {"sliding_ms": DAY_MS}, "counted": "attempts", "window_text": "w"}});
    let mut catalog = crate::world::catalog_of(&json!([{"name": "p", "rules": [free]}]));
    catalog["channels"][0]["cost"] = json!(0);
    let mut world = World::new(crate::world::compile(&catalog));
    world.grant(T);
    assert_eq!(reasons(&world.ask_by("spring", "sms", T)), [Reason::FrequencyCap]);
}

#[test]
fn a_denial_names_the_latest_ten_contacts_newest_first() {
    let mut world = World::with_rules(&json!([sliding("twelve", 12, DAY_MS)]));
    for minute in 0..12 {
        world.grant(T.plus_ms(minute * 60_000));
    }
    let denied = world.ask(T.plus_ms(HOUR_MS));
    let named: Vec<u32> = denied.denials[0].contacts.iter().map(|contact| contact.sequence).collect();
    assert_eq!(named, [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
    assert_eq!(denied.earliest, Some(T.plus_ms(DAY_MS)));
}

#[test]
fn a_contact_that_lies_ahead_shares_the_windows_that_end_with_it() {
    let mut world = World::with_rules(&json!([sliding("two-a-week", 2, 7 * DAY_MS)]));
    world.engage(EngagementKind::Sent, "spring", 0, T.minus_ms(3 * DAY_MS));
    world.engage(EngagementKind::Sent, "spring", 0, T.plus_ms(3 * DAY_MS));
    let denied = world.ask(T);
    assert_eq!(denied.denials[0].used, Amount::Contacts(2));
    assert_eq!(denied.earliest, Some(T.plus_ms(4 * DAY_MS)));
}

#[test]
fn two_contacts_too_far_apart_for_one_window_do_not_add_up() {
    let mut world = World::with_rules(&json!([sliding("two-a-week", 2, 7 * DAY_MS)]));
    world.engage(EngagementKind::Sent, "spring", 0, T.minus_ms(3 * DAY_MS));
    world.engage(EngagementKind::Sent, "spring", 0, T.plus_ms(4 * DAY_MS));
    assert!(world.ask(T).grant.is_some());
}

#[test]
fn a_place_kept_for_a_better_campaign_is_not_given_to_another() {
    let mut kept = sliding("two", 2, DAY_MS);
    kept["frequency_cap"]["reserve"] = json!({"min_priority": 60, "places": 1});
    let mut world = World::with_rules(&json!([kept]));
    world.grant(T);
    let denied = world.ask(T);
    assert_eq!((denied.denials[0].limit, denied.denials[0].used), (Amount::Contacts(1), Amount::Contacts(1)));
    world.grant_by("summer", "email", T);
}

#[test]
fn more_places_kept_than_there_are_leave_none_and_not_fewer() {
    let mut kept = sliding("two", 2, DAY_MS);
    kept["frequency_cap"]["reserve"] = json!({"min_priority": 60, "places": 5});
    let mut world = World::with_rules(&json!([kept]));
    let denied = world.ask(T);
    assert_eq!((denied.denials[0].limit, denied.earliest), (Amount::Contacts(0), None));
}

#[test]
fn a_reservation_that_lapses_gives_its_place_back_to_the_millisecond() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    world.grant_by("spring", "sms", T);
    let lapse = T.plus_ms(HOUR_MS);
    assert_eq!(world.ask(lapse.minus_ms(1)).earliest, Some(lapse));
    assert!(world.ask(lapse).grant.is_some());
}

#[test]
fn a_confirmed_contact_does_not_lapse() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    let name = world.grant_by("spring", "sms", T);
    world.confirm(name, T.plus_ms(HOUR_MS - 1));
    assert_eq!(world.ask(T.plus_ms(HOUR_MS)).earliest, Some(T.plus_ms(DAY_MS)));
}

#[test]
fn a_release_gives_the_place_back_at_once() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    let name = world.grant(T);
    world.release(name, T);
    world.grant(T);
}

#[test]
fn a_lifetime_ends_with_the_horizon() {
    let mut catalog = crate::world::catalog_of(
        &json!([{"name": "p", "rules": [cap("once", 1, &json!({"lifetime": true}))]}]),
    );
    catalog["horizon_ms"] = json!(400 * DAY_MS);
    let mut world = World::new(crate::world::compile(&catalog));
    world.grant(T);
    let end = T.plus_ms(400 * DAY_MS);
    assert_eq!(world.ask(end.minus_ms(1)).earliest, Some(end));
    world.grant(end);
}

#[test]
fn a_calendar_year_ends_where_the_next_begins_in_the_customers_zone() {
    let window = json!({"calendar": "year", "zone": "customer"});
    let mut world = World::with_rules(&json!([cap("yearly", 1, &window)]));
    world.grant(at("2199-01-01T00:00:00Z"));
    let now = at("2199-12-31T12:00:00Z");
    let mut question = request("", "spring", "email");
    question.calendar = zone("Asia/Tokyo");
    let denied = world.decide(&question, now).decisions.remove(0);
    assert_eq!(denied.earliest, Some(at("2199-12-31T15:00:00Z")));
    assert_eq!(world.ask(now).earliest, Some(at("2199-12-31T23:00:00Z")));
}

#[test]
fn rolling_days_end_at_a_local_midnight_however_long_the_day() {
    let window = json!({"rolling_days": 1, "zone": "Europe/Paris"});
    let mut world = World::with_rules(&json!([cap("daily", 1, &window)]));
    world.grant(at("2026-10-24T22:00:00Z"));
    let denied = world.ask(at("2026-10-25T22:59:59.999Z"));
    assert_eq!(denied.earliest, Some(at("2026-10-25T23:00:00Z")));
}

#[test]
fn only_answered_contacts_fill_a_cap_that_counts_answers() {
    let mut answered = sliding("answered", 1, DAY_MS);
    answered["frequency_cap"]["counted"] = json!("answered");
    let mut world = World::with_rules(&json!([answered]));
    world.grant(T);
    world.grant(T.plus_ms(1));
    world.engage(EngagementKind::Clicked, "spring", 0, T.plus_ms(2));
    let denied = world.ask(T.plus_ms(3));
    assert_eq!(denied.denials[0].contacts.len(), 1);
    assert_eq!(denied.earliest, Some(T.plus_ms(1 + DAY_MS)));
}

fn back_off(after: u32, of: &str, rests: &serde_json::Value) -> serde_json::Value {
    json!([{"name": "silence", "back_off": {"after": after, "of": of, "rests": rests,
        "answers": ["clicked", "purchased"], "rests_text": "r"}}])
}

#[test]
fn rests_grow_and_the_last_one_repeats() {
    let mut world = World::with_rules(&back_off(1, "any", &json!([{"ms": DAY_MS}, {"ms": 3 * DAY_MS}])));
    let mut now = T;
    for rest_ms in [DAY_MS, 3 * DAY_MS, 3 * DAY_MS, 3 * DAY_MS] {
        world.grant(now);
        let end = now.plus_ms(rest_ms);
        let denied = world.ask(end.minus_ms(1));
        assert_eq!((reasons(&denied), denied.earliest), (vec![Reason::BackOff], Some(end)));
        now = end;
    }
    assert_eq!(world.ask(now.minus_ms(1)).denials[0].used, Amount::Contacts(4));
}

#[test]
fn an_answer_clears_what_was_before_it_and_not_what_was_at_its_instant() {
    let rules = back_off(1, "any", &json!(["never"]));
    let mut world = World::with_rules(&rules);
    world.grant(T);
    world.engage(EngagementKind::Clicked, "spring", 0, T);
    assert_eq!(reasons(&world.ask(T.plus_ms(1))), [Reason::BackOff]);
    world.engage(EngagementKind::Clicked, "spring", 0, T.plus_ms(1));
    assert!(world.ask(T.plus_ms(1)).grant.is_some());
}

#[test]
fn an_answer_still_to_come_ends_a_rest_when_it_comes() {
    let mut world = World::with_rules(&back_off(1, "any", &json!(["never"])));
    world.grant(T);
    world.engage(EngagementKind::Clicked, "spring", 0, T.plus_ms(DAY_MS));
    assert_eq!(world.ask(T.plus_ms(HOUR_MS)).earliest, Some(T.plus_ms(DAY_MS)));
}

#[test]
fn a_rest_of_never_outlives_the_horizon() {
    let mut catalog = crate::world::catalog_of(
        &json!([{"name": "p", "rules": back_off(2, "offer_family", &json!(["never"]))}]),
    );
    catalog["horizon_ms"] = json!(30 * DAY_MS);
    let mut world = World::new(crate::world::compile(&catalog));
    world.grant(T);
    world.grant(T.plus_ms(20 * DAY_MS));
    let much_later = T.plus_ms(5 * YEAR_MS);
    world.grant_by("autumn", "email", much_later);
    let denied = world.ask(much_later);
    assert_eq!((reasons(&denied), denied.earliest), (vec![Reason::BackOff], None));
}

#[test]
fn a_rest_that_ends_forgets_contacts_at_the_horizon() {
    let mut catalog = crate::world::catalog_of(
        &json!([{"name": "p", "rules": back_off(2, "any", &json!([{"ms": 300 * DAY_MS}]))}]),
    );
    catalog["horizon_ms"] = json!(30 * DAY_MS);
    let mut world = World::new(crate::world::compile(&catalog));
    world.grant(T);
    world.grant(T.plus_ms(10 * DAY_MS));
    let denied = world.ask(T.plus_ms(20 * DAY_MS));
    assert_eq!(denied.earliest, Some(T.plus_ms(30 * DAY_MS)));
}

#[test]
fn a_rest_of_days_ends_at_the_start_of_the_day() {
    let rests = json!([{"days": 1, "zone": "Europe/Paris"}]);
    let mut world = World::with_rules(&back_off(1, "any", &rests));
    world.grant(at("2026-03-28T23:30:00Z"));
    assert_eq!(world.ask(at("2026-03-29T12:00:00Z")).earliest, Some(at("2026-03-29T22:00:00Z")));
}

fn respite(span: &serde_json::Value) -> serde_json::Value {
    json!([{"name": "respite", "respite": {"after": ["purchased"], "for": span, "min_value": 100, "for_text": "s"}}])
}

#[test]
fn a_respite_holds_from_its_event_until_its_end_exactly() {
    let mut world = World::with_rules(&respite(&json!({"ms": DAY_MS})));
    world.engage(EngagementKind::Purchased, "", 100, T);
    assert!(world.check("spring", "email", T.minus_ms(1)).grant.is_some());
    assert_eq!(world.ask(T).earliest, Some(T.plus_ms(DAY_MS)));
    assert_eq!(world.ask(T.plus_ms(DAY_MS - 1)).earliest, Some(T.plus_ms(DAY_MS)));
    assert!(world.ask(T.plus_ms(DAY_MS)).grant.is_some());
}

#[test]
fn events_that_follow_one_another_prolong_the_respite() {
    let mut world = World::with_rules(&respite(&json!({"ms": DAY_MS})));
    for half_days in 0..5 {
        world.engage(EngagementKind::Purchased, "", 100, T.plus_ms(half_days * DAY_MS / 2));
    }
    assert_eq!(world.ask(T).earliest, Some(T.plus_ms(3 * DAY_MS)));
}

#[test]
fn an_event_below_the_least_value_starts_no_respite() {
    let mut world = World::with_rules(&respite(&json!("never")));
    world.engage(EngagementKind::Purchased, "", 99, T);
    assert!(world.check("spring", "email", T).grant.is_some());
    world.engage(EngagementKind::Purchased, "", 100, T);
    assert_eq!(world.ask(T).earliest, None);
}

#[test]
fn an_objection_suppresses_marketing_from_its_instant_and_for_ever() {
    let mut world = World::with_rules(&json!([]));
    world.engage(EngagementKind::OptedOut, "", 0, T);
    assert!(world.check("spring", "email", T.minus_ms(1)).grant.is_some());
    for later_ms in [0, 1, 100 * YEAR_MS] {
        let denied = world.check("spring", "email", T.plus_ms(later_ms));
        assert_eq!((reasons(&denied), denied.earliest), (vec![Reason::Suppressed], None));
        assert!(world.check("receipt", "email", T.plus_ms(later_ms)).grant.is_some());
    }
}

#[test]
fn an_objection_to_a_contact_is_to_its_channel() {
    let mut world = World::with_rules(&json!([]));
    world.grant_by("spring", "sms", T);
    world.engage(EngagementKind::Complained, "spring", 0, T.plus_ms(1));
    assert_eq!(reasons(&world.check("autumn", "sms", T.plus_ms(1))), [Reason::Suppressed]);
    assert!(world.check("autumn", "email", T.plus_ms(1)).grant.is_some());
}

#[test]
fn a_campaign_runs_from_its_first_instant_until_before_its_last() {
    let mut catalog = crate::world::catalog_of(&json!([]));
    catalog["campaigns"][0]["active_from_ms"] = json!(T.0);
    catalog["campaigns"][0]["active_until_ms"] = json!(T.0 + DAY_MS);
    let world = World::new(crate::world::compile(&catalog));
    let ask = |t: Timestamp| world.check("spring", "email", t);
    assert_eq!(
        (reasons(&ask(T.minus_ms(1))), ask(T.minus_ms(1)).earliest),
        (vec![Reason::CampaignInactive], Some(T))
    );
    assert!(ask(T).grant.is_some());
    assert!(ask(T.plus_ms(DAY_MS - 1)).grant.is_some());
    assert_eq!(
        (reasons(&ask(T.plus_ms(DAY_MS))), ask(T.plus_ms(DAY_MS)).earliest),
        (vec![Reason::CampaignInactive], None)
    );
}

#[test]
fn a_channel_that_the_campaign_does_not_list_is_not_eligible_and_the_caps_still_speak() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    world.grant(T);
    for channel in ["post", "pigeon"] {
        let denied = world.ask_by("spring", channel, T);
        assert_eq!(reasons(&denied), [Reason::NotEligible, Reason::FrequencyCap], "{channel}");
        assert_eq!(denied.earliest, None);
        assert_eq!(denied.denials[1].earliest, Some(T.plus_ms(DAY_MS)));
    }
}
