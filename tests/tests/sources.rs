//! Rules of the house that can be read off the sources themselves.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace;

/// Folders whose files nobody writes by hand, or that hold no source of ours.
const NOT_OURS: [&str; 4] = [".git", "generated", "node_modules", "target"];

fn rust_files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if !NOT_OURS.iter().any(|skipped| name == *skipped) {
                files.extend(rust_files_below(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn opens_with_its_subject(source: &str) -> bool {
    source.starts_with("//! ")
}

/// Says whether `identifier` is a word of the code; comments may speak of it.
fn names(source: &str, identifier: &str) -> bool {
    source.lines().any(|line| {
        let code = line.split("//").next().unwrap_or_default();
        let is_identifier = |c: char| c.is_alphanumeric() || c == '_';
        code.split(|c| !is_identifier(c)).any(|word| word == identifier)
    })
}

#[test]
fn every_module_opens_with_its_subject() {
    let files = rust_files_below(&workspace::root());
    assert!(files.len() > 20, "only {} files were found", files.len());

    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        assert!(opens_with_its_subject(&source), "{} does not open with `//! `", file.display());
    }
}

#[test]
fn coordinator_and_worker_do_not_name_the_oracle() {
    for name in ["coordinator", "worker"] {
        let files = rust_files_below(&workspace::root().join(name).join("src"));
        assert!(!files.is_empty());
        for file in files {
            let source = fs::read_to_string(&file).unwrap();
            assert!(!names(&source, "sequential"), "{} names the oracle", file.display());
        }
    }
}

#[test]
fn the_scans_see_what_they_look_for() {
    assert!(opens_with_its_subject("//! A subject.\n"));
    assert!(!opens_with_its_subject("use std::fs;\n//! Too late.\n"));
    assert!(!opens_with_its_subject("//!\n"));

    assert!(names("use engine::sequential::execute;", "sequential"));
    assert!(names("    let sequential = 1;", "sequential"));
    assert!(!names("let sequential_gas = unsequential(); // as sequential does", "sequential"));
}
