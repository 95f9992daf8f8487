//! Each comparison is seen to fail.

use super::*;
use alloy_consensus::{Eip658Value, Receipt, ReceiptWithBloom};
use alloy_primitives::{Address, Bytes, Log, U256};
use engine::{
    access::{AccountWrite, BalanceWrite, Wipe},
    account::{Account, TouchRule},
    fold::fold,
    sequential::SerialState,
};

const PAYER: Address = Address::repeat_byte(1);
const TOKEN: Address = Address::repeat_byte(2);
const SLOT: U256 = U256::from_limbs([7, 0, 0, 0]);

/// One side of a comparison, to be changed.
#[derive(Clone)]
struct Side {
    receipts: Vec<ReceiptEnvelope>,
    writes: Vec<(AccessIndex, WriteSet)>,
    state_root: Option<B256>,
}

impl Side {
    /// Two transactions: the first pays, the second writes a slot and logs.
    fn new() -> Self {
        let mut pays = WriteSet::default();
        pays.account_mut(PAYER).balance = Some(BalanceWrite::Set(U256::from(90)));
        pays.account_mut(PAYER).nonce = Some(4);
        let mut stores = WriteSet::default();
        stores.account_mut(TOKEN).slots.push((SLOT, U256::from(5)));
        let log = Log::new_unchecked(TOKEN, vec![B256::repeat_byte(9)], Bytes::from_static(&[1]));
        Self {
            receipts: vec![receipt(21_000, Vec::new()), receipt(71_000, vec![log])],
            writes: vec![(AccessIndex::new(1), pays), (AccessIndex::new(2), stores)],
            state_root: Some(B256::repeat_byte(8)),
        }
    }

    fn shared_writes(&self) -> Vec<(AccessIndex, Arc<WriteSet>)> {
        self.writes.iter().map(|(index, set)| (*index, Arc::new(set.clone()))).collect()
    }

    fn compare(&self, oracle: &Self) -> OracleComparison {
        self.compare_recorded(oracle, Some(oracle.shared_writes()))
    }

    fn compare_recorded(
        &self,
        oracle: &Self,
        recorded: Option<Vec<(AccessIndex, Arc<WriteSet>)>>,
    ) -> OracleComparison {
        let state = parent();
        let parent = Parent { state: &state, rule: TouchRule::Clears };
        let post =
            fold(&oracle.shared_writes(), TouchRule::Clears, |address| state.account(address));
        let cluster = FromCluster {
            receipts: &self.receipts,
            writes: &self.shared_writes(),
            state_root: self.state_root,
        };
        let oracle =
            FromOracle { receipts: &oracle.receipts, post: &post, state_root: oracle.state_root };
        with_oracle(parent, cluster, oracle, || recorded)
    }

    /// Returns the first difference after a change on the cluster's side.
    fn changed(change: impl FnOnce(&mut Self)) -> (OracleObject, Difference) {
        let mut cluster = Self::new();
        change(&mut cluster);
        let comparison = cluster.compare(&Self::new());
        (comparison.statuses, comparison.first_difference.unwrap())
    }

    fn write(&mut self, position: usize, address: Address) -> &mut AccountWrite {
        self.writes[position].1.account_mut(address)
    }
}

fn receipt(cumulative_gas_used: u64, logs: Vec<Log>) -> ReceiptEnvelope {
    let receipt = Receipt { status: Eip658Value::Eip658(true), cumulative_gas_used, logs };
    ReceiptEnvelope::Eip1559(ReceiptWithBloom::from(receipt))
}

fn change_receipt(side: &mut Side, position: usize, change: impl FnOnce(&mut Receipt)) {
    let ReceiptEnvelope::Eip1559(receipt) = &mut side.receipts[position] else { unreachable!() };
    change(&mut receipt.receipt);
}

fn parent() -> SerialState {
    let account =
        |balance: u64| Account { balance: U256::from(balance), nonce: 3, ..Account::default() };
    let mut state = SerialState::default();
    state.insert_account(PAYER, account(100), []);
    state.insert_account(
        TOKEN,
        account(0),
        [(SLOT, U256::from(4)), (U256::from(8), U256::from(1))],
    );
    state
}

