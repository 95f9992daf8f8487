//! Tries of which only some nodes are known: right, or missing something, and never wrong.

use super::{
    map::{all_nodes, key, rebuilt, root_node, value},
    rng::Rng,
};
use crate::trie::{
    JoinError, Missing, WitnessError, Work, join,
    load::raw_trie,
    map::{Top, Trie},
    path::nibble,
};
use alloy_primitives::{B256, Bytes, keccak256};
use std::{collections::BTreeMap, ops::Range};

/// Keys with values to be set, or to be removed.
type Changes = BTreeMap<B256, Option<Bytes>>;

/// What there is, and what is to become of it.
struct Case {
    leaves: BTreeMap<B256, Bytes>,
    changes: Changes,
    root: B256,
    nodes: BTreeMap<B256, Bytes>,
    root_after: B256,
}

/// Why a root could not be computed.
#[derive(Debug)]
enum Stop {
    Load(WitnessError),
    Missing(Missing),
    Join(JoinError),
}

impl Stop {
    /// Returns the node that would have to be known.
    fn hash(&self) -> B256 {
        match self {
            Self::Load(WitnessError::RootMissing { hash })
            | Self::Missing(Missing { hash, .. })
            | Self::Join(JoinError::OnlyChildBlind { hash, .. }) => *hash,
            other => panic!("{other:?}"),
        }
    }
}

impl Case {
    /// Makes keys that share prefixes of any length, some of them all with one first nibble.
    fn new(rng: &mut Rng, min_value_len: usize) -> Self {
        let mut leaves = BTreeMap::new();
        let n_leaves = *rng.pick(&[1, 2, 3, 5, 20, 60]);
        let only_nibble = rng.one_in(3);
        let place = |mut key: B256| {
            key[0] = if only_nibble { 0x50 | key[0] & 0x0f } else { key[0] };
            key
        };
        let long = |rng: &mut Rng| {
            let mut value = value(rng).to_vec();
            let length = value.len().max(min_value_len);
            value.resize(length, 1);
            value.extend(rng.next().to_be_bytes());
            Bytes::from(value)
        };
        while leaves.len() < n_leaves {
            let value = if min_value_len > 0 { long(rng) } else { value(rng) };
            leaves.insert(place(key(rng, &leaves)), value);
        }
        let mut changes = Changes::new();
        if rng.one_in(4) {
            // All but one go: what is left moves up as far as it can.
            changes.extend(leaves.keys().skip(1).map(|key| (*key, None)));
            return Self::of(leaves, changes);
        }
        for _ in 0..rng.below(12) {
            let keys: Vec<_> = leaves.keys().copied().collect();
            let is_there = rng.one_in(2);
            let key = if is_there { *rng.pick(&keys) } else { place(key(rng, &leaves)) };
            let new = if min_value_len > 0 { long(rng) } else { value(rng) };
            changes.insert(key, (!rng.one_in(2)).then_some(new));
        }
        Self::of(leaves, changes)
    }

    fn of(leaves: BTreeMap<B256, Bytes>, changes: Changes) -> Self {
        let (root, nodes) = all_nodes(&leaves);
        let mut after = leaves.clone();
        for (key, value) in &changes {
            match value {
                Some(value) => after.insert(*key, value.clone()),
                None => after.remove(key),
            };
        }
        let root_after = rebuilt(&after).0;
        Self { leaves, changes, root, nodes, root_after }
    }

    /// Computes the root after the changes from some of the nodes, as one trie.
    fn root_whole(&self, known: &[Bytes]) -> Result<B256, Stop> {
        let mut trie = raw_trie(known, self.root, 0..16).map_err(Stop::Load)?;
        change(&mut trie, &self.changes, &(0..16), Top::Whole).map_err(Stop::Missing)?;
        Ok(trie.root_hash(&mut Work::default()))
    }

    /// Computes the root after the changes from some of the nodes, each first nibble by itself
    /// where the trie can be divided; returns whether it could.
    fn root_of_parts(&self, known: &[Bytes]) -> Result<(B256, bool), Stop> {
        let trie = raw_trie(known, self.root, 0..16).map_err(Stop::Load)?;
        let Some(mut parts) = trie.divide() else {
            return self.root_whole(known).map(|root| (root, false));
        };
        for (nibble, part) in (0..).zip(&mut parts) {
            change(part, &self.changes, &(nibble..nibble + 1), Top::Whole)
                .map_err(Stop::Missing)?;
        }
        let trie = Trie::unite(parts).map_err(Stop::Missing)?;
        Ok((trie.root_hash(&mut Work::default()), true))
    }

