//! Engines that remember values: what they answer is true of the value in Redis, and costs as few calls as stated.

use std::{collections::BTreeSet, sync::Arc};

use arbiter_core::{
    apply::ContactName,
    decide::Outcome,
    decision::Reason,
    request::{Candidate, Purpose, Request},
    time::{DAY_MS, Timestamp},
};
use arbiter_store::{
    Arbiter, ArbiterError, RedisStore, Store, StoreError,
    arbiter::{MAX_PLACES, SettleStep},
};
use serde_json::json;

use crate::{
    redis_faults::both_ways,
    redis_server::RedisServer,
    redis_store::ask,
    relay::{Fault, Relay},
};

/// 2026-03-02T08:00:00Z.
const T: Timestamp = Timestamp(1_772_438_400_000);
const LIMIT: usize = 3;

type Engine = Arc<Arbiter<RedisStore>>;

both_ways!(
    a_place_released_on_one_replica_is_granted_on_the_other_at_once
    a_place_taken_on_one_replica_is_denied_on_the_other_at_once
    a_repeated_request_finds_what_the_other_replica_granted
    a_contact_settled_on_one_replica_is_settled_on_the_other
    a_value_changed_behind_its_back_is_neither_answered_from_nor_written_over
    a_grant_that_was_not_heard_of_is_one_place
    a_hot_customer_on_two_replicas_gets_its_cap_and_no_more
);

fn catalog() -> Vec<u8> {
    let rule = json!({"name": "cap", "frequency_cap": {"measure": "contacts", "limit": LIMIT,
        "window": {"sliding_ms": 7 * DAY_MS}, "counted": "attempts", "window_text": "w"}});
    let catalog = json!({
        "format": 1, "zone": "Europe/Paris", "horizon_ms": 30 * DAY_MS,
        "policies": [{"name": "calm", "applies_to": {}, "rules": [rule]}],
        "campaigns": [{"name": "spring", "priority": 50, "kind": "marketing", "channels": ["email"]}],
        "channels": [{"name": "email", "cost": 0, "pressure": 0, "expires_after_ms": DAY_MS, "unconfirmed": "counts"}],
    });
    serde_json::to_vec(&catalog).unwrap()
}

async fn engine(address: &str) -> Engine {
    let arbiter = Arbiter::open(RedisStore::open(address).await.unwrap()).await.unwrap();
    if arbiter.active_version() == 0 {
        arbiter.apply_catalog(&catalog(), b"", None, &[]).await.unwrap();
    }
    Arc::new(arbiter)
}

async fn two(server: &RedisServer, client: &str) -> [Engine; 2] {
    let first = engine(&server.address_of(client)).await;
    [first, engine(&server.address_of(client)).await]
}

fn question<'a>(customer: &'a str, id: &'a str) -> Request<'a> {
    Request {
        id,
        customer,
        party: customer,
        candidates: vec![Candidate { campaign: "spring", channel: "email", ..Candidate::default() }],
        ..Request::default()
    }
}

async fn request(engine: &Engine, customer: &str, id: &str) -> Result<Outcome, ArbiterError> {
    engine.request(&question(customer, id), T).await.map(|(outcome, _)| outcome)
}

/// The number of the contact that was granted; None for a denial by the cap.
fn granted(outcome: &Outcome) -> Option<u32> {
    let decision = &outcome.decisions[0];
    if decision.grant.is_none() {
        assert_eq!(decision.denials[0].reason, Reason::FrequencyCap);
    }
    decision.grant.as_ref().map(|grant| grant.sequence)
}

async fn asked(engine: &Engine, id: &str) -> Option<u32> {
    granted(&request(engine, "p", id).await.unwrap())
}

/// Fill the cap on one replica; both know the full value afterwards.
async fn fill([first, second]: &[Engine; 2]) -> Vec<u32> {
    let mut contacts = Vec::new();
    for number in 0..LIMIT {
        contacts.push(asked(first, &format!("r{number}")).await.unwrap());
    }
    for engine in [first, second] {
        assert_eq!(asked(engine, "beyond").await, None);
    }
    contacts
}

async fn release(engine: &Engine, sequence: u32) {
    let name = ContactName { sequence, time: T };
    engine.settle("p", name, SettleStep::Release { reason: "test" }, T).await.unwrap();
}

async fn a_place_released_on_one_replica_is_granted_on_the_other_at_once(client: &str) {
    let server = RedisServer::start();
    let engines = two(&server, client).await;
    let contacts = fill(&engines).await;
    let [first, second] = &engines;
    release(first, contacts[0]).await;
    let check = Request { purpose: Purpose::Check, ..question("p", "") };
    assert!(second.request(&check, T).await.unwrap().0.decisions[0].grant.is_some());
    assert!(asked(second, "freed").await.is_some());
    assert_eq!(asked(first, "too late").await, None);
}

