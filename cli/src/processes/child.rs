//! One process that was started here.

use super::{
    Role, logs,
    numbers::{Numbers, count_of},
};
use crate::failure::Failure;
use cluster::clock::SharedClock;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use std::{
    cell::Cell,
    fs::File,
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

/// Pause between two looks whether a process ended.
const LOOK_PAUSE: Duration = Duration::from_millis(2);

/// Why a process does not run any more, or not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Running,
    /// Stopped by a signal; it goes on by another.
    Paused,
    /// Killed here.
    Killed,
}

/// A process that listens. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Owned,
    grpc: SocketAddr,
    http: SocketAddr,
    condition: Condition,
    /// What it said last of what it spent.
    numbers: Cell<Numbers>,
}

/// A process that was started and has not said where it listens.
#[derive(Debug)]
pub(super) struct Starting {
    child: Owned,
    line: Receiver<String>,
}

/// The system's process; killed when dropped.
#[derive(Debug)]
struct Owned {
    role: Role,
    name: String,
    child: Child,
    /// Held open: the process ends when it is closed.
    _stdin: Option<ChildStdin>,
    log: PathBuf,
}

/// The line that a process prints when it listens.
#[derive(Deserialize)]
struct Listening {
    role: String,
    grpc: SocketAddr,
    http: SocketAddr,
}

impl Starting {
    /// Starts a program; its log goes to a file.
    pub(super) fn spawn(
        role: Role,
        name: &str,
        mut command: Command,
        log: PathBuf,
    ) -> Result<Self, Failure> {
        let at = command.get_program().to_string_lossy().into_owned();
        let failed = |error: &io::Error| {
            let try_next = "check that the program can be executed and that /tmp is not full";
            Failure::cluster(error, &at, try_next)
        };
        let file =
            File::options().append(true).create(true).open(&log).map_err(|error| failed(&error))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let child = Owned { role, name: name.to_owned(), child, _stdin: stdin, log };
        let (heard, line) = sync_channel(1);
        let listen = move || {
            let mut lines = stdout.into_iter().flat_map(|out| BufReader::new(out).lines());
            if let Some(Ok(first)) = lines.next() {
                // Nobody who waits any more is not interested.
                let _ = heard.send(first);
            }
            // What it says beside is read, so that it is never held up.
            lines.map_while(Result::ok).for_each(drop);
        };
        thread::Builder::new()
            .name("process-out".to_owned())
            .spawn(listen)
            .map_err(|error| failed(&error))?;
        Ok(Self { child, line })
    }

    /// Waits until the process says where it listens.
    pub(super) fn listening(mut self, timeout: Duration) -> Result<Process, Failure> {
        let line = match self.line.recv_timeout(timeout) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                return Err(self.child.failure("it did not listen in time"));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let ended = self.child.child.wait();
                let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                return Err(self.child.failure(&format!("it ended before it listened, {how}")));
            }
        };
        match serde_json::from_str::<Listening>(&line) {
            Ok(Listening { role, grpc, http }) if role == self.child.role.table() => Ok(Process {
                child: self.child,
                grpc,
                http,
                condition: Condition::Running,
                numbers: Cell::default(),
            }),
            _ => {
                Err(self.child.failure(&format!("its first line is not what was expected: {line}")))
            }
        }
    }
}

impl Process {
    /// Returns what it is.
    pub const fn role(&self) -> Role {
        self.child.role
    }

    /// Returns the name that it has among the members.
    pub fn name(&self) -> &str {
        &self.child.name
    }

    /// Returns the system's id of the process.
    pub fn id(&self) -> u32 {
        self.child.child.id()
    }

    /// Returns where it takes calls.
    pub fn url(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// Returns where it listens for gRPC.
    pub const fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// Returns where it shows its pages.
    pub const fn http(&self) -> SocketAddr {
        self.http
    }

    /// Returns its log.
    pub fn log(&self) -> &Path {
        &self.child.log
    }

    /// Tells whether it has not ended; a paused one counts.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.child.try_wait(), Ok(None))
    }

    /// Ends it at once, as a crash would (SIGKILL), and waits for that.
    pub fn kill(&mut self) {
        self.condition = Condition::Killed;
        self.child.end();
    }

    /// Holds it (SIGSTOP): its connections stay, and nothing moves.
    pub fn pause(&mut self) {
        self.condition = Condition::Paused;
        self.signal(Signal::STOP);
    }

    /// Lets a paused one go on (SIGCONT).
    pub fn resume(&mut self) {
        self.signal(Signal::CONT);
        self.condition = Condition::Running;
    }

