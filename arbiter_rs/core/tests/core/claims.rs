//! What becomes of a claim: registered once, used by one contact, withdrawn with its campaign.

use arbiter_core::catalog::Snapshot;
use arbiter_core::claims::{ClaimError, Registered, live, register, withdraw};
use arbiter_core::compiled::CompiledCatalog;
use arbiter_core::customer::{Claim, MAX_CLAIMS, Member};
use arbiter_core::ids::ChannelId;
use arbiter_core::register::Register;
use arbiter_core::request::{Purpose, Request};
use arbiter_core::time::{DAY_MS, Timestamp};
use serde_json::json;

use crate::world::{T, World, catalog_of, request};

fn untils(world: &World) -> Vec<Timestamp> {
    world.state.claims.iter().map(|claim| claim.until).collect()
}

fn days(count: i64) -> Timestamp {
    T.plus_ms(count * DAY_MS)
}

#[test]
fn the_same_place_is_registered_once_and_brought_up_to_date() {
    let mut world = World::with_rules(&json!([]));
    let place = world.place("spring", T, days(7));
    let mut add = |claim: &Claim| register(&world.snapshot, &mut world.state, claim.clone(), T);
    let better = Claim { score: Some(0.5), channels: vec![ChannelId(1)], ..place.clone() };
    assert_eq!(add(&place), Ok(Registered::Added));
    assert_eq!(add(&better), Ok(Registered::Known));
    for other in [
        Claim { until: days(8), ..place.clone() },
        Claim { from: T.plus_ms(1), ..place.clone() },
        Claim { member: Member(1), ..place.clone() },
    ] {
        assert_eq!(add(&other), Ok(Registered::Added));
    }
    assert_eq!(world.state.claims.len(), 4);
    assert_eq!(world.state.claims[0], better);
}

#[test]
fn a_place_registered_again_as_it_is_changes_nothing() {
    let mut world = World::with_rules(&json!([]));
    let place = Claim { score: Some(0.5), ..world.place("spring", T, days(7)) };
    let mut add = |claim: &Claim| register(&world.snapshot, &mut world.state, claim.clone(), T);
    assert_eq!(add(&place), Ok(Registered::Added));
    assert_eq!(add(&Claim { version: place.version + 1, ..place.clone() }), Ok(Registered::Unchanged));
    assert_eq!(add(&Claim { score: None, ..place.clone() }), Ok(Registered::Known));
    assert_eq!(world.state.claims, [Claim { score: None, ..place }]);
}

#[test]
fn a_party_holds_256_claims_and_those_that_are_over_make_room() {
    let mut world = World::with_rules(&json!([]));
    for n in 1..=i64::try_from(MAX_CLAIMS).unwrap() {
        world.claim("spring", T, days(n));
    }
    let more = world.place("spring", T, days(300));
    let mut add = |claim: &Claim, at| register(&world.snapshot, &mut world.state, claim.clone(), at);
    assert_eq!(add(&more, days(1).minus_ms(1)), Err(ClaimError::TooMany));
    let known = Claim { until: days(256), score: Some(1.0), ..more.clone() };
    assert_eq!(add(&known, T), Ok(Registered::Known));
    assert_eq!(add(&more, days(1)), Ok(Registered::Added));
    assert_eq!(world.state.claims.len(), MAX_CLAIMS);
}

#[test]
fn a_grant_uses_the_claim_that_ends_first_and_of_those_the_one_that_began_first() {
    let mut world = World::with_rules(&json!([]));
    world.claim("spring", T.minus_ms(2), days(9));
    world.claim("spring", T, days(3));
    world.claim("spring", T.minus_ms(1), days(3));
    world.claim("autumn", T, days(1));
    let used = world.ask(T).claim.unwrap();
    assert_eq!((used.from, used.until), (T.minus_ms(1), days(3)));
    assert_eq!(untils(&world), [days(9), days(3), days(1)]);
}

