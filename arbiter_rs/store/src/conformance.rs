//! What every store promises, as one suite: `conformance_tests!(fresh)` makes a test of each case.
//!
//! A case takes an empty store, asserts what it sees, and gives back an error of the store as it is.

use std::sync::Arc;

use crate::{
    error::StoreError,
    store::{Commit, LogRecord, MAX_PARTY_BYTES, Store, Versioned},
};

mod accounts;
mod log_pages;
mod tallies;

pub use self::{accounts::*, log_pages::*, tallies::*};

type Verdict = Result<(), StoreError>;

/// Make a test of each case of the suite.
///
/// `$fresh` is an async function that returns an `Arc` of an empty store, and beside it whatever must live as long.
#[macro_export]
macro_rules! conformance_tests {
    ($fresh:path) => {
        $crate::conformance_tests!(
            $fresh,
            nothing_is_version_zero_and_empty
            a_committed_value_is_loaded
            versions_of_a_party_grow_by_one
            a_conflict_returns_the_current_value_and_changes_nothing
            parties_with_odd_names_do_not_touch_each_other
            every_byte_comes_back
            log_records_are_there_exactly_when_the_value_is
            log_records_of_a_party_keep_the_order_of_its_commits
            large_values_are_kept
            too_large_is_refused_and_changes_nothing
            catalog_versions_are_contiguous
            one_of_several_catalogs_for_the_same_version_wins
            racing_increments_of_one_party_lose_nothing
            racing_firsts_of_one_party_have_one_winner
            a_store_that_answers_says_so
            an_account_nobody_counted_for_has_no_counts
            counts_change_with_the_value_and_not_without_it
            counts_are_summed_over_all_parties
            several_tallies_of_one_field_add_up
            accounts_and_fields_with_odd_names_do_not_touch_each_other
            a_commit_that_names_a_fenced_field_changes_nothing
            a_fence_stands_in_every_bucket
            a_conflict_is_told_before_a_fence
            a_fence_tells_the_same_sum_each_time
            a_dropped_field_counts_anew
            a_count_beyond_its_maximum_is_refused_and_changes_nothing
            too_many_tallies_are_refused_and_change_nothing
            racing_tallies_lose_nothing
            a_fence_is_final_while_commits_go_on
            an_account_is_compared_and_set
            accounts_are_apart_from_parties
            racing_commits_of_one_account_lose_nothing
            pages_of_the_log_have_every_record_once
            a_page_of_the_log_goes_on_where_the_one_before_ended
            a_page_of_the_log_holds_so_many_records_at_most
            what_is_no_bucket_or_no_place_in_the_log_is_refused
        );
    };
    ($fresh:path, $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (store, _beside) = $fresh().await;
                let verdict = $crate::conformance::$case(store).await;
                assert_eq!(verdict, Ok(()));
            }
        )*
    };
}

/// Parties whose names could break a key.
pub const ODD_PARTIES: [&str; 14] = [
    "",
    "a",
    "a ",
    "A",
    "{}",
    "}",
    "a}:c:b",
    "{default:1}",
    "line\nfeed\r\n",
    "nul\0nul",
    "nul\0",
    "Čapek 東京 🙂",
    "c:a",
    "log",
];

const RACERS: usize = 16;
const INCREMENTS: usize = 25;

fn none() -> Versioned {
    Versioned::default()
}

fn versioned(version: u64, bytes: &[u8]) -> Versioned {
    Versioned { version, bytes: bytes.to_vec() }
}

fn record(version: u64, bytes: &[u8]) -> LogRecord {
    LogRecord { version, bytes: bytes.to_vec() }
}

/// A party of whom nothing is stored has version 0, no bytes and no log; there is no catalog either.
pub async fn nothing_is_version_zero_and_empty<S: Store>(store: Arc<S>) -> Verdict {
    assert_eq!(store.load("nobody").await?, none());
    assert_eq!(store.read_log("nobody", 10).await?, []);
    assert_eq!(store.catalog_version().await?, 0);
    assert_eq!(store.catalog(0).await?, None);
    assert_eq!(store.catalog(1).await?, None);
    Ok(())
}

