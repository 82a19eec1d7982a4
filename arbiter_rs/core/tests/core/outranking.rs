//! Places that better-ranked campaigns have claimed are not given to others: not within a window, and not a millisecond longer.

use arbiter_core::claims;
use arbiter_core::customer::Claim;
use arbiter_core::decision::{Amount, Reason};
use arbiter_core::ids::ChannelId;
use arbiter_core::request::{Candidate, Request};
use arbiter_core::time::{DAY_MS, Timestamp};
use serde_json::json;

use crate::world::{HOUR_MS, T, World, cap, catalog_of, compile, reasons, request, sliding};

/// One contact a day.
fn one_a_day() -> World {
    World::with_rules(&json!([sliding("one", 1, DAY_MS)]))
}

#[test]
fn a_claim_holds_its_place_until_it_ends() {
    let mut world = one_a_day();
    let end = T.plus_ms(3 * DAY_MS);
    world.claim("summer", T, end);
    for t in [T, T.plus_ms(DAY_MS), end.minus_ms(1)] {
        let denied = world.ask(t);
        assert_eq!((reasons(&denied), denied.earliest), (vec![Reason::Outranked], Some(end)), "{t:?}");
        let denial = &denied.denials[0];
        assert_eq!((denial.limit, denial.used), (Amount::Contacts(1), Amount::Contacts(1)));
        assert_eq!((denial.rule, denial.outranked_by.as_deref()), (Some(0), Some("summer")));
    }
    world.grant(end);
}

#[test]
fn a_claim_that_begins_one_window_later_holds_nothing_and_a_millisecond_earlier_it_does() {
    for (from, is_granted) in [(T.plus_ms(DAY_MS), true), (T.plus_ms(DAY_MS - 1), false)] {
        let mut world = one_a_day();
        world.claim("summer", from, from.plus_ms(HOUR_MS));
        assert_eq!(world.ask(T).grant.is_some(), is_granted, "{from:?}");
    }
}

#[test]
fn a_contact_planned_one_window_after_the_last_instant_of_a_claim_is_free_of_it() {
    let mut world = one_a_day();
    let until = T.plus_ms(DAY_MS);
    world.claim("summer", T, until);
    let free = until.minus_ms(1).plus_ms(DAY_MS);
    let denied = world.plan("spring", free.minus_ms(1), T);
    // Who asks then is not outranked any more: the claim is over.
    assert_eq!((reasons(&denied), denied.earliest), (vec![Reason::Outranked], Some(free.minus_ms(1))));
    assert!(world.plan("spring", free, T).grant.is_some());
}

#[test]
fn claims_of_one_campaign_hold_nothing_against_itself() {
    let mut world = one_a_day();
    world.claim("spring", T, T.plus_ms(DAY_MS));
    world.claim("spring", T, T.plus_ms(2 * DAY_MS));
    world.grant(T);
}

#[test]
fn a_claim_holds_nothing_against_a_better_ranked_campaign() {
    let mut world = one_a_day();
    world.claim("spring", T, T.plus_ms(DAY_MS));
    world.grant_by("summer", "email", T);
}

#[test]
fn among_equals_the_score_ranks_then_the_end_of_the_claim_then_the_name() {
    let end = T.plus_ms(DAY_MS);
    let cases = [
        // The campaign that asks, its score and deadline; the claim's score; whether it is granted.
        ("spring", Some(0.3), None, Some(0.2), true),
        ("spring", Some(0.2), None, Some(0.3), false),
        ("spring", None, None, None, false),
        ("spring", None, Some(end.minus_ms(1)), None, true),
        ("spring", None, Some(end), None, false),
        ("apple", None, Some(end), None, true),
        ("spring", Some(-0.1), Some(T), None, false),
    ];
    for (campaign, score, deadline, claimed, is_granted) in cases {
        let mut catalog = catalog_of(&json!([{"name": "p", "rules": [sliding("one", 1, DAY_MS)]}]));
        let mut apple = catalog["campaigns"][0].clone();
        apple["name"] = json!("apple");
        catalog["campaigns"].as_array_mut().unwrap().push(apple);
        let mut world = World::new(compile(&catalog));
        let claim = Claim { score: claimed, ..world.place("autumn", T, end) };
        world.state.claims.push(claim);
        let candidates = vec![Candidate { score, deadline, ..request("", campaign, "email").candidates[0] }];
        let decision = world.decision(&Request { candidates, ..request("", campaign, "email") }, T);
        assert_eq!(decision.grant.is_some(), is_granted, "{campaign} {score:?} {deadline:?} {claimed:?}");
    }
}

