//! Contracts that are destroyed and come back.

use super::shared::{mother, nest, victim};
use crate::workload::edges::{
    asm::{Arg, Asm, Op},
    stage::Stage,
    step::Step,
};
use alloy_primitives::{Address, U256};

fn hatch(stage: &mut Stage<'_>, nest: Address, value: u64) {
    let step = Step::call(stage.crowd(), nest).word(1).value(value);
    stage.send(step);
}

fn destroy(stage: &mut Stage<'_>, victim: Address, heir: Address) {
    let step = Step::call(stage.crowd(), victim).about(heir);
    stage.send(step);
}

pub(in crate::workload::edges) fn destroy_and_revive(stage: &mut Stage<'_>) {
    let (nest, egg) = nest(stage);
    let heir = stage.absent("heir");
    for lives in 0..3 {
        hatch(stage, nest, lives);
        stage.send_call(egg, 1);
        stage.send_call(egg, 0);
        destroy(stage, egg, heir);
        if lives == 1 {
            stage.send_call(egg, 2);
        }
        stage.look_at(egg);
    }
    if stage.rng().percent(50) {
        hatch(stage, nest, 1);
        stage.send_call(egg, 1);
    }
}

pub(in crate::workload::edges) fn revive_over_old_slots(stage: &mut Stage<'_>) {
    let (nest, egg) = nest(stage);
    stage.place(egg, victim(), U256::from(9), &[(0, 77), (5, 99)]);
    stage.send_call(egg, 0);
    destroy(stage, egg, nest);
    hatch(stage, nest, 2);
    stage.send_call(egg, 0);
    stage.look_at(egg);
    let crowd = stage.crowd();
    stage.send_later(Step::call(crowd, egg));
    stage.send_later(Step::call(crowd, egg).about(nest));
    stage.send_later(Step::call(crowd, nest).word(1));
    stage.send_later(Step::call(crowd, egg));
}

pub(in crate::workload::edges) fn revive_too_early(stage: &mut Stage<'_>) {
    let (nest, egg) = nest(stage);
    stage.place(egg, victim(), U256::from(4), &[(0, 5)]);
    let hurried = Asm::new().when(Arg::Of(Op::CallDataSize), |asm| {
        let destroyed = asm.call_with(Arg::At(egg), Arg::Word(0), Arg::At(nest)).log();
        destroyed.call_with(Arg::At(nest), Arg::Word(0), Arg::Word(1)).log()
    });
    let hurried = stage.contract("hurried", hurried.bytes());
    let step = Step::call(stage.crowd(), hurried).word(1);
    stage.send(step);
    stage.look_at(egg);
    hatch(stage, nest, 0);
    stage.send_call(egg, 3);
}

pub(in crate::workload::edges) fn transient(stage: &mut Stage<'_>) {
    let (mother, child) = mother(stage);
    let heir = stage.absent("heir");
    for (lives, heir) in [heir, child, mother].into_iter().enumerate() {
        let step = Step::call(stage.crowd(), mother).about(heir).value(1 + lives as u64);
        stage.send(step);
        if stage.rng().percent(60) {
            stage.look_at(child);
        }
        stage.send_call(child, lives as u64);
    }
    let step = Step::call(stage.crowd(), mother).about(heir);
    stage.send(step);
    stage.look_at(child);
}
