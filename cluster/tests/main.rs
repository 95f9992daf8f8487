//! What needs a process of its own: telemetry and signals are of the whole process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cluster::grpc::{self, GrpcConfig, GrpcCounts, GrpcServer};
use cluster::http::{self, HttpConfig};
use cluster::metrics::ProcessMetrics;
use cluster::process::{self, Doors, Failure, Process, ProcessArgs};
use cluster::readiness::Readiness;
use cluster::shutdown::{ShutdownCause, ShutdownConfig};
use cluster::telemetry::TelemetryConfig;
use rustix::process::{Signal, getpid, kill_process};

/// Returns the first line of the answer to a probe.
fn probe(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the process listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
        .expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer.lines().next().unwrap_or_default().to_owned()
}

/// A process that is told to end while it serves, looks at its own probes as it drains, and ends.
async fn serve_until_signalled(process: Process) -> Result<(), Failure> {
    let (counts, readiness) = (GrpcCounts::default(), Readiness::new("starting"));
    let grpc = GrpcServer::new(&GrpcConfig::default(), &counts, &readiness);
    let grpc = grpc.bind("127.0.0.1:0").await?;
    let sources: cluster::metrics::Sources = vec![Arc::new(counts), Arc::new(ProcessMetrics)];
    let http = http::bind("127.0.0.1:0", &HttpConfig::default(), &readiness, sources)?;
    let doors = Doors { grpc, http };
    doors.announce("test")?;
    let (grpc, http) = (doors.grpc.address(), doors.http.address());
    readiness.ready();

    let probes = tokio::task::spawn_blocking(move || {
        let ready = probe(http, "/readyz");
        kill_process(getpid(), Signal::TERM).expect("a process may signal itself");
        ready
    });
    let token = process.shutdown.clone();
    let drained = async move {
        assert_eq!(token.cause(), Some(ShutdownCause::Terminate));
        let probes =
            tokio::task::spawn_blocking(move || (probe(http, "/readyz"), probe(http, "/livez")));
        let (ready, live) = probes.await.expect("probes are answered while it drains");
        assert_eq!(ready, "HTTP/1.1 503 Service Unavailable");
        assert_eq!(live, "HTTP/1.1 200 OK");
        assert!(
            grpc::connect(&grpc.to_string(), &GrpcConfig::default(), &GrpcCounts::default())
                .is_ok()
        );
    };
    doors.serve(&process.shutdown, &ShutdownConfig::default(), drained).await?;
    assert_eq!(probes.await.expect("the first probe was answered"), "HTTP/1.1 200 OK");
    assert!(process.clock.now() < Duration::from_secs(8), "it did not wait for its timeouts");
    Err(Failure::start("so that it is seen to come through", "here", "nothing"))
}

#[test]
fn a_process_serves_until_it_is_signalled_drains_and_says_how_it_ended() {
    let threads = NonZeroU32::new(2).expect("2 is not zero");

    let ended = process::run(
        "test",
        &ProcessArgs::default(),
        (&TelemetryConfig::default(), threads),
        serve_until_signalled,
    );

    let failure = ended.expect_err("the work ends in a failure");
    assert_eq!(failure.what, "so that it is seen to come through");
}
