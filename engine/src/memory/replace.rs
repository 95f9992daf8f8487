//! Replaces what an index wrote, and finds who above may see something else now.

use super::{
    BlockMemory, ChangedKeys, changed_keys, readers::Readers, readers::account_keys, value_of,
};
use crate::{
    access::{AccessKey, WriteSet},
    account::Account,
    ids::AccessIndex,
};
use alloy_primitives::Address;
use std::{collections::BTreeSet, sync::Arc};

/// An account before and after; the outer `None` where the Snapshot's part of it is not known.
type BeforeAfter = (Option<Option<Account>>, Option<Option<Account>>);

/// Replaces what an index wrote (`None` takes it away), and adds the readers above it whose reads
/// may have changed to `found`. `base` gives the Snapshot's accounts as far as they are known.
pub(crate) fn replace(
    memory: &mut BlockMemory,
    readers: &Readers,
    (index, writes): (AccessIndex, Option<Arc<WriteSet>>),
    base: impl Fn(&Address) -> Option<Option<Account>>,
    found: &mut BTreeSet<AccessIndex>,
) {
    let changed = changed_keys(memory.get(index).map(AsRef::as_ref), writes.as_deref());
    let above = index.next();
    let account =
        |memory: &BlockMemory, address: &Address| memory.account(address, above, || base(address));
    // Where nobody above reads, it does not matter what was there.
    let accounts: Vec<_> = changed
        .iter()
        .filter(|change| change.account && readers.any_of_account(&change.address, index))
        .map(|change| (change.address, account(memory, &change.address)))
        .collect();
    match writes {
        Some(writes) => drop(memory.put(index, writes)),
        None => drop(memory.remove(index)),
    }
    for (address, before) in accounts {
        let after = account(memory, &address);
        find_account_readers(readers, address, index, (before, after), found);
    }
    for ChangedKeys { address, all_slots, slots, .. } in changed {
        if all_slots {
            readers.of_all_slots(address, index, found);
        }
        for slot in slots {
            readers.of_key(&AccessKey::Slot(address, slot), index, found);
        }
    }
}

/// Where an account comes out of an index as it did before, nobody above can tell. A balance,
/// nonce or code hash above depends on the same value here; existence on all of them, because
/// a write above can leave any one of them as the last that is not zero.
fn find_account_readers(
    readers: &Readers,
    address: Address,
    index: AccessIndex,
    (before, after): BeforeAfter,
    found: &mut BTreeSet<AccessIndex>,
) {
    let comparable = before.as_ref().zip(after.as_ref());
    if comparable.is_some_and(|(before, after)| before == after) {
        return;
    }
    for key in account_keys(address) {
        let is_same = |(before, after): (&Option<Account>, &Option<Account>)| {
            value_of(&key, before.as_ref()) == value_of(&key, after.as_ref())
        };
        if matches!(key, AccessKey::Existence(_)) || !comparable.is_some_and(is_same) {
            readers.of_key(&key, index, found);
        }
    }
}
