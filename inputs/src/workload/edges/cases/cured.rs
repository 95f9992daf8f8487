//! Senders that may not send before a transaction below them has run.

use super::shared::{forwarder, victim};
use crate::workload::{
    edges::{
        asm::{Arg, Asm, Op},
        envelope::BASE_FEE,
        stage::Stage,
        step::{Actor, Step},
    },
    fork::Fork,
};
use alloy_primitives::U256;

const TRANSFER_GAS: u64 = 21_000;
const TIP: u64 = 2;
const VALUE: u64 = 5;

/// What a poor sender's transfer costs: all that it ever gets.
fn cost(stage: &Stage<'_>) -> u64 {
    let base_fee = if stage.fork() >= Fork::London { BASE_FEE } else { 0 };
    TRANSFER_GAS * (base_fee + TIP) + VALUE
}

fn poor(stage: &mut Stage<'_>) -> Actor {
    stage.actor_with("poor", U256::ZERO)
}

fn transfer_of(stage: &mut Stage<'_>, poor: Actor) -> Step {
    let recipient = stage.absent("recipient");
    Step::call(poor, recipient).value(VALUE).gas(TRANSFER_GAS).tip(TIP)
}

pub(in crate::workload::edges) fn by_transfer(stage: &mut Stage<'_>) {
    let poor = poor(stage);
    let cost = cost(stage);
    stage.send_call(poor.address, cost - 1);
    stage.send_call(poor.address, 1);
    let step = transfer_of(stage, poor);
    stage.send(step);
    stage.look_at(poor.address);
}

pub(in crate::workload::edges) fn by_fees(stage: &mut Stage<'_>) {
    let poor = poor(stage);
    stage.pay_fees_to(poor.address);
    let tip = BASE_FEE + TIP + 1;
    for _ in 0..2 {
        let recipient = stage.world.bystanders[0];
        let step = Step::call(stage.crowd(), recipient).value(1).gas(TRANSFER_GAS).tip(tip);
        stage.send(step);
    }
    let step = transfer_of(stage, poor);
    stage.send(step);
    stage.look_at(poor.address);
}

pub(in crate::workload::edges) fn by_call(stage: &mut Stage<'_>) {
    let poor = poor(stage);
    let forwarder = stage.contract("forwarder", forwarder());
    let cost = cost(stage);
    let step = Step::call(stage.crowd(), forwarder).about(poor.address).value(cost);
    stage.send(step);
    let step = transfer_of(stage, poor);
    stage.send(step);
}

pub(in crate::workload::edges) fn by_destruction(stage: &mut Stage<'_>) {
    let poor = poor(stage);
    let cost = cost(stage);
    let victim = stage.contract_with("victim", victim(), cost, &[]);
    let step = Step::call(stage.crowd(), victim).about(poor.address);
    stage.send(step);
    let step = transfer_of(stage, poor);
    stage.send(step);
    stage.look_at(poor.address);
}

pub(in crate::workload::edges) fn by_withdrawal(stage: &mut Stage<'_>) {
    let poor = poor(stage);
    stage.withdraw(poor.address, 1);
    stage.look_at(poor.address);
    let step = transfer_of(stage, poor);
    stage.send_later(step);
}

pub(in crate::workload::edges) fn of_code(stage: &mut Stage<'_>) {
    let code = Asm::new().when(Arg::Of(Op::CallDataSize), |asm| asm.destroy(Arg::Input(0)));
    let poor = stage.actor_with_code("poor", code.bytes());
    let heir = stage.absent("heir");
    let cost = cost(stage);
    stage.send_call(poor.address, 1);
    let step = Step::call(stage.crowd(), poor.address).about(heir);
    stage.send(step);
    stage.send_call(poor.address, cost);
    let step = transfer_of(stage, poor);
    stage.send(step);
    stage.look_at(poor.address);
}
