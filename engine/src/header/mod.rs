//! Header fields: what execution produced, compared with what a header says.

mod compare;
mod results;

pub use compare::{Field, FieldComparison, FieldStatus, compare};
pub use results::{BlockResults, assemble_receipts, block_results};
