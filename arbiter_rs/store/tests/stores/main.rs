//! Every store keeps what the suite asks, and fails as it should: one program, one module a store.

// Marked as tests, although all of this is, because clippy goes by the mark where it lets helpers unwrap.
#[cfg(test)]
mod any_store;
#[cfg(test)]
mod embedded;
#[cfg(test)]
#[cfg(unix)]
mod embedded_process;
#[cfg(test)]
mod embedded_tallies;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod redis_faults;
#[cfg(test)]
mod redis_lines;
#[cfg(test)]
mod redis_replicas;
#[cfg(test)]
mod redis_server;
#[cfg(test)]
mod redis_store;
#[cfg(test)]
mod redis_tallies;
#[cfg(test)]
mod relay;
