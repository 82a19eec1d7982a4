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
//! use arbiter_core::request::{Candidate, Purpose, Request};
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
//! register.admit(&catalog);
//! let snapshot = Snapshot::compile(1, &catalog, register)?;
//!
//! let request = Request {
//!     id: "",
//!     candidates: vec![Candidate { campaign: "spring", channel: "email", score: 0.0, deadline: None }],
//!     max_grants: 1,
//!     segments: Vec::new(),
//!     calendar: None,
//!     purpose: Purpose::Reserve,
//! };
//! let now = Timestamp(1_772_438_400_000);
//!
//! // The first request takes a place in the state.
//! let mut state = CustomerState::default();
//! let outcome = decide(&snapshot, &mut state, &request, now)?;
//! assert!(outcome.is_changed && outcome.decisions[0].grant.is_some());
//!
//! // The second is denied, until the first is a day old to the millisecond.
//! let mut state = decode(&encode(&state))?;
//! let outcome = decide(&snapshot, &mut state, &request, now.plus_ms(1))?;
//! assert_eq!(outcome.decisions[0].earliest, Some(now.plus_ms(DAY_MS)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod apply;
pub mod arbitrate;
pub mod catalog;
pub mod codec;
pub mod compiled;
pub mod contact_id;
pub mod customer;
pub mod decide;
pub mod decision;
pub mod explain;
pub mod ids;
pub mod register;
pub mod request;
pub mod rules;
pub mod selector;
pub mod time;
pub mod windows;
