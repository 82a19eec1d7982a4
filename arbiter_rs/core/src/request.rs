//! The question, as the core reads it.

use crate::ids::stable_hash;
use crate::time::{Calendar, DAY_MS, Timestamp};

/// How many candidates a request has at most.
pub const MAX_CANDIDATES: usize = 64;
/// How far ahead a contact may be planned.
pub const MAX_PLANNED_MS: i64 = 31 * DAY_MS;

/// One way to contact the customer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Candidate<'a> {
    /// The campaign that asks.
    pub campaign: &'a str,
    /// By which channel.
    pub channel: &'a str,
    /// Ranks after priority; finite. Worked out where absent.
    pub score: Option<f64>,
    /// How likely an answer is, 0-1.
    pub answer_probability: Option<f64>,
    /// What an answer is worth, in units of money; the campaign's where absent.
    pub value: Option<f64>,
    /// The earlier goes first among equals.
    pub deadline: Option<Timestamp>,
}

/// Whether places are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// Grants take their places.
    #[default]
    Reserve,
    /// Nothing changes.
    Check,
}

/// May this customer be contacted?
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The request id; empty for none.
    pub id: &'a str,
    /// The customer.
    pub customer: &'a str,
    /// The party that holds its state: household or account, or the customer itself.
    pub party: &'a str,
    /// Hash of the address or number; 0 for none.
    pub contact_point: u64,
    /// Hash of what it is about; 0 for none.
    pub subject: u64,
    /// The candidates, at most [`MAX_CANDIDATES`].
    pub candidates: Vec<Candidate<'a>>,
    /// How many of them may be granted, at least 1.
    pub max_grants: usize,
    /// The customer's segments; one that the catalog does not name matches nothing.
    pub segments: Vec<&'a str>,
    /// The customer's own calendar, where known.
    pub calendar: Option<Calendar>,
    /// Whether places are taken.
    pub purpose: Purpose,
    /// When the contact will be made, at most [`MAX_PLANNED_MS`] ahead; at once where absent.
    pub planned: Option<Timestamp>,
}

impl Default for Request<'_> {
    fn default() -> Self {
        Self {
            id: "",
            customer: "",
            party: "",
            contact_point: 0,
            subject: 0,
            candidates: Vec::new(),
            max_grants: 1,
            segments: Vec::new(),
            calendar: None,
            purpose: Purpose::Reserve,
            planned: None,
        }
    }
}

impl Request<'_> {
    /// What a granted contact remembers of the request id.
    #[must_use]
    pub fn key(&self) -> Option<u64> {
        (self.purpose == Purpose::Reserve && !self.id.is_empty()).then(|| stable_hash(self.id.as_bytes()))
    }
}
