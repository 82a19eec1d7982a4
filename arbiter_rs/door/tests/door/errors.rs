//! Every error says what is wrong in the details that the contract promises; each carries `ErrorInfo` of `repit.dev`.

use arbiter_core::apply::{RecordError, SettleError};
use arbiter_door::messages::google::rpc::{
    BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo, RetryInfo, Status,
};
use arbiter_door::messages::repit::v1 as proto;
use arbiter_door::{Refusal, Verb};
use arbiter_store::{ArbiterError, StoreError};
use prost::Message;
use proto::EngagementKind;

use crate::office::{DAY, Office, T, at, event, request};

/// The detail of this name.
fn detail<M: Message + Default>(status: &Status, name: &str) -> Option<M> {
    let url = format!("type.googleapis.com/google.rpc.{name}");
    let found = status.details.iter().find(|detail| detail.type_url == url)?;
    Some(M::decode(found.value.as_slice()).unwrap())
}

/// Code and reason of an error, once its `ErrorInfo` is seen to be ours.
fn told(status: &Status) -> (i32, String) {
    let info: ErrorInfo = detail(status, "ErrorInfo").expect("an ErrorInfo");
    assert_eq!(info.domain, "repit.dev");
    assert!(!status.message.is_empty() && !status.message.ends_with('.'), "{}", status.message);
    (status.code, info.reason)
}

fn fields(status: &Status) -> Vec<String> {
    let bad: BadRequest = detail(status, "BadRequest").expect("a BadRequest");
    bad.field_violations.into_iter().map(|violation| violation.field).collect()
}

async fn refused(office: &Office, question: &proto::RequestContactRequest) -> Status {
    *office.call::<proto::RequestContactResponse>(Verb::RequestContact, question).await.unwrap_err().0
}

#[tokio::test]
async fn bytes_that_are_no_message_are_malformed_whatever_the_verb() {
    let office = Office::open().await;
    for verb in [
        Verb::RequestContact,
        Verb::CheckContact,
        Verb::BatchRequestContacts,
        Verb::ConfirmContact,
        Verb::ReleaseContact,
        Verb::RecordEngagements,
        Verb::ExplainCustomer,
    ] {
        let refusal = office.door.call(verb, b"\xff\xff\xff").await.unwrap_err();
        assert_eq!(told(&refusal.0), (3, "INVALID_ARGUMENT".to_owned()), "{verb:?}");
        assert_eq!(fields(&refusal.0).len(), 1);
    }
}

#[tokio::test]
async fn everything_wrong_with_a_request_is_said_at_once_with_its_path() {
    let office = Office::open().await;
    let mut question = request(&"r".repeat(65), "", "spring", T);
    question.candidates[0].score = Some(f64::NAN);
    question.candidates[0].value = -1.0;
    question.candidates[0].answer_probability = Some(1.5);
    question.party_id = "p".repeat(129);
    question.contact_point = "p".repeat(129);
    question.subject = "s".repeat(129);
    question.planned_time = at(946_684_799);
    question.max_grants = 65;
    question.as_of_time = at(946_684_799);
    question.customer = Some(proto::CustomerContext {
        segments: vec!["s".repeat(65)],
        time_zone: "Europe/Nowhere".to_owned(),
        country: "FR".to_owned(),
    });
    let status = refused(&office, &question).await;
    assert_eq!(told(&status).0, 3);
    let mut expected = [
        "request_id",
        "customer_id",
        "max_grants",
        "party_id",
        "contact_point",
        "subject",
        "planned_time",
        "customer.country",
        "customer.segments[0]",
        "customer.time_zone",
        "candidates[0].score",
        "candidates[0].value",
        "candidates[0].answer_probability",
        "as_of_time",
    ];
    let mut found = fields(&status);
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let unserved: BadRequest = detail(&status, "BadRequest").unwrap();
    let wording = |field: &str| {
        unserved.field_violations.iter().find(|one| one.field == field).unwrap().description.clone()
    };
    assert!(wording("customer.country").contains("not served yet"));
}

#[tokio::test]
async fn maxima_hold_to_the_last_one() {
    let office = Office::open().await;
    let with = |candidates: usize| {
        let mut question = request("r", "42", "gone", T);
        question.candidates = vec![question.candidates[0].clone(); candidates];
        question
    };
    assert_eq!(fields(&refused(&office, &with(0)).await), ["candidates"]);
    assert_eq!(fields(&refused(&office, &with(65)).await), ["candidates"]);
    assert!(office.call::<proto::RequestContactResponse>(Verb::RequestContact, &with(64)).await.is_ok());
    for (requests, is_refused) in [(0, true), (10_000, false), (10_001, true)] {
        let batch =
            proto::BatchRequestContactsRequest { requests: vec![request("r", "42", "gone", T); requests] };
        let answer =
            office.call::<proto::BatchRequestContactsResponse>(Verb::BatchRequestContacts, &batch).await;
        assert_eq!(answer.is_err(), is_refused, "{requests} requests");
    }
    let engagements = vec![event("e", EngagementKind::Clicked, "", T); 10_001];
    let record = proto::RecordEngagementsRequest { engagements, as_of_time: at(T) };
    let refusal =
        office.call::<proto::RecordEngagementsResponse>(Verb::RecordEngagements, &record).await.unwrap_err();
    assert_eq!(fields(&refusal.0), ["engagements"]);
}

