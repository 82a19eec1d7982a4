//! Two servers of a kind asked about the same key at once: what they grant together beyond what one may.

use std::{net::SocketAddr, sync::Mutex, thread};

use prost::Message;

use crate::{
    answers::Verdicts,
    error::LoadError,
    numbers::count,
    peers::{PeersCommand, contender::Contender, definition::Replicas},
    profile::Profile,
    pump::pump,
    questions::Template,
};

/// Keys, and questions about each to each server.
const KEYS: u64 = 50;
const ASKED: u64 = 20;
/// Keys that no other round asks about.
const FIRST_KEY: u64 = 9_000_000_000;

/// Grants beyond the limit, summed over the keys; none where it is not measured, with the reason.
pub fn overshoot(
    contender: &Contender,
    command: &PeersCommand,
    profile: &Profile,
    directory: &std::path::Path,
) -> Result<Result<u64, String>, LoadError> {
    if let Some(definition) = &contender.definition {
        if definition.replicas == Replicas::Unmeasured {
            return Ok(Err("several nodes need a set-up of their own".to_owned()));
        }
        let program = command.installed.join("bin").join(&definition.program);
        let program = if program.is_file() {
            crate::process::absolute_program(&program)
        } else {
            definition.program.clone().into()
        };
        let second = definition.start(&program, directory, contender.redis())?;
        let judge = definition.judge()?;
        let template = definition.template()?;
        return race(
            &[contender.address, second.address],
            &contender.path,
            &template,
            definition.limit,
            &judge,
        )
        .map(Ok);
    }
    let Some(served) = contender.served().filter(|served| served.redis.is_some()) else {
        return Ok(Err("one server holds the store".to_owned()));
    };
    let second = served.replica(&command.repit, &profile.catalog)?;
    let ask = profile.asks.first().ok_or_else(|| LoadError::Usage("the profile asks nothing".to_owned()))?;
    let caps = crate::catalog::caps_of(&profile.catalog, &profile.ways())?;
    let limit =
        caps.counted.iter().filter(|cap| cap.judges.first() == Some(&true)).map(|cap| cap.limit).min();
    let limit =
        limit.ok_or_else(|| LoadError::Usage("no cap of the catalog judges the question".to_owned()))?;
    let judge = |body: &[u8]| {
        Verdicts::decode(body).is_ok_and(|verdicts| verdicts.decisions.iter().any(|each| each.verdict == 1))
    };
    race(&[contender.address, second.address], &contender.path, &Template::of_ask(ask), limit, &judge).map(Ok)
}

/// All servers at once, key after key; grants are counted by key.
fn race(
    servers: &[SocketAddr],
    path: &str,
    template: &Template,
    limit: u64,
    judge: &(dyn Fn(&[u8]) -> bool + Sync),
) -> Result<u64, LoadError> {
    let mut beyond = 0;
    let first_id = crate::drive::fresh_id();
    for key in FIRST_KEY..FIRST_KEY + KEYS {
        let grants = Mutex::new(0_u64);
        let asked = |server: usize| {
            let ids = (0..ASKED).map(|number| {
                first_id.wrapping_add(key * 1_000).wrapping_add(count(server) * ASKED + number)
            });
            let mut bodies = ids.map(|id| {
                let mut body = Vec::new();
                template.write(&mut body, id, key);
                body
            });
            let mut take = |body: &[u8]| {
                if let Ok(mut grants) = grants.lock() {
                    *grants += u64::from(judge(body));
                }
            };
            let address =
                servers.get(server).copied().unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
            pump(address, path, 1, crate::numbers::place(ASKED), &mut bodies, &mut take)
        };
        thread::scope(|scope| {
            let runs: Vec<_> = (0..servers.len())
                .map(|server| {
                    let asked = &asked;
                    scope.spawn(move || asked(server))
                })
                .collect();
            runs.into_iter().try_for_each(|run| {
                run.join().unwrap_or_else(|_| Err(LoadError::Server("a caller panicked".to_owned())))
            })
        })?;
        beyond += grants.into_inner().unwrap_or(0).saturating_sub(limit);
    }
    Ok(beyond)
}
