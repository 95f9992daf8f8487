//! Takes files as they come, tells by their content what they are, and makes inputs of them.

use crate::{
    blockchain_tests::{self, Case, NotRun},
    chain_file::{self, CHAIN_NAME, Content, GENESIS_NAME},
    error::InputError,
    input::Input,
    prestate::{self, PrestateFile},
    shape::{self, Kind, Shape},
    source::read_whole,
    text::Text,
    witness,
};
use serde::de::IgnoredAny;
use std::{collections::BTreeMap, io::Read};

/// Most inputs of one run.
const INPUTS_MAX: usize = 100_000;

/// What a user named, opened.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// What is to be run.
    pub inputs: Vec<Input>,
    /// Official tests that are not, by the rule.
    pub not_run: BTreeMap<NotRun, LeftOut>,
}

impl Opened {
    /// Returns what is to be run.
    ///
    /// # Errors
    /// If there is nothing but tests that are not run.
    pub fn into_inputs(self) -> Result<Vec<Input>, InputError> {
        let Self { inputs, not_run } = self;
        match not_run.into_iter().next() {
            Some((rule, left_out)) if inputs.is_empty() => {
                Err(InputError::NotRun { at: left_out.first, rule })
            }
            _ => Ok(inputs),
        }
    }
}

/// Official tests that are not run by one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// How many cases.
    pub n_cases: u64,
    /// File and name of the first.
    pub first: String,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    prestate: prestate::Collector,
    chains: chain_file::Collector,
    others: Vec<Input>,
    not_run: BTreeMap<NotRun, LeftOut>,
}

impl Collector {
    /// Takes a file in; one that is no input is passed over.
    pub(crate) fn take(&mut self, path: &str, content: &mut dyn Read) -> Result<(), InputError> {
        let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
        if let Some(file) = PrestateFile::of(unpacked(name)) {
            return self.prestate.add(folder, file, path, &read_whole(path, content)?);
        }
        let whole = |content| {
            let bytes = read_whole(path, content)?;
            Ok(Content { path: path.to_owned(), bytes })
        };
        if unpacked(name) == GENESIS_NAME {
            return self.chains.add_genesis(folder, whole(content)?);
        }
        let (kind, mut content) =
            shape::kind(content).map_err(|source| InputError::io(path, source))?;
        if kind == Kind::Chain || unpacked(name) == CHAIN_NAME {
            self.chains.add_chain(folder, whole(&mut content)?);
        } else if kind == Kind::Json {
            self.take_json(path, &read_whole(path, &mut content)?)?;
        }
        Ok(())
    }

    /// Tells whether a chain is there whose genesis is not.
    pub(crate) fn lacks_genesis(&self) -> bool {
        self.chains.lacks_genesis()
    }

    fn take_json(&mut self, path: &str, json: &[u8]) -> Result<(), InputError> {
        match shape::of(path, json)? {
            Shape::BlockchainTests => {
                for case in blockchain_tests::cases(path, json)? {
                    self.take_case(path, case?)?;
                }
                Ok(())
            }
            Shape::EngineTests => {
                let error = |error| InputError::json(path, &error);
                let cases: BTreeMap<Text<'_>, IgnoredAny> =
                    serde_json::from_slice(json).map_err(error)?;
                for name in cases.keys() {
                    self.leave_out(NotRun::EnginePayloads, path, name.as_str());
                }
                Ok(())
            }
            Shape::Witness => self.push(path, witness::read(path, json)?),
            Shape::Other => Ok(()),
        }
    }

    fn take_case(&mut self, path: &str, case: Case) -> Result<(), InputError> {
        match case.input {
            Ok(input) => self.push(path, input),
            Err(rule) => {
                self.leave_out(rule, path, &case.name);
                Ok(())
            }
        }
    }

    fn leave_out(&mut self, rule: NotRun, path: &str, case: &str) {
        let first = || LeftOut { n_cases: 0, first: format!("{path}#{case}") };
        self.not_run.entry(rule).or_insert_with(first).n_cases += 1;
    }

    fn push(&mut self, path: &str, input: Input) -> Result<(), InputError> {
        if self.others.len() >= INPUTS_MAX {
            return Err(InputError::too_much(path, INPUTS_MAX, "inputs"));
        }
        self.others.push(input);
        Ok(())
    }

    /// Returns what was found: blocks with their values in the order of their numbers, chains, and
    /// the others in the order in which they came. `progress` hears of blocks that were read.
    pub(crate) fn finish(self, progress: &mut dyn FnMut(u64, u64)) -> Result<Opened, InputError> {
        let mut inputs = self.prestate.finish()?;
        inputs.extend(self.chains.finish(progress)?);
        inputs.extend(self.others);
        Ok(Opened { inputs, not_run: self.not_run })
    }
}

/// Returns a file's name without what says that it is packed.
fn unpacked(name: &str) -> &str {
    let packed = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst"));
    packed.unwrap_or(name)
}