#[test]
fn a_full_cap_says_so_beside_the_claims_in_it() {
    let mut world = one_a_day();
    world.grant(T);
    world.claim("summer", T, T.plus_ms(2 * DAY_MS));
    let denied = world.ask(T.plus_ms(1));
    assert_eq!(reasons(&denied), [Reason::FrequencyCap, Reason::Outranked]);
    assert_eq!((denied.denials[0].used, denied.denials[1].used), (Amount::Contacts(1), Amount::Contacts(2)));
    assert_eq!(denied.denials[0].earliest, Some(T.plus_ms(DAY_MS)));
    assert_eq!(denied.earliest, Some(T.plus_ms(2 * DAY_MS)));
    assert_eq!(denied.denials[1].contacts.len(), 1);
}

#[test]
fn places_beyond_what_is_claimed_are_given() {
    let mut world = World::with_rules(&json!([sliding("three", 3, DAY_MS)]));
    world.claim("summer", T, T.plus_ms(DAY_MS));
    world.claim("summer", T, T.plus_ms(2 * DAY_MS));
    world.grant(T);
    let denied = world.ask(T.plus_ms(1));
    assert_eq!((reasons(&denied), denied.denials[0].used), (vec![Reason::Outranked], Amount::Contacts(3)));
    // Room is made when the contact is a day old, or when a claim is over, whichever is first.
    assert_eq!(denied.earliest, Some(T.plus_ms(DAY_MS)));
}

#[test]
fn the_best_ranked_claim_is_named() {
    let mut world = World::with_rules(&json!([sliding("two", 2, DAY_MS)]));
    world.claim("autumn", T, T.plus_ms(DAY_MS));
    world.claim("summer", T, T.plus_ms(2 * DAY_MS));
    let denied = world.ask(T);
    assert_eq!(denied.denials[0].outranked_by.as_deref(), Some("summer"));
    assert_eq!(denied.earliest, Some(T.plus_ms(DAY_MS)));
}

#[test]
fn a_claim_weighs_as_much_as_its_heaviest_channel_that_the_cap_counts() {
    let points = |limit: i64, counts: &serde_json::Value| {
        json!([{"name": "p", "counts": counts, "applies_to": counts, "rules": [{"name": "points", "frequency_cap": {
            "measure": "points", "limit": limit * 1_000_000, "window": {"sliding_ms": DAY_MS}, "counted": "attempts", "window_text": "w"}}]}])
    };
    // One point by e-mail, two by text message.
    for (limit, counts, channels, is_granted) in [
        (2, json!({}), vec![], false),
        (3, json!({}), vec![], true),
        (2, json!({}), vec![ChannelId(0)], true),
        (2, json!({}), vec![ChannelId(0), ChannelId(1)], false),
        (1, json!({"channels": ["email"]}), vec![ChannelId(1)], true),
        (1, json!({"channels": ["email"]}), vec![], false),
    ] {
        let mut world = World::new(compile(&catalog_of(&points(limit, &counts))));
        let claim = Claim { channels, ..world.place("summer", T, T.plus_ms(DAY_MS)) };
        world.state.claims.push(claim.clone());
        assert_eq!(world.ask(T).grant.is_some(), is_granted, "{limit} {counts} {:?}", claim.channels);
    }
}

#[test]
fn a_cap_that_counts_what_was_sent_knows_no_claims() {
    let mut confirmed = sliding("one", 1, DAY_MS);
    confirmed["frequency_cap"]["counted"] = json!("confirmed");
    let mut world = World::with_rules(&json!([confirmed]));
    world.claim("summer", T, T.plus_ms(DAY_MS));
    world.grant(T);
}

#[test]
fn a_claim_is_in_the_calendar_periods_that_it_touches() {
    let week = json!({"calendar": "week", "zone": "UTC"});
    let mut world = World::with_rules(&json!([cap("one", 1, &week)]));
    let (monday, next) = (Timestamp(T.0 - 8 * HOUR_MS), Timestamp(T.0 - 8 * HOUR_MS + 7 * DAY_MS));
    world.claim("summer", next, next.plus_ms(1));
    assert!(world.check("spring", "email", monday).grant.is_some());
    assert!(world.check("spring", "email", next.minus_ms(1)).grant.is_some());
    let denied = world.ask(next);
    assert_eq!((reasons(&denied), denied.earliest), (vec![Reason::Outranked], Some(next.plus_ms(1))));
}

#[test]
fn a_claim_may_fall_between_contacts_that_lie_ahead() {
    let mut world = World::with_rules(&json!([sliding("two", 2, 7 * DAY_MS)]));
    world.engage(arbiter_core::compiled::EngagementKind::Sent, "spring", 0, T.plus_ms(3 * DAY_MS));
    world.claim("summer", T.plus_ms(5 * DAY_MS), T.plus_ms(6 * DAY_MS));
    let denied = world.ask(T);
    assert_eq!((reasons(&denied), denied.denials[0].used), (vec![Reason::Outranked], Amount::Contacts(2)));
    assert_eq!(denied.earliest, Some(T.plus_ms(6 * DAY_MS)));
}

