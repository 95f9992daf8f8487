//! How long a large block's outcome takes to cross: prints, and bounds it loosely.

use crate::draw::Draw;
use engine::{
    access::{AccessKey, Read, ReadSet},
    outcome::SliceOutcome,
};
use prost::Message;
use proto::wire::v1;
use std::time::Duration;

/// Returns the outcome of 10,000 indices with ten reads each.
fn large() -> SliceOutcome {
    let mut draw = Draw::new(1);
    let mut outcome = draw.slice_outcome();
    let transactions = std::iter::repeat_with(|| draw.slice_outcome().transactions);
    outcome.transactions = transactions.flatten().take(10_000).collect();
    for transaction in &mut outcome.transactions {
        let reads = (0..10_u64).map(|slot| Read {
            key: AccessKey::Slot(draw.address(), alloy_primitives::U256::from(slot)),
            value: draw.u64().into(),
        });
        transaction.reads = ReadSet(reads.collect());
    }
    outcome
}

/// Returns the CPU time of this thread, so that a busy machine does not count.
fn thread_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(used.tv_sec).unwrap(), u32::try_from(used.tv_nsec).unwrap())
}

#[test]
fn a_large_blocks_outcome_crosses_in_time_and_unchanged() {
    let outcome = large();
    let expected = outcome.clone();
    let start = thread_time();
    let wire = v1::SliceOutcome::from(outcome);
    let converted = thread_time();
    let bytes = bytes::Bytes::from(wire.encode_to_vec());
    let encoded = thread_time();
    let wire = v1::SliceOutcome::decode(bytes.clone()).unwrap();
    let decoded = thread_time();
    let back = SliceOutcome::try_from(wire).unwrap();
    let end = thread_time();
    eprintln!(
        "{} bytes: to wire {:?}, encode {:?}, decode {:?}, from wire {:?}",
        bytes.len(),
        converted - start,
        encoded - converted,
        decoded - encoded,
        end - decoded,
    );
    assert_eq!(back, expected);
    assert!(end - start < Duration::from_secs(5), "{:?}", end - start);
}
