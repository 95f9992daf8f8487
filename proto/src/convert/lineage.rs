//! Blocks before another.

use super::{
    DecodeError,
    frame::{rlp, rlp_bytes},
};
use crate::wire::v1;
use alloy_consensus::Header;
use bytes::Bytes;
use engine::lineage::{Ancestor, Lineage};
use std::sync::Arc;

/// Writes blocks before another, the parent first.
pub(super) fn lineage_message(lineage: &Lineage) -> Vec<v1::Ancestor> {
    let message = |ancestor: &Arc<Ancestor>| v1::Ancestor {
        header: rlp_bytes(&ancestor.header),
        ommers_known: ancestor.ommers.is_some(),
        ommers: ancestor.ommers.iter().flatten().map(rlp_bytes).collect(),
    };
    lineage.0.iter().map(message).collect()
}

/// Reads blocks before another.
pub(super) fn lineage(wire: Vec<v1::Ancestor>) -> Result<Lineage, DecodeError> {
    let ancestors = wire.into_iter().enumerate().map(|(position, wire)| {
        let field = format!("lineage[{position}]");
        let header = rlp(&wire.header, "header", &format!("{field}.header"))?;
        let ommers = headers(&wire.ommers, &format!("{field}.ommers"))?;
        Ok(Arc::new(Ancestor::new(header, wire.ommers_known.then_some(ommers))))
    });
    ancestors.collect::<Result<_, _>>().map(Lineage)
}

/// Reads headers.
pub(super) fn headers(wire: &[Bytes], field: &str) -> Result<Vec<Header>, DecodeError> {
    let header = |(position, bytes)| rlp(bytes, "header", &format!("{field}[{position}]"));
    wire.iter().enumerate().map(header).collect()
}
