//! The program, as a child of the test.

use cluster::grpc::{GrpcConfig, GrpcCounts, Link, connect};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Longest wait for anything, on a machine that is busy with other tests.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// A running program; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evmesh-coordinator"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        // It would be taken for a setting.
        if name.to_string_lossy().starts_with("EVMESH_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a program that ends by itself.
pub(crate) fn output(args: &[&str]) -> Output {
    command(args).stderr(Stdio::piped()).output().unwrap()
}

impl Program {
    /// Starts the program on free ports and waits until it says where it listens.
    pub(crate) fn start(more: &[&str]) -> Self {
        let args = [&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"], more].concat();
        let mut child = command(&args).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (tell, told) = mpsc::sync_channel(1);
        thread::spawn(move || {
            let mut line = String::new();
            // An error is an empty line, which is none.
            let _ = out.read_line(&mut line);
            let _ = tell.send(line);
        });
        let line = told.recv_timeout(BOUND).expect("it says where it listens");
        let line: serde_json::Value = serde_json::from_str(&line).expect("one JSON line");
        assert_eq!((&line["kind"], &line["role"]), (&"listening".into(), &"coordinator".into()));
        let address = |key: &str| line[key].as_str().unwrap().parse().unwrap();
        Self { child, grpc: address("grpc"), http: address("http") }
    }

    /// Returns a connection. Needs a tokio runtime.
    pub(crate) fn link(&self) -> Link {
        let counts = GrpcCounts::default();
        connect(&self.grpc.to_string(), &GrpcConfig::default(), &counts).unwrap()
    }

    /// Gets a page: its status and its text.
    pub(crate) fn page(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), text.trim().to_owned())
    }

    /// Asks until `/readyz` gives this answer; each question is a round trip.
    pub(crate) fn until_ready_says(&self, status: u16, text: &str) {
        let mut said = (0, String::new());
        let clock = cluster::clock::SystemClock::shared();
        while clock.now() < BOUND {
            said = self.page("/readyz");
            if said.0 == status && said.1.contains(text) {
                return;
            }
        }
        panic!("it says {said:?} instead of {status} and {text}");
    }

    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    pub(crate) fn close_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits until the program has ended.
    pub(crate) fn ended(mut self) -> ExitStatus {
        let (tell, told) = mpsc::sync_channel(1);
        let process = Pid::from_child(&self.child);
        thread::scope(|scope| {
            scope.spawn(|| tell.send(self.child.wait()));
            told.recv_timeout(BOUND).map(Result::unwrap).unwrap_or_else(|_| {
                kill_process(process, Signal::KILL).unwrap();
                panic!("it does not end");
            })
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
