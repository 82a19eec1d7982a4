//! The generator against servers whose behaviour is known: what it counts is what they did.

// Marked as tests, although all of this is, because clippy goes by the mark where it lets helpers unwrap.
#[cfg(test)]
mod command;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod servers;
