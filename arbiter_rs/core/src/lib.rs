//! The core of Répit: the rules, pure. Values in, values out; no clock, no file, no network, no threads.
//!
//! [`decide::decide`] answers a request; [`apply`] does everything else that changes a [`customer::CustomerState`];
//! [`codec`] turns the state to bytes and back; [`catalog::Snapshot`] is the policy that they read.

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
