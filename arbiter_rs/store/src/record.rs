//! The bytes around a stored value, a log record and the store's own record, alike in the stores that keep them.

use crate::{
    error::StoreError,
    keys::{MAX_BUCKETS, STORE_FORMAT, VERSION_BYTES},
    store::{LogRecord, Versioned},
    tally::Count,
};

/// Bytes of an instant, big-endian: milliseconds since 1970, 0 for never.
const INSTANT_BYTES: usize = 8;
/// Bytes of a stored count: whether it is fenced, and its sum, big-endian.
const COUNT_BYTES: usize = 9;
/// Bytes of the party's length in front of a log record, big-endian.
const LENGTH_BYTES: usize = 2;

/// A stored value: its version, big-endian, and its bytes.
pub(crate) fn join(version: u64, value: &[u8]) -> Vec<u8> {
    [version.to_be_bytes().as_slice(), value].concat()
}

/// The version and the bytes of a stored value. A value always has a version from 1.
pub(crate) fn split(stored: &[u8], key: &str) -> Result<Versioned, StoreError> {
    match stored.split_first_chunk::<VERSION_BYTES>() {
        Some((version, bytes)) if u64::from_be_bytes(*version) > 0 => {
            Ok(Versioned { version: u64::from_be_bytes(*version), bytes: bytes.to_vec() })
        }
        Some(_) | None => Err(StoreError::corrupt(key, "it does not begin with a version")),
    }
}

/// A number of 8 bytes, big-endian.
pub(crate) fn number(bytes: &[u8], key: &str) -> Result<u64, StoreError> {
    match <[u8; VERSION_BYTES]>::try_from(bytes) {
        Ok(bytes) => Ok(u64::from_be_bytes(bytes)),
        Err(_) => Err(StoreError::corrupt(key, "a key is not a number of 8 bytes")),
    }
}

/// A record and the instant until which it is kept at least; 0 for ever.
pub(crate) fn keep(keep_until: i64, bytes: &[u8]) -> Vec<u8> {
    [keep_until.to_be_bytes().as_slice(), bytes].concat()
}

/// The instant until which a record is kept at least, and the record.
pub(crate) fn split_kept<'a>(stored: &'a [u8], key: &str) -> Result<(i64, &'a [u8]), StoreError> {
    match stored.split_first_chunk::<INSTANT_BYTES>() {
        Some((keep_until, bytes)) => Ok((i64::from_be_bytes(*keep_until), bytes)),
        None => Err(StoreError::corrupt(key, "it does not begin with an instant")),
    }
}

/// A stored count.
pub(crate) fn count(count: Count) -> [u8; COUNT_BYTES] {
    let mut bytes = [0; COUNT_BYTES];
    let (is_fenced, sum) = bytes.split_at_mut(1);
    is_fenced.fill(u8::from(count.is_fenced));
    sum.copy_from_slice(&count.sum.to_be_bytes());
    bytes
}

/// What a stored count says.
pub(crate) fn read_count(stored: &[u8], key: &str) -> Result<Count, StoreError> {
    match stored.split_first_chunk::<1>() {
        Some(([is_fenced @ (0 | 1)], sum)) if sum.len() == COUNT_BYTES - 1 => {
            let sum = i64::from_be_bytes(sum.try_into().unwrap_or_default());
            Ok(Count { sum, is_fenced: *is_fenced == 1 })
        }
        Some(_) | None => Err(StoreError::corrupt(key, "a count of it is damaged")),
    }
}

/// A log record with the party that it is about and the version that it came with.
pub(crate) fn log(party: &str, version: u64, bytes: &[u8]) -> Vec<u8> {
    // A party is at most MAX_PARTY_BYTES long.
    let length = u16::try_from(party.len()).unwrap_or(u16::MAX);
    [length.to_be_bytes().as_slice(), party.as_bytes(), &version.to_be_bytes(), bytes].concat()
}

