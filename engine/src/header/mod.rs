//! Header fields: what execution produced, compared with what a header says.

mod body;
mod compare;
mod deposits;
mod limits;
mod results;
#[cfg(test)]
mod tests;

pub use body::{BodyError, check_body};
pub use compare::{Field, FieldComparison, FieldStatus, compare};
pub use limits::{GasLeft, LimitError};
pub use results::{BlockResults, ResultsError, assemble_receipts, block_results};
