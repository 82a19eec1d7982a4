//! What every store promises of the counts kept beside the values.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use super::{INCREMENTS, ODD_PARTIES, RACERS, Verdict, none, race, versioned};
use crate::{
    error::StoreError,
    store::{Commit, Store},
    tally::{MAX_ACCOUNT_BYTES, MAX_COUNT, MAX_KEEP_MS, MAX_TALLIES, Tally},
};

/// Commits that are made before the fence of the race is set.
const COMMITS_BEFORE_FENCE: i64 = 200;

fn tally<'a>(account: &'a str, field: &'a str, delta: i64) -> Tally<'a> {
    Tally { account, field, delta, keep_ms: MAX_KEEP_MS }
}

fn counts(counts: &[(&str, i64)]) -> Vec<(String, i64)> {
    counts.iter().map(|(field, count)| ((*field).to_owned(), *count)).collect()
}

/// So many parties that they lie in many buckets, several in one.
fn many_parties() -> impl Iterator<Item = String> {
    (0..300).map(|number| format!("party-{number}"))
}

/// There is nothing in an account before a commit names it.
pub async fn an_account_nobody_counted_for_has_no_counts<S: Store>(store: Arc<S>) -> Verdict {
    store.commit("p", 0, b"v", &[], &[tally("a", "f", 1)]).await?;
    assert_eq!(store.tally("nobody").await?, []);
    store.drop_field("nobody", "f").await?;
    assert_eq!(store.tally("nobody").await?, []);
    Ok(())
}

/// A commit brings all of its tallies, a conflict none.
pub async fn counts_change_with_the_value_and_not_without_it<S: Store>(store: Arc<S>) -> Verdict {
    let tallies = [tally("a", "g", 5), tally("a", "f", 1), tally("b", "f", -7)];
    assert_eq!(store.commit("p", 0, b"one", &[b"r".to_vec()], &tallies).await?, Commit::Done);
    assert_eq!(store.commit("p", 0, b"x", &[], &tallies).await?, Commit::Conflict(versioned(1, b"one")));
    assert_eq!(store.commit("other", 3, b"x", &[], &tallies).await?, Commit::Conflict(none()));
    assert_eq!(store.tally("a").await?, counts(&[("f", 1), ("g", 5)]));
    assert_eq!(store.tally("b").await?, counts(&[("f", -7)]));
    assert_eq!(store.commit("p", 1, b"two", &[], &[tally("b", "f", 7)]).await?, Commit::Done);
    assert_eq!(store.tally("b").await?, counts(&[("f", 0)]));
    assert_eq!(store.load("p").await?, versioned(2, b"two"));
    assert_eq!(store.read_log("p", 10).await?.len(), 1);
    Ok(())
}

/// Whichever bucket a party lies in, its tallies count.
pub async fn counts_are_summed_over_all_parties<S: Store>(store: Arc<S>) -> Verdict {
    for party in many_parties() {
        let tallies = [tally("a", "f", 2), tally("a", "g", -1)];
        assert_eq!(store.commit(&party, 0, b"v", &[], &tallies).await?, Commit::Done);
    }
    assert_eq!(store.tally("a").await?, counts(&[("f", 600), ("g", -300)]));
    Ok(())
}

/// A commit may name a field several times.
pub async fn several_tallies_of_one_field_add_up<S: Store>(store: Arc<S>) -> Verdict {
    let tallies = [tally("a", "f", 3), tally("b", "f", 10), tally("a", "f", 4), tally("a", "f", -2)];
    assert_eq!(store.commit("p", 0, b"v", &[], &tallies).await?, Commit::Done);
    assert_eq!(store.tally("a").await?, counts(&[("f", 5)]));
    assert_eq!(store.tally("b").await?, counts(&[("f", 10)]));
    Ok(())
}