#[test]
fn a_claim_holds_while_its_campaign_runs_and_no_longer() {
    let mut catalog = catalog_of(&json!([{"name": "p", "rules": [sliding("one", 1, DAY_MS)]}]));
    catalog["campaigns"][1]["active_from_ms"] = json!(T.0 + 2 * DAY_MS);
    catalog["campaigns"][1]["active_until_ms"] = json!(T.0 + 3 * DAY_MS);
    let mut world = World::new(compile(&catalog));
    world.claim("summer", T, T.plus_ms(9 * DAY_MS));
    assert!(world.check("spring", "email", T.plus_ms(DAY_MS)).grant.is_some());
    let denied = world.ask(T.plus_ms(DAY_MS + 1));
    assert_eq!((reasons(&denied), denied.earliest), (vec![Reason::Outranked], Some(T.plus_ms(3 * DAY_MS))));
    assert!(world.check("spring", "email", T.plus_ms(3 * DAY_MS)).grant.is_some());
}

#[test]
fn a_claim_that_ends_before_its_campaign_holds_until_its_own_end() {
    let mut catalog = catalog_of(&json!([{"name": "p", "rules": [sliding("one", 1, DAY_MS)]}]));
    catalog["campaigns"][1]["active_from_ms"] = json!(T.0 - DAY_MS);
    catalog["campaigns"][1]["active_until_ms"] = json!(T.0 + 9 * DAY_MS);
    let mut world = World::new(compile(&catalog));
    world.claim("summer", T, T.plus_ms(2 * DAY_MS));
    assert_eq!(world.ask(T).earliest, Some(T.plus_ms(2 * DAY_MS)));
    world.grant(T.plus_ms(2 * DAY_MS));
}

#[test]
fn a_claim_counts_in_the_window_that_ends_with_a_contact_ahead() {
    let mut world = World::with_rules(&json!([sliding("two", 2, 7 * DAY_MS)]));
    world.plan("spring", T.plus_ms(3 * DAY_MS), T).grant.unwrap();
    world.claim("summer", T.minus_ms(DAY_MS), T.plus_ms(5 * DAY_MS));
    let denied = world.ask(T);
    assert_eq!((reasons(&denied), denied.denials[0].used), (vec![Reason::Outranked], Amount::Contacts(2)));
    assert_eq!(denied.denials[0].contacts.len(), 1);
    assert_eq!(denied.earliest, Some(T.plus_ms(5 * DAY_MS)));
}

#[test]
fn a_winner_uses_its_claim_before_the_next_is_judged() {
    let mut world = World::with_rules(&json!([sliding("two", 2, DAY_MS)]));
    world.claim("summer", T, T.plus_ms(DAY_MS));
    let both = ["spring", "summer"].map(|campaign| request("", campaign, "email").candidates[0]);
    let question = Request { candidates: both.to_vec(), max_grants: 2, ..request("", "", "") };
    let outcome = world.decide(&question, T);
    assert!(outcome.decisions.iter().all(|decision| decision.grant.is_some()));
    assert_eq!(outcome.decisions[1].claim.as_ref().map(|claim| claim.from), Some(T));
    assert!(world.state.claims.is_empty());
}

#[test]
fn a_claim_given_back_holds_nothing() {
    let mut world = one_a_day();
    world.claim("summer", T, T.plus_ms(DAY_MS));
    let claim = world.state.claims[0].clone();
    assert_eq!(reasons(&world.ask(T)), [Reason::Outranked]);
    let given = claims::withdraw(&world.snapshot, &mut world.state, claim.member, claim.campaign, T);
    assert_eq!(given, [claim]);
    world.grant(T);
}

#[test]
fn of_windows_that_are_equally_full_the_earliest_is_told() {
    let mut world = World::with_rules(&json!([sliding("two", 2, 7 * DAY_MS)]));
    let before = world.grant(T.minus_ms(6 * DAY_MS));
    world.plan("spring", T.plus_ms(2 * DAY_MS), T).grant.unwrap();
    world.claim("summer", T.minus_ms(DAY_MS), T.plus_ms(5 * DAY_MS));
    let denial = world.ask(T).denials.remove(0);
    assert_eq!((denial.reason, denial.used), (Reason::Outranked, Amount::Contacts(2)));
    let named: Vec<_> = denial.contacts.iter().map(|contact| contact.time).collect();
    assert_eq!(named, [before.time]);
}

#[test]
fn that_better_candidates_took_all_grants_is_said_after_the_claims() {
    let mut world = one_a_day();
    world.claim("summer", T, T.plus_ms(DAY_MS));
    world.claim("summer", T, T.plus_ms(2 * DAY_MS));
    let both = ["spring", "summer"].map(|campaign| request("", campaign, "email").candidates[0]);
    let question = Request { candidates: both.to_vec(), ..request("", "", "") };
    let decisions = world.decide(&question, T).decisions;
    let rules: Vec<_> = decisions[0].denials.iter().map(|denial| (denial.reason, denial.rule)).collect();
    let outranked = Reason::Outranked;
    assert_eq!(rules, [(Reason::FrequencyCap, Some(0)), (outranked, Some(0)), (outranked, None)]);
}
