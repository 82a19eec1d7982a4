//! What is asked: messages encoded once, with the request id and the customer written into their places.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::{
    messages::repit::v1::{
        Candidate, ConfirmContactRequest, CustomerContext, Engagement, EngagementKind,
        RecordEngagementsRequest, ReleaseContactRequest, RequestContactRequest,
    },
    numbers::count,
    profile::Ask,
};

/// Bytes of a request id.
const ID: &str = "0000000000000000";

/// The name of a customer; all are as long as one another.
pub fn customer_name(customer: u64) -> String {
    format!("load-{customer:010}")
}

/// A message with two places to write into.
#[derive(Debug, Clone)]
pub struct Template {
    message: Vec<u8>,
    id_at: Option<usize>,
    key_at: Vec<usize>,
}

impl Template {
    /// Of a message in which `ID` and customer 0 stand for what is written at each use.
    pub fn of(message: Vec<u8>) -> Self {
        let places = |text: &str| -> Vec<usize> {
            let windows = message.windows(text.len()).enumerate();
            windows.filter(|(_, window)| *window == text.as_bytes()).map(|(at, _)| at).collect()
        };
        let (id_at, key_at) = (places(ID).first().copied(), places(&customer_name(0)));
        Self { message, id_at, key_at }
    }

    /// The question of an ask about one customer.
    pub fn of_ask(ask: &Ask) -> Self {
        let candidate = |way: &crate::profile::Way| Candidate {
            campaign_id: way.campaign.clone(),
            channel: way.channel.clone(),
            ..Candidate::default()
        };
        let segments = ask.segments.clone();
        let customer =
            (!segments.is_empty()).then(|| CustomerContext { segments, ..CustomerContext::default() });
        let request = RequestContactRequest {
            request_id: ID.to_owned(),
            customer_id: customer_name(0),
            candidates: ask.candidates.iter().map(candidate).collect(),
            max_grants: ask.max_grants,
            customer,
            ..RequestContactRequest::default()
        };
        Self::of(request.encode_to_vec())
    }

    /// Whether a customer is named in it.
    pub fn has_key(&self) -> bool {
        !self.key_at.is_empty()
    }

    /// Append it as a whole gRPC message.
    pub fn write(&self, out: &mut Vec<u8>, id: u64, customer: u64) {
        grpc_head(out, self.message.len());
        self.write_bare(out, id, customer);
    }

    /// Append it as field 1 of a message: a request of a batch or stream.
    pub fn write_field(&self, out: &mut Vec<u8>, id: u64, customer: u64) {
        out.push(0x0a);
        write_varint(out, count(self.message.len()));
        self.write_bare(out, id, customer);
    }

    fn write_bare(&self, out: &mut Vec<u8>, id: u64, customer: u64) {
        let start = out.len();
        out.extend_from_slice(&self.message);
        let written = out.get_mut(start..).unwrap_or_default();
        if let Some(place) = self.id_at.and_then(|at| written.get_mut(at..at + ID.len())) {
            place.copy_from_slice(&hex(id));
        }
        for place in &self.key_at {
            // The digits are the last ten bytes of the name.
            if let Some(place) = written.get_mut(place + 5..place + 15) {
                digits(place, customer);
            }
        }
    }
}

fn hex(id: u64) -> [u8; 16] {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let mut text = [b'0'; 16];
    let mut rest = id;
    for place in text.iter_mut().rev() {
        *place = DIGITS.get(crate::numbers::place(rest % 16)).copied().unwrap_or(b'0');
        rest /= 16;
    }
    text
}

fn digits(place: &mut [u8], number: u64) {
    let mut rest = number;
    for byte in place.iter_mut().rev() {
        *byte = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
}

/// Append the five bytes before a message.
pub fn grpc_head(out: &mut Vec<u8>, length: usize) {
    out.push(0);
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn write_varint(out: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    while rest >= 128 {
        out.push(u8::try_from(rest % 128).unwrap_or(0) | 128);
        rest /= 128;
    }
    out.push(u8::try_from(rest).unwrap_or(0));
}

/// A message with its gRPC head.
pub fn whole(message: &impl Message) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.encoded_len() + 5);
    grpc_head(&mut out, message.encoded_len());
    out.extend(message.encode_to_vec());
    out
}

/// The contact was made.
pub fn confirm(contact_id: &str) -> Vec<u8> {
    whole(&ConfirmContactRequest { contact_id: contact_id.to_owned(), ..ConfirmContactRequest::default() })
}

/// The contact was not made.
pub fn release(contact_id: &str) -> Vec<u8> {
    let reason = "load test".to_owned();
    whole(&ReleaseContactRequest {
        contact_id: contact_id.to_owned(),
        reason,
        ..ReleaseContactRequest::default()
    })
}

/// A customer opened a message of a campaign.
pub fn opened(id: u64, customer: u64, ask: &Ask) -> Vec<u8> {
    whole(&RecordEngagementsRequest {
        engagements: vec![engagement(id, customer, ask, EngagementKind::Opened, None)],
        ..RecordEngagementsRequest::default()
    })
}

/// One event of the first way of an ask.
pub fn engagement(
    id: u64,
    customer: u64,
    ask: &Ask,
    kind: EngagementKind,
    age: Option<Duration>,
) -> Engagement {
    let way = ask.candidates.first();
    Engagement {
        event_id: format!("{id:016x}"),
        customer_id: customer_name(customer),
        kind: i32::from(kind),
        campaign_id: way.map(|way| way.campaign.clone()).unwrap_or_default(),
        channel: way.map(|way| way.channel.clone()).unwrap_or_default(),
        event_time: age.map(|age| {
            let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(age);
            prost_types::Timestamp { seconds: i64::try_from(at.as_secs()).unwrap_or(0), nanos: 0 }
        }),
        ..Engagement::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{messages::repit::v1::BatchRequestContactsRequest, profile::Way};

    fn ask() -> Ask {
        let candidates = vec![Way { campaign: "spring".to_owned(), channel: "email".to_owned() }];
        Ask { weight: 1.0, candidates, max_grants: 0, segments: vec!["loyal".to_owned()] }
    }

    #[test]
    fn a_template_gives_the_message_that_prost_would() {
        let mut out = Vec::new();
        Template::of_ask(&ask()).write(&mut out, 0xbeef, 1_234_567_890);
        let request = RequestContactRequest::decode(&out[5..]).unwrap();
        assert_eq!(request.request_id, "000000000000beef");
        assert_eq!(request.customer_id, "load-1234567890");
        assert_eq!(request.candidates[0].campaign_id, "spring");
        assert_eq!(out, whole(&request));
    }

    #[test]
    fn requests_side_by_side_are_a_batch() {
        let template = Template::of_ask(&ask());
        let mut body = Vec::new();
        (0..3).for_each(|n| template.write_field(&mut body, n, n));
        let batch = BatchRequestContactsRequest::decode(body.as_slice()).unwrap();
        assert_eq!(batch.requests[2].customer_id, "load-0000000002");
        assert_eq!(batch.encode_to_vec(), body);
    }
}
