//! The messages of `proto/`, generated.

#![expect(missing_docs, clippy::all, reason = "generated from proto/, where the documentation is")]

include!(concat!(env!("OUT_DIR"), "/messages.rs"));
