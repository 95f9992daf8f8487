//! Archives, recognised by what is in them.

use super::{
    handmade::{Files, NUMBER},
    open_path,
};
use crate::{Input, InputError};
use std::{fs, io::Write, path::Path};

/// A tar of two blocks' folders, files of different folders mixed.
pub(super) fn tar() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let folders = [("blocks/b", Files::new(NUMBER + 1)), ("./a", Files::new(NUMBER))];
    for n in 0..4 {
        for (folder, files) in &folders {
            let (name, content) = &files.named()[n];
            append(&mut builder, &format!("{folder}/{name}"), content);
        }
    }
    append(&mut builder, "blocks/list.txt", b"not a block");
    builder.into_inner().unwrap()
}

fn append(builder: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, path, content).unwrap();
}

pub(super) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(plain: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn open_bytes(folder: &Path, bytes: &[u8]) -> Result<Vec<Input>, InputError> {
    let file = folder.join("data");
    fs::write(&file, bytes).unwrap();
    open_path(&file)
}

/// What of inputs has to be the same, whatever they were packed in.
pub(super) fn contents(inputs: &[Input]) -> Vec<(Vec<u8>, crate::StateValues)> {
    let content = |input: &Input| {
        (input.blocks[0].block_rlp.to_vec(), input.parent.values().unwrap().as_ref().clone())
    };
    inputs.iter().map(content).collect()
}

#[test]
fn an_archive_is_what_it_holds_however_it_is_packed_and_called() {
    let folder = tempfile::tempdir().unwrap();
    Files::new(NUMBER).write(&folder.path().join("a"));
    Files::new(NUMBER + 1).write(&folder.path().join("b"));
    let expected = contents(&open_path(folder.path()).unwrap());
    assert_eq!(expected.len(), 2);
    let archives = tempfile::tempdir().unwrap();
    for packed in [tar(), gzip(&tar()), zstd(&tar())] {
        let inputs = open_bytes(archives.path(), &packed).unwrap();
        assert_eq!(contents(&inputs), expected);
        assert!(inputs[1].name.ends_with("data/blocks/b"), "{}", inputs[1].name);
    }
}

#[test]
fn an_archive_may_lie_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("deep")).unwrap();
    fs::write(folder.path().join("deep/blocks.tar.zst"), zstd(&tar())).unwrap();
    fs::write(folder.path().join("list.txt"), "17700000").unwrap();
    assert_eq!(open_path(folder.path()).unwrap().len(), 2);
}

#[test]
fn a_file_that_is_wrong_is_named_with_the_archive_around_it() {
    let mut builder = tar::Builder::new(Vec::new());
    append(&mut builder, "a/block.json", b"{\n \"number\": }");
    let folder = tempfile::tempdir().unwrap();
    let error = open_bytes(folder.path(), &builder.into_inner().unwrap()).unwrap_err();
    assert!(error.at().ends_with("data/a/block.json, line 2, column 12"), "{}", error.at());
}

#[test]
fn compressed_files_that_are_no_archive_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    for packed in [gzip(b"text"), zstd(b"text"), zstd(b"")] {
        let opened = open_bytes(folder.path(), &packed);
        assert!(matches!(opened, Err(InputError::NoBlocks { .. })), "{opened:?}");
    }
}

#[test]
fn what_follows_the_end_of_an_archive_is_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let padded = [tar(), vec![0; 4096]].concat();
    assert_eq!(open_bytes(folder.path(), &padded).unwrap().len(), 2);
    for more in [tar(), b"text".to_vec()] {
        let error = open_bytes(folder.path(), &[tar(), more].concat()).unwrap_err();
        assert!(error.to_string().contains("something follows its end"), "{error}");
    }
}
