//! Sums that do not fit into 256 bits.

use super::shared::forwarder;
use crate::workload::edges::{stage::Stage, step::Step};
use alloy_primitives::{Address, Bytes, U256};

/// What is left to the largest balance there can be.
const ROOM: u64 = 50_000;

fn rich(stage: &mut Stage<'_>) -> Address {
    let rich = stage.absent("rich");
    stage.place(rich, Bytes::new(), U256::MAX - U256::from(ROOM), &[]);
    rich
}

pub(in crate::workload::edges) fn by_fees(stage: &mut Stage<'_>) {
    let rich = rich(stage);
    stage.pay_fees_to(rich);
    for tip in [1, 9, 1, 0] {
        let recipient = stage.world.bystanders[0];
        let step = Step::call(stage.crowd(), recipient).value(1).gas(21_000).tip(tip);
        stage.send(step);
    }
    stage.look_at(rich);
}

pub(in crate::workload::edges) fn by_transfer(stage: &mut Stage<'_>) {
    let rich = rich(stage);
    let forwarder = stage.contract("forwarder", forwarder());
    for value in [ROOM + 1, 20, ROOM, 30] {
        stage.send_call(rich, value);
        let step = Step::call(stage.crowd(), forwarder).about(rich).value(value);
        stage.send(step);
    }
    stage.look_at(rich);
    let richest = stage.actor_with("richest", U256::MAX);
    stage.send(Step::call(richest, rich).wide_value(U256::MAX >> 1));
    stage.send_call(richest.address, 1);
}

pub(in crate::workload::edges) fn together(stage: &mut Stage<'_>) {
    let purse = stage.absent("purse");
    let half = U256::from(1) << 255;
    for role in ["richer", "richest", "late"] {
        let rich = stage.actor_with(role, U256::MAX);
        stage.send(Step::call(rich, purse).wide_value(half));
        stage.send_call(purse, 7);
    }
    stage.look_at(purse);
}

pub(in crate::workload::edges) fn by_withdrawal(stage: &mut Stage<'_>) {
    let rich = rich(stage);
    stage.withdraw(rich, 1);
    stage.withdraw(rich, 2);
    stage.send_call(rich, 1);
    let step = Step::call(stage.crowd(), stage.world.probe).about(rich);
    stage.send_later(step);
}
