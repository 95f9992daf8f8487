//! Starts the program and keeps what it said.

use serde_json::Value;
use std::process::{Command, Stdio};

/// A program that ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns the program, to be given arguments. No setting of the tests' own environment reaches it.
pub(crate) fn evmesh() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evmesh"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("EVMESH_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> Ended {
    let output = evmesh().args(args).output().unwrap();
    Ended {
        code: output.status.code().expect("it was not killed"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs `evmesh run --json` to its end.
pub(crate) fn run_json(args: &[&str]) -> Ended {
    run(&[&["run", "--json"], args].concat())
}

impl Ended {
    /// Returns the lines of standard output; each has to be JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// Returns the lines of one kind.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["kind"] == kind).collect()
    }

    /// Returns the last line, which has to be a summary.
    pub(crate) fn summary(&self) -> Value {
        let last = self.lines().pop().unwrap_or_else(|| panic!("no output; {}", self.stderr));
        assert_eq!(last["kind"], "summary", "{last} {}", self.stderr);
        last
    }

    /// Checks that the run ended with this code, and says what it said if not.
    pub(crate) fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Returns the three lines of an error: what, where, what to try.
    pub(crate) fn error(&self) -> [String; 3] {
        let after = |label: &str| {
            let mut lines = self.stderr.lines().filter_map(|line| line.strip_prefix(label));
            let text = lines.next().unwrap_or_else(|| panic!("no {label} in {}", self.stderr));
            assert!(!text.trim().is_empty(), "{label} is empty");
            text.trim().to_owned()
        };
        [after("error:"), after("at:"), after("try:")]
    }
}
