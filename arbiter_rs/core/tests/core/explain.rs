//! The explanation of a customer: claims, likings, silence, what each rule says, and when each channel is free.

use arbiter_core::compiled::{AlikeIn, EngagementKind};
use arbiter_core::customer::{Claim, Member, Pool};
use arbiter_core::decision::{Amount, Reason};
use arbiter_core::explain::{Explanation, MAX_WAYS, explain};
use arbiter_core::request::Request;
use arbiter_core::standings::{Standing, Standings};
use arbiter_core::time::{DAY_MS, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use crate::story::{live, rules, steps};
use crate::world::{T, World, catalog_of, compile, request, sliding};

fn explained(world: &World, only: Option<&str>, now: Timestamp) -> Explanation {
    let who = Request { candidates: Vec::new(), ..request("", "", "") };
    explain(&world.snapshot, &world.state, &who, &Standings::default(), only, now)
}

#[test]
fn the_live_claims_of_the_customer_are_listed_the_best_ranked_first() {
    let mut world = World::with_rules(&json!([]));
    world.claim("spring", T, T.plus_ms(2 * DAY_MS));
    world.claim("autumn", T, T.plus_ms(DAY_MS));
    world.claim("summer", T, T.plus_ms(9 * DAY_MS));
    world.claim("summer", T.minus_ms(9), T);
    let of_other = Claim { member: Member(1), ..world.place("summer", T, T.plus_ms(DAY_MS)) };
    world.state.claims.push(of_other);
    let ends: Vec<_> = explained(&world, None, T).claims.iter().map(|claim| claim.until).collect();
    assert_eq!(ends, [T.plus_ms(9 * DAY_MS), T.plus_ms(DAY_MS), T.plus_ms(2 * DAY_MS)]);
}

#[test]
fn likings_are_those_of_families_with_a_half_life_as_far_as_they_have_faded() {
    let mut catalog = catalog_of(&json!([]));
    catalog["offer_families"][0]["half_life_ms"] = json!(DAY_MS);
    let mut world = World::new(compile(&catalog));
    world.engage(EngagementKind::Clicked, "spring", 0, T);
    world.engage(EngagementKind::Clicked, "autumn", 0, T);
    let likings = explained(&world, None, T.plus_ms(DAY_MS)).likings;
    assert_eq!(likings.len(), 1);
    assert_eq!((likings[0].strength, likings[0].half_life_ms), (0.5, DAY_MS));
}

#[test]
fn a_streak_is_named_after_what_its_contacts_are_alike_in() {
    let rest = json!([{"name": "rest", "back_off": {"after": 5, "of": "offer_family", "rests": ["never"], "answers": ["clicked"], "rests_text": "r"}}]);
    let mut world = World::with_rules(&rest);
    world.grant(T);
    world.grant_by("summer", "email", T);
    let streaks = explained(&world, None, T).streaks;
    let told: Vec<_> =
        streaks.iter().map(|streak| (streak.of, streak.name.as_str(), streak.length)).collect();
    assert_eq!(told, [(AlikeIn::OfferFamily, "weekends", 2)]);
}

#[test]
fn the_derived_segments_that_the_customer_is_in_are_named() {
    let mut catalog = catalog_of(&json!([]));
    catalog["segments"] = json!(["buyer", "silent"]);
    catalog["derived_segments"] = json!([{"name": "buyer", "purchased_within_ms": DAY_MS}, {"name": "silent", "unanswered_at_least": 1}]);
    let mut world = World::new(compile(&catalog));
    world.engage(EngagementKind::Purchased, "", 0, T);
    assert_eq!(explained(&world, None, T).derived, [world.snapshot.segment("buyer").unwrap()]);
    assert_eq!(explained(&world, None, T.plus_ms(DAY_MS)).derived, []);
}

#[test]
fn the_ladder_of_a_campaign_has_every_rule_in_the_order_of_precedence_and_what_it_says() {
    let rules = json!([
        sliding("one", 1, DAY_MS),
        {"name": "control", "holdout": {"share_micros": 0, "salt": "s"}},
        {"name": "respite", "respite": {"after": ["purchased"], "for": "never", "for_text": "s"}},
    ]);
    let mut world = World::with_rules(&rules);
    world.grant(T);
    world.claim("summer", T, T.plus_ms(DAY_MS));
    let by_email = world.snapshot.terms_of("spring", world.snapshot.channel("email")).unwrap();
    let ladder = explained(&world, Some("spring"), T).ladder;
    let rungs: Vec<_> = ladder.iter().filter(|rung| rung.terms == by_email).collect();
    let told: Vec<_> = rungs.iter().map(|rung| (rung.reason, rung.rule, rung.denial.is_some())).collect();
    assert_eq!(
        told,
        [
            (Reason::Suppressed, None, false),
            (Reason::CampaignInactive, None, false),
            (Reason::NotEligible, None, false),
            (Reason::HeldOut, Some(1), false),
            (Reason::Respite, Some(2), false),
            (Reason::FrequencyCap, Some(0), true),
            (Reason::Outranked, Some(0), true),
        ]
    );
    assert_eq!(explained(&world, None, T).ladder, []);
}

#[test]
fn a_claim_that_holds_a_place_is_a_reading_and_delays_the_channels() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    world.claim("summer", T, T.plus_ms(3 * DAY_MS));
    let explanation = explained(&world, Some("spring"), T);
    let outranked: Vec<_> =
        explanation.readings.iter().filter(|reading| reading.reason == Reason::Outranked).collect();
    assert_eq!(outranked.len(), 2);
    assert!(outranked.iter().all(|reading| {
        reading.is_against
            && reading.used == Amount::Contacts(1)
            && reading.earliest == Some(T.plus_ms(3 * DAY_MS))
    }));
    assert_eq!(explanation.channels[0].earliest, Some(T.plus_ms(3 * DAY_MS)));
    // `summer` itself may use its place at once.
    assert_eq!(explained(&world, None, T).channels[0].earliest, Some(T));
}

