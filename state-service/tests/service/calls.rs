//! Calls over gRPC to the real program.

use crate::{
    program::{BOUND, Program},
    suite,
    values::{GENESIS, genesis, job},
};
use cluster::{
    clock::{Clock, SystemClock},
    grpc::{GrpcConfig, GrpcCounts, Link, connect},
};
use engine::ids::{BootId, SnapshotId};
use futures::StreamExt;
use proto::{
    client::{Deadlines, MessageLimits, StateClient},
    state::{ReadRequest, StateService},
    status::Code,
};
use state_service::{StateShard, config::StateConfig};
use std::{net::SocketAddr, time::Duration};

fn client(program: &Program) -> StateClient<Link> {
    client_of(program.grpc)
}

pub(crate) fn client_of(address: SocketAddr) -> StateClient<Link> {
    let link = connect(&address.to_string(), &GrpcConfig::default(), &GrpcCounts::default());
    let deadlines = Deadlines {
        control: BOUND,
        read: Duration::from_millis(300),
        stage: BOUND,
        seal: BOUND,
        commit: BOUND,
        load: BOUND,
        block: BOUND,
    };
    // Pieces so small that every load takes several.
    let limits = MessageLimits { message_bytes_max: 1 << 20, piece_bytes_max: 64 };
    StateClient::new(link.unwrap(), deadlines, limits)
}

/// Runs a test on an actix system with threads for calls.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    };
    actix::System::with_tokio_rt(runtime).block_on(test)
}

#[test]
fn the_program_answers_over_grpc_what_the_handle_in_process_answers() {
    run(async {
        let config = StateConfig::default();
        let here = StateShard::new(BootId::new(1), config).start().unwrap();
        let program = Program::start(&[]);

        let expected = suite::run(&here).await;
        let answered = suite::run(&client(&program)).await;

        assert!(expected.len() > 30, "{expected:#?}");
        for (answered, expected) in answered.iter().zip(&expected) {
            assert_eq!(answered, expected);
        }
        assert_eq!(answered.len(), expected.len());
        let (_, numbers) = program.page("/metrics");
        for series in [
            "evmesh_state_seals_total{outcome=\"sealed\"} 4",
            "evmesh_state_seals_total{outcome=\"differs\"} 2",
            "evmesh_state_refused_total{reason=\"invalid_argument\"} 1",
        ] {
            assert!(numbers.contains(series), "{series}:\n{numbers}");
        }
    });
}

#[test]
fn a_read_that_waits_in_vain_ends_by_its_callers_deadline() {
    run(async {
        let program = Program::start(&[]);
        let state = client(&program);
        state.load_genesis(genesis()).await.unwrap();
        let waiting = ReadRequest { snapshot: SnapshotId::Job(job(1)), keys: Vec::new() };
        let late = state.read(waiting).await.unwrap_err();
        assert_eq!(late.code, Code::DeadlineExceeded, "{late}");
        assert!(state.read(ReadRequest { snapshot: GENESIS, keys: Vec::new() }).await.is_ok());
    });
}

#[test]
fn sigterm_ends_feeds_and_the_program_in_time_and_well() {
    run(async {
        let program = Program::start(&[]);
        let state = client(&program);
        let mut feed = state.feed().await.unwrap();
        feed.next().await.unwrap().unwrap();
        let clock = SystemClock::new();

        program.terminate();

        let end = tokio::time::timeout(BOUND, feed.next()).await.expect("the feed did not end");
        assert!(end.is_none_or(|message| message.is_err()));
        let ended = tokio::task::spawn_blocking(move || program.ended()).await.unwrap();
        assert!(ended.success(), "{ended}");
        // Nothing had to be waited for: neither the time to drain nor the time to close.
        assert!(clock.now() < Duration::from_secs(5), "{:?}", clock.now());
        let away = state.head().await.unwrap_err();
        assert_eq!(away.code, Code::Unavailable, "{away}");
    });
}