/// The party and the record of a stored log record.
pub(crate) fn split_log(stored: &[u8]) -> Result<(&[u8], LogRecord), StoreError> {
    let parts = || {
        let (length, rest) = stored.split_first_chunk::<LENGTH_BYTES>()?;
        let (party, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let (version, bytes) = rest.split_first_chunk::<VERSION_BYTES>()?;
        Some((party, LogRecord { version: u64::from_be_bytes(*version), bytes: bytes.to_vec() }))
    };
    parts().ok_or_else(|| StoreError::corrupt("log", "a record is cut short"))
}

/// The name of a party.
pub(crate) fn party(name: &[u8]) -> Result<String, StoreError> {
    let name = std::str::from_utf8(name).map(str::to_owned);
    name.map_err(|_| StoreError::corrupt("log", "the name of a party is not text"))
}

/// Whether the store's own record is one that this program reads; returns its number of buckets.
pub(crate) fn check_meta(
    format: Option<&str>,
    buckets: Option<&str>,
    place: &str,
) -> Result<u16, StoreError> {
    if format != Some(STORE_FORMAT.to_string().as_str()) {
        let format = format.unwrap_or_default();
        return Err(StoreError::wrong(format!(
            "the store in `{place}` has the format `{format}`, and this program reads format {STORE_FORMAT}: \
             open it with the program that made it, or name another store"
        )));
    }
    let count =
        buckets.and_then(|buckets| buckets.parse().ok()).filter(|count| (1..=MAX_BUCKETS).contains(count));
    count.ok_or_else(|| {
        let buckets = buckets.unwrap_or_default();
        StoreError::wrong(format!(
            "the store in `{place}` says that it has `{buckets}` buckets, not 1 to {MAX_BUCKETS}: \
             name another store, or restore this one from a copy"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_value_is_its_version_and_its_bytes() {
        assert_eq!(join(258, b"ab"), [0, 0, 0, 0, 0, 0, 1, 2, b'a', b'b']);
        assert_eq!(split(&join(258, b"ab"), "p"), Ok(Versioned { version: 258, bytes: b"ab".to_vec() }));
        assert_eq!(split(&join(1, b""), "p"), Ok(Versioned { version: 1, bytes: Vec::new() }));
    }

    #[test]
    fn a_value_cut_short_is_refused_and_names_its_party() {
        for stored in [b"".as_slice(), b"1234567", &[0; 9]] {
            assert_eq!(
                split(stored, "p").unwrap_err().to_string(),
                "the stored value of `p` cannot be read: it does not begin with a version"
            );
        }
    }

    #[test]
    fn a_stored_count_is_kept_until_an_instant() {
        let count_of = Count { sum: -2, is_fenced: true };
        let stored = keep(258, &count(count_of));
        assert_eq!(stored, [0, 0, 0, 0, 0, 0, 1, 2, 1, 255, 255, 255, 255, 255, 255, 255, 254]);
        let (keep_until, bytes) = split_kept(&stored, "a").unwrap();
        assert_eq!((keep_until, read_count(bytes, "a")), (258, Ok(count_of)));
        assert!(split_kept(&stored[..7], "a").is_err());
        for damaged in [b"".as_slice(), b"\x0112345678", b"\x02\0\0\0\0\0\0\0\0", &bytes[..8]] {
            assert_eq!(read_count(damaged, "a").is_err(), damaged != b"\x0112345678", "{damaged:?}");
        }
    }

    #[test]
    fn a_log_record_names_its_party_and_version() {
        let stored = log("née", 3, b"\0r");
        let (party, record) = split_log(&stored).unwrap();
        assert_eq!(
            (party, record.version, record.bytes.as_slice()),
            ("née".as_bytes(), 3, b"\0r".as_slice())
        );
        for cut in 0..stored.len() - 2 {
            assert!(split_log(&stored[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_store_of_another_format_is_refused() {
        assert_eq!(check_meta(Some("1"), Some("64"), "x"), Ok(64));
        for (format, buckets) in
            [(Some("2"), Some("64")), (None, None), (Some("1"), Some("0")), (Some("1"), None)]
        {
            assert!(matches!(check_meta(format, buckets, "x"), Err(StoreError::Wrong { .. })));
        }
        let message = check_meta(Some("2"), Some("64"), "repit-data").unwrap_err().to_string();
        assert!(message.contains("`repit-data`") && message.contains("`2`"), "{message}");
    }
}
