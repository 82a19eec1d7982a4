//! Random stories: catalogs with rules of every kind, and what happens to one customer under them.

use arbiter_core::apply::{ContactName, Report, Settlement, record, settle};
use arbiter_core::claims::{register, withdraw};
use arbiter_core::compiled::EngagementKind;
use arbiter_core::customer::Claim;
use arbiter_core::request::{MAX_PLANNED_MS, Request};
use arbiter_core::time::{DAY_MS, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::world::{CUSTOMER, HOUR_MS, T, World, catalog_of, compile, request};

pub(crate) const CAMPAIGNS: [&str; 4] = ["spring", "summer", "autumn", "receipt"];
pub(crate) const CHANNELS: [&str; 2] = ["email", "sms"];
/// The customer that the stories are about, and another of its household.
const CUSTOMERS: [&str; 2] = [CUSTOMER, "43"];
const ZONES: [&str; 5] = ["customer", "brand", "UTC", "America/Santiago", "Australia/Lord_Howe"];

/// One thing that happens, `after_ms` after the one before.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) after_ms: i64,
    pub(crate) act: Act,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// A request for this campaign by this channel, for a customer of the party, so far ahead.
    Ask(&'static str, &'static str, &'static str, Option<i64>),
    /// A claim of this campaign for a customer of the party: so long after the step, for so long, with this score.
    Claim(&'static str, &'static str, (i64, i64), Option<f64>),
    /// A customer's claims of a campaign are given back.
    Withdraw(&'static str, &'static str),
    /// Confirm or release the contact at this place among those granted.
    Settle(Settlement, usize),
    /// Something came back, at a time so far from the step's.
    Engage(EngagementKind, &'static str, &'static str, i64),
}

fn window() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec![1_000, HOUR_MS, DAY_MS, 7 * DAY_MS, 30 * DAY_MS])
            .prop_map(|ms| json!({"sliding_ms": ms})),
        (
            select(vec!["day", "week", "month", "quarter", "year"]),
            select(&ZONES),
            select(vec!["monday", "sunday"])
        )
            .prop_map(|(unit, zone, start)| json!({"calendar": unit, "zone": zone, "week_starts": start})),
        (1..12_i64, select(&ZONES)).prop_map(|(days, zone)| json!({"rolling_days": days, "zone": zone})),
        Just(json!({"lifetime": true})),
    ]
}

fn cap() -> impl Strategy<Value = Value> {
    let reserve = proptest::option::of((0..=100_u8, 0..3_i64));
    let counted = select(vec!["attempts", "confirmed", "answered"]);
    let per = select(vec!["customer", "customer", "party", "contact_point", "subject"]);
    (
        select(vec![("contacts", 1), ("points", 1_000_000), ("cost", 40_000)]),
        0..5_i64,
        window(),
        (counted, per),
        reserve,
    )
        .prop_map(|((measure, unit), limit, window, (counted, per), reserve)| {
            let reserve =
                reserve.map(|(least, places)| json!({"min_priority": least, "places": places * unit}));
            json!({"frequency_cap": {"measure": measure, "limit": limit * unit, "window": window,
                "counted": counted, "per": per, "reserve": reserve, "window_text": "w"}})
        })
}

fn span() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => select(vec![1_000, HOUR_MS, 3 * DAY_MS, 60 * DAY_MS]).prop_map(|ms| json!({"ms": ms})),
        2 => (1..40_i64, select(&ZONES)).prop_map(|(days, zone)| json!({"days": days, "zone": zone})),
        1 => Just(json!("never")),
    ]
}

fn back_off() -> impl Strategy<Value = Value> {
    let of = select(vec!["offer_family", "campaign", "channel", "any"]);
    (1..4_u32, of, proptest::collection::vec(span(), 1..4)).prop_map(|(after, of, rests)| {
        json!({"back_off": {"after": after, "of": of, "rests": rests, "answers": ["clicked", "converted"], "rests_text": "r"}})
    })
}

