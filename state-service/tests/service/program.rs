//! The program: how it begins, what it shows, how it ends.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Longest wait for anything.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// A running program; killed when dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evmesh-state"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("EVMESH_") {
            command.env_remove(name);
        }
    }
    command
}

impl Program {
    /// Starts the program on free ports and waits until it says that it listens.
    pub(crate) fn start(more: &[&str]) -> Self {
        let args = [&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"], more].concat();
        let mut child = command(&args).stderr(Stdio::inherit()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (heard, line) = mpsc::sync_channel(1);
        thread::spawn(move || {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            heard.send(line).unwrap();
        });
        let line = line.recv_timeout(BOUND).expect("it did not listen");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&line["kind"], &line["role"]), (&"listening".into(), &"state".into()));
        let address = |key: &str| line[key].as_str().unwrap().parse().unwrap();
        Self { child, grpc: address("grpc"), http: address("http") }
    }

    /// Gets a page: its status and its text.
    pub(crate) fn page(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    pub(crate) fn terminate(&self) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
    }

    /// Closes the program's standard input.
    fn close_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits until the program ended.
    pub(crate) fn ended(mut self) -> ExitStatus {
        let (tell, told) = mpsc::sync_channel(1);
        let id = self.child.id();
        // Waiting is blocking: what is waited for is told by a thread, and the bound is here.
        let pid = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| tell.send(self.child.wait().unwrap()));
            told.recv_timeout(BOUND).unwrap_or_else(|_| {
                kill_process(pid, Signal::KILL).unwrap();
                panic!("it did not end");
            })
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Checks that a program ended with a code and three lines.
fn assert_refused(output: &Output, code: i32, what: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (line, begin) in lines.iter().zip(["error: ", "at: ", "try: "]) {
        assert!(line.starts_with(begin) && line.len() > begin.len(), "{text}");
    }
    assert!(text.contains(what), "{text} does not speak of {what}");
    assert_eq!(output.stdout, b"");
}

#[test]
fn wrong_settings_end_with_2_and_three_lines() {
    let cases: [(&[&str], &str); 6] = [
        (&["--threads", "0"], "threads"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--config", "/nowhere/state.toml"], "/nowhere/state.toml"),
        (&["--log", "a=b=c"], "filter"),
        (&["--cluster", "a/b"], "members.cluster"),
        (&["--etcd", "not an address"], "members"),
    ];
    for (args, what) in cases {
        let free = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
        let output = command(&[&free, args].concat()).output().unwrap();
        assert_refused(&output, 2, what);
    }
    let mut command = command(&[]);
    let output = command.env("EVMESH_STATE__LIMITS__READ_KEY_MAX", "1").output().unwrap();
    assert_refused(&output, 2, "EVMESH_STATE__LIMITS__READ_KEY_MAX");
}

#[test]
fn a_taken_port_ends_with_4_and_three_lines() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (taken, free) in [("--listen", "--http"), ("--http", "--listen")] {
        let output = command(&[taken, &address, free, "127.0.0.1:0"]).output().unwrap();
        assert_refused(&output, 4, &address);
    }
}

#[test]
fn help_and_version_are_no_failures() {
    for (flag, text) in [("--help", "--until-stdin-closes"), ("--version", "evmesh-state")] {
        let output = command(&[flag]).output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains(text));
    }
}

#[test]
fn a_program_is_live_and_ready_while_it_listens_and_shows_its_numbers() {
    let program = Program::start(&[]);
    assert_eq!(program.page("/livez").0, 200);
    assert_eq!(program.page("/readyz").0, 200);
    let (status, text) = program.page("/metrics");
    assert_eq!(status, 200);
    for series in [
        "evmesh_process_cpu_seconds_total",
        "evmesh_grpc_bytes_total{direction=\"in\"}",
        "evmesh_grpc_messages_total{direction=\"out\"}",
        "evmesh_state_calls_total{call=\"read\"} 0",
        "evmesh_state_refused_total{reason=\"not_found\"} 0",
        "evmesh_state_seal_seconds_count 0",
        "evmesh_state_snapshots 0",
    ] {
        assert!(text.contains(series), "{series} is missing:\n{text}");
    }
    program.terminate();
    assert!(program.ended().success());
}

#[test]
fn a_program_that_was_told_to_ends_when_its_standard_input_is_closed() {
    let mut program = Program::start(&["--until-stdin-closes"]);
    assert_eq!(program.page("/readyz").0, 200);
    program.close_stdin();
    assert!(program.ended().success());
}
