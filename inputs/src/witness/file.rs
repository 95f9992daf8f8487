//! What a witness file holds, as it stands there; other fields are passed over.

use crate::text::Text;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct WitnessFile<'a> {
    pub(super) chain_id: u64,
    #[serde(borrow)]
    pub(super) block_rlp: Text<'a>,
    #[serde(default)]
    pub(super) number: Option<u64>,
    #[serde(borrow, default)]
    pub(super) block_hash: Option<Text<'a>>,
    /// Root of the state before the block.
    #[serde(borrow)]
    pub(super) pre_state_root: Text<'a>,
    /// Hashes of the blocks before this one; the last is its parent's.
    #[serde(borrow, default)]
    pub(super) ancestor_hashes_oldest_first: Vec<Text<'a>>,
    #[serde(borrow)]
    pub(super) witness: Nodes<'a>,
    #[serde(borrow, default)]
    pub(super) expect: Expect<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Nodes<'a> {
    /// RLP of trie nodes, of accounts and of storage.
    #[serde(borrow)]
    pub(super) state: Vec<Text<'a>>,
    #[serde(borrow)]
    pub(super) codes: Vec<Text<'a>>,
    /// RLP of headers of earlier blocks.
    #[serde(borrow, default)]
    pub(super) headers: Vec<Text<'a>>,
}

/// What the block is to result in; the header says it too.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Expect<'a> {
    #[serde(borrow, default)]
    pub(super) state_root: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) transactions_root: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) receipts_root: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) logs_bloom: Option<Text<'a>>,
    #[serde(default)]
    pub(super) gas_used: Option<u64>,
    #[serde(borrow, default)]
    pub(super) withdrawals_root: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) requests_hash: Option<Text<'a>>,
}