/// What was committed is what is loaded, an empty value included.
pub async fn a_committed_value_is_loaded<S: Store>(store: Arc<S>) -> Verdict {
    assert_eq!(store.commit("p", 0, b"one", &[], &[]).await?, Commit::Done);
    assert_eq!(store.load("p").await?, versioned(1, b"one"));
    assert_eq!(store.commit("empty", 0, b"", &[], &[]).await?, Commit::Done);
    assert_eq!(store.load("empty").await?, versioned(1, b""));
    assert_eq!(store.commit("empty", 1, b"", &[], &[]).await?, Commit::Done);
    Ok(())
}

/// Each commit makes the next version.
pub async fn versions_of_a_party_grow_by_one<S: Store>(store: Arc<S>) -> Verdict {
    for version in 0..300_u64 {
        let value = version.to_string();
        assert_eq!(store.commit("p", version, value.as_bytes(), &[], &[]).await?, Commit::Done);
        assert_eq!(store.load("p").await?, versioned(version + 1, value.as_bytes()));
    }
    Ok(())
}

/// A commit that expects another version, older, newer or none, gets the current value.
pub async fn a_conflict_returns_the_current_value_and_changes_nothing<S: Store>(store: Arc<S>) -> Verdict {
    assert_eq!(store.commit("p", 1, b"x", &[b"r".to_vec()], &[]).await?, Commit::Conflict(none()));
    store.commit("p", 0, b"one", &[], &[]).await?;
    store.commit("p", 1, b"two", &[], &[]).await?;
    for expected in [0, 1, 3, 1 << 40, u64::MAX - 1] {
        let outcome = store.commit("p", expected, b"x", &[b"r".to_vec()], &[]).await?;
        assert_eq!(outcome, Commit::Conflict(versioned(2, b"two")), "expected {expected}");
    }
    assert_eq!(store.load("p").await?, versioned(2, b"two"));
    assert_eq!(store.read_log("p", 10).await?, []);
    Ok(())
}

/// Each party has its own value and log, whatever its name.
pub async fn parties_with_odd_names_do_not_touch_each_other<S: Store>(store: Arc<S>) -> Verdict {
    let longest = "é".repeat(MAX_PARTY_BYTES / 2);
    let hundred_and_twenty_eight = "x".repeat(128);
    let parties: Vec<&str> =
        ODD_PARTIES.into_iter().chain([longest.as_str(), hundred_and_twenty_eight.as_str()]).collect();
    for (index, party) in parties.iter().enumerate() {
        let value = index.to_string().into_bytes();
        assert_eq!(
            store.commit(party, 0, &value, std::slice::from_ref(&value), &[]).await?,
            Commit::Done,
            "{party:?}"
        );
    }
    for (index, party) in parties.iter().enumerate() {
        let value = index.to_string();
        assert_eq!(store.load(party).await?, versioned(1, value.as_bytes()), "{party:?}");
        assert_eq!(store.read_log(party, 10).await?, [record(1, value.as_bytes())], "{party:?}");
    }
    Ok(())
}

/// Values, log records and catalogs are bytes, not text.
pub async fn every_byte_comes_back<S: Store>(store: Arc<S>) -> Verdict {
    let bytes: Vec<u8> = (0..=255).chain([0, 0, b'\r', b'\n', 255]).collect();
    store.commit("p", 0, &bytes, std::slice::from_ref(&bytes), &[]).await?;
    assert_eq!(store.load("p").await?, versioned(1, &bytes));
    assert_eq!(store.commit("p", 0, b"", &[], &[]).await?, Commit::Conflict(versioned(1, &bytes)));
    assert_eq!(store.read_log("p", 10).await?, [record(1, &bytes)]);
    store.commit_catalog(0, &bytes).await?;
    assert_eq!(store.catalog(1).await?, Some(versioned(1, &bytes)));
    Ok(())
}

