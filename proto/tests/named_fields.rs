//! What is wrong with a message is said by the field's path.

use crate::{draw::Draw, messages::Messages};
use proto::{
    attach::{CoordinatorMessage, WorkerMessage},
    convert::{DecodeError, Reason},
    coordinator::{ClusterStatus, ExecuteBlockRequest},
    state::{ConfigureRequest, FeedMessage, ReadRequest, ReadResponse, SealRequest, StageRequest},
    wire::v1,
};
use std::fmt::Debug;

/// Returns the field that is named when a good message is damaged.
fn field<W, V: Debug>(
    good: impl Into<W>,
    damage: impl FnOnce(&mut W),
    from_wire: impl FnOnce(W) -> Result<V, DecodeError>,
) -> String {
    let mut wire = good.into();
    damage(&mut wire);
    from_wire(wire).unwrap_err().field
}

fn seal(damage: impl FnOnce(&mut v1::SealRequest)) -> String {
    field(Draw::new(1).seal(), damage, SealRequest::try_from)
}

#[test]
fn missing_and_short_fields_are_named() {
    assert_eq!(seal(|wire| wire.job_id = None), "job_id");
    assert_eq!(seal(|wire| wire.parent = None), "parent");
    assert_eq!(seal(|wire| wire.parent = Some(v1::SnapshotId { id: None })), "parent.id");
    let short = v1::snapshot_id::Id::BlockHash(vec![0; 33].into());
    assert_eq!(
        seal(|wire| wire.parent = Some(v1::SnapshotId { id: Some(short) })),
        "parent.block_hash"
    );
    assert_eq!(seal(|wire| wire.digest = vec![0; 31].into()), "digest");
    assert_eq!(seal(|wire| wire.order_incarnations.push(1)), "order_incarnations");
    assert_eq!(seal(|wire| wire.order_indices.push(1)), "order_incarnations");
    let writes = v1::IndexedWrites { index: 1, writes: None };
    assert_eq!(seal(|wire| wire.values = vec![writes]), "values[0].writes");
}

#[test]
fn numbers_that_stand_for_nothing_are_named_zero_among_them() {
    for number in [0, 99, -1] {
        assert_eq!(seal(|wire| wire.touch_rule = number), "touch_rule");
        assert_eq!(seal(|wire| wire.purpose = number), "purpose");
        let good = || Draw::new(1).execute_block();
        let take = ExecuteBlockRequest::try_from;
        let damage = |wire: &mut v1::ExecuteBlockRequest| wire.mode = number;
        assert_eq!(field(good(), damage, take), "mode");
        let damage = |wire: &mut v1::ExecuteBlockRequest| wire.plan = number;
        assert_eq!(field(good(), damage, take), "plan");
        let damage = |wire: &mut v1::ExecuteBlockRequest| wire.ommers = number;
        assert_eq!(field(good(), damage, take), "ommers");
        let damage = |wire: &mut v1::GetStatusResponse| wire.status.as_mut().unwrap().etcd = number;
        let take = ClusterStatus::try_from;
        assert_eq!(field(Draw::new(1).cluster_status(), damage, take), "status.etcd");
    }
}

/// Returns a stage of one account with everything an account may have.
fn full_stage() -> v1::StageRequest {
    let word = |number: u8| vec![1, number];
    let writes = v1::WriteSet {
        flags: vec![2 | 4 | 16 | 32 | 64].into(),
        addresses: vec![7; 20].into(),
        balances: word(5).into(),
        nonces: vec![3],
        code_hashes: vec![8; 32].into(),
        slot_counts: vec![1],
        slots: [word(1), word(2)].concat().into(),
        codes: vec![v1::Code { hash: vec![8; 32].into(), code: vec![0].into() }],
    };
    let staged = v1::StagedWrites { index: 1, incarnation: 2, writes: Some(writes) };
    v1::StageRequest { job_id: Some(v1::JobId { term: 1, sequence: 1 }), writes: vec![staged] }
}

#[test]
fn each_column_of_a_write_set_is_named_when_it_is_damaged() {
    StageRequest::try_from(full_stage()).unwrap();
    let named = |damage: fn(&mut v1::WriteSet)| {
        let damage = |wire: &mut v1::StageRequest| damage(wire.writes[0].writes.as_mut().unwrap());
        let path = field(full_stage(), damage, StageRequest::try_from);
        path.strip_prefix("writes[0].writes.").expect("the path leads to the set").to_owned()
    };
    assert_eq!(named(|set| set.flags = vec![128].into()), "flags");
    assert_eq!(named(|set| set.flags = vec![3].into()), "flags");
    assert_eq!(named(|set| set.flags = vec![12].into()), "flags");
    assert_eq!(named(|set| set.addresses = vec![7; 19].into()), "addresses");
    assert_eq!(named(|set| set.addresses = vec![7; 21].into()), "addresses");
    assert_eq!(named(|set| set.balances = vec![].into()), "balances");
    assert_eq!(named(|set| set.balances = vec![33].into()), "balances");
    assert_eq!(named(|set| set.balances = vec![2, 0, 1].into()), "balances");
    assert_eq!(named(|set| set.balances = vec![1, 5, 0].into()), "balances");
    assert_eq!(named(|set| set.nonces.clear()), "nonces");
    assert_eq!(named(|set| set.nonces.push(1)), "nonces");
    assert_eq!(named(|set| set.code_hashes = vec![8; 31].into()), "code_hashes");
    assert_eq!(named(|set| set.slot_counts = vec![u32::MAX]), "slots");
    assert_eq!(named(|set| set.slot_counts = vec![0]), "slot_counts");
    assert_eq!(named(|set| set.slot_counts.push(1)), "slot_counts");
    assert_eq!(named(|set| set.slots = vec![1].into()), "slots");
    assert_eq!(named(|set| set.codes[0].hash = vec![].into()), "codes[0].hash");
}

