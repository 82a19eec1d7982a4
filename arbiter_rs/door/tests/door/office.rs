//! A door with a catalog behind it, and messages in few words.

use std::sync::Arc;

use arbiter_door::messages::repit::v1 as proto;
use arbiter_door::{Clock, Door, Refusal, Verb};
use arbiter_store::{Arbiter, MemoryStore};
use prost::Message;
use prost_types::Timestamp;
use serde_json::json;

/// 2026-03-02T08:00:00Z, in seconds.
pub(crate) const T: i64 = 1_772_438_400;
pub(crate) const DAY: i64 = 86_400;

pub(crate) fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

/// A door, and what stands behind it.
pub(crate) struct Office {
    pub(crate) door: Door<MemoryStore>,
}

impl Office {
    /// Without a catalog.
    pub(crate) async fn empty() -> Self {
        let arbiter = Arbiter::open(MemoryStore::new()).await.unwrap();
        Self { door: Door::new(Arc::new(arbiter), Clock::Request) }
    }

    /// `spring` and `autumn` by e-mail, at most one contact in 24 hours; reservations by `sms` lapse after an hour.
    pub(crate) async fn open() -> Self {
        Self::with_caps(["one-a-day".to_owned()]).await
    }

    /// The same, with this cap of one contact in 24 hours under each of these names.
    pub(crate) async fn with_caps(names: impl IntoIterator<Item = String>) -> Self {
        let office = Self::empty().await;
        let cap = |name: String| {
            json!({"name": name, "frequency_cap": {"measure": "contacts", "limit": 1,
                "window": {"sliding_ms": DAY * 1_000}, "counted": "attempts", "window_text": "sliding 24h"}})
        };
        let rules: Vec<serde_json::Value> = names.into_iter().map(cap).collect();
        let channel = |name: &str, unconfirmed: &str| json!({"name": name, "cost": 2_000, "pressure": 1_000_000, "expires_after_ms": 3_600_000, "unconfirmed": unconfirmed});
        let campaign = |name: &str| json!({"name": name, "priority": 40, "kind": "marketing", "channels": ["email", "sms"], "offer_family": name, "business_unit": "shop"});
        let catalog = json!({
            "format": 1, "zone": "UTC", "horizon_ms": 400 * DAY * 1_000, "segments": ["loyal"], "business_units": ["shop"],
            "channels": [channel("email", "counts"), channel("sms", "released")],
            "offer_families": [{"name": "spring"}, {"name": "autumn"}],
            "campaigns": [campaign("spring"), campaign("autumn")],
            "policies": [{"name": "pressure", "rules": rules}],
        });
        office
            .door
            .arbiter()
            .apply_catalog(&serde_json::to_vec(&catalog).unwrap(), b"", None, &[])
            .await
            .unwrap();
        office
    }

    pub(crate) async fn call<A: Message + Default>(
        &self,
        verb: Verb,
        request: &impl Message,
    ) -> Result<A, Refusal> {
        let answer = self.door.call(verb, &request.encode_to_vec()).await?;
        Ok(A::decode(answer.as_slice()).unwrap())
    }

    /// Ask for one campaign by e-mail; the decision.
    pub(crate) async fn ask(&self, id: &str, campaign: &str, seconds: i64) -> proto::Decision {
        let answer: proto::RequestContactResponse =
            self.call(Verb::RequestContact, &request(id, "42", campaign, seconds)).await.unwrap();
        answer.decisions[0].clone()
    }

    /// Ask and expect a grant; its contact id.
    pub(crate) async fn grant(&self, id: &str, seconds: i64) -> String {
        let decision = self.ask(id, "spring", seconds).await;
        assert_eq!(decision.verdict(), proto::Verdict::Grant);
        decision.contact_id
    }

    pub(crate) async fn confirm(
        &self,
        contact_id: &str,
        seconds: i64,
    ) -> Result<proto::ConfirmContactResponse, Refusal> {
        let request = proto::ConfirmContactRequest {
            contact_id: contact_id.to_owned(),
            send_time: None,
            as_of_time: at(seconds),
        };
        self.call(Verb::ConfirmContact, &request).await
    }

    pub(crate) async fn release(
        &self,
        contact_id: &str,
        seconds: i64,
    ) -> Result<proto::ReleaseContactResponse, Refusal> {
        let request = proto::ReleaseContactRequest {
            contact_id: contact_id.to_owned(),
            reason: "bounced".to_owned(),
            as_of_time: at(seconds),
        };
        self.call(Verb::ReleaseContact, &request).await
    }

    pub(crate) async fn record(
        &self,
        engagements: Vec<proto::Engagement>,
        seconds: i64,
    ) -> Vec<proto::EngagementResult> {
        let request = proto::RecordEngagementsRequest { engagements, as_of_time: at(seconds) };
        let answer: proto::RecordEngagementsResponse =
            self.call(Verb::RecordEngagements, &request).await.unwrap();
        answer.results
    }
}

pub(crate) fn request(
    id: &str,
    customer: &str,
    campaign: &str,
    seconds: i64,
) -> proto::RequestContactRequest {
    proto::RequestContactRequest {
        request_id: id.to_owned(),
        customer_id: customer.to_owned(),
        candidates: vec![proto::Candidate {
            campaign_id: campaign.to_owned(),
            channel: "email".to_owned(),
            ..proto::Candidate::default()
        }],
        as_of_time: at(seconds),
        ..proto::RequestContactRequest::default()
    }
}

pub(crate) fn event(
    id: &str,
    kind: proto::EngagementKind,
    campaign: &str,
    seconds: i64,
) -> proto::Engagement {
    proto::Engagement {
        event_id: id.to_owned(),
        customer_id: "42".to_owned(),
        kind: kind.into(),
        campaign_id: campaign.to_owned(),
        event_time: at(seconds),
        ..proto::Engagement::default()
    }
}
