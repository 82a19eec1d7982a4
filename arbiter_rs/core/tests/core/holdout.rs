//! Hold-out: always the same customers, as many as the share says, and no time helps.

use arbiter_core::decision::Reason;
use arbiter_core::ids::stable_hash;
use arbiter_core::request::Request;
use serde_json::{Value, json};

use crate::world::{T, World, YEAR_MS, reasons, request};

fn holdout(share_micros: u32, salt: &str) -> Value {
    json!([{"name": "control", "holdout": {"share_micros": share_micros, "salt": salt}}])
}

/// Where a customer falls among a million.
fn draw(salt: &str, customer: &str) -> u64 {
    stable_hash(format!("{salt}\0{customer}").as_bytes()) % 1_000_000
}

fn is_held(rules: &Value, customer: &str) -> bool {
    let question = Request { customer, ..request("", "spring", "email") };
    let decision = World::with_rules(rules).decision(&question, T);
    decision.denials.first().is_some_and(|denial| denial.reason == Reason::HeldOut)
}

#[test]
fn a_customer_is_held_out_below_the_share_and_not_at_it() {
    let place = u32::try_from(draw("2026", "43")).unwrap();
    assert!(!is_held(&holdout(place, "2026"), "43"));
    assert!(is_held(&holdout(place + 1, "2026"), "43"));
}

#[test]
fn a_share_of_nothing_holds_nobody_and_one_of_all_everybody() {
    for n in 0..50 {
        let customer = n.to_string();
        assert!(!is_held(&holdout(0, "s"), &customer));
        assert!(is_held(&holdout(1_000_000, "s"), &customer));
    }
}

#[test]
fn a_tenth_of_many_customers_is_about_a_tenth_and_another_salt_draws_others() {
    let held =
        |salt: &str| -> Vec<u32> { (0..10_000).filter(|n| draw(salt, &n.to_string()) < 100_000).collect() };
    let (first, second) = (held("2026"), held("2027"));
    let both = first.iter().filter(|n| second.contains(n)).count();
    assert!((900..1_100).contains(&first.len()), "{}", first.len());
    assert!((900..1_100).contains(&second.len()), "{}", second.len());
    // Independent draws: a tenth of a tenth.
    assert!((60..150).contains(&both), "{both}");
}

#[test]
fn no_time_helps_and_the_party_does_not_matter() {
    let mut world = World::with_rules(&holdout(1_000_000, "s"));
    let denied = world.ask(T.plus_ms(YEAR_MS));
    assert_eq!((reasons(&denied), denied.earliest), (vec![Reason::HeldOut], None));
    let place = u32::try_from(draw("2026", "43")).unwrap();
    let mut world = World::with_rules(&holdout(place + 1, "2026"));
    let in_party = Request { customer: "43", party: "household", ..request("", "spring", "email") };
    assert_eq!(reasons(&world.decision(&in_party, T)), [Reason::HeldOut]);
}
