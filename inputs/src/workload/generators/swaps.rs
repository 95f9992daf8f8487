//! W3: swaps in pools that share their first token; each has a second one of its own.

use super::Generator;
use crate::{
    contracts::{
        POOL, POOL_RESERVES_SLOT, POOL_TOKEN0_SLOT, POOL_TOKEN1_SLOT, Swap, pool_reserves_word,
        token_allowance_slot, token_balance_slot,
    },
    workload::{
        call::{Call, access_list},
        genesis::GenesisDraft,
        population::{Population, named_address},
        rng::Rng,
        token_book::{HOLDING, TokenBook},
    },
};
use alloy_eips::eip2930::AccessList;
use alloy_primitives::{Address, U256};
use std::collections::BTreeSet;

/// What a swap needs while it runs, before refunds, with room to spare.
const GAS_LIMIT: u64 = 120_000;

/// At most one token.
const AMOUNT_MAX: u64 = 1_000_000_000_000_000_000;

/// Callers accept nine tenths of what goes in: both tokens start at the same price, and all swaps
/// of a workload together move it less.
const OUT_MIN_TENTHS: u64 = 9;

/// What a pool starts with of each token, in holdings: two million swaps one way move the price
/// by less than half a percent.
const RESERVE_HOLDINGS: u64 = 100;

#[derive(Debug)]
pub(super) struct Swaps {
    hot_percent: u8,
    token0: Address,
    pools: Vec<Pool>,
    /// The swappers of each pool: only they need tokens and approvals.
    swappers: BTreeSet<(usize, Address)>,
    rng: Rng,
}

#[derive(Clone, Copy, Debug)]
struct Pool {
    address: Address,
    token1: Address,
}

impl Swaps {
    pub(super) fn new(seed: u64, hot_percent: u8, pools: u32) -> Self {
        let pool = |number| Pool {
            address: named_address(seed, "pool", number),
            token1: named_address(seed, "pool token", number),
        };
        Self {
            hot_percent,
            token0: named_address(seed, "common token", 0),
            pools: (0..pools).map(pool).collect(),
            swappers: BTreeSet::new(),
            rng: Rng::new(seed, "swaps"),
        }
    }

    /// The first pool is the hot one.
    fn next_pool(&mut self) -> usize {
        if self.rng.percent(self.hot_percent) {
            return 0;
        }
        let pools = u32::try_from(self.pools.len()).expect("at most POOLS_MAX pools");
        self.rng.below(pools) as usize
    }

    /// All slots of a swap.
    fn access_list(&self, pool: Pool, swapper: Address, zero_for_one: bool) -> AccessList {
        let slots = |is_paid_in: bool| {
            let balances = [swapper, pool.address].map(token_balance_slot);
            let allowance = is_paid_in.then(|| token_allowance_slot(swapper, pool.address));
            balances.into_iter().chain(allowance).collect()
        };
        let own = vec![POOL_TOKEN0_SLOT, POOL_TOKEN1_SLOT, POOL_RESERVES_SLOT];
        access_list([
            (pool.address, own),
            (self.token0, slots(zero_for_one)),
            (pool.token1, slots(!zero_for_one)),
        ])
    }

    fn add_pool(&self, pool: Pool, genesis: &mut GenesisDraft) {
        let reserve = HOLDING * U256::from(RESERVE_HOLDINGS);
        let storage = vec![
            (POOL_TOKEN0_SLOT, self.token0.into_word().into()),
            (POOL_TOKEN1_SLOT, pool.token1.into_word().into()),
            (POOL_RESERVES_SLOT, pool_reserves_word(reserve, reserve)),
        ];
        genesis.add_contract(pool.address, POOL.runtime_bytecode.clone(), storage);
    }

    /// Gives a pool its reserve and each of its swappers a holding.
    fn fill_book(&self, book: &mut TokenBook, number: usize) {
        let pool = self.pools[number].address;
        book.set_balance(pool, HOLDING * U256::from(RESERVE_HOLDINGS));
        let of_pool = (number, Address::ZERO)..(number + 1, Address::ZERO);
        for &(_, swapper) in self.swappers.range(of_pool) {
            book.set_balance(swapper, HOLDING);
            book.approve(swapper, pool);
        }
    }
}

impl Generator for Swaps {
    fn next_call(&mut self, sender: u32, population: &Population) -> Call {
        let swapper = population.address(sender);
        let number = self.next_pool();
        let pool = self.pools[number];
        self.swappers.insert((number, swapper));
        let amount_in = self.rng.amount(AMOUNT_MAX);
        let swap = Swap {
            zero_for_one: self.rng.percent(50),
            amount_in,
            amount_out_min: amount_in * U256::from(OUT_MIN_TENTHS) / U256::from(10),
            to: swapper,
        };
        Call {
            to: pool.address,
            value: U256::ZERO,
            input: swap.call_data(),
            gas_limit: GAS_LIMIT,
            access_list: self.access_list(pool, swapper, swap.zero_for_one),
        }
    }

    fn add_to_genesis(&self, _: &Population, genesis: &mut GenesisDraft) {
        let mut common = TokenBook::new(self.token0);
        for (number, &pool) in self.pools.iter().enumerate() {
            self.add_pool(pool, genesis);
            self.fill_book(&mut common, number);
            let mut own = TokenBook::new(pool.token1);
            self.fill_book(&mut own, number);
            own.add_to_genesis(genesis);
        }
        common.add_to_genesis(genesis);
    }
}
