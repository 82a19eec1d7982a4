//! The search for the instant from which a cap, or the claims in it, are silent: the same as by asking at every change, in few steps.

use std::cell::Cell;

use arbiter_core::arbitrate::Rank;
use arbiter_core::customer::{
    Claim, Contact, CustomerState, MAX_CLAIMS, MAX_CONTACTS, Member, Status, Whose,
};
use arbiter_core::decision::Denial;
use arbiter_core::ids::TermsId;
use arbiter_core::rules::{Rule, View};
use arbiter_core::standings::Standings;
use arbiter_core::time::{Calendar, DAY_MS, Timestamp};
use arbiter_core::windows::Frame;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::world::{CUSTOMER, HOUR_MS, T, World, cap, sliding};

/// A rule that counts how often it is asked.
struct Counted<'a> {
    rule: &'a dyn Rule,
    questions: Cell<usize>,
}

impl Rule for Counted<'_> {
    fn check(&self, view: &View<'_>, t: Timestamp) -> Option<Denial> {
        self.rule.check(view, t)
    }

    fn is_against(&self, view: &View<'_>, t: Timestamp) -> bool {
        self.questions.set(self.questions.get() + 1);
        self.rule.is_against(view, t)
    }

    fn next_change(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        self.rule.next_change(view, t)
    }

    fn speaks_until(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        self.rule.speaks_until(view, t)
    }
}

/// Every change of its mind in turn, until it is silent.
fn by_every_change(rule: &dyn Rule, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
    let mut moment = t;
    while rule.is_against(view, moment) {
        moment = rule.next_change(view, moment)?;
    }
    Some(moment)
}

