//! Capacity and budget: which account a contact takes from, from whose part of it, and when there is room again.

use std::collections::{BTreeSet, HashMap};

use arbiter_core::apply::{Settlement, settle};
use arbiter_core::catalog::Snapshot;
use arbiter_core::compiled::CompiledCatalog;
use arbiter_core::customer::{AccountKey, Charge, CustomerState, Pool};
use arbiter_core::decide::{Outcome, decide};
use arbiter_core::decision::{Amount, Decision, Reason};
use arbiter_core::ids::{CapacityId, UnitId};
use arbiter_core::register::Register;
use arbiter_core::request::{Purpose, Request};
use arbiter_core::standings::{Standing, Standings};
use arbiter_core::time::{DAY_MS, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::world::{HOUR_MS, T, World, YEAR_MS, catalog_of, compile, reasons, request, sliding};

/// Monday's midnight in UTC, eight hours before [`T`].
const MONDAY: Timestamp = Timestamp(T.0 - 8 * HOUR_MS);
const WEEK_MS: i64 = 7 * DAY_MS;
const RETAIL: Pool = Pool::of(UnitId(0));
const TRAVEL: Pool = Pool::of(UnitId(1));

fn weekly(limit: i64) -> Value {
    json!({"measure": "contacts", "limit": limit, "window": {"calendar": "week", "zone": "UTC"}, "window_text": "w"})
}

/// `spring` is of `retail`, `summer` of `travel`, the others of no unit.
fn world(capacity: &Value) -> World {
    let mut catalog = catalog_of(&json!([{"name": "p", "rules": [{"name": "c", "capacity": capacity}]}]));
    catalog["campaigns"][0]["business_unit"] = json!("retail");
    catalog["campaigns"][1]["business_unit"] = json!("travel");
    World::new(compile(&catalog))
}

/// What is free in some accounts; an account that is not named has nothing.
fn knowing(free: &[(Timestamp, &[(Pool, i64)])]) -> Standings {
    let mut standings = Standings::default();
    for (start, pools) in free {
        let account = AccountKey { capacity: CapacityId(0), per: None, start: *start };
        standings.learn(account, Standing::of(pools.to_vec()));
    }
    standings
}

fn answer(world: &World, request: &Request<'_>, standings: &mut Standings, now: Timestamp) -> Outcome {
    let outcome = decide(&world.snapshot, &mut world.state.clone(), request, standings, now).unwrap();
    assert_eq!(standings.take_missing(), BTreeSet::new());
    outcome
}

fn ask(world: &World, campaign: &str, free: &[(Timestamp, &[(Pool, i64)])], now: Timestamp) -> Decision {
    answer(world, &request("", campaign, "email"), &mut knowing(free), now).decisions.remove(0)
}

#[test]
fn an_account_that_is_not_known_is_named_and_known_it_is_decided_on() {
    let world = world(&weekly(3));
    let mut standings = Standings::default();
    let question = request("", "spring", "email");
    decide(&world.snapshot, &mut world.state.clone(), &question, &mut standings, T).unwrap();
    let account = AccountKey { capacity: CapacityId(0), per: None, start: MONDAY };
    assert_eq!(standings.take_missing(), BTreeSet::from([account]));
    standings.learn(account, Standing::of(vec![(Pool::COMMON, 3)]));
    let granted = answer(&world, &question, &mut standings, T).decisions.remove(0);
    assert_eq!(granted.charges, [Charge { account, pool: Pool::COMMON, amount: 1 }]);
}

#[test]
fn a_full_week_denies_until_the_next_begins_and_says_what_is_used() {
    let world = world(&weekly(3));
    let next = MONDAY.plus_ms(WEEK_MS);
    let free: &[(Timestamp, &[(Pool, i64)])] =
        &[(MONDAY, &[(Pool::COMMON, 0)]), (next, &[(Pool::COMMON, 1)])];
    for t in [T, next.minus_ms(1)] {
        let denied = ask(&world, "spring", free, t);
        assert_eq!((reasons(&denied), denied.earliest), (vec![Reason::Capacity], Some(next)));
        let denial = &denied.denials[0];
        assert_eq!((denial.limit, denial.used), (Amount::Contacts(3), Amount::Contacts(3)));
    }
    assert!(ask(&world, "spring", free, next).grant.is_some());
}

#[test]
fn weeks_that_are_full_already_are_passed_over() {
    let world = world(&weekly(3));
    let weeks: Vec<Timestamp> = (0..4).map(|week| MONDAY.plus_ms(week * WEEK_MS)).collect();
    let full: &[(Pool, i64)] = &[(Pool::COMMON, 0)];
    let free = [(weeks[0], full), (weeks[1], full), (weeks[2], full), (weeks[3], &[(Pool::COMMON, 3)][..])];
    assert_eq!(ask(&world, "spring", &free, T).earliest, Some(weeks[3]));
}

#[test]
fn a_planned_contact_takes_of_the_week_that_it_is_in() {
    let world = world(&weekly(3));
    let next = MONDAY.plus_ms(WEEK_MS);
    let free: &[(Timestamp, &[(Pool, i64)])] =
        &[(MONDAY, &[(Pool::COMMON, 0)]), (next, &[(Pool::COMMON, 1)])];
    let question = Request { planned: Some(next), ..request("", "spring", "email") };
    let granted = answer(&world, &question, &mut knowing(free), T).decisions.remove(0);
    assert_eq!(granted.charges[0].account.start, next);
}

fn shared(lend: bool, declared_unused: &Value) -> World {
    let mut capacity = weekly(10);
    capacity["shares"] =
        json!([{"business_unit": "retail", "limit": 4}, {"business_unit": "travel", "limit": 3}]);
    capacity["lend"] = json!(lend);
    capacity["declared_unused"] = declared_unused.clone();
    world(&capacity)
}

fn payer(world: &World, campaign: &str, free: &[(Pool, i64)], now: Timestamp) -> Option<Pool> {
    ask(world, campaign, &[(MONDAY, free), (MONDAY.plus_ms(WEEK_MS), &[(Pool::COMMON, 1)])], now)
        .charges
        .first()
        .map(|charge| charge.pool)
}

#[test]
fn a_unit_pays_from_its_share_then_from_what_all_share_and_never_from_anothers() {
    let world = shared(false, &json!([]));
    for (campaign, free, expected) in [
        ("spring", [(RETAIL, 1), (Pool::COMMON, 1), (TRAVEL, 1)], Some(RETAIL)),
        ("spring", [(RETAIL, 0), (Pool::COMMON, 1), (TRAVEL, 1)], Some(Pool::COMMON)),
        ("spring", [(RETAIL, 0), (Pool::COMMON, 0), (TRAVEL, 1)], None),
        ("summer", [(RETAIL, 1), (Pool::COMMON, 0), (TRAVEL, 1)], Some(TRAVEL)),
        ("autumn", [(RETAIL, 1), (Pool::COMMON, 1), (TRAVEL, 1)], Some(Pool::COMMON)),
        ("autumn", [(RETAIL, 1), (Pool::COMMON, 0), (TRAVEL, 1)], None),
    ] {
        for t in [T, MONDAY.plus_ms(WEEK_MS - 1)] {
            assert_eq!(payer(&world, campaign, &free, t), expected, "{campaign} {free:?}");
        }
    }
}

#[test]
fn shares_are_lent_in_the_last_tenth_of_the_week_to_the_millisecond() {
    let world = shared(true, &json!([]));
    let lends_from = MONDAY.plus_ms(WEEK_MS - WEEK_MS / 10);
    let free = [(TRAVEL, 1)];
    assert_eq!(payer(&world, "spring", &free, lends_from.minus_ms(1)), None);
    assert_eq!(payer(&world, "spring", &free, lends_from), Some(TRAVEL));
    assert_eq!(payer(&world, "autumn", &[(TRAVEL, 1), (RETAIL, 1)], lends_from), Some(RETAIL));
    let denied = ask(&world, "spring", &[(MONDAY, &free)], T);
    assert_eq!(denied.earliest, Some(lends_from));
    assert_eq!(denied.denials[0].used, Amount::Contacts(9));
}

#[test]
fn nothing_is_lent_to_who_asks_before_for_a_contact_in_the_last_tenth() {
    let world = shared(true, &json!([]));
    let lends_from = MONDAY.plus_ms(WEEK_MS - WEEK_MS / 10);
    let question = Request { planned: Some(lends_from), ..request("", "spring", "email") };
    let free: &[(Timestamp, &[(Pool, i64)])] = &[(MONDAY, &[(TRAVEL, 1)])];
    let denied = answer(&world, &question, &mut knowing(free), T).decisions.remove(0);
    assert_eq!((reasons(&denied), denied.earliest), (vec![Reason::Capacity], Some(lends_from)));
}

#[test]
fn what_a_unit_has_declared_unused_is_for_all_at_once() {
    let world = shared(false, &json!(["travel"]));
    assert_eq!(payer(&world, "spring", &[(TRAVEL, 1)], T), Some(TRAVEL));
    assert_eq!(payer(&world, "summer", &[(TRAVEL, 1)], T), Some(TRAVEL));
    assert_eq!(payer(&world, "summer", &[(RETAIL, 1)], T), None);
}

#[test]
fn each_channel_campaign_or_unit_may_have_an_account_of_its_own() {
    for (per, expected) in [
        ("channel", [Some(0), Some(1), Some(0), Some(0)]),
        ("campaign", [Some(0), Some(0), Some(1), Some(2)]),
        ("business_unit", [Some(0), Some(0), Some(1), None]),
    ] {
        let mut capacity = weekly(3);
        capacity["per"] = json!(per);
        let world = world(&capacity);
        let account = |campaign, channel| {
            let mut standings = Standings::default();
            let question = request("", campaign, channel);
            decide(&world.snapshot, &mut world.state.clone(), &question, &mut standings, T).unwrap();
            standings.take_missing().pop_first().unwrap().per
        };
        let came = [("spring", "email"), ("spring", "sms"), ("summer", "email"), ("autumn", "email")];
        assert_eq!(came.map(|(campaign, channel)| account(campaign, channel)), expected, "{per}");
    }
}

fn budget(limit: i64) -> World {
    world(&json!({"measure": "cost", "limit": limit, "window": {"lifetime": true}, "window_text": "w"}))
}

#[test]
fn a_budget_pays_the_cost_of_a_contact_whole_or_not_at_all_and_no_time_helps() {
    let world = budget(100_000);
    let left = |free: i64| {
        let standings = &mut knowing(&[(Timestamp(0), &[(Pool::COMMON, free)])]);
        answer(&world, &request("", "spring", "sms"), standings, T).decisions.remove(0)
    };
    assert_eq!(left(60_000).charges[0].amount, 60_000);
    let denied = left(59_999);
    assert_eq!((reasons(&denied), denied.earliest), (vec![Reason::Budget], None));
    assert_eq!(
        (denied.denials[0].limit, denied.denials[0].used),
        (Amount::Micros(100_000), Amount::Micros(40_001))
    );
}

#[test]
fn a_winner_leaves_less_for_the_next_and_a_check_takes_nothing() {
    let world = world(&weekly(3));
    let both = ["spring", "summer"].map(|campaign| request("", campaign, "email").candidates[0]);
    let question =
        Request { candidates: both.to_vec(), max_grants: 2, purpose: Purpose::Check, ..request("", "", "") };
    let next = MONDAY.plus_ms(WEEK_MS);
    let mut standings = knowing(&[(MONDAY, &[(Pool::COMMON, 1)]), (next, &[(Pool::COMMON, 3)])]);
    for _ in 0..2 {
        let outcome = answer(&world, &question, &mut standings, T);
        assert_eq!(reasons(&outcome.decisions[0]), [Reason::Capacity]);
        assert!(outcome.decisions[1].grant.is_some() && !outcome.is_changed);
    }
}

#[test]
fn a_release_gives_back_what_was_taken_once_and_a_confirmed_contact_nothing() {
    let mut world = world(&weekly(3));
    let free: &[(Timestamp, &[(Pool, i64)])] = &[(MONDAY, &[(Pool::COMMON, 3)])];
    let granted = |world: &mut World| {
        let question = request("", "spring", "email");
        let outcome = decide(&world.snapshot, &mut world.state, &question, &mut knowing(free), T).unwrap();
        let grant = outcome.decisions[0].grant.unwrap();
        (
            arbiter_core::apply::ContactName { sequence: grant.sequence, time: grant.time },
            outcome.decisions[0].charges.clone(),
        )
    };
    let (released, charges) = granted(&mut world);
    let (confirmed, _) = granted(&mut world);
    let mut settled = |name, settlement| {
        // Long after it has expired.
        settle(&world.snapshot, &mut world.state, name, settlement, T.plus_ms(YEAR_MS)).unwrap().returned
    };
    assert_eq!(settled(released, Settlement::Release), charges);
    assert_eq!(settled(released, Settlement::Release), []);
    assert_eq!(settled(confirmed, Settlement::Confirm), []);
    assert!(world.state.contacts.iter().all(|contact| contact.charges.is_empty()));
}

#[test]
fn claims_take_nothing_of_a_capacity() {
    let mut world = world(&weekly(1));
    world.claim("summer", MONDAY, MONDAY.plus_ms(WEEK_MS));
    assert!(ask(&world, "spring", &[(MONDAY, &[(Pool::COMMON, 1)])], T).grant.is_some());
}

/// A ledger of many customers under one weekly capacity: as many grants as it allows, to the last.
#[test]
fn as_many_are_granted_as_there_are_places_whoever_asks() {
    let world = shared(true, &json!([]));
    let mut taken: HashMap<(AccountKey, Pool), i64> = HashMap::new();
    let limits = [(Pool::COMMON, 3), (RETAIL, 4), (TRAVEL, 3)];
    let mut grants = Vec::new();
    for n in 0..60 {
        let now = T.plus_ms(n * 3 * HOUR_MS);
        let campaign = ["spring", "spring", "summer", "autumn"][usize::try_from(n).unwrap() % 4];
        let (mut standings, mut state) = (Standings::default(), CustomerState::default());
        let decision = loop {
            let outcome =
                decide(&world.snapshot, &mut state, &request("", campaign, "email"), &mut standings, now);
            let missing = standings.take_missing();
            if missing.is_empty() {
                break outcome.unwrap().decisions.remove(0);
            }
            for account in missing {
                let left = |(pool, limit)| (pool, limit - taken.get(&(account, pool)).copied().unwrap_or(0));
                standings.learn(account, Standing::of(limits.map(left).to_vec()));
            }
            state = CustomerState::default();
        };
        for charge in &decision.charges {
            *taken.entry((charge.account, charge.pool)).or_default() += charge.amount;
        }
        grants.extend(decision.grant.map(|grant| grant.time));
    }
    let first_week = grants.iter().filter(|time| **time < MONDAY.plus_ms(WEEK_MS)).count();
    assert_eq!(first_week, 10);
    assert!(taken.iter().all(|((_, pool), count)| limits.contains(&(*pool, *count)) || *count < 4));
}

#[test]
fn a_capacity_of_nothing_denies_for_ever_and_is_not_followed_week_by_week() {
    let world = world(&weekly(0));
    let mut standings = Standings::default();
    let question = request("", "spring", "email");
    for _ in 0..8 {
        let outcome =
            decide(&world.snapshot, &mut world.state.clone(), &question, &mut standings, T).unwrap();
        let missing = standings.take_missing();
        if missing.is_empty() {
            let denied = &outcome.decisions[0];
            assert_eq!((reasons(denied), denied.earliest), (vec![Reason::Capacity], None));
            return;
        }
        for account in missing {
            standings.learn(account, Standing::of(vec![(Pool::COMMON, 0)]));
        }
    }
    panic!("still asks for the account of another week");
}

proptest! {
    /// Whatever is taken of the coming weeks, beside a cap: asking at the earliest time helps, and at no instant before.
    #[test]
    fn earliest_is_exact_among_weeks_that_are_partly_taken(
        taken in proptest::collection::vec((0..=3_i64, 0..=4_i64, 0..=3_i64), 0..5),
        lend in any::<bool>(),
        campaign in select(vec!["spring", "summer", "autumn"]),
        cap_days in 1..20_i64,
        asked_after in 0..8 * DAY_MS,
        ahead in proptest::option::of(0..20 * DAY_MS),
    ) {
        let mut capacity = weekly(10);
        capacity["shares"] = json!([{"business_unit": "retail", "limit": 4}, {"business_unit": "travel", "limit": 3}]);
        capacity["lend"] = json!(lend);
        let rules = json!([{"name": "c", "capacity": capacity}, sliding("one", 1, cap_days * DAY_MS)]);
        let mut catalog = catalog_of(&json!([{"name": "p", "applies_to": {"channels": ["email"]}, "rules": rules}]));
        catalog["campaigns"][0]["business_unit"] = json!("retail");
        catalog["campaigns"][1]["business_unit"] = json!("travel");
        let mut world = World::new(compile(&catalog));
        world.grant_by("receipt", "sms", T);
        let weeks = (0..20).map(|week| {
            let (common, retail, travel) = taken.get(week).copied().unwrap_or_default();
            let start = MONDAY.plus_ms(i64::try_from(week).unwrap() * WEEK_MS);
            (start, [(Pool::COMMON, 3 - common), (RETAIL, 4 - retail), (TRAVEL, 3 - travel)])
        });
        let weeks: Vec<_> = weeks.collect();
        let known = || knowing(&weeks.iter().map(|(start, free)| (*start, &free[..])).collect::<Vec<_>>());
        let now = T.plus_ms(asked_after);
        let t = now.plus_ms(ahead.unwrap_or(0));
        let question = Request { planned: ahead.map(|ms| now.plus_ms(ms)), ..request("", campaign, "email") };
        let decision = answer(&world, &question, &mut known(), now).decisions.remove(0);
        let ask = |t| answer(&world, &request("", campaign, "email"), &mut known(), t).decisions.remove(0);
        if decision.grant.is_none() {
            let earliest = decision.earliest.unwrap();
            prop_assert!(ask(earliest).grant.is_some(), "{:?}", ask(earliest).denials);
            let edges = weeks.iter().flat_map(|(start, _)| [*start, start.plus_ms(WEEK_MS - WEEK_MS / 10)]);
            for before in edges.chain([t, earliest.minus_ms(1)]).filter(|m| t <= *m && *m < earliest) {
                prop_assert!(ask(before).grant.is_none(), "at {before:?} already");
            }
        }
    }
}

#[test]
fn a_rule_that_counts_money_instead_of_contacts_has_another_account() {
    let mut names = Register::default();
    let mut account = |version, measure: &str| {
        let mut counted = weekly(3);
        counted["measure"] = json!(measure);
        let policies = json!([{"name": "p", "rules": [{"name": "c", "capacity": counted}]}]);
        let catalog: CompiledCatalog = serde_json::from_value(catalog_of(&policies)).unwrap();
        names.admit(&catalog, version);
        let snapshot = Snapshot::compile(version, &catalog, names.clone()).unwrap();
        let capacity = snapshot.rules[0].capacity().unwrap().id;
        let key = AccountKey { capacity, per: None, start: MONDAY };
        (capacity, snapshot.account_name(&key))
    };
    let (contacts, money) = (account(1, "contacts"), account(2, "cost"));
    assert_eq!(contacts.1, format!("p|c||{}", MONDAY.0));
    assert_eq!(money.1, format!("p|c|cost||{}", MONDAY.0));
    assert_ne!(contacts.0, money.0);
    assert_eq!(account(3, "contacts"), contacts);
}
