//! A map with a bound on the weight of what it holds; what was not used for longest goes first.

use std::{collections::BTreeMap, hash::Hash};

use alloy_primitives::map::HashMap;

/// A map whose entries weigh something, and which together weigh at most `weight_max`.
#[derive(Debug)]
pub(crate) struct Lru<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Keys by the time of their last use.
    by_use: BTreeMap<u64, K>,
    n_uses: u64,
    weight: usize,
    weight_max: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: usize,
    last_use: u64,
}

impl<K: Copy + Eq + Hash, V> Lru<K, V> {
    pub(crate) fn new(weight_max: usize) -> Self {
        let entries = HashMap::default();
        Self { entries, by_use: BTreeMap::new(), n_uses: 0, weight: 0, weight_max }
    }

    /// Returns an entry's value, which is thereby used.
    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        let entry = self.entries.get_mut(key)?;
        self.by_use.remove(&entry.last_use);
        self.n_uses += 1;
        entry.last_use = self.n_uses;
        self.by_use.insert(self.n_uses, *key);
        Some(&entry.value)
    }

    /// Tells whether there is an entry, without using it.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    /// Puts an entry in; one that is heavier than the bound is not kept.
    pub(crate) fn insert(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        if weight > self.weight_max {
            return;
        }
        while self.weight + weight > self.weight_max {
            let Some((_, oldest)) = self.by_use.first_key_value() else { break };
            let oldest = *oldest;
            self.remove(&oldest);
        }
        self.n_uses += 1;
        self.by_use.insert(self.n_uses, key);
        self.entries.insert(key, Entry { value, weight, last_use: self.n_uses });
        self.weight += weight;
    }

    /// Returns what all entries weigh.
    pub(crate) const fn weight(&self) -> usize {
        self.weight
    }

    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_use.remove(&entry.last_use);
            self.weight -= entry.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lru;

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let mut lru = Lru::new(10);
        lru.insert('a', 1, 4);
        lru.insert('b', 2, 4);
        assert_eq!(lru.get(&'a'), Some(&1));

        lru.insert('c', 3, 4);

        assert!(!lru.contains(&'b'));
        assert_eq!([lru.get(&'a').copied(), lru.get(&'c').copied()], [Some(1), Some(3)]);
        assert_eq!(lru.weight(), 8);
    }

    #[test]
    fn the_bound_holds_whatever_comes() {
        let mut lru = Lru::new(100);
        for number in 0..1_000_usize {
            lru.insert(number % 37, number, number % 53);
            assert!(lru.weight() <= 100, "{} after {number}", lru.weight());
        }
        assert!(lru.weight() > 0);
    }

    #[test]
    fn what_is_heavier_than_the_bound_is_not_kept_and_displaces_only_its_own_older_value() {
        let mut lru = Lru::new(10);
        lru.insert('a', 1, 4);
        lru.insert('b', 2, 4);

        lru.insert('a', 3, 11);

        assert!(!lru.contains(&'a'), "the value before the last is stale");
        assert!(lru.contains(&'b'));
        assert_eq!(lru.weight(), 4);
    }
}
