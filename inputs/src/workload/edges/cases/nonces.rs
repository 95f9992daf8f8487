//! Which creations count a nonce.

use super::shared::{counter, counters_init, nest};
use crate::workload::{
    edges::{
        asm::{Arg, Asm, Op},
        stage::Stage,
        step::Step,
    },
    fork::Fork,
};
use alloy_primitives::U256;

pub(in crate::workload::edges) fn of_creators(stage: &mut Stage<'_>) {
    let failing = Asm::new().count_up(0).ops([Op::Invalid]).bytes();
    let code = Asm::new().when(Arg::Of(Op::CallDataSize), |asm| {
        let created = asm.create(&counters_init(), Arg::Word(1)).log();
        // An INVALID takes all the gas of a creation, so that none of it may be in the same frame;
        // init code that stops creates a contract without code.
        let bare = created.create(&[Op::Stop as u8], Arg::Word(0)).log();
        bare.create(&counters_init(), Arg::Word(1_000_000)).log()
    });
    let creator = stage.contract_with("creator", code.bytes(), 2, &[]);
    let failing = Asm::new().create(&failing, Arg::Word(0)).log().bytes();
    let failing = stage.contract("failing creator", failing);
    for nonce in 1..6 {
        stage.name("child", creator.create(nonce));
    }
    for _ in 0..3 {
        let step = Step::call(stage.crowd(), creator).word(1);
        stage.send(step);
        stage.send_call(failing, 0);
    }
    stage.send_call(creator.create(1), 0);
    stage.look_at(creator.create(5));
    stage.look_at(failing.create(1));
}

pub(in crate::workload::edges) fn failed_creation(stage: &mut Stage<'_>) {
    let creator = stage.actor("creator");
    let (failed, short, created) =
        (creator.address.create(0), creator.address.create(1), creator.address.create(2));
    stage.name("failed", failed);
    stage.name("short", short);
    stage.name("created", created);
    let failing = Asm::new().count_up(0).fail().bytes();
    stage.send(Step::create(creator, failing).value(3).gas(90_000));
    stage.look_at(failed);
    // Enough for the transaction, too little for the code.
    let gas = if stage.fork() == Fork::Frontier { 24_000 } else { 55_500 };
    stage.send(Step::create(creator, counters_init()).gas(gas));
    stage.send_call(short, 1);
    stage.send(Step::create(creator, counters_init()).value(1));
    stage.send_call(created, 0);
    stage.look_at(created);
}

pub(in crate::workload::edges) fn create_collision(stage: &mut Stage<'_>) {
    let creator = stage.actor("creator");
    let taken = creator.address.create(0);
    stage.name("taken", taken);
    stage.place(taken, counter(), U256::from(2), &[(0, 6)]);
    stage.send_call(taken, 0);
    stage.send(Step::create(creator, counters_init()).value(1).gas(120_000));
    stage.send_call(taken, 0);
    stage.send(Step::create(creator, counters_init()));
    let created = creator.address.create(1);
    stage.name("created", created);
    stage.send_call(created, 0);
}

pub(in crate::workload::edges) fn create2_collision(stage: &mut Stage<'_>) {
    let (nest, egg) = nest(stage);
    for value in [1, 2, 3] {
        let step = Step::call(stage.crowd(), nest).word(1).value(value);
        stage.send(step);
        stage.send_call(egg, 0);
    }
    stage.look_at(nest);
}
