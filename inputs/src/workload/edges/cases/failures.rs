//! Executions that fail, wholly or in part.

use super::shared::{counter, counters_init};
use crate::workload::edges::{
    asm::{Arg, Asm, Op},
    stage::Stage,
    step::Step,
};
use alloy_primitives::Address;

pub(in crate::workload::edges) fn writes(stage: &mut Stage<'_>) {
    let paid = stage.absent("paid");
    let mut asm = Asm::new();
    let succeed = asm.label();
    let asm = asm.push(Arg::Of(Op::CallDataSize)).jump_if(succeed);
    let asm = asm.count_up(0).count_up(1).call(Arg::At(paid), Arg::Word(1)).log();
    let failed = asm.create(&counters_init(), Arg::Word(0)).log().fail();
    let code = failed.put(succeed).count_up(0).tell(Arg::Slot(1));
    let writer = stage.contract_with("writer", code.bytes(), 5, &[]);
    stage.name("never created", writer.create(1));
    for _ in 0..2 {
        stage.send_call(writer, 2);
        stage.look_at(paid);
        let step = Step::call(stage.crowd(), writer).word(1);
        stage.send(step);
        stage.look_at(writer.create(1));
    }
}

pub(in crate::workload::edges) fn pay_to_failing(stage: &mut Stage<'_>) {
    let failing = stage.contract("failing", Asm::new().count_up(0).fail().bytes());
    for value in [3, 0, 2] {
        stage.send_call(failing, value);
        stage.probe(failing, value);
    }
    stage.look_at(failing);
}

pub(in crate::workload::edges) fn inner(stage: &mut Stage<'_>) {
    let touched = stage.absent("touched");
    let inner = Asm::new().passing(30_000).count_up(0).call(Arg::At(touched), Arg::Word(0)).log();
    let inner = inner.call(Arg::Of(Op::Coinbase), Arg::Word(1)).log().fail();
    let inner = stage.contract_with("inner", inner.bytes(), 5, &[]);
    let outer = Asm::new().call(Arg::At(inner), Arg::Word(1)).log().count_up(0);
    let outer = stage.contract_with("outer", outer.tell(Arg::Slot(0)).bytes(), 5, &[]);
    for _ in 0..3 {
        stage.send_call(outer, 1);
        stage.look_at(touched);
    }
    stage.send_call(inner, 1);
    stage.look_at(inner);
}

pub(in crate::workload::edges) fn out_of_gas(stage: &mut Stage<'_>) {
    let counter = stage.contract("counter", counter());
    for gas in [23_000, 30_000, 21_005] {
        let step = Step::call(stage.crowd(), counter).value(1).gas(gas);
        stage.send(step);
        stage.send_call(counter, 0);
    }
    stage.look_at(counter);
}

pub(in crate::workload::edges) fn precompiles(stage: &mut Stage<'_>) {
    let number = u8::try_from(1 + stage.rng().below(9)).expect("one of nine");
    let precompile = Address::with_last_byte(number);
    // RIPEMD-160: its touch once survived the failure of its frame.
    let ripemd = Address::with_last_byte(3);
    let toucher = Asm::new().call(Arg::At(ripemd), Arg::Word(0)).log().fail();
    let toucher = stage.contract("toucher", toucher.bytes());
    let outer = Asm::new().call(Arg::At(toucher), Arg::Word(0)).log().count_up(0);
    let outer = stage.contract("outer", outer.bytes());
    stage.look_at(precompile);
    stage.send_call(precompile, 0);
    stage.probe(precompile, 0);
    stage.look_at(precompile);
    stage.send_call(outer, 0);
    stage.probe(precompile, 1);
    stage.send_call(precompile, 2);
    stage.probe_in_vain(precompile);
}
