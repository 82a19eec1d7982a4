//! What an address says beyond what Redis knows: tenant, size of the cache, which client asks.

use crate::{error::StoreError, keys::Tenant};

/// The cache of values where an address does not say, in MiB. It grows to that only when so much is asked for.
pub const CACHE_MIB: usize = 512;
/// The largest cache of values, in MiB.
pub const MAX_CACHE_MIB: usize = 65_536;

/// Which connections values are loaded and committed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Connections of our own, one for each runtime; the library's where the address asks for what only that does.
    Own,
    /// The library's.
    Library,
}

/// An address taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// What is left for the library.
    pub(super) address: String,
    pub(super) tenant: Tenant,
    pub(super) cache_bytes: usize,
    pub(super) way: Way,
}

impl Options {
    /// Take `tenant=NAME`, `cache_mib=N` and `client=own|library` out of an address.
    pub(super) fn parse(address: &str) -> Result<Self, StoreError> {
        let (base, query) = address.split_once('?').unwrap_or((address, ""));
        let mut options = Self {
            address: base.to_owned(),
            tenant: Tenant::default(),
            cache_bytes: CACHE_MIB << 20,
            way: Way::Own,
        };
        let mut others = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("tenant", name)) => options.tenant = Tenant::parse(name)?,
                Some(("cache_mib", size)) => options.cache_bytes = cache_bytes(size)?,
                Some(("client", "own")) => options.way = Way::Own,
                Some(("client", "library")) => options.way = Way::Library,
                Some(("client", name)) => {
                    return Err(StoreError::wrong(format!("no client `{name}`: name `own` or `library`")));
                }
                _ => others.push(pair),
            }
        }
        if !others.is_empty() {
            options.address = format!("{base}?{}", others.join("&"));
        }
        Ok(options)
    }
}

fn cache_bytes(size: &str) -> Result<usize, StoreError> {
    let mib = size.parse().ok().filter(|mib| *mib <= MAX_CACHE_MIB);
    mib.map(|mib: usize| mib << 20)
        .ok_or_else(|| StoreError::wrong(format!("the cache of `{size}` MiB is not 0 to {MAX_CACHE_MIB}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_does_not_know_is_taken_out_of_the_address() {
        let split = |address| {
            Options::parse(address).map(|options| (options.address, options.tenant.to_string(), options.way))
        };
        assert_eq!(split("redis://h:1/2"), Ok(("redis://h:1/2".into(), "default".into(), Way::Own)));
        assert_eq!(split("redis://h?tenant=shop"), Ok(("redis://h".into(), "shop".into(), Way::Own)));
        assert_eq!(
            split("redis+unix:///s?db=1&tenant=shop&pass=x&client=library"),
            Ok(("redis+unix:///s?db=1&pass=x".into(), "shop".into(), Way::Library))
        );
        assert!(split("redis://h?tenant=}").is_err());
        assert!(split("redis://h?client=other").is_err());
    }

    #[test]
    fn the_cache_has_a_maximum() {
        let size = |address| Options::parse(address).map(|options| options.cache_bytes);
        assert_eq!(size("redis://h"), Ok(CACHE_MIB << 20));
        assert_eq!(size("redis://h?cache_mib=0"), Ok(0));
        assert_eq!(size("redis://h?cache_mib=65536"), Ok(MAX_CACHE_MIB << 20));
        for wrong in ["redis://h?cache_mib=65537", "redis://h?cache_mib=-1", "redis://h?cache_mib="] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
