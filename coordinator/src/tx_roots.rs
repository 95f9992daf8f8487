//! State roots after each transaction, which receipts before Byzantium hold: joined from the root
//! nodes that the shards answer by index.

use crate::seal::not_joined;
use alloy_primitives::{B256, Bytes};
use engine::{ids::AccessIndex, trie};
use proto::status::{Code, Status};

/// One shard's root node after index 0 and after every later index that wrote there, ascending.
pub(crate) type IndexRootNodes = Vec<(AccessIndex, Bytes)>;

/// Joins the shards' root nodes, one list a shard in the shards' order, into the state root after
/// each transaction.
///
/// # Errors
/// `Internal` if a shard did not say what its root node was before the first transaction, or if
/// what it said is no node; `FailedPrecondition` if a root depends on a node that a witness lacks.
pub(crate) fn tx_roots(
    shards: &[IndexRootNodes],
    n_transactions: usize,
) -> Result<Vec<B256>, Status> {
    let mut rest: Vec<&[(AccessIndex, Bytes)]> = shards.iter().map(Vec::as_slice).collect();
    let mut nodes = vec![None; rest.len()];
    advance(&mut rest, &mut nodes, AccessIndex::PRE_BLOCK);
    let mut root = join(&nodes)?;
    let mut roots = Vec::with_capacity(n_transactions);
    for offset in 0..n_transactions {
        if advance(&mut rest, &mut nodes, AccessIndex::of_transaction(offset)) {
            root = join(&nodes)?;
        }
        roots.push(root);
    }
    Ok(roots)
}

/// Goes on to the nodes as they are after `index`; tells whether one became another.
fn advance<'a>(
    rest: &mut [&'a [(AccessIndex, Bytes)]],
    nodes: &mut [Option<&'a Bytes>],
    index: AccessIndex,
) -> bool {
    let mut is_changed = false;
    for (rest, node) in rest.iter_mut().zip(nodes) {
        while let Some(((_, next), later)) = rest.split_first().filter(|(it, _)| it.0 <= index) {
            (*node, *rest) = (Some(next), later);
            is_changed = true;
        }
    }
    is_changed
}

fn join(nodes: &[Option<&Bytes>]) -> Result<B256, Status> {
    if let Some(shard) = nodes.iter().position(Option::is_none) {
        let message = format!("state shard {shard} did not answer its root node after index 0");
        return Err(Status::new(Code::Internal, message));
    }
    let nodes = nodes.iter().flatten().map(|node| node.as_ref());
    trie::join(nodes).map_err(|error| not_joined(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U256};
    use engine::{
        account::Account,
        fold::{AccountDiff, StateDiff},
        shard::ShardCount,
        trie::StateTrie,
    };

    /// A change of one account's balance.
    fn paid(account: u8, balance: u64) -> StateDiff {
        let change = AccountDiff {
            account: Some(Account { balance: U256::from(balance), ..Account::default() }),
            ..AccountDiff::default()
        };
        let accounts = [(Address::repeat_byte(account), change)].into();
        StateDiff { accounts, ..StateDiff::default() }
    }

    /// The states after index 0 and after each of `changes`, whole and by shard.
    fn states(count: ShardCount, changes: &[StateDiff]) -> (Vec<B256>, Vec<IndexRootNodes>) {
        let mut whole = StateTrie::default();
        let mut parts = vec![StateTrie::default(); usize::from(count.get())];
        let mut roots = Vec::new();
        let mut nodes = vec![Vec::new(); parts.len()];
        for (position, change) in (0..).zip(changes) {
            whole.apply(change).unwrap();
            roots.push(whole.root().unwrap());
            for (shard, (part, nodes)) in count.indices().zip(parts.iter_mut().zip(&mut nodes)) {
                let mine = |address: &Address| count.shard_of(address) == shard;
                let accounts = change.accounts.clone().into_iter().filter(|(it, _)| mine(it));
                let accounts: std::collections::BTreeMap<_, _> = accounts.collect();
                if position == 0 || !accounts.is_empty() {
                    part.apply(&StateDiff { accounts, ..StateDiff::default() }).unwrap();
                    nodes.push((AccessIndex::new(position), part.root_node()));
                }
            }
        }
        (roots, nodes)
    }

    #[test]
    fn roots_by_transaction_are_those_of_the_whole_state() {
        let mut changes: Vec<_> = (0..40).map(|n| paid(n % 13, 1 + u64::from(n))).collect();
        changes.insert(20, StateDiff::default());
        for n_shards in [1, 2, 4, 16] {
            let (roots, nodes) = states(ShardCount::new(n_shards).unwrap(), &changes);
            assert_eq!(tx_roots(&nodes, 40).unwrap(), roots[1..], "{n_shards} shards");
            assert!(tx_roots(&nodes, 0).unwrap().is_empty(), "{n_shards} shards");
        }
    }

    #[test]
    fn a_shard_that_does_not_say_where_it_began_is_named() {
        let count = ShardCount::new(4).unwrap();
        let (_, mut nodes) = states(count, &[paid(1, 1), paid(2, 2), paid(3, 3)]);
        nodes[1].remove(0);
        let refused = tx_roots(&nodes, 2).unwrap_err();
        assert_eq!(refused.code, Code::Internal);
        assert!(refused.message.contains("state shard 1"), "{refused}");
    }
}
