//! Blocks built again from their parts.

use super::{Cluster, Cut, Shape, candidates_of, open};
use crate::sandbox::random::workload;
use engine::{block::Block, model::Numbers};
use inputs::workload::Fork;
use proto::{coordinator::JobEnd, status::Code};

const SHAPES: [Shape; 3] = [(1, 1), (3, 4), (5, 4)];
const N_SEEDS: u64 = 6;

/// Builds every block of an input from its parts on a cluster in this process; each has to be the
/// block itself.
fn rebuild(spec: &str, shape: Shape, numbers: &mut Numbers) {
    let input = open(spec);
    rebuild_on(Cluster::start(&input, shape), &format!("{spec}, {shape:?}"), numbers);
}

fn rebuild_on(cluster: Cluster<'_>, place: &str, numbers: &mut Numbers) {
    let input = cluster.input;
    for block in &input.blocks {
        let decoded = Block::decode(&block.block_rlp).unwrap();
        let cut = Cut::random(numbers);
        let place = format!("{place}, {cut:?}, block {}", block.number);

        let outcome = cluster.build(block, candidates_of(&decoded), cut).unwrap();

        assert_eq!(outcome.end, JobEnd::Built, "{place}");
        let built = outcome.built.as_ref().unwrap();
        assert_eq!(built.dropped, [], "{place}");
        assert_eq!(built.header, decoded.header, "{place}");
        assert_eq!(built.block_rlp, block.block_rlp, "{place}");
        assert_eq!((outcome.block_hash, built.hash), (decoded.hash, decoded.hash), "{place}");
        assert_eq!(outcome.receipts.len(), decoded.transactions.len(), "{place}");
        cluster.release(&outcome);
        cluster.go_on(block, cut);
    }
    cluster.stop();
}

#[test]
fn a_block_built_again_from_its_parts_is_the_block_itself() {
    for seed in 0..N_SEEDS {
        let mut numbers = Numbers::new(seed);
        let spec = workload(&mut numbers);
        let shape = SHAPES[usize::try_from(seed).unwrap() % SHAPES.len()];
        rebuild(&spec, shape, &mut numbers);
    }
}

#[test]
fn edge_cases_of_every_fork_built_again_are_the_blocks_themselves() {
    for (fork, shape) in Fork::ALL.into_iter().zip(SHAPES.into_iter().cycle()) {
        let mut numbers = Numbers::new(7);
        let spec =
            format!("workload:edges?txs=40&blocks=2&accounts=20&fork={}&seed=3", fork.name());
        rebuild(&spec, shape, &mut numbers);
    }
}

#[test]
fn blocks_built_again_over_grpc_are_the_blocks_themselves() {
    let shape = (2, 4);
    for seed in 0..2 {
        let mut numbers = Numbers::new(seed ^ 0x6770c);
        let spec = match seed {
            0 => "workload:edges?txs=60&blocks=2&accounts=20&seed=5".to_owned(),
            _ => workload(&mut numbers),
        };
        let input = open(&spec);
        let cluster = Cluster::start_processes(&input, shape);
        rebuild_on(cluster, &format!("seed {seed}, {spec}, {shape:?}, gRPC"), &mut numbers);
    }
}

#[test]
fn what_no_block_can_be_built_of_is_refused_by_its_field() {
    let input = open("workload:transfers?txs=2&blocks=2&accounts=16");
    let cluster = Cluster::start(&input, (1, 1));
    let cut = Cut::random(&mut Numbers::new(1));
    let refused = |change: &dyn Fn(&mut inputs::InputBlock)| {
        let mut block = input.blocks[0].clone();
        change(&mut block);
        let status = cluster.build(&block, Vec::new(), cut).unwrap_err();
        assert_eq!(status.code, Code::InvalidArgument);
        status.message
    };

    let no_parent = refused(&|block| block.lineage.0.clear());
    let other_parent = refused(&|block| block.parent_hash = input.blocks[1].parent_hash);
    let same_time = refused(&|block| {
        let mut parts = Block::decode(&block.block_rlp).unwrap();
        parts.header.timestamp = block.lineage.parent().unwrap().header.timestamp;
        block.block_rlp = super::with_transactions(&parts, Vec::new());
    });

    assert!(no_parent.starts_with("lineage: "), "{no_parent}");
    assert!(other_parent.starts_with("parent: "), "{other_parent}");
    assert!(same_time.starts_with("attributes: timestamp"), "{same_time}");
    cluster.stop();
}
