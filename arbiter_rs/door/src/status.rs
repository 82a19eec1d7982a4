//! Errors as gRPC says them: `google.rpc.Status` with the details that the contract promises.

use arbiter_core::apply::{RecordError, SettleError};
use arbiter_store::{ArbiterError, StoreError};
use prost::Message;
use prost_types::{Any, Duration};

use crate::messages::google::rpc::{
    BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo, RetryInfo, Status, bad_request::FieldViolation,
    precondition_failure::Violation,
};

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "repit.dev";
/// How many field violations one error names at most.
pub const MAX_VIOLATIONS: usize = 100;

const INVALID_ARGUMENT: i32 = 3;
const NOT_FOUND: i32 = 5;
const RESOURCE_EXHAUSTED: i32 = 8;
const FAILED_PRECONDITION: i32 = 9;
const ABORTED: i32 = 10;
const INTERNAL: i32 = 13;
const UNAVAILABLE: i32 = 14;
const DATA_LOSS: i32 = 15;

/// When to ask again after a store was found full or stopped, in milliseconds: a person has to help.
const HELP_MS: u64 = 30_000;
/// When to ask again after the server was found busy, in milliseconds.
const BUSY_MS: u64 = 100;
/// When to ask again after the control plane was found away, in milliseconds.
const AWAY_MS: u64 = 500;
/// When to ask again after a customer was asked by too many at once, in milliseconds.
const CONTENDED_MS: u64 = 50;

/// Why a call was not answered: a gRPC status with its details.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal(pub Box<Status>);

/// One field that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field, for example `candidates[3].score`.
    pub field: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

fn any<M: Message>(name: &str, message: &M) -> Any {
    Any { type_url: format!("type.googleapis.com/google.rpc.{name}"), value: message.encode_to_vec() }
}

impl Refusal {
    fn new(code: i32, reason: &str, message: impl Into<String>) -> Self {
        let info = ErrorInfo { reason: reason.to_owned(), domain: DOMAIN.to_owned(), ..ErrorInfo::default() };
        Self(Box::new(Status { code, message: message.into(), details: vec![any("ErrorInfo", &info)] }))
    }

    fn with<M: Message>(mut self, name: &str, detail: &M) -> Self {
        self.0.details.push(any(name, detail));
        self
    }

    fn retry(self, after_ms: u64) -> Self {
        let seconds = i64::try_from(after_ms / 1_000).unwrap_or(i64::MAX);
        let nanos = i32::try_from(after_ms % 1_000).unwrap_or(0) * 1_000_000;
        self.with("RetryInfo", &RetryInfo { retry_delay: Some(Duration { seconds, nanos }) })
    }

    fn precondition(self, kind: &str, subject: &str, description: &str) -> Self {
        let violation = Violation {
            r#type: kind.to_owned(),
            subject: subject.to_owned(),
            description: description.to_owned(),
        };
        self.with("PreconditionFailure", &PreconditionFailure { violations: vec![violation] })
    }

    /// The request is malformed.
    #[must_use]
    pub fn invalid(fields: &[FieldError]) -> Self {
        let first =
            fields.first().map_or_else(String::new, |error| format!("`{}` {}", error.field, error.problem));
        let more = if fields.len() > 1 { format!(" (and {} more)", fields.len() - 1) } else { String::new() };
        let violation = |error: &FieldError| FieldViolation {
            field: error.field.clone(),
            description: error.problem.clone(),
            ..FieldViolation::default()
        };
        let details =
            BadRequest { field_violations: fields.iter().take(MAX_VIOLATIONS).map(violation).collect() };
        Self::new(INVALID_ARGUMENT, "INVALID_ARGUMENT", format!("{first}{more}")).with("BadRequest", &details)
    }

    /// The bytes are not the message that they should be.
    #[must_use]
    pub fn undecodable(message: &str, error: &prost::DecodeError) -> Self {
        Self::invalid(&[FieldError {
            field: message.to_owned(),
            problem: format!("cannot be decoded: {error}"),
        }])
    }

    /// Something that was named does not exist.
    #[must_use]
    pub fn not_found(reason: &str, resource: &str, name: &str) -> Self {
        let info = ResourceInfo {
            resource_type: format!("repit.v1.{resource}"),
            resource_name: name.to_owned(),
            ..ResourceInfo::default()
        };
        Self::new(NOT_FOUND, reason, format!("no such {} `{name}`", resource.to_lowercase()))
            .with("ResourceInfo", &info)
    }

    /// A stated maximum of a customer or party is reached.
    #[must_use]
    pub fn exhausted(reason: &str, message: &str) -> Self {
        Self::new(RESOURCE_EXHAUSTED, reason, message)
    }

    /// The party has as many customers as it can have.
    #[must_use]
    pub fn party_full() -> Self {
        let message =
            "the party has 256 customers already: check the `party_id`, or give this customer another";
        Self::new(FAILED_PRECONDITION, "PARTY_FULL", message).precondition("PARTY_FULL", "party_id", message)
    }

    /// The engine cannot be used any more.
    #[must_use]
    pub fn closed(message: &str) -> Self {
        Self::new(FAILED_PRECONDITION, "CLOSED", message).precondition("CLOSED", "arbiter", message)
    }