#[test]
fn equal_sides_are_equal() {
    let comparison = Side::new().compare(&Side::new());

    assert!(comparison.first_difference.is_none());
    let OracleObject { compared, receipts, writes, state_root } = comparison.statuses;
    assert!(compared);
    assert_eq!([receipts, writes, state_root], [Some("equal"); 3]);
}

#[test]
fn every_part_of_a_receipt_is_compared() {
    type Change = fn(&mut Side);
    let cases: [(&str, u64, Change); 8] = [
        ("receipt.status", 0, |it| {
            change_receipt(it, 0, |receipt| receipt.status = Eip658Value::Eip658(false));
        }),
        ("receipt.gas_used", 0, |it| {
            change_receipt(it, 0, |receipt| receipt.cumulative_gas_used += 1);
        }),
        ("receipt.gas_used", 1, |it| {
            change_receipt(it, 1, |receipt| receipt.cumulative_gas_used -= 1);
        }),
        ("receipt.logs[0].address", 1, |it| {
            change_receipt(it, 1, |receipt| receipt.logs[0].address = PAYER);
        }),
        ("receipt.logs[0].topics", 1, |it| {
            change_receipt(it, 1, |receipt| receipt.logs[0].data.topics_mut_unchecked().clear());
        }),
        ("receipt.logs[0].data", 1, |it| {
            change_receipt(it, 1, |receipt| receipt.logs[0].data.data = Bytes::new());
        }),
        ("receipt.logs", 1, |it| change_receipt(it, 1, |receipt| receipt.logs.clear())),
        ("receipt.logs_bloom", 1, |it| {
            let receipt = it.receipts[1].as_receipt_with_bloom_mut().unwrap();
            receipt.logs_bloom = Default::default();
        }),
    ];
    for (field, transaction, change) in cases {
        let (statuses, difference) = Side::changed(change);

        assert_eq!(difference.field, field);
        assert_eq!(difference.transaction, Some(transaction), "{field}");
        assert_ne!(difference.cluster, difference.expected, "{field}");
        assert_eq!(statuses.receipts, Some("different"), "{field}");
        assert_eq!(statuses.writes, Some("equal"), "{field}");
    }
}

#[test]
fn the_type_and_the_number_of_receipts_are_compared() {
    let (_, of_type) = Side::changed(|it| {
        let receipt = it.receipts[1].as_receipt_with_bloom().unwrap().clone();
        it.receipts[1] = ReceiptEnvelope::Legacy(receipt);
    });
    let (_, of_number) = Side::changed(|it| {
        it.receipts.pop();
    });

    assert_eq!((of_type.field.as_str(), of_type.transaction), ("receipt.type", Some(1)));
    assert_eq!((of_number.field.as_str(), of_number.transaction), ("receipts", Some(1)));
}

#[test]
fn every_part_of_the_state_is_compared() {
    type Change = fn(&mut Side);
    let cases: [(&str, &str, u64, Change); 7] = [
        ("balance", "91", 0, |it| {
            it.write(0, PAYER).balance = Some(BalanceWrite::Set(U256::from(91)));
        }),
        ("balance", "101", 0, |it| {
            it.write(0, PAYER).balance = Some(BalanceWrite::Credit(U256::from(1)));
        }),
        ("nonce", "5", 0, |it| it.write(0, PAYER).nonce = Some(5)),
        ("code_hash", "0x", 1, |it| it.write(1, TOKEN).code_hash = Some(B256::repeat_byte(3))),
        ("slot 0x7", "0x6", 1, |it| it.write(1, TOKEN).slots[0].1 = U256::from(6)),
        ("slot 0x8", "0x0", 1, |it| it.write(1, TOKEN).wipe = Some(Wipe::Storage)),
        ("exists", "false", 0, |it| it.write(0, PAYER).wipe = Some(Wipe::Destroyed)),
    ];
    for (field, value, transaction, change) in cases {
        let (statuses, difference) = Side::changed(change);

        assert!(difference.field.ends_with(field), "{} for {field}", difference.field);
        assert!(difference.cluster.unwrap().starts_with(value), "{field}");
        assert_eq!(difference.transaction, Some(transaction), "{field}");
        assert_eq!(statuses.writes, Some("different"), "{field}");
        assert_eq!(statuses.receipts, Some("equal"), "{field}");
    }
}

