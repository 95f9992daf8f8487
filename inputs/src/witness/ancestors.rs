//! The blocks before a witnessed one: their hashes, and the headers that lead to it.

use super::{Place, file::WitnessFile};
use crate::{
    branches::{ANCESTORS_MAX, LINEAGE_MAX},
    error::InputError,
    text::Text,
};
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::Decodable;
use engine::{
    block::AncestorHashes,
    lineage::{Ancestor, Lineage},
};
use std::{collections::BTreeMap, iter, sync::Arc};

/// What is known of the blocks before one.
pub(super) struct Line {
    pub(super) ancestors: AncestorHashes,
    pub(super) lineage: Lineage,
}

/// Reads hashes and headers. Headers that do not lead to the block are passed over, those that do
/// have to have the hashes that are given.
pub(super) fn read(
    place: &Place<'_>,
    file: &WitnessFile<'_>,
    header: &Header,
    state_root: B256,
) -> Result<Line, InputError> {
    let headers = headers(place, &file.witness.headers)?;
    let mut ancestors = hashes(place, &file.ancestor_hashes_oldest_first, header)?;
    let find = |hash: &B256| headers.get(hash);
    let linked = iter::successors(find(&header.parent_hash), |child| find(&child.parent_hash));
    let mut lineage = Vec::new();
    for (header, number) in linked.zip((0..header.number).rev()).take(ANCESTORS_MAX) {
        let ommers = (header.ommers_hash == EMPTY_OMMER_ROOT_HASH).then(Vec::new);
        let ancestor = Ancestor::new(header.clone(), ommers);
        if header.number != number {
            let reason = format!("block {number} says that it is {}", header.number);
            return Err(place.wrong("witness.headers", reason));
        }
        if *ancestors.entry(number).or_insert(ancestor.hash) != ancestor.hash {
            let reason = format!("block {number} has another hash by its header");
            return Err(place.wrong("ancestor_hashes_oldest_first", reason));
        }
        lineage.push(Arc::new(ancestor));
    }
    lineage.truncate(LINEAGE_MAX);
    match lineage.first() {
        Some(parent) if parent.header.state_root != state_root => {
            Err(place.wrong("pre_state_root", "it is not the state root of the block's parent"))
        }
        _ => Ok(Line { ancestors: AncestorHashes(ancestors), lineage: Lineage(lineage) }),
    }
}

fn hashes(
    place: &Place<'_>,
    texts: &[Text<'_>],
    header: &Header,
) -> Result<BTreeMap<u64, B256>, InputError> {
    let field = "ancestor_hashes_oldest_first";
    if texts.len() > ANCESTORS_MAX {
        return Err(InputError::too_much(place.0, ANCESTORS_MAX, "hashes of earlier blocks"));
    }
    let mut hashes = BTreeMap::new();
    for (offset, (text, number)) in texts.iter().rev().zip((0..header.number).rev()).enumerate() {
        let offset = texts.len() - 1 - offset;
        hashes.insert(number, place.parse(&format!("{field}[{offset}]"), text, Text::hash)?);
    }
    if let Some(parent) = header.number.checked_sub(1) {
        let given = *hashes.entry(parent).or_insert(header.parent_hash);
        place.same(
            &format!("{field}[{}]", texts.len().saturating_sub(1)),
            &given,
            &header.parent_hash,
        )?;
    }
    Ok(hashes)
}

fn headers(place: &Place<'_>, texts: &[Text<'_>]) -> Result<BTreeMap<B256, Header>, InputError> {
    let mut headers = BTreeMap::new();
    for (offset, rlp) in place.parse_all("witness.headers", texts)?.iter().enumerate() {
        let header = decode(rlp).map_err(|error| {
            place.wrong(&format!("witness.headers[{offset}]"), format!("it is no header: {error}"))
        })?;
        headers.insert(keccak256(rlp), header);
    }
    Ok(headers)
}

fn decode(rlp: &Bytes) -> alloy_rlp::Result<Header> {
    let mut rest = rlp.as_ref();
    let header = Header::decode(&mut rest)?;
    if rest.is_empty() { Ok(header) } else { Err(alloy_rlp::Error::UnexpectedLength) }
}