/// Each account has its own fields and each field its own count and fence, whatever their names.
pub async fn accounts_and_fields_with_odd_names_do_not_touch_each_other<S: Store>(store: Arc<S>) -> Verdict {
    let longest = "é".repeat(MAX_ACCOUNT_BYTES / 2);
    let mut names: Vec<&str> =
        ODD_PARTIES.into_iter().chain(["fence:a", "n:a", "0", longest.as_str()]).collect();
    names.sort_unstable();
    let pairs = || names.iter().flat_map(|account| names.iter().map(move |field| (*account, *field)));
    for (number, (account, field)) in (1..).zip(pairs()) {
        let tallies = [tally(account, field, number)];
        assert_eq!(store.commit("p", number.unsigned_abs() - 1, b"v", &[], &tallies).await?, Commit::Done);
    }
    let mut numbers = 1..;
    for account in &names {
        let expected: Vec<_> = names.iter().map(|field| (*field).to_owned()).zip(&mut numbers).collect();
        assert_eq!(store.tally(account).await?, expected, "{account:?}");
    }
    store.fence("a", "a").await?;
    for (number, (account, field)) in (0..).zip(pairs()) {
        let party = format!("party-{number}");
        let outcome = store.commit(&party, 0, b"v", &[], &[tally(account, field, 1)]).await?;
        let is_fenced = account == "a" && field == "a";
        assert_eq!(outcome, if is_fenced { Commit::Fenced } else { Commit::Done }, "{account:?} {field:?}");
    }
    Ok(())
}

/// Neither the value nor the log nor another count, of the same account or another.
pub async fn a_commit_that_names_a_fenced_field_changes_nothing<S: Store>(store: Arc<S>) -> Verdict {
    let first = [tally("a", "f", 1), tally("a", "g", 1), tally("b", "f", 1)];
    store.commit("p", 0, b"one", &[b"r".to_vec()], &first).await?;
    store.fence("a", "f").await?;
    let later = [tally("b", "f", 1), tally("a", "g", 1), tally("a", "f", 1), tally("c", "f", 1)];
    assert_eq!(store.commit("p", 1, b"two", &[b"r".to_vec()], &later).await?, Commit::Fenced);
    assert_eq!(store.commit("p", 1, b"two", &[], &[tally("a", "f", 0)]).await?, Commit::Fenced);
    assert_eq!(store.load("p").await?, versioned(1, b"one"));
    assert_eq!(store.read_log("p", 10).await?.len(), 1);
    assert_eq!(store.tally("a").await?, counts(&[("f", 1), ("g", 1)]));
    assert_eq!(store.tally("b").await?, counts(&[("f", 1)]));
    assert_eq!(store.tally("c").await?, []);
    assert_eq!(store.commit("p", 1, b"two", &[], &[tally("a", "g", 1)]).await?, Commit::Done);
    Ok(())
}

/// Also where no commit had counted before, and for accounts that were never named.
pub async fn a_fence_stands_in_every_bucket<S: Store>(store: Arc<S>) -> Verdict {
    store.commit("p", 0, b"v", &[], &[tally("a", "f", 1)]).await?;
    assert_eq!(store.fence("a", "f").await?, 1);
    assert_eq!(store.fence("empty", "f").await?, 0);
    for party in many_parties() {
        for account in ["a", "empty"] {
            assert_eq!(store.commit(&party, 0, b"v", &[], &[tally(account, "f", 1)]).await?, Commit::Fenced);
        }
        assert_eq!(store.commit(&party, 0, b"v", &[], &[tally("a", "g", 1)]).await?, Commit::Done);
    }
    assert_eq!(store.tally("a").await?, counts(&[("f", 1), ("g", 300)]));
    assert_eq!(store.tally("empty").await?, counts(&[("f", 0)]));
    Ok(())
}

/// Whoever lost to another commit learns that first: its tallies may be others on the current value.
pub async fn a_conflict_is_told_before_a_fence<S: Store>(store: Arc<S>) -> Verdict {
    store.commit("p", 0, b"one", &[], &[]).await?;
    store.fence("a", "f").await?;
    let outcome = store.commit("p", 0, b"x", &[], &[tally("a", "f", 1)]).await?;
    assert_eq!(outcome, Commit::Conflict(versioned(1, b"one")));
    Ok(())
}

