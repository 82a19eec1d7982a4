//! Answers, read only as far as they are counted: verdict, contact id and first reason; prost skips the rest.

use prost::Message;

/// Of a RequestContactResponse or CheckContactResponse.
#[derive(Clone, PartialEq, Message)]
pub struct Verdicts {
    /// One per candidate.
    #[prost(message, repeated, tag = "1")]
    pub decisions: Vec<Verdict>,
}

/// Of a Decision.
#[derive(Clone, PartialEq, Message)]
pub struct Verdict {
    /// 1 grant, 2 deny.
    #[prost(int32, tag = "3")]
    pub verdict: i32,
    /// Of a grant.
    #[prost(string, tag = "4")]
    pub contact_id: String,
    /// Of a denial.
    #[prost(message, repeated, tag = "7")]
    pub denials: Vec<Reason>,
}

/// Of a Denial.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Reason {
    /// The rank of the reason.
    #[prost(int32, tag = "1")]
    pub reason: i32,
}

/// Of a RequestContactResult, or of an EngagementResult in `trouble`.
#[derive(Clone, PartialEq, Message)]
pub struct Outcome {
    /// The answer.
    #[prost(message, optional, tag = "1")]
    pub response: Option<Verdicts>,
    /// Why there is none.
    #[prost(message, optional, tag = "2")]
    pub error: Option<Trouble>,
}

/// Of a BatchRequestContactsResponse.
#[derive(Clone, PartialEq, Message)]
pub struct Outcomes {
    /// In the order of the requests.
    #[prost(message, repeated, tag = "1")]
    pub results: Vec<Outcome>,
}

/// Of a StreamRequestContactsResponse.
#[derive(Clone, PartialEq, Message)]
pub struct Streamed {
    /// The result.
    #[prost(message, optional, tag = "1")]
    pub result: Option<Outcome>,
}

/// Of a RecordEngagementsResponse.
#[derive(Clone, PartialEq, Message)]
pub struct Recorded {
    /// In the order of the engagements.
    #[prost(message, repeated, tag = "1")]
    pub results: Vec<RecordedOne>,
}

/// Of an EngagementResult.
#[derive(Clone, PartialEq, Message)]
pub struct RecordedOne {
    /// Why it was not recorded.
    #[prost(message, optional, tag = "3")]
    pub error: Option<Trouble>,
}

/// Of a google.rpc.Status.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Trouble {
    /// The status code of gRPC.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// In words.
    #[prost(string, tag = "2")]
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{google::rpc::Status, repit::v1};

    #[test]
    fn what_is_read_is_what_the_proto_says() {
        let denial = v1::Denial { reason: 10, policy: "p".to_owned(), limit: 2.0, ..Default::default() };
        let decision = v1::Decision {
            verdict: i32::from(v1::Verdict::Grant),
            contact_id: "c".to_owned(),
            campaign_id: "spring".to_owned(),
            remaining: vec![v1::CapUsage::default()],
            denials: vec![denial],
            ..Default::default()
        };
        let response = v1::RequestContactResponse {
            decisions: vec![decision],
            catalog_version: 3,
            ..Default::default()
        };
        let error = Status { code: 5, message: "gone".to_owned(), details: Vec::new() };
        let result = |result| v1::RequestContactResult { result: Some(result) };
        use v1::request_contact_result::Result::{Error, Response};
        let batch = v1::BatchRequestContactsResponse {
            results: vec![result(Response(response)), result(Error(error.clone()))],
        };
        let read = Outcomes::decode(batch.encode_to_vec().as_slice()).unwrap();
        let verdict = &read.results[0].response.as_ref().unwrap().decisions[0];
        assert_eq!((verdict.verdict, verdict.contact_id.as_str(), verdict.denials[0].reason), (1, "c", 10));
        assert_eq!(read.results[1].error.as_ref().unwrap().message, "gone");
        let streamed = v1::StreamRequestContactsResponse { result: Some(batch.results[1].clone()) };
        assert_eq!(
            Streamed::decode(streamed.encode_to_vec().as_slice())
                .unwrap()
                .result
                .unwrap()
                .error
                .unwrap()
                .code,
            5
        );
        let recorded = v1::RecordEngagementsResponse {
            results: vec![v1::EngagementResult { error: Some(error), ..Default::default() }],
        };
        assert_eq!(
            Recorded::decode(recorded.encode_to_vec().as_slice()).unwrap().results[0]
                .error
                .as_ref()
                .unwrap()
                .code,
            5
        );
    }
}
