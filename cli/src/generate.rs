//! `evmesh generate`: a workload as files that other clients import.

use crate::{args::GenerateArgs, exit::Exit, failure::Failure, open::open_all, run::print};
use cluster::clock::SharedClock;
use inputs::{InputError, WriteOptions, Written, write_chain};

/// Runs `evmesh generate`.
///
/// # Errors
/// If there is nothing to generate, or it cannot be written.
pub fn generate(args: &GenerateArgs, clock: &SharedClock) -> Result<Exit, Failure> {
    let opened = open_all(std::slice::from_ref(&args.spec), clock)?;
    let [input] = opened.as_slice() else {
        let try_next = "give one workload, as in `workload:transfers?txs=100`";
        return Err(Failure::usage("it is more than one chain", &args.spec, try_next));
    };
    let options = WriteOptions { gzip: args.gzip, force: args.force };
    let written = write_chain(input, &args.out, options).map_err(refused)?;
    print(&text(&written))?;
    Ok(Exit::Done)
}

fn refused(error: InputError) -> Failure {
    match error {
        InputError::Write { at, source } => Failure::output(source, at),
        other => Failure::usage(&other, other.at(), other.advice()),
    }
}

fn text(written: &Written) -> String {
    let Written { chain, genesis, n_blocks, n_accounts, head } = written;
    let (chain, genesis) = (chain.display(), genesis.display());
    format!(
        "{genesis}: {n_accounts} accounts\n\
         {chain}: {n_blocks} blocks, the last is {head}\n\
         `geth init {genesis}`, then `geth import {chain}`; or `evmesh run {chain}`"
    )
}