#[test]
fn columns_of_reads_answers_and_diffs_are_named_when_they_are_damaged() {
    let mut draw = Draw::new(4);
    let keys = |wire: &mut v1::ReadRequest| wire.keys.as_mut().unwrap().kinds = vec![9].into();
    let request = std::iter::repeat_with(|| draw.read_request()).find(|one| one.keys.len() == 1);
    assert_eq!(field(request.unwrap(), keys, ReadRequest::try_from), "keys.kinds");
    let more = |wire: &mut v1::ReadResponse| {
        wire.answers.as_mut().unwrap().codes.push(vec![1].into());
    };
    assert_eq!(field(draw.read_response(), more, ReadResponse::try_from), "answers.codes");

    let diff = v1::StateDiff {
        flags: vec![0, 0].into(),
        addresses: vec![7; 40].into(),
        ..v1::StateDiff::default()
    };
    let sealed = v1::FeedSealed {
        boot_id: 1,
        job_id: Some(v1::JobId::default()),
        parent: Some(Draw::new(1).snapshot().into()),
        diff: Some(diff),
    };
    let message = v1::feed_response::Message::Sealed(sealed);
    let wire = v1::FeedResponse { message: Some(message) };
    assert_eq!(FeedMessage::try_from(wire).unwrap_err().field, "sealed.diff.addresses");
}

#[test]
fn damage_deep_in_a_slices_outcome_is_named_by_its_whole_path() {
    let executed = v1::Executed {
        writes: Some(v1::WriteSet::default()),
        receipt: Some(v1::TxReceipt { tx_type: 77, ..v1::TxReceipt::default() }),
        requests: Vec::new(),
    };
    let transaction = v1::TxOutcome {
        reads: Some(v1::ReadSet::default()),
        verdict: Some(v1::tx_outcome::Verdict::Executed(executed)),
        ..v1::TxOutcome::default()
    };
    let slice = v1::SliceOutcome {
        job_id: Some(v1::JobId::default()),
        transactions: vec![transaction],
        ..v1::SliceOutcome::default()
    };
    let answer = v1::Answer { call_id: 9, result: Some(v1::answer::Result::Slice(slice)) };
    let message = v1::worker_message::Message::Answer(answer);
    let error = WorkerMessage::try_from(v1::WorkerMessage { message: Some(message) }).unwrap_err();
    assert_eq!(error.field, "answer.slice.transactions[0].executed.receipt.tx_type");
    assert_eq!(error.reason, Reason::Unknown { given: 77 });
}

#[test]
fn a_damaged_frame_and_an_unknown_fork_are_named() {
    let good = || v1::JobFrame::from(Draw::new(1).frame().as_ref());
    let named = |damage: fn(&mut v1::JobFrame)| {
        let mut frame = good();
        damage(&mut frame);
        let message = v1::coordinator_message::Message::JobFrame(frame);
        let wire = v1::CoordinatorMessage { message: Some(message) };
        CoordinatorMessage::from_wire(wire, |_| None).unwrap_err().field
    };
    let header = |frame: &mut v1::JobFrame| {
        frame.attributes.as_mut().unwrap().header = vec![0xc1].into();
    };
    assert_eq!(named(header), "job_frame.attributes.header");
    let fork = |frame: &mut v1::JobFrame| {
        frame.chain.as_mut().unwrap().forks =
            vec![v1::Fork { name: "Someday".into(), at: Some(v1::fork::At::Block(1)) }];
    };
    assert_eq!(named(fork), "job_frame.chain.forks[0].name");
    let hashes = |frame: &mut v1::JobFrame| {
        frame.ancestors = Some(v1::AncestorHashes { numbers: vec![1], hashes: vec![].into() });
    };
    assert_eq!(named(hashes), "job_frame.ancestors.hashes");
}

#[test]
fn blob_parameters_that_nothing_can_be_computed_with_are_named() {
    let named = |damage: fn(&mut v1::BlobParams)| {
        let mut frame = v1::JobFrame::from(Draw::new(1).frame().as_ref());
        let blobs = frame.chain.as_mut().unwrap().blobs.as_mut().unwrap();
        damage(blobs.prague.as_mut().unwrap());
        let message = v1::coordinator_message::Message::JobFrame(frame);
        let wire = v1::CoordinatorMessage { message: Some(message) };
        CoordinatorMessage::from_wire(wire, |_| None).unwrap_err().field
    };
    let prague = "job_frame.chain.blobs.prague";
    let still = |blobs: &mut v1::BlobParams| blobs.update_fraction = vec![0; 32].into();
    assert_eq!(named(still), format!("{prague}.update_fraction"));
    let target = |blobs: &mut v1::BlobParams| blobs.target_blob_count = 1 << 32;
    assert_eq!(named(target), format!("{prague}.target_blob_count"));
    let most = |blobs: &mut v1::BlobParams| blobs.max_blob_count = u64::MAX;
    assert_eq!(named(most), format!("{prague}.max_blob_count"));
}

#[test]
fn a_place_outside_the_cluster_is_named() {
    let good = || Draw::new(1).configure();
    let take = ConfigureRequest::try_from;
    let count = |wire: &mut v1::ConfigureRequest| wire.shard_count = 3;
    assert_eq!(field(good(), count, take), "shard_count");
    let index = |wire: &mut v1::ConfigureRequest| wire.shard_index = wire.shard_count;
    assert_eq!(field(good(), index, take), "shard_index");
    let protocol = |wire: &mut v1::ConfigureRequest| wire.protocol = None;
    assert_eq!(field(good(), protocol, take), "protocol");
}