/// The caps of a world and the claims in them, asked about `spring` by e-mail.
fn each_rule(world: &World, standings: &Standings, mut ask: impl FnMut(&dyn Rule, &View<'_>)) {
    let (snapshot, state) = (&world.snapshot, &world.state);
    let campaign = snapshot.campaign("spring").unwrap();
    let (_, terms_id) = campaign.channels[0];
    let terms = snapshot.register.terms(terms_id).unwrap();
    let rank = Rank { priority: terms.priority, score: 0.0, deadline: None, campaign: "spring" };
    let view = View {
        snapshot,
        state,
        campaign,
        terms,
        terms_id: Some(terms_id),
        segments: &[],
        calendar: None,
        before_sequence: u32::MAX,
        customer: CUSTOMER,
        whose: Whose { member: Member::OWN, ..Whose::default() },
        asked: None,
        rank,
        standings,
    };
    for rule in &snapshot.rules {
        ask(rule.as_rule(), &view);
        if let Some(outranking) = &rule.outranking {
            ask(outranking, &view);
        }
    }
}

/// The most questions that a search of any rule of the world from `t` on took.
fn questions(world: &World, t: Timestamp) -> usize {
    let mut most = 0;
    each_rule(world, &Standings::default(), |rule, view| {
        let counted = Counted { rule, questions: Cell::new(0) };
        assert!(counted.silent_from(view, t).is_some());
        most = most.max(counted.questions.get());
    });
    most
}

fn terms_of(world: &World, campaign: &str, channel: &str) -> TermsId {
    world.snapshot.terms_of(campaign, world.snapshot.channel(channel)).unwrap()
}

/// As many contacts as a value holds, by this channel, half of them before `T` and half planned.
fn fill(world: &mut World, channel: &str, apart_ms: i64) {
    let terms = terms_of(world, "spring", channel);
    let half = i64::try_from(MAX_CONTACTS / 2).unwrap();
    let times = (-half..half).map(|number| T.plus_ms(number * apart_ms));
    let contacts = times.map(|time| Contact { time, terms, ..Contact::default() });
    world.state = CustomerState { contacts: contacts.collect(), ..CustomerState::default() };
}

/// As many claims as a value holds, each over a minute after the one before.
fn claim_all(world: &mut World) {
    for minute in 0..i64::try_from(MAX_CLAIMS).unwrap() {
        let claim = world.place("summer", T, T.plus_ms(DAY_MS + minute * 60_000));
        world.state.claims.push(claim);
    }
}

fn windows() -> Vec<Value> {
    vec![
        json!({"sliding_ms": 7 * DAY_MS}),
        json!({"rolling_days": 7, "zone": "brand"}),
        json!({"calendar": "month", "zone": "brand"}),
        json!({"lifetime": true}),
    ]
}

#[test]
fn a_full_value_with_contacts_on_both_sides_and_as_many_claims_is_searched_in_a_few_steps() {
    for (channel, limit) in [("email", 1), ("email", 100), ("email", 300), ("sms", 1), ("sms", 5)] {
        let rules: Vec<_> = windows().iter().map(|window| cap("c", limit, window)).collect();
        let mut world = World::with_rules(&json!(rules));
        fill(&mut world, channel, 15 * 60_000);
        claim_all(&mut world);
        let questions = questions(&world, T);
        assert!(questions <= 24, "{questions} questions, at most {limit} by {channel}");
    }
}

#[test]
fn a_short_window_is_left_once_for_each_place_in_it() {
    let mut world = World::with_rules(&json!([sliding("one", 1, HOUR_MS)]));
    fill(&mut world, "email", HOUR_MS / 2);
    let questions = questions(&world, T);
    assert!(questions <= MAX_CONTACTS, "{questions} questions");
}

/// A contact within a month of `T`, whatever has become of it.
fn any_contact() -> impl Strategy<Value = (i64, &'static str, u32, Status)> {
    let status = select(vec![Status::Pending, Status::Pending, Status::Confirmed, Status::Released]);
    (-31 * 24..31 * 24_i64, select(vec!["email", "sms"]), 1..3_u32, status)
}

fn any_window() -> impl Strategy<Value = Value> {
    let zone = select(vec!["UTC", "Europe/Paris", "Pacific/Apia"]);
    prop_oneof![
        (1..40 * 24_i64).prop_map(|hours| json!({"sliding_ms": hours * HOUR_MS})),
        (1..40_i64, zone.clone()).prop_map(|(days, zone)| json!({"rolling_days": days, "zone": zone})),
        (select(vec!["day", "week", "month"]), zone)
            .prop_map(|(unit, zone)| json!({"calendar": unit, "zone": zone})),
        Just(json!({"lifetime": true})),
    ]
}

fn any_cap() -> impl Strategy<Value = Value> {
    let measure = select(vec!["contacts", "points"]);
    (measure, 0..12_i64, any_window()).prop_map(|(measure, limit, window)| {
        let limit = if measure == "points" { limit * 1_000_000 } else { limit };
        json!({"name": "c", "frequency_cap": {"measure": measure, "limit": limit, "window": window, "counted": "attempts", "window_text": "w"}})
    })
}

fn world_of(rule: &Value, contacts: Vec<(i64, &str, u32, Status)>, claims: Vec<(i64, i64)>) -> World {
    let mut world = World::with_rules(&json!([rule]));
    for (hours, channel, count, status) in contacts {
        let terms = terms_of(&world, "spring", channel);
        let time = T.plus_ms(hours * HOUR_MS);
        world.state.admit_contact(Contact { time, terms, count, status, ..Contact::default() });
    }
    for (number, (from, hours)) in claims.into_iter().enumerate() {
        let from = T.plus_ms(from * HOUR_MS);
        let claim = world.place(["summer", "autumn"][number % 2], from, from.plus_ms(hours * HOUR_MS));
        world.state.claims.push(Claim { score: Some(1.0), ..claim });
    }
    world
}

proptest! {
    #[test]
    fn the_search_finds_what_asking_at_every_change_finds(
        rule in any_cap(),
        contacts in proptest::collection::vec(any_contact(), 0..40),
        claims in proptest::collection::vec((-9 * 24..31 * 24_i64, 1..15 * 24_i64), 0..12),
        minutes in 0..60_i64,
    ) {
        let world = world_of(&rule, contacts, claims);
        let t = T.plus_ms(minutes * 60_000);
        let mut found = Vec::new();
        each_rule(&world, &Standings::default(), |rule, view| {
            found.push((rule.silent_from(view, t), by_every_change(rule, view, t)));
        });
        for (searched, expected) in found {
            prop_assert_eq!(searched, expected);
        }
    }

    #[test]
    fn the_heaviest_window_is_that_found_by_weighing_each(
        contacts in proptest::collection::vec((0..400_i64, 0..5_i64), 0..30),
        at in 100..300_i64,
        days in 1..9_i64,
        is_sliding in any::<bool>(),
    ) {
        let calendar = Calendar::of("Europe/Paris").unwrap();
        let hours = |count: i64| T.plus_ms(count * HOUR_MS);
        let (t, frame) = (hours(at), if is_sliding { Frame::Sliding(days * DAY_MS) } else { Frame::RollingDays(days, &calendar) });
        let (from, until) = frame.reach(t);
        let mut near: Vec<_> = contacts.iter().map(|(time, weight)| (hours(*time), *weight)).collect();
        near.sort_unstable();
        near.retain(|(time, _)| from <= *time && *time < until);
        let weight = |end: Timestamp| -> i64 { near.iter().filter(|(time, _)| frame.holds(end, *time)).map(|(_, weight)| weight).sum() };
        let ends = near.iter().map(|(time, _)| *time).filter(|time| *time > t);
        let expected = ends.fold((weight(t), t), |best, end| if weight(end) > best.0 { (weight(end), end) } else { best });
        prop_assert_eq!(frame.heaviest(t, &near), expected);
    }
}
