//! What the embedded store keeps when its process is killed, when its disk is full, and when two processes want it.
//!
//! The tests marked as children run in a process of their own, started by the test above them.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use arbiter_store::{Commit, EmbeddedStore, Store, StoreError, Tally};

/// Tells a child where its store is.
const DIRECTORY: &str = "REPIT_TEST_DIRECTORY";
/// The largest file that the child with the full disk may write, in blocks of 512 bytes.
const FULL_DISK_BLOCKS: u64 = 400;
/// Bytes of each value written until the disk is full: beyond and below the engine's write buffer.
const VALUE_BYTES: [usize; 2] = [300, 20_000];
/// What every commit of a child counts.
const COUNT: Tally<'_> = Tally { account: "children", field: "commits", delta: 1, keep_ms: 0 };
const COMMITS_BEFORE_KILL: u64 = 500;
/// More than fits on the full disk.
const COMMITS_UNTIL_FULL: u64 = 10_000;

fn child(test: &str, directory: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(child_arguments(test)).env(DIRECTORY, directory);
    command
}

/// A child whose files may not grow beyond a few blocks: what a full disk is to a process, without being root.
fn child_on_full_disk(test: &str, directory: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("trap '' XFSZ; ulimit -f {FULL_DISK_BLOCKS}; exec \"$0\" \"$@\"")])
        .arg(env::current_exe().unwrap())
        .args(child_arguments(test))
        .env(DIRECTORY, directory);
    command
}

fn child_arguments(test: &str) -> [&str; 4] {
    ["--exact", test, "--ignored", "--nocapture"]
}

/// The directory of a child; None where the test was not started as one.
fn directory_of_child() -> Option<PathBuf> {
    env::var_os(DIRECTORY).map(PathBuf::from)
}

/// What a child says, line by line; the last lines are those of the test runner.
fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok)
}

/// The number after a word, where a line has it.
fn number_after(line: &str, word: &str) -> Option<u64> {
    line.split_once(word)?.1.trim().parse().ok()
}

/// One commit of a child: the value, the log record and the party all tell its number, and it is counted.
async fn commit(store: &EmbeddedStore, number: u64, value_bytes: usize) -> Result<Commit, StoreError> {
    let value = number.to_be_bytes().repeat(value_bytes / 8);
    store.commit(&format!("party-{number}"), 0, &value, &[number.to_be_bytes().to_vec()], &[COUNT]).await
}

/// Whether a commit is there: value and log record, both or neither.
async fn is_there(store: &EmbeddedStore, number: u64) -> bool {
    let party = format!("party-{number}");
    let value = store.load(&party).await.unwrap();
    let log = store.read_log(&party, 10).await.unwrap();
    assert_eq!(log.len() as u64, value.version, "value and log record of {party}");
    assert!(value.bytes.chunks(8).all(|chunk| chunk == number.to_be_bytes()), "value of {party}");
    value.version == 1
}

/// How many commits were counted.
async fn counted(store: &EmbeddedStore) -> u64 {
    let counts = store.tally(COUNT.account).await.unwrap();
    counts.iter().map(|(_, count)| count.unsigned_abs()).sum()
}