async fn a_place_taken_on_one_replica_is_denied_on_the_other_at_once(client: &str) {
    let server = RedisServer::start();
    let [first, second] = &two(&server, client).await;
    for round in 0..LIMIT {
        let engine = if round % 2 == 0 { first } else { second };
        assert!(asked(engine, &format!("r{round}")).await.is_some());
    }
    for engine in [first, second] {
        assert_eq!(asked(engine, "beyond").await, None);
    }
}

async fn a_repeated_request_finds_what_the_other_replica_granted(client: &str) {
    let server = RedisServer::start();
    let engines = two(&server, client).await;
    let [first, second] = &engines;
    // The second remembers a value in which the contact is not.
    assert!(asked(second, "before").await.is_some());
    let contact = asked(first, "once").await;
    assert_eq!(asked(second, "once").await, contact);
    assert_eq!(asked(first, "once").await, contact);
    assert_eq!(first.store().load("p").await.unwrap().version, 2, "it took no second place");
}

async fn a_contact_settled_on_one_replica_is_settled_on_the_other(client: &str) {
    let server = RedisServer::start();
    let engines = two(&server, client).await;
    let [first, second] = &engines;
    let contact = asked(first, "r").await.unwrap();
    assert_eq!(asked(second, "r").await, Some(contact));
    release(second, contact).await;
    let name = ContactName { sequence: contact, time: T };
    let refused = first.settle("p", name, SettleStep::Confirm { send_time: T }, T).await;
    assert!(matches!(refused, Err(ArbiterError::Settle(_))), "{refused:?}");
}

async fn a_value_changed_behind_its_back_is_neither_answered_from_nor_written_over(client: &str) {
    let server = RedisServer::start();
    let engines = two(&server, client).await;
    let contacts = fill(&engines).await;
    let [first, _] = &engines;
    let (key,): (String,) = ask(&server, &["KEYS", "*:c:p"]).await;
    let whole: Vec<u8> = ask(&server, &["GET", &key]).await;
    // Of the same version and length, so that only the bytes tell.
    for position in 8..whole.len() {
        let script = "local v = redis.call('GET', KEYS[1]); local i = tonumber(ARGV[1]); redis.call('SET', KEYS[1], \
                      v:sub(1, i) .. string.char(bit.bxor(v:byte(i + 1), 1)) .. v:sub(i + 2))";
        let _: () = ask(&server, &["EVAL", script, "1", &key, &position.to_string()]).await;
        let name = ContactName { sequence: contacts[0], time: T };
        for error in [
            request(first, "p", "beyond").await.map(drop).unwrap_err(),
            first.settle("p", name, SettleStep::Release { reason: "test" }, T).await.map(drop).unwrap_err(),
        ] {
            assert!(
                matches!(error, ArbiterError::Store(StoreError::Corrupt { .. })),
                "{position}: {error:?}"
            );
        }
        // Put right, it is served again.
        let _: () = ask(&server, &["EVAL", script, "1", &key, &position.to_string()]).await;
        assert_eq!(ask::<Vec<u8>>(&server, &["GET", &key]).await, whole);
        assert_eq!(asked(first, "beyond").await, None);
    }
    // What is there without being a value is not a customer of whom nothing is stored.
    for damaged in ["", "short"] {
        let _: () = ask(&server, &["SET", &key, damaged]).await;
        let name = ContactName { sequence: contacts[0], time: T };
        let error =
            first.settle("p", name, SettleStep::Confirm { send_time: T }, T).await.map(drop).unwrap_err();
        assert!(matches!(error, ArbiterError::Store(StoreError::Corrupt { .. })), "{damaged}: {error:?}");
        assert_eq!(ask::<String>(&server, &["GET", &key]).await, damaged);
    }
}

