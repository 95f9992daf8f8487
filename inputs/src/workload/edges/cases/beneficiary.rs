//! The account that gets the fees, in every other part.

use super::shared::{mother, victim};
use crate::workload::edges::{stage::Stage, step::Step};
use alloy_primitives::Address;

/// Pays a fee to the beneficiary, and has nothing to do with it else.
fn pay_fee(stage: &mut Stage<'_>, tip: u64) {
    let recipient = stage.world.bystanders[0];
    let step = Step::call(stage.crowd(), recipient).value(1).tip(tip);
    stage.send(step);
}

pub(in crate::workload::edges) fn sends(stage: &mut Stage<'_>) {
    let beneficiary = stage.actor("beneficiary");
    stage.pay_fees_to(beneficiary.address);
    pay_fee(stage, 9);
    stage.send_call(beneficiary.address, 4);
    pay_fee(stage, 1);
    let somebody = stage.somebody();
    stage.send(Step::call(beneficiary, somebody).value(1).tip(3));
    stage.look_at(beneficiary.address);
    stage.send(Step::call(beneficiary, beneficiary.address).value(2));
    stage.probe(beneficiary.address, 1);
    pay_fee(stage, 2);
    stage.withdraw(beneficiary.address, 1);
}

pub(in crate::workload::edges) fn is_destroyed(stage: &mut Stage<'_>) {
    let beneficiary = stage.contract_with("beneficiary", victim(), 3, &[(0, 8)]);
    let heir = stage.absent("heir");
    stage.pay_fees_to(beneficiary);
    pay_fee(stage, 9);
    stage.look_at(beneficiary);
    let step = Step::call(stage.crowd(), beneficiary).about(heir).tip(4);
    stage.send(step);
    pay_fee(stage, 0);
    stage.look_at(beneficiary);
    pay_fee(stage, 5);
    stage.send_call(beneficiary, 1);
    stage.look_at(heir);
}

pub(in crate::workload::edges) fn is_transient(stage: &mut Stage<'_>) {
    let (mother, child) = mother(stage);
    stage.pay_fees_to(child);
    for (tip, heir) in [(0, mother), (2, child), (7, mother)] {
        pay_fee(stage, tip);
        let step = Step::call(stage.crowd(), mother).about(heir).value(1).tip(tip);
        stage.send(step);
        look_for_free(stage, child);
    }
}

pub(in crate::workload::edges) fn zero_fees(stage: &mut Stage<'_>) {
    let beneficiary = stage.absent("beneficiary");
    stage.pay_fees_to(beneficiary);
    play_zero_fees(stage, beneficiary);
}

pub(in crate::workload::edges) fn zero_fees_to_empty(stage: &mut Stage<'_>) {
    let beneficiary = stage.empty("beneficiary");
    stage.pay_fees_to(beneficiary);
    play_zero_fees(stage, beneficiary);
}

fn play_zero_fees(stage: &mut Stage<'_>, beneficiary: Address) {
    look_for_free(stage, beneficiary);
    pay_fee(stage, 0);
    look_for_free(stage, beneficiary);
    pay_fee(stage, 0);
    pay_fee(stage, 3);
    stage.look_at(beneficiary);
    pay_fee(stage, 0);
}

fn look_for_free(stage: &mut Stage<'_>, address: Address) {
    let step = Step::call(stage.crowd(), stage.world.probe).about(address).tip(0);
    stage.send(step);
}
