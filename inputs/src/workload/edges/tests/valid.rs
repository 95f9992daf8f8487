//! Whatever is drawn, blocks are valid; sealing them fails otherwise.

use super::{Case, Fork};
use crate::{Input, open};

fn sealed(text: &str) -> Input {
    let mut inputs = open(text, &mut |_, _| {}).unwrap_or_else(|error| panic!("{text}: {error}"));
    inputs.remove(0)
}

#[test]
fn every_case_is_valid_in_every_fork_that_has_it() {
    for case in Case::ALL {
        for fork in Fork::ALL.into_iter().filter(|fork| case.forks().contains(fork)) {
            let (case, fork) = (case.name(), fork.name());
            sealed(&format!("workload:edges?txs=45&blocks=2&accounts=16&fork={fork}&case={case}"));
        }
    }
}

#[test]
fn a_seed_gives_the_same_blocks_again_and_another_seed_others() {
    let blocks = |seed: u64| {
        let input = sealed(&format!("workload:edges?txs=60&blocks=2&accounts=16&seed={seed}"));
        input.blocks.into_iter().map(|block| block.block_rlp).collect::<Vec<_>>()
    };
    assert_eq!(blocks(3), blocks(3));
    assert_ne!(blocks(3), blocks(4));
}

#[test]
fn cases_that_meet_are_valid_in_every_fork() {
    for fork in Fork::ALL {
        for seed in 0..4 {
            let fork = fork.name();
            sealed(&format!("workload:edges?txs=80&blocks=3&accounts=16&fork={fork}&seed={seed}"));
        }
    }
}
