//! What the peers' files say: every one is read, its question is one that its proto has, its start is as documented.

use prost::Message;
use repit_load::peers::{
    definition::{Definition, Replicas},
    folder,
};

fn definition(name: &str) -> Definition {
    Definition::all(&folder()).unwrap().into_iter().find(|each| each.name == name).unwrap()
}

/// Fields of a message that holds only what prost can tell apart without a schema.
#[derive(Clone, PartialEq, Message)]
struct Throttle {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(int32, tag = "2")]
    max_burst: i32,
    #[prost(int32, tag = "4")]
    period: i32,
    #[prost(int32, tag = "5")]
    quantity: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Bool {
    #[prost(bool, tag = "1")]
    allowed: bool,
}

#[test]
fn every_peer_has_a_question_with_a_key_and_an_answer_that_can_be_judged() {
    let all = Definition::all(&folder()).unwrap();
    let names: Vec<&str> = all.iter().map(|each| each.name.as_str()).collect();
    assert_eq!(names, ["envoy ratelimit", "gubernator", "throttlecrab"]);
    for each in &all {
        assert!(each.template().unwrap().has_key(), "{}", each.name);
        let _judges = each.judge().unwrap();
        let said = format!("{:?} {:?}", each.command, each.environment);
        assert!(said.contains("{port}"), "{} is not told its port", each.name);
        assert_eq!(each.needs_redis, said.contains("{redis}"), "{}", each.name);
        assert!(each.files.values().all(|from| folder().join(from).is_file()), "{}", each.name);
    }
}

#[test]
fn the_question_to_throttlecrab_is_the_one_of_its_proto() {
    let crab = definition("throttlecrab");
    assert_eq!(crab.path(), "/throttlecrab.RateLimiter/Throttle");
    assert_eq!(crab.install.as_deref(), Some("throttlecrab-server@0.4.40"));
    assert_eq!(
        crab.command,
        ["--grpc", "--grpc-host", "127.0.0.1", "--grpc-port", "{port}", "--log-level", "error"]
    );
    let mut body = Vec::new();
    crab.template().unwrap().write(&mut body, 1, 42);
    let asked = Throttle::decode(&body[5..]).unwrap();
    assert_eq!(
        (asked.key.as_str(), asked.max_burst, asked.period, asked.quantity),
        ("load-0000000042", 3, 86_400, 1)
    );
    let judge = crab.judge().unwrap();
    assert!(judge(&Bool { allowed: true }.encode_to_vec()));
    assert!(!judge(&Bool { allowed: false }.encode_to_vec()));
}

#[test]
fn the_others_are_asked_on_the_paths_of_their_services() {
    let (envoy, gubernator) = (definition("envoy ratelimit"), definition("gubernator"));
    assert_eq!(envoy.path(), "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit");
    assert_eq!(gubernator.path(), "/pb.gubernator.V1/GetRateLimits");
    assert_eq!((envoy.replicas, gubernator.replicas), (Replicas::Shared, Replicas::Unmeasured));
    // OVER_LIMIT is 2 there and 1 here; an answer of one status UNDER_LIMIT has no byte for it.
    assert!(envoy.judge().unwrap()(&[0x08, 1]) && !envoy.judge().unwrap()(&[0x08, 2]));
    assert!(gubernator.judge().unwrap()(&[0x0a, 0]) && !gubernator.judge().unwrap()(&[0x0a, 2, 0x08, 1]));
}

#[test]
fn the_configuration_of_envoys_limiter_has_the_limit_and_the_domain_of_its_question() {
    #[derive(serde::Deserialize)]
    struct Document {
        domain: String,
        descriptors: Vec<Descriptor>,
    }
    #[derive(serde::Deserialize)]
    struct Descriptor {
        key: String,
        rate_limit: Limit,
    }
    #[derive(serde::Deserialize)]
    struct Limit {
        requests_per_unit: u64,
    }
    let envoy = definition("envoy ratelimit");
    let text = std::fs::read_to_string(folder().join("envoy-ratelimit.yaml")).unwrap();
    let document: Document = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(envoy.message["domain"], document.domain.as_str());
    assert_eq!(envoy.message["descriptors"][0]["entries"][0]["key"], document.descriptors[0].key.as_str());
    assert_eq!(envoy.limit, document.descriptors[0].rate_limit.requests_per_unit);
}

#[test]
fn a_field_that_the_proto_does_not_have_is_refused() {
    let mut wrong = definition("throttlecrab");
    wrong.message["max_brust"] = serde_json::json!(3);
    assert!(wrong.template().is_err());
    wrong.allowed.field = "alowed".to_owned();
    assert!(wrong.judge().is_err());
}
