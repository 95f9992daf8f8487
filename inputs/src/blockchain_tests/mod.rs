//! Ethereum's official blockchain tests: JSON files of cases, each a genesis, blocks of one chain
//! or of its branches, valid ones and ones to be refused, and what comes of them all.

mod file;
mod network;
mod state;
#[cfg(test)]
pub(crate) mod tests;

use crate::{
    branches::Branches,
    entries::Entries,
    error::InputError,
    input::{Expected, ExpectedState, Input, InputBlock, ParentState},
    text::Text,
};
use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes};
use engine::block::Block;
use file::{BlockFile, CaseFile, CaseFiles};
use network::Network;
use std::{fmt, sync::Arc};

/// Most cases of one file.
const CASES_MAX: usize = 100_000;
/// Most blocks of one case.
const BLOCKS_MAX: usize = 10_000;

/// One case of a file.
#[derive(Clone, Debug)]
pub struct Case {
    /// The case's name in its file.
    pub name: String,
    /// The rules it is for, as the tests call them.
    pub network: String,
    /// What is to be run, or the rule by which it is not.
    pub input: Result<Input, NotRun>,
}

/// Why tests of a network are not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotRun {
    /// EIP-1283 prices storage in Constantinople, until Petersburg took it back. revm has no such
    /// fork.
    Constantinople,
    /// The tests of Amsterdam are of another draft than the rules that revm has.
    Amsterdam,
    /// Tests of the engine API (`blockchain_tests_engine`) hold payloads; `blockchain_tests` has the
    /// same cases as blocks.
    EnginePayloads,
}

impl NotRun {
    /// Returns the rule's short name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constantinople => "Constantinople",
            Self::Amsterdam => "Amsterdam",
            Self::EnginePayloads => "EnginePayloads",
        }
    }
}

/// Returns the rule by which tests of a network are not run, if there is one.
pub fn rule_against(network: &str) -> Option<NotRun> {
    Network::parse(network)?.not_run()
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Constantinople => {
                "Constantinople with EIP-1283 is a fork that revm does not have"
            }
            Self::Amsterdam => "Amsterdam is still a draft, and revm follows another one",
            Self::EnginePayloads => {
                "they hold payloads of the engine API; blockchain_tests has the same cases as blocks"
            }
        })
    }
}

/// Reads the cases of a file, in the order of their names. `file` is how messages and inputs name
/// it.
///
/// # Errors
/// At once if the JSON is not one of blockchain tests; with a case if a value of it is wrong.
pub fn cases<'a>(
    file: &'a str,
    json: &'a [u8],
) -> Result<impl ExactSizeIterator<Item = Result<Case, InputError>> + use<'a>, InputError> {
    Ok(parsed(file, json)?
        .into_iter()
        .map(move |(name, case)| read(&Place { file, case: name.as_str() }, case)))
}

/// Reads those cases of a file whose names are wanted, each with its name: [`cases`] for a part of them,
/// at the cost of that part.
///
/// # Errors
/// As [`cases`].
pub fn wanted_cases<'a>(
    file: &'a str,
    json: &'a [u8],
    is_wanted: impl Fn(&str) -> bool + 'a,
) -> Result<impl Iterator<Item = (String, Result<Case, InputError>)> + 'a, InputError> {
    let wanted = parsed(file, json)?.into_iter().filter(move |(name, _)| is_wanted(name.as_str()));
    Ok(wanted.map(move |(name, case)| {
        let read = read(&Place { file, case: name.as_str() }, case);
        (name.as_str().to_owned(), read)
    }))
}

fn parsed<'a>(file: &str, json: &'a [u8]) -> Result<Vec<(Text<'a>, CaseFile<'a>)>, InputError> {
    let Entries(cases): CaseFiles<'a> =
        serde_json::from_slice(json).map_err(|error| InputError::json(file, &error))?;
    if cases.len() > CASES_MAX {
        return Err(InputError::too_much(file, CASES_MAX, "cases"));
    }
    Ok(cases)
}

/// Where in a file something is.
struct Place<'a> {
    file: &'a str,
    case: &'a str,
}

