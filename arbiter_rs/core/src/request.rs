//! The question, as the core reads it.

use crate::ids::stable_hash;
use crate::time::{Calendar, Timestamp};

/// How many candidates a request has at most.
pub const MAX_CANDIDATES: usize = 64;

/// One way to contact the customer.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The campaign that asks.
    pub campaign: &'a str,
    /// By which channel.
    pub channel: &'a str,
    /// Ranks after priority; finite.
    pub score: f64,
    /// The earlier goes first among equals.
    pub deadline: Option<Timestamp>,
}

/// Whether places are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Grants take their places.
    Reserve,
    /// Nothing changes.
    Check,
}

/// May this customer be contacted?
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The request id; empty for none.
    pub id: &'a str,
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
}

impl Request<'_> {
    /// What a granted contact remembers of the request id.
    #[must_use]
    pub fn key(&self) -> Option<u64> {
        (self.purpose == Purpose::Reserve && !self.id.is_empty()).then(|| stable_hash(self.id.as_bytes()))
    }
}
