//! A worker's process.

use super::soon;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, ExitStatus, Stdio},
};
use tokio::task::spawn_blocking;

/// A program that runs; it is killed with the test.
#[derive(Debug)]
pub(super) struct Program {
    child: Option<Child>,
    pub(super) grpc: SocketAddr,
    pub(super) http: SocketAddr,
}

pub(super) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evmesh-worker"));
    command.args(args).args(["--log", "warn"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

impl Program {
    /// Starts a worker and waits until it listens.
    pub(super) async fn start(coordinator: SocketAddr, variables: &[(&str, &str)]) -> Self {
        Self::start_with(&["--coordinator", &coordinator.to_string()], variables).await
    }

    /// Starts a worker with these flags, on free ports, and waits until it listens.
    pub(super) async fn start_with(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = command(args);
        command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        command.args(["--threads", "2", "--name", "tested"]);
        command.envs(variables.iter().copied());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let line = spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).unwrap();
            line
        });
        let line = soon("the line of the process", line).await.unwrap();
        let line = line.trim();
        let rest = line.strip_prefix(r#"{"kind":"listening","role":"worker","grpc":""#);
        let rest = rest.unwrap_or_else(|| panic!("{line}")).strip_suffix(r#""}"#).unwrap();
        let (grpc, http) = rest.split_once(r#"","http":""#).unwrap();
        let (grpc, http) = (grpc.parse().unwrap(), http.parse().unwrap());
        Self { child: Some(child), grpc, http }
    }

    pub(super) fn terminate(&self) {
        let child = self.child.as_ref().unwrap();
        let pid = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    pub(super) async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let waits = spawn_blocking(move || child.wait().unwrap());
        match tokio::time::timeout(super::LONG, waits).await {
            Ok(status) => status.unwrap(),
            Err(_) => {
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
                panic!("the process did not end");
            }
        }
    }

    /// Asks for a page, and returns its status and text.
    pub(super) async fn get(&self, path: &str) -> (u16, String) {
        let (http, path) = (self.http, path.to_owned());
        let answer = spawn_blocking(move || {
            let mut stream = TcpStream::connect(http).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        let answer = soon("a page", answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    /// Returns the value of a series.
    pub(super) async fn metric(&self, series: &str) -> f64 {
        let (status, text) = self.get("/metrics").await;
        assert_eq!(status, 200);
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
