//! The bytes around a stored value, a log record and the store's own record, alike in the stores that keep them.

use crate::{
    error::StoreError,
    keys::{MAX_BUCKETS, STORE_FORMAT, VERSION_BYTES},
    store::{LogRecord, Versioned},
};

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