fn respite() -> impl Strategy<Value = Value> {
    let of = proptest::option::of(Just("offer_family"));
    (span(), proptest::option::of(1..200_i64), of).prop_map(|(span, least, of)| {
        json!({"respite": {"after": ["purchased", "refused"], "for": span, "min_value": least, "of": of, "for_text": "s"}})
    })
}

fn prerequisite() -> impl Strategy<Value = Value> {
    let wanted = prop_oneof![
        Just(json!({"contact": {"campaigns": ["spring", "autumn"]}})),
        Just(json!({"engagement": ["clicked", "delivered"]})),
        Just(json!({"engagement": ["clicked", "purchased"], "of": "offer_family"})),
    ];
    (wanted, span()).prop_map(|(mut prerequisite, within)| {
        prerequisite["within"] = within;
        prerequisite["within_text"] = json!("p");
        json!({"prerequisite": prerequisite})
    })
}

/// Of whom a policy asks something because of what it did.
fn derived() -> impl Strategy<Value = Value> {
    let spans = || proptest::option::of(select(vec![HOUR_MS, 3 * DAY_MS, 40 * DAY_MS]));
    (spans(), proptest::option::of(1..4_u32), spans(), spans()).prop_map(
        |(answered, unanswered, first_contact, purchased)| {
            json!({"name": "derived", "answered_within_ms": answered, "unanswered_at_least": unanswered,
                "first_contact_within_ms": first_contact, "purchased_within_ms": purchased})
        },
    )
}

fn applies_to() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => selector(),
        1 => Just(json!({"segments": ["derived"]})),
        1 => Just(json!({"not": {"segments": ["derived"]}})),
    ]
}

fn selector() -> impl Strategy<Value = Value> {
    prop_oneof![
        5 => Just(json!({})),
        1 => Just(json!({"kinds": ["marketing"]})),
        1 => Just(json!({"channels": ["sms"]})),
        1 => Just(json!({"segments": ["loyal"]})),
        1 => Just(json!({"not": {"offer_families": ["weekends"]}})),
        1 => Just(json!({"min_priority": 50})),
    ]
}

/// What a story plays under: policies of one rule each, of every kind that goes by time, and a derived segment.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    policies: Value,
    derived: Value,
}

pub(crate) fn rules() -> impl Strategy<Value = Rules> {
    (policies(), derived()).prop_map(|(policies, derived)| Rules { policies, derived })
}

fn policies() -> impl Strategy<Value = Value> {
    let rule = prop_oneof![5 => cap(), 2 => back_off(), 1 => respite(), 1 => prerequisite()];
    let policy = (rule, applies_to(), selector());
    proptest::collection::vec(policy, 1..7).prop_map(|policies| {
        let named = policies.into_iter().enumerate().map(|(index, (mut rule, applies_to, counts))| {
            rule["name"] = json!("r");
            json!({"name": format!("p{index}"), "applies_to": applies_to, "counts": counts, "rules": [rule]})
        });
        Value::Array(named.collect())
    })
}

fn act() -> impl Strategy<Value = Act> {
    let kinds = vec![
        EngagementKind::Sent,
        EngagementKind::Clicked,
        EngagementKind::Converted,
        EngagementKind::Purchased,
        EngagementKind::Refused,
        EngagementKind::Delivered,
    ];
    let ahead = proptest::option::of(prop_oneof![Just(HOUR_MS), 0..=MAX_PLANNED_MS]);
    let place = (-5 * DAY_MS..40 * DAY_MS, prop_oneof![Just(1), Just(HOUR_MS), 1..90 * DAY_MS]);
    let score = proptest::option::of(select(vec![-1.0, 0.0, 0.25]));
    prop_oneof![
        6 => (select(&CAMPAIGNS), select(&CHANNELS), select(&CUSTOMERS), ahead).prop_map(
            |(campaign, channel, customer, ahead)| Act::Ask(campaign, channel, customer, ahead)),
        3 => (select(&CAMPAIGNS), select(&CUSTOMERS), place, score).prop_map(
            |(campaign, customer, place, score)| Act::Claim(campaign, customer, place, score)),
        1 => (select(&CAMPAIGNS), select(&CUSTOMERS)).prop_map(|(campaign, customer)| Act::Withdraw(campaign, customer)),
        1 => (0..20_usize).prop_map(|index| Act::Settle(Settlement::Confirm, index)),
        1 => (0..20_usize).prop_map(|index| Act::Settle(Settlement::Release, index)),
        3 => (select(kinds), select(&CAMPAIGNS), select(&CHANNELS), -20 * DAY_MS..10 * DAY_MS)
            .prop_map(|(kind, campaign, channel, offset_ms)| Act::Engage(kind, campaign, channel, offset_ms)),
    ]
}

