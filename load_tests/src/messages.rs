//! The messages of `proto/`, generated; and of the answers that part which the generator counts, so that it need not read the rest.

#![expect(
    missing_docs,
    clippy::all,
    clippy::too_many_lines,
    reason = "generated from proto/, where the documentation is"
)]

include!(concat!(env!("OUT_DIR"), "/messages.rs"));
