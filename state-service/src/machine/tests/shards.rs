//! Several shards: together they are the one that owns everything.

use super::{Driven, block, hash, job, request};
use crate::{
    config::Limits,
    place::Place,
    tests::{
        plain::{Plain, Writes, writes_to},
        rng::Rng,
    },
};
use alloy_primitives::{B256, Bytes};
use engine::{
    access::Wipe,
    ids::{ClusterId, Incarnation, SnapshotId, Term},
    shard::ShardCount,
    trie::join,
};
use proto::{
    shards::split_values,
    state::{ConfigureRequest, SealRequest, StageRequest},
};
use std::collections::BTreeSet;

const N_ADDRESSES: u64 = 24;

/// What the random blocks were about, so that the test can tell that it tested something.
#[derive(Debug, Default)]
struct Seen {
    n_wiped: usize,
    n_destroyed: usize,
    /// Codes that accounts of different shards got in one index.
    n_shared_codes: usize,
    n_untouched_shards: usize,
}

/// All shards of a cluster.
struct Shards {
    count: ShardCount,
    shards: Vec<Driven>,
    roots: Vec<Bytes>,
}

impl Shards {
    fn new(count: ShardCount, genesis: &Plain) -> Self {
        let mut roots = Vec::new();
        let parts = split_values(count, genesis.values());
        let shards = count.indices().zip(parts).map(|(index, state)| {
            let mut driven = Driven::new(Limits::default());
            let request =
                ConfigureRequest { cluster: ClusterId::new(1), index, count, term: Term::new(1) };
            driven.step(|machine| machine.configure(request)).unwrap();
            assert_eq!(driven.place, Place { index, count });
            roots.extend(driven.genesis_of(state, hash(0)).unwrap().root_node);
            driven
        });
        let shards = shards.collect();
        Self { count, shards, roots }
    }

    fn root(&self) -> B256 {
        join(self.roots.iter().map(|node| node.as_ref())).unwrap()
    }

    /// Seals a block at every shard, from staged writes or from values.
    fn seal(&mut self, sequence: u64, parent: SnapshotId, writes: &Writes, rng: &mut Rng) {
        let mut parts = vec![Writes::new(); self.shards.len()];
        for (index, set) in writes {
            for (shard, part) in self.count.split(set) {
                parts[usize::from(shard.get())].push((*index, part));
            }
        }
        for ((driven, part), root) in self.shards.iter_mut().zip(parts).zip(&mut self.roots) {
            let mut seal = request(job(sequence), parent, sequence, part);
            if rng.one_in(2) {
                stage_all(driven, &mut seal);
            }
            *root = driven.seal(&seal).unwrap().root_node.unwrap();
        }
    }

    /// Fails if some key's owner answers otherwise than a plain state.
    fn assert_are(&self, name: &SnapshotId, plain: &Plain, context: &str) {
        for (key, answer) in plain.account_answers(N_ADDRESSES) {
            let owner = usize::from(self.count.shard_of(key.address()).get());
            let driven = &self.shards[owner];
            assert_eq!(driven.place.check_keys(&[key]), Ok(()), "{context}");
            let answers = driven.find(name).unwrap().answers(&[key]);
            assert_eq!(answers, [answer], "{context}, {key:?}");
        }
    }
}

fn stage_all(driven: &mut Driven, seal: &mut SealRequest) {
    let values = std::mem::take(&mut seal.values).into_iter();
    let writes = values.map(|(index, set)| (index, Incarnation::new(1), set)).collect();
    driven.stage(StageRequest { job: seal.job, writes }).unwrap();
}

impl Seen {
    fn note(&mut self, count: ShardCount, writes: &Writes) {
        let mut touched = BTreeSet::new();
        for (_, set) in writes {
            let parts = count.split(set);
            touched.extend(parts.iter().map(|(shard, _)| *shard));
            let codes = parts.iter().flat_map(|(_, part)| {
                let codes: BTreeSet<_> = part.codes.iter().map(|(hash, _)| *hash).collect();
                codes
            });
            let codes: Vec<_> = codes.collect();
            self.n_shared_codes += codes.len() - codes.iter().collect::<BTreeSet<_>>().len();
            for (_, write) in &set.accounts {
                self.n_wiped += usize::from(write.wipe == Some(Wipe::Storage));
                self.n_destroyed += usize::from(write.wipe == Some(Wipe::Destroyed));
            }
        }
        self.n_untouched_shards += usize::from(count.get()) - touched.len();
    }
}

#[test]
fn any_number_of_shards_answers_seals_and_joins_as_one() {
    let mut seen = Seen::default();
    for seed in 0..30 {
        for given in [1, 2, 4, 8, 16] {
            let count = ShardCount::new(given).unwrap();
            let mut rng = Rng::new(seed);
            let mut plain = Plain::random_of(1 + seed % N_ADDRESSES, &mut rng);
            let mut shards = Shards::new(count, &plain);
            let context = format!("seed {seed}, {given} shards");
            assert_eq!(shards.root(), plain.root(), "{context}, genesis");
            let mut parent = block(0);
            for sequence in 1..=4 {
                let writes = writes_to(N_ADDRESSES, &mut rng);
                let mut ways = Rng::new(seed + sequence);
                shards.seal(sequence, parent, &writes, &mut ways);
                seen.note(count, &writes);
                parent = SnapshotId::Job(job(sequence));
                plain = plain.after(&writes, engine::account::TouchRule::Clears);
                let context = format!("{context}, block {sequence}");
                assert_eq!(shards.root(), plain.root(), "{context}");
                shards.assert_are(&parent, &plain, &context);
            }
        }
    }
    let Seen { n_wiped, n_destroyed, n_shared_codes, n_untouched_shards } = seen;
    for n in [n_wiped, n_destroyed, n_shared_codes, n_untouched_shards] {
        assert!(n > 50, "too little was tested");
    }
}
