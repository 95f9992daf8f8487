//! A block after serial execution, as a scene's roles saw it.

use super::{Case, Fork, compose};
use crate::{
    open,
    workload::{WorkloadSpec, edges::stage::Roles},
};
use alloy_consensus::{Transaction, TxEnvelope};
use alloy_primitives::{Address, U256};
use engine::{
    access::{Wipe, WriteSet},
    account::{Account, TouchRule, apply_account_write},
    sequential::{self, Prepared, Record, SequentialOutcome, SerialState},
};
use revm::primitives::KECCAK_EMPTY;
use std::{collections::BTreeMap, sync::Arc};

/// A block that was executed.
struct Played {
    state: SerialState,
    prepared: Prepared,
    outcome: SequentialOutcome,
    writes: BTreeMap<usize, Arc<WriteSet>>,
}

/// One scene in its block.
pub(super) struct View<'a> {
    pub(super) fork: Fork,
    block: &'a Played,
    /// The scene's own block, if this is the one after it.
    before: Option<&'a Played>,
    roles: &'a Roles,
}

/// A transaction that was executed.
#[derive(Clone, Copy)]
pub(super) struct Sent<'a> {
    /// Its `AccessIndex`, from 1 on.
    pub(super) index: usize,
    pub(super) tx: &'a TxEnvelope,
    pub(super) sender: Address,
    pub(super) success: bool,
}

/// Plays a case alone, and shows each of its scenes, in its own block and in the one after.
pub(super) fn play(case: Case, fork: Fork, seed: u64, see: &mut dyn FnMut(&View<'_>)) {
    let blocks = if case == Case::CuredByWithdrawal { 2 } else { 1 };
    let parameters = format!("txs=32&blocks={blocks}&accounts=16");
    let (name, case_name) = (fork.name(), case.name());
    let text = format!("workload:edges?{parameters}&fork={name}&case={case_name}&seed={seed}");
    let input = open(&text, &mut |_, _| {}).unwrap().remove(0);
    let mut state = input.parent.values().unwrap().to_serial_state();
    let played = input.blocks.iter().map(|block| {
        let prepared = sequential::prepare(&input.chain, &block.block_rlp, &block.lineage).unwrap();
        let execution =
            state.execute(&input.chain, &prepared, &block.ancestors, Record::Writes).unwrap();
        let outcome = // Without roots, receipts tell whether the transaction went well, in any fork.
        sequential::finish(&input.chain, &prepared, execution, None).unwrap();
        let writes = outcome.writes.clone().unwrap();
        let by_index =
            writes.into_iter().map(|(index, set)| (index.position() as usize, set)).collect();
        let before = state.clone();
        state.apply(&outcome.post);
        Played { state: before, prepared, outcome, writes: by_index }
    });
    let played: Vec<Played> = played.collect();
    let spec: WorkloadSpec = text.parse().unwrap();
    let (_, bodies) = compose(&spec, fork, Some(case));
    for (number, body) in bodies.iter().enumerate() {
        for (_, roles) in &body.scenes {
            see(&View { fork, block: &played[number], before: None, roles });
            if let Some(next) = played.get(number + 1) {
                see(&View { fork, block: next, before: Some(&played[number]), roles });
            }
        }
    }
}

impl<'a> View<'a> {
    /// Who has this role.
    pub(super) fn of(&self, role: &str) -> Address {
        self.all(role).next().unwrap_or_else(|| panic!("nobody is the {role}"))
    }

    /// All that have this role.
    pub(super) fn all(&self, role: &str) -> impl Iterator<Item = Address> {
        self.roles.iter().filter(move |(name, _)| *name == role).map(|(_, address)| *address)
    }

    /// Whether this is the block in which the scene was played, not the one after.
    pub(super) const fn is_own(&self) -> bool {
        self.before.is_none()
    }

    pub(super) fn beneficiary(&self) -> Address {
        self.block.prepared.block.header.beneficiary
    }

    pub(super) fn withdrawn(&self, address: Address) -> Vec<u64> {
        let all = self.block.prepared.block.withdrawals.iter().flatten();
        all.filter(|withdrawal| withdrawal.address == address).map(|it| it.amount).collect()
    }

    /// The account before the block, and after each index.
    pub(super) fn lives(&self, address: Address) -> Vec<Option<Account>> {
        let rule = TouchRule::of(self.block.prepared.spec);
        let mut account = self.block.state.account(&address);
        let mut lives = vec![account];
        for index in 0..=self.block.prepared.block.transactions.len() + 1 {
            if let Some(write) = self.write(index, address) {
                account = apply_account_write(account, &write, rule);
            }
            lives.push(account);
        }
        lives
    }

    fn write(&self, index: usize, address: Address) -> Option<engine::access::AccountWrite> {
        let set = self.block.writes.get(&index)?;
        let at = set.accounts.binary_search_by_key(&address, |(written, _)| *written).ok()?;
        Some(set.accounts[at].1.clone())
    }

    /// The account before an index.
    pub(super) fn before(&self, index: usize, address: Address) -> Option<Account> {
        self.lives(address)[index]
    }

    /// The account after an index.
    pub(super) fn after(&self, index: usize, address: Address) -> Option<Account> {
        self.lives(address)[index + 1]
    }

    pub(super) fn balance_before(&self, index: usize, address: Address) -> U256 {
        self.before(index, address).unwrap_or_default().balance
    }

    pub(super) fn balance_after(&self, index: usize, address: Address) -> U256 {
        self.after(index, address).unwrap_or_default().balance
    }

    pub(super) fn at_the_end(&self, address: Address) -> Option<Account> {
        *self.lives(address).last().unwrap()
    }

    /// A slot after the block.
    pub(super) fn slot_at_the_end(&self, address: Address, slot: u64) -> U256 {
        let mut state = self.block.state.clone();
        state.apply(&self.block.outcome.post);
        state.slot(&address, &U256::from(slot))
    }

    /// A slot before the block.
    pub(super) fn slot_before(&self, address: Address, slot: u64) -> U256 {
        self.block.state.slot(&address, &U256::from(slot))
    }

    /// Indices that destroyed the account.
    pub(super) fn deaths(&self, address: Address) -> Vec<usize> {
        let destroys = |index: &usize| {
            self.write(*index, address).is_some_and(|write| write.wipe == Some(Wipe::Destroyed))
        };
        self.block.writes.keys().copied().filter(destroys).collect()
    }

    /// Indices after which the account has code that it did not have before.
    pub(super) fn births(&self, address: Address) -> Vec<usize> {
        let lives = self.lives(address);
        let code = |life: &Option<Account>| life.map_or(KECCAK_EMPTY, |account| account.code_hash);
        let is_born = |index: &usize| {
            let (before, after) = (code(&lives[*index]), code(&lives[*index + 1]));
            after != before && after != KECCAK_EMPTY
        };
        (0..lives.len() - 1).filter(is_born).collect()
    }

    /// All transactions.
    pub(super) fn sent(&self) -> Vec<Sent<'a>> {
        let block = self.block;
        let transactions = block.prepared.block.transactions.iter();
        let all = transactions.zip(&block.prepared.senders).zip(&block.outcome.receipts);
        all.enumerate()
            .map(|(offset, ((tx, sender), receipt))| Sent {
                index: offset + 1,
                tx,
                sender: sender.unwrap(),
                success: receipt.status(),
            })
            .collect()
    }

    /// Transactions to an address.
    pub(super) fn to(&self, address: Address) -> Vec<Sent<'a>> {
        let to = |sent: &Sent<'_>| sent.tx.to() == Some(address);
        self.sent().into_iter().filter(to).collect()
    }

    /// Transactions to an address with call data.
    pub(super) fn told(&self, address: Address) -> Vec<Sent<'a>> {
        let told = |sent: &Sent<'_>| !sent.tx.input().is_empty();
        self.to(address).into_iter().filter(told).collect()
    }

    /// Transactions of an address.
    pub(super) fn by(&self, address: Address) -> Vec<Sent<'a>> {
        self.sent().into_iter().filter(|sent| sent.sender == address).collect()
    }

    /// What an account told in logs, in order.
    pub(super) fn logs_of(&self, address: Address) -> Vec<U256> {
        let logs = self.block.outcome.receipts.iter().flat_map(|receipt| receipt.logs());
        let own = logs.filter(|log| log.address == address);
        own.map(|log| U256::from_be_bytes(log.data.topics()[0].0)).collect()
    }
}

