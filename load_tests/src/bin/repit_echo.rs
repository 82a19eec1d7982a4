//! `repit-echo`: the empty tonic server, with the allocator of the system.

use clap::Parser;
use repit_load::echo::{EchoCommand, run};

fn main() -> std::io::Result<()> {
    run(&EchoCommand::parse())
}
