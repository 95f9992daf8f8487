//! Lists of authorisations (EIP-7702).

use super::shared::counter;
use crate::workload::edges::{
    asm::{Arg, Asm},
    stage::Stage,
    step::{Flaw, Grant, Step},
};
use alloy_primitives::{Address, U256};

fn counters(stage: &mut Stage<'_>) -> [Address; 2] {
    let second = Asm::new().count_up(1).tell(Arg::Slot(1)).bytes();
    [stage.contract("first", counter()), stage.contract("second", second)]
}

pub(in crate::workload::edges) fn many_of_one(stage: &mut Stage<'_>) {
    let [first, second] = counters(stage);
    let authority = stage.actor("authority");
    let all = [first, second, Address::ZERO, first].map(|to| Grant::new(authority, to));
    let step = Step::call(stage.crowd(), authority.address).value(1);
    stage.send(all.into_iter().fold(step, Step::granting));
    stage.send_call(authority.address, 1);
    stage.look_at(authority.address);
    let ending_clear = [second, Address::ZERO].map(|to| Grant::new(authority, to));
    let step = Step::call(stage.crowd(), second);
    stage.send(ending_clear.into_iter().fold(step, Step::granting));
    stage.send_call(authority.address, 1);
    stage.send(Step::call(authority, second));
}

pub(in crate::workload::edges) fn bad(stage: &mut Stage<'_>) {
    let [first, second] = counters(stage);
    let authority = stage.actor("authority");
    let coded = stage.actor_with_code("authority with code", counter());
    stage.send(Step::call(authority, first));
    let flaws = [Flaw::OtherChain, Flaw::NonceAhead, Flaw::NonceBehind, Flaw::Signature];
    let bad = flaws.map(|flaw| Grant::new(authority, first).with_flaw(flaw));
    let step = Step::call(stage.crowd(), authority.address).value(1);
    stage.send(bad.into_iter().fold(step, Step::granting));
    stage.look_at(authority.address);
    let step = Step::call(stage.crowd(), second).granting(bad[1]);
    let step = step.granting(Grant::new(authority, second)).granting(bad[2]);
    stage.send(step.granting(Grant::new(coded, second)));
    stage.send_call(authority.address, 0);
    stage.send_call(coded.address, 0);
    stage.look_at(coded.address);
    stage.send(Step::call(authority, first));
}

pub(in crate::workload::edges) fn absent_authority(stage: &mut Stage<'_>) {
    let [first, _] = counters(stage);
    let kept = stage.actor_with("kept", U256::ZERO);
    let cleared = stage.actor_with("cleared", U256::ZERO);
    let refused = stage.actor_with("refused", U256::ZERO);
    stage.look_at(kept.address);
    let step = Step::call(stage.crowd(), first).granting(Grant::new(kept, first));
    let step = step.granting(Grant::clear(cleared));
    stage.send(step.granting(Grant::new(refused, first).with_flaw(Flaw::NonceAhead)));
    for authority in [kept, cleared, refused] {
        stage.look_at(authority.address);
        stage.send_call(authority.address, 0);
    }
}

pub(in crate::workload::edges) fn authority_is_recipient(stage: &mut Stage<'_>) {
    let [first, second] = counters(stage);
    let authority = stage.actor("authority");
    for delegate in [first, Address::ZERO, second] {
        let grant = Grant::new(authority, delegate);
        let step = Step::call(stage.crowd(), authority.address).value(2).granting(grant);
        stage.send(step);
        stage.look_at(authority.address);
    }
}

pub(in crate::workload::edges) fn authority_is_beneficiary(stage: &mut Stage<'_>) {
    let [first, second] = counters(stage);
    let authority = stage.actor_with("authority", U256::ZERO);
    stage.pay_fees_to(authority.address);
    for delegate in [first, second, Address::ZERO] {
        let grant = Grant::new(authority, delegate);
        let step = Step::call(stage.crowd(), second).granting(grant).tip(1);
        stage.send(step);
        stage.send_call(authority.address, 1);
    }
    stage.look_at(authority.address);
    stage.withdraw(authority.address, 1);
}
