//! The fast path says what the long way says, to the last byte, or nothing; and of plain requests it says nearly all.

use std::cell::Cell;

use arbiter_core::apply::ContactName;
use arbiter_core::codec::encode;
use arbiter_core::compiled::EngagementKind;
use arbiter_core::customer::{Contact, CustomerState, MAX_CONTACTS, Status};
use arbiter_core::fast_path::{Scratch, grant};
use arbiter_core::ids::{TermsId, stable_hash};
use arbiter_core::request::{Candidate, Purpose, Request};
use arbiter_core::time::{DAY_MS, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::both_ways::{Way, compare};
use crate::story::{Act, Player, Rules, Step, catalog, rules, steps};
use crate::world::{
    CUSTOMER, HOUR_MS, T, TEN_YEARS_MS, World, at, cap, compile, request, sliding, with_rules, zone,
};

const SEGMENTS: [&[&str]; 5] =
    [&[], &[], &["loyal"], &["prospect", "loyal"], &["derived", "nobody's", "loyal", "loyal"]];
const ZONES: [&str; 4] = ["", "America/Santiago", "Australia/Lord_Howe", "Asia/Tokyo"];

/// What a story may hold beside the rules that all stories have.
#[derive(Clone, Debug)]
struct More {
    horizon_ms: i64,
    fatigue: Option<i64>,
    half_life: Option<i64>,
    value: Option<i64>,
    holdout: bool,
}

fn more() -> impl Strategy<Value = More> {
    let horizon = select(vec![2 * DAY_MS, 60 * DAY_MS, TEN_YEARS_MS]);
    let spans = || proptest::option::of(Just(20 * DAY_MS));
    (horizon, spans(), spans(), proptest::option::of(Just(3_000_000)), prop::bool::weighted(0.2)).prop_map(
        |(horizon_ms, fatigue, half_life, value, holdout)| More {
            horizon_ms,
            fatigue,
            half_life,
            value,
            holdout,
        },
    )
}

fn with_more(rules: &Rules, more: &More) -> Value {
    let mut catalog = catalog(rules, more.horizon_ms);
    catalog["fatigue_half_life_ms"] = json!(more.fatigue);
    catalog["offer_families"][0]["half_life_ms"] = json!(more.half_life);
    catalog["campaigns"][0]["value"] = json!(more.value);
    catalog["campaigns"][1]["eligible"] = json!({"not": {"segments": ["prospect"]}});
    catalog["campaigns"][2]["active_until_ms"] = json!(T.plus_ms(30 * DAY_MS));
    if more.holdout {
        let rules = json!([{"name": "h", "holdout": {"share_micros": 400_000, "salt": "s"}}]);
        let policy = json!({"name": "held out", "applies_to": {"channels": ["sms"]}, "rules": rules});
        catalog["policies"].as_array_mut().unwrap().push(policy);
    }
    catalog
}

/// How often questions were answered which way.
#[derive(Default)]
struct Ways {
    fast: Cell<usize>,
    long: Cell<usize>,
}

impl Ways {
    fn note(&self, way: Way) {
        match way {
            Way::Fast => self.fast.set(self.fast.get() + 1),
            Way::Long => self.long.set(self.long.get() + 1),
            Way::Repeated | Way::Refused => {}
        }
    }

    fn share(&self) -> f64 {
        self.fast.get() as f64 / (self.fast.get() + self.long.get()) as f64
    }
}

/// Live a story in which every question is asked both ways, each value being that which the one before left.
fn live(catalog: &Value, story: &[Step], ways: &Ways) -> Result<(), TestCaseError> {
    let mut player = Player { world: World::new(compile(catalog)), granted: Vec::new() };
    let mut now = T;
    for (number, step) in (0_u64..).zip(story) {
        now = now.plus_ms(step.after_ms);
        let Act::Ask(campaign, channel, customer, ahead) = step.act else {
            player.take(&step.act, number, now);
            continue;
        };
        let id = format!("request {}", number % 11);
        let place = usize::try_from(number).unwrap();
        let own_zone = ZONES[place % ZONES.len()];
        let question = Request {
            id: if number % 5 == 0 { "" } else { &id },
            customer,
            planned: ahead.map(|ms| now.plus_ms(ms)),
            contact_point: number % 3,
            subject: number / 3 % 2,
            segments: SEGMENTS[place % SEGMENTS.len()].to_vec(),
            calendar: if own_zone.is_empty() { None } else { zone(own_zone) },
            candidates: vec![Candidate {
                campaign,
                channel,
                answer_probability: (number % 4 == 0).then_some(0.3),
                score: (number % 7 == 0).then_some(0.5),
                deadline: (number % 2 == 0).then_some(now),
                ..Candidate::default()
            }],
            ..request("", campaign, channel)
        };
        let check = Request { purpose: Purpose::Check, ..question.clone() };
        for question in [&check, &question] {
            let way = compare(&player.world.snapshot, &player.world.state, question, now);
            ways.note(way.map_err(TestCaseError::fail)?);
        }
        let grant = player.world.decision(&question, now).grant;
        player.granted.extend(grant.map(|grant| ContactName { sequence: grant.sequence, time: grant.time }));
    }
    Ok(())
}

/// Rules that judge by what the customer did, count by segments, look for a contact in calendar days or remember for ever are for the long way.
fn make_plain(policy: &mut Value) {
    if policy["applies_to"].to_string().contains("derived") {
        policy["applies_to"] = json!({});
    }
    if policy["counts"].to_string().contains("segments") {
        policy["counts"] = json!({});
    }
    let rule = &mut policy["rules"][0];
    if rule["prerequisite"].is_object() && !rule["prerequisite"]["within"]["ms"].is_number() {
        rule["prerequisite"]["within"] = json!({"ms": 3 * DAY_MS});
    }
    if rule["back_off"]["rests"].to_string().contains("never") {
        rule["back_off"]["rests"] = json!([{"ms": HOUR_MS}, {"days": 2, "zone": "customer"}]);
    }
}

fn cases(fast: u32) -> Config {
    let asked = std::option_env!("PROPTEST_CASES").and_then(|cases| cases.parse().ok());
    Config { cases: asked.unwrap_or(fast), failure_persistence: None, ..Config::default() }
}

/// A story of a customer alone, who is asked at once and claimed by nobody.
fn plain(mut step: Step) -> Option<Step> {
    match &mut step.act {
        Act::Ask(_, _, customer, ahead) => (*customer, *ahead) = (CUSTOMER, None),
        Act::Claim(..) | Act::Withdraw(..) => return None,
        Act::Engage(_, _, _, offset_ms) => *offset_ms = -offset_ms.abs(),
        Act::Settle(..) => {}
    }
    Some(step)
}

#[test]
fn both_ways_agree_whatever_happens() {
    let ways = Ways::default();
    let strategy = (rules(), more(), steps(60));
    TestRunner::new(cases(400))
        .run(&strategy, |(rules, more, story)| live(&with_more(&rules, &more), &story, &ways))
        .unwrap();
    assert!(ways.share() > 0.005, "only {} of the grants went the fast way", ways.share());
}

#[test]
fn of_plain_stories_nearly_every_grant_goes_the_fast_way() {
    let ways = Ways::default();
    let strategy = (rules(), more(), steps(80));
    TestRunner::new(cases(400))
        .run(&strategy, |(rules, more, story)| {
            let mut catalog = with_more(&rules, &more);
            catalog["policies"].as_array_mut().unwrap().iter_mut().for_each(make_plain);
            let story: Vec<Step> = story.into_iter().filter_map(plain).collect();
            live(&catalog, &story, &ways)
        })
        .unwrap();
    assert!(ways.share() > 0.9, "only {} of the grants went the fast way", ways.share());
}

fn held(time: Timestamp, key: Option<u64>) -> Contact {
    Contact { time, terms: TermsId(0), key, ..Contact::default() }
}

fn state_of(contacts: impl IntoIterator<Item = Contact>) -> CustomerState {
    let mut state = CustomerState::default();
    for contact in contacts {
        state.clock = state.clock.max(contact.granted());
        state.admit_contact(contact);
    }
    state
}

fn way(rules: &Value, state: &CustomerState, now: Timestamp) -> Way {
    compare(&with_rules(rules), state, &request("a", "spring", "email"), now).unwrap()
}

#[test]
fn a_contact_exactly_one_window_old_no_longer_counts() {
    let rules = json!([sliding("one", 1, DAY_MS)]);
    let state = state_of([held(T, None)]);
    assert_eq!(way(&rules, &state, T.plus_ms(DAY_MS - 1)), Way::Refused);
    assert_eq!(way(&rules, &state, T.plus_ms(DAY_MS)), Way::Fast);
}

#[test]
fn a_calendar_window_turns_with_the_clocks_of_its_zone() {
    for (window, before, after) in [
        (
            json!({"calendar": "day", "zone": "Europe/Paris"}),
            "2026-03-29T21:59:59.999Z",
            "2026-03-29T22:00:00Z",
        ),
        (json!({"calendar": "month", "zone": "brand"}), "2026-03-31T21:59:59.999Z", "2026-03-31T22:00:00Z"),
        (
            json!({"calendar": "day", "zone": "America/Santiago"}),
            "2026-09-06T03:59:59.999Z",
            "2026-09-06T04:00:00Z",
        ),
        (
            json!({"rolling_days": 2, "zone": "America/Havana"}),
            "2026-11-01T03:59:59.999Z",
            "2026-11-01T04:00:00Z",
        ),
        // The clocks went back over midnight, a minute after it: the date came, went and came again.
        (
            json!({"calendar": "day", "zone": "America/St_Johns"}),
            "2008-11-02T02:29:59.999Z",
            "2008-11-02T02:30:00Z",
        ),
        (
            json!({"rolling_days": 1, "zone": "America/St_Johns"}),
            "2008-11-02T03:29:59.999Z",
            "2008-11-02T03:30:00Z",
        ),
    ] {
        let rules = json!([cap("one", 1, &window)]);
        let (before, after) = (at(before), at(after));
        let state = state_of([held(before.minus_ms(HOUR_MS / 2), None)]);
        for now in [
            before,
            after,
            before,
            after,
            after.plus_ms(60_000),
            before.plus_ms(DAY_MS),
            after.plus_ms(DAY_MS),
        ] {
            way(&rules, &state, now);
        }
    }
}

#[test]
fn a_request_that_was_granted_is_left_to_the_long_way() {
    let rules = json!([sliding("many", 100, DAY_MS)]);
    let key = stable_hash(b"a");
    assert_eq!(way(&rules, &state_of([held(T, Some(key))]), T.plus_ms(1)), Way::Repeated);
    assert_eq!(way(&rules, &state_of([held(T, Some(key ^ 1))]), T.plus_ms(1)), Way::Fast);
}

#[test]
fn request_keys_are_forgotten_25_hours_after_their_grants() {
    let rules = json!([sliding("many", 100, DAY_MS)]);
    let keyed = (0..6).map(|n| held(T.plus_ms(n * HOUR_MS), Some(7 + n.unsigned_abs())));
    let state = state_of(keyed);
    for after_ms in [0, 1, HOUR_MS - 1, HOUR_MS, 5 * HOUR_MS, 6 * HOUR_MS] {
        for slack_ms in [-1, 0, 1] {
            let now = T.plus_ms(25 * HOUR_MS + after_ms + slack_ms);
            assert_eq!(way(&rules, &state, now), Way::Fast, "{now:?}");
        }
    }
}

#[test]
fn what_is_beyond_the_horizon_is_forgotten_and_the_next_contact_comes_first() {
    let rules = json!([sliding("many", 100, DAY_MS)]);
    let mut catalog = crate::world::catalog_of(&json!([{"name": "p", "rules": rules}]));
    catalog["horizon_ms"] = json!(2 * DAY_MS);
    let snapshot = compile(&catalog);
    let key = |n: i64| (n % 2 == 0).then_some(9);
    let state = state_of((0..8).map(|n| dressed(held(T.plus_ms(n * HOUR_MS), key(n)), n)));
    for hours in 0..6 {
        for slack_ms in [-1, 0, 1] {
            let now = T.plus_ms(3 * DAY_MS + hours * HOUR_MS + slack_ms);
            let way = compare(&snapshot, &state, &request("a", "spring", "email"), now).unwrap();
            assert_eq!(way, Way::Fast, "{now:?}");
        }
    }
}

#[test]
fn a_value_that_is_damaged_or_full_or_written_in_another_format_is_left_to_the_long_way() {
    let snapshot = with_rules(&json!([sliding("many", 100_000, DAY_MS)]));
    let question = request("a", "spring", "email");
    let (mut scratch, mut next) = (Scratch::default(), Vec::new());
    let mut answers = |value: &[u8]| grant(&snapshot, value, &question, T, &mut scratch, &mut next).is_some();
    let sound = encode(&state_of([held(T, None), held(T, Some(1))]));
    assert!(answers(&sound));
    for place in 0..sound.len() {
        for bit in 0..8 {
            let mut damaged = sound.clone();
            damaged[place] ^= 1 << bit;
            assert!(!answers(&damaged), "bit {bit} of byte {place}");
        }
        assert!(place == 0 || !answers(&sound[..place]), "cut at {place}");
    }
    let almost = (1..i64::try_from(MAX_CONTACTS).unwrap()).map(|n| held(T.minus_ms(9_000 - n), None));
    let almost = state_of(almost);
    assert!(answers(&encode(&almost)));
    let full = state_of(almost.contacts.iter().cloned().chain([held(T, None)]));
    assert!(!answers(&encode(&full)));
    assert!(!answers(&encode(&state_of([held(T.plus_ms(1), None)]))), "planned ahead");
}

#[test]
fn sums_that_overflow_are_left_to_the_long_way() {
    let mut catalog = crate::world::catalog_of(
        &json!([{"name": "p", "rules": [{"name": "r", "frequency_cap": {
        "measure": "points", "limit": i64::MAX, "window": {"sliding_ms": DAY_MS}, "counted": "attempts", "window_text": "w"}}]}]),
    );
    catalog["channels"][0]["pressure"] = json!(i64::MAX / 2 + 1);
    let snapshot = compile(&catalog);
    let state = state_of([held(T, None), held(T.plus_ms(DAY_MS), None)]);
    for after_ms in [DAY_MS, DAY_MS + 1, 2 * DAY_MS] {
        compare(&snapshot, &state, &request("a", "spring", "email"), T.plus_ms(after_ms)).unwrap();
    }
}

#[test]
fn a_clock_that_runs_ahead_is_kept() {
    let rules = json!([sliding("many", 100, DAY_MS)]);
    for ahead_ms in [-1, 0, 1, HOUR_MS] {
        let mut state = state_of([held(T.minus_ms(25 * HOUR_MS), Some(1)), held(T, None)]);
        state.clock = T.plus_ms(ahead_ms);
        assert_eq!(way(&rules, &state, T), Way::Fast, "{ahead_ms}");
    }
}

#[test]
fn segments_are_found_again_or_given_the_next_number() {
    let snapshot = with_rules(&json!([sliding("many", 100, DAY_MS)]));
    let mut world = World::new(snapshot);
    let sets: [&[&str]; 7] =
        [&[], &["loyal"], &["prospect"], &["loyal"], &["prospect", "loyal"], &["loyal", "prospect"], &[]];
    for (number, segments) in (0..).zip(sets) {
        let question = Request { segments: segments.to_vec(), ..request("", "spring", "email") };
        let now = T.plus_ms(number);
        assert_eq!(compare(&world.snapshot, &world.state, &question, now), Ok(Way::Fast), "{segments:?}");
        world.decide(&question, now);
    }
    assert_eq!(world.state.segment_sets.len(), 3);
}

#[test]
fn a_claim_that_fits_is_used_and_one_that_holds_a_place_is_heeded() {
    for limit in 1..4 {
        let mut world = World::with_rules(&json!([sliding("few", limit, DAY_MS)]));
        world.claim("spring", T.minus_ms(HOUR_MS), T.plus_ms(DAY_MS));
        world.claim("spring", T.minus_ms(DAY_MS), T.plus_ms(1));
        world.claim("summer", T.plus_ms(HOUR_MS), T.plus_ms(DAY_MS));
        let way = compare(&world.snapshot, &world.state, &request("a", "spring", "email"), T).unwrap();
        assert_eq!(way, if limit == 1 { Way::Refused } else { Way::Fast }, "limit {limit}");
        world.ask(T);
        for after_ms in [0, 2 * HOUR_MS, DAY_MS, DAY_MS + HOUR_MS] {
            compare(&world.snapshot, &world.state, &request("b", "summer", "email"), T.plus_ms(after_ms))
                .unwrap();
        }
    }
}

#[test]
fn a_streak_is_followed_from_the_last_answer() {
    let rules = json!([{"name": "silence", "back_off": {"after": 2, "of": "offer_family", "answers": ["clicked"],
        "rests": [{"ms": DAY_MS}, {"days": 3, "zone": "brand"}], "rests_text": "r"}}]);
    let mut world = World::with_rules(&rules);
    let mut ways = Vec::new();
    for hours in (0..24 * 30).step_by(5) {
        let now = T.plus_ms(hours * HOUR_MS);
        ways.push(compare(&world.snapshot, &world.state, &request("", "spring", "email"), now).unwrap());
        world.ask(now);
        if hours % 35 == 0 {
            world.engage(EngagementKind::Clicked, "spring", 0, now.minus_ms(1));
        }
    }
    assert!(!ways.contains(&Way::Long) && ways.contains(&Way::Refused), "{ways:?}");
}

/// A contact with something of everything that a plain one can have.
fn dressed(mut contact: Contact, number: i64) -> Contact {
    let statuses = [Status::Pending, Status::Confirmed, Status::Elsewhere, Status::Released];
    contact.status = statuses[usize::try_from(number % 4).unwrap()];
    contact.count = u32::try_from(1 + number % 2 * 300).unwrap();
    contact.whose.contact_point = (number % 3).unsigned_abs();
    contact.whose.subject = (number % 2).unsigned_abs();
    contact.lead_ms = number % 2 * 5_000;
    contact
}