/// A commit brings all of its log records, a conflict none.
pub async fn log_records_are_there_exactly_when_the_value_is<S: Store>(store: Arc<S>) -> Verdict {
    store.commit("p", 0, b"one", &[b"a".to_vec(), b"b".to_vec(), Vec::new()], &[]).await?;
    store.commit("p", 0, b"lost", &[b"lost".to_vec()], &[]).await?;
    store.commit("p", 1, b"two", &[], &[]).await?;
    store.commit("p", 2, b"three", &[b"c".to_vec()], &[]).await?;
    let log = store.read_log("p", 10).await?;
    assert_eq!(log, [record(1, b"a"), record(1, b"b"), record(1, b""), record(3, b"c")]);
    assert_eq!(store.load("p").await?, versioned(3, b"three"));
    Ok(())
}

/// The log is read oldest first, and a limit keeps the newest.
pub async fn log_records_of_a_party_keep_the_order_of_its_commits<S: Store>(store: Arc<S>) -> Verdict {
    for version in 0..50_u64 {
        store.commit("p", version, b"v", &[version.to_be_bytes().to_vec()], &[]).await?;
        store.commit(&format!("other-{version}"), 0, b"v", &[b"other".to_vec()], &[]).await?;
    }
    let log = store.read_log("p", usize::MAX).await?;
    let expected: Vec<_> = (0..50_u64).map(|version| record(version + 1, &version.to_be_bytes())).collect();
    assert_eq!(log, expected);
    assert_eq!(store.read_log("p", 2).await?.as_slice(), expected.split_at(48).1);
    assert_eq!(store.read_log("p", 0).await?, []);
    Ok(())
}

/// A value of 100 kB, its log record and a catalog of 2 MB.
pub async fn large_values_are_kept<S: Store>(store: Arc<S>) -> Verdict {
    let bytes: Vec<u8> =
        (0..100_000_u32).flat_map(|number| number.to_le_bytes().into_iter().take(1)).collect();
    let log = vec![vec![7; 60_000]; 3];
    assert_eq!(store.commit("p", 0, &bytes, &log, &[]).await?, Commit::Done);
    assert_eq!(store.load("p").await?, versioned(1, &bytes));
    assert_eq!(store.commit("p", 9, b"", &[], &[]).await?, Commit::Conflict(versioned(1, &bytes)));
    assert_eq!(store.read_log("p", 10).await?.len(), 3);
    let catalog = vec![1; 2_000_000];
    assert_eq!(store.commit_catalog(0, &catalog).await?, Commit::Done);
    assert_eq!(store.catalog(0).await?, Some(versioned(1, &catalog)));
    Ok(())
}

/// What is beyond a stated maximum is refused by every store alike.
pub async fn too_large_is_refused_and_changes_nothing<S: Store>(store: Arc<S>) -> Verdict {
    let party = "p".repeat(MAX_PARTY_BYTES + 1);
    let is_too_large = |error: StoreError| matches!(error, StoreError::TooLarge { .. });
    assert!(store.load(&party).await.is_err_and(is_too_large));
    assert!(store.commit(&party, 0, b"", &[], &[]).await.is_err_and(is_too_large));
    assert!(
        store
            .commit("p", 0, &vec![0; crate::store::MAX_VALUE_BYTES + 1], &[], &[])
            .await
            .is_err_and(is_too_large)
    );
    assert_eq!(store.load("p").await?, none());
    Ok(())
}

/// Catalog versions start at 1 and leave none out; each stays as it was.
pub async fn catalog_versions_are_contiguous<S: Store>(store: Arc<S>) -> Verdict {
    assert_eq!(store.commit_catalog(1, b"early").await?, Commit::Conflict(none()));
    for version in 0..12_u64 {
        assert_eq!(store.commit_catalog(version, &version.to_be_bytes()).await?, Commit::Done);
        assert_eq!(store.catalog_version().await?, version + 1);
    }
    let newest = versioned(12, &11_u64.to_be_bytes());
    for expected in [0, 11, 13] {
        assert_eq!(store.commit_catalog(expected, b"late").await?, Commit::Conflict(newest.clone()));
    }
    for version in 1..=12_u64 {
        assert_eq!(store.catalog(version).await?, Some(versioned(version, &(version - 1).to_be_bytes())));
    }
    assert_eq!(store.catalog(0).await?, Some(newest));
    assert_eq!(store.catalog(13).await?, None);
    Ok(())
}