    /// Computes the root after the changes from some of the nodes, shard by shard.
    fn root_of_shards(&self, known: &[Bytes], n_shards: u8) -> Result<B256, Stop> {
        let mut root_nodes = Vec::new();
        for shard in 0..n_shards {
            let nibbles = shard * (16 / n_shards)..(shard + 1) * (16 / n_shards);
            let mut part = raw_trie(known, self.root, nibbles.clone()).map_err(Stop::Load)?;
            change(&mut part, &self.changes, &nibbles, Top::Part).map_err(Stop::Missing)?;
            root_nodes.push(root_node(&part));
        }
        join(root_nodes.iter().map(AsRef::as_ref)).map_err(Stop::Join)
    }

    /// Returns the nodes that a computation asks for, beginning with none.
    fn record(&self, compute: impl Fn(&[Bytes]) -> Result<B256, Stop>) -> Vec<Bytes> {
        let mut known = Vec::new();
        loop {
            match compute(&known) {
                Ok(root) => {
                    assert_eq!(root, self.root_after);
                    return known;
                }
                Err(stop) => known.push(self.nodes[&stop.hash()].clone()),
            }
        }
    }
}

/// Applies the changes whose keys begin with some nibbles: first what is set.
fn change(
    trie: &mut Trie<Bytes>,
    changes: &Changes,
    nibbles: &Range<u8>,
    top: Top,
) -> Result<(), Missing> {
    let here = || changes.iter().filter(|(key, _)| nibbles.contains(&nibble(key, 0)));
    for (key, value) in here() {
        if let Some(value) = value {
            trie.insert(*key, value.clone(), &mut Work::default())?;
        }
    }
    for (key, _) in here().filter(|(_, value)| value.is_none()) {
        trie.remove(key, top, &mut Work::default())?;
    }
    Ok(())
}

#[test]
fn a_root_is_computed_from_the_nodes_it_asks_for_and_from_none_fewer() {
    let (mut n_missing, mut n_nodes) = (0, 0);
    for seed in 0..600 {
        let case = Case::new(&mut Rng::new(seed), 0);
        let known = case.record(|known| case.root_whole(known));
        assert!(known.len() <= case.nodes.len(), "seed {seed}");
        n_nodes += known.len();
        for at in 0..known.len() {
            let mut fewer = known.clone();
            fewer.remove(at);
            match case.root_whole(&fewer) {
                Ok(root) => assert_eq!(root, case.root_after, "seed {seed} without node {at}"),
                Err(stop) => {
                    assert_eq!(stop.hash(), keccak256(&known[at]), "seed {seed}");
                    n_missing += 1;
                }
            }
        }
    }
    assert_eq!(n_missing, n_nodes, "every node that was asked for is needed");
    assert!(n_nodes > 3_000, "{n_nodes}");
}

#[test]
fn a_trie_that_is_changed_in_parts_needs_the_nodes_that_the_whole_needs() {
    let (mut n_divided, mut n_missing) = (0, 0);
    for seed in 0..600 {
        let case = Case::new(&mut Rng::new(seed), 0);
        let known = case.record(|known| case.root_whole(known));
        let (root, is_divided) = case.root_of_parts(&known).unwrap();
        assert_eq!(root, case.root_after, "seed {seed}");
        n_divided += u32::from(is_divided);
        for at in 0..known.len() {
            let mut fewer = known.clone();
            fewer.remove(at);
            let stop = case.root_of_parts(&fewer).unwrap_err();
            assert_eq!(stop.hash(), keccak256(&known[at]), "seed {seed} without node {at}");
            n_missing += 1;
        }
    }
    assert!(n_divided > 200 && n_missing > 3_000, "{n_divided}, {n_missing}");
}

#[test]
fn any_number_of_shards_finds_the_root_from_what_it_asks_for_or_says_what_is_missing() {
    let (mut n_missing, mut n_right, mut n_left_to_join) = (0, 0, 0);
    for seed in 0..80 {
        let case = Case::new(&mut Rng::new(seed), 70);
        let known_to_one = case.record(|known| case.root_whole(known));
        for n_shards in [1, 2, 4, 8, 16] {
            let root = case.root_of_shards(&known_to_one, n_shards);
            assert_eq!(root.unwrap(), case.root_after, "seed {seed}, {n_shards} shards");
            let known = case.record(|known| case.root_of_shards(known, n_shards));
            for at in 0..known.len() {
                let mut fewer = known.clone();
                fewer.remove(at);
                match case.root_of_shards(&fewer, n_shards) {
                    Ok(root) => {
                        assert_eq!(root, case.root_after, "seed {seed}, {n_shards}, without {at}");
                        n_right += 1;
                    }
                    Err(stop) => {
                        assert_eq!(stop.hash(), keccak256(&known[at]), "seed {seed}");
                        n_missing += 1;
                        n_left_to_join += u32::from(matches!(stop, Stop::Join(_)));
                    }
                }
            }
        }
    }
    assert!(n_missing > 1_500, "{n_missing}");
    assert_eq!(n_right, 0, "every node that was asked for is needed");
    assert!(n_left_to_join > 10, "{n_left_to_join}");
}