/// What happens to one customer.
pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let after_ms = prop_oneof![Just(0), Just(1), Just(HOUR_MS), 0..3 * DAY_MS, 0..40 * DAY_MS];
    let step = (after_ms, act()).prop_map(|(after_ms, act)| Step { after_ms, act });
    proptest::collection::vec(step, 1..most)
}

/// A story so far: the world, and the contacts in the order of their grants.
pub(crate) struct Player {
    pub(crate) world: World,
    pub(crate) granted: Vec<ContactName>,
}

impl Player {
    pub(crate) fn take(&mut self, act: &Act, number: u64, now: Timestamp) {
        let Self { world, granted } = self;
        match *act {
            Act::Ask(campaign, channel, customer, ahead) => {
                let planned = ahead.map(|ms| now.plus_ms(ms));
                let contact_point = number % 3;
                let question = Request { customer, planned, contact_point, ..request("", campaign, channel) };
                let grant = world.decision(&question, now).grant;
                granted.extend(grant.map(|grant| ContactName { sequence: grant.sequence, time: grant.time }));
            }
            Act::Claim(campaign, customer, (after_ms, length_ms), score) => {
                let from = now.plus_ms(after_ms);
                let member = world.state.admit_member(CUSTOMER, customer).unwrap();
                let claim = Claim { member, score, ..world.place(campaign, from, from.plus_ms(length_ms)) };
                register(&world.snapshot, &mut world.state, claim, now).unwrap();
            }
            Act::Withdraw(campaign, customer) => {
                let member = world.state.member(CUSTOMER, customer);
                let campaign = world.snapshot.campaign(campaign).unwrap().common.campaign;
                withdraw(&world.snapshot, &mut world.state, member, campaign, now);
            }
            Act::Settle(settlement, index) => {
                if let Some(name) = granted.get(index) {
                    // A contact that was settled otherwise stays as it is.
                    let _ = settle(&world.snapshot, &mut world.state, *name, settlement, now);
                }
            }
            Act::Engage(kind, campaign, channel, offset_ms) => {
                let report = Report {
                    customer: CUSTOMER,
                    party: CUSTOMER,
                    key: number,
                    kind,
                    contact: None,
                    campaign,
                    channel,
                    offer_family: "",
                    value: 150,
                    time: now.plus_ms(offset_ms),
                    segments: vec!["loyal"],
                };
                record(&world.snapshot, &mut world.state, &report, now).unwrap();
            }
        }
    }
}

/// The catalog of a story.
pub(crate) fn catalog(rules: &Rules, horizon_ms: i64) -> Value {
    let mut catalog = catalog_of(&rules.policies);
    catalog["horizon_ms"] = json!(horizon_ms);
    catalog["segments"] = json!(["loyal", "prospect", "derived"]);
    catalog["derived_segments"] = json!([rules.derived]);
    catalog
}

/// Live a story; returns the world and the moment at which it ends.
pub(crate) fn live(rules: &Rules, horizon_ms: i64, steps: &[Step]) -> (World, Timestamp) {
    let snapshot = compile(&catalog(rules, horizon_ms));
    let mut player = Player { world: World::new(snapshot), granted: Vec::new() };
    let mut now = T;
    for (number, step) in (0_u64..).zip(steps) {
        now = now.plus_ms(step.after_ms);
        player.take(&step.act, number, now);
    }
    (player.world, now)
}
