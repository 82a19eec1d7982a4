//! The core from outside: its codec, its decisions, and what no catalog, value or moment may make it do.

// Marked as tests, although all of this is, because clippy goes by the mark where it lets helpers unwrap.
#[cfg(test)]
mod alternatives;
#[cfg(test)]
#[path = "../both_ways/mod.rs"]
mod both_ways;
#[cfg(test)]
mod capacity;
#[cfg(test)]
mod caps_hold;
#[cfg(test)]
mod claims;
#[cfg(test)]
mod codec;
#[cfg(test)]
mod decide;
#[cfg(test)]
mod earliest;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod fast_path;
#[cfg(test)]
mod holdout;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod outranking;
#[cfg(test)]
mod parties;
#[cfg(test)]
mod planned;
#[cfg(test)]
mod prerequisite;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod score;
#[cfg(test)]
mod search;
#[cfg(test)]
mod segments;
#[cfg(test)]
mod story;
#[cfg(test)]
mod world;
