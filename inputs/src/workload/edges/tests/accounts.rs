//! What shows that balances met accounts that were absent, empty, poor or too rich.

use super::{
    Fork, View,
    view::{has_code, is_empty},
};
use alloy_primitives::{Address, U256};

fn creates_by_touch(view: &View<'_>) -> bool {
    view.fork < Fork::Spurious
}

/// A touch without value met the account as it was, and the fork's rule decided.
fn touched(view: &View<'_>, address: Address, was_empty: bool) -> bool {
    view.to(address).iter().any(|sent| {
        let (before, after) = (view.before(sent.index, address), view.after(sent.index, address));
        let met = if was_empty { is_empty(before) } else { before.is_none() };
        sent.tx_value().is_zero() && met && is_empty(after) == creates_by_touch(view)
    })
}

fn appears(view: &View<'_>, address: Address) -> bool {
    let lives = view.lives(address);
    lives.windows(2).any(|pair| pair[0].is_none() && pair[1].is_some())
}

pub(super) fn credits_to_absent(view: &View<'_>) -> bool {
    let withdrawn = view.fork < Fork::Shanghai
        || (view.withdrawn(view.of("withdrawn nothing")).contains(&0)
            && view.withdrawn(view.of("withdrawn")).contains(&2));
    touched(view, view.of("touched"), false) && appears(view, view.of("paid")) && withdrawn
}

pub(super) fn credits_to_empty(view: &View<'_>) -> bool {
    let touched = view.of("touched");
    let lives = view.lives(touched);
    // A probe or a look may have been the touch that cleared it.
    let was_touched = if creates_by_touch(view) {
        is_empty(lives[0]) && !view.sent().is_empty()
    } else {
        is_empty(lives[0]) && lives.iter().any(Option::is_none)
    };
    let withdrawn =
        view.fork < Fork::Shanghai || view.withdrawn(view.of("withdrawn nothing")).contains(&0);
    was_touched && is_empty(view.lives(view.of("paid"))[0]) && withdrawn
}

/// Paid before it had code, and after; it is the beneficiary besides.
fn paid_around_code(view: &View<'_>, address: Address) -> bool {
    let Some(&born) = view.births(address).first() else { return false };
    let paid = view.to(address);
    let before = paid.iter().any(|sent| sent.index < born && !sent.tx_value().is_zero());
    let after = paid.iter().any(|sent| sent.index > born && !sent.tx_value().is_zero());
    let withdrawn = view.fork < Fork::Shanghai || view.withdrawn(address).contains(&3);
    before && after && withdrawn && view.beneficiary() == address
}

pub(super) fn credit_then_code(view: &View<'_>) -> bool {
    paid_around_code(view, view.of("contract"))
}

pub(super) fn credit_then_delegation(view: &View<'_>) -> bool {
    paid_around_code(view, view.of("authority"))
}

pub(super) fn self_transfer(view: &View<'_>) -> bool {
    let own = view.of("self");
    let to_itself = |sent: &super::Sent<'_>| sent.tx_to() == Some(own);
    view.by(own).iter().any(|sent| to_itself(sent) && !sent.tx_value().is_zero() && sent.success)
}

pub(super) fn beneficiary_sends(view: &View<'_>) -> bool {
    let own = view.of("beneficiary");
    let sends = view.by(own);
    let to_itself = sends.iter().any(|sent| sent.tx_to() == Some(own));
    let receives = view.to(own).iter().any(|sent| sent.sender != own);
    view.beneficiary() == own && to_itself && receives && sends.len() >= 2
}

pub(super) fn zero_fees(view: &View<'_>, was_empty: bool) -> bool {
    let own = view.of("beneficiary");
    let for_nothing = view.sent().into_iter().filter(|sent| sent.tip(view.fork) == 0);
    let met = for_nothing.into_iter().any(|sent| {
        let (before, after) = (view.before(sent.index, own), view.after(sent.index, own));
        let met = if was_empty { is_empty(before) } else { before.is_none() };
        met && is_empty(after) == creates_by_touch(view)
    });
    view.beneficiary() == own && met && view.at_the_end(own).is_some()
}

/// The poor one sent, and could not have paid for it when the block began.
pub(super) fn cured(view: &View<'_>) -> bool {
    let poor = view.of("poor");
    let at_first = view.lives(poor)[0].unwrap_or_default().balance;
    view.is_own() && view.by(poor).iter().any(|sent| sent.success && at_first < sent.cost())
}

pub(super) fn cured_by_withdrawal(view: &View<'_>) -> bool {
    let poor = view.of("poor");
    !view.is_own() && view.by(poor).iter().any(|sent| sent.success)
}

pub(super) fn cured_of_code(view: &View<'_>) -> bool {
    has_code(view.lives(view.of("poor"))[0]) && cured(view)
}

/// What is left to the largest balance.
fn room(view: &View<'_>, index: usize, address: Address) -> U256 {
    U256::MAX - view.balance_before(index, address)
}

pub(super) fn overflow_by_fees(view: &View<'_>) -> bool {
    let rich = view.of("rich");
    let fits = |sent: &super::Sent<'_>, gas: u64| {
        U256::from(gas) * U256::from(sent.tip(view.fork)) <= room(view, sent.index, rich)
    };
    let is_lost = |sent: &super::Sent<'_>| {
        let same = view.balance_before(sent.index, rich) == view.balance_after(sent.index, rich);
        sent.tip(view.fork) > 0 && same && !fits(sent, sent.gas_limit())
    };
    let is_paid = |sent: &super::Sent<'_>| {
        view.balance_before(sent.index, rich) < view.balance_after(sent.index, rich)
    };
    let sent = view.sent();
    view.beneficiary() == rich && sent.iter().any(is_lost) && sent.iter().any(is_paid)
}

pub(super) fn overflow_by_transfer(view: &View<'_>) -> bool {
    let rich = view.of("rich");
    view.to(rich).iter().any(|sent| !sent.success && sent.tx_value() > room(view, sent.index, rich))
}

pub(super) fn overflow_together(view: &View<'_>) -> bool {
    let purse = view.of("purse");
    let sent = view.to(purse);
    let is_new = view.balance_before(sent[0].index, purse).is_zero();
    let fails =
        |sent: &super::Sent<'_>| !sent.success && sent.tx_value() > room(view, sent.index, purse);
    is_new && sent[0].success && sent.iter().any(fails)
}

pub(super) fn overflow_by_withdrawal(view: &View<'_>) -> bool {
    let rich = view.of("rich");
    let before_the_end = view.sent().len() + 1;
    let gwei: u64 = view.withdrawn(rich).iter().sum();
    U256::from(gwei) * U256::from(1_000_000_000) > room(view, before_the_end, rich)
}

pub(super) fn appear_and_vanish(view: &View<'_>) -> bool {
    let vanishing = view.lives(view.of("vanishing"));
    let vanishes = vanishing.windows(2).any(|pair| pair[0].is_some() && pair[1].is_none());
    appears(view, view.of("appearing")) && (vanishes || view.fork >= Fork::Cancun)
}
