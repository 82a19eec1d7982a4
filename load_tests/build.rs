//! Generates the messages of `proto/` without protoc: the generator speaks the wire, not the server's crates.

use std::{error::Error, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let files = ["repit/v1/arbitration_service.proto", "repit/v1/catalog_service.proto"];
    let descriptors = protox::compile(files, [&root])?;
    prost_build::Config::new().include_file("messages.rs").compile_fds(descriptors)?;
    Ok(())
}
