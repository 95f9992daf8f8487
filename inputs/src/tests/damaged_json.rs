//! Damaged tests and witnesses. What a hash holds is refused or the same; values that no hash
//! holds may pass for others, which is why each kind says what is held.

use super::{
    archives::{open_bytes, zstd},
    open_path,
};
use crate::{
    Input, InputError, blockchain_tests::tests::handmade as tests,
    witness::tests::handmade as witnesses,
};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn test_file() -> Value {
    let root = crate::StateValues::default().root();
    let (one, one_rlp) = tests::block(&tests::genesis(root), "one");
    let (_, two_rlp) = tests::block(&one, "two");
    let blocks = json!([
        { "rlp": one_rlp, "blockHeader": {} },
        { "rlp": two_rlp, "expectException": "A" },
    ]);
    tests::file("London", blocks)
}

/// Flips each bit of a file but the highest of a byte, which would make it no text.
fn for_each_flip(folder: &Path, json: &Value, mut check: impl FnMut(&str, Vec<Input>)) -> usize {
    let intact = json.to_string().into_bytes();
    let path = folder.join("file.json");
    let mut n_refused = 0;
    for at in 0..intact.len() {
        let mut damaged = intact.clone();
        damaged[at] ^= 1 << (at % 7);
        fs::write(&path, &damaged).unwrap();
        match open_path(&path) {
            Ok(inputs) => check(&format!("bit {} of byte {at}", at % 7), inputs),
            Err(_) => n_refused += 1,
        }
    }
    n_refused
}

#[test]
fn a_flipped_bit_never_makes_another_genesis_of_a_test() {
    let folder = tempfile::tempdir().unwrap();
    let json = test_file();
    let intact = tests::read_input(&json);
    let mut n_read = 0;
    let n_refused = for_each_flip(folder.path(), &json, |what, inputs| {
        n_read += 1;
        let genesis = |input: &Input| format!("{:?}", input.parent);
        assert_eq!(genesis(&inputs[0]), genesis(&intact), "{what}: another genesis");
    });
    assert!(n_read > 100 && n_refused > 300, "{n_read} read, {n_refused} refused");
}

#[test]
fn a_flipped_bit_never_makes_another_block_of_a_witness() {
    let folder = tempfile::tempdir().unwrap();
    let json = witnesses::file(&witnesses::headers(2));
    let intact = witnesses::read(&json).unwrap();
    let n_refused = for_each_flip(folder.path(), &json, |what, inputs| {
        let (read, before) = (&inputs[0].blocks[0], &intact.blocks[0]);
        assert_eq!(read.block_rlp, before.block_rlp, "{what}");
        assert_eq!(
            read.ancestors.0.last_key_value(),
            before.ancestors.0.last_key_value(),
            "{what}"
        );
    });
    assert!(n_refused > 1_500, "{n_refused} refused");
}

#[test]
fn a_file_that_was_cut_is_refused_wherever_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    for json in [test_file(), witnesses::file(&witnesses::headers(2))] {
        let text = json.to_string().into_bytes();
        for n_bytes in (0..text.len()).step_by(3) {
            let error = open_bytes(folder.path(), &text[..n_bytes]).unwrap_err();
            let is_named = matches!(error, InputError::Json { .. } | InputError::NoBlocks { .. });
            assert!(is_named, "{n_bytes} bytes: {error:?}");
            assert!(
                n_bytes == 0 || matches!(error, InputError::Json { .. }),
                "{n_bytes}: {error:?}"
            );
        }
        let packed = zstd(&text);
        for n_bytes in (4..packed.len()).step_by(3) {
            let error = open_bytes(folder.path(), &packed[..n_bytes]).unwrap_err();
            assert!(matches!(error, InputError::Archive { .. }), "{n_bytes} bytes: {error:?}");
        }
    }
}
