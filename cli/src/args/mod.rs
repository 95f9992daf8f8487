//! The command line: commands, flags, their units and defaults.

mod generate;
mod proof;
mod run;
mod status;
mod values;

pub use generate::GenerateArgs;
pub use proof::ProofArgs;
pub use run::RunArgs;
pub use status::StatusArgs;
pub use values::{FaultArg, PlanArg, TransportArg};

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
  0    done, and everything equal (or refused, as the input expects)
  1    a difference: from a header, from the oracle, or from an expected state
  2    wrong usage, or an input that cannot be read: nothing was executed
  3    a block is invalid and the input does not say so
  4    the cluster could not finish
  130  interrupted
  141  whoever read the output went away, as head does
Errors are three lines on standard error: what happened, where, and what to try.";

/// Executes Ethereum blocks on a cluster, byte for byte equal to serial revm.
#[derive(Clone, Debug, Parser)]
#[command(name = "evmesh", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// Flags of all commands.
    #[command(flatten)]
    pub common: CommonArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of all commands.
#[derive(Clone, Debug, Default, Args)]
pub struct CommonArgs {
    /// TOML file with settings; the environment (EVMESH_…) and flags come after it
    #[arg(long, value_name = "FILE", global = true, help_heading = "Settings and telemetry")]
    pub config: Option<PathBuf>,
    /// Sends spans to this OTLP collector over gRPC, as in `http://127.0.0.1:4317` [default: none]
    #[arg(long, value_name = "URL", global = true, help_heading = "Settings and telemetry")]
    pub otlp: Option<String>,
    /// Which spans and events count, as in info,worker=debug [default: error; info with --otlp]
    #[arg(long, value_name = "FILTER", global = true, help_heading = "Settings and telemetry")]
    pub log: Option<String>,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Executes the blocks of inputs on a cluster, beside serial revm.
    Run(RunArgs),
    /// Writes a workload as a chain and a genesis that other clients import.
    Generate(GenerateArgs),
    /// Shows what a running cluster looks like now.
    Status(StatusArgs),
    /// Proves what the state of a running cluster says of an account (EIP-1186).
    Proof(ProofArgs),
    /// Shows in three acts that the cluster is equal to serial revm, and what it costs and gains.
    ///
    /// Act 1 splits six workloads over four workers. Act 2 moves the state 200 µs away. Act 3
    /// kills a worker inside a block. It ends in exit code 0 only if every block is equal.
    Demo,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn help_of(command: &str) -> String {
        let mut cli = Cli::command();
        cli.build();
        let command = cli.find_subcommand_mut(command).unwrap();
        command.render_long_help().to_string()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_names_every_flag_with_its_unit_or_default() {
        let help = help_of("run");
        for flag in [
            "--workers <N>",
            "--threads <N>",
            "--state-shards <N>",
            "--transport <TRANSPORT>",
            "--coordinator <URL>",
            "--plan <PLAN>",
            "--slice-gas <GAS>",
            "--seed <N>",
            "--no-oracle",
            "--fault <FAULT>",
            "--state-delay <DURATION>",
            "--json",
            "--config <FILE>",
            "--otlp <URL>",
            "--log <FILTER>",
        ] {
            let (_, after) = help.split_once(flag).unwrap_or_else(|| panic!("{flag}: {help}"));
            let text = after.split("\n\n").next().unwrap();
            let text =
                if text.trim().is_empty() { after.split("\n\n").nth(1).unwrap() } else { text };
            let says_default = text.contains("[default: ") || !flag.contains('<');
            assert!(says_default || flag == "--config <FILE>", "{flag} has no default: {text}");
        }
    }

    #[test]
    fn flags_before_and_after_the_command_are_understood() {
        let cli = Cli::parse_from([
            "evmesh",
            "--log",
            "info",
            "run",
            "a",
            "b",
            "--workers",
            "2",
            "--otlp",
            "http://x:1",
        ]);

        assert_eq!(cli.common.log.as_deref(), Some("info"));
        assert_eq!(cli.common.otlp.as_deref(), Some("http://x:1"));
        let Command::Run(run) = cli.command else { panic!("not run") };
        assert_eq!(run.inputs, ["a", "b"]);
        assert_eq!(run.workers.unwrap().get(), 2);
    }

    #[test]
    fn a_run_without_input_and_values_out_of_range_are_refused() {
        for wrong in [
            &["evmesh", "run"][..],
            &["evmesh", "run", "x", "--workers", "0"],
            &["evmesh", "run", "x", "--threads", "-1"],
            &["evmesh", "run", "x", "--plan", "some"],
            &["evmesh", "run", "x", "--fault", "none"],
            &["evmesh", "run", "x", "--state-delay", "200"],
            &["evmesh", "run", "x", "--slice-gas", "0"],
            &["evmesh", "run", "x", "--state-shards", "3"],
            &["evmesh", "run", "x", "--state-shards", "32"],
            &["evmesh", "run", "x", "--transport", "remote"],
            &["evmesh", "run", "x", "--coordinator", "http://x:1", "--workers", "2"],
            &["evmesh", "run", "x", "--coordinator", "http://x:1", "--state-shards", "2"],
            &["evmesh", "run", "x", "--coordinator", "http://x:1", "--transport", "grpc"],
            &["evmesh", "status", "x"],
            &["evmesh", "generate", "x"],
            &["evmesh", "generate", "--out", "x"],
            &["evmesh", "proof"],
            &["evmesh", "proof", "0x12"],
            &["evmesh", "proof", "0x0000000000000000000000000000000000000001", "slot"],
        ] {
            let error = Cli::try_parse_from(wrong).expect_err(&format!("{wrong:?}"));
            assert_eq!(error.exit_code(), 2, "{wrong:?}");
        }
    }
}
