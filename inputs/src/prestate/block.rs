//! `block.json`: a block as JSON-RPC gives it, turned into the block's own bytes.

use crate::error::InputError;
use alloy_consensus::{
    Block, BlockBody, EMPTY_OMMER_ROOT_HASH, Header, Transaction, TxEnvelope, proofs,
};
use alloy_eips::{
    Encodable2718,
    eip4895::{Withdrawal, Withdrawals},
};
use alloy_primitives::{B256, Bytes, keccak256};
use engine::{
    block::Ommers,
    chain::{ChainSpec, MAINNET_ID},
};
use serde::Deserialize;

/// What `block.json` holds.
#[derive(Debug)]
pub(super) struct BlockFile {
    pub(super) rlp: Bytes,
    pub(super) number: u64,
    pub(super) parent_hash: B256,
    pub(super) ommers: Ommers,
    pub(super) chain: ChainSpec,
}

/// What stands in a block's JSON beside the header's fields.
#[derive(Deserialize)]
struct Body {
    hash: B256,
    transactions: Vec<TxEnvelope>,
    #[serde(default)]
    uncles: Vec<B256>,
    #[serde(default)]
    withdrawals: Option<Vec<Withdrawal>>,
}

/// Reads a block and encodes it. Header, transactions and withdrawals have to have the hash and
/// roots that the block claims for them.
pub(super) fn read(at: &str, json: &[u8]) -> Result<BlockFile, InputError> {
    let header: Header = parse(at, json)?;
    let body: Body = parse(at, json)?;
    check_hash(at, &header, body.hash)?;
    check_transactions(at, &header, &body.transactions)?;
    check_withdrawals(at, &header, body.withdrawals.as_deref())?;
    if body.uncles.is_empty() != (header.ommers_hash == EMPTY_OMMER_ROOT_HASH) {
        return Err(InputError::value(at, "$.uncles", "the list does not fit sha3Uncles"));
    }
    let ommers = if body.uncles.is_empty() { Ommers::Known } else { Ommers::Withheld };
    let chain = chain_of(at, &body.transactions)?;
    let (number, parent_hash) = (header.number, header.parent_hash);
    let block = Block {
        header,
        body: BlockBody {
            transactions: body.transactions,
            ommers: Vec::new(),
            withdrawals: body.withdrawals.map(Withdrawals::new),
        },
    };
    let rlp = alloy_rlp::encode(&block).into();
    Ok(BlockFile { rlp, number, parent_hash, ommers, chain })
}

fn parse<'a, T: Deserialize<'a>>(at: &str, json: &'a [u8]) -> Result<T, InputError> {
    serde_json::from_slice(json).map_err(|error| InputError::json(at, &error))
}

fn check_hash(at: &str, header: &Header, claimed: B256) -> Result<(), InputError> {
    let computed = keccak256(alloy_rlp::encode(header));
    if computed == claimed {
        return Ok(());
    }
    let reason = format!("the header's hash is {computed}, the file says {claimed}");
    Err(InputError::value(at, "$.hash", reason))
}

fn check_transactions(
    at: &str,
    header: &Header,
    transactions: &[TxEnvelope],
) -> Result<(), InputError> {
    let encoded: Vec<Vec<u8>> = transactions.iter().map(Encodable2718::encoded_2718).collect();
    let root = proofs::ordered_trie_root_with_encoder(&encoded, |bytes, out| {
        out.extend_from_slice(bytes);
    });
    if root == header.transactions_root {
        return Ok(());
    }
    let claims_another_hash =
        |(tx, bytes): (&TxEnvelope, &Vec<u8>)| *tx.tx_hash() != keccak256(bytes);
    let place = match transactions.iter().zip(&encoded).position(claims_another_hash) {
        Some(offset) => format!("$.transactions[{offset}].hash"),
        None => "$.transactionsRoot".to_owned(),
    };
    let reason =
        format!("the transactions' root is {root}, the header says {}", header.transactions_root);
    Err(InputError::value(at, place, reason))
}

fn check_withdrawals(
    at: &str,
    header: &Header,
    withdrawals: Option<&[Withdrawal]>,
) -> Result<(), InputError> {
    let root = withdrawals.map(proofs::calculate_withdrawals_root);
    if root == header.withdrawals_root {
        return Ok(());
    }
    let reason = "the withdrawals are not the ones that the header names";
    Err(InputError::value(at, "$.withdrawals", reason))
}

/// A block does not say which chain it belongs to, its transactions do from Spurious Dragon on.
fn chain_of(at: &str, transactions: &[TxEnvelope]) -> Result<ChainSpec, InputError> {
    let named =
        transactions.iter().enumerate().find_map(|(offset, tx)| Some((offset, tx.chain_id()?)));
    let (offset, chain_id) = named.unwrap_or((0, MAINNET_ID));
    ChainSpec::by_id(chain_id).ok_or_else(|| {
        let place = format!("$.transactions[{offset}].chainId");
        InputError::value(at, place, format!("evmesh does not know the rules of chain {chain_id}"))
    })
}