/// What was counted before the fence is its sum, however often it is asked for.
pub async fn a_fence_tells_the_same_sum_each_time<S: Store>(store: Arc<S>) -> Verdict {
    for party in many_parties() {
        store.commit(&party, 0, b"v", &[], &[tally("a", "f", 3)]).await?;
    }
    for _ in 0..3 {
        assert_eq!(store.fence("a", "f").await?, 900);
        assert_eq!(store.commit("p", 0, b"v", &[], &[tally("a", "f", 1)]).await?, Commit::Fenced);
    }
    assert_eq!(store.tally("a").await?, counts(&[("f", 900)]));
    Ok(())
}

/// With the field its fence is gone; the account's other fields stay.
pub async fn a_dropped_field_counts_anew<S: Store>(store: Arc<S>) -> Verdict {
    for party in many_parties() {
        store.commit(&party, 0, b"v", &[], &[tally("a", "f", 1), tally("a", "g", 1)]).await?;
    }
    store.fence("a", "f").await?;
    store.fence("a", "g").await?;
    store.drop_field("a", "f").await?;
    store.drop_field("a", "f").await?;
    assert_eq!(store.tally("a").await?, counts(&[("g", 300)]));
    for party in many_parties() {
        assert_eq!(store.commit(&party, 1, b"v", &[], &[tally("a", "g", 1)]).await?, Commit::Fenced);
        assert_eq!(store.commit(&party, 1, b"v", &[], &[tally("a", "f", 1)]).await?, Commit::Done);
    }
    assert_eq!(store.tally("a").await?, counts(&[("f", 300), ("g", 300)]));
    Ok(())
}

/// A count is exact up to its maximum, either way.
pub async fn a_count_beyond_its_maximum_is_refused_and_changes_nothing<S: Store>(store: Arc<S>) -> Verdict {
    let is_too_large = |error: StoreError| matches!(error, StoreError::TooLarge { .. });
    let mut version = 0;
    for sign in [1, -1] {
        let largest = [tally("a", "f", sign * (MAX_COUNT - 1)), tally("a", "f", sign)];
        assert_eq!(store.commit("p", version, b"v", &[], &largest).await?, Commit::Done);
        version += 1;
        assert_eq!(store.tally("a").await?, counts(&[("f", sign * MAX_COUNT)]));
        let beyond = [tally("a", "g", 1), tally("a", "f", sign)];
        assert!(store.commit("p", version, b"x", &[b"r".to_vec()], &beyond).await.is_err_and(is_too_large));
        assert_eq!(store.tally("a").await?, counts(&[("f", sign * MAX_COUNT)]));
        assert_eq!(store.load("p").await?, versioned(version, b"v"));
        let back = [tally("a", "f", -sign * MAX_COUNT)];
        assert_eq!(store.commit("p", version, b"v", &[], &back).await?, Commit::Done);
        version += 1;
        store.drop_field("a", "f").await?;
    }
    Ok(())
}

/// What is beyond a stated maximum is refused by every store alike.
pub async fn too_many_tallies_are_refused_and_change_nothing<S: Store>(store: Arc<S>) -> Verdict {
    let is_too_large = |error: StoreError| matches!(error, StoreError::TooLarge { .. });
    let most = vec![tally("a", "f", 1); MAX_TALLIES];
    assert_eq!(store.commit("p", 0, b"v", &[], &most).await?, Commit::Done);
    let long = "x".repeat(MAX_ACCOUNT_BYTES + 1);
    let too_many = vec![tally("a", "f", 1); MAX_TALLIES + 1];
    let kept_too_long = Tally { keep_ms: MAX_KEEP_MS + 1, ..tally("a", "f", 1) };
    for tallies in [too_many, vec![tally(&long, "f", 1)], vec![tally("a", &long, 1)], vec![kept_too_long]] {
        assert!(store.commit("p", 1, b"x", &[], &tallies).await.is_err_and(is_too_large));
    }
    assert!(store.tally(&long).await.is_err_and(is_too_large));
    assert!(store.fence("a", &long).await.is_err_and(is_too_large));
    assert!(store.drop_field(&long, "f").await.is_err_and(is_too_large));
    assert_eq!(store.load("p").await?, versioned(1, b"v"));
    assert_eq!(store.tally("a").await?, counts(&[("f", 1_024)]));
    Ok(())
}

