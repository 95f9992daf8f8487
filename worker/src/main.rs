//! The program `evmesh-worker`.

use std::process::ExitCode;

fn main() -> ExitCode {
    worker::process::main(std::env::args_os())
}