impl Place<'_> {
    fn wrong(&self, field: &str, reason: impl Into<String>) -> InputError {
        InputError::value(self.file, format!("$[{:?}].{field}", self.case), reason)
    }

    fn parse<'t, T>(
        &self,
        field: &str,
        text: &Text<'t>,
        parse: impl FnOnce(&Text<'t>) -> Result<T, String>,
    ) -> Result<T, InputError> {
        parse(text).map_err(|reason| self.wrong(field, reason))
    }
}

fn read(place: &Place<'_>, case: CaseFile<'_>) -> Result<Case, InputError> {
    let network = Network::parse(case.network.as_str()).ok_or_else(|| {
        place.wrong("network", format!("`{}` is no network that evmesh knows", case.network))
    })?;
    let (name, rules) = (place.case.to_owned(), case.network.as_str().to_owned());
    let input = match network.not_run() {
        Some(rule) => Err(rule),
        None => Ok(input(place, &network, case)?),
    };
    Ok(Case { name, network: rules, input })
}

fn input(place: &Place<'_>, network: &Network, case: CaseFile<'_>) -> Result<Input, InputError> {
    if case.blocks.len() > BLOCKS_MAX {
        return Err(InputError::too_much(place.file, BLOCKS_MAX, "blocks in one case"));
    }
    let (block_hash, genesis) = genesis(place, &case)?;
    let state = state::values(place, "pre", case.pre)?;
    if state.root() != genesis.state_root {
        return Err(place.wrong("pre", "its root is not the genesis block's state root"));
    }
    let block_number = genesis.number;
    let mut branches = Branches::new(block_hash, genesis);
    let mut blocks = blocks(place, case.network.as_str(), &case.blocks, &mut branches)?;
    let terminal = network.terminal_difficulty();
    let merge = terminal.and_then(|at| branches.first_after(at));
    let chain = network
        .chain(case.config.as_ref(), merge)
        .map_err(|(field, reason)| place.wrong(&format!("config.{field}"), reason))?;
    if let Some(total_difficulty) = terminal {
        branches.give_rules(&mut blocks, &chain, total_difficulty);
    }
    let expected = Expected {
        head: Some(place.parse("lastblockhash", &case.last_block_hash, Text::hash)?),
        state: match (case.post_state, &case.post_state_hash) {
            (Some(files), _) => {
                let values = state::values(place, "postState", files)?;
                Some(ExpectedState::Values(Arc::new(values)))
            }
            (None, Some(hash)) => {
                Some(ExpectedState::Root(place.parse("postStateHash", hash, Text::hash)?))
            }
            (None, None) => {
                return Err(place.wrong("postState", "neither it nor postStateHash is there"));
            }
        },
    };
    Ok(Input {
        name: format!("{}#{}", place.file, place.case),
        chain,
        blocks,
        parent: ParentState::Genesis { block_hash, block_number, state: Arc::new(state) },
        expected,
    })
}

/// Reads the genesis block and holds it against the hash that the file gives it.
fn genesis(place: &Place<'_>, case: &CaseFile<'_>) -> Result<(B256, Header), InputError> {
    let rlp = place.parse("genesisRLP", &case.genesis_rlp, Text::bytes)?;
    let Block { hash, header, .. } =
        Block::decode(&rlp).map_err(|error| place.wrong("genesisRLP", error.to_string()))?;
    let given = &case.genesis_block_header.hash;
    if place.parse("genesisBlockHeader.hash", given, Text::hash)? == hash {
        Ok((hash, header))
    } else {
        Err(place.wrong("genesisBlockHeader.hash", format!("genesisRLP has the hash {hash}")))
    }
}

fn blocks(
    place: &Place<'_>,
    network: &str,
    files: &[BlockFile<'_>],
    branches: &mut Branches,
) -> Result<Vec<InputBlock>, InputError> {
    let read = |(offset, file): (usize, &BlockFile<'_>)| {
        let wrong = |reason| place.wrong(&format!("blocks[{offset}].rlp"), reason);
        let rlp: Bytes = file.rlp.bytes().map_err(wrong)?;
        Ok(branches.add(rlp, file.expects_invalid(network)))
    };
    files.iter().enumerate().map(read).collect()
}
