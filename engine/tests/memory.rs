//! Rules 3, 4 and 6: what a reader sees of the writes below it.

use alloy_primitives::{Address, B256, U256};
use engine::{
    access::{AccessKey, AccountWrite, BalanceWrite, Wipe, WriteSet},
    account::{Account, Existence, TouchRule},
    ids::AccessIndex,
    memory::BlockMemory,
};
use proptest::prelude::*;
use revm::primitives::KECCAK_EMPTY;
use std::{collections::BTreeMap, sync::Arc};

const N_ADDRESSES: u8 = 3;
const N_SLOTS: u64 = 3;

/// One account, told in plain fields: absent is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plain {
    balance: u64,
    nonce: u64,
    code: u8,
    storage: BTreeMap<u64, u64>,
}

type Model = BTreeMap<u8, Plain>;

/// One index's write, as random input.
#[derive(Clone, Debug)]
enum Change {
    Destroy,
    Credit(u64),
    Write {
        clear: bool,
        balance: Option<u64>,
        nonce: Option<u64>,
        code: Option<u8>,
        slots: Vec<(u64, u64)>,
    },
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        1 => Just(Change::Destroy),
        3 => (0..3_u64).prop_map(Change::Credit),
        5 => (
            prop::bool::weighted(0.2),
            prop::option::of(0..3_u64),
            prop::option::of(0..2_u64),
            prop::option::of(0..2_u8),
            prop::collection::vec((0..N_SLOTS, 0..3_u64), 0..3),
        )
            .prop_map(|(clear, balance, nonce, code, slots)| {
                Change::Write { clear, balance, nonce, code, slots }
            }),
    ]
}

const fn code_hash(code: u8) -> B256 {
    if code == 0 { KECCAK_EMPTY } else { B256::repeat_byte(code) }
}

/// The model: one state, changed index by index, the way the yellow paper speaks of it.
fn apply(model: &mut Model, address: u8, change: &Change, rule: TouchRule) {
    if matches!(change, Change::Destroy) {
        model.remove(&address);
        return;
    }
    let account = model.entry(address).or_insert_with(|| Plain {
        balance: 0,
        nonce: 0,
        code: 0,
        storage: BTreeMap::new(),
    });
    match change {
        Change::Destroy => unreachable!(),
        Change::Credit(amount) => account.balance += amount,
        Change::Write { clear, balance, nonce, code, slots } => {
            if *clear {
                account.storage.clear();
            }
            account.balance = balance.unwrap_or(account.balance);
            account.nonce = nonce.unwrap_or(account.nonce);
            account.code = code.unwrap_or(account.code);
            account.storage.extend(slots.iter().copied());
        }
    }
    let empty = account.balance == 0 && account.nonce == 0 && account.code == 0;
    if empty && rule == TouchRule::Clears {
        // EIP-161 forgets the account; what storage it has stays in reach of no opcode, and the
        // memory may say anything of it. The model keeps it out of the comparison.
        account.balance = u64::MAX;
    }
}

fn as_write(change: &Change) -> AccountWrite {
    match change {
        Change::Destroy => AccountWrite { wipe: Some(Wipe::Destroyed), ..AccountWrite::default() },
        Change::Credit(amount) => AccountWrite::credit(U256::from(*amount)),
        Change::Write { clear, balance, nonce, code, slots } => {
            let slots: BTreeMap<_, _> =
                slots.iter().map(|(slot, value)| (U256::from(*slot), U256::from(*value))).collect();
            AccountWrite {
                wipe: clear.then_some(Wipe::Storage),
                balance: balance.map(|balance| BalanceWrite::Set(U256::from(balance))),
                nonce: *nonce,
                code_hash: code.map(code_hash),
                slots: slots.into_iter().collect(),
            }
        }
    }
}

const fn address(n: u8) -> Address {
    Address::repeat_byte(n + 1)
}

