//! Blocks of several branches: each is executed on its own parent, and the head is the one that the
//! rules of fork choice make it, in one process and over gRPC.

mod ends;
mod grpc;
mod sandbox;

use alloy_primitives::{Address, B256};
use engine::block::Block;
use inputs::{
    Input, InputBlock,
    workload::{self, DraftBlock, WorkloadSpec},
};

/// Two branches of one workload: the same transactions, other beneficiaries. They part after the first
/// block.
struct Branches {
    /// The first one, with the state below it.
    first: Input,
    /// The blocks of the second one; its first block is the first one's.
    second: Vec<InputBlock>,
}

impl Branches {
    /// Makes two branches of as many blocks.
    fn new(n_blocks: u32) -> Self {
        let text = format!("workload:erc20?txs=20&blocks={n_blocks}&accounts=100&dist=zipf");
        let spec: WorkloadSpec = text.parse().unwrap();
        let seal = |change: fn(&mut DraftBlock)| {
            let mut generated = workload::generate(&spec);
            generated.blocks.iter_mut().skip(1).for_each(change);
            workload::seal(&text, generated, &mut |_, _| {}).unwrap()
        };
        let first = seal(|_| {});
        let second = seal(|block| block.beneficiary = Address::repeat_byte(0xbb));
        Self { first, second: second.blocks }
    }

    /// Returns the first branch with other blocks.
    fn with(&self, blocks: Vec<InputBlock>) -> Input {
        Input { blocks, ..self.first.clone() }
    }

    /// Returns the block of a number on the first branch, and that on the second.
    fn at(&self, number: usize) -> (InputBlock, InputBlock) {
        (self.first.blocks[number - 1].clone(), self.second[number - 1].clone())
    }
}

/// Returns a block's hash.
fn hash(block: &InputBlock) -> B256 {
    Block::decode(&block.block_rlp).unwrap().hash
}

/// Returns a block that says another state root than it leads to.
fn with_wrong_state_root(block: &InputBlock) -> InputBlock {
    let decoded = Block::decode(&block.block_rlp).unwrap();
    let old = rlp_of(&decoded.header.state_root);
    let new = rlp_of(&B256::repeat_byte(0xee));
    let mut bytes = block.block_rlp.to_vec();
    let at = bytes.windows(old.len()).position(|window| window == old).unwrap();
    bytes[at..at + old.len()].copy_from_slice(&new);
    InputBlock {
        block_rlp: bytes.into(),
        expects_invalid: Some("BlockException.INVALID_STATE_ROOT".to_owned()),
        ..block.clone()
    }
}

/// Returns a hash as it stands in RLP.
fn rlp_of(hash: &B256) -> [u8; 33] {
    let mut bytes = [0xa0; 33];
    bytes[1..].copy_from_slice(hash.as_slice());
    bytes
}
