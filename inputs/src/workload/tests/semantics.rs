//! What the workloads mean: who depends on whom, what is conserved, who is hot.

use super::{generated, replay::Chain, sender};
use crate::{
    contracts::{
        COMPUTE, NFT, NFT_SUPPLY_SLOT, POOL, POOL_RESERVES_SLOT, POOL_TOKEN0_SLOT,
        POOL_TOKEN1_SLOT, TOKEN, TOKEN_SUPPLY_SLOT, nft_balance_slot, nft_owner_slot,
        pool_reserves_word, token_balance_slot,
    },
    workload::{GeneratedWorkload, Genesis, GenesisAccount, population::Population},
};
use alloy_consensus::{Transaction, TxEnvelope};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use std::collections::HashMap;

fn contracts<'a>(genesis: &'a Genesis, code: &Bytes) -> Vec<&'a GenesisAccount> {
    genesis.accounts.iter().filter(|account| account.code == *code).collect()
}

fn run_all(workload: &GeneratedWorkload) -> Chain {
    let mut chain = Chain::new(&workload.genesis);
    workload.blocks.iter().for_each(|block| drop(chain.run(block)));
    chain
}

fn transactions(workload: &GeneratedWorkload) -> impl Iterator<Item = &TxEnvelope> {
    workload.blocks.iter().flat_map(|block| &block.transactions)
}

/// The recipient and amount in a token transfer's call data.
fn token_transfer(transaction: &TxEnvelope) -> (Address, U256) {
    let input = transaction.input();
    (Address::from_slice(&input[16..36]), U256::from_be_slice(&input[36..68]))
}

fn token_recipients(text: &str) -> HashMap<Address, usize> {
    let mut times = HashMap::new();
    for transaction in transactions(&generated(text)) {
        *times.entry(token_transfer(transaction).0).or_default() += 1;
    }
    times
}

#[test]
fn token_balances_are_what_the_transfers_say_and_add_up_to_the_supply() {
    let workload = generated("workload:erc20?txs=100&blocks=2&accounts=64&zipf=1.5");
    let [token] = contracts(&workload.genesis, &TOKEN.runtime_bytecode)[..] else {
        panic!("one token")
    };
    let balance_before: HashMap<U256, U256> = token.storage.iter().copied().collect();
    let mut expected = balance_before.clone();
    for transaction in transactions(&workload) {
        let (to, amount) = token_transfer(transaction);
        *expected.get_mut(&token_balance_slot(sender(transaction))).unwrap() -= amount;
        *expected.get_mut(&token_balance_slot(to)).unwrap() += amount;
    }
    assert_ne!(expected, balance_before);
    let chain = run_all(&workload);
    for (&slot, &value) in &expected {
        assert_eq!(chain.slot(token.address, slot), value, "slot {slot}");
    }
    let supply = expected.remove(&TOKEN_SUPPLY_SLOT).unwrap();
    assert_eq!(expected.values().sum::<U256>(), supply);
    assert_eq!(expected.len(), 64);
}

#[test]
fn pools_own_what_their_reserves_say_earn_their_fee_and_no_token_is_lost() {
    let workload = generated("workload:swaps?txs=100&blocks=2&accounts=64&pools=3");
    let pools = contracts(&workload.genesis, &POOL.runtime_bytecode);
    let tokens = contracts(&workload.genesis, &TOKEN.runtime_bytecode);
    assert_eq!((pools.len(), tokens.len()), (3, 4));
    let chain = run_all(&workload);
    for pool in pools {
        let held = |token_slot| {
            let token = Address::from_word(B256::from(chain.slot(pool.address, token_slot)));
            chain.slot(token, token_balance_slot(pool.address))
        };
        let (held0, held1) = (held(POOL_TOKEN0_SLOT), held(POOL_TOKEN1_SLOT));
        let reserves = chain.slot(pool.address, POOL_RESERVES_SLOT);
        assert_eq!(reserves, pool_reserves_word(held0, held1));
        let reserve_before = U256::from(10).pow(U256::from(27));
        assert_ne!((held0, held1), (reserve_before, reserve_before), "nothing was swapped");
        assert!(held0 * held1 > reserve_before * reserve_before, "the fee stays in the pool");
    }
    for token in tokens {
        let holdings = token
            .storage
            .iter()
            .filter(|&&(slot, value)| slot != TOKEN_SUPPLY_SLOT && value != U256::MAX);
        let now: U256 = holdings.map(|&(slot, _)| chain.slot(token.address, slot)).sum();
        assert_eq!(now, chain.slot(token.address, TOKEN_SUPPLY_SLOT));
    }
}

