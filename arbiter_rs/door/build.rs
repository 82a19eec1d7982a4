//! Generates the messages of `proto/` without protoc, and the descriptors that reflection hands out.

use std::{env, error::Error, fs, path::Path};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let files = [
        "repit/v1/arbitration_service.proto",
        "repit/v1/contact_log.proto",
        "repit/v1/shadow.proto",
        "google/rpc/error_details.proto",
    ];
    let descriptors = protox::compile(files, [&root])?;
    prost_build::Config::new().include_file("messages.rs").compile_fds(descriptors)?;

    let services = ["repit/v1/arbitration_service.proto", "repit/v1/catalog_service.proto"];
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(false).open_files(services)?;
    let described = compiler.file_descriptor_set().encode_to_vec();
    fs::write(Path::new(&env::var("OUT_DIR")?).join("services.binpb"), described)?;
    Ok(())
}
