//! Contracts that several subjects use.

use crate::workload::edges::{
    asm::{Arg, Asm, Op, init_code},
    stage::Stage,
};
use alloy_primitives::{Address, B256, Bytes, keccak256};

/// Where contracts count calls without data.
const COUNTED_SLOT: u64 = 0;

/// Counts calls and tells the number before.
pub(super) fn counter() -> Bytes {
    Asm::new().tell(Arg::Slot(COUNTED_SLOT)).count_up(COUNTED_SLOT).bytes()
}

/// Counts calls without data; with data it is destroyed, and the first word is its heir.
pub(super) fn victim() -> Bytes {
    let destroyed_with_data = Asm::new().when(Arg::Of(Op::CallDataSize), |asm| {
        asm.tell(Arg::Slot(COUNTED_SLOT)).destroy(Arg::Input(0))
    });
    destroyed_with_data.tell(Arg::Slot(COUNTED_SLOT)).count_up(COUNTED_SLOT).bytes()
}

/// Init code of a [`victim`] that first tells what is in the slot where it counts.
pub(super) fn victims_init() -> Bytes {
    Asm::new().tell(Arg::Slot(COUNTED_SLOT)).deploying(&victim())
}

/// Init code of a [`counter`].
pub(super) fn counters_init() -> Bytes {
    init_code(&counter())
}

/// Pays what came with the call to the address in the first word.
pub(super) fn forwarder() -> Bytes {
    let pays = |asm: Asm| asm.call(Arg::Input(0), Arg::Of(Op::CallValue)).log();
    Asm::new().when(Arg::Of(Op::CallDataSize), pays).bytes()
}

/// A contract that creates a [`victim`] at one and the same address, whenever it is called with
/// data, and that address.
pub(super) fn nest(stage: &mut Stage<'_>) -> (Address, Address) {
    let init = victims_init();
    let hatch = |asm: Asm| asm.create2(&victims_init(), Arg::Of(Op::CallValue), Arg::Word(0)).log();
    let code = Asm::new().when(Arg::Of(Op::CallDataSize), hatch).bytes();
    let nest = stage.contract("nest", code);
    let egg = nest.create2(B256::ZERO, keccak256(init));
    stage.name("egg", egg);
    (nest, egg)
}

/// A contract that creates a [`victim`] and destroys it at once, when it is called with data: the
/// first word is the heir. Returns it and the victim's address.
pub(super) fn mother(stage: &mut Stage<'_>) -> (Address, Address) {
    let mother = stage.absent("mother");
    let init = victims_init();
    let child = mother.create2(B256::ZERO, keccak256(&init));
    stage.name("child", child);
    let code = Asm::new().when(Arg::Of(Op::CallDataSize), |asm| {
        let created = asm.create2(&init, Arg::Of(Op::CallValue), Arg::Word(0)).log();
        created.call_with(Arg::At(child), Arg::Word(0), Arg::Input(0)).log()
    });
    stage.place(mother, code.bytes(), alloy_primitives::U256::ZERO, &[]);
    (mother, child)
}
