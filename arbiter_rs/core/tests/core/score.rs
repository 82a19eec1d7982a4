//! The score: what it is made of, what fades, and what it ranks.

use arbiter_core::affinity::faded;
use arbiter_core::compiled::EngagementKind;
use arbiter_core::decision::Decision;
use arbiter_core::request::{Candidate, Purpose, Request};
use arbiter_core::score::Score;
use arbiter_core::time::{DAY_MS, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{HOUR_MS, T, World, YEAR_MS, catalog_of, compile, request};

/// `weekends` fade in 10 days, fatigue in 14 where it is asked for; `spring` is worth 20 and `autumn` of `cruises` nothing.
fn world(change: impl Fn(&mut Value)) -> World {
    let mut catalog = catalog_of(&json!([]));
    catalog["offer_families"][0]["half_life_ms"] = json!(10 * DAY_MS);
    catalog["campaigns"][0]["value"] = json!(20_000_000);
    change(&mut catalog);
    World::new(compile(&catalog))
}

fn ask(world: &World, candidate: Candidate<'static>, t: Timestamp) -> Option<Score> {
    let question = Request { candidates: vec![candidate], purpose: Purpose::Check, ..request("", "", "") };
    world.answer(&question, t).decisions.remove(0).score
}

const SPRING: Candidate<'static> = Candidate {
    campaign: "spring",
    channel: "email",
    score: None,
    answer_probability: None,
    value: None,
    deadline: None,
};
const AUTUMN: Candidate<'static> = Candidate { campaign: "autumn", ..SPRING };

fn figure(world: &World, candidate: Candidate<'static>, t: Timestamp) -> Option<f64> {
    ask(world, candidate, t).map(|score| score.figure())
}

