//! One block with the trie nodes and codes that it touches, as JSON: roots are checkable without
//! the whole state.

mod ancestors;
mod file;
#[cfg(test)]
pub(crate) mod tests;

use crate::{
    error::InputError,
    input::{Expected, Input, InputBlock, ParentState},
    text::Text,
};
use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes};
use ancestors::Line;
use engine::{
    block::{Block, Ommers},
    chain::ChainSpec,
    trie::Witness,
};
use file::{Expect, WitnessFile};
use std::{fmt::Display, sync::Arc};

/// Reads a block with its witness. What the file says of the block besides its bytes has to be
/// what the block itself says.
pub(crate) fn read(path: &str, json: &[u8]) -> Result<Input, InputError> {
    let file: WitnessFile<'_> =
        serde_json::from_slice(json).map_err(|error| InputError::json(path, &error))?;
    let place = Place(path);
    let block_rlp = place.parse("block_rlp", &file.block_rlp, Text::bytes)?;
    let block =
        Block::decode(&block_rlp).map_err(|error| place.wrong("block_rlp", error.to_string()))?;
    check_identity(&place, &file, &block)?;
    check_expectations(&place, &file.expect, &block.header)?;
    let chain = ChainSpec::by_id(file.chain_id).ok_or_else(|| {
        let reason = format!("evmesh does not know the rules of chain {}", file.chain_id);
        place.wrong("chain_id", reason)
    })?;
    let state_root = place.parse("pre_state_root", &file.pre_state_root, Text::hash)?;
    let Line { ancestors, lineage } = ancestors::read(&place, &file, &block.header, state_root)?;
    let witness = Witness {
        state_root,
        nodes: place.parse_all("witness.state", &file.witness.state)?,
        codes: place.parse_all("witness.codes", &file.witness.codes)?,
    };
    let block = InputBlock {
        block_rlp,
        number: block.header.number,
        parent_hash: block.header.parent_hash,
        ancestors,
        lineage,
        ommers: Ommers::Known,
        expects_invalid: None,
        chain: None,
    };
    Ok(Input {
        name: path.to_owned(),
        chain,
        blocks: vec![block],
        parent: ParentState::Witness(Arc::new(witness)),
        expected: Expected::default(),
    })
}

/// The file, for messages.
struct Place<'a>(&'a str);

impl Place<'_> {
    fn wrong(&self, field: &str, reason: impl Into<String>) -> InputError {
        InputError::value(self.0, format!("$.{field}"), reason)
    }

    fn parse<'t, T>(
        &self,
        field: &str,
        text: &Text<'t>,
        parse: impl FnOnce(&Text<'t>) -> Result<T, String>,
    ) -> Result<T, InputError> {
        parse(text).map_err(|reason| self.wrong(field, reason))
    }

    fn parse_all(&self, field: &str, texts: &[Text<'_>]) -> Result<Vec<Bytes>, InputError> {
        let parse = |(offset, text): (usize, &Text<'_>)| {
            text.bytes().map_err(|reason| self.wrong(&format!("{field}[{offset}]"), reason))
        };
        texts.iter().enumerate().map(parse).collect()
    }

    /// Holds what the file says against the block itself.
    fn same<T: PartialEq + Display>(
        &self,
        field: &str,
        said: &T,
        found: &T,
    ) -> Result<(), InputError> {
        if said == found {
            return Ok(());
        }
        Err(self.wrong(field, format!("the block's own is {found}, here it is {said}")))
    }
}

fn check_identity(
    place: &Place<'_>,
    file: &WitnessFile<'_>,
    block: &Block,
) -> Result<(), InputError> {
    if let Some(number) = file.number {
        place.same("number", &number, &block.header.number)?;
    }
    if let Some(hash) = &file.block_hash {
        place.same("block_hash", &place.parse("block_hash", hash, Text::hash)?, &block.hash)?;
    }
    Ok(())
}

fn check_expectations(
    place: &Place<'_>,
    expect: &Expect<'_>,
    header: &Header,
) -> Result<(), InputError> {
    let hashes = [
        ("state_root", &expect.state_root, Some(header.state_root)),
        ("transactions_root", &expect.transactions_root, Some(header.transactions_root)),
        ("receipts_root", &expect.receipts_root, Some(header.receipts_root)),
        ("withdrawals_root", &expect.withdrawals_root, header.withdrawals_root),
        ("requests_hash", &expect.requests_hash, header.requests_hash),
    ];
    for (field, said, found) in hashes {
        let Some(said) = said else { continue };
        let field = format!("expect.{field}");
        let said: B256 = place.parse(&field, said, Text::hash)?;
        let found = found.ok_or_else(|| place.wrong(&field, "the block has no such field"))?;
        place.same(&field, &said, &found)?;
    }
    if let Some(bloom) = &expect.logs_bloom {
        let said = place.parse("expect.logs_bloom", bloom, Text::bytes)?;
        let found = Bytes::copy_from_slice(header.logs_bloom.as_slice());
        place.same("expect.logs_bloom", &said, &found)?;
    }
    match expect.gas_used {
        Some(gas_used) => place.same("expect.gas_used", &gas_used, &header.gas_used),
        None => Ok(()),
    }
}
