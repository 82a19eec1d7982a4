//! What every store promises of the values of accounts.

use std::sync::Arc;

use super::{INCREMENTS, ODD_PARTIES, RACERS, Verdict, none, race, versioned};
use crate::{
    error::StoreError,
    store::{Commit, MAX_VALUE_BYTES, Store},
    tally::{MAX_ACCOUNT_BYTES, MAX_KEEP_MS},
};

/// Each commit makes the next version where it expects the current one, however long it is kept.
pub async fn an_account_is_compared_and_set<S: Store>(store: Arc<S>) -> Verdict {
    let is_too_large = |error: StoreError| matches!(error, StoreError::TooLarge { .. });
    assert_eq!(store.account("a").await?, none());
    assert_eq!(store.commit_account("a", 1, b"x", 0).await?, Commit::Conflict(none()));
    for (version, keep_ms) in (0_u64..).zip([0, MAX_KEEP_MS, 3_600_000, 0]) {
        let value = [0, u8::try_from(version).unwrap_or_default(), 255];
        assert_eq!(store.commit_account("a", version, &value, keep_ms).await?, Commit::Done);
        assert_eq!(store.account("a").await?, versioned(version + 1, &value));
    }
    for expected in [0, 3, 5, u64::MAX - 1] {
        let outcome = store.commit_account("a", expected, b"x", 0).await?;
        assert_eq!(outcome, Commit::Conflict(versioned(4, &[0, 3, 255])), "expected {expected}");
    }
    let long = "x".repeat(MAX_ACCOUNT_BYTES + 1);
    assert!(store.account(&long).await.is_err_and(is_too_large));
    assert!(store.commit_account(&long, 0, b"", 0).await.is_err_and(is_too_large));
    assert!(store.commit_account("a", 4, b"", -1).await.is_err_and(is_too_large));
    assert!(store.commit_account("a", 4, &vec![0; MAX_VALUE_BYTES + 1], 0).await.is_err_and(is_too_large));
    assert_eq!(store.account("a").await?.version, 4);
    Ok(())
}

/// An account and a party of one name have nothing in common, and two accounts neither.
pub async fn accounts_are_apart_from_parties<S: Store>(store: Arc<S>) -> Verdict {
    for (number, name) in (0_u8..).zip(ODD_PARTIES) {
        assert_eq!(store.commit_account(name, 0, &[number], 0).await?, Commit::Done, "{name:?}");
    }
    for (number, name) in (0_u8..).zip(ODD_PARTIES) {
        assert_eq!(store.account(name).await?, versioned(1, &[number]), "{name:?}");
        assert_eq!(store.load(name).await?, none(), "{name:?}");
        assert_eq!(store.tally(name).await?, [], "{name:?}");
        assert_eq!(store.read_log(name, 10).await?, [], "{name:?}");
        assert_eq!(store.commit(name, 0, b"v", &[], &[]).await?, Commit::Done, "{name:?}");
        assert_eq!(store.account(name).await?, versioned(1, &[number]), "{name:?}");
    }
    assert_eq!(store.catalog_version().await?, 0);
    Ok(())
}

/// 16 tasks that count up one account through compare-and-set end at the sum of their steps.
pub async fn racing_commits_of_one_account_lose_nothing<S: Store + 'static>(store: Arc<S>) -> Verdict {
    let steps = race(&store, |store, _| async move {
        for _ in 0..INCREMENTS {
            let mut current = store.account("a").await?;
            loop {
                let count = current.bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
                match store
                    .commit_account("a", current.version, &(count + 1).to_le_bytes(), 3_600_000)
                    .await?
                {
                    Commit::Done => break,
                    Commit::Conflict(newer) => current = newer,
                    Commit::Fenced => return Err(StoreError::wrong("an account has no fence")),
                }
            }
        }
        Ok(())
    });
    steps.await?;
    let total = (RACERS * INCREMENTS) as u64;
    assert_eq!(store.account("a").await?, versioned(total, &total.to_le_bytes()));
    Ok(())
}
