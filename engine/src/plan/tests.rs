//! Plans of random blocks: complete, balanced, sender by sender.

use super::{CutShape, Piecework, Plan, PlanFault, PlanKind, cut, cut_by_groups, predicted_gas};
use crate::{ids::AccessIndex, task::SignedBy};
use alloy_consensus::{SignableTransaction, TxEnvelope, TxLegacy};
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use proptest::prelude::*;
use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

/// A transaction as the planner sees it: sender, recipient, gas limit, length of the input.
type Draft = (u8, u8, u64, usize);

fn signed((sender, recipient, gas_limit, n_input): Draft) -> SignedBy {
    let tx = TxLegacy {
        gas_limit,
        to: TxKind::Call(Address::with_last_byte(recipient)),
        value: U256::from(1),
        input: Bytes::from(vec![1; n_input]),
        ..TxLegacy::default()
    };
    let transaction = Arc::new(TxEnvelope::Legacy(tx.into_signed(Signature::test_signature())));
    SignedBy { transaction, sender: Address::with_last_byte(sender) }
}

fn block(n_max: usize) -> impl Strategy<Value = Vec<SignedBy>> {
    let transaction = (any::<u8>(), any::<u8>(), 21_000..3_000_000_u64, 0..40_usize);
    proptest::collection::vec(transaction.prop_map(signed), 0..n_max)
}

fn shape(slices_min: u32, slice_gas: Option<u64>, seed: u64) -> CutShape {
    CutShape { slices_min: NonZeroU32::new(slices_min).unwrap(), slice_gas, seed }
}

