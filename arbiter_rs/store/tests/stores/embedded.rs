//! The embedded store keeps what every store promises, and what it wrote.

use std::{fs, path::Path, sync::Arc};

use arbiter_store::{
    Commit, EmbeddedStore, LogRecord, Store, StoreError, Versioned,
    keys::{META_FORMAT, embedded as keys},
    store::{LOG_RECORDS_PER_BUCKET, MAX_LOG_RECORDS},
};
use fjall::{Database, KeyspaceCreateOptions};
use tempfile::TempDir;

async fn fresh() -> (Arc<EmbeddedStore>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (Arc::new(EmbeddedStore::open(directory.path()).unwrap()), directory)
}

arbiter_store::conformance_tests!(fresh);

/// Write beside the store what no store writes.
pub(crate) fn write_raw(directory: &Path, keyspace: &str, key: &[u8], value: &[u8]) {
    let database = Database::builder(directory.join("data")).open().unwrap();
    database.keyspace(keyspace, KeyspaceCreateOptions::default).unwrap().insert(key, value).unwrap();
}

fn message(opened: Result<EmbeddedStore, StoreError>) -> String {
    opened.unwrap_err().to_string()
}

#[tokio::test]
async fn a_store_opened_again_has_everything() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3_u64 {
        let store = EmbeddedStore::open(directory.path()).unwrap();
        assert_eq!(store.load("p").await.unwrap().version, round);
        assert_eq!(store.catalog_version().await.unwrap(), round);
        let value = round.to_be_bytes();
        assert_eq!(store.commit("p", round, &value, &[value.to_vec()], &[]).await.unwrap(), Commit::Done);
        assert_eq!(store.commit_catalog(round, &value).await.unwrap(), Commit::Done);
    }
    let store = EmbeddedStore::open(directory.path()).unwrap();
    let newest = Versioned { version: 3, bytes: 2_u64.to_be_bytes().to_vec() };
    assert_eq!(store.load("p").await.unwrap(), newest);
    assert_eq!(store.catalog(0).await.unwrap(), Some(newest));
    let record = |version: u64| LogRecord { version, bytes: (version - 1).to_be_bytes().to_vec() };
    assert_eq!(store.read_log("p", 10).await.unwrap(), [record(1), record(2), record(3)]);
}

#[tokio::test]
async fn the_log_keeps_its_stated_number_of_records() {
    let (store, _directory) = fresh().await;
    let log = vec![Vec::new(); MAX_LOG_RECORDS];
    let commits = LOG_RECORDS_PER_BUCKET / MAX_LOG_RECORDS as u64 + 1;
    for version in 0..commits {
        store.commit("p", version, b"", &log, &[]).await.unwrap();
    }
    let kept = store.read_log("p", usize::MAX).await.unwrap();
    assert_eq!(kept.len() as u64, LOG_RECORDS_PER_BUCKET);
    assert_eq!(kept.last().unwrap().version, commits);
}

#[tokio::test]
async fn a_second_opener_is_refused_and_told_who_holds_the_directory() {
    let (store, directory) = fresh().await;
    let error = EmbeddedStore::open(directory.path()).unwrap_err();
    let expected = StoreError::Held {
        directory: directory.path().display().to_string(),
        pid: std::process::id().to_string(),
    };
    assert_eq!(error, expected);
    drop(store);
    EmbeddedStore::open(directory.path()).unwrap();
}

#[tokio::test]
async fn a_corrupt_value_names_its_party_and_the_others_live_on() {
    let directory = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(directory.path()).unwrap());
    write_raw(directory.path(), keys::PARTIES, &keys::party("broken"), b"short");
    let store = EmbeddedStore::open(directory.path()).unwrap();
    for error in [
        store.load("broken").await.unwrap_err(),
        store.commit("broken", 0, b"v", &[b"r".to_vec()], &[]).await.unwrap_err(),
    ] {
        assert!(matches!(&error, StoreError::Corrupt { key, .. } if key == "broken"), "{error}");
    }
    assert_eq!(store.commit("whole", 0, b"v", &[], &[]).await.unwrap(), Commit::Done);
    store.ping().await.unwrap();
}

#[test]
fn a_store_of_another_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(directory.path()).unwrap());
    write_raw(directory.path(), keys::META, META_FORMAT.as_bytes(), b"99");
    let message = message(EmbeddedStore::open(directory.path()));
    assert!(message.contains("has the format `99`, and this program reads format 1"), "{message}");
}

#[test]
fn a_directory_with_other_files_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("thesis.txt"), "mine").unwrap();
    let message = message(EmbeddedStore::open(directory.path()));
    assert!(
        message.contains("holds other files and no store: name a new or an empty directory"),
        "{message}"
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_is_no_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let message_of_file = message(EmbeddedStore::open(&file));
    assert!(message_of_file.starts_with("cannot use the store directory `"), "{message_of_file}");
    assert_eq!(message(EmbeddedStore::open("")), "`embedded:` names no directory: write `embedded:DIR`");
}

#[tokio::test]
async fn a_store_killed_while_it_was_made_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("repit.lock"), "1\n").unwrap();
    fs::create_dir_all(directory.path().join("data.unfinished/keyspaces")).unwrap();
    fs::write(directory.path().join("data.unfinished/0.jnl"), "").unwrap();
    let store = EmbeddedStore::open(directory.path()).unwrap();
    assert_eq!(store.commit("p", 0, b"v", &[], &[]).await.unwrap(), Commit::Done);
    assert!(!directory.path().join("data.unfinished").exists());
}

#[test]
fn a_damaged_store_is_refused_and_nothing_of_it_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(directory.path()).unwrap());
    let version = directory.path().join("data/version");
    fs::write(&version, "garbage").unwrap();
    let error = EmbeddedStore::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::Wrong { .. } | StoreError::Corrupt { .. }), "{error}");
    assert_eq!(fs::read(&version).unwrap(), b"garbage");
}
