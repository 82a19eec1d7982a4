//! Whole runs against echo servers: what was sent, what came back, and what was counted of it.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use repit_load::{
    arrivals::{Curve, Slope, Spacing},
    catalog::Cap,
    desk::{Book, ProfileBook},
    drive::{self, Outcome, Plan, PlanPace},
    echo::{self, Answer, Runtime},
    keys::{Keys, Skew},
    over_admission::Detector,
    profile::Profile,
    worker::Target,
};

const PROFILE: &str = r#"
about = "a test"
catalog = "catalog.yaml"
world = {customers = 1000}
mix = {request = 1}
batch_size = 3000
asks = [{candidates = [{campaign = "spring-mailing", channel = "email"}]}]
arrivals = [{shape = "constant", for = "1s", rate = 10}]
objectives = {}
"#;

/// A server of this process on a free port; it ends with the process.
pub(crate) fn echo(form: Runtime, answer: Answer, delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || echo::serve(listener, form, answer, delay));
    address
}

fn profile(mix: &str) -> Profile {
    toml::from_str(&PROFILE.replace("request = 1", mix)).unwrap()
}

fn plan(address: SocketAddr, profile: &Profile, pace: PlanPace) -> Plan {
    Plan {
        target: Target::new(address, 4, ""),
        book: Book::Profile(Arc::new(ProfileBook::of(profile))),
        keys: Keys::new(profile.world.customers, Skew::Uniform),
        pace,
        seed: 1,
        workers: 2,
        detector: None,
    }
}

fn run(plan: &Plan) -> Outcome {
    drive::run(plan, &mut |_, _| ()).unwrap()
}

fn even(seconds: f64, rate: f64) -> PlanPace {
    PlanPace::Open(Curve::of(vec![Slope { seconds, from: rate, to: rate }]), Spacing::Even)
}

#[test]
fn both_forms_of_a_tonic_server_answer_every_call_of_the_schedule() {
    for form in [Runtime::PerCore, Runtime::MultiThread] {
        let address = echo(form, Answer::Empty, Duration::ZERO);
        let outcome = run(&plan(address, &profile("request = 1, check = 1"), even(1.0, 500.0)));
        assert_eq!((outcome.figures.sent, outcome.figures.answered), (500, 500), "{form:?}");
        assert!(outcome.figures.errors.is_empty(), "{:?}", outcome.figures.errors);
        assert_eq!(outcome.seconds.iter().map(|second| second.answered).sum::<u64>(), 500);
    }
}

#[test]
fn a_schedule_is_sent_whether_or_not_anything_is_answered() {
    // Nothing is answered before everything is due: a loop that waited for answers would send four calls.
    let address = echo(Runtime::PerCore, Answer::Empty, Duration::from_secs(3));
    let outcome = run(&plan(address, &profile("request = 1"), even(1.0, 200.0)));
    assert_eq!((outcome.figures.sent, outcome.figures.answered), (200, 200));
    assert!(outcome.figures.latency_of_all().min() >= 2_990_000_000, "an answer came before its delay");
}

#[test]
fn no_call_is_answered_sooner_than_a_server_of_known_delay_lets_it() {
    let address = echo(Runtime::MultiThread, Answer::Empty, Duration::from_millis(40));
    let outcome = run(&plan(address, &profile("request = 1"), PlanPace::Closed(4, Duration::from_secs(1))));
    let latency = outcome.figures.latency_of_all();
    assert_eq!(latency.len(), outcome.figures.answered);
    // Three digits of an HDR histogram: 40 ms may be kept as 39.96.
    assert!(latency.min() >= 39_900_000, "{} ns", latency.min());
    // 16 calls in flight, each of 40 ms at least: no more than 400 in a second, and the last 16 after it.
    assert!(outcome.figures.answered <= 416, "{}", outcome.figures.answered);
}

#[test]
fn a_body_larger_than_the_servers_window_arrives_whole() {
    // 3,000 requests are about 250 KB: four windows of a stream, sixteen frames.
    let address = echo(Runtime::PerCore, Answer::Empty, Duration::ZERO);
    let outcome = run(&plan(address, &profile("batch = 1"), PlanPace::Closed(2, Duration::from_millis(500))));
    assert!(outcome.figures.answered >= 8);
    // An empty answer has no result for any request: each is counted, and nothing else.
    let (status, (missing, message)) = outcome.figures.errors.iter().next().unwrap();
    assert_eq!((*status, *missing), (15, outcome.figures.answered * 3_000), "{message}");
}

#[test]
fn a_server_that_grants_whatever_is_asked_is_found_out() {
    let address = echo(Runtime::PerCore, Answer::Grant, Duration::ZERO);
    let cap = Cap {
        name: "pressure/two-a-day".to_owned(),
        limit: 2,
        window: Duration::from_secs(86_400),
        judges: vec![true],
        counts: vec![true],
    };
    let detector = Arc::new(Mutex::new(Detector::new(vec![cap])));
    let mut plan = plan(address, &profile("request = 1"), even(1.0, 300.0));
    plan.keys = Keys::new(100, Skew::Uniform);
    plan.detector = Some(Arc::clone(&detector));
    let outcome = run(&plan);
    assert_eq!(outcome.figures.grants, 300);
    // 300 grants to 100 customers, of which each may have two.
    assert!(outcome.figures.over_admitted >= 100);
    assert_eq!(detector.lock().unwrap().found().0, outcome.figures.over_admitted);
}

#[test]
fn a_path_that_the_server_does_not_have_is_an_error_and_no_answer() {
    let address = echo(Runtime::PerCore, Answer::Empty, Duration::ZERO);
    let mut plan = plan(address, &profile("request = 1"), even(1.0, 50.0));
    let wrong = repit_load::http2::request_headers(&address.to_string(), "/repit.v1.NoService/Nothing");
    plan.target.headers = vec![wrong; 8];
    let outcome = run(&plan);
    assert_eq!(
        outcome.figures.errors.get(&12).map(|(count, _)| *count),
        Some(50),
        "{:?}",
        outcome.figures.errors
    );
}
