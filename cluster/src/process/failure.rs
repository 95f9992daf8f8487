//! A process that could not do its work: what happened, where, and what to try.

use std::fmt;

use crate::config::ConfigError;
use crate::grpc::GrpcError;
use crate::http::HttpError;
use crate::members::MembersError;
use crate::telemetry::TelemetryError;

/// The code of a process whose settings cannot be used.
const WRONG_SETTINGS: u8 = 2;

/// The code of a process that cannot start or go on for another reason.
const CANNOT_RUN: u8 = 4;

/// Why a process ends without doing its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The code that the process ends with: 2 for wrong settings, else 4.
    pub exit: u8,
    /// What happened.
    pub what: String,
    /// Setting, file or address.
    pub at: String,
    /// The next step.
    pub try_next: String,
}

impl Failure {
    /// A setting that cannot be used.
    pub fn settings(what: impl ToString, at: impl ToString, try_next: impl ToString) -> Self {
        Self::new(WRONG_SETTINGS, what, at, try_next)
    }

    /// A process that cannot start, or cannot go on.
    pub fn start(what: impl ToString, at: impl ToString, try_next: impl ToString) -> Self {
        Self::new(CANNOT_RUN, what, at, try_next)
    }

    fn new(exit: u8, what: impl ToString, at: impl ToString, try_next: impl ToString) -> Self {
        let (what, at, try_next) = (what.to_string(), at.to_string(), try_next.to_string());
        Self { exit, what, at, try_next }
    }
}

/// The three lines that go to standard error.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(f, "error: {}", line(&self.what))?;
        writeln!(f, "at: {}", line(&self.at))?;
        write!(f, "try: {}", line(&self.try_next))
    }
}

impl std::error::Error for Failure {}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::settings(&error, error.at(), error.hint())
    }
}

impl From<TelemetryError> for Failure {
    fn from(error: TelemetryError) -> Self {
        Self::settings(error, "--log and --otlp, or the settings below `telemetry`", "correct it")
    }
}

impl From<GrpcError> for Failure {
    fn from(error: GrpcError) -> Self {
        match &error {
            GrpcError::Url { url, .. } => {
                let form = "give it as HOST:PORT or http://HOST:PORT";
                Self::settings(&error, format!("address `{url}`"), form)
            }
            GrpcError::Window { key, .. } => Self::settings(&error, key, "choose one in between"),
            GrpcError::Listen { address, .. } => cannot_listen(&error, address, "--listen"),
            GrpcError::Descriptors { .. } | GrpcError::Ended { .. } => {
                Self::start(&error, "the gRPC server", "report what it says above")
            }
        }
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        match &error {
            HttpError::Listen { address, .. } => cannot_listen(&error, address, "--http"),
            HttpError::Ended { .. } => {
                Self::start(&error, "the HTTP server", "report what it says above")
            }
        }
    }
}

impl From<MembersError> for Failure {
    fn from(error: MembersError) -> Self {
        match &error {
            MembersError::Setting { key, .. } => Self::settings(&error, key, "correct it"),
            MembersError::Value { key, .. } => {
                Self::start(&error, format!("etcd, key {key}"), "remove the key, or use --cluster")
            }
            MembersError::Store { .. } | MembersError::Silent { .. } => {
                Self::start(&error, "etcd", "check that etcd runs at the addresses of --etcd")
            }
        }
    }
}

fn cannot_listen(error: impl ToString, address: &str, flag: &str) -> Failure {
    Failure::start(error, address, format!("free the address, or choose another with {flag}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_three_lines_whatever_its_parts_hold() {
        let failure = Failure::start("two\nlines", "127.0.0.1:7410", "look at\nthe port");

        assert_eq!(
            failure.to_string(),
            "error: two lines\nat: 127.0.0.1:7410\ntry: look at the port"
        );
    }

    #[test]
    fn wrong_settings_end_in_2_and_an_address_that_is_taken_in_4() {
        let setting = MembersError::Setting { key: "members.cluster", reason: "empty".to_owned() };
        assert_eq!(Failure::from(setting).exit, 2);
        let reason = std::io::ErrorKind::AddrInUse.into();
        let taken = GrpcError::Listen { address: "127.0.0.1:7410".to_owned(), reason };
        assert_eq!(Failure::from(taken).exit, 4);
    }
}
