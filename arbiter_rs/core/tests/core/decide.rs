//! The decision as a whole: pure, ranked, repeatable, and without effect where it denies.

use arbiter_core::catalog::Snapshot;
use arbiter_core::customer::{CustomerState, Status};
use arbiter_core::decide::{DecideError, decide};
use arbiter_core::decision::{Decision, Reason};
use arbiter_core::ids::TermsId;
use arbiter_core::request::{Candidate, Purpose, Request};
use arbiter_core::standings::Standings;
use arbiter_core::time::DAY_MS;
use serde_json::json;

use crate::world::{HOUR_MS, T, World, catalog_of, compile, reasons, request, sliding};

fn candidates<'a>(all: &[(&'a str, &'a str, f64)]) -> Vec<Candidate<'a>> {
    all.iter()
        .map(|(campaign, channel, score)| Candidate {
            campaign,
            channel,
            score: Some(*score),
            ..Candidate::default()
        })
        .collect()
}

fn granted(decisions: &[Decision]) -> Vec<bool> {
    decisions.iter().map(|decision| decision.grant.is_some()).collect()
}

#[test]
fn the_same_arguments_give_the_same_answer() {
    let mut world = World::with_rules(&json!([sliding("two", 2, DAY_MS)]));
    world.grant(T);
    let question = Request {
        candidates: candidates(&[("spring", "email", 0.1), ("summer", "sms", 0.0), ("autumn", "post", 2.0)]),
        max_grants: 3,
        ..request("r", "spring", "email")
    };
    let answer = || {
        let mut state = world.state.clone();
        let outcome = decide(&world.snapshot, &mut state, &question, &mut Standings::default(), T).unwrap();
        (outcome.decisions, outcome.is_changed, state)
    };
    assert_eq!(answer(), answer());
}

#[test]
fn a_denial_changes_nothing() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    world.grant(T);
    let mut state = world.state.clone();
    let question = request("r", "spring", "email");
    let outcome =
        decide(&world.snapshot, &mut state, &question, &mut Standings::default(), T.plus_ms(HOUR_MS))
            .unwrap();
    assert!(!outcome.is_changed);
    assert_eq!(state, world.state);
}

#[test]
fn a_check_grants_without_a_place() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    let question = Request { purpose: Purpose::Check, ..request("r", "spring", "email") };
    let outcome = world.decide(&question, T);
    assert!(!outcome.is_changed);
    assert_eq!(outcome.decisions[0].grant.unwrap().sequence, 0);
    world.grant(T);
}

#[test]
fn candidates_go_by_priority_then_score_then_name_whatever_their_order() {
    let all = [
        ("spring", "email", 9.0),
        ("autumn", "sms", 9.0),
        ("summer", "email", -1.0),
        ("autumn", "email", 10.0),
    ];
    for (most, expected) in [
        (1, [false, false, true, false]),
        (2, [false, false, true, true]),
        (3, [false, true, true, true]),
        (4, [true, true, true, true]),
    ] {
        let mut world = World::with_rules(&json!([]));
        let question = Request { candidates: candidates(&all), max_grants: most, ..request("", "", "") };
        let outcome = world.decide(&question, T);
        assert_eq!(granted(&outcome.decisions), expected, "at most {most}");
    }
}

#[test]
fn an_earlier_deadline_goes_before_a_later_one_and_none_comes_last() {
    let mut world = World::with_rules(&json!([]));
    let by = |deadline: Option<i64>| Candidate {
        campaign: "spring",
        channel: "email",
        deadline: deadline.map(|days| T.plus_ms(days * DAY_MS)),
        ..Candidate::default()
    };
    let question = Request { candidates: vec![by(None), by(Some(2)), by(Some(1))], ..request("", "", "") };
    let outcome = world.decide(&question, T);
    assert_eq!(granted(&outcome.decisions), [false, false, true]);
    assert_eq!(outcome.decisions[0].denials[0].outranked_by.as_deref(), Some("spring"));
}

#[test]
fn a_winner_takes_its_place_before_the_next_is_judged() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    let question = Request {
        candidates: candidates(&[("spring", "email", 0.0), ("summer", "email", 0.0)]),
        max_grants: 2,
        ..request("", "", "")
    };
    let outcome = world.decide(&question, T);
    assert_eq!(granted(&outcome.decisions), [false, true]);
    assert_eq!(reasons(&outcome.decisions[0]), [Reason::FrequencyCap]);
}

#[test]
fn who_is_outranked_hears_the_other_rules_too() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    let question = Request {
        candidates: candidates(&[("spring", "post", 0.0), ("summer", "email", 0.0), ("gone", "email", 0.0)]),
        ..request("", "", "")
    };
    let outcome = world.decide(&question, T);
    assert_eq!(
        reasons(&outcome.decisions[0]),
        [Reason::NotEligible, Reason::FrequencyCap, Reason::Outranked]
    );
    assert_eq!(reasons(&outcome.decisions[2]), [Reason::CampaignUnknown]);
}

#[test]
fn sixty_four_candidates_may_all_be_granted() {
    let mut world = World::with_rules(&json!([sliding("many", 64, DAY_MS)]));
    let question = Request {
        candidates: candidates(&[("spring", "email", 0.0); 64]),
        max_grants: 64,
        ..request("r", "", "")
    };
    assert!(granted(&world.decide(&question, T).decisions).iter().all(|granted| *granted));
    assert_eq!(world.state.contacts.len(), 64);
    let again = world.decide(&question, T.plus_ms(1));
    assert!(!again.is_changed && again.decisions.iter().all(|decision| decision.grant.unwrap().is_repeat));
}

