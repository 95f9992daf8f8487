//! What the files of a chain hold, made from an input.

use super::{genesis, settings};
use crate::{
    error::InputError,
    input::{AccountValues, Input, ParentState, StateValues},
};
use alloy_consensus::Header;
use alloy_genesis::{Genesis, GenesisAccount};
use alloy_primitives::{B256, Bytes};
use engine::block::Block;
use std::collections::BTreeMap;

/// Returns an input's genesis as JSON.
pub(super) fn genesis(input: &Input) -> Result<Vec<u8>, InputError> {
    let ParentState::Genesis { block_hash, state, .. } = &input.parent else {
        return Err(no_chain(input, "it does not begin with a whole state"));
    };
    let parent = input.blocks.first().and_then(|block| block.lineage.parent());
    let header = match parent {
        Some(parent) if parent.hash == *block_hash => &parent.header,
        _ => return Err(no_chain(input, "the header of its genesis block is not known")),
    };
    let file = genesis_file(input, header, state);
    // What such a file cannot say, as receipts of a genesis block, would make another block.
    let made = genesis::header(&input.name, &file, header.state_root)?;
    if made != *header {
        return Err(no_chain(input, "no genesis file makes its genesis block"));
    }
    Ok(serde_json::to_vec_pretty(&file).expect("a genesis is plain values with text for keys"))
}

/// Returns an input's blocks, which have to be one line.
pub(super) fn blocks(input: &Input) -> Result<Vec<&[u8]>, InputError> {
    let is_refused = input.blocks.iter().any(|block| block.expects_invalid.is_some());
    if is_refused {
        return Err(no_chain(input, "a block of it is there to be refused"));
    }
    let stands_on = |pair: &[crate::InputBlock]| {
        let below = pair[1].lineage.parent();
        below.is_some_and(|parent| {
            parent.header.number == pair[0].number
                && parent.header.parent_hash == pair[0].parent_hash
        })
    };
    if !input.blocks.windows(2).all(stands_on) {
        return Err(no_chain(input, "its blocks are not one line"));
    }
    Ok(input.blocks.iter().map(|block| block.block_rlp.as_ref()).collect())
}

/// Returns the hash of an input's last block.
pub(super) fn head(input: &Input) -> Result<B256, InputError> {
    let last = input.blocks.last().and_then(|last| Block::decode(&last.block_rlp).ok());
    last.map(|block| block.hash).ok_or_else(|| no_chain(input, "its last block is none"))
}

fn no_chain(input: &Input, reason: &'static str) -> InputError {
    InputError::NoChain { at: input.name.clone(), reason }
}

/// Returns the file that makes a genesis block of these header and state.
fn genesis_file(input: &Input, header: &Header, state: &StateValues) -> Genesis {
    let nonzero = |number: u64| (number != 0).then_some(number);
    Genesis {
        config: settings::settings(&input.chain),
        nonce: header.nonce.into(),
        timestamp: header.timestamp,
        extra_data: header.extra_data.clone(),
        gas_limit: header.gas_limit,
        difficulty: header.difficulty,
        mix_hash: header.mix_hash,
        coinbase: header.beneficiary,
        alloc: alloc(state),
        base_fee_per_gas: header.base_fee_per_gas.map(Into::into),
        excess_blob_gas: header.excess_blob_gas.and_then(nonzero),
        blob_gas_used: header.blob_gas_used.and_then(nonzero),
        number: nonzero(header.number),
        parent_hash: (!header.parent_hash.is_zero()).then_some(header.parent_hash),
        ..Genesis::default()
    }
}

fn alloc(state: &StateValues) -> BTreeMap<alloy_primitives::Address, GenesisAccount> {
    let codes: BTreeMap<B256, &Bytes> =
        state.codes.iter().map(|code| (code.hash, &code.bytes)).collect();
    let account = |values: &AccountValues| {
        let AccountValues { address, account, storage } = values;
        let word = |slot: &(alloy_primitives::U256, _)| B256::from(slot.0);
        let slots = storage.iter().map(|slot| (word(slot), B256::from(slot.1)));
        let account = GenesisAccount {
            nonce: (account.nonce != 0).then_some(account.nonce),
            balance: account.balance,
            code: codes.get(&account.code_hash).map(|code| Bytes::clone(code)),
            storage: (!storage.is_empty()).then(|| slots.collect()),
            ..GenesisAccount::default()
        };
        (*address, account)
    };
    state.accounts.iter().map(account).collect()
}
