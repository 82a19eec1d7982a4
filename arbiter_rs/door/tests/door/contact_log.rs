//! The contact log that the store writes is the one that `contact_log.proto` declares.

use arbiter_door::messages::repit::v1 as proto;
use arbiter_store::Store;
use arbiter_store::log::{
    Change, ClaimsRegistered, ClaimsWithdrawn, ContactConfirmed, ContactGranted, ContactLogRecord,
    ContactReleased, LoggedClaim, LoggedEngagement,
};
use prost::Message;
use proto::contact_log_record::Change as Declared;

use crate::office::{DAY, Office, T, at, event};
use crate::schema::message;

/// One record of each change, every field set.
fn written() -> [ContactLogRecord; 6] {
    let text = |value: &str| value.to_owned();
    let granted = ContactGranted {
        contact_id: text("contact"),
        request_id: text("request"),
        campaign_id: text("campaign"),
        channel: text("channel"),
        kind: 2,
        offer_family: text("family"),
        business_unit: text("unit"),
        segments: vec![text("loyal"), text("prospect")],
        priority: 40,
        contact_time: at(T),
        claim: Some(claim()),
        contact_point: 7,
        subject: 8,
    };
    let engagement = LoggedEngagement {
        event_id: text("event"),
        customer_id: text("42"),
        kind: 7,
        contact_id: text("contact"),
        campaign_id: text("campaign"),
        channel: text("channel"),
        offer_family: text("family"),
        value: 99.95,
        event_time: at(T + 1),
        segments: vec![text("loyal")],
    };
    let changes = [
        Change::Granted(granted),
        Change::Confirmed(ContactConfirmed { contact_id: text("contact"), send_time: at(T + 2) }),
        Change::Released(ContactReleased { contact_id: text("contact"), reason: text("bounced") }),
        Change::Engagement(engagement),
        Change::ClaimsRegistered(ClaimsRegistered { claims: vec![claim()] }),
        Change::ClaimsWithdrawn(ClaimsWithdrawn { campaign_id: text("campaign") }),
    ];
    changes.map(|change| ContactLogRecord {
        customer_id: text("42"),
        record_time: at(T),
        state_version: 3,
        catalog_version: 9,
        change: Some(change),
        party_id: text("household"),
    })
}

fn claim() -> LoggedClaim {
    LoggedClaim {
        customer_id: "42".to_owned(),
        campaign_id: "campaign".to_owned(),
        channels: vec!["channel".to_owned()],
        from_time: at(T),
        until_time: at(T + DAY),
        score: Some(0.0),
    }
}

#[test]
fn the_declared_record_reads_every_field_that_the_store_writes_and_writes_the_same_bytes() {
    for record in written() {
        let bytes = record.encode_to_vec();
        let declared = proto::ContactLogRecord::decode(bytes.as_slice()).unwrap();
        assert_eq!(declared.encode_to_vec(), bytes);
        assert_eq!(ContactLogRecord::decode(declared.encode_to_vec().as_slice()).unwrap(), record);
    }
}

