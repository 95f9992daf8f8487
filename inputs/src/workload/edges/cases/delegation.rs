//! Delegations (EIP-7702) in every order.

use super::shared::{counter, counters_init};
use crate::workload::edges::{
    asm::{Arg, Asm},
    stage::Stage,
    step::{Actor, Grant, Step},
};
use alloy_primitives::Address;

/// Sends an authorisation along with a call of somebody.
fn grant(stage: &mut Stage<'_>, grant: Grant) {
    let somebody = stage.somebody();
    let step = Step::call(stage.crowd(), somebody).granting(grant);
    stage.send(step);
}

fn use_and_look(stage: &mut Stage<'_>, address: Address) {
    stage.send_call(address, 1);
    stage.look_at(address);
}

pub(in crate::workload::edges) fn and_clear(stage: &mut Stage<'_>) {
    let counter = stage.contract("counter", counter());
    let authority = stage.actor("authority");
    use_and_look(stage, authority.address);
    grant(stage, Grant::new(authority, counter));
    use_and_look(stage, authority.address);
    grant(stage, Grant::clear(authority).on_any_chain());
    use_and_look(stage, authority.address);
    stage.send(Step::call(authority, counter));
    grant(stage, Grant::new(authority, counter).on_any_chain());
    use_and_look(stage, authority.address);
}

pub(in crate::workload::edges) fn again(stage: &mut Stage<'_>) {
    let first = stage.contract("first", counter());
    let second = Asm::new().count_up(1).tell(Arg::Slot(1)).bytes();
    let second = stage.contract("second", second);
    let authority = stage.actor("authority");
    for delegate in [first, second, first, second] {
        grant(stage, Grant::new(authority, delegate));
        use_and_look(stage, authority.address);
    }
}

pub(in crate::workload::edges) fn by_oneself(stage: &mut Stage<'_>) {
    let counter = stage.contract("counter", counter());
    let actor = stage.actor("self");
    let to_itself = |grant: Grant| Step::call(actor, actor.address).value(1).granting(grant);
    stage.send(to_itself(Grant::new(actor, counter)));
    stage.send(Step::call(actor, counter));
    stage.send_call(actor.address, 1);
    stage.send(to_itself(Grant::clear(actor)));
    stage.send(Step::call(actor, actor.address).value(1));
    stage.send(Step::call(actor, counter).granting(Grant::new(actor, counter)));
    stage.look_at(actor.address);
}

pub(in crate::workload::edges) fn to_odd(stage: &mut Stage<'_>) {
    let counter = stage.contract("counter", counter());
    let nobody = stage.absent("nobody");
    let last = stage.actor("delegated to the counter");
    let authority = stage.actor("authority");
    grant(stage, Grant::new(last, counter));
    let precompile = Address::with_last_byte(4);
    for delegate in [precompile, nobody, authority.address, last.address] {
        grant(stage, Grant::new(authority, delegate));
        use_and_look(stage, authority.address);
        stage.probe(authority.address, 0);
    }
}

pub(in crate::workload::edges) fn to_coming(stage: &mut Stage<'_>) {
    let creator = stage.actor("creator");
    let coming = creator.address.create(0);
    stage.name("coming", coming);
    let authority: Actor = stage.actor("authority");
    grant(stage, Grant::new(authority, coming));
    use_and_look(stage, authority.address);
    stage.send(Step::create(creator, counters_init()));
    use_and_look(stage, authority.address);
    stage.send_call(coming, 0);
}