#[test]
fn a_grant_uses_no_claim_that_has_not_begun_is_over_or_is_of_another_channel() {
    let mut world = World::with_rules(&json!([]));
    world.claim("spring", T.plus_ms(1), days(1));
    world.claim("spring", T.minus_ms(1), T);
    let by_sms = Claim { channels: vec![ChannelId(1)], ..world.place("spring", T, days(1)) };
    world.state.claims.push(by_sms);
    assert_eq!(world.ask(T).claim, None);
    assert_eq!(world.state.claims.len(), 3);
    assert_eq!(world.ask_by("spring", "sms", T).claim.unwrap().channels, [ChannelId(1)]);
    assert_eq!(world.ask(T.plus_ms(1)).claim.unwrap().from, T.plus_ms(1));
}

#[test]
fn a_planned_contact_uses_the_claim_of_its_own_moment() {
    let mut world = World::with_rules(&json!([]));
    world.claim("spring", T, days(1));
    world.claim("spring", days(5), days(6));
    assert_eq!(world.plan("spring", days(5), T).claim.unwrap().from, days(5));
    assert_eq!(world.plan("spring", days(1), T).claim, None);
    assert_eq!(world.plan("spring", days(1).minus_ms(1), T).claim.unwrap().from, T);
}

#[test]
fn a_check_and_a_release_leave_claims_as_they_are() {
    let mut world = World::with_rules(&json!([]));
    world.claim("spring", T, days(1));
    let question = Request { purpose: Purpose::Check, ..request("", "spring", "email") };
    assert!(world.decision(&question, T).grant.is_some());
    assert_eq!(world.state.claims.len(), 1);
    let name = world.grant(T);
    world.release(name, T);
    assert!(world.state.claims.is_empty());
}

#[test]
fn claims_are_given_back_for_one_customer_and_one_campaign_and_only_live_ones_are_told() {
    let mut world = World::with_rules(&json!([]));
    world.claim("spring", T, days(1));
    world.claim("spring", T.minus_ms(9), T);
    world.claim("autumn", T, days(2));
    let of_other = Claim { member: Member(1), ..world.place("spring", T, days(3)) };
    world.state.claims.push(of_other);
    let campaign = world.state.claims[0].campaign;
    let given = withdraw(&world.snapshot, &mut world.state, Member::OWN, campaign, T);
    assert_eq!(given.iter().map(|claim| claim.until).collect::<Vec<_>>(), [days(1)]);
    assert_eq!(untils(&world), [days(2), days(3)]);
}

/// One version after the other, each without some campaigns.
fn versions(without: &[&[&str]]) -> Vec<Snapshot> {
    let mut names = Register::default();
    let mut compiled = |(version, absent): (u64, &&[&str])| {
        let mut catalog = catalog_of(&json!([]));
        let campaigns = catalog["campaigns"].as_array_mut().unwrap();
        campaigns.retain(|campaign| !absent.contains(&campaign["name"].as_str().unwrap()));
        let catalog: CompiledCatalog = serde_json::from_value(catalog).unwrap();
        names.admit(&catalog, version);
        Snapshot::compile(version, &catalog, names.clone()).unwrap()
    };
    (1..).zip(without).map(&mut compiled).collect()
}

#[test]
fn claims_go_with_their_campaign_and_do_not_come_back_with_it() {
    let [first, without, again] = versions(&[&[], &["spring"], &[]]).try_into().unwrap();
    let mut world = World::new(first);
    world.claim("spring", T, days(1));
    world.claim("autumn", T, days(1));
    let count = |world: &World| live(&world.snapshot, &world.state, T).count();
    assert_eq!(count(&world), 2);
    world.snapshot = without;
    assert_eq!(count(&world), 1);
    world.snapshot = again;
    assert_eq!(count(&world), 1);
    world.claim("spring", T, days(1));
    assert_eq!(count(&world), 2);
}

#[test]
fn claims_withdrawn_as_a_whole_are_those_of_that_version_and_before() {
    let mut world = World::with_rules(&json!([]));
    world.claim("spring", T, days(1));
    let campaign = world.state.claims[0].campaign;
    let later = Claim { version: 2, ..world.place("spring", T, days(2)) };
    world.state.claims.push(later);
    world.snapshot.register.withdraw_claims(campaign, 1);
    let ends: Vec<_> = live(&world.snapshot, &world.state, T).map(|live| live.end).collect();
    assert_eq!(ends, [days(2)]);
    assert_eq!(world.ask(T).claim.unwrap().until, days(2));
}
