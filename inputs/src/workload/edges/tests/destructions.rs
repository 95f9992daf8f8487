//! What shows that contracts were destroyed, and came back.

use super::{
    Fork, View,
    view::{has_code, is_empty},
};
use alloy_primitives::U256;

/// Whether SELFDESTRUCT still destroys what an earlier transaction created.
fn destroys(view: &View<'_>) -> bool {
    view.fork < Fork::Cancun
}

pub(super) fn destroy_and_revive(view: &View<'_>) -> bool {
    let egg = view.of("egg");
    view.is_own() && view.births(egg).len() >= 3 && view.deaths(egg).len() >= 3
}

pub(super) fn revive_over_old_slots(view: &View<'_>) -> bool {
    let egg = view.of("egg");
    let had_slots = view.slot_before(egg, 5) == U256::from(99);
    let is_back = has_code(view.at_the_end(egg)) && view.slot_at_the_end(egg, 5).is_zero();
    had_slots && !view.deaths(egg).is_empty() && is_back
}

pub(super) fn revive_too_early(view: &View<'_>) -> bool {
    let (egg, hurried) = (view.of("egg"), view.of("hurried"));
    let Some(early) = view.told(hurried).first().copied() else { return false };
    let is_gone = view.deaths(egg) == [early.index] && view.after(early.index, egg).is_none();
    early.success && is_gone && view.births(egg).len() == 1
}

pub(super) fn transient(view: &View<'_>, role: &str) -> bool {
    let child = view.of(role);
    let was_paid = view.lives(child).iter().any(|life| life.is_some() && !has_code(*life));
    view.deaths(child).len() >= 3 && view.births(child).is_empty() && was_paid
}

/// A destruction that went well, and its index, before which the victim had code.
fn destruction(view: &View<'_>, role: &str) -> Option<usize> {
    let victim = view.of(role);
    let had_code = |index: &usize| has_code(view.before(*index, victim));
    let told = view.told(victim).into_iter().filter(|sent| sent.success);
    let index = told.map(|sent| sent.index).find(had_code)?;
    (view.deaths(victim).contains(&index) == destroys(view)).then_some(index)
}

/// A destruction, and a payment to the place that it left.
pub(super) fn destroyed_to(view: &View<'_>, role: &str) -> bool {
    let victim = view.of(role);
    destruction(view, role).is_some_and(|index| {
        view.to(victim).iter().any(|sent| sent.index > index && !sent.tx_value().is_zero())
    })
}

pub(super) fn destroyed_to_beneficiary(view: &View<'_>) -> bool {
    view.beneficiary() == view.of("beneficiary") && destroyed_to(view, "victim")
}

pub(super) fn destroyed_to_absent(view: &View<'_>) -> bool {
    let heir = view.of("heir");
    destruction(view, "victim").is_some_and(|index| {
        view.before(index, heir).is_none() && view.after(index, heir).is_some()
    })
}

pub(super) fn destroyed_with_nothing(view: &View<'_>) -> bool {
    let heirs = [view.of("absent heir"), view.of("empty heir")];
    let victims = ["victim of the absent", "victim of the empty"];
    let creates = view.fork < Fork::Spurious;
    let [Some(first), Some(second)] = victims.map(|role| destruction(view, role)) else {
        return false;
    };
    let absent =
        view.before(first, heirs[0]).is_none() && is_empty(view.after(first, heirs[0])) == creates;
    let empty = is_empty(view.before(second, heirs[1]))
        && is_empty(view.after(second, heirs[1])) == creates;
    absent && empty
}

pub(super) fn destroyed_twice_in_one(view: &View<'_>) -> bool {
    let heirs = [view.of("first heir"), view.of("second heir")];
    let sent = view.told(view.of("killer"));
    sent.first().is_some_and(|sent| {
        let got = heirs.map(|heir| {
            view.balance_after(sent.index, heir) - view.balance_before(sent.index, heir)
        });
        sent.success && got[0] >= U256::from(5) && got[1] == U256::from(2)
    })
}

pub(super) fn destroyed_by_library(view: &View<'_>) -> bool {
    let library = view.of("library");
    destroyed_to(view, "victim")
        && view.deaths(library).is_empty()
        && has_code(view.at_the_end(library))
}

pub(super) fn destroyed_and_failed(view: &View<'_>) -> bool {
    let (victim, heir) = (view.of("victim"), view.of("heir"));
    view.to(view.of("outer")).first().is_some_and(|sent| {
        let nothing_happened = view.after(sent.index, heir).is_none();
        sent.success && nothing_happened && has_code(view.after(sent.index, victim))
    })
}

pub(super) fn beneficiary_is_destroyed(view: &View<'_>) -> bool {
    let beneficiary = view.of("beneficiary");
    let got_fees_after = destruction(view, "beneficiary").is_some_and(|index| {
        let left = view.balance_after(index, beneficiary);
        view.sent().len() > index && view.at_the_end(beneficiary).unwrap_or_default().balance > left
    });
    view.beneficiary() == beneficiary && got_fees_after
}
