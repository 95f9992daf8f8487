//! Damaged chain files.

use super::handmade::{blocks, chain, genesis, genesis_header, open_both};
use crate::InputError;

#[test]
fn a_chain_cut_within_a_block_is_refused_and_says_where() {
    let blocks = blocks(&genesis_header(), 3);
    let whole = chain(&blocks);
    let mut ends = vec![0];
    for (_, rlp) in &blocks {
        ends.push(ends.last().unwrap() + rlp.len());
    }
    for n_bytes in 0..whole.len() {
        let opened = open_both(whole[..n_bytes].to_vec(), &genesis());
        // Between two blocks nothing tells that more should come.
        if let Some(n_blocks) = ends.iter().position(|end| *end == n_bytes)
            && n_blocks > 0
        {
            assert_eq!(opened.unwrap().blocks.len(), n_blocks);
            continue;
        }
        let error = opened.unwrap_err();
        let is_expected = match &error {
            InputError::NoBlocks { .. } => n_bytes == 0,
            InputError::Value { place, .. } => place.contains("at byte"),
            _ => false,
        };
        assert!(is_expected, "{n_bytes}: {error:?}");
    }
}

#[test]
fn a_flipped_bit_below_the_last_block_is_always_seen() {
    let blocks = blocks(&genesis_header(), 3);
    let whole = chain(&blocks);
    let last = whole.len() - blocks[2].1.len();
    for at in 0..last {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            let opened = open_both(damaged, &genesis());
            assert!(opened.is_err(), "bit {bit} of byte {at} made another chain");
        }
    }
}

#[test]
fn a_flipped_bit_in_the_last_block_changes_no_other_one() {
    let blocks = blocks(&genesis_header(), 3);
    let whole = chain(&blocks);
    let last = whole.len() - blocks[2].1.len();
    let (mut n_refused, mut n_changed) = (0, 0);
    for at in last..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        match open_both(damaged.clone(), &genesis()) {
            Ok(input) => {
                assert_eq!(input.blocks.len(), 3);
                assert_eq!(input.blocks[1].block_rlp, blocks[1].1);
                assert_eq!(input.blocks[2].block_rlp, damaged[last..]);
                assert_ne!(input.expected.head, Some(blocks[2].0.hash_slow()));
                n_changed += 1;
            }
            Err(_) => n_refused += 1,
        }
    }
    assert!(n_refused > 30 && n_changed > 30, "{n_refused} refused, {n_changed} changed");
}

#[test]
fn a_flipped_bit_in_the_genesis_is_seen_unless_it_says_the_same() {
    let chain = chain(&blocks(&genesis_header(), 1));
    let intact = genesis().to_string();
    // What is in the header or the state is held by the hash of block 1's parent; settings are not.
    let held = intact.find("\"config\"").unwrap()..intact.find("\"difficulty\"").unwrap();
    let mut n_refused = 0;
    for at in (0..intact.len()).filter(|at| !held.contains(at)) {
        for bit in 0..7 {
            let mut damaged = intact.clone().into_bytes();
            damaged[at] ^= 1 << bit;
            let file = |bytes| crate::chain_file::Content { path: "x".to_owned(), bytes };
            let opened =
                crate::chain_file::read(file(chain.clone()), &file(damaged), &mut |_, _| {});
            match opened {
                Ok(input) => assert_eq!(input.blocks[0].block_rlp, chain),
                Err(_) => n_refused += 1,
            }
        }
    }
    assert!(n_refused > intact.len(), "{n_refused} were refused");
}
