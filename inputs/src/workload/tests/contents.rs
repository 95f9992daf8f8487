//! Bytes, sizes and shapes: what can be said of drafts before anything runs.

use super::{SMALL, generated, replay::Chain, sender};
use crate::workload::{
    GeneratedWorkload, Genesis, INITIAL_BASE_FEE, WorkloadKind, WorkloadSpec, generate,
};
use alloy_consensus::{Transaction, TxType};
use alloy_eips::eip4788::BEACON_ROOTS_ADDRESS;
use alloy_primitives::{B256, Keccak256};
use std::collections::{HashMap, HashSet};

/// A hash of everything that was generated.
fn digest(workload: &GeneratedWorkload) -> B256 {
    let mut hasher = Keccak256::new();
    let Genesis { accounts, gas_limit, base_fee, timestamp, chain_id, fork: _ } = &workload.genesis;
    for account in accounts {
        hasher.update(account.address);
        hasher.update(account.balance.to_be_bytes::<32>());
        hasher.update(account.nonce.to_be_bytes());
        hasher.update(&account.code);
        for (slot, value) in &account.storage {
            hasher.update(slot.to_be_bytes::<32>());
            hasher.update(value.to_be_bytes::<32>());
        }
    }
    for number in [gas_limit, base_fee, timestamp, chain_id] {
        hasher.update(number.to_be_bytes());
    }
    for block in &workload.blocks {
        hasher.update(block.beneficiary);
        hasher.update(block.timestamp.to_be_bytes());
        hasher.update(block.prevrandao);
        hasher.update(block.parent_beacon_block_root);
        block.transactions.iter().for_each(|transaction| hasher.update(transaction.tx_hash()));
        hasher.update(alloy_rlp::encode(&block.withdrawals));
    }
    hasher.finalize()
}

#[test]
fn a_seed_gives_the_same_bytes_again_and_another_seed_others() {
    for text in SMALL {
        let first = digest(&generated(text));
        assert_eq!(first, digest(&generated(text)), "{text}");
        assert_ne!(first, digest(&generated(&format!("{text}&seed=1"))), "{text}");
    }
}

/// Blocks that were generated once have to be found again: whoever changes these hashes changes
/// what every published number was measured on.
#[test]
fn the_bytes_are_those_of_the_first_release() {
    let golden = [
        "0x213b0aac8a7f343e1d30c556aee936c7ab806b3b84242e22cc2cd0c8a2d28b1a",
        "0x5c31b01e87780cc1be7f35931ed5a10979dedcc5dde30f106de3c6973f471e9e",
        "0xdbe3bb1f0bc5d012fd17cc9cd4eef9f380b8f90e83b95b5b3340bfd9e2898857",
        "0xeecad74c9e3ca08a457b87b32bc7d2c5e52d6e4192ac4ffd94c35d2b772e8f36",
        "0x28011dbf8592cee669d8fc2ae5231c902a61fecd65ba6afee0e9e34cd3ff5f30",
        "0x8802f20f534e9e04941347ca4844787ebfd3f15707680cb6c18f5f10a8ec32a4",
        "0xdbebca5dfc5897bc723caa475a38ca664b9457c849571d0f5089360e88ef8d78",
        "0x27d408db833233a7af466e3615601aae38be683fad3d512ad7eff3f4d0db760f",
        "0x3a34097ebbb9ebc868b4f02f7acd8afd241e4ff67476814e3274b9c71f4f761b",
    ];
    let now = SMALL.map(|text| digest(&generated(text)).to_string());
    assert_eq!(now, golden);
}

