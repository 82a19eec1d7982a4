//! Each verb, asked as a client asks it.

use arbiter_door::Verb;
use arbiter_door::messages::repit::v1 as proto;
use proto::{ContactState, DenialReason, EngagementKind, Verdict, request_contact_result::Result as Outcome};
use serde_json::json;

use crate::office::{DAY, Office, T, at, event, request};

#[tokio::test]
async fn a_request_is_granted_and_the_next_one_denied_with_its_figures() {
    let office = Office::open().await;
    let granted = office.ask("a", "spring", T).await;
    assert_eq!(
        (granted.verdict(), granted.expire_time, granted.earliest_time),
        (Verdict::Grant, at(T + 3_600), None)
    );
    assert!(granted.contact_id.ends_with("@42"));
    let remaining = &granted.remaining[0];
    assert_eq!((remaining.policy.as_str(), remaining.rule.as_str()), ("pressure", "one-a-day"));
    assert_eq!((remaining.limit, remaining.used, remaining.left), (1.0, 1.0, 0.0));
    let denied = office.ask("b", "autumn", T + 60).await;
    assert_eq!(
        (denied.verdict(), denied.contact_id.as_str(), denied.earliest_time),
        (Verdict::Deny, "", at(T + DAY))
    );
    let denial = &denied.denials[0];
    assert_eq!(
        (denial.reason(), denial.policy.as_str(), denial.rule.as_str()),
        (DenialReason::FrequencyCap, "pressure", "one-a-day")
    );
    assert_eq!((denial.limit, denial.used, denial.window.as_str()), (1.0, 1.0, "sliding 24h"));
    assert_eq!(denial.contacts[0].contact_id, granted.contact_id);
    assert_eq!((denial.contacts[0].campaign_id.as_str(), denial.contacts[0].contact_time), ("spring", at(T)));
}

#[tokio::test]
async fn a_decision_names_at_most_256_rules_and_its_earliest_time_is_that_of_all() {
    let office = Office::with_caps((0..300).map(|index| format!("r{index}"))).await;
    assert_eq!(office.ask("a", "spring", T).await.remaining.len(), 256);
    let denied = office.ask("b", "spring", T + 1).await;
    assert_eq!((denied.denials.len(), denied.earliest_time), (256, at(T + DAY)));
    assert_eq!(denied.denials[255].rule, "r255");
}

#[tokio::test]
async fn a_repeated_request_is_answered_with_the_same_bytes() {
    let office = Office::open().await;
    let first = office.ask("a", "spring", T).await;
    assert_eq!(office.ask("a", "spring", T + 60).await, first);
    let earlier = office.ask("late", "autumn", T + 60).await;
    assert_eq!(earlier.verdict(), Verdict::Deny);
}

#[tokio::test]
async fn a_check_gives_the_same_answer_and_takes_no_place() {
    let office = Office::open().await;
    for _ in 0..2 {
        let mut question = request("", "42", "spring", T);
        question.max_grants = 1;
        let answer: proto::CheckContactResponse = office.call(Verb::CheckContact, &question).await.unwrap();
        assert_eq!(
            (answer.decisions[0].verdict(), answer.decisions[0].contact_id.as_str()),
            (Verdict::Grant, "")
        );
        assert_eq!(answer.catalog_version, 1);
    }
    office.grant("a", T).await;
}

#[tokio::test]
async fn a_batch_is_answered_in_order_and_one_bad_request_leaves_the_others_alone() {
    let office = Office::open().await;
    let batch = proto::BatchRequestContactsRequest {
        requests: vec![
            request("a", "42", "spring", T),
            request("b", "43", "spring", T),
            request("", "44", "spring", T),
            request("c", "42", "autumn", T + 1),
        ],
    };
    let answer: proto::BatchRequestContactsResponse =
        office.call(Verb::BatchRequestContacts, &batch).await.unwrap();
    let verdicts: Vec<Option<Verdict>> = answer
        .results
        .iter()
        .map(|result| match result.result.as_ref().unwrap() {
            Outcome::Response(response) => Some(response.decisions[0].verdict()),
            Outcome::Error(_) => None,
        })
        .collect();
    assert_eq!(verdicts, [Some(Verdict::Grant), Some(Verdict::Grant), None, Some(Verdict::Deny)]);
}

#[tokio::test]
async fn a_message_of_a_stream_is_a_request() {
    let office = Office::open().await;
    let message = proto::StreamRequestContactsRequest { request: Some(request("a", "42", "spring", T)) };
    let answer: proto::StreamRequestContactsResponse =
        office.call(Verb::StreamRequestContacts, &message).await.unwrap();
    let Some(Outcome::Response(response)) = answer.result.unwrap().result else { panic!("an answer") };
    assert_eq!(response.decisions[0].verdict(), Verdict::Grant);
}

