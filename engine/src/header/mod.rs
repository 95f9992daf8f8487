//! Headers: what a block's has to be, what execution produced compared with it, and how the header
//! of a block that is built comes about.

mod base_fee;
mod blobs;
mod body;
mod child;
mod compare;
mod deposits;
mod difficulty;
mod draft;
mod error;
mod fields;
mod gas_limit;
mod limits;
mod lineage;
mod ommers;
mod results;
#[cfg(test)]
mod tests;

pub use body::check_body;
pub use child::check_header;
pub use compare::{Field, FieldComparison, FieldStatus, compare};
pub use draft::{close, open};
pub use error::RuleError;
pub use limits::{GasLeft, LimitError};
pub use lineage::{LineageError, check_lineage};
pub(crate) use ommers::check_related;
pub use results::{BlockResults, ResultsError, assemble_receipts, block_results, has_state_roots};

/// Checks that a field is there if and only if its fork wants it.
const fn check_presence(
    field: &'static str,
    is_there: bool,
    is_wanted: bool,
) -> Result<(), RuleError> {
    match (is_there, is_wanted) {
        (false, true) => Err(RuleError::Missing { field }),
        (true, false) => Err(RuleError::Unknown { field }),
        _ => Ok(()),
    }
}
