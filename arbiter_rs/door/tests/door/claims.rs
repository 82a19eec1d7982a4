//! Claims at the door: what is counted of them, and what a registration that changes nothing leaves behind.

use arbiter_core::codec;
use arbiter_door::{Verb, messages::repit::v1 as proto};
use arbiter_store::Store;
use serde_json::json;

use crate::office::{DAY, Office, T, at, request};

/// Places of `spring` until the end of a day, asked for at [`T`].
fn claims(campaign: &str, places: &[(&str, f64)], days: i64) -> proto::RegisterClaimsRequest {
    let place = |(customer, score): &(&str, f64)| proto::ClaimedPlace {
        customer_id: (*customer).to_owned(),
        score: Some(*score),
        ..proto::ClaimedPlace::default()
    };
    proto::RegisterClaimsRequest {
        campaign_id: campaign.to_owned(),
        places: places.iter().map(place).collect(),
        until_time: at(T + days * DAY),
        as_of_time: at(T),
        ..proto::RegisterClaimsRequest::default()
    }
}

async fn register(
    office: &Office,
    message: &proto::RegisterClaimsRequest,
) -> (u32, u32, Vec<proto::ClaimRefusal>) {
    let answer: proto::RegisterClaimsResponse = office.call(Verb::RegisterClaims, message).await.unwrap();
    assert_eq!(answer.error, None);
    (answer.registered_count, answer.known_count, answer.refusals)
}

async fn list(office: &Office, customer: &str, campaign: &str, seconds: i64) -> proto::ListClaimsResponse {
    let message = proto::ListClaimsRequest {
        customer_id: customer.to_owned(),
        campaign_id: campaign.to_owned(),
        as_of_time: at(seconds),
        ..proto::ListClaimsRequest::default()
    };
    office.call(Verb::ListClaims, &message).await.unwrap()
}

/// Registered and due of the one campaign that is told of.
async fn totals(office: &Office, campaign: &str, seconds: i64) -> (u64, u64) {
    let answer = list(office, "", campaign, seconds).await;
    let [totals] = answer.totals.as_slice() else { panic!("totals of one campaign") };
    assert_eq!(totals.campaign_id, campaign);
    (totals.registered_count, totals.due_count)
}

async fn records(office: &Office, party: &str) -> usize {
    office.door.arbiter().store().read_log(party, 100).await.unwrap().len()
}

#[tokio::test]
async fn the_1001st_campaign_has_totals_where_it_is_named() {
    let office = Office::empty().await;
    let campaign = |n: usize| json!({"name": format!("c{n}"), "priority": 40, "kind": "marketing", "channels": ["email"]});
    let campaigns: Vec<serde_json::Value> = (1..=1_001).map(campaign).collect();
    let catalog = json!({
        "format": 1, "zone": "UTC", "horizon_ms": 400 * DAY * 1_000, "campaigns": campaigns,
        "channels": [{"name": "email", "cost": 0, "pressure": 0, "expires_after_ms": 3_600_000, "unconfirmed": "counts"}],
    });
    let bytes = serde_json::to_vec(&catalog).unwrap();
    office.door.arbiter().apply_catalog(&bytes, b"", None, &[]).await.unwrap();
    register(&office, &claims("c1001", &[("42", 1.0), ("43", 1.0)], 1)).await;
    assert_eq!(totals(&office, "c1001", T).await, (2, 0));
    assert_eq!(list(&office, "", "", T).await.totals.len(), 1_000);
}

#[tokio::test]
async fn totals_are_told_where_no_customer_is_asked_about_or_a_campaign_is_named() {
    let office = Office::open().await;
    register(&office, &claims("spring", &[("42", 1.0)], 1)).await;
    let told = |answer: &proto::ListClaimsResponse| (answer.claims.len(), answer.totals.len());
    assert_eq!(told(&list(&office, "42", "", T).await), (1, 0));
    assert_eq!(told(&list(&office, "42", "spring", T).await), (1, 1));
    assert_eq!(told(&list(&office, "42", "autumn", T).await), (0, 1));
    assert_eq!(told(&list(&office, "", "", T).await), (0, 2));
}

#[tokio::test]
async fn totals_tell_of_claims_that_end_or_ended_at_most_400_days_ago() {
    let office = Office::open().await;
    for days in [1, 2, 400] {
        register(&office, &claims("spring", &[("42", 1.0)], days)).await;
    }
    assert_eq!(totals(&office, "spring", T).await, (3, 0));
    assert_eq!(totals(&office, "spring", T + 3 * DAY).await, (3, 2));
    assert_eq!(totals(&office, "spring", T + 401 * DAY).await, (3, 3));
    assert_eq!(totals(&office, "spring", T + 402 * DAY).await, (2, 2));
    assert_eq!(totals(&office, "spring", T + 800 * DAY).await, (1, 1));
    assert_eq!(totals(&office, "spring", T + 801 * DAY).await, (0, 0));
}

#[tokio::test]
async fn a_place_that_is_registered_again_as_it_is_leaves_no_record() {
    let office = Office::open().await;
    let place = claims("spring", &[("42", 1.0)], 1);
    assert_eq!(register(&office, &place).await, (1, 0, vec![]));
    assert_eq!(register(&office, &place).await, (1, 1, vec![]));
    assert_eq!(records(&office, "42").await, 1);
    assert_eq!(register(&office, &claims("spring", &[("42", 2.0)], 1)).await, (1, 1, vec![]));
    assert_eq!(records(&office, "42").await, 2);
}

#[tokio::test]
async fn a_place_named_many_times_in_one_message_is_recorded_once_as_the_last_says() {
    let office = Office::open().await;
    let places: Vec<(&str, f64)> = (0..50).map(|score| ("42", f64::from(score))).collect();
    assert_eq!(register(&office, &claims("spring", &places, 1)).await, (50, 49, vec![]));
    assert_eq!(records(&office, "42").await, 1);
    assert_eq!(list(&office, "42", "", T).await.claims[0].score, Some(49.0));
    assert_eq!(totals(&office, "spring", T).await, (1, 0));
}

#[tokio::test]
async fn a_refused_claim_makes_nobody_a_customer_of_the_party() {
    let office = Office::open().await;
    for days in 1..=256 {
        register(&office, &claims("spring", &[("home", 1.0)], days)).await;
    }
    let mut more = claims("spring", &[("home", 2.0), ("anna", 1.0)], 256);
    more.places[1].party_id = "home".to_owned();
    let (registered, _, refusals) = register(&office, &more).await;
    assert_eq!((registered, refusals.len(), refusals[0].index), (1, 1, 1));
    let stored = office.door.arbiter().store().load("home").await.unwrap();
    assert_eq!(codec::decode(&stored.bytes).unwrap().members, Vec::<String>::new());
}

#[tokio::test]
async fn a_party_that_is_full_of_forgotten_customers_takes_another() {
    let office = Office::open().await;
    let ask = async |customer: &str, days: i64| {
        let mut question = request("r", customer, "spring", T + days * DAY);
        question.party_id = "home".to_owned();
        let answer: Result<proto::RequestContactResponse, _> =
            office.call(Verb::RequestContact, &question).await;
        answer.map(|answer| answer.decisions[0].verdict())
    };
    for n in 1..=255 {
        assert_eq!(ask(&n.to_string(), 0).await.unwrap(), proto::Verdict::Grant);
    }
    assert!(ask("256", 1).await.is_err());
    assert_eq!(ask("256", 402).await.unwrap(), proto::Verdict::Grant);
}