#[test]
fn a_token_is_minted_by_each_transaction_and_its_owner_is_whom_it_was_minted_for() {
    let workload = generated("workload:mint?txs=100&blocks=2&accounts=64&hot=30");
    let [collection] = contracts(&workload.genesis, &NFT.runtime_bytecode)[..] else {
        panic!("one collection")
    };
    let [(NFT_SUPPLY_SLOT, before)] = collection.storage[..] else { panic!("only a supply") };
    let chain = run_all(&workload);
    let slot = |slot| chain.slot(collection.address, slot);
    let mut held: HashMap<Address, u64> = HashMap::new();
    for (transaction, n) in transactions(&workload).zip(0_u64..) {
        let owner = Address::from_slice(&transaction.input()[16..36]);
        *held.entry(owner).or_default() += 1;
        let owner_slot = nft_owner_slot(before + U256::from(n));
        assert_eq!(slot(owner_slot), U256::from_be_bytes(owner.into_word().0));
    }
    assert_eq!(slot(NFT_SUPPLY_SLOT), before + U256::from(200));
    assert!(held.values().max() > Some(&5), "nobody is hot: {held:?}");
    for (owner, n) in held {
        assert_eq!(slot(nft_balance_slot(owner)), U256::from(n), "{owner}");
    }
}

#[test]
fn without_one_transaction_of_a_chain_the_next_cannot_pay() {
    // Fewer accounts than transactions: the fortune comes around more than once.
    for text in ["workload:chain?txs=40&accounts=16", "workload:chain?txs=40&accounts=64"] {
        let workload = generated(text);
        let block = &workload.blocks[0];
        for left_out in 0..39 {
            let mut rest = block.transactions.clone();
            rest.remove(left_out);
            let results = Chain::new(&workload.genesis).try_run(block, &rest);
            assert!(results[..left_out].iter().all(Result::is_ok), "{text}: {left_out}");
            let error = results[left_out].as_ref().expect_err("its sender has nothing to send");
            assert!(error.contains("lack of funds"), "{text}: {left_out}: {error}");
        }
        let recipient = block.transactions[39].to().unwrap();
        let last = block.transactions[39].value();
        assert!(run_all(&workload).balance(recipient) >= last, "{text}");
    }
}

#[test]
fn the_hot_share_goes_to_the_hot_recipients_and_to_the_first_pool() {
    let hot = Population::new(0, 5_000, 0).addresses()[4_992..].to_vec();
    let hot_share = |text: &str, recipient: fn(&TxEnvelope) -> Address| {
        let workload = generated(text);
        let recipients = transactions(&workload).map(recipient);
        recipients.filter(|recipient| hot.contains(recipient)).count()
    };
    let transfers = "workload:transfers?txs=4000&accounts=5000";
    let to = |transaction: &TxEnvelope| transaction.to().unwrap();
    assert_eq!(hot_share(transfers, to), 0);
    assert!((1_100..1_300).contains(&hot_share(&format!("{transfers}&hot=30"), to)));
    assert_eq!(hot_share(&format!("{transfers}&hot=100"), to), 4_000);
    let erc20 = "workload:erc20?txs=4000&accounts=5000&hot=30&zipf=1.1";
    let share = hot_share(erc20, |transaction| token_transfer(transaction).0);
    assert!((1_100..1_300).contains(&share), "{share}");

    let swaps = generated("workload:swaps?txs=1000&accounts=1200&pools=50&hot=30");
    let mut by_pool: HashMap<Address, usize> = HashMap::new();
    transactions(&swaps).for_each(|swap| *by_pool.entry(to(swap)).or_default() += 1);
    let busiest = by_pool.values().max().copied().unwrap();
    assert!((260..370).contains(&busiest), "{busiest}");
    assert_eq!(by_pool.len(), 50);
}