fn base_of(model: &Model, n: u8) -> Option<Account> {
    model.get(&n).map(|plain| Account {
        balance: U256::from(plain.balance),
        nonce: plain.nonce,
        code_hash: code_hash(plain.code),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_reader_sees_the_state_that_the_indices_below_it_left(
        exists in prop::collection::vec(prop::option::of((0..2_u64, prop::collection::btree_map(0..N_SLOTS, 1..3_u64, 0..3))), N_ADDRESSES as usize),
        blocks in prop::collection::vec(prop::collection::btree_map(0..N_ADDRESSES, change(), 0..3), 1..8),
        order in any::<u32>(),
        creates in any::<bool>(),
    ) {
        let rule = if creates { TouchRule::Creates } else { TouchRule::Clears };
        let base: Model = exists.into_iter().zip(0_u8..).filter_map(|(account, n)| {
            let (balance, storage) = account?;
            Some((n, Plain { balance: balance + 1, nonce: 0, code: 0, storage }))
        }).collect();
        let mut memory = BlockMemory::new(rule);
        // Indices are put in any order, some of them twice.
        let mut positions: Vec<usize> = (0..blocks.len()).chain(0..blocks.len() / 2).collect();
        let n = positions.len();
        for i in 0..n {
            positions.swap(i, usize::try_from(order).unwrap().wrapping_mul(i + 7) % n);
        }
        for position in positions {
            let mut writes = WriteSet::default();
            for (n, change) in &blocks[position] {
                *writes.account_mut(address(*n)) = as_write(change);
            }
            memory.put(AccessIndex::new(u32::try_from(position).unwrap()), Arc::new(writes));
        }
        let mut model = base.clone();
        for (position, block) in (0_u32..).zip(&blocks) {
            for (n, change) in block {
                apply(&mut model, *n, change, rule);
            }
            let at = AccessIndex::new(position + 1);
            for n in 0..N_ADDRESSES {
                if model.get(&n).is_some_and(|plain| plain.balance == u64::MAX) {
                    // Cleared by EIP-161: absent.
                    let storage_of_the_dead = model.remove(&n).unwrap().storage;
                    if !storage_of_the_dead.values().all(|value| *value == 0) {
                        // No chain can reach an account without code that has storage.
                        return Ok(());
                    }
                }
                let account = memory.account(&address(n), at, || Some(base_of(&base, n)));
                prop_assert_eq!(account, Some(base_of(&model, n)));
                let existence = memory
                    .value(&AccessKey::Existence(address(n)), at, || Some(base_of(&base, n)), || None);
                prop_assert_eq!(existence, Some(Existence::of(base_of(&model, n).as_ref()).into()));
                for slot in 0..N_SLOTS {
                    let below = |model: &Model| U256::from(
                        model.get(&n).and_then(|plain| plain.storage.get(&slot)).copied().unwrap_or(0),
                    );
                    let value = memory.slot(&address(n), &U256::from(slot), at, || Some(below(&base)));
                    prop_assert_eq!(value, Some(below(&model)), "slot {} of {}", slot, n);
                }
            }
        }
    }
}

#[test]
fn a_wipe_hides_older_slots_and_the_snapshot_but_not_slots_of_its_own_index() {
    let (contract, slot) = (address(0), U256::from(9));
    let mut memory = BlockMemory::new(TouchRule::Clears);
    let wipe_and_write = AccountWrite {
        wipe: Some(Wipe::Storage),
        slots: vec![(U256::from(1), U256::from(5))],
        ..AccountWrite::default()
    };
    let writes = WriteSet { accounts: vec![(contract, wipe_and_write)], codes: Vec::new() };
    memory.put(AccessIndex::new(2), Arc::new(writes));

    let read =
        |slot, at| memory.slot(&contract, &slot, AccessIndex::new(at), || Some(U256::from(7)));

    assert_eq!(read(slot, 2), Some(U256::from(7)), "before the wipe the Snapshot shows");
    assert_eq!(read(slot, 3), Some(U256::ZERO), "after it nothing old shows");
    assert_eq!(read(U256::from(1), 3), Some(U256::from(5)), "the wipe comes before its own slots");
}

#[test]
fn credits_need_their_base_and_add_up_whatever_their_order() {
    let account = address(0);
    let mut memory = BlockMemory::new(TouchRule::Clears);
    for (index, amount) in [(5, 3_u64), (1, 10), (3, 200)] {
        let write = AccountWrite::credit(U256::from(amount));
        let writes = WriteSet { accounts: vec![(account, write)], codes: Vec::new() };
        memory.put(AccessIndex::new(index), Arc::new(writes));
    }
    let balance = |at, base: Option<Option<Account>>| {
        memory.value(&AccessKey::Balance(account), AccessIndex::new(at), || base, || None)
    };
    let base = Account { balance: U256::from(1000), ..Account::default() };

    assert_eq!(balance(4, Some(Some(base))), Some(U256::from(1210).into()));
    assert_eq!(balance(6, Some(Some(base))), Some(U256::from(1213).into()));
    assert_eq!(balance(6, Some(None)), Some(U256::from(213).into()));
    assert_eq!(balance(6, None), None, "without its base a sum is not known");
}

#[test]
fn a_credit_that_does_not_fit_changes_nothing_and_those_after_it_count() {
    let account = address(0);
    let mut memory = BlockMemory::new(TouchRule::Clears);
    for (index, amount) in [(1, 20_u64), (2, 5), (3, 6)] {
        let write = AccountWrite::credit(U256::from(amount));
        let writes = WriteSet { accounts: vec![(account, write)], codes: Vec::new() };
        memory.put(AccessIndex::new(index), Arc::new(writes));
    }
    let base = Account { balance: U256::MAX - U256::from(10), ..Account::default() };
    let balance = |at| {
        let found = memory.account(&account, AccessIndex::new(at), || Some(Some(base)));
        U256::MAX - found.unwrap().unwrap().balance
    };
    assert_eq!([2, 3, 4].map(balance), [10, 5, 5].map(U256::from), "what is left to the largest");
}
