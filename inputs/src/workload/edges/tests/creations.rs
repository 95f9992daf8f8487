//! What shows that creations counted nonces, failed and collided.

use super::{
    Fork, View,
    view::{has_code, nonce},
};
use alloy_primitives::U256;

pub(super) fn creator_nonces(view: &View<'_>) -> bool {
    let (creator, failing) = (view.of("creator"), view.of("failing creator"));
    // Two are created, the third creation is one that the creator cannot endow.
    let counts_two = view.told(creator).iter().any(|sent| {
        let (before, after) = (view.before(sent.index, creator), view.after(sent.index, creator));
        sent.success && nonce(after) == nonce(before) + 2
    });
    // Before EIP-150 a creation takes all gas with it, and so its creator too.
    let is_whole = view.fork < Fork::Tangerine;
    let counts_failure = view.to(failing).iter().any(|sent| {
        let (before, after) = (view.before(sent.index, failing), view.after(sent.index, failing));
        sent.success && nonce(after) == nonce(before) + 1 && has_code(after)
    });
    counts_two && (is_whole || counts_failure)
}

pub(super) fn failed_creation(view: &View<'_>) -> bool {
    let [failed, short, created] = ["failed", "short", "created"].map(|role| view.of(role));
    let sent = view.by(view.of("creator"));
    let [first, second, third] = sent[..] else { return false };
    // Frontier leaves a contract without the code that could not be paid.
    let is_short = second.success == (view.fork == Fork::Frontier);
    let is_none = [failed, short].iter().all(|address| !has_code(view.at_the_end(*address)));
    !first.success && is_short && third.success && is_none && has_code(view.at_the_end(created))
}

pub(super) fn create_collision(view: &View<'_>) -> bool {
    let [taken, created] = ["taken", "created"].map(|role| view.of(role));
    let sent = view.by(view.of("creator"));
    let [collides, creates] = sent[..] else { return false };
    let is_kept = view.before(collides.index, taken) == view.after(collides.index, taken);
    !collides.success && is_kept && creates.success && has_code(view.at_the_end(created))
}

pub(super) fn create2_collision(view: &View<'_>) -> bool {
    let (nest, egg) = (view.of("nest"), view.of("egg"));
    let failures = view.logs_of(nest).into_iter().filter(U256::is_zero);
    let counted = nonce(view.at_the_end(nest)) >= 4;
    view.births(egg).len() == 1 && failures.count() >= 2 && counted
}

pub(super) fn deploy_and_call(view: &View<'_>) -> bool {
    let contract = view.of("contract");
    let Some(&born) = view.births(contract).first() else { return false };
    let called = view.to(contract);
    let before = called.iter().any(|sent| sent.index < born);
    before && called.iter().any(|sent| sent.index > born && sent.success)
}

pub(super) fn init_reads_slots(view: &View<'_>) -> bool {
    view.all("created").all(|created| {
        // Nothing was there, and the last is what init code stored itself.
        let told = view.logs_of(created);
        has_code(view.at_the_end(created))
            && told.len() >= 3
            && told[..3] == [U256::ZERO, U256::ZERO, U256::ONE]
    })
}