#[test]
fn codes_are_compared_and_a_missing_write_is_one() {
    let (_, of_code) = Side::changed(|it| it.writes[1].1.codes.push((B256::ZERO, Bytes::new())));
    let (_, missing) = Side::changed(|it| {
        it.writes.pop();
    });

    assert!(of_code.field.starts_with("code 0x00"), "{}", of_code.field);
    assert_eq!(of_code.expected, None);
    assert!(missing.field.ends_with("slot 0x7"), "{}", missing.field);
    assert_eq!(
        (missing.cluster.as_deref(), missing.expected.as_deref()),
        (Some("0x4"), Some("0x5"))
    );
}

#[test]
fn what_is_written_in_another_way_and_leaves_the_same_state_is_equal() {
    let mut cluster = Side::new();
    cluster.write(1, TOKEN).nonce = Some(3);
    cluster.write(1, TOKEN).slots.push((U256::from(8), U256::from(1)));
    let mut oracle = Side::new();
    oracle.write(1, TOKEN).balance = Some(BalanceWrite::Credit(U256::ZERO));

    assert!(cluster.compare(&oracle).first_difference.is_none());
}

#[test]
fn the_state_root_is_compared_where_both_sides_have_one() {
    let (statuses, difference) = Side::changed(|it| it.state_root = Some(B256::ZERO));
    let mut unknown = Side::new();
    unknown.state_root = None;

    assert_eq!((difference.field.as_str(), difference.transaction), ("state_root", None));
    assert_eq!(statuses.state_root, Some("different"));
    let comparison = unknown.compare(&Side::new());
    assert!(comparison.first_difference.is_none());
    assert_eq!(comparison.statuses.state_root, Some("not_checkable"));
}

#[test]
fn the_lowest_transaction_comes_first_and_of_one_its_receipt() {
    let (_, state_first) = Side::changed(|it| {
        it.write(0, PAYER).nonce = Some(9);
        change_receipt(it, 1, |receipt| receipt.logs.clear());
    });
    let (_, receipt_first) = Side::changed(|it| {
        it.write(1, TOKEN).slots[0].1 = U256::from(6);
        change_receipt(it, 1, |receipt| receipt.logs.clear());
    });
    let (_, after_block) = Side::changed(|it| {
        let mut paid = WriteSet::default();
        paid.account_mut(PAYER).add_credit(U256::from(1));
        it.writes.push((AccessIndex::new(3), paid));
    });

    assert_eq!(state_first.transaction, Some(0));
    assert_eq!(receipt_first.field, "receipt.logs");
    assert_eq!(after_block.transaction, None);
    assert!(after_block.field.starts_with("after block: account"), "{}", after_block.field);
}

#[test]
fn of_many_transactions_the_one_at_fault_is_named() {
    let block = |wrong: Option<u32>| {
        let mut side = Side::new();
        side.receipts = (1..=40).map(|number| receipt(number * 21_000, Vec::new())).collect();
        side.writes = (1..=40)
            .map(|index| {
                let mut writes = WriteSet::default();
                let amount = if wrong == Some(index) { 2 } else { 1 };
                writes.account_mut(PAYER).add_credit(U256::from(amount));
                (AccessIndex::new(index), writes)
            })
            .collect();
        side
    };
    for index in 1..=40 {
        let comparison = block(Some(index)).compare(&block(None));

        let difference = comparison.first_difference.unwrap();
        assert_eq!(difference.transaction, Some(u64::from(index) - 1));
        assert_eq!(difference.expected, Some((100 + index).to_string()));
        assert_eq!(difference.cluster, Some((101 + index).to_string()));
    }
}

#[test]
fn without_writes_by_index_the_last_states_are_named() {
    let mut cluster = Side::new();
    cluster.write(0, PAYER).nonce = Some(9);

    let difference = cluster.compare_recorded(&Side::new(), None).first_difference.unwrap();

    assert_eq!(difference.transaction, None);
    assert_eq!(difference.field, format!("after block: account {PAYER}.nonce"));
    assert_eq!(
        (difference.cluster.as_deref(), difference.expected.as_deref()),
        (Some("9"), Some("4"))
    );
}