#[test]
fn fields_are_read_under_their_own_names() {
    let [granted, confirmed, released, engagement, registered, withdrawn] =
        written().map(|record| proto::ContactLogRecord::decode(record.encode_to_vec().as_slice()).unwrap());
    assert_eq!(
        (granted.customer_id.as_str(), granted.record_time, granted.state_version, granted.catalog_version),
        ("42", at(T), 3, 9)
    );
    let Some(Declared::Granted(granted)) = granted.change else { panic!("a grant") };
    assert_eq!(
        [granted.contact_id, granted.request_id, granted.campaign_id, granted.channel],
        ["contact", "request", "campaign", "channel"]
    );
    assert_eq!([granted.offer_family, granted.business_unit], ["family", "unit"]);
    assert_eq!(
        (granted.kind, granted.segments.len(), granted.priority, granted.contact_time),
        (2, 2, 40, at(T))
    );
    assert_eq!((granted.contact_point, granted.subject), (7, 8));
    let used = granted.claim.unwrap();
    assert_eq!(
        (used.campaign_id.as_str(), used.until_time, used.score),
        ("campaign", at(T + DAY), Some(0.0))
    );
    let Some(Declared::Confirmed(confirmed)) = confirmed.change else { panic!("a confirmation") };
    assert_eq!((confirmed.contact_id.as_str(), confirmed.send_time), ("contact", at(T + 2)));
    let Some(Declared::Released(released)) = released.change else { panic!("a release") };
    assert_eq!((released.contact_id.as_str(), released.reason.as_str()), ("contact", "bounced"));
    let Some(Declared::Engagement(engagement)) = engagement.change else { panic!("an engagement") };
    assert_eq!(
        [engagement.event_id, engagement.customer_id, engagement.contact_id],
        ["event", "42", "contact"]
    );
    assert_eq!(
        [engagement.campaign_id, engagement.channel, engagement.offer_family],
        ["campaign", "channel", "family"]
    );
    assert_eq!(
        (engagement.kind, engagement.value, engagement.event_time, engagement.segments.len()),
        (7, 99.95, at(T + 1), 1)
    );
    assert_eq!(registered.party_id, "household");
    let Some(Declared::ClaimsRegistered(registered)) = registered.change else { panic!("claims") };
    assert_eq!(registered.claims.first().map(|claim| claim.channels.len()), Some(1));
    let Some(Declared::ClaimsWithdrawn(withdrawn)) = withdrawn.change else { panic!("a withdrawal") };
    assert_eq!(withdrawn.campaign_id, "campaign");
}

#[test]
fn the_store_writes_every_field_that_is_declared() {
    let count = |name: &str| message(name).field.len();
    assert_eq!(count("ContactLogRecord"), 5 + 6);
    assert_eq!(count("ContactGranted"), 13);
    assert_eq!(count("ContactConfirmed"), 2);
    assert_eq!(count("ContactReleased"), 2);
    assert_eq!((count("ClaimsRegistered"), count("ClaimsWithdrawn")), (1, 1));
    // All but the priority, which the catalog has; and all but the party, which stands in the record.
    assert_eq!(count("Claim"), 6 + 1);
    assert_eq!(count("Engagement"), 10 + 1);
}

#[tokio::test]
async fn every_change_of_a_customer_is_in_the_log_with_the_version_that_it_made() {
    let office = Office::open().await;
    let first = office.grant("a", T).await;
    office.ask("b", "spring", T + 1).await;
    office.release(&first, T + 2).await.unwrap();
    let second = office.grant("c", T + 3).await;
    office.confirm(&second, T + 4).await.unwrap();
    office.record(vec![event("e", proto::EngagementKind::Purchased, "", T + DAY)], T + DAY).await;
    let log = office.door.arbiter().store().read_log("42", 100).await.unwrap();
    let records: Vec<proto::ContactLogRecord> =
        log.iter().map(|record| proto::ContactLogRecord::decode(record.bytes.as_slice()).unwrap()).collect();
    let versions: Vec<u64> = records.iter().map(|record| record.state_version).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5]);
    assert_eq!(versions, log.iter().map(|record| record.version).collect::<Vec<_>>());
    let changes: Vec<Declared> = records.into_iter().map(|record| record.change.unwrap()).collect();
    assert!(
        matches!(&changes[0], Declared::Granted(granted) if granted.contact_id == first && granted.request_id == "a")
    );
    assert!(matches!(&changes[1], Declared::Released(released) if released.reason == "bounced"));
    assert!(matches!(&changes[3], Declared::Confirmed(confirmed) if confirmed.send_time == at(T + 4)));
    assert!(matches!(&changes[4], Declared::Engagement(engagement) if engagement.event_id == "e"));
}