#[test]
fn what_a_trie_with_blind_nodes_answers_is_right() {
    let (mut n_answers, mut n_missing) = (0, 0);
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let case = Case::new(&mut rng, 0);
        let known: Vec<Bytes> = case
            .nodes
            .iter()
            .filter(|(hash, _)| **hash == case.root || !rng.one_in(4))
            .map(|(_, node)| node.clone())
            .collect();
        let trie = raw_trie(&known, case.root, 0..16).unwrap();
        let near = (0..20).map(|_| key(&mut rng, &case.leaves)).collect::<Vec<_>>();
        for key in near.iter().chain(case.leaves.keys()) {
            match trie.get(key) {
                Ok(value) => assert_eq!(value, case.leaves.get(key), "seed {seed}, key {key}"),
                Err(missing) => {
                    assert!(case.nodes.contains_key(&missing.hash), "seed {seed}");
                    n_missing += 1;
                    continue;
                }
            }
            n_answers += 1;
        }
        assert_eq!(trie.root_hash(&mut Work::default()), case.root, "seed {seed}");
    }
    assert!(n_answers > 3_000 && n_missing > 1_000, "{n_answers} answers, {n_missing} missing");
}

#[test]
fn a_change_that_fails_leaves_the_trie_as_it_was() {
    let mut n_failed = 0;
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let case = Case::new(&mut rng, 0);
        let known: Vec<Bytes> = case.nodes.values().filter(|_| !rng.one_in(5)).cloned().collect();
        let Ok(mut trie) = raw_trie(&known, case.root, 0..16) else { continue };
        for (key, value) in &case.changes {
            let before = root_node(&trie);
            let changed = match value {
                Some(value) => trie.insert(*key, value.clone(), &mut Work::default()),
                None => trie.remove(key, Top::Whole, &mut Work::default()),
            };
            if changed.is_err() {
                assert_eq!(root_node(&trie), before, "seed {seed}");
                n_failed += 1;
            }
        }
    }
    assert!(n_failed > 100, "{n_failed}");
}

/// A key that begins with some nibbles.
fn key_at(start: &[u8]) -> B256 {
    let mut key = keccak256(start);
    for (byte, pair) in key.iter_mut().zip(start.chunks(2)) {
        *byte = pair[0] << 4 | pair.get(1).copied().unwrap_or(*byte & 0x0f);
    }
    key
}

fn long_value(number: u8) -> Bytes {
    vec![number; 70].into()
}

#[test]
fn a_single_blind_node_is_no_root_for_one_shard_or_for_many() {
    let (gone, left) = (key_at(&[1, 2]), key_at(&[9, 2]));
    let leaves = BTreeMap::from([(gone, long_value(1)), (left, long_value(2))]);
    let case = Case::of(leaves, Changes::from([(gone, None)]));
    let paths = [alloy_trie::Nibbles::unpack(gone)];
    let (_, known) = super::map::rebuilt_nodes(&case.leaves, paths);
    let (_, left_node) = case.nodes.iter().find(|(_, node)| !known.contains(node)).unwrap();
    let hash = keccak256(left_node);

    assert_eq!(case.root_whole(&known).unwrap_err().hash(), hash);
    for n_shards in [1, 2, 4, 8, 16] {
        let stop = case.root_of_shards(&known, n_shards).unwrap_err();
        assert!(
            matches!(stop, Stop::Join(JoinError::OnlyChildBlind { nibble: 9, hash: it }) if it == hash),
            "{n_shards} shards: {stop:?}"
        );
    }
    let all: Vec<_> = case.nodes.values().cloned().collect();
    for n_shards in [1, 2, 4, 8, 16] {
        assert_eq!(case.root_of_shards(&all, n_shards).unwrap(), case.root_after);
    }
}

#[test]
fn a_blind_branch_below_an_extension_can_get_another_parent() {
    let twins = [key_at(&[3, 7, 7, 7, 1]), key_at(&[3, 7, 7, 7, 2])];
    let other = key_at(&[8]);
    let leaves: BTreeMap<_, _> =
        [twins[0], twins[1], other].into_iter().map(|key| (key, long_value(key[31]))).collect();
    let above = key_at(&[3, 7, 5]);
    let changes = Changes::from([(above, Some(long_value(9))), (other, None)]);
    let case = Case::of(leaves, changes);
    let extension = case.record(|known| case.root_whole(known));
    let branch = |node: &Bytes| extension.contains(node);

    assert_eq!(extension.len(), 3, "the root, the leaf that goes, and the extension");
    assert!(case.nodes.values().any(|node| !branch(node)), "the branch is not needed");
}
