//! Each block sees its own branch.

use super::handmade::{CASE, FILE, block, encode, file, genesis, read_input};
use crate::input::InputBlock;
use alloy_consensus::Header;
use alloy_hardforks::EthereumHardforks;
use alloy_primitives::{B256, Bytes, U256};
use engine::trie::StateTrie;
use serde_json::json;

fn root_block() -> Header {
    genesis(StateTrie::default().root().unwrap())
}

#[test]
fn blocks_of_two_branches_have_the_ancestors_of_their_own() {
    let root = root_block();
    let (one, one_rlp) = block(&root, "one");
    let (other, other_rlp) = block(&root, "other");
    let (two, two_rlp) = block(&one, "one");
    let (_, other_two_rlp) = block(&other, "other");
    let blocks = [&one_rlp, &other_rlp, &two_rlp, &other_two_rlp]
        .map(|rlp| json!({ "rlp": rlp, "blockHeader": {} }));

    let input = read_input(&file("Homestead", json!(blocks)));

    assert_eq!(input.name, format!("{FILE}#{CASE}"));
    assert_eq!(input.expected.head, Some(B256::repeat_byte(0x77)));
    let parents = input.blocks.iter().map(|block| block.parent_hash).collect::<Vec<_>>();
    let hash = |header: &Header| header.hash_slow();
    assert_eq!(parents, [hash(&root), hash(&root), hash(&one), hash(&other)]);
    let seen = |block: usize| {
        let block = &input.blocks[block];
        (block.ancestors.get(0), block.ancestors.get(1), block.ancestors.get(2))
    };
    assert_eq!(seen(0), (hash(&root), B256::ZERO, B256::ZERO));
    assert_eq!(seen(2), (hash(&root), hash(&one), B256::ZERO));
    assert_eq!(seen(3), (hash(&root), hash(&other), B256::ZERO));
    let line = input.blocks[3].lineage.0.iter().map(|block| &block.header).collect::<Vec<_>>();
    assert_eq!(line, [&other, &root]);
    assert_eq!(two.number, input.blocks[2].number);
    assert!(input.blocks.iter().all(|block| block.expects_invalid.is_none()));
}

#[test]
fn each_branch_comes_to_proof_of_stake_by_its_own_work_and_refused_blocks_count_for_nothing() {
    let heavier = |parent: &Header, branch: &'static str, difficulty: u64| {
        let (header, _) = block(parent, branch);
        let header = Header { difficulty: U256::from(difficulty), ..header };
        (header.clone(), encode(header))
    };
    let root = root_block();
    let before = root.difficulty.to::<u64>();
    // One branch reaches 30 more than genesis by one block, the other one by three; a block that is
    // to be refused would by itself.
    let (fast, fast_rlp) = heavier(&root, "fast", 30);
    let (_, fast_rlp_2) = heavier(&fast, "fast", 0);
    let (_, refused_rlp) = heavier(&root, "refused", 1 << 40);
    let (slow, slow_rlp) = heavier(&root, "slow", 10);
    let (slow_2, slow_rlp_2) = heavier(&slow, "slow", 10);
    let (slow_3, slow_rlp_3) = heavier(&slow_2, "slow", 10);
    let (_, slow_rlp_4) = heavier(&slow_3, "slow", 0);
    let valid = |rlp: &Bytes| json!({ "rlp": rlp, "blockHeader": {} });
    let refused = |rlp: &Bytes| json!({ "rlp": rlp, "expectException": "BlockException.ANY" });
    let blocks = [
        refused(&refused_rlp),
        valid(&slow_rlp),
        valid(&slow_rlp_2),
        valid(&slow_rlp_3),
        valid(&slow_rlp_4),
        valid(&fast_rlp),
        valid(&fast_rlp_2),
        // Valid once, it stays so.
        refused(&fast_rlp),
        refused(&slow_rlp),
    ];
    let network = format!("ArrowGlacierToParisAtDiff{:x}", before + 30);

    let input = read_input(&file(&network, json!(blocks)));

    let is_paris =
        |block: &InputBlock| input.chain_of(block).is_paris_active_at_block(block.number);
    let found: Vec<_> = input.blocks.iter().map(is_paris).collect();
    assert_eq!(found, [false, false, false, false, true, false, true, false, false]);
}

