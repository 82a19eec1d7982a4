//! `repit-echo-mimalloc`: the empty tonic server, with mimalloc as Répit has it.

use clap::Parser;
use repit_load::echo::{EchoCommand, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::io::Result<()> {
    run(&EchoCommand::parse())
}
