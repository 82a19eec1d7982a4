//! One catalog version as it is stored: the compiled catalog, the register up to it, and what the control plane keeps with it.

use arbiter_core::{
    catalog::{CatalogError, Snapshot},
    compiled::CompiledCatalog,
    ids::CampaignId,
    register::Register,
};
use serde::{Deserialize, Serialize};

/// A catalog version.
#[derive(Clone, Debug)]
pub struct CatalogRecord {
    /// The compiled catalog, as it was handed over.
    pub compiled: Vec<u8>,
    /// Every name and all terms up to this version.
    pub register: Register,
    /// What the control plane keeps with it, untouched.
    pub attachment: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    register: Register,
    compiled_bytes: usize,
}

impl CatalogRecord {
    /// The version that follows `previous` with this compiled catalog; all claims that the `withdrawn` campaigns registered before it are dead.
    ///
    /// # Errors
    /// [`CatalogError`] where it is not a compiled catalog, or does not know a campaign to withdraw from.
    pub fn following(
        previous: Option<&Self>,
        version: u64,
        compiled: &[u8],
        attachment: &[u8],
        withdrawn: &[String],
    ) -> Result<Self, CatalogError> {
        let catalog = parse(compiled)?;
        let mut register = previous.map(|previous| previous.register.clone()).unwrap_or_default();
        register.admit(&catalog, version);
        for name in withdrawn {
            let number =
                (0..).zip(&register.campaigns).find(|(_, known)| *known == name).map(|(number, _)| number);
            let number = number.ok_or_else(|| CatalogError(format!("no such campaign `{name}`")))?;
            // Claims registered under this version come after the withdrawal.
            register.withdraw_claims(CampaignId(number), version.saturating_sub(1));
        }
        Ok(Self { compiled: compiled.to_vec(), register, attachment: attachment.to_vec() })
    }

    /// The snapshot that decides.
    ///
    /// # Errors
    /// [`CatalogError`] where the catalog does not hold together.
    pub fn compile(&self, version: u64) -> Result<Snapshot, CatalogError> {
        Snapshot::compile(version, &parse(&self.compiled)?, self.register.clone())
    }

    /// The bytes to store: the length of the head (8 bytes, big endian), the head as JSON, the compiled catalog, the attachment.
    ///
    /// # Errors
    /// [`CatalogError`] where the register cannot be written.
    pub fn encode(&self) -> Result<Vec<u8>, CatalogError> {
        let head = Head { register: self.register.clone(), compiled_bytes: self.compiled.len() };
        let head = serde_json::to_vec(&head).map_err(|error| CatalogError(error.to_string()))?;
        let length = (head.len() as u64).to_be_bytes();
        Ok([length.as_slice(), &head, &self.compiled, &self.attachment].concat())
    }

    /// Read stored bytes.
    ///
    /// # Errors
    /// [`CatalogError`] where they are not a stored catalog version.
    pub fn decode(bytes: &[u8]) -> Result<Self, CatalogError> {
        let damaged =
            || CatalogError("the stored catalog is damaged: restore the store from a copy".to_owned());
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_be_bytes(*length)).map_err(|_| damaged())?;
        let (head, rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let head: Head = serde_json::from_slice(head).map_err(|_| damaged())?;
        let (compiled, attachment) = rest.split_at_checked(head.compiled_bytes).ok_or_else(damaged)?;
        Ok(Self { compiled: compiled.to_vec(), register: head.register, attachment: attachment.to_vec() })
    }
}

fn parse(compiled: &[u8]) -> Result<CompiledCatalog, CatalogError> {
    serde_json::from_slice(compiled).map_err(|error| CatalogError(format!("not a compiled catalog: {error}")))
}

#[cfg(test)]
mod tests {
    use super::CatalogRecord;

    const COMPILED: &[u8] = br#"{"format":1,"zone":"UTC","horizon_ms":86400000,"channels":[{"name":"email","cost":0,"pressure":1000000,"expires_after_ms":1000,"unconfirmed":"counts"}],
        "campaigns":[{"name":"a","priority":50,"kind":"marketing","channels":["email"]}]}"#;

    #[test]
    fn a_stored_version_reads_back_as_it_was() {
        let record = CatalogRecord::following(None, 1, COMPILED, b"kept\0", &[]).unwrap();
        let read = CatalogRecord::decode(&record.encode().unwrap()).unwrap();
        assert_eq!((read.compiled.as_slice(), read.attachment.as_slice()), (COMPILED, b"kept\0".as_slice()));
        assert_eq!(read.register, record.register);
        assert_eq!(read.compile(1).unwrap().version, 1);
    }

    #[test]
    fn terms_that_change_get_a_new_integer_and_the_old_ones_keep_theirs() {
        let first = CatalogRecord::following(None, 1, COMPILED, b"", &[]).unwrap();
        let dearer = String::from_utf8(COMPILED.to_vec()).unwrap().replace("\"cost\":0", "\"cost\":5");
        let second = CatalogRecord::following(Some(&first), 2, dearer.as_bytes(), b"", &[]).unwrap();
        assert_eq!(second.register.terms.len(), 2);
        assert_eq!(second.register.terms[0], first.register.terms[0]);
        let third = CatalogRecord::following(Some(&second), 3, COMPILED, b"", &[]).unwrap();
        assert_eq!(third.register, second.register);
    }

    #[test]
    fn a_cut_version_is_refused() {
        let bytes = CatalogRecord::following(None, 1, COMPILED, b"kept", &[]).unwrap().encode().unwrap();
        for cut in [0, 4, 8, 20] {
            assert!(CatalogRecord::decode(&bytes[..cut]).is_err(), "{cut}");
        }
    }
}
