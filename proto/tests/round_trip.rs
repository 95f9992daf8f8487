//! Every message there and back, whole and damaged.

use crate::{draw::Draw, messages::Messages};
use alloy_eips::eip2718::Encodable2718;
use engine::task::JobFrame;
use prost::Message;
use proto::{
    attach::{CoordinatorMessage, WorkerMessage},
    convert::{
        DecodeError,
        outcome_parts::{OutcomeAssembler, OutcomeParts},
        state_pieces::{ContentsPieces, StateAssembler, StatePieces},
    },
    coordinator::{BlockOutcome, BuildBlockRequest, ClusterStatus, ExecuteBlockRequest},
    state::{
        CommitRequest, ConfigureRequest, FeedMessage, Head, ReadRequest, ReadResponse, SealRequest,
        SealResponse, StageRequest,
    },
    wire::v1,
};
use std::{fmt::Debug, panic::AssertUnwindSafe, sync::Arc};

const SEEDS: u64 = 200;
/// Damaged copies of each message.
const DAMAGES: u64 = 40;

/// Sends a value over the wire and back, then damages its bytes.
fn hold<V: Debug, W: Message + Default + Clone>(
    draw: &mut Draw,
    value: V,
    to_wire: impl FnOnce(V) -> W,
    from_wire: impl Fn(W) -> Result<V, DecodeError>,
) {
    let expected = format!("{value:?}");
    let bytes = to_wire(value).encode_to_vec();
    let back = from_wire(W::decode(bytes.as_slice()).unwrap()).unwrap();
    assert_eq!(format!("{back:?}"), expected);
    for _ in 0..DAMAGES {
        let mut damaged = bytes.clone();
        if damaged.is_empty() {
            return;
        }
        let at = usize::try_from(draw.below(damaged.len() as u64)).unwrap();
        match draw.below(3) {
            0 => damaged.truncate(at),
            1 => damaged[at] ^= 1 << draw.below(8),
            _ => {
                damaged.remove(at);
            }
        }
        if let Ok(message) = W::decode(damaged.as_slice())
            && let Err(error) = from_wire(message)
        {
            assert!(!error.field.is_empty(), "{error}");
        }
    }
}

