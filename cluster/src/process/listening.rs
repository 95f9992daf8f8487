//! What a process says once it can be reached.

use std::io::{self, Write};
use std::net::SocketAddr;

use serde::Serialize;

/// The one line on standard output of a process that listens, for scripts that wait for it.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", rename = "listening")]
pub struct Listening<'a> {
    /// What the process is: `coordinator`, `worker` or `state`.
    pub role: &'a str,
    /// Where it listens for gRPC.
    pub grpc: SocketAddr,
    /// Where it listens for HTTP.
    pub http: SocketAddr,
}

impl Listening<'_> {
    /// Prints the line.
    ///
    /// # Errors
    /// If standard output is closed.
    pub fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", self.line())?;
        out.flush()
    }

    fn line(&self) -> String {
        serde_json::to_string(self).expect("names and addresses are JSON")
    }
}

/// Returns the name of this machine, by which others on its network find it.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_process_that_listens_is_one_object() {
        let (grpc, http) = ("127.0.0.1:40123".parse().unwrap(), "127.0.0.1:40124".parse().unwrap());
        assert_eq!(
            Listening { role: "worker", grpc, http }.line(),
            r#"{"kind":"listening","role":"worker","grpc":"127.0.0.1:40123","http":"127.0.0.1:40124"}"#
        );
    }
}
