//! Compiles the .proto files into what is committed under `src/generated`.

use prost::Message;
use std::path::{Path, PathBuf};

/// The files that are compiled; each service's imports the others.
const FILES: [&str; 4] = [
    "evmesh/v1/common.proto",
    "evmesh/v1/coordinator.proto",
    "evmesh/v1/state.proto",
    "evmesh/v1/worker.proto",
];

/// What is generated, by file name.
pub(crate) const GENERATED: [&str; 2] = ["evmesh.v1.rs", "evmesh.v1.bin"];

/// Returns the folder of the .proto files.
pub(crate) fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proto")
}

/// Returns the folder of what is generated.
pub(crate) fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated")
}

/// Compiles the .proto files below `sources` into a folder.
pub(crate) fn generate(sources: &Path, into: &Path) {
    let mut compiler = protox::Compiler::new([sources]).expect("the folder is there");
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES).unwrap_or_else(|error| panic!("{error}"));
    let mut descriptors = compiler.file_descriptor_set();
    tonic_prost_build::configure()
        .bytes(".")
        .emit_rerun_if_changed(false)
        .out_dir(into)
        .compile_fds(descriptors.clone())
        .expect("descriptors of the compiler are whole");
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    std::fs::write(into.join(GENERATED[1]), descriptors.encode_to_vec())
        .expect("the folder can be written");
}
