//! The program `evmesh-coordinator`.

use std::process::ExitCode;

fn main() -> ExitCode {
    coordinator::process::main(std::env::args_os())
}