/// Runs a test for many seeds and names the one that fails.
fn for_seeds(test: impl Fn(&mut Draw)) {
    for seed in 0..SEEDS {
        let run = AssertUnwindSafe(|| test(&mut Draw::new(seed)));
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn messages_of_the_state_service_come_back_as_they_were() {
    for_seeds(|draw| {
        let value = draw.configure();
        hold(draw, value, v1::ConfigureRequest::from, ConfigureRequest::try_from);
        let value = draw.read_request();
        hold(draw, value, v1::ReadRequest::from, ReadRequest::try_from);
        let value = draw.read_response();
        hold(draw, value, v1::ReadResponse::from, ReadResponse::try_from);
        let value = draw.stage();
        hold(draw, value, v1::StageRequest::from, StageRequest::try_from);
        let value = draw.seal();
        hold(draw, value, v1::SealRequest::from, SealRequest::try_from);
        let value = draw.seal_response();
        hold(draw, value, v1::SealResponse::from, SealResponse::try_from);
        let value = draw.commit();
        hold(draw, value, v1::CommitRequest::from, CommitRequest::try_from);
        let value = draw.feed_message();
        hold(draw, value, v1::FeedResponse::from, FeedMessage::try_from);
    });
}

#[test]
fn messages_of_the_coordinator_come_back_as_they_were() {
    for_seeds(|draw| {
        let value = draw.execute_block();
        hold(draw, value, v1::ExecuteBlockRequest::from, ExecuteBlockRequest::try_from);
        let value = draw.build_block();
        hold(draw, value, v1::BuildBlockRequest::from, BuildBlockRequest::try_from);
        let value = draw.head();
        hold(draw, value, v1::SetHeadResponse::from, Head::try_from);
        hold(draw, value, v1::ShardSetHeadResponse::from, Head::try_from);
        let value = draw.cluster_status();
        hold(draw, value, v1::GetStatusResponse::from, ClusterStatus::try_from);
    });
}

#[test]
fn messages_of_a_workers_stream_come_back_as_they_were() {
    for_seeds(|draw| {
        let value = draw.worker_message();
        hold(draw, value, v1::WorkerMessage::from, WorkerMessage::try_from);
        let frame = draw.frame();
        let value = draw.coordinator_message(Arc::clone(&frame));
        hold(draw, value, v1::CoordinatorMessage::from, |wire| {
            let known = |job: &_| (*job == frame.job).then(|| Arc::clone(&frame));
            CoordinatorMessage::from_wire(wire, known)
        });
        let value = (*frame).clone();
        hold(draw, value, |frame| v1::JobFrame::from(&frame), JobFrame::try_from);
    });
}

#[test]
fn a_call_of_a_job_whose_frame_did_not_come_is_refused_by_name() {
    let mut draw = Draw::new(1);
    let frame = draw.frame();
    let task = Box::new(draw.task(frame));
    let call = draw.call(proto::attach::Request::ExecuteSlice(task));
    let wire = CoordinatorMessage::Call(call).into();
    let error = CoordinatorMessage::from_wire(wire, |_| None).unwrap_err();
    assert_eq!(error.field, "call.execute_slice.job_id");
}

#[test]
fn a_state_in_pieces_of_any_size_is_put_together_again() {
    for_seeds(|draw| {
        let state = draw.state();
        let expected = format!("{state:?}");
        let bytes_max = draw.one(&[1, 200, 500, 4_000, 1 << 20]);
        let mut assembler = StateAssembler::new(1 << 20);
        let mut n_pieces = 0;
        for piece in StatePieces::new(state, bytes_max) {
            let is_one = piece.flags.len() + piece.codes.len() == 1;
            assert!(piece.encoded_len() <= bytes_max || is_one, "{}", piece.encoded_len());
            assembler.take(piece).unwrap();
            n_pieces += 1;
        }
        assert!(n_pieces > 0);
        assert_eq!(format!("{:?}", assembler.finish().unwrap()), expected);
    });
}

#[test]
fn what_a_snapshot_is_made_from_comes_in_pieces_as_its_header_says() {
    for_seeds(|draw| {
        let contents = draw.contents();
        let (expected, header) = (format!("{contents:?}"), v1::SnapshotContents::from(&contents));
        let pieces: Vec<_> = ContentsPieces::new(contents, draw.one(&[1, 500, 1 << 20])).collect();
        let assembled = |header: &v1::SnapshotContents| {
            let mut assembler = StateAssembler::new(1 << 20);
            for piece in &pieces {
                assembler.take(piece.clone()).unwrap();
            }
            assembler.finish_contents(header)
        };

        assert_eq!(format!("{:?}", assembled(&header).unwrap()), expected);
        let unnamed = v1::SnapshotContents { kind: 0, ..header.clone() };
        assert!(["kind", "state_root"].contains(&&*assembled(&unnamed).unwrap_err().field));
        let is_witness = header.kind == v1::SnapshotKind::Witness as i32;
        let state_root = (!is_witness).then(|| vec![1; 32].into());
        let damaged = v1::SnapshotContents { state_root, ..header };
        assert_eq!(assembled(&damaged).unwrap_err().field, "state_root");
    });
}

#[test]
fn a_state_larger_than_its_bound_is_refused() {
    let mut draw = Draw::new(3);
    let state = std::iter::repeat_with(|| draw.state()).find(|state| state.accounts.len() > 2);
    let pieces: Vec<_> = StatePieces::new(state.unwrap(), 500).collect();
    let mut assembler = StateAssembler::new(pieces[0].encoded_len());
    assembler.take(pieces[0].clone()).unwrap();
    assert_eq!(assembler.take(pieces[1].clone()).unwrap_err().field, "piece");
}

#[test]
fn an_outcome_in_parts_of_any_size_is_put_together_again() {
    for_seeds(|draw| {
        let outcome = draw.block_outcome();
        let expected = format!("{outcome:?}");
        let bytes_max = draw.one(&[1, 300, 3_000, 1 << 20]);
        let mut assembler = OutcomeAssembler::default();
        for part in OutcomeParts::new(outcome, bytes_max) {
            if let Some(v1::execute_block_response::Part::Piece(piece)) = &part.part {
                let is_one = piece.receipts.len() + piece.writes.len() == 1;
                assert!(piece.encoded_len() <= bytes_max || is_one, "{}", piece.encoded_len());
            }
            assembler.take(part).unwrap();
        }
        assert_eq!(format!("{:?}", assembler.finish().unwrap()), expected);
    });
}

#[test]
fn an_outcome_whose_end_is_missing_is_no_outcome() {
    let mut draw = Draw::new(7);
    let outcome: BlockOutcome = std::iter::repeat_with(|| draw.block_outcome())
        .find(|outcome| outcome.writes.len() > 1)
        .unwrap();
    let parts: Vec<_> = OutcomeParts::new(outcome, 1).collect();
    let mut assembler = OutcomeAssembler::default();
    for part in &parts[..parts.len() - 1] {
        assembler.take(part.clone()).unwrap();
    }
    assert_eq!(assembler.finish().unwrap_err().field, "piece.writes");
}

#[test]
fn transactions_of_the_test_have_every_kind_of_envelope() {
    let mut draw = Draw::new(0);
    let mut kinds: Vec<_> = (0..50).map(|_| draw.transaction().type_flag()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, [None, Some(1), Some(2)]);
}