async fn a_grant_that_was_not_heard_of_is_one_place(client: &str) {
    let server = RedisServer::start();
    let relay = Relay::to(server.port());
    let engine = engine(&relay.address_of(client)).await;
    // Redis has the script from here on.
    request(&engine, "other", "r").await.unwrap();
    for id in ["cold", "warm"] {
        relay.arm(Fault::Cut(0));
        let error = request(&engine, "p", id).await.unwrap_err();
        assert!(matches!(error, ArbiterError::Store(StoreError::Unavailable { .. })), "{error:?}");
        let again = loop {
            match request(&engine, "p", id).await {
                Ok(outcome) => break outcome,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        assert!(again.decisions[0].grant.as_ref().unwrap().is_repeat);
    }
    assert_eq!(engine.store().load("p").await.unwrap().version, 2);
}

async fn a_hot_customer_on_two_replicas_gets_its_cap_and_no_more(client: &str) {
    const REQUESTS: usize = 400;
    let server = RedisServer::start();
    let engines = two(&server, client).await;
    let tasks: Vec<_> = (0..REQUESTS)
        .map(|number| {
            let engine = Arc::clone(&engines[number % 2]);
            tokio::spawn(async move { asked(&engine, &format!("r{number}")).await })
        })
        .collect();
    let mut contacts = BTreeSet::new();
    for task in tasks {
        contacts.extend(task.await.unwrap());
    }
    assert_eq!(contacts.len(), LIMIT);
    assert_eq!(engines[0].store().load("p").await.unwrap().version, LIMIT as u64);
}

/// How often Redis was asked for something since the figures were last reset.
async fn calls(server: &RedisServer, command: &str) -> u64 {
    let statistics: String = ask(server, &["INFO", "commandstats"]).await;
    let start = format!("cmdstat_{command}:calls=");
    let line = statistics.lines().find_map(|line| line.strip_prefix(&start));
    line.and_then(|line| line.split(',').next()).map_or(0, |digits| digits.parse().unwrap())
}

async fn reset(server: &RedisServer) {
    let _: () = ask(server, &["CONFIG", "RESETSTAT"]).await;
}

/// Calls of scripts, of GET outside of scripts, and of commands that write.
async fn cost(server: &RedisServer) -> [u64; 3] {
    let scripts = calls(server, "evalsha").await + calls(server, "eval").await;
    // Each call for a party reads its value once itself.
    let parties = calls(server, "xadd").await;
    let writes = calls(server, "set").await + parties;
    [scripts, calls(server, "get").await - parties, writes]
}

#[tokio::test]
async fn a_warm_grant_is_one_script_a_cold_one_a_get_more_and_a_denial_writes_nothing() {
    let server = RedisServer::start();
    let engine = engine(&server.address()).await;
    assert!(granted(&request(&engine, "other", "r").await.unwrap()).is_some());
    reset(&server).await;
    assert!(asked(&engine, "r0").await.is_some());
    assert_eq!(cost(&server).await, [1, 1, 2], "cold");
    for id in ["r1", "r2"] {
        reset(&server).await;
        assert!(asked(&engine, id).await.is_some());
        assert_eq!(cost(&server).await, [1, 0, 2], "warm");
    }
    for id in ["beyond", "r1"] {
        reset(&server).await;
        let _denied_or_repeated = asked(&engine, id).await;
        assert_eq!(cost(&server).await, [0, 1, 0], "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_a_decision_costs_no_more_calls() {
    const PARTIES: u64 = 500;
    let server = RedisServer::start();
    let engine = engine(&server.address()).await;
    // A Redis that has not seen the script yet is sent it, once for each call that was in flight by then.
    assert!(granted(&request(&engine, "other", "r").await.unwrap()).is_some());
    for round in 0..LIMIT {
        reset(&server).await;
        let tasks: Vec<_> = (0..PARTIES)
            .map(|number| {
                let engine = Arc::clone(&engine);
                tokio::spawn(async move {
                    let (customer, id) = (format!("c{number}"), format!("{round}-{number}"));
                    assert!(granted(&request(&engine, &customer, &id).await.unwrap()).is_some());
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let [scripts, gets, writes] = cost(&server).await;
        assert!(scripts <= PARTIES * 102 / 100, "{scripts}");
        assert_eq!((gets, writes), (if round == 0 { PARTIES } else { 0 }, 2 * PARTIES));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_customer_is_decided_in_one_queue_without_conflicts() {
    const REQUESTS: usize = 5_000;
    let server = RedisServer::start();
    let engine = engine(&server.address()).await;
    reset(&server).await;
    let tasks: Vec<_> = (0..REQUESTS)
        .map(|number| {
            let engine = Arc::clone(&engine);
            tokio::spawn(async move { asked(&engine, &format!("r{number}")).await })
        })
        .collect();
    let mut contacts = BTreeSet::new();
    for task in tasks {
        contacts.extend(task.await.unwrap());
    }
    assert_eq!(contacts.len(), LIMIT);
    let scripts = calls(&server, "evalsha").await + calls(&server, "eval").await;
    // The first may find that Redis does not have the script yet.
    assert!((LIMIT as u64..=LIMIT as u64 + 1).contains(&scripts), "{scripts}");
    let gets = calls(&server, "get").await;
    assert!(gets < REQUESTS as u64 / 2, "most learn from the one before: {gets}");
}

#[tokio::test]
async fn more_than_a_queue_holds_are_told_to_ask_again() {
    let server = RedisServer::start();
    let engine = engine(&server.address()).await;
    let beyond = 100;
    let tasks: Vec<_> = (0..MAX_PLACES + beyond)
        .map(|number| {
            let engine = Arc::clone(&engine);
            tokio::spawn(async move { request(&engine, "p", &format!("r{number}")).await })
        })
        .collect();
    let mut refused = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => {}
            Err(ArbiterError::Contended) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(refused, beyond);
}
