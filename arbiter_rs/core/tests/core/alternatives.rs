//! Alternatives: another channel, a family to fall back to, a later time, and nothing where something was granted.

use arbiter_core::compiled::EngagementKind;
use arbiter_core::decision::{Alternative, AlternativeKind};
use arbiter_core::request::Request;
use arbiter_core::time::{DAY_MS, Timestamp};
use serde_json::{Value, json};

use crate::world::{HOUR_MS, T, World, catalog_of, compile, request, sliding};

fn channel_cap(channel: &str) -> Value {
    json!({"name": channel, "applies_to": {"channels": [channel]}, "counts": {"channels": [channel]}, "rules": [sliding("one", 1, DAY_MS)]})
}

/// What is proposed, in words.
fn proposed(
    world: &World,
    request: &Request<'_>,
    now: Timestamp,
) -> Vec<(AlternativeKind, String, String, Timestamp)> {
    let names = &world.snapshot.register;
    let in_words = |other: &Alternative| {
        let campaign = names.campaigns[other.campaign.index()].clone();
        (other.kind, campaign, names.channels[other.channel.index()].clone(), other.time)
    };
    world.answer(request, now).alternatives.iter().map(in_words).collect()
}

fn owned(
    kind: AlternativeKind,
    campaign: &str,
    channel: &str,
    time: Timestamp,
) -> (AlternativeKind, String, String, Timestamp) {
    (kind, campaign.to_owned(), channel.to_owned(), time)
}

#[test]
fn the_first_other_channel_without_a_denial_is_proposed_and_then_a_later_time() {
    let mut catalog = catalog_of(&json!([channel_cap("email"), channel_cap("sms")]));
    catalog["campaigns"][0]["channels"] = json!(["post", "sms", "email"]);
    let mut world = World::new(compile(&catalog));
    world.grant(T);
    let question = request("", "spring", "email");
    let later = owned(AlternativeKind::Time, "spring", "email", T.plus_ms(DAY_MS));
    // The order is that of the catalog's channels, not of the campaign's.
    let by_sms = owned(AlternativeKind::Channel, "spring", "sms", T.plus_ms(1));
    assert_eq!(proposed(&world, &question, T.plus_ms(1)), [by_sms, later.clone()]);
    world.grant_by("spring", "sms", T);
    let by_post = owned(AlternativeKind::Channel, "spring", "post", T.plus_ms(1));
    assert_eq!(proposed(&world, &question, T.plus_ms(1)), [by_post, later]);
}

#[test]
fn nothing_is_proposed_where_something_is_granted_or_nothing_helps() {
    let mut world = World::new(compile(&catalog_of(&json!([channel_cap("email")]))));
    assert_eq!(proposed(&world, &request("", "spring", "email"), T), []);
    world.engage(EngagementKind::OptedOut, "", 0, T);
    assert_eq!(proposed(&world, &request("", "spring", "email"), T), []);
    assert_eq!(proposed(&world, &request("", "gone", "email"), T), []);
    let both = ["spring", "receipt"].map(|campaign| request("", campaign, "email").candidates[0]);
    let one_granted = Request { candidates: both.to_vec(), ..request("", "", "") };
    assert_eq!(proposed(&world, &one_granted, T), []);
}

#[test]
fn the_alternatives_are_those_of_the_best_ranked_campaign_that_is_known() {
    let mut world = World::new(compile(&catalog_of(&json!([channel_cap("email"), channel_cap("sms")]))));
    world.grant(T);
    let three = ["gone", "spring", "summer"].map(|campaign| request("", campaign, "email").candidates[0]);
    let question = Request { candidates: three.to_vec(), ..request("", "", "") };
    let first = proposed(&world, &question, T).remove(0);
    assert_eq!(first, owned(AlternativeKind::Channel, "summer", "sms", T));
}

/// `weekends` fall back to `cruises`, those to `stays`, those to `weekends`; each rests 30 days after one contact.
fn circle() -> World {
    let rest = json!({"name": "rest", "back_off": {"after": 1, "of": "offer_family", "rests": [{"ms": 30 * DAY_MS}], "answers": ["clicked"], "rests_text": "r"}});
    let mut catalog =
        catalog_of(&json!([{"name": "p", "applies_to": {"kinds": ["marketing"]}, "rules": [rest]}]));
    catalog["offer_families"] = json!([
        {"name": "weekends", "fallback": "cruises"}, {"name": "cruises", "fallback": "stays"}, {"name": "stays", "fallback": "weekends"}]);
    let campaign = |name: &str, priority: u8| json!({"name": name, "priority": priority, "kind": "marketing", "channels": ["sms"], "offer_family": "stays"});
    for (name, priority) in [("lakes", 10), ("hills", 20), ("coast", 20)] {
        catalog["campaigns"].as_array_mut().unwrap().push(campaign(name, priority));
    }
    World::new(compile(&catalog))
}

