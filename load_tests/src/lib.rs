//! Load tests: profiles in, a schedule that no answer delays, HDR histograms and a report out; and the peers beside it.

pub mod answers;
pub mod arrivals;
pub mod catalog;
pub mod desk;
pub mod drive;
pub mod echo;
pub mod error;
pub mod figures;
pub mod html;
pub mod http2;
pub mod keys;
pub mod machine;
pub mod messages;
pub mod numbers;
pub mod over_admission;
pub mod peers;
pub mod plot;
pub mod process;
pub mod profile;
pub mod progress;
pub mod pump;
pub mod questions;
pub mod report;
pub mod run;
pub mod worker;
pub mod world;
