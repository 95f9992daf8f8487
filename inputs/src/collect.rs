//! Takes files as they come, tells by their content what they are, and makes inputs of them.

use crate::{
    blockchain_tests::{self, Case, NotRun},
    error::InputError,
    input::Input,
    prestate::{self, PrestateFile},
    shape::{self, Shape},
    source::read_whole,
    witness,
};
use std::io::Read;

/// Most inputs of one run.
const INPUTS_MAX: usize = 100_000;

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    prestate: prestate::Collector,
    others: Vec<Input>,
    /// The first case that is not run, and why.
    not_run: Option<(String, NotRun)>,
}

impl Collector {
    /// Takes a file in; one that is no input is passed over.
    pub(crate) fn take(&mut self, path: &str, content: &mut dyn Read) -> Result<(), InputError> {
        let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
        if let Some(file) = PrestateFile::of(name) {
            return self.prestate.add(folder, file, path, &read_whole(path, content)?);
        }
        let (is_json, mut content) =
            shape::is_json(content).map_err(|source| InputError::io(path, source))?;
        if is_json { self.take_json(path, &read_whole(path, &mut content)?) } else { Ok(()) }
    }

    fn take_json(&mut self, path: &str, json: &[u8]) -> Result<(), InputError> {
        match shape::of(path, json)? {
            Shape::BlockchainTests => {
                for case in blockchain_tests::cases(path, json)? {
                    self.take_case(path, case?)?;
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
                self.not_run.get_or_insert_with(|| (format!("{path}#{}", case.name), rule));
                Ok(())
            }
        }
    }

    fn push(&mut self, path: &str, input: Input) -> Result<(), InputError> {
        if self.others.len() >= INPUTS_MAX {
            return Err(InputError::too_much(path, INPUTS_MAX, "inputs"));
        }
        self.others.push(input);
        Ok(())
    }

    /// Returns what was found: blocks with their values in the order of their numbers, then the
    /// others in the order in which they came.
    pub(crate) fn finish(self) -> Result<Vec<Input>, InputError> {
        let mut inputs = self.prestate.finish()?;
        inputs.extend(self.others);
        match self.not_run {
            Some((at, rule)) if inputs.is_empty() => Err(InputError::NotRun { at, rule }),
            _ => Ok(inputs),
        }
    }
}
