//! `repit-load`: the generator of the load tests.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use repit_load::{
    error::LoadError,
    peers::{self, PeersCommand},
    run::{RunCommand, run, shipped},
};

#[derive(Debug, Parser)]
#[command(name = "repit-load", version, about = "Open-loop load for Répit, and its peers beside it")]
struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run a profile. Exit status 0: objectives held; 1: one missed, or a contact over-admitted; 2: wrong use; 3: the server failed.
    Run(RunCommand),
    /// Répit beside an empty server and beside other limiters. Exit status 1 where a goal's must does not hold.
    Peers(PeersCommand),
    /// The profiles of the project.
    Profiles,
}

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().verb {
        Verb::Run(command) => run(&command),
        Verb::Peers(command) => peers::run(&command),
        Verb::Profiles => writeln!(io::stdout(), "{}", shipped().join("\n"))
            .map(|()| 0)
            .map_err(|error| LoadError::Usage(error.to_string())),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            let _ = writeln!(io::stderr(), "repit-load: {error}");
            ExitCode::from(error.status())
        }
    }
}
