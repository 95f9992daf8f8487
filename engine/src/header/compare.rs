//! What execution produced beside what a header says, field by field.

use super::BlockResults;
use crate::block::Ommers;
use alloy_consensus::Header;
use std::fmt::{self, Display};

/// A field of a header that execution determines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Gas of all transactions.
    GasUsed,
    /// Root of the transactions' trie.
    TransactionsRoot,
    /// Root of the receipts' trie.
    ReceiptsRoot,
    /// Bloom of all logs.
    LogsBloom,
    /// Hash of the ommers' list.
    OmmersHash,
    /// Root of the withdrawals' trie.
    WithdrawalsRoot,
    /// Hash of the requests.
    RequestsHash,
    /// Blob gas of all transactions.
    BlobGasUsed,
    /// Hash of the block access list (EIP-7928).
    BlockAccessListHash,
    /// State root after the block.
    StateRoot,
}

impl Field {
    /// Returns the field's name as reports write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GasUsed => "gas_used",
            Self::TransactionsRoot => "transactions_root",
            Self::ReceiptsRoot => "receipts_root",
            Self::LogsBloom => "logs_bloom",
            Self::OmmersHash => "ommers_hash",
            Self::WithdrawalsRoot => "withdrawals_root",
            Self::RequestsHash => "requests_hash",
            Self::BlobGasUsed => "blob_gas_used",
            Self::BlockAccessListHash => "block_access_list_hash",
            Self::StateRoot => "state_root",
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a field compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldStatus {
    /// Both sides are the same.
    Equal,
    /// They are not.
    Different,
    /// The header has it, and execution cannot know it with this input.
    NotCheckable,
    /// Neither side has it: the fork knows no such field.
    Absent,
}

impl FieldStatus {
    /// Returns the status's name as reports write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Different => "different",
            Self::NotCheckable => "not_checkable",
            Self::Absent => "absent",
        }
    }
}

/// One field, compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldComparison {
    /// Which field.
    pub field: Field,
    /// How it compares.
    pub status: FieldStatus,
    /// What execution produced, as text.
    pub computed: Option<String>,
    /// What the header says, as text.
    pub header: Option<String>,
}

/// Compares what execution produced with what a header says, every field.
pub fn compare(results: &BlockResults, header: &Header, ommers: Ommers) -> Vec<FieldComparison> {
    let ommers_hash = (ommers == Ommers::Known).then_some(results.ommers_hash);
    vec![
        exact(Field::GasUsed, &results.gas_used, &header.gas_used),
        exact(Field::TransactionsRoot, &results.transactions_root, &header.transactions_root),
        known(Field::ReceiptsRoot, results.receipts_root, &header.receipts_root),
        exact(Field::LogsBloom, &results.logs_bloom, &header.logs_bloom),
        known(Field::OmmersHash, ommers_hash, &header.ommers_hash),
        optional(Field::WithdrawalsRoot, results.withdrawals_root, header.withdrawals_root),
        optional(Field::RequestsHash, results.requests_hash, header.requests_hash),
        optional(Field::BlobGasUsed, results.blob_gas_used, header.blob_gas_used),
        access_list(header),
        known(Field::StateRoot, results.state_root, &header.state_root),
    ]
}

fn exact<T: PartialEq + Display>(field: Field, computed: &T, header: &T) -> FieldComparison {
    let status = if computed == header { FieldStatus::Equal } else { FieldStatus::Different };
    let (computed, header) = (Some(computed.to_string()), Some(header.to_string()));
    FieldComparison { field, status, computed, header }
}

fn known<T: PartialEq + Display>(field: Field, computed: Option<T>, header: &T) -> FieldComparison {
    match computed {
        Some(computed) => exact(field, &computed, header),
        None => FieldComparison {
            field,
            status: FieldStatus::NotCheckable,
            computed: None,
            header: Some(header.to_string()),
        },
    }
}

fn optional<T: PartialEq + Display>(
    field: Field,
    computed: Option<T>,
    header: Option<T>,
) -> FieldComparison {
    let status = match (&computed, &header) {
        (None, None) => FieldStatus::Absent,
        (computed, header) if computed == header => FieldStatus::Equal,
        _ => FieldStatus::Different,
    };
    let computed = computed.map(|value| value.to_string());
    FieldComparison { field, status, computed, header: header.map(|value| value.to_string()) }
}

/// Lists are not rebuilt before Amsterdam is supported: a header that commits to one says so.
fn access_list(header: &Header) -> FieldComparison {
    let header = header.block_access_list_hash.map(|hash| hash.to_string());
    let status = if header.is_some() { FieldStatus::NotCheckable } else { FieldStatus::Absent };
    FieldComparison { field: Field::BlockAccessListHash, status, computed: None, header }
}