fn affinity_at(world: &World, t: Timestamp) -> f64 {
    match ask(world, SPRING, t) {
        Some(Score::Expected { affinity, .. }) => affinity,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_score_that_is_given_stands_as_it_is() {
    let given = Candidate { score: Some(-3.25), answer_probability: Some(0.5), value: Some(9.0), ..SPRING };
    assert_eq!(ask(&world(|_| {}), given, T), Some(Score::Given(-3.25)));
}

#[test]
fn what_is_expected_is_probability_times_value_less_what_the_channel_costs() {
    let world = world(|_| {});
    let with =
        |answer_probability, value, channel| Candidate { answer_probability, value, channel, ..SPRING };
    for (candidate, expected) in [
        (with(None, None, "email"), 20.0 - 0.002),
        (with(Some(0.1), None, "email"), 2.0 - 0.002),
        (with(Some(0.1), Some(50.0), "email"), 5.0 - 0.002),
        (with(Some(0.1), None, "sms"), 2.0 - 0.06),
        (with(Some(0.0), None, "sms"), -0.06),
        (Candidate { campaign: "autumn", ..with(Some(0.5), None, "email") }, 0.5 - 0.002),
        (Candidate { campaign: "autumn", ..with(None, Some(3.0), "email") }, 3.0 - 0.002),
    ] {
        assert_eq!(figure(&world, candidate, T), Some((expected * 1e6_f64).round() / 1e6), "{candidate:?}");
    }
}

#[test]
fn where_nothing_is_known_there_is_no_score_and_priority_alone_ranks() {
    let world = world(|_| {});
    assert_eq!(ask(&world, AUTUMN, T), None);
    let gone = Candidate { campaign: "gone", answer_probability: Some(0.5), ..SPRING };
    assert_eq!(ask(&world, gone, T), None);
}

#[test]
fn a_third_is_rounded_to_six_decimals() {
    let third = Candidate { answer_probability: Some(1.0 / 3.0), value: Some(1.0), ..AUTUMN };
    assert_eq!(figure(&world(|_| {}), third, T), Some(0.331_333));
}

#[test]
fn affinity_doubles_with_an_engagement_and_half_of_that_is_left_after_a_half_life() {
    let mut world = world(|_| {});
    world.engage(EngagementKind::Clicked, "summer", 0, T);
    assert_eq!(affinity_at(&world, T.minus_ms(1)), 1.0);
    assert_eq!(affinity_at(&world, T), 2.0);
    assert_eq!(affinity_at(&world, T.plus_ms(10 * DAY_MS)), 1.5);
    assert_eq!(affinity_at(&world, T.plus_ms(20 * DAY_MS)), 1.25);
    world.engage(EngagementKind::Opened, "spring", 0, T.plus_ms(10 * DAY_MS));
    assert_eq!(affinity_at(&world, T.plus_ms(20 * DAY_MS)), 1.75);
}

#[test]
fn only_engagements_of_the_family_that_it_learns_from_teach_it() {
    let mut world = world(|catalog| catalog["offer_families"][0]["learns_from"] = json!(["answered"]));
    world.engage(EngagementKind::Clicked, "spring", 0, T);
    world.engage(EngagementKind::Answered, "autumn", 0, T);
    world.engage(EngagementKind::Answered, "", 0, T);
    assert_eq!(affinity_at(&world, T), 1.0);
    world.engage(EngagementKind::Answered, "spring", 0, T);
    assert_eq!(affinity_at(&world, T), 2.0);
}

#[test]
fn a_refusal_teaches_nothing_where_the_catalog_does_not_say() {
    let mut world = world(|_| {});
    for kind in [EngagementKind::Refused, EngagementKind::Delivered, EngagementKind::Bounced] {
        world.engage(kind, "spring", 0, T);
    }
    assert_eq!(affinity_at(&world, T), 1.0);
}

fn fatigue_at(world: &World, t: Timestamp) -> f64 {
    match ask(world, SPRING, t) {
        Some(Score::Expected { fatigue, .. }) => fatigue,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_unanswered_contact_tires_until_it_fades_is_answered_or_given_back() {
    let mut world = world(|catalog| catalog["fatigue_half_life_ms"] = json!(14 * DAY_MS));
    assert_eq!(fatigue_at(&world, T), 1.0);
    world.grant_by("autumn", "email", T);
    assert_eq!(fatigue_at(&world, T.minus_ms(1)), 1.0);
    assert_eq!(fatigue_at(&world, T), 1.0 / 2.0);
    assert_eq!(fatigue_at(&world, T.plus_ms(14 * DAY_MS)), 1.0 / 1.5);
    let lapsing = world.grant_by("summer", "sms", T);
    assert_eq!(fatigue_at(&world, T), 1.0 / 3.0);
    assert_eq!(fatigue_at(&world, T.plus_ms(HOUR_MS)), 1.0 / (1.0 + faded(HOUR_MS, 14 * DAY_MS)));
    world.release(lapsing, T);
    assert_eq!(fatigue_at(&world, T), 1.0 / 2.0);
    world.engage(EngagementKind::Answered, "autumn", 0, T);
    assert_eq!(fatigue_at(&world, T), 1.0);
}

#[test]
fn a_tired_customer_is_worth_less_and_nothing_tires_where_the_catalog_is_silent() {
    let mut tired = world(|catalog| catalog["fatigue_half_life_ms"] = json!(14 * DAY_MS));
    let mut patient = world(|_| {});
    tired.grant_by("autumn", "email", T);
    patient.grant_by("autumn", "email", T);
    assert_eq!(figure(&tired, SPRING, T), Some(10.0 - 0.002));
    assert_eq!(figure(&patient, SPRING, T), Some(20.0 - 0.002));
}

#[test]
fn a_planned_contact_is_scored_at_its_moment() {
    let mut world = world(|_| {});
    world.engage(EngagementKind::Clicked, "spring", 0, T);
    let planned = Some(T.plus_ms(10 * DAY_MS));
    let question = Request { planned, ..request("", "spring", "email") };
    assert_eq!(world.decision(&question, T).score.map(|score| score.figure()), Some(30.0 - 0.002));
}

#[test]
fn the_better_score_wins_among_equals_by_priority_and_none_counts_as_0() {
    let won = |of: [Candidate<'static>; 2]| -> Vec<bool> {
        let question = Request { candidates: of.to_vec(), ..request("", "", "") };
        let decisions: Vec<Decision> = world(|_| {}).decide(&question, T).decisions;
        decisions.iter().map(|decision| decision.grant.is_some()).collect()
    };
    assert_eq!(won([AUTUMN, SPRING]), [false, true]);
    assert_eq!(won([AUTUMN, Candidate { score: Some(-0.5), ..SPRING }]), [true, false]);
    assert_eq!(
        won([Candidate { score: Some(99.0), ..SPRING }, Candidate { campaign: "summer", ..SPRING }]),
        [false, true]
    );
}

#[test]
fn what_forgotten_engagements_taught_stays() {
    let mut world = world(|_| {});
    for hour in 0..2_000 {
        world.engage(EngagementKind::Clicked, "spring", 0, T.plus_ms(hour * HOUR_MS));
    }
    let end = T.plus_ms(2_000 * HOUR_MS);
    let before = affinity_at(&world, end);
    arbiter_core::decide::forget(&world.snapshot, &mut world.state, end.plus_ms(YEAR_MS));
    assert!(world.state.engagements.len() < 100, "{}", world.state.engagements.len());
    let after = affinity_at(&world, end);
    assert!((after - before).abs() < 1e-6 * before, "{after}, not {before}");
}

proptest! {
    #[test]
    fn a_half_life_and_a_half_life_leave_a_quarter(half_life_ms in 1..10 * YEAR_MS, age_ms in 0..50 * YEAR_MS) {
        let left = faded(age_ms, half_life_ms);
        prop_assert!((0.0..=1.0).contains(&left));
        prop_assert!(faded(age_ms + half_life_ms, half_life_ms) <= left);
        prop_assert!((faded(age_ms + half_life_ms, half_life_ms) * 2.0 - left).abs() <= 1e-9);
    }
}
