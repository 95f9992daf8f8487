//! Precedence, types and errors of the loader.

use std::io::Write;
use std::os::unix::ffi::OsStringExt;

use serde::Deserialize;
use tempfile::NamedTempFile;

use super::*;

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Process {
    listen: String,
    threads: std::num::NonZeroU32,
    audit: bool,
    plan: Plan,
    peers: Vec<String>,
    endpoint: Option<String>,
    dispatch: Dispatch,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Plan {
    Split,
    Whole,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Dispatch {
    #[serde(with = "humantime_serde")]
    timeout: std::time::Duration,
    queue_len_max: u16,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7411".to_owned(),
            threads: 2.try_into().unwrap(),
            audit: false,
            plan: Plan::Split,
            peers: Vec::new(),
            endpoint: None,
            dispatch: Dispatch::default(),
        }
    }
}

impl Default for Dispatch {
    fn default() -> Self {
        Self { timeout: std::time::Duration::from_secs(5), queue_len_max: 64 }
    }
}

const NO_FLAG: Option<&str> = None;

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn refused(loader: Loader) -> ConfigError {
    loader.load::<Process>().expect_err("must be refused")
}

fn assert_value_error(error: &ConfigError, key: &str, reason: &str) {
    let ConfigError::Value { key: given, reason: said, .. } = error else {
        panic!("not about a value: {error:?}")
    };
    assert_eq!(given, key);
    assert!(said.contains(reason), "`{said}` does not say `{reason}`");
}

#[test]
fn without_any_source_the_defaults_hold() {
    let loader = Loader::new().file(None).flag("threads", NO_FLAG);

    assert_eq!(loader.load::<Process>().unwrap(), Process::default());
}

#[test]
fn a_flag_beats_the_environment_that_beats_the_file_that_beats_the_default() {
    let file =
        file("listen = 'file'\nthreads = 10\n[dispatch]\nqueue_len_max = 10\ntimeout = '10s'");
    let variables = [("EVMESH_THREADS", "20"), ("EVMESH_DISPATCH__QUEUE_LEN_MAX", "20")];
    let loader = Loader::new()
        .flag("dispatch.queue_len_max", Some(30))
        .file(Some(file.path()))
        .variables(variables);

    let loaded: Process = loader.load().unwrap();

    assert_eq!(loaded.dispatch.queue_len_max, 30, "flag");
    assert_eq!(loaded.threads.get(), 20, "environment");
    assert_eq!(loaded.dispatch.timeout.as_secs(), 10, "file");
    assert_eq!(loaded.plan, Plan::Split, "default");
}

#[test]
fn text_is_read_as_what_the_field_is() {
    let loaded: Process = Loader::new()
        .variables([
            ("EVMESH_LISTEN", "7411"),
            ("EVMESH_AUDIT", "true"),
            ("EVMESH_PLAN", "whole"),
            ("EVMESH_PEERS", "a:1, b:2,"),
            ("EVMESH_ENDPOINT", "http://collector:4317"),
            ("EVMESH_DISPATCH__TIMEOUT", "250ms"),
        ])
        .load()
        .unwrap();

    assert_eq!(loaded.listen, "7411", "a text of digits stays a text");
    assert!(loaded.audit);
    assert_eq!(loaded.plan, Plan::Whole);
    assert_eq!(loaded.peers, ["a:1", "b:2"]);
    assert_eq!(loaded.endpoint.as_deref(), Some("http://collector:4317"));
    assert_eq!(loaded.dispatch.timeout.as_millis(), 250);
}

#[test]
fn the_file_gives_lists_options_and_enums() {
    let file = file("plan = 'whole'\npeers = ['a:1', 'b:2']\nendpoint = 'x'\naudit = true");

    let loaded: Process = Loader::new().file(Some(file.path())).load().unwrap();

    assert_eq!((loaded.plan, loaded.audit), (Plan::Whole, true));
    assert_eq!(loaded.peers, ["a:1", "b:2"]);
    assert_eq!(loaded.endpoint.as_deref(), Some("x"));
}