#[test]
fn a_block_whose_parent_is_unknown_has_no_ancestors() {
    let (_, rlp) = block(&Header { number: 7, ..Header::default() }, "lost");
    let input = read_input(&file("Homestead", json!([{ "rlp": rlp, "blockHeader": {} }])));
    assert_eq!(input.blocks[0].number, 8);
    assert!(input.blocks[0].ancestors.0.is_empty() && input.blocks[0].lineage.0.is_empty());
}

#[test]
fn a_long_chain_remembers_256_hashes_and_seven_headers() {
    let mut parent = root_block();
    let mut headers = vec![parent.clone()];
    let mut blocks = Vec::new();
    for _ in 0..300 {
        let (header, rlp) = block(&parent, "");
        blocks.push(json!({ "rlp": rlp, "blockHeader": {} }));
        headers.push(header.clone());
        parent = header;
    }
    let input = read_input(&file("Homestead", json!(blocks)));
    for (offset, block) in input.blocks.iter().enumerate() {
        let number = offset + 1;
        assert_eq!(block.ancestors.0.len(), number.min(256), "block {number}");
        assert_eq!(block.lineage.0.len(), number.min(7), "block {number}");
        let oldest = number.saturating_sub(256);
        assert_eq!(block.ancestors.get(oldest as u64), headers[oldest].hash_slow());
        assert_eq!(block.lineage.parent().unwrap().header, headers[number - 1]);
    }
}

#[test]
fn the_first_block_of_proof_of_stake_is_found_by_total_difficulty() {
    let root = root_block();
    let (one, one_rlp) = block(&root, "one");
    let (_, two_rlp) = block(&one, "one");
    let blocks =
        json!([{ "rlp": one_rlp, "blockHeader": {} }, { "rlp": two_rlp, "blockHeader": {} }]);
    // Genesis has a difficulty of 0x20000, each block 10.
    for (terminal, merge) in [("20000", 1), ("20001", 2), ("2000A", 2), ("2000B", 3)] {
        let network = format!("ArrowGlacierToParisAtDiff{terminal}");
        let chain = read_input(&file(&network, blocks.clone())).chain;
        for number in 0..5 {
            let is_paris = chain.spec_at(number, 0) >= revm::primitives::hardfork::SpecId::MERGE;
            assert_eq!(is_paris, number >= merge, "{network}, block {number}");
        }
    }
}

#[test]
fn bytes_that_are_no_block_are_a_block_to_be_refused() {
    let (one, one_rlp) = block(&root_block(), "one");
    let (_, two_rlp) = block(&one, "two");
    let cut = &one_rlp[..one_rlp.len() - 1];
    let blocks = json!([
        { "rlp": format!("0x{}", alloy_primitives::hex::encode(cut)) },
        { "rlp": one_rlp, "blockHeader": {} },
        { "rlp": two_rlp, "blockHeader": {} },
    ]);
    let input = read_input(&file("Homestead", blocks));
    let broken = &input.blocks[0];
    assert_eq!(broken.block_rlp.as_ref(), cut);
    assert_eq!((broken.number, broken.parent_hash), (0, B256::ZERO));
    assert_eq!(broken.expects_invalid.as_deref(), Some("malformed"));
    assert_eq!(input.blocks[2].lineage.0.len(), 2, "the next ones stand on the last that was one");
}

#[test]
fn a_block_is_refused_as_its_network_is_told() {
    let (_, rlp) = block(&root_block(), "one");
    let with = |fields: serde_json::Value| {
        let mut block = json!({ "rlp": rlp });
        block.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        read_input(&file("Homestead", json!([block]))).blocks[0].expects_invalid.clone()
    };
    let reason = |text: &str| Some(text.to_owned());
    assert_eq!(with(json!({ "blockHeader": {} })), None);
    assert_eq!(with(json!({ "expectException": "A" })), reason("A"));
    assert_eq!(with(json!({ "expectException": "A", "blockHeader": {} })), reason("A"));
    assert_eq!(with(json!({ "expectExceptionALL": "B" })), reason("B"));
    let by_fork = json!({ "expectExceptionFrontier": "F", "expectExceptionHomestead": "H" });
    assert_eq!(with(by_fork), reason("H"));
    assert_eq!(with(json!({ "expectExceptionFrontier": "F", "blockHeader": {} })), None);
    assert_eq!(with(json!({})), reason("malformed"));
}
