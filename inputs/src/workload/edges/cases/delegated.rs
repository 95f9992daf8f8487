//! Accounts that are delegated (EIP-7702) and do what accounts with keys could not do.

use super::shared::{counter, counters_init};
use crate::workload::edges::{
    asm::{Arg, Asm, Op},
    stage::Stage,
    step::{Grant, Step},
};
use alloy_primitives::U256;

pub(in crate::workload::edges) fn creates(stage: &mut Stage<'_>) {
    let create = |asm: Asm| asm.create(&counters_init(), Arg::Word(0)).log();
    let maker = Asm::new().when(Arg::Of(Op::CallDataSize), create).bytes();
    let maker = stage.contract("maker", maker);
    let authority = stage.actor("authority");
    let somebody = stage.somebody();
    let step = Step::call(stage.crowd(), somebody).granting(Grant::new(authority, maker));
    stage.send(step);
    let first = authority.address.create(1);
    stage.name("first child", first);
    let step = Step::call(stage.crowd(), authority.address).word(1).creating(authority, 1);
    stage.send(step);
    stage.send(Step::call(authority, first));
    // The nonce of the transaction is 3, that of the creation 4, that of the next one 5.
    stage.send(Step::call(authority, authority.address).word(1).creating(authority, 1));
    stage.name("second child", authority.address.create(4));
    stage.send(Step::call(authority, authority.address.create(4)));
    let clear = Grant::clear(authority);
    let step = Step::call(stage.crowd(), authority.address).word(1).granting(clear);
    stage.send(step);
    stage.send(Step::call(authority, first));
}

pub(in crate::workload::edges) fn sends(stage: &mut Stage<'_>) {
    let counter = stage.contract("counter", counter());
    let authority = stage.actor("authority");
    stage.send(Step::call(authority, counter));
    let step = Step::call(stage.crowd(), counter).granting(Grant::new(authority, counter));
    stage.send(step);
    stage.send(Step::call(authority, counter).value(1));
    stage.send(Step::call(authority, authority.address).value(1));
    stage.send(Step::create(authority, counters_init()));
    stage.name("created", authority.address.create(4));
    stage.send_call(authority.address.create(4), 0);
    stage.look_at(authority.address);
}

pub(in crate::workload::edges) fn destroys(stage: &mut Stage<'_>) {
    let destroy = |asm: Asm| asm.destroy(Arg::Input(0));
    let killer = Asm::new().when(Arg::Of(Op::CallDataSize), destroy).count_up(0).bytes();
    let killer = stage.contract("killer", killer);
    let authority = stage.actor_with("authority", U256::from(1_000));
    let heir = stage.absent("heir");
    let somebody = stage.somebody();
    let step = Step::call(stage.crowd(), somebody).granting(Grant::new(authority, killer));
    stage.send(step);
    stage.send_call(authority.address, 1);
    for heir in [authority.address, heir] {
        let step = Step::call(stage.crowd(), authority.address).about(heir);
        stage.send(step);
        stage.look_at(authority.address);
    }
    stage.send_call(authority.address, 2);
    stage.look_at(heir);
}