    /// More calls are in work than may be.
    #[must_use]
    pub fn overloaded() -> Self {
        let message = "too many requests are in work; try again";
        Self::new(RESOURCE_EXHAUSTED, "OVERLOADED", message).retry(BUSY_MS)
    }

    /// A fault of the server, without its words: they are in the log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(INTERNAL, "INTERNAL", "the server made a mistake; see its log")
    }

    /// The control plane does not answer.
    #[must_use]
    pub fn control_plane_away() -> Self {
        let message = "the control plane does not answer; try again";
        Self::new(UNAVAILABLE, "CONTROL_PLANE_AWAY", message).retry(AWAY_MS)
    }

    /// A contact cannot be settled so.
    #[must_use]
    pub fn unsettled(error: SettleError, contact_id: &str) -> Self {
        let (reason, advice) = match error {
            SettleError::Unknown => return Self::not_found("CONTACT_UNKNOWN", "Contact", contact_id),
            SettleError::Released => ("CONTACT_RELEASED", "ask again, and confirm the new contact"),
            SettleError::Expired => {
                ("CONTACT_EXPIRED", "ask again, or report it as `sent` if it was made all the same")
            }
            SettleError::Confirmed => ("CONTACT_CONFIRMED", "a contact that was made cannot be given back"),
        };
        let message = format!("contact `{contact_id}`: {error}; {advice}");
        Self::new(FAILED_PRECONDITION, reason, message.clone()).precondition(reason, contact_id, &message)
    }

    /// An engagement cannot be recorded.
    #[must_use]
    pub fn unrecorded(
        error: RecordError,
        index: usize,
        contact_id: &str,
        campaign: &str,
        channel: &str,
    ) -> Self {
        let field = |name: &str, problem: String| {
            Self::invalid(&[FieldError { field: format!("engagements[{index}].{name}"), problem }])
        };
        match error {
            RecordError::Settle(error) => Self::unsettled(error, contact_id),
            RecordError::CampaignUnknown => Self::not_found("CAMPAIGN_UNKNOWN", "Campaign", campaign),
            RecordError::ChannelUnknown => Self::not_found("CHANNEL_UNKNOWN", "Channel", channel),
            RecordError::ChannelNotListed => field(
                "channel",
                format!("`{channel}` is not a channel of campaign `{campaign}`: add it to the campaign"),
            ),
            RecordError::PartyFull => Self::party_full(),
            RecordError::CampaignMissing => {
                field("campaign_id", "and `channel` are needed for a contact made elsewhere".to_owned())
            }
        }
    }
}

impl From<ArbiterError> for Refusal {
    fn from(error: ArbiterError) -> Self {
        let message = error.to_string();
        match error {
            ArbiterError::Store(error) => Self::of_store(&error, message),
            ArbiterError::NoCatalog => Self::new(FAILED_PRECONDITION, "NO_CATALOG", message.clone())
                .precondition("NO_CATALOG", "catalog", &message),
            ArbiterError::Catalog(_) => {
                Self::invalid(&[FieldError { field: "catalog".to_owned(), problem: message }])
            }
            ArbiterError::CatalogChanged { .. } => Self::new(ABORTED, "CATALOG_CHANGED", message),
            ArbiterError::CatalogVersionUnknown(version) => {
                Self::not_found("CATALOG_VERSION_UNKNOWN", "Catalog", &version.to_string())
            }
            ArbiterError::Settle(error) => Self::unsettled(error, ""),
            ArbiterError::PartyFull => Self::party_full(),
            ArbiterError::ShadowRuns => Self::new(FAILED_PRECONDITION, "SHADOW_RUNNING", message.clone())
                .precondition("SHADOW_RUNNING", "shadow", &message),
            ArbiterError::NoShadow => Self::new(FAILED_PRECONDITION, "NO_SHADOW", message.clone())
                .precondition("NO_SHADOW", "shadow", &message),
            ArbiterError::Contended => Self::new(UNAVAILABLE, "CONTENDED", message).retry(CONTENDED_MS),
        }
    }
}

impl Refusal {
    fn of_store(error: &StoreError, message: String) -> Self {
        match error {
            StoreError::Unavailable { retry_after_ms, .. } => {
                Self::new(UNAVAILABLE, "STORE_UNAVAILABLE", message).retry(*retry_after_ms)
            }
            StoreError::Full { .. } => Self::new(UNAVAILABLE, "STORE_FULL", message).retry(HELP_MS),
            StoreError::Stopped { .. } => Self::new(UNAVAILABLE, "STORE_STOPPED", message).retry(HELP_MS),
            StoreError::Held { .. } | StoreError::Wrong { .. } => {
                Self::new(UNAVAILABLE, "STORE_WRONG", message).retry(HELP_MS)
            }
            StoreError::Corrupt { key, .. } => {
                let info = ResourceInfo {
                    resource_type: "repit.v1.Customer".to_owned(),
                    resource_name: key.clone(),
                    ..ResourceInfo::default()
                };
                Self::new(DATA_LOSS, "VALUE_CORRUPT", message).with("ResourceInfo", &info)
            }
            StoreError::TooLarge { .. } => {
                Self::invalid(&[FieldError { field: "request".to_owned(), problem: message }])
            }
        }
    }
}
