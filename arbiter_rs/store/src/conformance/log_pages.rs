//! What every store promises of the contact log read page by page.

use std::sync::Arc;

use super::{ODD_PARTIES, Verdict, record};
use crate::{
    error::StoreError,
    keys::bucket_of,
    store::{LogPage, LogRecord, MAX_LOG_PAGE, Store},
};

/// All pages of a bucket from a place on, and where the next one begins.
async fn read_on<S: Store>(store: &S, bucket: u16, after: &str, limit: usize) -> Result<LogPage, StoreError> {
    let mut all = LogPage { records: Vec::new(), next: after.to_owned() };
    loop {
        let page = store.read_log_page(bucket, &all.next, limit).await?;
        assert!(page.records.len() <= limit);
        all.next = page.next;
        if page.records.is_empty() {
            return Ok(all);
        }
        all.records.extend(page.records);
    }
}

/// The records of all parties of a bucket, whatever their names, each in the order of the commits.
pub async fn pages_of_the_log_have_every_record_once<S: Store>(store: Arc<S>) -> Verdict {
    let mut expected: Vec<Vec<(String, LogRecord)>> = vec![Vec::new(); usize::from(store.buckets())];
    for version in 1..=5_u64 {
        for party in ODD_PARTIES {
            let bytes = [version.to_be_bytes().to_vec(), Vec::new()];
            store.commit(party, version - 1, b"v", &bytes, &[]).await?;
            let of_bucket = expected.get_mut(usize::from(bucket_of(party, store.buckets())));
            let records = bytes.into_iter().map(|bytes| (party.to_owned(), LogRecord { version, bytes }));
            of_bucket.map(|bucket| bucket.extend(records)).unwrap_or_default();
        }
    }
    for (bucket, records) in (0..).zip(expected) {
        for limit in [1, 3, 1_000] {
            assert_eq!(read_on(&*store, bucket, "", limit).await?.records, records, "bucket {bucket}");
        }
    }
    Ok(())
}

/// Also when the log has grown since, and an empty page leaves the place where it was.
pub async fn a_page_of_the_log_goes_on_where_the_one_before_ended<S: Store>(store: Arc<S>) -> Verdict {
    let bucket = bucket_of("p", store.buckets());
    let nothing = store.read_log_page(bucket, "", 10).await?;
    assert_eq!(nothing, LogPage::default());
    let mut next = nothing.next;
    for version in 0..5_u64 {
        store.commit("p", version, b"v", &[b"a".to_vec(), b"b".to_vec()], &[]).await?;
        let page = read_on(&*store, bucket, &next, 1).await?;
        let expected = [b"a", b"b"].map(|bytes| ("p".to_owned(), record(version + 1, bytes)));
        assert_eq!(page.records, expected);
        assert_eq!(
            store.read_log_page(bucket, &page.next, 10).await?,
            LogPage { next: page.next.clone(), records: Vec::new() }
        );
        assert_eq!(store.read_log_page(bucket, &next, 0).await?, LogPage { next, records: Vec::new() });
        next = page.next;
    }
    Ok(())
}

/// However many are asked for.
pub async fn a_page_of_the_log_holds_so_many_records_at_most<S: Store>(store: Arc<S>) -> Verdict {
    let records = vec![b"r".to_vec(); MAX_LOG_PAGE + 10];
    store.commit("p", 0, b"v", &records, &[]).await?;
    let bucket = bucket_of("p", store.buckets());
    let page = store.read_log_page(bucket, "", usize::MAX).await?;
    assert_eq!(page.records.len(), MAX_LOG_PAGE);
    assert_eq!(store.read_log_page(bucket, &page.next, usize::MAX).await?.records.len(), 10);
    Ok(())
}

/// A bucket beyond the store's, and words that no page has said.
pub async fn what_is_no_bucket_or_no_place_in_the_log_is_refused<S: Store>(store: Arc<S>) -> Verdict {
    let is_wrong = |error: StoreError| matches!(error, StoreError::Wrong { .. });
    assert!(store.read_log_page(store.buckets(), "", 1).await.is_err_and(is_wrong));
    for after in ["x", "-", "+", "$", "(1-1", "1-x", " 1", "99999999999999999999", "-1"] {
        assert!(store.read_log_page(0, after, 1).await.is_err_and(is_wrong), "{after:?}");
    }
    Ok(())
}
