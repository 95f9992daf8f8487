//! What leaves the process, and that a collector that is not there changes nothing else.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use tracing::{Dispatch, Level, dispatcher, info_span, span};

use super::*;
use crate::clock::{Clock, SystemClock};

fn config(endpoint: Option<String>) -> TelemetryConfig {
    TelemetryConfig {
        otlp_endpoint: endpoint,
        export_timeout: Duration::from_millis(300),
        export_interval: Duration::from_millis(10),
        shutdown_timeout: Duration::from_secs(2),
        ..TelemetryConfig::default()
    }
}

fn endpoint_of(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().unwrap())
}

/// Returns the log lines of one event inside a span, at level info and at level debug.
fn log_lines(format: LogFormat) -> String {
    let written = Arc::new(Mutex::new(Vec::new()));
    let config = TelemetryConfig { format, ..config(None) };
    let (subscriber, _guard) = build("test-process", &config, Log(written.clone())).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        let _job = info_span!("job", block = 17).entered();
        tracing::info!(n_slices = 4, "block planned");
        tracing::debug!("not at this level");
    });
    String::from_utf8(written.lock().unwrap().clone()).unwrap()
}

#[test]
fn log_lines_carry_the_span_with_its_fields_and_obey_the_filter() {
    let text = log_lines(LogFormat::Text);
    assert!(text.contains("INFO job{block=17}: "), "{text}");
    assert!(text.ends_with("block planned n_slices=4\n"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn json_log_lines_are_one_object_each() {
    let json = log_lines(LogFormat::Json);
    assert!(json.starts_with('{') && json.ends_with("}\n"), "{json}");
    for part in [r#""message":"block planned""#, r#""n_slices":4"#, r#""block":17"#] {
        assert!(json.contains(part), "no {part} in {json}");
    }
    assert_eq!(json.lines().count(), 1, "{json}");
}

/// A log that a test can read.
#[derive(Clone)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Opens and closes `n` spans named `job` under the telemetry of `config`; returns what shutdown says
/// and the time that all of it took.
async fn run_jobs(n: u64, config: &TelemetryConfig) -> (Result<(), TelemetryError>, Duration) {
    let clock = SystemClock::new();
    let (subscriber, guard) = build("test-process", config, io::stderr).unwrap();
    // Alive beyond the shutdown, as that of a whole process is: what is dropped flushes by itself.
    let subscriber = Dispatch::new(subscriber);
    dispatcher::with_default(&subscriber, || {
        for number in 0..n {
            info_span!("job", number).in_scope(|| tracing::debug!("not logged at level info"));
        }
    });
    let ended = guard.shutdown().await;
    (ended, clock.now())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_an_endpoint_there_is_nothing_to_flush() {
    let (ended, _) = run_jobs(3, &config(None)).await;

    assert!(ended.is_ok(), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_unreachable_collector_neither_hangs_nor_breaks_a_run() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = endpoint_of(&listener);
    drop(listener);

    let (ended, took) = run_jobs(20_000, &config(Some(endpoint.clone()))).await;

    assert!(took < Duration::from_secs(10), "took {took:?}");
    let error = ended.expect_err("nobody took the spans");
    let TelemetryError::SpansLost { endpoint: at, n_spans_lost, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*at, endpoint);
    assert!(*n_spans_lost > 0, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_collector_that_never_answers_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();

    let (ended, took) = run_jobs(3, &config(Some(endpoint_of(&listener)))).await;

    assert!(took < Duration::from_secs(10), "took {took:?}");
    assert!(matches!(ended, Err(TelemetryError::SpansLost { .. })), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_last_span_leaves_with_the_name_of_its_service() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = endpoint_of(&listener);
    let (sender, received) = mpsc::channel();
    thread::spawn(move || sender.send(bytes_until(&listener, b"last-job")));

    let config =
        TelemetryConfig { export_interval: Duration::from_secs(3_600), ..config(Some(endpoint)) };
    let (subscriber, guard) = build("test-process", &config, io::stderr).unwrap();
    let subscriber = Dispatch::new(subscriber);
    dispatcher::with_default(&subscriber, || {
        span!(target: "h2::client", Level::INFO, "own-span-of-the-export").in_scope(|| {});
        info_span!("last-job").in_scope(|| {});
    });
    // The collector of this test reads and never answers, so that the export ends with an error.
    let _ = guard.shutdown().await;

    let received = received.recv_timeout(Duration::from_secs(10)).expect("the span did not leave");
    assert!(contains(&received, b"test-process"), "no service name");
    assert!(!contains(&received, b"own-span-of-the-export"), "the export traced itself");
}

#[test]
fn an_endpoint_without_a_runtime_is_refused() {
    let refused =
        build("test-process", &config(Some("http://127.0.0.1:4317".to_owned())), io::stderr);

    assert!(matches!(refused.map(|_| ()), Err(TelemetryError::NoRuntime)));
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused_by_name() {
    let bad_filter = TelemetryConfig { filter: "worker=loud".to_owned(), ..config(None) };
    let refused = build("test-process", &bad_filter, io::stderr).map(|_| ()).unwrap_err();
    assert!(refused.to_string().starts_with("telemetry.filter `worker=loud`"), "{refused}");

    for endpoint in ["https://127.0.0.1:4317", "not an address"] {
        let refused =
            build("test-process", &config(Some(endpoint.to_owned())), io::stderr).map(|_| ());
        let refused = refused.unwrap_err().to_string();
        assert!(refused.starts_with(&format!("telemetry.otlp_endpoint `{endpoint}`")), "{refused}");
    }
}

#[tokio::test]
async fn telemetry_starts_once_in_a_process() {
    // Silent: what this test starts stays for every other test of the process.
    let silent = TelemetryConfig { filter: "off".to_owned(), ..config(None) };
    let first = init("test-process", &silent).unwrap();

    assert!(matches!(init("test-process", &silent), Err(TelemetryError::AlreadyRunning)));
    first.shutdown().await.unwrap();
}

/// Accepts one connection and reads until `wanted` has come, or the other side is gone.
fn bytes_until(listener: &TcpListener, wanted: &[u8]) -> Vec<u8> {
    let (mut connection, _) = listener.accept().unwrap();
    let (mut received, mut part) = (Vec::new(), [0; 4096]);
    while !contains(&received, wanted) {
        let n = connection.read(&mut part).unwrap();
        assert!(n > 0, "the connection ended before the span came");
        received.extend_from_slice(&part[..n]);
    }
    received
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