#[tokio::test]
async fn a_bad_message_of_a_stream_does_not_end_it() {
    let office = Office::open().await;
    for bytes in [&b""[..], b"\xff\xff", b"\x0a\x00"] {
        let answer = office.door.call(Verb::StreamRequestContacts, bytes).await.unwrap();
        let answer =
            <proto::StreamRequestContactsResponse as prost::Message>::decode(answer.as_slice()).unwrap();
        assert!(matches!(answer.result.unwrap().result, Some(Outcome::Error(_))));
    }
}

#[tokio::test]
async fn confirmations_and_releases_may_be_repeated() {
    let office = Office::open().await;
    let id = office.grant("a", T).await;
    for _ in 0..2 {
        let contact = office.confirm(&id, T + 1).await.unwrap().contact.unwrap();
        assert_eq!((contact.state(), contact.campaign_id.as_str()), (ContactState::Confirmed, "spring"));
    }
    let id = office.grant("b", T + DAY).await;
    for _ in 0..2 {
        let contact = office.release(&id, T + DAY).await.unwrap().contact.unwrap();
        assert_eq!((contact.state(), contact.contact_id.as_str()), (ContactState::Released, id.as_str()));
    }
    office.grant("c", T + DAY).await;
}

#[tokio::test]
async fn engagements_are_answered_in_order_each_alone() {
    let office = Office::open().await;
    let contact_id = office.grant("a", T).await;
    let sent =
        proto::Engagement { contact_id: contact_id.clone(), ..event("1", EngagementKind::Sent, "", T + 1) };
    let results = office
        .record(
            vec![
                sent,
                event("2", EngagementKind::Clicked, "spring", T + 2),
                event("3", EngagementKind::Clicked, "gone", T + 3),
                event("2", EngagementKind::Clicked, "spring", T + 2),
                proto::Engagement {
                    channel: "email".to_owned(),
                    ..event("4", EngagementKind::Sent, "autumn", T - 5 * DAY)
                },
            ],
            T + 10,
        )
        .await;
    let told: Vec<(bool, bool)> =
        results.iter().map(|result| (result.is_duplicate, result.error.is_some())).collect();
    assert_eq!(told, [(false, false), (false, false), (false, true), (true, false), (false, false)]);
    assert_eq!([&results[0].contact_id, &results[1].contact_id], [&contact_id, &contact_id]);
    assert!(results[4].contact_id.ends_with("@42") && results[4].contact_id != contact_id);
}

#[tokio::test]
async fn an_explanation_tells_what_is_known_and_what_it_means() {
    let office = Office::open().await;
    let contact_id = office.grant("a", T).await;
    office.record(vec![event("1", EngagementKind::OptedOut, "spring", T + 5)], T + 5).await;
    let question = proto::ExplainCustomerRequest {
        customer_id: "42".to_owned(),
        as_of_time: at(T + 10),
        ..Default::default()
    };
    let answer: proto::ExplainCustomerResponse = office.call(Verb::ExplainCustomer, &question).await.unwrap();
    let times: Vec<_> = answer.timeline.iter().map(|entry| entry.time).collect();
    assert_eq!(times, [at(T + 5), at(T)]);
    let Some(proto::timeline_entry::Entry::Contact(contact)) = &answer.timeline[1].entry else {
        panic!("a contact")
    };
    assert_eq!((contact.contact_id.as_str(), contact.state()), (contact_id.as_str(), ContactState::Pending));
    assert_eq!((answer.contact_count, answer.catalog_version, answer.suppressions.len()), (1, 1, 1));
    assert!(answer.value_bytes > 0);
    assert!(
        answer
            .rules
            .iter()
            .all(|rule| rule.rule == "one-a-day" && rule.is_against && rule.earliest_time == at(T + DAY))
    );
    let free: Vec<_> =
        answer.channels.iter().map(|channel| (channel.channel.as_str(), channel.earliest_time)).collect();
    assert_eq!(free, [("email", None), ("sms", at(T + DAY))]);
}

#[tokio::test]
async fn a_release_gives_money_back_however_long_after_the_reservation_expired() {
    for seconds in [40 * DAY + 3_599, 300 * DAY] {
        let office = Office::empty().await;
        let catalog = json!({
            "format": 1, "zone": "UTC", "horizon_ms": 400 * DAY * 1_000,
            "channels": [{"name": "email", "cost": 2_000, "pressure": 0, "expires_after_ms": 3_600_000, "unconfirmed": "counts"}],
            "campaigns": [{"name": "spring", "priority": 40, "kind": "marketing", "channels": ["email"]}],
            "policies": [{"name": "campaign:spring", "rules": [{"name": "budget", "capacity": {
                "measure": "cost", "limit": 2_000, "window": {"lifetime": true}, "window_text": "lifetime"}}]}],
        });
        let catalog = serde_json::to_vec(&catalog).unwrap();
        office.door.arbiter().apply_catalog(&catalog, b"", None, &[]).await.unwrap();
        let contact_id = office.grant("first", T).await;
        assert_eq!(office.ask("next", "spring", T + seconds).await.verdict(), Verdict::Deny);
        office.release(&contact_id, T + seconds).await.unwrap();
        assert_eq!(office.ask("next", "spring", T + seconds).await.verdict(), Verdict::Grant, "{seconds} s");
    }
}
