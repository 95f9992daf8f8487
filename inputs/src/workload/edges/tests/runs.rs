//! What shows that code ran long, looked back, or failed.

use super::{Fork, View, view::has_code};
use alloy_primitives::{Address, U256};

pub(super) fn block_hashes(view: &View<'_>) -> bool {
    let told = view.logs_of(view.of("historian"));
    told.iter().any(U256::is_zero) && told.iter().any(|hash| !hash.is_zero())
}

/// Much gas: as much as the fork allows.
fn much_gas(view: &View<'_>) -> u64 {
    if view.fork >= Fork::Osaka { 1 << 24 } else { 1 << 52 }
}

pub(super) fn endless_loop(view: &View<'_>) -> bool {
    let looper = view.of("looper");
    let long = view.to(looper).into_iter().filter(|sent| sent.gas_limit() == much_gas(view));
    // The flag was down when the block began, so that each run would never have ended.
    let never_before = view.slot_before(looper, 0).is_zero();
    never_before && long.filter(|sent| sent.success).count() >= 2
}

pub(super) fn loop_between_slots(view: &View<'_>) -> bool {
    let looper = view.of("looper");
    let long = view.to(looper).into_iter().filter(|sent| sent.gas_limit() == much_gas(view));
    // Now slot 0 is above where slot 1 was, and slot 1 below where slot 0 was.
    let has_moved = view.slot_at_the_end(looper, 0) == U256::from(5);
    has_moved && long.filter(|sent| sent.success).count() == 3
}

pub(super) fn huge_gas(view: &View<'_>) -> bool {
    let meter = view.of("meter");
    view.slot_at_the_end(meter, 0) > U256::from((1_u64 << 52) - 100_000)
}

pub(super) fn failed_writes(view: &View<'_>) -> bool {
    let (writer, created) = (view.of("writer"), view.of("never created"));
    let failed = view.to(writer).into_iter().filter(|sent| !sent.success).count();
    let n_good = view.told(writer).into_iter().filter(|sent| sent.success).count();
    let counted = view.slot_at_the_end(writer, 0) == U256::from(n_good);
    failed >= 2 && n_good >= 2 && counted && !has_code(view.at_the_end(created))
}

pub(super) fn pay_to_failing(view: &View<'_>) -> bool {
    let failing = view.of("failing");
    let has_failed =
        view.to(failing).iter().any(|sent| !sent.success && !sent.tx_value().is_zero());
    has_failed && view.slot_at_the_end(failing, 0).is_zero()
}

pub(super) fn inner_failure(view: &View<'_>) -> bool {
    let (inner, outer) = (view.of("inner"), view.of("outer"));
    let n_good = view.to(outer).into_iter().filter(|sent| sent.success).count();
    n_good >= 3
        && view.slot_at_the_end(inner, 0).is_zero()
        && view.slot_at_the_end(outer, 0) >= U256::from(3)
}

pub(super) fn out_of_gas(view: &View<'_>) -> bool {
    let sent = view.to(view.of("counter"));
    sent.iter().any(|sent| !sent.success) && sent.iter().any(|sent| sent.success)
}

pub(super) fn precompiles(view: &View<'_>) -> bool {
    let precompiles = (1..=9).map(Address::with_last_byte);
    let touched = |address: &Address| view.to(*address).iter().any(|it| it.tx_value().is_zero());
    let toucher_failed = view.slot_at_the_end(view.of("outer"), 0) > U256::ZERO;
    toucher_failed && precompiles.filter(touched).count() > 0
}
