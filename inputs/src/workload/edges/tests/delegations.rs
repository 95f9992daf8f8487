//! What shows that accounts were delegated, and what they did then.

use super::{
    Sent, View,
    view::{has_code, nonce},
};
use alloy_primitives::{Address, U256};

/// How much a transaction adds to an account's nonce.
fn counted(view: &View<'_>, sent: &Sent<'_>, address: Address) -> u64 {
    nonce(view.after(sent.index, address)) - nonce(view.before(sent.index, address))
}

/// How often the authority's code became another one, none included.
pub(super) fn n_delegations(view: &View<'_>) -> usize {
    let lives = view.lives(view.of("authority"));
    let code = |life: &Option<engine::account::Account>| life.map(|account| account.code_hash);
    lives.windows(2).filter(|pair| code(&pair[0]) != code(&pair[1])).count()
}

pub(super) fn set_and_cleared(view: &View<'_>) -> bool {
    n_delegations(view) >= 3 && view.births(view.of("authority")).len() == 2
}

pub(super) fn by_oneself(view: &View<'_>) -> bool {
    let own = view.of("self");
    let sent = view.by(own);
    let twice = sent.iter().filter(|sent| sent.n_grants() > 0 && counted(view, sent, own) == 2);
    sent.len() >= 5 && twice.count() == 3
}

pub(super) fn to_odd(view: &View<'_>) -> bool {
    let (nobody, last) = (view.of("nobody"), view.of("delegated to the counter"));
    view.lives(nobody)[0].is_none() && has_code(view.at_the_end(last))
}

pub(super) fn to_coming(view: &View<'_>) -> bool {
    let (authority, coming) = (view.of("authority"), view.of("coming"));
    let (Some(&delegated), Some(&came)) =
        (view.births(authority).first(), view.births(coming).first())
    else {
        return false;
    };
    let used = |after: usize, before: usize| {
        view.to(authority).iter().any(|sent| (after + 1..before).contains(&sent.index))
    };
    used(delegated, came) && used(came, usize::MAX)
}

pub(super) fn creates(view: &View<'_>) -> bool {
    let authority = view.of("authority");
    let by_others = view.told(authority).into_iter().any(|sent| {
        sent.sender != authority && sent.n_grants() == 0 && counted(view, &sent, authority) == 1
    });
    let by_itself = view.by(authority).iter().any(|sent| counted(view, sent, authority) == 2);
    let children = ["first child", "second child"];
    by_others && by_itself && children.iter().all(|it| has_code(view.at_the_end(view.of(it))))
}

pub(super) fn sends(view: &View<'_>) -> bool {
    let authority = view.of("authority");
    let sent = view.by(authority);
    let delegated = sent.iter().filter(|sent| has_code(view.before(sent.index, authority)));
    delegated.count() >= 3 && has_code(view.at_the_end(view.of("created")))
}

pub(super) fn destroys(view: &View<'_>) -> bool {
    let (authority, heir) = (view.of("authority"), view.of("heir"));
    let moved = view.told(authority).iter().any(|sent| {
        let gone = view.balance_after(sent.index, authority).is_zero();
        gone && view.balance_after(sent.index, heir) >= U256::from(1_000)
    });
    moved && view.deaths(authority).is_empty() && has_code(view.at_the_end(authority))
}

pub(super) fn many_of_one(view: &View<'_>) -> bool {
    let authority = view.of("authority");
    let sent = view.sent();
    let four = sent.iter().any(|sent| sent.n_grants() == 4 && counted(view, sent, authority) == 4);
    four && !has_code(view.at_the_end(authority))
}

pub(super) fn bad(view: &View<'_>) -> bool {
    let (authority, coded) = (view.of("authority"), view.of("authority with code"));
    let code = |life: Option<engine::account::Account>| life.map(|account| account.code_hash);
    let is_kept = code(view.lives(coded)[0]) == code(view.at_the_end(coded));
    let lists: Vec<_> = view.sent().into_iter().filter(|sent| sent.n_grants() == 4).collect();
    let none = lists.first().is_some_and(|sent| counted(view, sent, authority) == 0);
    let one = lists.get(1).is_some_and(|sent| counted(view, sent, authority) == 1);
    none && one && is_kept
}

pub(super) fn absent(view: &View<'_>) -> bool {
    let sent = view.sent();
    let Some(sent) = sent.iter().find(|sent| sent.n_grants() == 3) else { return false };
    let [kept, cleared, refused] = ["kept", "cleared", "refused"].map(|role| {
        let address = view.of(role);
        (view.before(sent.index, address), view.after(sent.index, address))
    });
    let begins = kept.0.is_none() && has_code(kept.1);
    let begins_bare = cleared.0.is_none() && nonce(cleared.1) == 1 && !has_code(cleared.1);
    begins && begins_bare && refused == (None, None)
}

pub(super) fn is_recipient(view: &View<'_>) -> bool {
    let authority = view.of("authority");
    let sent = view.to(authority);
    sent.iter().filter(|sent| sent.n_grants() == 1).count() == 3 && n_delegations(view) == 3
}

pub(super) fn is_beneficiary(view: &View<'_>) -> bool {
    let authority = view.of("authority");
    let was_absent = view.lives(authority)[0].is_none();
    view.beneficiary() == authority && was_absent && n_delegations(view) >= 3
}
