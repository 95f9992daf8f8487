//! Contracts that are destroyed, and who gets what they had.

use super::shared::victim;
use crate::workload::edges::{
    asm::{Arg, Asm, Op},
    stage::Stage,
    step::Step,
};
use alloy_primitives::Address;

/// Uses a contract, destroys it, pays it, calls it again as if it were there, and looks.
fn play(stage: &mut Stage<'_>, victim: Address, heir: Address) {
    stage.send_call(victim, 0);
    let step = Step::call(stage.crowd(), victim).about(heir);
    stage.send(step);
    stage.look_at(victim);
    stage.send_call(victim, 3);
    stage.look_at(heir);
    let step = Step::call(stage.crowd(), victim).about(heir).value(1);
    stage.send(step);
    stage.send_call(victim, 0);
}

pub(in crate::workload::edges) fn to_itself(stage: &mut Stage<'_>) {
    let victim = stage.contract_with("victim", victim(), 5, &[(0, 3)]);
    play(stage, victim, victim);
}

pub(in crate::workload::edges) fn to_beneficiary(stage: &mut Stage<'_>) {
    let code = Asm::new().when(Arg::Of(Op::CallDataSize), |asm| asm.destroy(Arg::Of(Op::Coinbase)));
    let victim = stage.contract_with("victim", code.count_up(0).bytes(), 5, &[(0, 3)]);
    let beneficiary = stage.absent("beneficiary");
    stage.pay_fees_to(beneficiary);
    play(stage, victim, beneficiary);
}

pub(in crate::workload::edges) fn to_absent(stage: &mut Stage<'_>) {
    let victim = stage.contract_with("victim", victim(), 5, &[(0, 3)]);
    let heir = stage.absent("heir");
    stage.look_at(heir);
    play(stage, victim, heir);
}

pub(in crate::workload::edges) fn with_nothing(stage: &mut Stage<'_>) {
    let heirs = [stage.absent("absent heir"), stage.empty("empty heir")];
    for (role, heir) in ["victim of the absent", "victim of the empty"].into_iter().zip(heirs) {
        let victim = stage.contract_with(role, victim(), 0, &[(0, 3)]);
        let step = Step::call(stage.crowd(), victim).about(heir);
        stage.send(step);
        stage.look_at(heir);
        stage.look_at(victim);
    }
}

pub(in crate::workload::edges) fn twice_in_one(stage: &mut Stage<'_>) {
    let victim = stage.contract_with("victim", victim(), 5, &[(0, 3)]);
    let heirs = [stage.absent("first heir"), stage.absent("second heir")];
    let code = Asm::new().when(Arg::Of(Op::CallDataSize), |asm| {
        let once = asm.call_with(Arg::At(victim), Arg::Word(0), Arg::At(heirs[0])).log();
        let again = once.call_with(Arg::At(victim), Arg::Word(2), Arg::At(heirs[1])).log();
        again.call(Arg::At(victim), Arg::Word(1)).log()
    });
    let killer = stage.contract_with("killer", code.bytes(), 10, &[]);
    let step = Step::call(stage.crowd(), killer).word(1);
    stage.send(step);
    for looked_at in [heirs[0], heirs[1], victim] {
        stage.look_at(looked_at);
    }
}

pub(in crate::workload::edges) fn by_library(stage: &mut Stage<'_>) {
    let library = stage.contract_with("library", victim(), 2, &[(0, 1)]);
    let heir = stage.absent("heir");
    let code = Asm::new().when(Arg::Of(Op::CallDataSize), |asm| {
        asm.run_code_of(Arg::At(library), Arg::Input(0)).log()
    });
    let user = stage.contract_with("victim", code.count_up(0).bytes(), 5, &[(0, 3)]);
    play(stage, user, heir);
    stage.look_at(library);
}

pub(in crate::workload::edges) fn and_fail(stage: &mut Stage<'_>) {
    let victim = stage.contract_with("victim", victim(), 5, &[(0, 3)]);
    let heir = stage.absent("heir");
    let inner = Asm::new().passing(50_000);
    let inner = inner.call_with(Arg::At(victim), Arg::Word(0), Arg::At(heir)).log().fail();
    let inner = stage.contract("inner", inner.bytes());
    let outer = Asm::new().call(Arg::At(inner), Arg::Word(0)).log().count_up(0);
    let outer = stage.contract("outer", outer.bytes());
    stage.send_call(outer, 0);
    stage.look_at(heir);
    stage.send_call(victim, 1);
    stage.look_at(victim);
}
