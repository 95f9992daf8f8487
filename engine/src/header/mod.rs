//! Header fields: what execution produced, compared with what a header says.

mod body;
mod compare;
mod limits;
mod results;

pub use body::{BodyError, check_body};
pub use compare::{Field, FieldComparison, FieldStatus, compare};
pub use limits::{GasLeft, LimitError};
pub use results::{BlockResults, assemble_receipts, block_results};
