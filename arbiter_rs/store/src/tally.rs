//! Counts kept beside the values: what a commit may name, and how a count changes.

use crate::{
    error::StoreError,
    store::{check_size, check_value},
};

/// The longest name of an account or of a field, in bytes.
pub const MAX_ACCOUNT_BYTES: usize = 1_024;
/// The most tallies of one commit.
pub const MAX_TALLIES: usize = 1_024;
/// The largest count of one field in one bucket, either way. Redis scripts count exactly up to here.
pub const MAX_COUNT: i64 = (1 << 53) - 1;
/// The longest that a commit may ask to keep a count or an account: ten years.
pub const MAX_KEEP_MS: i64 = 3_660 * 86_400_000;

/// A change of a count kept beside the values, made in the same instant as the value of a party, in the party's bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally<'a> {
    /// Whose count it is.
    pub account: &'a str,
    /// Which of the account's counts.
    pub field: &'a str,
    /// What is added to it.
    pub delta: i64,
    /// How long the account's counts in this bucket are kept at least after this change; 0 for ever. Where a commit
    /// names an account several times, the longest holds.
    pub keep_ms: i64,
}

/// A count as a store without a counter of its own keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) sum: i64,
    pub(crate) is_fenced: bool,
}

impl Count {
    /// The count with so much added to it.
    pub(crate) fn plus(self, tally: &Tally<'_>) -> Result<Self, StoreError> {
        // Neither is beyond MAX_COUNT.
        let sum = self.sum.saturating_add(tally.delta);
        if sum.saturating_abs() > MAX_COUNT {
            return Err(full());
        }
        Ok(Self { sum, ..self })
    }
}

/// A count as a commit leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted<'a> {
    pub(crate) account: &'a str,
    pub(crate) field: &'a str,
    /// The longest that a tally of the account asks for; 0 for ever.
    pub(crate) keep_ms: i64,
    pub(crate) count: Count,
}

/// Each field once, with its count as the tallies leave it; None where one is fenced.
pub(crate) fn count<'a>(
    tallies: &[Tally<'a>],
    read: impl Fn(&str, &str) -> Result<Count, StoreError>,
) -> Result<Option<Vec<Counted<'a>>>, StoreError> {
    let mut counts: Vec<Counted<'a>> = Vec::with_capacity(tallies.len());
    for tally in tallies {
        let Tally { account, field, .. } = *tally;
        if let Some(held) = counts.iter_mut().find(|held| held.account == account && held.field == field) {
            held.count = held.count.plus(tally)?;
            continue;
        }
        let count = read(account, field)?;
        if count.is_fenced {
            return Ok(None);
        }
        counts.push(Counted {
            account,
            field,
            keep_ms: keep_ms(tallies, account),
            count: count.plus(tally)?,
        });
    }
    Ok(Some(counts))
}

/// How long the account of a tally is to be kept: the longest that a tally of the commit asks for; 0 for ever.
pub(crate) fn keep_ms(tallies: &[Tally<'_>], account: &str) -> i64 {
    let of_account = tallies.iter().filter(|tally| tally.account == account).map(|tally| tally.keep_ms);
    of_account.max_by_key(|keep_ms| if *keep_ms == 0 { i64::MAX } else { *keep_ms }).unwrap_or_default()
}

/// The error for a count that would grow beyond [`MAX_COUNT`].
pub(crate) fn full() -> StoreError {
    let message = format!("a count would be beyond the maximum of {MAX_COUNT} in one bucket");
    StoreError::TooLarge { message }
}

/// Hold the tallies of a commit to the stated maxima.
pub(crate) fn check_tallies(tallies: &[Tally<'_>]) -> Result<(), StoreError> {
    check_size("a commit", tallies.len(), MAX_TALLIES, "tallies")?;
    for tally in tallies {
        check_field(tally.account, tally.field)?;
        check_keep(tally.keep_ms)?;
        if tally.delta.saturating_abs() > MAX_COUNT {
            return Err(full());
        }
    }
    Ok(())
}

/// Hold the names of an account and of its field to the stated maximum.
pub(crate) fn check_field(account: &str, field: &str) -> Result<(), StoreError> {
    check_account(account)?;
    check_size("the name of a field", field.len(), MAX_ACCOUNT_BYTES, "bytes")
}

/// Hold the name of an account to the stated maximum.
pub(crate) fn check_account(account: &str) -> Result<(), StoreError> {
    check_size("the name of an account", account.len(), MAX_ACCOUNT_BYTES, "bytes")
}

/// Hold a commit of an account to the stated maxima; returns the version that it makes.
pub(crate) fn check_commit_account(
    account: &str,
    expected: u64,
    value: &[u8],
    keep_ms: i64,
) -> Result<u64, StoreError> {
    check_account(account)?;
    check_keep(keep_ms)?;
    check_value(expected, value)
}

fn check_keep(keep_ms: i64) -> Result<(), StoreError> {
    if (0..=MAX_KEEP_MS).contains(&keep_ms) {
        return Ok(());
    }
    Err(StoreError::TooLarge { message: format!("{keep_ms} ms to keep is not 0 to {MAX_KEEP_MS}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TALLY: Tally<'_> = Tally { account: "a", field: "f", delta: 1, keep_ms: 0 };

    #[test]
    fn every_size_has_a_maximum() {
        let long = "x".repeat(MAX_ACCOUNT_BYTES + 1);
        for tally in [
            Tally { account: &long, ..TALLY },
            Tally { field: &long, ..TALLY },
            Tally { delta: MAX_COUNT + 1, ..TALLY },
            Tally { delta: i64::MIN, ..TALLY },
            Tally { keep_ms: -1, ..TALLY },
            Tally { keep_ms: MAX_KEEP_MS + 1, ..TALLY },
        ] {
            assert!(matches!(check_tallies(&[TALLY, tally]), Err(StoreError::TooLarge { .. })));
        }
        assert!(matches!(check_tallies(&[TALLY; MAX_TALLIES + 1]), Err(StoreError::TooLarge { .. })));
        assert_eq!(check_tallies(&[TALLY; MAX_TALLIES]), Ok(()));
        assert!(matches!(check_commit_account(&long, 0, b"", 0), Err(StoreError::TooLarge { .. })));
        assert!(matches!(check_commit_account("a", 0, b"", -1), Err(StoreError::TooLarge { .. })));
        assert_eq!(check_commit_account("a", 4, b"", MAX_KEEP_MS), Ok(5));
    }

    #[test]
    fn a_count_stays_within_its_maximum_either_way() {
        let largest = Count { sum: MAX_COUNT, is_fenced: false };
        assert!(largest.plus(&TALLY).is_err());
        assert_eq!(largest.plus(&Tally { delta: -MAX_COUNT, ..TALLY }), Ok(Count::default()));
        assert!(Count { sum: -MAX_COUNT, is_fenced: false }.plus(&Tally { delta: -1, ..TALLY }).is_err());
    }
}
