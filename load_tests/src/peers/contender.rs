//! What is compared: each a server that runs, the question that it gets, and the processes whose cost is counted.

use std::{net::SocketAddr, path::Path, process::Command, sync::Arc};

use tempfile::TempDir;

use crate::{
    catalog,
    desk::{Book, ProfileBook},
    error::LoadError,
    peers::{PeersCommand, definition::Definition},
    process::{Process, Served, Store, absolute_program, on_path, redis},
    profile::Profile,
    worker::Target,
};

/// A server that runs.
#[derive(Debug)]
pub struct Contender {
    /// Its name in the tables.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it does that the others do not.
    pub does: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// The path of its method.
    pub path: String,
    /// What it is asked.
    pub book: Book,
    /// How it is filled: in batches, one by one, or not at all.
    pub filling: Filling,
    /// The peer's definition.
    pub definition: Option<Definition>,
    server: Running,
}

/// How a contender's store gets its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// BatchRequestContacts.
    Batches,
    /// One call a key.
    Calls,
    /// It holds nothing.
    Nothing,
}

#[derive(Debug)]
enum Running {
    Alone(Process),
    OnRedis(Process, Process),
    Repit(Served),
}

impl Contender {
    /// The server's process.
    pub fn process(&self) -> &Process {
        match &self.server {
            Running::Alone(process) | Running::OnRedis(process, _) => process,
            Running::Repit(served) => &served.server,
        }
    }

    /// Its Redis, where it has one.
    pub fn redis(&self) -> Option<&Process> {
        match &self.server {
            Running::Alone(_) => None,
            Running::OnRedis(_, redis) => Some(redis),
            Running::Repit(served) => served.redis.as_ref(),
        }
    }

    /// Répit with what it stands on.
    pub fn served(&self) -> Option<&Served> {
        if let Running::Repit(served) = &self.server { Some(served) } else { None }
    }

    /// Where questions to it go.
    pub fn target(&self, connections: usize) -> Target {
        Target::new(self.address, connections, &self.path)
    }
}

/// Start everything that takes part; what cannot is named with its reason.
pub fn start_all(
    command: &PeersCommand,
    profile: &Profile,
    directory: &TempDir,
) -> Result<(Vec<Contender>, Vec<String>), LoadError> {
    let mut contenders = Vec::new();
    let mut absent = Vec::new();
    for (name, program, form, does) in [
        (
            "empty tonic, per core",
            "repit-echo-mimalloc",
            "per-core",
            "nothing: the limit of tonic with mimalloc, one runtime a core",
        ),
        (
            "empty tonic, multi-thread",
            "repit-echo",
            "multi-thread",
            "nothing: tonic as it comes, system allocator",
        ),
    ] {
        let own = std::env::current_exe()
            .map_err(|error| LoadError::Server(error.to_string()))?
            .with_file_name(program);
        let process = Process::announced(name, Command::new(own).args(["--runtime", form]))?;
        contenders.push(empty(name, "tonic 0.14", does, process, profile));
    }
    let mut grpcio = Command::new(absolute_program(&command.python));
    grpcio.arg(super::folder().join("grpcio_echo.py"));
    match Process::announced("grpcio aio", &mut grpcio) {
        Ok(process) => contenders.push(empty(
            "empty grpcio, aio",
            "grpcio 1",
            "nothing: the limit of a server in Python",
            process,
            profile,
        )),
        Err(error) => absent.push(format!("empty grpcio: {error}")),
    }
    for definition in Definition::all(&super::folder())? {
        let installed = command.installed.join("bin").join(&definition.program);
        let program = if installed.is_file() {
            Some(absolute_program(&installed))
        } else {
            on_path(&definition.program)
        };
        match program {
            Some(program) => contenders.push(peer(definition, &program, directory.path())?),
            None => absent.push(format!("{}: `{}` is not on the PATH", definition.name, definition.program)),
        }
    }
    for (name, store) in [("memory", Store::Memory), ("embedded", Store::Embedded), ("Redis", Store::Redis)] {
        let served = Served::start(&command.repit, store, &profile.catalog)?;
        contenders.push(repit(&format!("Répit, {name}"), served, profile)?);
    }
    Ok((contenders, absent))
}

fn empty(name: &str, version: &str, does: &str, process: Process, profile: &Profile) -> Contender {
    Contender {
        name: name.to_owned(),
        version: version.to_owned(),
        does: does.to_owned(),
        address: process.address,
        path: String::new(),
        book: Book::Profile(Arc::new(ProfileBook::of(profile))),
        filling: Filling::Nothing,
        definition: None,
        server: Running::Alone(process),
    }
}

fn peer(definition: Definition, program: &Path, directory: &Path) -> Result<Contender, LoadError> {
    let template = definition.template()?;
    let store = if definition.needs_redis { Some(redis(directory)?) } else { None };
    let process = definition.start(program, directory, store.as_ref())?;
    Ok(Contender {
        name: definition.name.clone(),
        version: definition.version.clone(),
        does: definition.does.clone(),
        address: process.address,
        path: definition.path(),
        book: Book::Canned(template),
        filling: Filling::Calls,
        definition: Some(definition),
        server: match store {
            Some(redis) => Running::OnRedis(process, redis),
            None => Running::Alone(process),
        },
    })
}

fn repit(name: &str, served: Served, profile: &Profile) -> Result<Contender, LoadError> {
    let caps = catalog::caps_of(&profile.catalog, &profile.ways())?;
    Ok(Contender {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        does: format!(
            "{} rules in the catalog, {} caps of them on this request at once; sliding windows exact on any number of servers, release, claims, explanation of every denial with the first free instant",
            caps.rules,
            caps.counted.len()
        ),
        address: served.server.address,
        path: "/repit.v1.ArbitrationService/RequestContact".to_owned(),
        book: Book::Profile(Arc::new(ProfileBook::of(profile))),
        filling: Filling::Batches,
        definition: None,
        server: Running::Repit(served),
    })
}
