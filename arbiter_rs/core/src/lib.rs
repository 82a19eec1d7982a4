//! The core of Répit: the rules, pure. Values in, values out; no clock, no file, no network, no threads.
//!
//! [`decide::decide`] answers a request; [`apply`] does everything else that changes a [`customer::CustomerState`];
//! [`codec`] turns the state to bytes and back; [`catalog::Snapshot`] is the policy that they read.
//!
//! ```
//! use arbiter_core::catalog::Snapshot;
//! use arbiter_core::codec::{decode, encode};
//! use arbiter_core::compiled::CompiledCatalog;
//! use arbiter_core::customer::CustomerState;
//! use arbiter_core::decide::decide;
//! use arbiter_core::register::Register;
//! use arbiter_core::request::{Candidate, Request};
//! use arbiter_core::standings::Standings;
//! use arbiter_core::time::{DAY_MS, Timestamp};
//!
//! // One campaign by e-mail, and at most one contact in 24 hours.
//! let catalog: CompiledCatalog = serde_json::from_str(r#"{
//!     "format": 1, "zone": "Europe/Paris", "horizon_ms": 34560000000,
//!     "channels": [{"name": "email", "cost": 2000, "pressure": 1000000, "expires_after_ms": 86400000, "unconfirmed": "counts"}],
//!     "campaigns": [{"name": "spring", "priority": 40, "kind": "marketing", "channels": ["email"]}],
//!     "policies": [{"name": "pressure", "rules": [{"name": "one-a-day", "frequency_cap": {
//!         "measure": "contacts", "limit": 1, "window": {"sliding_ms": 86400000}, "counted": "attempts", "window_text": "sliding 24h"}}]}]
//! }"#)?;
//! let mut register = Register::default();
//! register.admit(&catalog, 1);
//! let snapshot = Snapshot::compile(1, &catalog, register)?;
//!
//! let request = Request {
//!     customer: "42",
//!     party: "42",
//!     candidates: vec![Candidate { campaign: "spring", channel: "email", ..Candidate::default() }],
//!     ..Request::default()
//! };
//! let mut standings = Standings::default();
//! let now = Timestamp(1_772_438_400_000);
//!
//! // The first request takes a place in the state.
//! let mut state = CustomerState::default();
//! let outcome = decide(&snapshot, &mut state, &request, &mut standings, now)?;
//! assert!(outcome.is_changed && outcome.decisions[0].grant.is_some());
//!
//! // The second is denied, until the first is a day old to the millisecond.
//! let mut state = decode(&encode(&state))?;
//! let outcome = decide(&snapshot, &mut state, &request, &mut standings, now.plus_ms(1))?;
//! assert_eq!(outcome.decisions[0].earliest, Some(now.plus_ms(DAY_MS)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod affinity;
mod alternatives;
pub mod apply;
pub mod arbitrate;
mod asked;
pub mod catalog;
pub mod claims;
pub mod codec;
pub mod compaction;
pub mod compiled;
pub mod contact_id;
pub mod customer;
pub mod decide;
pub mod decision;
pub mod explain;
pub mod fast_path;
pub mod ids;
pub mod ledger;
pub mod register;
mod repeat;
pub mod request;
pub mod rules;
pub mod score;
pub mod segments;
pub mod selector;
pub mod standings;
pub mod time;
mod weights;
pub mod windows;
