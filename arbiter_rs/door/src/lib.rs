//! The door: proto messages to and from the values of the core. Bytes in, bytes out, for every verb of the data plane;
//! and the listener that takes them from the wire.

pub mod arbitration;
mod claims;
pub mod clock;
pub mod convert;
mod explained;
pub mod listener;
mod pace;
pub mod respond;
mod shadow;
pub mod status;

/// The messages of `proto/`, generated.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::allow_attributes, reason = "generated")]
pub mod messages {
    include!(concat!(env!("OUT_DIR"), "/messages.rs"));
}

pub use crate::{
    arbitration::{Door, Verb},
    clock::Clock,
    listener::Listener,
    status::Refusal,
};
