//! An etcd of a test's own: one process on ports of the system, its data in a folder that goes with it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tempfile::TempDir;

/// Longest wait for an etcd to answer, on a machine that is busy with other tests.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How often to look for other ports when somebody took one meanwhile.
const START_TRIES: u32 = 5;

/// What an etcd logs when it answers clients.
const ANSWERS: &str = "serving client traffic insecurely";

/// A running etcd, killed when it is dropped.
#[derive(Debug)]
pub struct TestEtcd {
    folder: TempDir,
    client_port: u16,
    peer_port: u16,
    process: Option<Child>,
}

impl TestEtcd {
    /// Starts an etcd and waits until it answers.
    ///
    /// # Panics
    /// If there is no etcd on this machine, or it does not start.
    #[must_use]
    pub fn start() -> Self {
        let mut said = String::new();
        for _ in 0..START_TRIES {
            let [client_port, peer_port] = free_ports();
            let folder = tempfile::tempdir().expect("a folder for temporary files");
            let mut etcd = Self { folder, client_port, peer_port, process: None };
            match etcd.run() {
                Ok(()) => return etcd,
                Err(log) => said = log,
            }
        }
        panic!("etcd does not start:\n{said}");
    }

    /// Returns the address at which clients reach it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.client_port)
    }

    /// Kills it, as a failing machine does. Its data stays.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("etcd runs");
        process.kill().expect("a process of ours can be killed");
        process.wait().expect("a process that was killed ends");
    }

    /// Starts it again after [`TestEtcd::kill`], on the same ports and data.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "etcd still runs");
        if let Err(log) = self.run() {
            panic!("etcd does not start again:\n{log}");
        }
    }

    /// Stops it without ending it: its connections stay and nothing is answered.
    ///
    /// # Panics
    /// If it does not run.
    pub fn pause(&self) {
        let process = self.signal(Signal::STOP);
        // The signal alone stops its threads some time later, and until then they answer.
        let stopped = waitpid(Some(process), WaitOptions::UNTRACED).expect("it is our child");
        assert!(stopped.is_some_and(|(_, status)| status.stopped()), "etcd ended: {stopped:?}");
    }

    /// Lets it go on after [`TestEtcd::pause`].
    ///
    /// # Panics
    /// If it does not run.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) -> Pid {
        let process = Pid::from_child(self.process.as_ref().expect("etcd runs"));
        kill_process(process, signal).expect("a process of ours takes signals");
        process
    }

    /// Starts the process and waits until it answers; else returns what it said.
    fn run(&mut self) -> Result<(), String> {
        let (client, peer) = (self.url(), format!("http://127.0.0.1:{}", self.peer_port));
        let mut command = Command::new("etcd");
        command
            .args(["--name", "test", "--logger", "zap", "--log-level", "info"])
            .arg("--data-dir")
            .arg(self.folder.path())
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("test={peer}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| {
            assert_ne!(
                error.kind(),
                ErrorKind::NotFound,
                "tests need a real etcd: install Debian's package etcd-server (scripts/setup.sh develop)"
            );
            panic!("etcd cannot be run: {error}");
        });
        let stderr = process.stderr.take().expect("standard error is piped");
        match wait_until_it_answers(stderr) {
            Ok(()) => {
                self.process = Some(process);
                Ok(())
            }
            Err(log) => {
                let _ = process.kill();
                let _ = process.wait();
                Err(log)
            }
        }
    }
}

impl Drop for TestEtcd {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Reads the log until etcd answers, and on in a thread of its own: a pipe that nobody empties stops
/// who writes.
fn wait_until_it_answers(stderr: ChildStderr) -> Result<(), String> {
    let (sender, lines) = mpsc::sync_channel(1_024);
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            // Lines after the one that was waited for are of no use to anybody.
            let _ = sender.try_send(line);
        }
    });
    let mut log = String::new();
    loop {
        match lines.recv_timeout(START_TIMEOUT) {
            Ok(line) if line.contains(ANSWERS) => return Ok(()),
            Ok(line) => writeln!(log, "{line}").expect("text can be added to"),
            Err(RecvTimeoutError::Timeout) => panic!("etcd does not answer:\n{log}"),
            Err(RecvTimeoutError::Disconnected) => return Err(log),
        }
    }
}

/// Asks the system for ports that are free now.
fn free_ports<const N: usize>() -> [u16; N] {
    // Held together, or the same port would come twice.
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    held.map(|listener| listener.local_addr().expect("it listens").port())
}