/// Of several catalogs made from the same version one is stored, and the others learn which.
pub async fn one_of_several_catalogs_for_the_same_version_wins<S: Store + 'static>(store: Arc<S>) -> Verdict {
    let commits =
        race(
            &store,
            |store, racer| async move { store.commit_catalog(0, racer.to_string().as_bytes()).await },
        );
    let outcomes = commits.await?;
    let stored = store.catalog(0).await?.unwrap_or_default();
    assert_eq!(stored.version, 1);
    for (racer, outcome) in outcomes.into_iter().enumerate() {
        let is_winner = stored.bytes == racer.to_string().as_bytes();
        assert_eq!(outcome, if is_winner { Commit::Done } else { Commit::Conflict(stored.clone()) });
    }
    Ok(())
}

/// 16 tasks that count up one party through compare-and-set end at the sum of their steps.
pub async fn racing_increments_of_one_party_lose_nothing<S: Store + 'static>(store: Arc<S>) -> Verdict {
    let steps = race(&store, |store, racer| async move {
        for step in 0..INCREMENTS {
            let mut current = store.load("p").await?;
            loop {
                let count = current.bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
                let log = [format!("{racer}/{step}").into_bytes()];
                match store.commit("p", current.version, &(count + 1).to_le_bytes(), &log, &[]).await? {
                    Commit::Done => break,
                    Commit::Conflict(newer) => current = newer,
                    Commit::Fenced => return Err(StoreError::wrong("nothing was fenced")),
                }
            }
        }
        Ok(())
    });
    steps.await?;
    let total = (RACERS * INCREMENTS) as u64;
    assert_eq!(store.load("p").await?, versioned(total, &total.to_le_bytes()));
    let log = store.read_log("p", usize::MAX).await?;
    let versions: Vec<u64> = log.iter().map(|record| record.version).collect();
    assert_eq!(versions, (1..=total).collect::<Vec<_>>(), "one log record for each version, in order");
    let mut steps: Vec<&[u8]> = log.iter().map(|record| record.bytes.as_slice()).collect();
    steps.sort_unstable();
    steps.dedup();
    assert_eq!(steps.len(), RACERS * INCREMENTS, "each step once");
    Ok(())
}

/// Of several first commits of a party one is made, and the others learn which.
pub async fn racing_firsts_of_one_party_have_one_winner<S: Store + 'static>(store: Arc<S>) -> Verdict {
    let commits = race(&store, |store, racer| async move {
        store.commit("p", 0, racer.to_string().as_bytes(), &[racer.to_string().into_bytes()], &[]).await
    });
    let outcomes = commits.await?;
    let stored = store.load("p").await?;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Commit::Done).count(), 1);
    for outcome in outcomes {
        assert!(outcome == Commit::Done || outcome == Commit::Conflict(stored.clone()), "{outcome:?}");
    }
    assert_eq!(store.read_log("p", 10).await?, [record(1, &stored.bytes)]);
    Ok(())
}

/// A store in order says so, and takes a flush.
pub async fn a_store_that_answers_says_so<S: Store>(store: Arc<S>) -> Verdict {
    store.ping().await?;
    store.flush().await
}

/// Run one future for each of the racers at once; their results, in the order of the racers.
async fn race<S, F, T>(store: &Arc<S>, step: impl Fn(Arc<S>, usize) -> F) -> Result<Vec<T>, StoreError>
where
    S: Store + 'static,
    F: Future<Output = Result<T, StoreError>> + Send + 'static,
    T: Send + 'static,
{
    let racers: Vec<_> = (0..RACERS).map(|racer| tokio::spawn(step(Arc::clone(store), racer))).collect();
    let mut results = Vec::with_capacity(RACERS);
    for racer in racers {
        results.push(racer.await.map_err(|error| StoreError::wrong(format!("a racer failed: {error}")))??);
    }
    Ok(results)
}
