//! Looks at what may be there or not.

use super::shared::{counter, counters_init, victim};
use crate::workload::edges::{
    asm::{Arg, Asm, Op, init_code},
    stage::Stage,
    step::Step,
};

/// How many blocks back one looks; the hash of the 256th is the oldest that can be told.
const DEPTHS: [u64; 7] = [0, 1, 2, 3, 255, 256, 257];

pub(in crate::workload::edges) fn block_hashes(stage: &mut Stage<'_>) {
    let mut asm = Asm::new();
    for depth in DEPTHS {
        asm = asm.push(Arg::Word(depth)).ops([Op::Number, Op::Sub, Op::BlockHash]).log();
    }
    let to_come = asm.push(Arg::Word(1)).ops([Op::Number, Op::Add, Op::BlockHash]).log();
    let historian = to_come.push(Arg::Word(1)).ops([Op::Number, Op::Sub, Op::BlockHash]).store(0);
    let historian = stage.contract("historian", historian.bytes());
    stage.send_call(historian, 0);
    let crowd = stage.crowd();
    stage.send_later(Step::call(crowd, historian));
}

pub(in crate::workload::edges) fn deploy_and_call(stage: &mut Stage<'_>) {
    let creator = stage.actor("creator");
    let contract = creator.address.create(0);
    stage.name("contract", contract);
    let value = u64::from(stage.rng().percent(50));
    stage.send_call(contract, value);
    stage.probe(contract, 0);
    stage.send(Step::create(creator, counters_init()));
    stage.send_call(contract, 0);
    stage.probe(contract, 0);
    stage.send(Step::call(creator, contract));
}

pub(in crate::workload::edges) fn appear_and_vanish(stage: &mut Stage<'_>) {
    let appearing = stage.absent("appearing");
    let vanishing = stage.contract_with("vanishing", victim(), 1, &[(0, 2)]);
    stage.look_at(appearing);
    stage.look_at(vanishing);
    stage.send_call(appearing, 1);
    let step = Step::call(stage.crowd(), vanishing).about(appearing);
    stage.send(step);
    stage.look_at(appearing);
    stage.look_at(vanishing);
    stage.probe(vanishing, 0);
}

pub(in crate::workload::edges) fn init_reads_slots(stage: &mut Stage<'_>) {
    let creator = stage.actor("creator");
    let reading = Asm::new().tell(Arg::Slot(0)).tell(Arg::Slot(7)).count_up(7);
    let init = reading.tell(Arg::Slot(7)).deploying(&counter());
    for nonce in 0..2 {
        let created = creator.address.create(nonce);
        stage.name("created", created);
        if nonce == 1 {
            stage.send_call(created, 2);
        }
        stage.send(Step::create(creator, init.clone()));
        stage.send_call(created, 0);
    }
    let twice = Asm::new().create(&init, Arg::Word(0)).log();
    let factory = stage.contract("factory", twice.create(&init_code(&[]), Arg::Word(0)).bytes());
    stage.send_call(factory, 0);
}