/// 16 tasks that count for their own parties, and for one that they share, end at the sum of their commits.
pub async fn racing_tallies_lose_nothing<S: Store + 'static>(store: Arc<S>) -> Verdict {
    let steps = race(&store, |store, racer| async move {
        let mut done = 0;
        for step in 0..INCREMENTS {
            let tallies = [tally("a", "f", 1), tally("a", "g", 2)];
            let own = format!("party-{racer}-{step}");
            for party in [own.as_str(), "shared"] {
                let expected = store.load(party).await?.version;
                let outcome = store.commit(party, expected, b"v", &[], &tallies).await?;
                done += i64::from(outcome == Commit::Done);
            }
        }
        Ok(done)
    });
    let done: i64 = steps.await?.into_iter().sum();
    assert!(
        done >= i64::try_from(RACERS * INCREMENTS).unwrap_or(i64::MAX),
        "no party of one's own conflicts"
    );
    assert_eq!(store.tally("a").await?, counts(&[("f", done), ("g", 2 * done)]));
    Ok(())
}

/// While 15 tasks count for ever more parties until they meet the fence that the 16th sets, the sum that the fence
/// tells is that of the commits that are done, and it changes no more.
pub async fn a_fence_is_final_while_commits_go_on<S: Store + 'static>(store: Arc<S>) -> Verdict {
    let done = Arc::new(AtomicI64::new(0));
    let steps = race(&store, |store, racer| {
        let done = Arc::clone(&done);
        async move {
            if racer == 0 {
                set_fence(&*store, &done).await
            } else {
                count_until_fenced(&*store, racer, &done).await
            }
        }
    });
    let results = steps.await?;
    let done = done.load(Ordering::SeqCst);
    assert!(done >= COMMITS_BEFORE_FENCE);
    assert_eq!(results.first(), Some(&done), "the sum that the fence told");
    assert_eq!(results.iter().skip(1).sum::<i64>(), done, "values that are there");
    assert_eq!(store.fence("a", "f").await?, done);
    assert_eq!(store.tally("a").await?, counts(&[("f", done), ("g", done)]));
    Ok(())
}

/// Set the fence once so many commits are done; returns the sum that it tells.
async fn set_fence<S: Store>(store: &S, done: &AtomicI64) -> Result<i64, StoreError> {
    while done.load(Ordering::SeqCst) < COMMITS_BEFORE_FENCE {
        tokio::task::yield_now().await;
    }
    store.fence("a", "f").await
}

/// Commit for one party after the other until one is fenced; returns how many of them have a value.
async fn count_until_fenced<S: Store>(store: &S, racer: usize, done: &AtomicI64) -> Result<i64, StoreError> {
    let party = |step: usize| format!("party-{racer}-{step}");
    let mut step = 0;
    loop {
        let tallies = [tally("a", "g", 1), tally("a", "f", 1)];
        match store.commit(&party(step), 0, b"v", &[], &tallies).await? {
            Commit::Done => done.fetch_add(1, Ordering::SeqCst),
            Commit::Fenced => break,
            Commit::Conflict(_) => return Err(StoreError::wrong("the party is this racer's own")),
        };
        step += 1;
        // A store in the process has its answer at once, and the fence waits for its turn.
        tokio::task::yield_now().await;
    }
    let mut there = 0;
    for step in 0..=step {
        there += i64::from(store.load(&party(step)).await?.version == 1);
    }
    Ok(there)
}
