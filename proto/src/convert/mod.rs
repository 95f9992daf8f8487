//! Wire to engine types and back. What is wrong with a message is said by the field's path; once a
//! message is converted its values are valid.
//!
//! Conversions are `From` and `TryFrom` on the types themselves. Where one message is not one
//! value there are functions: [`attach`] for a worker's stream, [`state_pieces`] and
//! [`outcome_parts`] for what travels in pieces.

mod access;
mod answers;
pub mod attach;
mod build;
mod chain;
mod columns;
mod coordinator;
mod diff;
mod error;
mod frame;
mod ids;
mod lineage;
mod outcome;
mod outcome_head;
pub mod outcome_parts;
mod proof;
mod receipt;
mod snapshot;
mod state;
pub mod state_pieces;
mod status_report;
mod task;
mod tonic_status;

pub use error::{DecodeError, Reason};
pub use tonic_status::STATUS_MESSAGE_BYTES_MAX;

use error::{At, Required};