#[test]
fn zipf_makes_some_recipients_popular_and_a_larger_exponent_more_so() {
    let busiest = |parameters: &str| {
        let text = format!("workload:erc20?txs=4000&accounts=5000&{parameters}");
        token_recipients(&text).values().max().copied().unwrap()
    };
    // Ranks 1 to 4,992: the first has 11.0 % at exponent 1, 15.8 % at 1.1 and 60.8 % at 2.
    assert!(busiest("dist=uniform") < 12);
    assert!((380..=480).contains(&busiest("zipf=1.0")), "{}", busiest("zipf=1.0"));
    assert!((560..=710).contains(&busiest("dist=zipf")), "{}", busiest("dist=zipf"));
    assert!((2_300..=2_600).contains(&busiest("zipf=2.0")), "{}", busiest("zipf=2.0"));
}

#[test]
fn a_hybrid_block_is_of_sixty_parts_transfers_and_twenty_of_each_other() {
    let workload = generated("workload:hybrid?txs=4000&accounts=5000");
    let kind_of = |transaction: &TxEnvelope| match transaction.input().len() {
        0 => "transfer",
        68 => "token",
        132 => "swap",
        other => panic!("{other} bytes of call data"),
    };
    let mut by_kind: HashMap<&str, usize> = HashMap::new();
    transactions(&workload).for_each(|tx| *by_kind.entry(kind_of(tx)).or_default() += 1);
    assert!((2_300..2_500).contains(&by_kind["transfer"]), "{by_kind:?}");
    assert!((730..870).contains(&by_kind["token"]), "{by_kind:?}");
    assert!((730..870).contains(&by_kind["swap"]), "{by_kind:?}");
}

#[test]
fn compute_transactions_use_the_gas_asked_for_and_store_what_they_computed() {
    for gas in [200_000, 2_000_000, 16_000_000] {
        let workload = generated(&format!("workload:compute?txs=3&accounts=16&gas={gas}"));
        let [hashes, modexp, pairing] =
            Chain::new(&workload.genesis).run(&workload.blocks[0])[..].try_into().unwrap();
        // One round short at most, and a few hundred gas for the bytes of the seed.
        assert!((gas - 800..=gas + 400).contains(&hashes), "{gas}: {hashes}");
        assert!((gas - 88_500..=gas + 1_000).contains(&modexp), "{gas}: {modexp}");
        assert!((gas - 121_000..=gas + 2_000).contains(&pairing), "{gas}: {pairing}");
    }
}

#[test]
fn the_hash_loop_stores_the_hash_that_its_rounds_give() {
    let workload = generated("workload:compute?txs=1&accounts=16&gas=200000");
    let [contract] = contracts(&workload.genesis, &COMPUTE.runtime_bytecode)[..] else {
        panic!("one contract")
    };
    let [transaction] = &workload.blocks[0].transactions[..] else { panic!("one transaction") };
    let seed = B256::from_slice(&transaction.input()[4..36]);
    let rounds: u64 = U256::from_be_slice(&transaction.input()[36..68]).to();
    let result = (0..rounds).fold(seed, |digest, _| keccak256([digest.0, seed.0].concat()));
    // `results` is at slot 0, as a token's balances are.
    let slot = token_balance_slot(sender(transaction));
    assert_eq!(run_all(&workload).slot(contract.address, slot), U256::from_be_bytes(result.0));
}