#[tokio::test]
async fn times_are_served_from_2000_until_before_2200() {
    let office = Office::open().await;
    for (seconds, is_served) in [
        (946_684_800, true),
        (946_684_799, false),
        (7_258_118_399, true),
        (7_258_118_400, false),
        (i64::MAX, false),
        (i64::MIN, false),
    ] {
        let question = request("r", "42", "gone", seconds);
        let answer = office.call::<proto::RequestContactResponse>(Verb::RequestContact, &question).await;
        assert_eq!(answer.is_ok(), is_served, "{seconds}");
    }
}

#[tokio::test]
async fn a_contact_that_does_not_exist_is_not_found() {
    let office = Office::open().await;
    office.grant("a", T).await;
    for id in ["nonsense", "9-mm8x0@42", "1-mm8x0@43"] {
        let status = office.confirm(id, T).await.unwrap_err().0;
        assert_eq!(told(&status), (5, "CONTACT_UNKNOWN".to_owned()), "{id}");
        let resource: ResourceInfo = detail(&status, "ResourceInfo").unwrap();
        assert_eq!(
            (resource.resource_type.as_str(), resource.resource_name.as_str()),
            ("repit.v1.Contact", id)
        );
        assert_eq!(told(&office.release(id, T).await.unwrap_err().0).0, 5);
    }
    let unknown = proto::ExplainCustomerRequest {
        customer_id: "42".to_owned(),
        campaign_id: "gone".to_owned(),
        as_of_time: at(T),
        ..Default::default()
    };
    let refusal =
        office.call::<proto::ExplainCustomerResponse>(Verb::ExplainCustomer, &unknown).await.unwrap_err();
    assert_eq!(told(&refusal.0), (5, "CAMPAIGN_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn a_contact_settled_otherwise_is_a_failed_precondition_with_the_fact() {
    let office = Office::open().await;
    let released = office.grant("a", T).await;
    office.release(&released, T).await.unwrap();
    let confirmed = office.grant("b", T).await;
    office.confirm(&confirmed, T).await.unwrap();
    let statuses = [
        (office.confirm(&released, T).await.unwrap_err().0, "CONTACT_RELEASED", &released),
        (office.release(&confirmed, T).await.unwrap_err().0, "CONTACT_CONFIRMED", &confirmed),
    ];
    for (status, reason, id) in statuses {
        assert_eq!(told(&status), (9, reason.to_owned()));
        let fact: PreconditionFailure = detail(&status, "PreconditionFailure").unwrap();
        assert_eq!((fact.violations[0].r#type.as_str(), &fact.violations[0].subject), (reason, id));
    }
}

#[tokio::test]
async fn a_reservation_that_lapsed_is_not_confirmed() {
    let office = Office::open().await;
    let mut question = request("a", "42", "spring", T);
    question.candidates[0].channel = "sms".to_owned();
    let answer: proto::RequestContactResponse = office.call(Verb::RequestContact, &question).await.unwrap();
    let status = office.confirm(&answer.decisions[0].contact_id, T + 3_600).await.unwrap_err().0;
    assert_eq!(told(&status), (9, "CONTACT_EXPIRED".to_owned()));
}

#[tokio::test]
async fn an_engagement_that_cannot_be_recorded_says_why() {
    let office = Office::open().await;
    let of_another = proto::Engagement {
        contact_id: "1-mm8x0@43".to_owned(),
        ..event("1", EngagementKind::Clicked, "", T)
    };
    let by =
        |channel: &str, event: proto::Engagement| proto::Engagement { channel: channel.to_owned(), ..event };
    let results = office
        .record(
            vec![
                of_another,
                event("2", EngagementKind::Clicked, "gone", T),
                by("pigeon", event("3", EngagementKind::Clicked, "spring", T)),
                event("4", EngagementKind::Sent, "spring", T),
                event("", EngagementKind::Clicked, "", T),
                event("6", EngagementKind::Unspecified, "", T),
                by("pigeon", event("7", EngagementKind::Purchased, "", T)),
            ],
            T,
        )
        .await;
    let told: Vec<Option<(i32, String)>> =
        results.iter().map(|result| result.error.as_ref().map(told)).collect();
    let error = |code, reason: &str| Some((code, reason.to_owned()));
    assert_eq!(
        told,
        [
            error(5, "CONTACT_UNKNOWN"),
            error(5, "CAMPAIGN_UNKNOWN"),
            error(5, "CHANNEL_UNKNOWN"),
            error(3, "INVALID_ARGUMENT"),
            error(3, "INVALID_ARGUMENT"),
            error(3, "INVALID_ARGUMENT"),
            None,
        ]
    );
}

#[tokio::test]
async fn without_a_catalog_nothing_is_decided() {
    let office = Office::empty().await;
    let status = refused(&office, &request("a", "42", "spring", T)).await;
    assert_eq!(told(&status), (9, "NO_CATALOG".to_owned()));
    assert!(detail::<PreconditionFailure>(&status, "PreconditionFailure").is_some());
}

#[tokio::test]
async fn a_server_on_its_own_clock_takes_no_other_time() {
    let office = Office::open().await;
    let door =
        arbiter_door::Door::new(std::sync::Arc::clone(office.door.arbiter()), arbiter_door::Clock::System);
    let mut question = request("a", "42", "spring", T);
    let refusal = door.call(Verb::RequestContact, &question.encode_to_vec()).await.unwrap_err();
    assert_eq!(fields(&refusal.0), ["as_of_time"]);
    question.as_of_time = None;
    assert!(door.call(Verb::RequestContact, &question.encode_to_vec()).await.is_ok());
    assert_eq!(fields(&refused(&office, &question).await), ["as_of_time"]);
}

#[test]
fn every_failure_of_engine_and_store_has_its_code_and_reason() {
    let text = |value: &str| value.to_owned();
    let all: Vec<(ArbiterError, i32, &str)> = vec![
        (ArbiterError::NoCatalog, 9, "NO_CATALOG"),
        (ArbiterError::Catalog(text("a")), 3, "INVALID_ARGUMENT"),
        (ArbiterError::CatalogChanged { expected: 1, active: 2 }, 10, "CATALOG_CHANGED"),
        (ArbiterError::CatalogVersionUnknown(7), 5, "CATALOG_VERSION_UNKNOWN"),
        (ArbiterError::Settle(SettleError::Unknown), 5, "CONTACT_UNKNOWN"),
        (ArbiterError::Contended, 14, "CONTENDED"),
        (StoreError::Corrupt { key: text("42"), message: text("cut") }.into(), 15, "VALUE_CORRUPT"),
        (
            StoreError::Unavailable { message: text("away"), retry_after_ms: 250 }.into(),
            14,
            "STORE_UNAVAILABLE",
        ),
        (StoreError::Full { message: text("full") }.into(), 14, "STORE_FULL"),
        (StoreError::Stopped { message: text("stopped") }.into(), 14, "STORE_STOPPED"),
        (StoreError::Held { directory: text("d"), pid: text("1") }.into(), 14, "STORE_WRONG"),
        (StoreError::Wrong { message: text("wrong") }.into(), 14, "STORE_WRONG"),
        (StoreError::TooLarge { message: text("large") }.into(), 3, "INVALID_ARGUMENT"),
    ];
    for (error, code, reason) in all {
        let Refusal(status) = error.into();
        assert_eq!(told(&status), (code, reason.to_owned()));
        assert_eq!(detail::<RetryInfo>(&status, "RetryInfo").is_some(), code == 14, "{reason}");
    }
}

#[test]
fn every_record_error_has_its_code() {
    for (error, code) in [
        (RecordError::Settle(SettleError::Expired), 9),
        (RecordError::CampaignUnknown, 5),
        (RecordError::ChannelUnknown, 5),
        (RecordError::ChannelNotListed, 3),
        (RecordError::CampaignMissing, 3),
    ] {
        assert_eq!(told(&Refusal::unrecorded(error, 3, "c", "spring", "email").0).0, code);
    }
}

#[tokio::test]
async fn a_damaged_value_refuses_its_customer_alone() {
    use arbiter_store::Store;
    let office = Office::open().await;
    office.door.arbiter().store().commit("42", 0, b"\x01damaged", &[], &[]).await.unwrap();
    let status = refused(&office, &request("a", "42", "spring", T)).await;
    assert_eq!(told(&status), (15, "VALUE_CORRUPT".to_owned()));
    assert!(status.message.contains("`42`"), "{}", status.message);
    let other = request("a", "43", "spring", T + DAY);
    assert!(office.call::<proto::RequestContactResponse>(Verb::RequestContact, &other).await.is_ok());
}