#[test]
fn an_unknown_key_is_refused_wherever_it_is_set() {
    let file = file("[dispatch]\ntime_out = '1s'");
    let error = refused(Loader::new().file(Some(file.path())));
    assert_value_error(&error, "dispatch.time_out", "unknown field");
    assert_eq!(error.at(), format!("file {}", file.path().display()));
    assert_eq!(error.hint(), "correct or remove dispatch.time_out in the file");

    let error = refused(Loader::new().variables([("EVMESH_DISPATCH__TIME_OUT", "1s")]));
    assert_value_error(&error, "dispatch.time_out", "expected `timeout` or `queue_len_max`");
    assert_eq!(error.at(), "environment variable EVMESH_DISPATCH__TIME_OUT");
    assert_eq!(error.hint(), "correct EVMESH_DISPATCH__TIME_OUT, or unset it");

    let error = refused(Loader::new().flag("dispatch.time-out", Some("1s")));
    assert_value_error(&error, "dispatch.time-out", "unknown field");
    assert_eq!(error.at(), "flag --time-out");
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_its_key_and_place() {
    for (variable, value, key, reason) in [
        ("EVMESH_THREADS", "many", "threads", "expected a whole number"),
        ("EVMESH_THREADS", "0", "threads", "nonzero"),
        ("EVMESH_DISPATCH__QUEUE_LEN_MAX", "65536", "dispatch.queue_len_max", "65535"),
        ("EVMESH_AUDIT", "yes", "audit", "true or false"),
        ("EVMESH_PLAN", "halved", "plan", "expected `split` or `whole`"),
        ("EVMESH_DISPATCH__TIMEOUT", "5", "dispatch.timeout", "expected a duration"),
        ("EVMESH_DISPATCH", "5", "dispatch", "invalid type"),
        ("EVMESH_LISTEN__PORT", "5", "listen", "invalid type: map"),
    ] {
        let error = refused(Loader::new().variables([(variable, value)]));
        assert_value_error(&error, key, reason);
        assert_eq!(error.at(), format!("environment variable {variable}"));
    }

    let file = file("[dispatch]\nqueue_len_max = -1");
    let error = refused(Loader::new().file(Some(file.path())));
    assert_value_error(&error, "dispatch.queue_len_max", "invalid value");
}

#[test]
fn a_key_that_is_a_value_here_and_a_table_there_is_refused() {
    let file = file("listen = 'x'");
    let with_table = Loader::new().file(Some(file.path())).variables([("EVMESH_LISTEN__A", "1")]);
    assert_value_error(&refused(with_table), "listen", "a value in one place and a table");

    let variables = [("EVMESH_DISPATCH__TIMEOUT", "1s"), ("EVMESH_DISPATCH", "1")];
    let with_value = Loader::new().variables(variables);
    assert_value_error(&refused(with_value), "dispatch", "EVMESH_DISPATCH__TIMEOUT");
}

#[test]
fn a_key_without_default_that_nobody_set_is_named() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its absence is of interest")]
    struct Outer {
        inner: Inner,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its absence is of interest")]
    struct Inner {
        a: u8,
        b: u8,
    }

    let error = Loader::new().variables([("EVMESH_INNER__A", "1")]).load::<Outer>().unwrap_err();

    assert_value_error(&error, "inner.b", "is not set");
    assert_eq!(error.hint(), "set inner.b in the file, or EVMESH_INNER__B in the environment");
}

#[test]
fn an_unreadable_or_broken_file_is_named() {
    let missing = Path::new("/nonexistent/evmesh.toml");
    let error = refused(Loader::new().file(Some(missing)));
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error:?}");
    assert_eq!(error.at(), "file /nonexistent/evmesh.toml");

    let broken = file("audit = true\nthreads = = 3\n");
    let error = refused(Loader::new().file(Some(broken.path())));
    assert_eq!(error.at(), format!("file {}, line 2", broken.path().display()));
}

#[test]
fn variables_of_others_are_passed_over() {
    let loader =
        Loader::new().variables([("HOME", "/root"), ("EVMESH", "1"), ("EVMESH_DATA", "/data")]);

    assert_eq!(loader.load::<Process>().unwrap(), Process::default());
}

#[test]
fn a_variable_that_is_not_unicode_is_refused_by_name() {
    let value = OsString::from_vec(vec![0x66, 0xff]);
    let error = refused(Loader::new().variables([(OsString::from("EVMESH_LISTEN"), value)]));

    assert_eq!(error.at(), "environment variable EVMESH_LISTEN");
    assert!(error.to_string().contains("not Unicode"), "{error}");
}
