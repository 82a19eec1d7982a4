//! Parties: the customers of one value are strangers to each other's rules, but for the caps that are kept together.

use arbiter_core::apply::{RecordError, Report, record};
use arbiter_core::compiled::EngagementKind;
use arbiter_core::customer::{Claim, CustomerState, MAX_MEMBERS, Member};
use arbiter_core::decide::{DecideError, decide};
use arbiter_core::decision::{Amount, Decision, Reason};
use arbiter_core::request::Request;
use arbiter_core::standings::Standings;
use arbiter_core::time::DAY_MS;
use serde_json::{Value, json};

use crate::world::{T, World, catalog_of, compile, reasons, request, sliding};

fn per(whose: &str, limit: i64) -> Value {
    let mut cap = sliding("kept-together", limit, DAY_MS);
    cap["frequency_cap"]["per"] = json!(whose);
    cap
}

/// A customer of the household.
fn of<'a>(customer: &'a str, question: Request<'a>) -> Request<'a> {
    Request { customer, party: "household", ..question }
}

fn ask(world: &mut World, customer: &str) -> Decision {
    world.decision(&of(customer, request("", "spring", "email")), T)
}

#[test]
fn a_cap_is_each_customers_own_unless_it_is_per_party() {
    let mut world = World::with_rules(&json!([sliding("own", 1, DAY_MS), per("party", 3)]));
    for customer in ["anna", "bert", "household"] {
        assert!(ask(&mut world, customer).grant.is_some(), "{customer}");
        assert_eq!(reasons(&ask(&mut world, customer))[0], Reason::FrequencyCap);
    }
    let denied = ask(&mut world, "carl");
    assert_eq!(
        (denied.denials.len(), denied.denials[0].rule, denied.denials[0].used),
        (1, Some(1), Amount::Contacts(3))
    );
}

#[test]
fn a_cap_per_contact_point_counts_what_reached_the_same_one() {
    let mut world = World::with_rules(&json!([per("contact_point", 1)]));
    let at =
        |customer, contact_point| Request { contact_point, ..of(customer, request("", "spring", "email")) };
    assert!(world.decision(&at("anna", 7), T).grant.is_some());
    assert_eq!(reasons(&world.decision(&at("bert", 7), T)), [Reason::FrequencyCap]);
    assert!(world.decision(&at("anna", 8), T).grant.is_some());
    // Those that name none are counted together.
    assert!(world.decision(&at("anna", 0), T).grant.is_some());
    assert!(world.decision(&at("bert", 0), T).grant.is_none());
}

#[test]
fn a_cap_per_subject_counts_what_was_about_the_same() {
    let mut world = World::with_rules(&json!([per("subject", 1)]));
    let about = |customer, subject| Request { subject, ..of(customer, request("", "spring", "email")) };
    assert!(world.decision(&about("anna", 7), T).grant.is_some());
    assert!(world.decision(&about("anna", 8), T).grant.is_some());
    assert!(world.decision(&about("bert", 8), T).grant.is_none());
}

#[test]
fn a_claim_of_another_customer_holds_a_place_in_the_caps_of_the_party_alone() {
    for (rule, is_granted) in
        [(per("party", 1), false), (sliding("own", 1, DAY_MS), true), (per("contact_point", 1), false)]
    {
        let mut world = World::with_rules(&json!([rule]));
        let bert = world.state.admit_member("household", "bert").unwrap();
        let claim = Claim { member: bert, ..world.place("summer", T, T.plus_ms(DAY_MS)) };
        world.state.claims.push(claim);
        assert_eq!(ask(&mut world, "anna").grant.is_some(), is_granted, "{rule}");
        // Its own customer's contact uses it.
        let used = world.decision(&of("bert", request("", "summer", "email")), T).claim;
        assert_eq!(used.map(|claim| claim.member), Some(bert));
    }
}

#[test]
fn the_segments_of_who_asks_are_not_those_of_another_customers_claim() {
    let policy = json!({"name": "p", "applies_to": {"segments": ["loyal"]}, "rules": [per("party", 1)]});
    for (customer, is_granted) in [("anna", true), ("bert", false)] {
        let mut world = World::new(compile(&catalog_of(&json!([policy]))));
        let bert = world.state.admit_member("household", "bert").unwrap();
        let claim = Claim { member: bert, ..world.place("summer", T, T.plus_ms(DAY_MS)) };
        world.state.claims.push(claim);
        let loyal = Request { segments: vec!["loyal"], ..of(customer, request("", "spring", "email")) };
        assert_eq!(world.decision(&loyal, T).grant.is_some(), is_granted, "{customer}");
    }
}

#[test]
fn a_claim_has_no_contact_point_and_holds_nothing_at_one() {
    let mut world = World::with_rules(&json!([per("contact_point", 1)]));
    world.claim("summer", T, T.plus_ms(DAY_MS));
    let at_seven = Request { contact_point: 7, ..request("", "spring", "email") };
    assert!(world.decision(&at_seven, T).grant.is_some());
    assert_eq!(reasons(&world.ask(T)), [Reason::Outranked]);
}

