//! Something for each header field.

use engine::header::{Field, FieldComparison, FieldStatus};
use serde::Serialize;

/// One value for each header field that execution determines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fields<T> {
    /// Gas of all transactions.
    pub gas_used: T,
    /// Root of the transactions' trie.
    pub transactions_root: T,
    /// Root of the receipts' trie.
    pub receipts_root: T,
    /// Bloom of all logs.
    pub logs_bloom: T,
    /// Hash of the ommers' list.
    pub ommers_hash: T,
    /// Root of the withdrawals' trie.
    pub withdrawals_root: T,
    /// Hash of the requests.
    pub requests_hash: T,
    /// Blob gas of all transactions.
    pub blob_gas_used: T,
    /// Hash of the block access list (EIP-7928).
    pub block_access_list_hash: T,
    /// State root after the block.
    pub state_root: T,
}

impl<T> Fields<T> {
    /// Returns the value of a field.
    pub const fn get(&self, field: Field) -> &T {
        match field {
            Field::GasUsed => &self.gas_used,
            Field::TransactionsRoot => &self.transactions_root,
            Field::ReceiptsRoot => &self.receipts_root,
            Field::LogsBloom => &self.logs_bloom,
            Field::OmmersHash => &self.ommers_hash,
            Field::WithdrawalsRoot => &self.withdrawals_root,
            Field::RequestsHash => &self.requests_hash,
            Field::BlobGasUsed => &self.blob_gas_used,
            Field::BlockAccessListHash => &self.block_access_list_hash,
            Field::StateRoot => &self.state_root,
        }
    }

    /// Returns the value of a field, to be changed.
    pub const fn get_mut(&mut self, field: Field) -> &mut T {
        match field {
            Field::GasUsed => &mut self.gas_used,
            Field::TransactionsRoot => &mut self.transactions_root,
            Field::ReceiptsRoot => &mut self.receipts_root,
            Field::LogsBloom => &mut self.logs_bloom,
            Field::OmmersHash => &mut self.ommers_hash,
            Field::WithdrawalsRoot => &mut self.withdrawals_root,
            Field::RequestsHash => &mut self.requests_hash,
            Field::BlobGasUsed => &mut self.blob_gas_used,
            Field::BlockAccessListHash => &mut self.block_access_list_hash,
            Field::StateRoot => &mut self.state_root,
        }
    }
}

/// Every field in the order of the reports.
pub(crate) const ALL_FIELDS: [Field; 10] = [
    Field::GasUsed,
    Field::TransactionsRoot,
    Field::ReceiptsRoot,
    Field::LogsBloom,
    Field::OmmersHash,
    Field::WithdrawalsRoot,
    Field::RequestsHash,
    Field::BlobGasUsed,
    Field::BlockAccessListHash,
    Field::StateRoot,
];

impl Fields<Option<&'static str>> {
    /// Returns how each field compares, by name; nothing for a field that was not compared.
    pub fn of(comparisons: &[FieldComparison]) -> Self {
        let mut fields = Self::default();
        for comparison in comparisons {
            *fields.get_mut(comparison.field) = Some(comparison.status.name());
        }
        fields
    }
}

/// How often a field compared how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FieldCounts {
    /// Blocks in which both sides are the same.
    pub equal: u64,
    /// Blocks in which they are not.
    pub different: u64,
    /// Blocks whose header has the field, where execution cannot know it with this input.
    pub not_checkable: u64,
    /// Blocks whose fork knows no such field.
    pub absent: u64,
}

impl Fields<FieldCounts> {
    /// Adds the comparisons of one block.
    pub fn add(&mut self, comparisons: &[FieldComparison]) {
        for comparison in comparisons {
            let counts = self.get_mut(comparison.field);
            match comparison.status {
                FieldStatus::Equal => counts.equal += 1,
                FieldStatus::Different => counts.different += 1,
                FieldStatus::NotCheckable => counts.not_checkable += 1,
                FieldStatus::Absent => counts.absent += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_written_under_its_own_name() {
        for field in ALL_FIELDS {
            let comparison =
                FieldComparison { field, status: FieldStatus::Equal, computed: None, header: None };

            let fields =
                serde_json::to_value(Fields::of(std::slice::from_ref(&comparison))).unwrap();
            let mut counts = Fields::<FieldCounts>::default();
            counts.add(&[comparison]);

            assert_eq!(fields[field.name()], "equal", "{field}");
            assert_eq!(fields.as_object().unwrap().values().filter(|it| it.is_null()).count(), 9);
            assert_eq!(counts.get(field).equal, 1, "{field}");
        }
    }
}
