//! The door from outside: bytes in, bytes out, on a store in memory; and every number of the wire against the core's.

// Marked as tests, although all of this is, because clippy goes by the mark where it lets helpers unwrap.
#[cfg(test)]
mod claims;
#[cfg(test)]
mod closed_sets;
#[cfg(test)]
mod contact_log;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod office;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod verbs;