/// Whether there is code.
pub(super) fn has_code(account: Option<Account>) -> bool {
    account.is_some_and(|account| account.code_hash != KECCAK_EMPTY)
}

/// Whether it exists and is empty.
pub(super) fn is_empty(account: Option<Account>) -> bool {
    account.is_some_and(|account| account.is_empty())
}

pub(super) fn nonce(account: Option<Account>) -> u64 {
    account.unwrap_or_default().nonce
}

impl Sent<'_> {
    pub(super) fn tx_value(&self) -> U256 {
        self.tx.value()
    }

    pub(super) fn tx_to(&self) -> Option<Address> {
        self.tx.to()
    }

    pub(super) fn gas_limit(&self) -> u64 {
        self.tx.gas_limit()
    }

    /// What the beneficiary gets for one gas.
    pub(super) fn tip(&self, fork: Fork) -> u128 {
        let base_fee = if fork >= Fork::London { super::BASE_FEE } else { 0 };
        self.tx.effective_gas_price(Some(base_fee)) - u128::from(base_fee)
    }

    /// What the sender must have.
    pub(super) fn cost(&self) -> U256 {
        U256::from(self.tx.max_fee_per_gas()) * U256::from(self.tx.gas_limit()) + self.tx.value()
    }

    pub(super) fn n_grants(&self) -> usize {
        self.tx.authorization_list().map_or(0, <[_]>::len)
    }
}
