//! Reflection, v1 and v1alpha: every service that is reached at this address, whoever answers it.

use tonic_reflection::{
    pb,
    server::{Builder, Error},
};

use super::routes::{Generated, generated};

/// The descriptors of `proto/`.
const SERVICES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/services.binpb"));

fn described() -> Builder<'static> {
    Builder::configure()
        .include_reflection_service(false)
        .register_encoded_file_descriptor_set(SERVICES)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(pb::v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(pb::v1alpha::FILE_DESCRIPTOR_SET)
}

/// v1 and v1alpha.
pub(super) fn services() -> Result<(Generated, Generated), Error> {
    Ok((generated(described().build_v1()?), generated(described().build_v1alpha()?)))
}