    /// Asks it to end (SIGTERM); it drains before. A paused one goes on for that.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
        if self.condition == Condition::Paused {
            self.resume();
        }
    }

    /// Returns what it spent so far; what it said last, if it does not answer now.
    pub fn numbers(&self) -> Numbers {
        if self.condition == Condition::Running
            && let Ok(numbers) = Numbers::of(self.http)
        {
            self.numbers.set(numbers);
        }
        self.numbers.get()
    }

    /// Returns a count on its page `/metrics`: of one series with its labels, or the sum of all that
    /// have the name.
    ///
    /// # Errors
    /// If it does not answer, or has no such series.
    pub fn count_of(&self, series: &str) -> io::Result<u64> {
        count_of(self.http, series)
    }

    /// Waits until it ended; nothing if it did not in time.
    pub fn wait(&mut self, clock: &SharedClock, deadline: Duration) -> Option<ExitStatus> {
        loop {
            if let Ok(Some(status)) = self.child.child.try_wait() {
                return Some(status);
            }
            if clock.now() >= deadline {
                return None;
            }
            thread::sleep(LOOK_PAUSE);
        }
    }

    /// Waits until it ended, and checks that it did as it should; one that was killed here did.
    pub(super) fn ended_well(
        &mut self,
        clock: &SharedClock,
        deadline: Duration,
    ) -> Result<(), Failure> {
        if self.condition == Condition::Killed {
            return Ok(());
        }
        match self.wait(clock, deadline) {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.failure(&format!("it ended with {status}"))),
            None => Err(self.failure("it did not end in time")),
        }
    }

    /// Makes a failure of this process, with what it said last.
    pub(super) fn failure(&self, what: &str) -> Failure {
        self.child.failure(what)
    }

    fn signal(&mut self, signal: Signal) {
        if !self.is_running() {
            return;
        }
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            // It may end between the look and this: it is not reaped, so its id is nobody else's.
            let _ = kill_process(id, signal);
        }
    }
}

impl Owned {
    fn failure(&self, what: &str) -> Failure {
        let said = logs::last_line(&self.log).ok().flatten();
        let said = said.map_or_else(String::new, |line| format!("; it said last: {line}"));
        Failure::cluster(
            format!("{} ({}): {what}{said}", self.role.program(), self.name),
            format!("its log {}", self.log.display()),
            "read its log, and those beside it",
        )
    }

    fn end(&mut self) {
        // Of one that ended before there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::clock::SystemClock;

    const LIMIT: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> (tempfile::TempDir, Result<Process, Failure>) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let log = folder.path().join("log");
        let starting = Starting::spawn(Role::Worker, "worker-0", command, log).unwrap();
        (folder, starting.listening(LIMIT))
    }

    const LISTENING: &str =
        r#"echo '{"kind":"listening","role":"worker","grpc":"127.0.0.1:7","http":"127.0.0.1:9"}'"#;

    #[test]
    fn a_process_is_where_its_line_says_and_ends_when_its_standard_input_is_closed() {
        let (_folder, process) = shell(&format!("{LISTENING}; cat; exit 0"));
        let mut process = process.unwrap();
        let clock = SystemClock::shared();
        let deadline = clock.now() + LIMIT;

        assert_eq!((process.url().as_str(), process.http().port()), ("http://127.0.0.1:7", 9));
        assert!(process.is_running());
        drop(process.child._stdin.take());
        process.ended_well(&clock, deadline).unwrap();
    }

    #[test]
    fn one_that_ends_before_it_listens_is_a_failure_with_its_last_words() {
        let (folder, process) = shell("echo 'error: the port is taken' >&2; exit 4");

        let failure = process.unwrap_err();

        assert!(failure.what.contains("exit status: 4"), "{failure}");
        assert!(failure.what.ends_with("it said last: error: the port is taken"), "{failure}");
        assert!(failure.at.contains(&folder.path().display().to_string()), "{failure}");
    }

    #[test]
    fn a_line_that_is_another_one_is_a_failure() {
        let (_folder, process) = shell("echo hello; cat");

        assert!(process.unwrap_err().what.contains("hello"));
    }

    #[test]
    fn a_process_that_ends_badly_is_told_from_one_that_was_killed_here() {
        let clock = SystemClock::shared();
        let deadline = clock.now() + LIMIT;
        let (_folder, bad) = shell(&format!("{LISTENING}; exit 3"));
        let (_other, killed) = shell(&format!("{LISTENING}; cat"));
        let mut killed = killed.unwrap();
        killed.pause();
        killed.kill();

        let failure = bad.unwrap().ended_well(&clock, deadline).unwrap_err();

        assert!(failure.what.contains("it ended with exit status: 3"), "{failure}");
        killed.ended_well(&clock, deadline).unwrap();
        assert!(!killed.is_running());
    }

    #[test]
    fn a_process_that_is_dropped_is_gone() {
        let (_folder, process) = shell(&format!("{LISTENING}; trap '' TERM; cat"));
        let process = process.unwrap();
        let proc = PathBuf::from(format!("/proc/{}", process.id()));
        assert!(proc.exists());

        drop(process);

        assert!(!proc.exists());
    }
}
