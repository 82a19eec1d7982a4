//! A small HTTP/2 client for gRPC: canned headers, no allocation for a question, so that the generator is not the bottleneck.

mod connection;
mod frame;
mod hpack;
mod streams;

pub use connection::{Answers, Connection, End};
pub use frame::Broken;
pub use hpack::request_headers;