#[test]
fn genesis_is_sorted_and_holds_no_empty_account_and_no_zero_slot() {
    for text in SMALL {
        let spec: WorkloadSpec = text.parse().unwrap();
        let accounts = generate(&spec).genesis.accounts;
        assert!(accounts.is_sorted_by(|a, b| a.address < b.address), "{text}");
        assert!(accounts.iter().any(|account| account.address == BEACON_ROOTS_ADDRESS), "{text}");
        for account in &accounts {
            assert!(!account.balance.is_zero() || !account.code.is_empty(), "{account:?}");
            assert!(account.storage.is_sorted_by(|a, b| a.0 < b.0), "{text}");
            assert!(account.storage.iter().all(|(_, value)| !value.is_zero()), "{text}");
        }
        let population = accounts.iter().filter(|account| account.code.is_empty()).count();
        match spec.kind {
            // Only the first of the 64 that pass the fortune around exists.
            WorkloadKind::Chain => assert_eq!(population, 1),
            _ => assert_eq!(population, spec.accounts as usize, "{text}"),
        }
    }
}

#[test]
fn the_senders_of_a_block_are_distinct_where_there_are_accounts_enough() {
    // Edge cases are about accounts that send often.
    for name in WorkloadKind::NAMES.into_iter().filter(|name| *name != "edges") {
        let workload = generated(&format!("workload:{name}?txs=40&blocks=4&accounts=100"));
        let mut sent: HashMap<_, u64> = HashMap::new();
        for block in &workload.blocks {
            let senders: HashSet<_> = block.transactions.iter().map(sender).collect();
            assert_eq!(senders.len(), 40, "{name}");
            senders.into_iter().for_each(|sender| *sent.entry(sender).or_default() += 1);
        }
        assert!(sent.values().all(|&times| times <= 2), "{name}: {sent:?}");
    }
}

#[test]
fn most_transactions_are_of_eip_1559_and_the_older_kinds_are_there() {
    let workload = generated("workload:erc20?txs=1000&accounts=1100");
    let mut by_type: HashMap<TxType, usize> = HashMap::new();
    for transaction in &workload.blocks[0].transactions {
        *by_type.entry(transaction.tx_type()).or_default() += 1;
        let named = transaction.access_list().is_some_and(|list| list.storage_keys_count() == 2);
        assert_eq!(named, transaction.tx_type() == TxType::Eip2930);
        let tip = transaction.effective_tip_per_gas(INITIAL_BASE_FEE).unwrap();
        assert!((10_000_000..=1_000_000_000).contains(&tip), "{tip}");
    }
    assert!((760..850).contains(&by_type[&TxType::Eip1559]), "{by_type:?}");
    assert!((90..150).contains(&by_type[&TxType::Legacy]), "{by_type:?}");
    assert!((45..100).contains(&by_type[&TxType::Eip2930]), "{by_type:?}");
}

#[test]
fn every_transaction_of_every_kind_succeeds() {
    for text in SMALL {
        for seed in 0..4 {
            let workload = generated(&format!("{text}&seed={seed}"));
            let mut chain = Chain::new(&workload.genesis);
            for block in &workload.blocks {
                chain.run(block);
            }
        }
    }
}

#[test]
fn blocks_of_the_standard_sizes_succeed_and_are_at_most_half_full() {
    // Compute is shorter here: unoptimised, its block takes five seconds.
    for (name, txs, gas_per_tx) in [
        ("transfers", 10_000, 21_000..=21_000),
        ("erc20", 5_000, 34_000..=35_000),
        ("swaps", 1_000, 72_000..=75_000),
        ("chain", 1_000, 21_000..=21_000),
        ("hybrid", 5_000, 33_000..=36_000),
        ("compute?txs=30", 30, 1_930_000..=2_000_000),
        ("mint", 2_000, 73_000..=74_000),
    ] {
        let workload = generated(&format!("workload:{name}"));
        let [block] = workload.blocks.as_slice() else { panic!("one block unless said") };
        let gas: u64 = Chain::new(&workload.genesis).run(block).iter().sum();
        assert_eq!(block.transactions.len(), txs);
        assert!(gas_per_tx.contains(&(gas / txs as u64)), "{name}: {}", gas / txs as u64);
        assert!(block.gas_limit >= 2 * gas, "{name}");
        assert_eq!(block.gas_limit, workload.genesis.gas_limit);
        assert!(workload.genesis.accounts.len() >= 99_000, "{name}");
    }
}
