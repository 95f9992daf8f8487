//! The program `evmesh`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(evmesh::process::main(std::env::args_os()))
}
