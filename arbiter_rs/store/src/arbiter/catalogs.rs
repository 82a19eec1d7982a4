//! Catalog versions: which one decides, and how another becomes the one.

use std::sync::Arc;

use arbiter_core::catalog::Snapshot;

use super::{Arbiter, ArbiterError, MAX_ATTEMPTS, unreadable_catalog};
use crate::{
    catalog_record::CatalogRecord,
    store::{Commit, Store},
};

impl<S: Store> Arbiter<S> {
    /// Make the newest stored catalog the active one; returns its version.
    ///
    /// # Errors
    /// [`ArbiterError`] where the store does not answer or its catalog cannot be read: the active one stays.
    pub async fn refresh(&self) -> Result<u64, ArbiterError> {
        let newest = self.store.catalog_version().await?;
        if newest > self.active_version()
            && let Some(stored) = self.store.catalog(newest).await?
        {
            let record = CatalogRecord::decode(&stored.bytes);
            self.activate(
                record.and_then(|record| record.compile(stored.version)).map_err(unreadable_catalog)?,
            );
        }
        Ok(self.active_version())
    }

    /// An older version never replaces a newer one, whoever comes first.
    fn activate(&self, snapshot: Snapshot) {
        let snapshot = Arc::new(snapshot);
        self.active.rcu(|active| match active {
            Some(held) if held.version >= snapshot.version => Some(Arc::clone(held)),
            _ => Some(Arc::clone(&snapshot)),
        });
    }

    /// One stored version, the newest where 0 is asked; nothing where there is none yet.
    ///
    /// # Errors
    /// [`ArbiterError::CatalogVersionUnknown`], or what the store says.
    pub async fn catalog(&self, version: u64) -> Result<Option<(u64, CatalogRecord)>, ArbiterError> {
        match self.store.catalog(version).await? {
            Some(stored) => {
                Ok(Some((stored.version, CatalogRecord::decode(&stored.bytes).map_err(unreadable_catalog)?)))
            }
            None if version == 0 => Ok(None),
            None => Err(ArbiterError::CatalogVersionUnknown(version)),
        }
    }

    /// Make a compiled catalog the next version and the active one; returns the version.
    /// Claims that the `withdrawn` campaigns registered before it are dead from here on.
    ///
    /// # Errors
    /// [`ArbiterError::CatalogChanged`] where `expected` is not the newest version, [`ArbiterError::Catalog`] where it does not hold together
    /// or has no such campaign to withdraw from.
    pub async fn apply_catalog(
        &self,
        compiled: &[u8],
        attachment: &[u8],
        expected: Option<u64>,
        withdrawn: &[String],
    ) -> Result<u64, ArbiterError> {
        for _ in 0..MAX_ATTEMPTS {
            let (newest, previous) = match self.catalog(0).await? {
                Some((version, record)) => (version, Some(record)),
                None => (0, None),
            };
            if let Some(expected) = expected.filter(|expected| *expected != newest) {
                return Err(ArbiterError::CatalogChanged { expected, active: newest });
            }
            let record =
                CatalogRecord::following(previous.as_ref(), newest + 1, compiled, attachment, withdrawn)?;
            let snapshot = record.compile(newest + 1)?;
            if self.store.commit_catalog(newest, &record.encode()?).await? == Commit::Done {
                self.activate(snapshot);
                return Ok(newest + 1);
            }
        }
        Err(ArbiterError::Contended)
    }
}
