//! Additions to balances of accounts that are not there, are empty, or become something else.

use super::shared::{counter, counters_init};
use crate::workload::edges::{
    stage::Stage,
    step::{Grant, Step},
};
use alloy_primitives::{Address, U256};

fn pay_and_look(stage: &mut Stage<'_>, account: Address) {
    stage.probe_in_vain(account);
    for value in [0, 0, 2, 0, 3] {
        match stage.rng().below(3) {
            0 => stage.probe(account, value),
            1 => stage.look_at(account),
            _ => {}
        }
        stage.send_call(account, value);
    }
    stage.probe_in_vain(account);
    stage.look_at(account);
}

pub(in crate::workload::edges) fn to_absent(stage: &mut Stage<'_>) {
    let paid = stage.absent("paid");
    pay_and_look(stage, paid);
    let touched = stage.absent("touched");
    stage.send_call(touched, 0);
    stage.look_at(touched);
    stage.probe(touched, 0);
    let withdrawn = [stage.absent("withdrawn"), stage.absent("withdrawn nothing")];
    stage.withdraw(withdrawn[0], 2);
    stage.withdraw(withdrawn[1], 0);
    stage.look_at(withdrawn[0]);
}

pub(in crate::workload::edges) fn to_empty(stage: &mut Stage<'_>) {
    let touched = stage.empty("touched");
    stage.look_at(touched);
    stage.probe(touched, 0);
    stage.look_at(touched);
    let paid = stage.empty("paid");
    pay_and_look(stage, paid);
    let withdrawn = [stage.empty("withdrawn"), stage.empty("withdrawn nothing")];
    stage.withdraw(withdrawn[0], 2);
    stage.withdraw(withdrawn[1], 0);
}

pub(in crate::workload::edges) fn then_code(stage: &mut Stage<'_>) {
    let creator = stage.actor("creator");
    let contract = creator.address.create(0);
    stage.name("contract", contract);
    stage.pay_fees_to(contract);
    stage.withdraw(contract, 3);
    stage.send_call(contract, 7);
    stage.probe(contract, 0);
    stage.send(Step::create(creator, counters_init()).value(2).tip(5));
    stage.send_call(contract, 1);
    stage.look_at(contract);
    stage.probe(contract, 1);
    stage.send_call(contract, 0);
}

pub(in crate::workload::edges) fn then_delegation(stage: &mut Stage<'_>) {
    let counter = stage.contract("counter", counter());
    let authority = stage.actor_with("authority", U256::ZERO);
    stage.pay_fees_to(authority.address);
    stage.withdraw(authority.address, 3);
    stage.send_call(authority.address, 1);
    stage.look_at(authority.address);
    let somebody = stage.somebody();
    let step = Step::call(stage.crowd(), somebody).granting(Grant::new(authority, counter));
    stage.send(step.tip(5));
    stage.send_call(authority.address, 1);
    stage.probe(authority.address, 1);
    let step = Step::call(stage.crowd(), somebody).granting(Grant::clear(authority));
    stage.send(step);
    stage.send_call(authority.address, 1);
    stage.look_at(authority.address);
}

pub(in crate::workload::edges) fn self_transfer(stage: &mut Stage<'_>) {
    let actor = stage.actor("self");
    if stage.rng().percent(30) {
        stage.pay_fees_to(actor.address);
    }
    stage.send(Step::call(actor, actor.address).value(5));
    stage.send_call(actor.address, 3);
    stage.send(Step::call(actor, actor.address).wide_value(U256::from(1) << 60).tip(0));
    stage.look_at(actor.address);
    stage.send(Step::call(actor, actor.address));
}
