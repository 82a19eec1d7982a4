//! `repit-load` as it is called: exit status, first lines, the report.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use repit_load::echo::{Answer, Runtime};

use crate::runs::echo;

const PROFILE: &str = r#"
about = "a <test> & more"
catalog = "catalog.yaml"
connections = 2
world = {customers = 20}
mix = {request = 1}
asks = [{candidates = [{campaign = "spring", channel = "email"}]}]
arrivals = [{shape = "constant", for = "1s", rate = 100}]
objectives = {p99_us = 60000000}
"#;
const CATALOG: &str = "
campaigns: {spring: {}}
policies: [{name: pressure, rules: [{name: two-a-day, frequency_cap: {limit: 2, window: {sliding: 24h}}}]}]
";

fn load(directory: &Path, profile: &str, target: Option<SocketAddr>, more: &[&str]) -> Output {
    fs::write(directory.join("profile.toml"), profile).unwrap();
    fs::write(directory.join("catalog.yaml"), CATALOG).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_repit-load"));
    command.args(["run", "profile.toml"]).args(more).current_dir(directory);
    if let Some(target) = target {
        command.arg("--target").arg(target.to_string());
    }
    command.output().unwrap()
}

fn status_and_line(output: &Output) -> (i32, String) {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    let line = stderr.lines().find(|line| !line.contains("/s of ")).unwrap_or_default();
    (output.status.code().unwrap(), line.to_owned())
}

#[test]
fn a_run_that_holds_ends_with_0_and_leaves_a_report_that_needs_no_network() {
    let directory = tempfile::tempdir().unwrap();
    let target = echo(Runtime::PerCore, Answer::Empty, Duration::ZERO);
    let output = load(directory.path(), PROFILE, Some(target), &["--json"]);
    assert_eq!(status_and_line(&output), (0, String::new()));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["over_admitted"], 0);
    assert_eq!(report["counted_caps"][0], "pressure/two-a-day");
    assert_eq!(report["sent"], report["answered"]);
    let folder = directory.path().join("load-report");
    let written: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("report.json")).unwrap()).unwrap();
    assert_eq!(written, report);
    let html = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(html.contains("a &lt;test&gt; &amp; more"));
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("src="));
    assert_eq!(
        html.matches("<svg viewBox=\"0 0 720").count(),
        3,
        "verdicts have nothing to show of an empty server"
    );
    assert_eq!(html.matches("role=\"img\"").count(), html.matches("<title id=").count());
}

#[test]
fn an_objective_that_is_missed_ends_with_1_and_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let target = echo(Runtime::PerCore, Answer::Empty, Duration::from_millis(20));
    let output = load(directory.path(), &PROFILE.replace("60000000", "1000"), Some(target), &[]);
    let (status, line) = status_and_line(&output);
    assert_eq!(status, 1);
    assert!(line.starts_with("repit-load: missed p99_us: 1,000 wanted, "), "{line}");
}

#[test]
fn one_contact_over_admitted_ends_with_1_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let target = echo(Runtime::PerCore, Answer::Grant, Duration::ZERO);
    let output = load(directory.path(), PROFILE, Some(target), &[]);
    let (status, line) = status_and_line(&output);
    assert_eq!(status, 1);
    assert!(line.starts_with("repit-load: missed over-admission: 0 wanted, "), "{line}");
    let html = fs::read_to_string(directory.path().join("load-report/report.html")).unwrap();
    assert!(html.contains("Grants beyond a cap, the first of them"));
}

#[test]
fn wrong_use_ends_with_2_and_says_what_is_wrong_where() {
    let directory = tempfile::tempdir().unwrap();
    let target = echo(Runtime::PerCore, Answer::Empty, Duration::ZERO);
    let unknown = PROFILE.replace("connections = 2", "conections = 2");
    let output = load(directory.path(), &unknown, Some(target), &[]);
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr.contains("profile.toml") && stderr.contains("line 4") && stderr.contains("conections"),
        "{stderr}"
    );
    for more in [["--duration", "10"], ["--rate", "0"], ["--store", "disk"]] {
        assert_eq!(load(directory.path(), PROFILE, Some(target), &more).status.code(), Some(2), "{more:?}");
    }
    assert_eq!(load(directory.path(), PROFILE, None, &["--frobnicate"]).status.code(), Some(2));
}

#[test]
fn a_server_that_is_not_there_or_does_not_start_ends_with_3() {
    let directory = tempfile::tempdir().unwrap();
    let nobody = repit_load::process::free_port().unwrap();
    let output = load(directory.path(), PROFILE, Some(SocketAddr::from(([127, 0, 0, 1], nobody))), &[]);
    let (status, line) = status_and_line(&output);
    assert_eq!(status, 3);
    assert!(line.contains("does not answer"), "{line}");
    let output = load(directory.path(), PROFILE, None, &["--repit", "/bin/false"]);
    let (status, line) = status_and_line(&output);
    assert_eq!((status, line.as_str()), (3, "repit-load: repit serve did not start:"));
}
