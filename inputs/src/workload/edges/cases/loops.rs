//! Code that runs long, or for ever on values that never were there together.

use crate::workload::{
    edges::{
        asm::{Arg, Asm, Op},
        stage::Stage,
        step::Step,
    },
    fork::Fork,
};

/// More gas than any run could use up.
const HUGE_GAS: u64 = 1 << 52;
/// The most that one transaction may have from Osaka on (EIP-7825).
const GAS_CAP: u64 = 1 << 24;

fn much_gas(stage: &Stage<'_>) -> u64 {
    if stage.fork() >= Fork::Osaka { GAS_CAP } else { HUGE_GAS }
}

pub(in crate::workload::edges) fn endless(stage: &mut Stage<'_>) {
    let code = Asm::new().when(Arg::Of(Op::CallDataSize), |asm| asm.set(0, Arg::Input(0)));
    let mut asm = code;
    let (again, end) = (asm.label(), asm.label());
    let asm = asm.push(Arg::Of(Op::CallDataSize)).jump_if(end);
    let asm = asm.put(again).push(Arg::Slot(0)).ops([Op::IsZero]).jump_if(again);
    let looper = stage.contract("looper", asm.count_up(1).put(end).bytes());
    let gas = much_gas(stage);
    for flag in [1, 2] {
        let close = Step::call(stage.crowd(), looper).word(0);
        stage.send(close);
        let open = Step::call(stage.crowd(), looper).word(flag);
        stage.send(open);
        let run = Step::call(stage.crowd(), looper).gas(gas);
        stage.send(run);
    }
}

pub(in crate::workload::edges) fn between_slots(stage: &mut Stage<'_>) {
    let mut asm = Asm::new().when(Arg::Of(Op::CallDataSize), |asm| {
        asm.push(Arg::Input(1)).push(Arg::Input(0)).ops([Op::SStore])
    });
    let (again, end) = (asm.label(), asm.label());
    let asm = asm.push(Arg::Of(Op::CallDataSize)).jump_if(end).push(Arg::Slot(0));
    // Counts from slot 0 up to slot 1, and would go on beyond it for ever.
    let asm = asm.put(again).ops([Op::Dup1]).push(Arg::Slot(1)).ops([Op::Sub, Op::IsZero]);
    let asm = asm.jump_if(end).push(Arg::Word(1)).ops([Op::Add]).jump(again);
    let looper = stage.contract_with("looper", asm.put(end).bytes(), 0, &[(0, 1), (1, 3)]);
    let gas = much_gas(stage);
    for start in [10, 20, 5] {
        for (slot, value) in [(0, start), (1, start + 4)] {
            let words = [slot, value].map(alloy_primitives::U256::from);
            let step = Step::call(stage.crowd(), looper).words(words);
            stage.send(step);
        }
        let step = Step::call(stage.crowd(), looper).gas(gas);
        stage.send(step);
    }
}

pub(in crate::workload::edges) fn huge_gas(stage: &mut Stage<'_>) {
    let code = Asm::new().tell(Arg::Of(Op::Gas)).set(0, Arg::Of(Op::Gas)).count_up(1);
    let meter = stage.contract("meter", code.bytes());
    for _ in 0..3 {
        let step = Step::call(stage.crowd(), meter).gas(HUGE_GAS);
        stage.send(step);
    }
    let paid = stage.absent("paid");
    let step = Step::call(stage.crowd(), paid).value(1).gas(HUGE_GAS);
    stage.send(step);
}
