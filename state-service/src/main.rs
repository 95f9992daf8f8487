//! The program `evmesh-state`: one state shard.

use std::process::ExitCode;

fn main() -> ExitCode {
    state_service::process::main(std::env::args_os())
}
