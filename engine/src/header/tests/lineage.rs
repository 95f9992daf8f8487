//! Whose lineage it is.

use super::block;
use crate::{
    block::Block,
    header::{LineageError, check_lineage},
    lineage::{Ancestor, Lineage},
};
use alloy_consensus::Header;
use alloy_primitives::B256;
use std::sync::Arc;

/// A block with three ancestors, of which the second named an ommer.
fn with_lineage() -> (Block, Lineage) {
    let ommer = Header { number: 6, ..Header::default() };
    let mut parent_hash = B256::ZERO;
    let mut ancestors = Vec::new();
    for number in 7..10 {
        let ommers = if number == 8 { vec![ommer.clone()] } else { Vec::new() };
        let ommers_hash = alloy_consensus::proofs::calculate_ommers_root(&ommers);
        let header = Header { number, parent_hash, ommers_hash, ..Header::default() };
        let ancestor = Ancestor::new(header, Some(ommers));
        parent_hash = ancestor.hash;
        ancestors.insert(0, Arc::new(ancestor));
    }
    let mut block = block();
    block.header.parent_hash = parent_hash;
    (block, Lineage(ancestors))
}

fn change(index: usize, change: impl FnOnce(&mut Ancestor)) -> Result<(), LineageError> {
    let (block, mut lineage) = with_lineage();
    change(Arc::make_mut(&mut lineage.0[index]));
    check_lineage(&block, &lineage)
}

#[test]
fn a_lineage_is_linked_by_hash_as_far_as_it_goes() {
    let (block, lineage) = with_lineage();
    for n_blocks in 0..=3 {
        let shorter = Lineage(lineage.0[..n_blocks].to_vec());
        assert_eq!(check_lineage(&block, &shorter), Ok(()));
    }
    let mut gap = lineage.clone();
    gap.0.remove(1);
    assert_eq!(check_lineage(&block, &gap), Err(LineageError::NotParent { index: 1 }));
    let mut other = block;
    other.header.parent_hash = B256::ZERO;
    assert_eq!(check_lineage(&other, &lineage), Err(LineageError::NotParent { index: 0 }));
}

#[test]
fn each_ancestor_has_to_be_what_it_says() {
    for index in 0..3 {
        let hash = change(index, |ancestor| ancestor.hash = B256::ZERO);
        assert_eq!(hash, Err(LineageError::Hash { index }));
        let header = change(index, |ancestor| ancestor.header.timestamp += 1);
        assert_eq!(header, Err(LineageError::Hash { index }));
        let ommers = change(index, |ancestor| {
            ancestor.ommers = Some(vec![Header { number: 1, ..Header::default() }]);
        });
        assert_eq!(ommers, Err(LineageError::Ommers { index }));
        assert_eq!(change(index, |ancestor| ancestor.ommers = None), Ok(()));
    }
    assert_eq!(
        change(1, |it| it.ommers = Some(Vec::new())),
        Err(LineageError::Ommers { index: 1 })
    );
}

#[test]
fn numbers_count_up_to_the_parent() {
    let far = Ancestor::new(Header { number: 5, ..Header::default() }, None);
    let parent = Header { number: 9, parent_hash: far.hash, ..Header::default() };
    let parent = Ancestor::new(parent, None);
    let mut block = block();
    block.header.parent_hash = parent.hash;
    block.header.number = 77;
    let lineage = Lineage(vec![Arc::new(parent), Arc::new(far)]);
    assert_eq!(check_lineage(&block, &lineage), Err(LineageError::Number { index: 1 }));
    let parent = Lineage(lineage.0[..1].to_vec());
    assert_eq!(check_lineage(&block, &parent), Ok(()), "the block's own number is its own fault");
}
