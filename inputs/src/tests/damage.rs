//! Damaged input: an error, never a panic, and never another block than the one that was packed.

use super::{
    archives::{contents, gzip, open_bytes, tar, zstd},
    handmade::{Files, NUMBER},
    open_path,
};
use crate::{InputError, testdata};
use std::{fs, path::Path};

/// Opens what is damaged. The blocks are either the same or refused: their hashes hold them. The
/// values below them have no hash, so that a damaged digit may pass for another one.
fn assert_refused_or_same_blocks(folder: &Path, bytes: &[u8], blocks: &[Vec<u8>], what: &str) {
    let Ok(inputs) = open_bytes(folder, bytes) else { return };
    let read: Vec<Vec<u8>> = contents(&inputs).into_iter().map(|(block, _)| block).collect();
    assert!(read.iter().all(|block| blocks.contains(block)), "{what} made another block");
}

#[test]
fn a_truncated_archive_is_refused_wherever_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let plain = tar();
    let end_mark = plain.len() - plain.iter().rev().position(|byte| *byte != 0).unwrap();
    for (packed, needed) in [
        (plain.clone(), end_mark.next_multiple_of(512)),
        (gzip(&plain), gzip(&plain).len()),
        (zstd(&plain), zstd(&plain).len()),
    ] {
        for n_bytes in (0..needed).filter(|n| n % 7 == 0 || n % 512 == 0 || n + 9 > needed) {
            let opened = open_bytes(folder.path(), &packed[..n_bytes]);
            assert!(opened.is_err(), "{n_bytes} of {} bytes were enough", packed.len());
        }
        assert_eq!(open_bytes(folder.path(), &packed).unwrap().len(), 2);
    }
}

#[test]
fn a_flipped_bit_in_an_archive_never_makes_another_block() {
    let folder = tempfile::tempdir().unwrap();
    for packed in [tar(), gzip(&tar()), zstd(&tar())] {
        let intact = contents(&open_bytes(folder.path(), &packed).unwrap());
        let blocks: Vec<Vec<u8>> = intact.into_iter().map(|(block, _)| block).collect();
        for at in (0..packed.len()).step_by(5) {
            let mut damaged = packed.clone();
            damaged[at] ^= 1 << (at % 8);
            let what = format!("bit {} of byte {at}", at % 8);
            assert_refused_or_same_blocks(folder.path(), &damaged, &blocks, &what);
        }
    }
}

/// Flips one bit of each byte of each file, one at a time, and cuts each file short.
fn damage_each_file(folder: &Path, step: usize) {
    let intact = contents(&open_path(folder).unwrap());
    for name in ["block.json", "pre_state.json", "bytecodes.json"] {
        let path = folder.join(name);
        let content = fs::read(&path).unwrap();
        for at in (0..content.len()).step_by(step) {
            let mut damaged = content.clone();
            damaged[at] ^= 1 << (at % 7);
            fs::write(&path, &damaged).unwrap();
            if let Ok(inputs) = open_path(folder) {
                assert_eq!(contents(&inputs)[0].0, intact[0].0, "{name}, byte {at}");
            }
            fs::write(&path, &content[..at]).unwrap();
            let error = open_path(folder).unwrap_err();
            assert!(matches!(error, InputError::Json { .. }), "{name}, {at} bytes: {error:?}");
        }
        fs::write(&path, &content).unwrap();
    }
    assert_eq!(contents(&open_path(folder).unwrap()), intact, "nothing was left damaged");
}

#[test]
fn a_flipped_bit_in_a_file_never_makes_another_block() {
    let folder = tempfile::tempdir().unwrap();
    Files::new(NUMBER).write(folder.path());
    damage_each_file(folder.path(), 1);
}

#[test]
fn real_blocks_with_a_flipped_bit_are_refused_or_the_same() {
    let test = "real_blocks_with_a_flipped_bit_are_refused_or_the_same";
    let Some(data) = testdata::folder(test) else { return };
    let packed = fs::read(data.join("mainnet_prestate/blocks.tar.zst")).unwrap();
    let mut archive = tar::Archive::new(zstd::Decoder::new(&packed[..]).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let wanted = "blocks/46147/";
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        if let Some(name) = path.trim_start_matches("./").strip_prefix(wanted)
            && !name.is_empty()
        {
            entry.unpack(folder.path().join(name)).unwrap();
        }
    }
    damage_each_file(folder.path(), 1);
}