#[test]
fn where_a_family_rests_its_fallback_is_proposed_and_where_that_rests_the_next() {
    let mut world = circle();
    let question = request("", "spring", "email");
    world.grant(T);
    let later = owned(AlternativeKind::Time, "spring", "email", T.plus_ms(30 * DAY_MS));
    let now = T.plus_ms(HOUR_MS);
    let fallback = |campaign, channel| owned(AlternativeKind::Fallback, campaign, channel, now);
    assert_eq!(proposed(&world, &question, now), [fallback("autumn", "email"), later.clone()]);
    world.grant_by("autumn", "email", T);
    // By priority, then by name.
    assert_eq!(proposed(&world, &question, now), [fallback("coast", "sms"), later.clone()]);
    world.grant_by("lakes", "sms", now);
    assert_eq!(proposed(&world, &question, now), [later]);
}

/// A rest of `weekends`, and behind it so many families with so many campaigns each that are over, and one whose campaign is not.
fn chain(families: usize, campaigns: usize) -> World {
    let rest = json!({"name": "rest", "back_off": {"after": 1, "of": "offer_family", "rests": ["never"], "answers": ["clicked"], "rests_text": "r"}});
    let mut catalog = catalog_of(&json!([{"name": "p", "rules": [rest]}]));
    catalog["offer_families"] = json!([{"name": "weekends", "fallback": "0"}, {"name": "cruises"}]);
    for family in 0..=families {
        let next = (family < families).then(|| (family + 1).to_string());
        let families = catalog["offer_families"].as_array_mut().unwrap();
        families.push(json!({"name": family.to_string(), "fallback": next}));
    }
    let campaign = |family: usize, name: String, until: Option<i64>| json!({"name": name, "priority": 40, "kind": "marketing", "channels": ["email"], "offer_family": family.to_string(), "active_until_ms": until});
    let over = (0..families).flat_map(|family| {
        (0..campaigns).map(move |number| campaign(family, format!("{family}-{number}"), Some(T.0)))
    });
    let all: Vec<_> = over.chain([campaign(families, "open".to_owned(), None)]).collect();
    catalog["campaigns"].as_array_mut().unwrap().extend(all);
    World::new(compile(&catalog))
}

#[test]
fn along_the_whole_chain_64_campaigns_of_64_families_are_looked_at() {
    for (families, campaigns, is_found) in
        [(1, 63, true), (1, 64, false), (3, 21, true), (3, 22, false), (63, 0, true), (64, 0, false)]
    {
        let mut world = chain(families, campaigns);
        world.grant(T);
        let fallback = owned(AlternativeKind::Fallback, "open", "email", T);
        let found = proposed(&world, &request("", "spring", "email"), T);
        assert_eq!(found.contains(&fallback), is_found, "{families} {campaigns}");
    }
}

#[test]
fn a_rest_that_is_not_of_a_family_proposes_no_fallback() {
    let rest = json!([{"name": "rest", "back_off": {"after": 1, "of": "any", "rests": ["never"], "answers": ["clicked"], "rests_text": "r"}}]);
    let mut catalog = catalog_of(
        &json!([{"name": "p", "counts": {"kinds": ["marketing"]}, "applies_to": {"offer_families": ["weekends"]}, "rules": rest}]),
    );
    catalog["offer_families"][0]["fallback"] = json!("cruises");
    let mut world = World::new(compile(&catalog));
    world.grant(T);
    assert_eq!(proposed(&world, &request("", "spring", "email"), T), []);
}

#[test]
fn for_a_planned_contact_the_same_channel_is_proposed_at_its_moment_where_asking_then_helps() {
    let mut world = World::with_rules(&json!([sliding("one", 1, DAY_MS)]));
    world
        .decision(&Request { planned: Some(T.plus_ms(DAY_MS)), ..request("", "spring", "sms") }, T)
        .grant
        .unwrap();
    let planned = T.plus_ms(DAY_MS + HOUR_MS);
    let question = Request { planned: Some(planned), ..request("", "spring", "email") };
    // The reservation in its way may be confirmed until then.
    assert_eq!(proposed(&world, &question, T), [owned(AlternativeKind::Time, "spring", "email", planned)]);
}
