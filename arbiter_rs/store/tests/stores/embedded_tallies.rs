//! The counts and accounts of the embedded store when it is opened again.

use std::{
    fs,
    time::{Duration, Instant},
};

use arbiter_store::{
    Commit, EmbeddedStore, Store, StoreError, Tally, Versioned,
    keys::{META_BUCKETS, META_FORMAT, embedded as keys},
};

use crate::embedded::write_raw;

const COUNT: Tally<'_> = Tally { account: "a", field: "f", delta: 1, keep_ms: 0 };
/// Long over when a store is opened again.
const BRIEF_MS: i64 = 1;

fn counts(counts: &[(&str, i64)]) -> Vec<(String, i64)> {
    counts.iter().map(|(field, count)| ((*field).to_owned(), *count)).collect()
}

/// Open a store again, once what was kept briefly is over.
fn open_later(store: EmbeddedStore, directory: &tempfile::TempDir) -> EmbeddedStore {
    drop(store);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(5) {
        std::thread::yield_now();
    }
    EmbeddedStore::open(directory.path()).unwrap()
}

#[tokio::test]
async fn a_store_opened_again_has_its_counts_fences_and_accounts() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path()).unwrap();
    assert!(!store.is_shared());
    let other = Tally { field: "g", delta: -5, keep_ms: 3_600_000, ..COUNT };
    store.commit("p", 0, b"v", &[], &[COUNT, other]).await.unwrap();
    store.commit_account("a", 0, b"w", 3_600_000).await.unwrap();
    store.fence("a", "f").await.unwrap();
    let store = open_later(store, &directory);
    assert_eq!(store.tally("a").await.unwrap(), counts(&[("f", 1), ("g", -5)]));
    assert_eq!(store.account("a").await.unwrap(), Versioned { version: 1, bytes: b"w".to_vec() });
    for party in ["p", "q", "r"] {
        let expected = store.load(party).await.unwrap().version;
        assert_eq!(store.commit(party, expected, b"v", &[], &[COUNT]).await.unwrap(), Commit::Fenced);
    }
}

#[tokio::test]
async fn what_is_kept_no_longer_is_removed_when_the_store_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = EmbeddedStore::open(directory.path()).unwrap();
    let brief = |account, field| Tally { account, field, delta: 1, keep_ms: BRIEF_MS };
    for party in ["p", "q", "r", "s"] {
        let tallies = [brief("a", "f"), brief("b", "f"), brief("c", "f")];
        store.commit(party, 0, b"v", &[], &tallies).await.unwrap();
    }
    store.commit("t", 0, b"v", &[], &[Tally { account: "b", field: "g", ..COUNT }]).await.unwrap();
    store.fence("c", "f").await.unwrap();
    store.commit_account("brief", 0, b"v", BRIEF_MS).await.unwrap();
    store.commit_account("long", 0, b"v", 3_600_000).await.unwrap();
    store = open_later(store, &directory);
    assert_eq!(store.tally("a").await.unwrap(), []);
    assert_eq!(store.tally("b").await.unwrap(), counts(&[("f", 4), ("g", 1)]), "one of its counts is kept");
    assert_eq!(store.tally("c").await.unwrap(), [], "the fence goes with its account");
    assert_eq!(store.account("brief").await.unwrap(), Versioned::default());
    assert_eq!(store.account("long").await.unwrap().version, 1);
    assert_eq!(store.load("p").await.unwrap().version, 1, "values of parties are never removed");
}

#[tokio::test]
async fn a_damaged_count_names_its_account_and_the_others_live_on() {
    let directory = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(directory.path()).unwrap());
    let bucket = arbiter_store::keys::bucket_of("p", 64);
    write_raw(directory.path(), keys::TALLIES, &keys::tally("a", bucket, "f"), b"short");
    write_raw(directory.path(), keys::ACCOUNTS, &keys::account("a"), b"short");
    let store = EmbeddedStore::open(directory.path()).unwrap();
    for error in [
        store.commit("p", 0, b"v", &[b"r".to_vec()], &[COUNT]).await.unwrap_err(),
        store.tally("a").await.unwrap_err(),
        store.fence("a", "f").await.unwrap_err(),
        store.account("a").await.unwrap_err(),
        store.commit_account("a", 0, b"v", 0).await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(&error, StoreError::Corrupt { key, .. } if key == "a"), "{error}");
    }
    assert_eq!(store.load("p").await.unwrap(), Versioned::default());
    assert_eq!(
        store.commit("p", 0, b"v", &[], &[Tally { account: "b", ..COUNT }]).await.unwrap(),
        Commit::Done
    );
}

#[tokio::test]
async fn a_store_made_without_counts_is_opened_and_counts() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("repit.lock"), "1\n").unwrap();
    write_raw(directory.path(), keys::META, META_FORMAT.as_bytes(), b"1");
    write_raw(directory.path(), keys::META, META_BUCKETS.as_bytes(), b"64");
    let store = EmbeddedStore::open(directory.path()).unwrap();
    assert_eq!(store.commit("p", 0, b"v", &[], &[COUNT]).await.unwrap(), Commit::Done);
    assert_eq!(store.fence("a", "f").await.unwrap(), 1);
}
