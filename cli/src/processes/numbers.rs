//! What processes say of themselves on `/metrics`: CPU time and bytes on the wire.

use std::{
    io::{self, Read, Write},
    iter::Sum,
    net::{SocketAddr, TcpStream},
    ops::Add,
    time::Duration,
};

/// Longest wait for a page of a process on this machine.
const PAGE_TIMEOUT: Duration = Duration::from_millis(500);

const CPU: &str = "evmesh_process_cpu_seconds_total";
const BYTES: &str = "evmesh_grpc_bytes_total";

/// What a process, or several, spent since they began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// CPU time of the whole process.
    pub cpu: Duration,
    /// Bytes of gRPC bodies, received and sent.
    pub bytes: u64,
}

/// What the processes of each role spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoleNumbers {
    /// The coordinator.
    pub coordinator: Numbers,
    /// All workers.
    pub workers: Numbers,
    /// All state shards.
    pub state: Numbers,
}

impl RoleNumbers {
    /// Returns the bytes that the processes sent each other, if `client` is what whoever calls the
    /// coordinator received and sent: every other byte was counted at both its ends.
    pub const fn bytes_between(&self, client: u64) -> u64 {
        let counted = self.coordinator.bytes + self.workers.bytes + self.state.bytes;
        counted.saturating_sub(client) / 2
    }
}

impl Add for Numbers {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, bytes: self.bytes + other.bytes }
    }
}

impl Sum for Numbers {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl Numbers {
    /// Asks a process.
    pub(super) fn of(http: SocketAddr) -> io::Result<Self> {
        let (_, text) = page(http, "/metrics")?;
        Self::parse(&text).ok_or_else(|| io::Error::other("a series is missing"))
    }

    fn parse(text: &str) -> Option<Self> {
        let cpu = Duration::try_from_secs_f64(sum(text, CPU)?).ok()?;
        Some(Self { cpu, bytes: count(text, BYTES)? })
    }
}

/// Returns a count on the page of a process's numbers.
pub(super) fn count_of(http: SocketAddr, series: &str) -> io::Result<u64> {
    let (_, text) = page(http, "/metrics")?;
    count(&text, series).ok_or_else(|| io::Error::other(format!("{series} is missing")))
}

/// Returns a count: of one series with its labels, or the sum of all that have the name.
fn count(text: &str, series: &str) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count that Prometheus writes as a float"
    )]
    sum(text, series).map(|sum| sum.max(0.0) as u64)
}

fn sum(text: &str, series: &str) -> Option<f64> {
    let value = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
    let is_series =
        |line: &&str| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let values: Vec<_> = text.lines().filter(is_series).filter_map(value).collect();
    (!values.is_empty()).then(|| values.into_iter().sum())
}

/// Gets a page of a process: its status and its text.
pub(super) fn page(http: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&http, PAGE_TIMEOUT)?;
    stream.set_read_timeout(Some(PAGE_TIMEOUT))?;
    stream.set_write_timeout(Some(PAGE_TIMEOUT))?;
    // Before 1.1 an answer is never in chunks. In one write: a server that answers the first piece
    // and closes would break the pipe under the next.
    let request = format!("GET {path} HTTP/1.0\r\nhost: {http}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("the answer is not HTTP"))?;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{BufRead, BufReader},
        net::TcpListener,
    };

    const TEXT: &str = "\
# HELP evmesh_grpc_bytes_total Bytes.
evmesh_grpc_bytes_total{direction=\"in\"} 1200
evmesh_grpc_bytes_total{direction=\"out\"} 34
evmesh_grpc_bytes_total_of_another 9
evmesh_process_cpu_seconds_total 1.25
";

    #[test]
    fn series_are_added_up_and_none_is_taken_for_another() {
        let numbers = Numbers::parse(TEXT).unwrap();

        assert_eq!(numbers, Numbers { cpu: Duration::from_millis(1_250), bytes: 1_234 });
        assert_eq!(Numbers::parse("evmesh_process_cpu_seconds_total 1"), None);
        assert_eq!(count(TEXT, "evmesh_grpc_bytes_total{direction=\"out\"}"), Some(34));
    }

    #[test]
    fn bytes_between_processes_are_those_that_both_ends_counted() {
        let of = |bytes| Numbers { cpu: Duration::ZERO, bytes };
        // 100 between client and coordinator, 30 to a worker, 7 to the state.
        let all = RoleNumbers { coordinator: of(100 + 30 + 2), workers: of(30 + 5), state: of(7) };

        assert_eq!(all.bytes_between(100), 37);
    }

    /// Reads a request to the empty line at its end, in however many pieces it comes.
    fn head_of(stream: &TcpStream) -> String {
        let lines = BufReader::new(stream).lines().map(Result::unwrap);
        lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_page_is_fetched_over_a_connection_of_its_own() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let http = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let head = head_of(&stream);
            write!(stream, "HTTP/1.0 200 OK\r\nx: y\r\n\r\n{TEXT}").unwrap();
            head
        });

        assert_eq!(Numbers::of(http).unwrap().bytes, 1_234);
        assert!(server.join().unwrap().starts_with("GET /metrics HTTP/1.0\n"));
        assert!(Numbers::of(http).is_err(), "nobody listens any more");
    }
}