#[test]
fn a_request_id_is_remembered_for_24_hours_to_the_millisecond() {
    let mut world = World::with_rules(&json!([sliding("many", 9, DAY_MS)]));
    let question = request("r", "spring", "email");
    let first = world.decide(&question, T).decisions[0].grant.unwrap();
    let repeat = world.decide(&question, T.plus_ms(DAY_MS - 1)).decisions[0].grant.unwrap();
    assert_eq!((repeat.sequence, repeat.time, repeat.is_repeat), (first.sequence, first.time, true));
    assert!(!world.decide(&question, T.plus_ms(DAY_MS)).decisions[0].grant.unwrap().is_repeat);
}

#[test]
fn a_repeated_request_finds_its_contact_even_where_it_was_released() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    let question = request("r", "spring", "email");
    let first = world.decide(&question, T).decisions.remove(0);
    let name = arbiter_core::apply::ContactName { sequence: 1, time: T };
    world.release(name, T.plus_ms(1));
    world.grant_by("autumn", "email", T.plus_ms(2));
    let again = world.decide(&question, T.plus_ms(3)).decisions.remove(0);
    assert_eq!(again.grant.unwrap().sequence, first.grant.unwrap().sequence);
    assert_eq!(again.remaining, first.remaining);
    assert_eq!(world.state.contacts[0].status, Status::Released);
}

#[test]
fn a_value_that_names_terms_of_a_newer_catalog_is_not_decided_on() {
    let mut world = World::with_rules(&json!([]));
    world.grant(T);
    world.state.contacts[0].terms = TermsId(1_000);
    let found = decide(
        &world.snapshot,
        &mut world.state,
        &request("", "spring", "email"),
        &mut Standings::default(),
        T,
    );
    assert_eq!(found.unwrap_err(), DecideError::CatalogBehind);
}

fn limits(snapshot: &Snapshot, state: &CustomerState, count: usize) -> Decision {
    let question = request("", "spring", "email");
    let outcome = decide(snapshot, &mut state.clone(), &question, &mut Standings::default(), T.plus_ms(1));
    let decision = outcome.unwrap().decisions.remove(0);
    assert_eq!(decision.denials.len(), count);
    decision
}

#[test]
fn thousands_of_rules_all_speak_and_the_last_of_them_sets_the_earliest_time() {
    let rules: Vec<_> = (1..=3_000).map(|n| sliding(&format!("r{n}"), 1, n * HOUR_MS)).collect();
    let mut world = World::with_rules(&json!(rules));
    world.grant(T);
    let denied = limits(&world.snapshot, &world.state, 3_000);
    assert_eq!(denied.earliest, Some(T.plus_ms(3_000 * HOUR_MS)));
    assert!(denied.denials.is_sorted_by_key(|denial| denial.rule));
}

#[test]
fn rules_of_other_campaigns_keep_silent() {
    let only = |n: usize, campaign: &str| json!({"name": format!("p{n}"), "applies_to": {"campaigns": [campaign]}, "rules": [sliding("one", 1, DAY_MS)]});
    let policies: Vec<_> = (0..500).map(|n| only(n, if n < 20 { "spring" } else { "summer" })).collect();
    let mut world = World::new(compile(&catalog_of(&json!(policies))));
    world.grant(T);
    limits(&world.snapshot, &world.state, 20);
}

#[test]
fn a_catalog_has_at_most_256_channels() {
    for (channels, is_sound) in [(256, true), (257, false)] {
        let mut catalog = catalog_of(&json!([]));
        let template = catalog["channels"][2].clone();
        for index in 3..channels {
            let mut channel = template.clone();
            channel["name"] = json!(format!("post-{index}"));
            catalog["channels"].as_array_mut().unwrap().push(channel);
        }
        let compiled = serde_json::from_value(catalog).unwrap();
        let mut register = arbiter_core::register::Register::default();
        register.admit(&compiled, 1);
        assert_eq!(Snapshot::compile(1, &compiled, register).is_ok(), is_sound, "{channels} channels");
    }
}

#[test]
fn figures_out_of_range_do_not_compile() {
    let too_long = 3_653 * DAY_MS + 1;
    for (place, figure) in [
        ("/horizon_ms", 0),
        ("/horizon_ms", too_long),
        ("/channels/0/expires_after_ms", i64::MAX),
        ("/channels/0/cost", -1),
        ("/channels/0/pressure", i64::MIN),
        ("/policies/0/rules/0/frequency_cap/window/sliding_ms", too_long),
        ("/policies/0/rules/1/frequency_cap/window/rolling_days", i64::MAX),
        ("/policies/0/rules/2/respite/for/ms", -1),
        ("/policies/0/rules/3/respite/for/days", 3_654),
    ] {
        let respite = |span: serde_json::Value| json!({"name": span.to_string(), "respite": {"after": ["purchased"], "for": span, "for_text": ""}});
        let mut catalog = catalog_of(&json!([{"name": "p", "rules": [
            sliding("one", 1, DAY_MS),
            crate::world::cap("days", 1, &json!({"rolling_days": 1, "zone": "brand"})),
            respite(json!({"ms": 1})),
            respite(json!({"days": 1, "zone": "customer"})),
        ]}]));
        *catalog.pointer_mut(place).unwrap() = json!(figure);
        let compiled = serde_json::from_value(catalog).unwrap();
        let mut register = arbiter_core::register::Register::default();
        register.admit(&compiled, 1);
        assert!(Snapshot::compile(1, &compiled, register).is_err(), "{place} = {figure}");
    }
}