#[tokio::test]
async fn every_answered_commit_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = child("embedded_process::child_commits_until_it_is_killed", directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answered = 0;
    for line in lines(&mut child) {
        answered = number_after(&line, "answered ").unwrap_or(answered);
        if answered >= COMMITS_BEFORE_KILL {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(answered >= COMMITS_BEFORE_KILL);

    let store = EmbeddedStore::open(directory.path()).unwrap();
    for number in 1..=answered {
        assert!(is_there(&store, number).await, "commit {number} of {answered} was answered and is gone");
    }
    // The one that was not answered any more may be there, whole; nothing comes after it.
    let there = answered + u64::from(is_there(&store, answered + 1).await);
    assert!(!is_there(&store, answered + 3).await);
    assert!((there..=there + 1).contains(&counted(&store).await), "as many are counted as are there");
}

#[tokio::test]
#[ignore = "a child of another test"]
async fn child_commits_until_it_is_killed() {
    let Some(directory) = directory_of_child() else { return };
    let store = EmbeddedStore::open(directory).unwrap();
    for number in 1..u64::MAX {
        assert_eq!(commit(&store, number, 100).await, Ok(Commit::Done));
        println!("\nanswered {number}");
    }
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_loses_nothing_that_was_answered() {
    for value_bytes in VALUE_BYTES {
        let directory = tempfile::tempdir().unwrap();
        // The journal of a new store is laid out at its full length, so the store is made before the disk is full.
        drop(EmbeddedStore::open(directory.path()).unwrap());
        let mut child =
            child_on_full_disk("embedded_process::child_commits_until_the_disk_is_full", directory.path())
                .env("REPIT_TEST_VALUE_BYTES", value_bytes.to_string())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
        let lines: Vec<String> = lines(&mut child).collect();
        assert!(child.wait().unwrap().success(), "{}", lines.join("\n"));
        let answered =
            lines.iter().filter_map(|line| number_after(line, "answered ")).max().unwrap_or_default();
        assert!(answered > 0, "{}", lines.join("\n"));

        let store = EmbeddedStore::open(directory.path()).unwrap();
        for number in 1..=answered {
            assert!(is_there(&store, number).await, "commit {number} of {answered} was answered and is gone");
        }
        let there = answered + u64::from(is_there(&store, answered + 1).await);
        assert!(!is_there(&store, answered + 2).await, "refused, and with nothing of it written");
        assert_eq!(counted(&store).await, there);
        // With room on the disk again the store goes on.
        assert_eq!(commit(&store, answered + 10, value_bytes).await, Ok(Commit::Done));
    }
}

#[tokio::test]
#[ignore = "a child of another test"]
async fn child_commits_until_the_disk_is_full() {
    let Some(directory) = directory_of_child() else { return };
    let value_bytes = env::var("REPIT_TEST_VALUE_BYTES").unwrap().parse().unwrap();
    let store = EmbeddedStore::open(directory).unwrap();
    let mut refused = None;
    for number in 1..COMMITS_UNTIL_FULL {
        match commit(&store, number, value_bytes).await {
            Ok(_) => println!("\nanswered {number}"),
            Err(error) => {
                refused = Some((number, error));
                break;
            }
        }
    }
    let (number, error) = refused.expect("the disk was never full");
    assert!(matches!(&error, StoreError::Full { message } if message.contains("free some space")), "{error}");
    // From here on the store says that it stopped, and why; what it holds can still be read.
    let later = commit(&store, number + 1, value_bytes).await.unwrap_err();
    assert!(
        matches!(&later, StoreError::Stopped { message } if message.contains("restart the server")),
        "{later}"
    );
    assert!(matches!(store.ping().await, Err(StoreError::Stopped { .. })));
    assert_eq!(store.load("party-1").await.unwrap().version, 1);
    assert_eq!(store.load(&format!("party-{number}")).await.unwrap().version, 0, "not answered, not seen");
}

#[tokio::test]
async fn a_disk_too_full_for_a_new_store_is_an_error_and_does_not_stand_in_the_way_later() {
    let directory = tempfile::tempdir().unwrap();
    let output =
        child_on_full_disk("embedded_process::child_finds_no_room_for_a_store", directory.path()).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("no room"), "{said}");
    let store = EmbeddedStore::open(directory.path()).unwrap();
    assert_eq!(commit(&store, 1, 100).await, Ok(Commit::Done));
}

#[test]
#[ignore = "a child of another test"]
fn child_finds_no_room_for_a_store() {
    let Some(directory) = directory_of_child() else { return };
    let error = EmbeddedStore::open(directory).unwrap_err();
    assert!(
        matches!(&error, StoreError::Full { message } if message.contains("free some space")),
        "{error:?}"
    );
    println!("\nno room");
}

#[test]
fn another_process_is_told_who_holds_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let _store = EmbeddedStore::open(directory.path()).unwrap();
    let output = child("embedded_process::child_is_refused", directory.path())
        .env("REPIT_TEST_PID", std::process::id().to_string())
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("refused as it should be"));
}

#[test]
#[ignore = "a child of another test"]
fn child_is_refused() {
    let Some(directory) = directory_of_child() else { return };
    let error = EmbeddedStore::open(&directory).unwrap_err();
    let pid = env::var("REPIT_TEST_PID").unwrap();
    assert_eq!(error, StoreError::Held { directory: directory.display().to_string(), pid });
    println!("\nrefused as it should be");
}
