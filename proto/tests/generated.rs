//! What is committed under `src/generated` is what the .proto files say.

use crate::generator;
use std::{fs, path::Path};

/// Returns the generated files that differ from the committed ones.
fn differing(sources: &Path) -> Vec<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    generator::generate(sources, folder.path());
    generator::GENERATED
        .into_iter()
        .filter(|name| {
            let committed = fs::read(generator::committed().join(name)).unwrap_or_default();
            fs::read(folder.path().join(name)).unwrap() != committed
        })
        .collect()
}

#[test]
fn the_generated_code_is_what_the_proto_files_say() {
    let differing = differing(&generator::sources());
    assert!(differing.is_empty(), "{differing:?} differ: run `make generate` and commit it");
}

#[test]
fn a_changed_proto_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("evmesh/v1");
    fs::create_dir_all(&changed).unwrap();
    for entry in fs::read_dir(generator::sources().join("evmesh/v1")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace("uint32 attempt = 3;", "uint32 attempt = 30;");
        fs::write(changed.join(path.file_name().unwrap()), text).unwrap();
    }
    assert_eq!(differing(folder.path()), generator::GENERATED);
}