fn gas_of(plan: &Plan, block: &[SignedBy]) -> Vec<u64> {
    let gas = |index: &AccessIndex| {
        let offset = index.transaction_offset()?;
        Some(predicted_gas(&block.get(offset)?.transaction))
    };
    plan.slices().iter().map(|slice| slice.iter().filter_map(gas).sum()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_split_plan_holds_every_index_once_and_has_a_slice_for_each_worker(
        block in block(120),
        slices_min in 1..9_u32,
        slice_gas in proptest::option::of(1..2_000_000_u64),
        seed in any::<u64>(),
    ) {
        let plan = Plan::split(&block, shape(slices_min, slice_gas, seed));

        prop_assert_eq!(plan.check(block.len()), Ok(()));
        prop_assert_eq!(plan.kind(), PlanKind::Optimistic);
        prop_assert!(plan.slices().len() >= (slices_min as usize).min(block.len()).max(1));
        let first = &plan.slices()[0];
        let last = &plan.slices()[plan.slices().len() - 1];
        prop_assert!(first.contains(&AccessIndex::PRE_BLOCK));
        prop_assert!(last.contains(&AccessIndex::post_block(block.len())));
        for (slice, gas) in plan.slices().iter().zip(gas_of(&plan, &block)) {
            let n_steps = slice.iter().filter(|index| {
                index.transaction_offset().is_none_or(|offset| offset >= block.len())
            }).count();
            prop_assert!(gas <= slice_gas.unwrap_or(u64::MAX) || slice.len() - n_steps <= 1);
        }
    }

    #[test]
    fn a_bound_of_one_gas_makes_every_transaction_a_slice(block in block(60), seed in any::<u64>()) {
        let plan = Plan::split(&block, shape(2, Some(1), seed));

        prop_assert_eq!(plan.slices().len(), block.len().max(1));
    }

    #[test]
    fn slices_are_balanced_as_far_as_the_largest_transaction_allows(
        block in block(200),
        slices_min in 1..9_u32,
        seed in any::<u64>(),
    ) {
        prop_assume!(block.len() >= 50);
        let plan = Plan::split(&block, shape(slices_min, None, seed));

        let gas = gas_of(&plan, &block);
        let even = gas.iter().sum::<u64>() / u64::from(slices_min);
        let largest = block.iter().map(|it| predicted_gas(&it.transaction)).max().unwrap();
        let heaviest = *gas.iter().max().unwrap();
        prop_assert!(heaviest <= even + even / 8 + largest, "{heaviest} of {even}, {largest}");
    }

    #[test]
    fn transactions_of_one_sender_share_a_slice_unless_they_are_more_than_one(
        block in block(120),
        slices_min in 1..9_u32,
        seed in any::<u64>(),
    ) {
        prop_assume!(block.len() >= 50);
        let plan = Plan::split(&block, shape(slices_min, None, seed));

        let even = gas_of(&plan, &block).iter().sum::<u64>().div_ceil(u64::from(slices_min));
        let mut chains = BTreeMap::<Address, (u64, Vec<usize>)>::new();
        for (slice, indices) in plan.slices().iter().enumerate() {
            for signed in indices.iter().filter_map(|index| block.get(index.transaction_offset()?)) {
                let (gas, slices) = chains.entry(signed.sender).or_default();
                *gas += predicted_gas(&signed.transaction);
                slices.push(slice);
            }
        }
        // With few pieces chains are cut so that every worker has a slice.
        prop_assume!(chains.len() > 2 * slices_min as usize);
        for (sender, (gas, mut slices)) in chains {
            slices.dedup();
            prop_assert!(gas > even || slices.len() == 1, "{sender} is in {slices:?}");
        }
    }

    #[test]
    fn the_seed_only_breaks_ties(block in block(80), seeds in any::<[u64; 2]>()) {
        let [one, other] = seeds.map(|seed| Plan::split(&block, shape(4, None, seed)));

        let [mut one, mut other] = [gas_of(&one, &block), gas_of(&other, &block)];
        one.sort_unstable();
        other.sort_unstable();
        let spread = |gas: &[u64]| gas.last().unwrap_or(&0) - gas.first().unwrap_or(&0);
        let largest = block.iter().map(|it| predicted_gas(&it.transaction)).max().unwrap_or(0);
        prop_assert!(spread(&one).abs_diff(spread(&other)) <= 2 * largest);
    }
}

#[test]
fn a_long_chain_of_one_sender_is_cut_so_that_all_workers_have_a_slice() {
    let block: Vec<_> = (0..60).map(|_| signed((1, 2, 21_000, 0))).collect();
    let plan = Plan::split(&block, shape(5, None, 7));

    assert_eq!(plan.slices().len(), 5);
    assert!(plan.slices().iter().all(|slice| slice.len() >= 12));
}

#[test]
fn payments_among_the_same_accounts_share_a_slice() {
    let pairs = |offset: u8| (0..20).map(move |n| (offset + n, offset + (n + 1) % 20, 21_000, 0));
    let block: Vec<_> = [0, 40, 80, 120].into_iter().flat_map(pairs).map(signed).collect();
    let plan = Plan::split(&block, shape(4, None, 7));

    for slice in plan.slices() {
        let rings: Vec<_> = slice
            .iter()
            .filter_map(|index| block.get(index.transaction_offset()?))
            .map(|signed| signed.sender[19] / 40)
            .collect();
        assert!(rings.iter().all(|ring| *ring == rings[0]), "{rings:?}");
    }
}

#[test]
fn a_giant_transaction_leaves_the_rest_to_the_other_slices() {
    let mut block = vec![signed((1, 2, 200_000_000, 4))];
    block.extend((0..60).map(|_| signed((3, 4, 30_000, 0))));
    let plan = Plan::split(&block, shape(4, None, 7));

    assert_eq!(plan.slices().len(), 4);
    assert!(plan.slices()[0].len() <= 2, "{:?}", plan.slices()[0]);
}

#[test]
fn the_judge_finds_what_is_missing_double_disordered_or_empty() {
    let index = AccessIndex::new;
    let plan = |slices: Vec<Vec<u32>>| Plan {
        kind: PlanKind::Optimistic,
        slices: slices.into_iter().map(|it| it.into_iter().map(index).collect()).collect(),
    };
    assert_eq!(Plan::whole(1).check(1), Ok(()));
    assert_eq!(plan(vec![vec![0], vec![2]]).check(1), Err(PlanFault::Missing { index: index(1) }));
    let double = plan(vec![vec![0, 1], vec![1, 2]]);
    assert_eq!(double.check(1), Err(PlanFault::Surplus { index: index(1) }));
    let beyond = plan(vec![vec![0, 1, 2, 3]]);
    assert_eq!(beyond.check(1), Err(PlanFault::Surplus { index: index(3) }));
    assert_eq!(plan(vec![vec![1, 0, 2]]).check(1), Err(PlanFault::Order { slice: 0 }));
    assert_eq!(plan(vec![vec![0, 1, 2], vec![]]).check(1), Err(PlanFault::Empty { slice: 1 }));
}

#[test]
fn groups_that_are_known_to_depend_are_not_cut_but_by_the_bound() {
    let work: Vec<_> = (0..40_u32)
        .map(|n| Piecework { index: AccessIndex::new(n), gas: 10, group: usize::from(n % 4 == 0) })
        .collect();
    let lengths = |shape| cut_by_groups(&work, shape).iter().map(Vec::len).collect::<Vec<_>>();

    assert_eq!(lengths(shape(4, None, 1)), [10, 30]);
    assert_eq!(lengths(shape(4, Some(1), 1)), [1; 40]);
    assert!(cut_by_groups(&[], shape(4, None, 1)).is_empty());
}

#[test]
fn work_of_later_rounds_is_cut_by_its_groups() {
    let work: Vec<_> = (0..40_u32)
        .map(|n| Piecework { index: AccessIndex::new(n), gas: 10, group: (n % 4) as usize })
        .collect();
    let slices = cut(&work, shape(4, None, 1));

    assert_eq!(slices.len(), 4);
    for slice in slices {
        assert!(slice.iter().all(|index| index.position() % 4 == slice[0].position() % 4));
    }
}
