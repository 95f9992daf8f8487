//! Tries of up to 100,000 keys, and the work that changes cost as tries grow.

use super::{
    map::{insert, rebuilt, remove, root_node},
    rng::Rng,
};
use crate::trie::{
    Work, join,
    map::{Top, Trie},
    node::Node,
    path::nibble,
};
use alloy_primitives::{B256, Bytes};
use std::collections::BTreeMap;

/// A key as a hash has them: no two of these have much in common.
fn hashed(rng: &mut Rng) -> B256 {
    let mut key = B256::ZERO;
    key.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&rng.next().to_be_bytes()));
    key
}

fn account_sized(rng: &mut Rng) -> Bytes {
    let mut value = vec![1; 70];
    value[..8].copy_from_slice(&rng.next().to_be_bytes());
    value.into()
}

/// The tries of a number of shards, which together hold some keys.
struct Shards(Vec<Trie<Bytes>>);

impl Shards {
    fn of(leaves: &BTreeMap<B256, Bytes>, n_shards: usize) -> Self {
        let mut shards = Self(vec![Trie::default(); n_shards]);
        for (key, value) in leaves {
            insert(shards.owner(key), *key, value.clone());
        }
        shards
    }

    fn owner(&mut self, key: &B256) -> &mut Trie<Bytes> {
        let at = usize::from(nibble(key, 0)) * self.0.len() / 16;
        &mut self.0[at]
    }

    fn root(&self) -> B256 {
        let nodes: Vec<_> = self.0.iter().map(root_node).collect();
        join(nodes.iter().map(AsRef::as_ref)).unwrap()
    }
}

#[test]
fn up_to_100_000_keys_have_the_root_of_a_rebuild_through_inserts_updates_and_deletes() {
    for n_keys in [0, 1, 2, 17, 1_000, 100_000] {
        let mut rng = Rng::new(n_keys);
        let mut leaves: BTreeMap<B256, Bytes> =
            (0..n_keys).map(|_| (hashed(&mut rng), account_sized(&mut rng))).collect();
        let mut all: Vec<Shards> =
            [1, 2, 4, 8, 16].into_iter().map(|n_shards| Shards::of(&leaves, n_shards)).collect();
        for (round, n_changes) in [0, n_keys / 20 + 2, n_keys].into_iter().enumerate() {
            let keys: Vec<_> = leaves.keys().copied().collect();
            for _ in 0..n_changes {
                let is_new = keys.is_empty() || rng.one_in(10);
                let key = if is_new { hashed(&mut rng) } else { *rng.pick(&keys) };
                // The last round takes away more than half of what there is.
                if rng.one_in(if round == 2 { 1 } else { 10 }) {
                    leaves.remove(&key);
                    all.iter_mut().for_each(|shards| remove(shards.owner(&key), &key));
                } else {
                    let value = account_sized(&mut rng);
                    leaves.insert(key, value.clone());
                    all.iter_mut()
                        .for_each(|shards| insert(shards.owner(&key), key, value.clone()));
                }
            }
            let expected = rebuilt(&leaves).0;
            for shards in &all {
                let n_shards = shards.0.len();
                assert_eq!(shards.root(), expected, "{n_keys} keys, round {round}, {n_shards}");
            }
        }
        assert!(n_keys < 100 || leaves.len() < 60_000, "{}", leaves.len());
    }
}

/// Mean number of nodes from the root to a leaf, both counted.
fn mean_depth(trie: &Trie<Bytes>) -> f64 {
    fn visit(node: &Node<Bytes>, depth: u32, total: &mut (f64, f64)) {
        match node {
            Node::Branch(branch) => {
                branch.children.iter().for_each(|child| visit(child, depth + 1, total));
            }
            Node::Leaf(_) | Node::Blind(_) => *total = (total.0 + f64::from(depth), total.1 + 1.0),
        }
    }
    let mut total = (0.0, 0.0);
    visit(trie.root.as_ref().unwrap(), 1, &mut total);
    total.0 / total.1
}

/// Nodes read and hashed per changed key, with the mean depth, of a trie of so many keys.
fn work_per_key(n_keys: usize) -> [f64; 3] {
    const N_CHANGED: usize = 1_000;
    let mut rng = Rng::new(1);
    let mut keys: Vec<B256> = (0..n_keys).map(|_| hashed(&mut rng)).collect();
    keys.sort_unstable();
    let value = account_sized(&mut rng);
    let mut trie = Trie::<Bytes>::default();
    keys.iter().for_each(|key| insert(&mut trie, *key, value.clone()));
    trie.root_hash(&mut Work::default());
    let depth = mean_depth(&trie);
    let mut work = Work::default();
    for _ in 0..N_CHANGED * 9 / 10 {
        trie.insert(*rng.pick(&keys), account_sized(&mut rng), &mut work).unwrap();
    }
    for _ in 0..N_CHANGED / 20 {
        trie.insert(hashed(&mut rng), account_sized(&mut rng), &mut work).unwrap();
        trie.remove(rng.pick(&keys), Top::Whole, &mut work).unwrap();
    }
    trie.root_hash(&mut work);
    let per_key = |nodes: u64| f64::from(u32::try_from(nodes).unwrap()) / N_CHANGED as f64;
    [per_key(work.nodes_read), per_key(work.nodes_hashed), depth]
}

#[test]
fn work_per_changed_key_grows_with_the_depth_and_not_with_the_number_of_keys() {
    let [read, hashed, depth] = work_per_key(100_000);
    let [read_more, hashed_more, deeper] = work_per_key(1_000_000);
    let added = deeper - depth;

    assert!((0.5..1.2).contains(&added), "{added}");
    assert!(read > 2.0 && hashed > 2.0, "{read} read, {hashed} hashed");
    assert!(read_more - read <= added, "{read} and {read_more} read, {added} deeper");
    assert!(hashed_more - hashed <= added, "{hashed} and {hashed_more}, {added} deeper");
}
