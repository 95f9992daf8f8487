//! How a process is told to end: one token, cancelled by a signal or by code, awaited by everybody.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

/// Why a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownCause {
    /// SIGINT: somebody pressed Ctrl-C.
    Interrupt,
    /// SIGTERM: the system wants the process to end.
    Terminate,
    /// The process decided itself.
    Requested,
}

/// How long a process may take to end; the table `shutdown`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShutdownConfig {
    /// Longest wait for work that has begun.
    #[serde(with = "humantime_serde")]
    pub drain_timeout: Duration,
    /// Longest wait for connections to close after that; the rest is cut.
    #[serde(with = "humantime_serde")]
    pub close_timeout: Duration,
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self { drain_timeout: Duration::from_secs(10), close_timeout: Duration::from_secs(1) }
    }
}

/// A cloneable token that is cancelled once, with a cause, and never uncancelled.
#[derive(Clone, Debug)]
pub struct ShutdownToken {
    cause: Arc<watch::Sender<Option<ShutdownCause>>>,
}

impl ShutdownToken {
    /// Makes a token that nobody has cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self { cause: Arc::new(watch::Sender::new(None)) }
    }

    /// Cancels the token. The first cause stays.
    pub fn cancel(&self, cause: ShutdownCause) {
        self.cause.send_if_modified(|present| {
            let first = present.is_none();
            if first {
                *present = Some(cause);
            }
            first
        });
    }

    /// Returns why the token was cancelled, or `None` while it is not.
    #[must_use]
    pub fn cause(&self) -> Option<ShutdownCause> {
        *self.cause.borrow()
    }

    /// Says whether the token was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cause().is_some()
    }

    /// Waits until the token is cancelled and returns why; at once if it was before.
    pub async fn cancelled(&self) -> ShutdownCause {
        let mut changes = self.cause.subscribe();
        let cause = changes.wait_for(Option::is_some).await;
        cause.expect("the token holds the sender").expect("waited for a cause")
    }

    /// Cancels the token at the first SIGINT or SIGTERM. From here on the process does not end by
    /// these signals alone. Needs a tokio runtime.
    ///
    /// # Errors
    /// If the system refuses a signal handler.
    pub fn cancel_on_signals(&self) -> io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let token = self.clone();
        tokio::spawn(async move {
            let cause = tokio::select! {
                _ = interrupt.recv() => ShutdownCause::Interrupt,
                _ = terminate.recv() => ShutdownCause::Terminate,
            };
            info!(?cause, "shutting down");
            token.cancel(cause);
        });
        Ok(())
    }

    /// Cancels the token when `pipe` ends. A launcher holds the other end of a process's standard
    /// input, so that what it started ends with it, even if it is killed.
    ///
    /// # Errors
    /// If the system gives no thread to read on.
    pub fn cancel_when_closed(&self, mut pipe: impl io::Read + Send + 'static) -> io::Result<()> {
        let token = self.clone();
        let watch = move || {
            // What cannot be read any more counts as closed.
            let _ = io::copy(&mut pipe, &mut io::sink());
            info!("standard input was closed, shutting down");
            token.cancel(ShutdownCause::Requested);
        };
        thread::Builder::new().name("stdin-watch".to_owned()).spawn(watch).map(drop)
    }
}

impl Default for ShutdownToken {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::config::page;

    #[test]
    fn the_page_on_configuration_lists_every_key_with_its_default() {
        page::assert_lists::<ShutdownConfig>("shutdown");
    }

    #[tokio::test]
    async fn every_waiter_learns_the_first_cause() {
        let token = ShutdownToken::new();
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let token = token.clone();
                tokio::spawn(async move { token.cancelled().await })
            })
            .collect();
        assert!(!token.is_cancelled());

        token.cancel(ShutdownCause::Requested);
        token.cancel(ShutdownCause::Terminate);

        for waiter in waiters {
            assert_eq!(waiter.await.unwrap(), ShutdownCause::Requested);
        }
        assert_eq!(token.cancelled().await, ShutdownCause::Requested, "late waiters too");
    }

    #[tokio::test]
    async fn a_pipe_cancels_the_token_when_its_other_end_is_closed_and_not_before() {
        let (reader, mut writer) = io::pipe().unwrap();
        let token = ShutdownToken::new();
        token.cancel_when_closed(reader).unwrap();

        io::Write::write_all(&mut writer, b"what is written does not count").unwrap();
        assert!(!token.is_cancelled());
        drop(writer);

        assert_eq!(token.cancelled().await, ShutdownCause::Requested);
    }

    #[tokio::test]
    async fn signals_cancel_the_token_and_the_process_lives_on() {
        for (name, cause) in [("INT", ShutdownCause::Interrupt), ("TERM", ShutdownCause::Terminate)]
        {
            let token = ShutdownToken::new();
            token.cancel_on_signals().unwrap();

            // The shell's own kill: a `kill` program is not on every machine.
            let kill = format!("kill -{name} {}", std::process::id());
            assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());

            assert_eq!(token.cancelled().await, cause);
        }
    }
}