#[test]
fn a_claim_is_used_by_its_own_customer_alone() {
    let mut world = World::with_rules(&json!([]));
    world.claim("spring", T, T.plus_ms(DAY_MS));
    assert_eq!(ask(&mut world, "anna").claim, None);
    assert!(ask(&mut world, "household").claim.is_some());
}

#[test]
fn silence_objections_and_respites_are_each_customers_own() {
    let mut world = World::with_rules(&json!([
        {"name": "rest", "back_off": {"after": 1, "of": "any", "rests": ["never"], "answers": ["clicked"], "rests_text": "r"}},
        {"name": "respite", "respite": {"after": ["purchased"], "for": "never", "for_text": "s"}},
    ]));
    ask(&mut world, "anna").grant.unwrap();
    for (key, kind) in [(1, EngagementKind::OptedOut), (2, EngagementKind::Purchased)] {
        record(&world.snapshot, &mut world.state, &report("anna", kind, key), T).unwrap();
    }
    assert_eq!(reasons(&ask(&mut world, "anna")), [Reason::Suppressed, Reason::Respite, Reason::BackOff]);
    assert!(ask(&mut world, "bert").grant.is_some());
}

fn report(customer: &str, kind: EngagementKind, key: u64) -> Report<'_> {
    Report {
        customer,
        party: "household",
        key,
        kind,
        contact: None,
        campaign: "",
        channel: "",
        offer_family: "",
        value: 0,
        time: T,
        segments: Vec::new(),
    }
}

#[test]
fn an_answer_belongs_to_the_contact_of_its_own_customer() {
    let mut world = World::with_rules(&json!([]));
    ask(&mut world, "anna");
    let clicked = Report { campaign: "spring", ..report("bert", EngagementKind::Clicked, 1) };
    let recorded = record(&world.snapshot, &mut world.state, &clicked, T).unwrap();
    assert_eq!((recorded.contact, world.state.contacts[0].is_answered), (None, false));
}

#[test]
fn a_request_id_is_of_its_own_customer() {
    let mut world = World::with_rules(&json!([]));
    let mut asked_by =
        |customer| world.decision(&of(customer, request("r", "spring", "email")), T).grant.unwrap();
    assert!(!asked_by("anna").is_repeat);
    assert!(!asked_by("bert").is_repeat);
    assert!(asked_by("anna").is_repeat);
}

#[test]
fn a_party_has_256_customers_at_most() {
    let mut world = World::with_rules(&json!([]));
    for n in 1..MAX_MEMBERS {
        assert!(ask(&mut world, &n.to_string()).grant.is_some());
    }
    assert_eq!(world.state.members.len(), MAX_MEMBERS - 1);
    assert!(ask(&mut world, "household").grant.is_some());
    let one_more = of("257", request("", "spring", "email"));
    let found = decide(&world.snapshot, &mut world.state, &one_more, &mut Standings::default(), T);
    assert_eq!(found.unwrap_err(), DecideError::PartyFull);
    let recorded = record(&world.snapshot, &mut world.state, &report("257", EngagementKind::Clicked, 1), T);
    assert_eq!(recorded.unwrap_err(), RecordError::PartyFull);
}

#[test]
fn a_customer_of_whom_nothing_is_held_any_more_gives_its_number_back() {
    let mut catalog = catalog_of(&json!([]));
    catalog["horizon_ms"] = json!(30 * DAY_MS);
    let mut world = World::new(compile(&catalog));
    for n in 1..MAX_MEMBERS {
        assert!(ask(&mut world, &n.to_string()).grant.is_some());
    }
    let objection = report("77", EngagementKind::OptedOut, 1);
    record(&world.snapshot, &mut world.state, &objection, T).unwrap();
    let later = T.plus_ms(32 * DAY_MS);
    let mut ask_later = |customer, id| {
        world
            .decision(&of(customer, request(id, "spring", "email")), later)
            .grant
            .map(|grant| grant.is_repeat)
    };
    assert_eq!(ask_later("200", "r"), Some(false));
    assert_eq!(ask_later("257", ""), Some(false));
    assert_eq!(ask_later("200", "r"), Some(true));
    assert_eq!(ask_later("77", ""), None);
    assert_eq!(world.state.members, ["77", "200", "257"]);
}

#[test]
fn a_report_that_is_not_recorded_takes_no_number() {
    let mut world = World::with_rules(&json!([]));
    let unknown = Report { campaign: "nobody's", ..report("anna", EngagementKind::Clicked, 1) };
    let recorded = record(&world.snapshot, &mut world.state, &unknown, T);
    assert_eq!(recorded.unwrap_err(), RecordError::CampaignUnknown);
    assert_eq!(world.state, CustomerState::default());
}

#[test]
fn customers_keep_their_numbers_and_the_party_itself_is_the_first() {
    let mut state = CustomerState::default();
    assert_eq!(state.member("household", "anna"), Member::UNKNOWN);
    for (customer, member) in
        [("anna", Member(1)), ("bert", Member(2)), ("anna", Member(1)), ("household", Member::OWN)]
    {
        assert_eq!(state.admit_member("household", customer), Some(member));
        assert_eq!(state.name_of("household", member), customer);
    }
}