#[test]
fn of_a_customer_that_is_not_known_nothing_is_told_and_nothing_changes() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    world.grant(T);
    let stranger = Request { customer: "43", candidates: Vec::new(), ..request("", "", "") };
    let told = explain(&world.snapshot, &world.state, &stranger, &Standings::default(), None, T);
    assert!(told.readings.iter().all(|reading| reading.used == Amount::Contacts(0)));
    assert!(told.channels.iter().take(2).all(|channel| channel.earliest == Some(T)));
}

#[test]
fn a_thousand_ways_to_contact_are_gone_through_in_the_order_of_the_catalog() {
    let mut catalog = catalog_of(&json!([{"name": "p", "rules": [sliding("one", 1, DAY_MS)]}]));
    let campaigns = catalog["campaigns"].as_array_mut().unwrap();
    let template = campaigns[0].clone();
    for number in campaigns.len()..600 {
        let mut other = template.clone();
        other["name"] = json!(format!("other-{number}"));
        other["priority"] = json!(number % 100);
        campaigns.push(other);
    }
    let world = World::new(compile(&catalog));
    let readings = explained(&world, None, T).readings;
    assert_eq!(readings.len(), MAX_WAYS);
    let last = |campaign: &str| {
        let terms = world.snapshot.terms_of(campaign, world.snapshot.channel("sms")).unwrap();
        readings.iter().any(|reading| reading.terms == terms)
    };
    assert!(last("other-499") && !last("other-500"));
}

proptest! {
    #[test]
    fn a_channel_is_free_when_the_first_of_its_campaigns_may_use_it(rules in rules(), steps in steps(30)) {
        let (world, now) = live(&rules, 400 * DAY_MS, &steps);
        let ranked = ["summer", "autumn", "receipt", "spring"];
        let each = ranked.map(|campaign| explained(&world, Some(campaign), now).channels);
        for (index, told) in explained(&world, None, now).channels.iter().enumerate() {
            let free = each.iter().map(|channels| &channels[index]).filter(|channel| channel.earliest.is_some());
            let first = free.min_by_key(|channel| channel.earliest);
            prop_assert_eq!(first.map_or((None, None), |first| (first.terms, first.earliest)), (told.terms, told.earliest));
        }
    }
}

#[test]
fn all_accounts_that_count_now_are_asked_for_at_once() {
    let budget = json!({"name": "budget", "capacity": {"measure": "contacts", "limit": 9, "window": {"lifetime": true},
        "per": "campaign", "shares": [], "lend": false, "window_text": ""}});
    let world = World::with_rules(&json!([budget]));
    let mut standings = Standings::default();
    let who = Request { candidates: Vec::new(), ..request("", "", "") };
    let told = explain(&world.snapshot, &world.state, &who, &standings, None, T);
    assert_eq!(told, Explanation::default());
    let missing = standings.take_missing();
    assert_eq!(missing.len(), world.snapshot.campaigns.len());
    for account in missing {
        standings.learn(account, Standing::of(vec![(Pool::COMMON, 9)]));
    }
    let told = explain(&world.snapshot, &world.state, &who, &standings, None, T);
    assert!(standings.take_missing().is_empty());
    assert_eq!(told.readings.len(), 2 * world.snapshot.campaigns.len());
}
