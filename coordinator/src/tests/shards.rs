//! Several shards: what each of them is asked, and what becomes of a block when one of them fails.

use super::{
    Cluster, N_SHARDS,
    model_cluster::{Chain, GENESIS, Manner, SHAPE, Trouble},
    run,
};
use alloy_primitives::{Address, U256};
use engine::{
    account::Account,
    ids::{ShardIndex, SnapshotId},
    trie::StateTrie,
};
use proto::{
    coordinator::{CoordinatorService, JobEnd, Mode},
    state::{AccountState, LoadGenesisRequest, SealPurpose, SnapshotContents, StateValues},
    status::Code,
};
use std::sync::Arc;

async fn cluster(seed: u64, n_blocks: u64, n_commits: usize) -> Cluster {
    Cluster::start(Chain::new(seed, n_blocks, SHAPE), &[Manner::Honest; 2], n_commits).await
}

fn contents(n_accounts: u64) -> SnapshotContents {
    SnapshotContents::Values(values(n_accounts))
}

fn values(n_accounts: u64) -> StateValues {
    let account = |number: u64| AccountState {
        address: Address::left_padding_from(&number.to_be_bytes()),
        account: Account { balance: U256::from(number), ..Account::default() },
        storage: vec![(U256::from(1), U256::from(number + 1))],
    };
    StateValues { accounts: (0..n_accounts).map(account).collect(), codes: Vec::new() }
}

#[test]
fn every_shard_seals_every_block_and_learns_of_its_commit() {
    run(async {
        let cluster = cluster(1, 1, 1).await;
        // Every index wrote what the first shard owns, or nothing: shards are not asked in vain.
        let outcome = cluster.coordinator.execute_block(cluster.chain.request(0)).await.unwrap();

        assert_eq!(outcome.end, JobEnd::Committed);
        let seals = cluster.shards[0].journal.lock().unwrap().seals.clone();
        let mut asked: Vec<_> = seals.iter().map(|(shard, ..)| shard.get()).collect();
        asked.sort_unstable();
        assert_eq!(asked, [0, 1, 2, 3]);
        assert!(seals.iter().all(|(_, _, n_values, _)| *n_values == 0), "values are not sent");
        assert!(seals.iter().all(|(.., purpose)| *purpose == SealPurpose::Commit));
        while (0..4).any(|shard| cluster.committed_at(shard) != [outcome.block_hash]) {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_shard_that_lacks_writes_is_sent_these_and_no_others() {
    run(async {
        let cluster = cluster(2, 1, 1).await;
        *cluster.shards[1].trouble.lock().unwrap() = Some(Trouble::Lacks(3));

        let outcome = cluster.coordinator.execute_block(cluster.chain.request(0)).await.unwrap();

        assert_eq!(outcome.end, JobEnd::Committed);
        let seals = cluster.shards[0].journal.lock().unwrap().seals.clone();
        let of_it: Vec<_> = seals
            .iter()
            .filter(|(shard, ..)| shard.get() == 1)
            .map(|(_, _, n_values, _)| *n_values)
            .collect();
        assert_eq!(of_it, [0, 3]);
        assert_eq!(seals.len(), N_SHARDS + 1, "the others were asked once");
    });
}

#[test]
fn what_one_shard_does_not_seal_is_dropped_at_all() {
    for trouble in [Trouble::Seal, Trouble::LacksForEver] {
        run(async {
            let cluster = cluster(3, 1, 1).await;
            *cluster.shards[2].trouble.lock().unwrap() = Some(trouble);

            let request = cluster.chain.request(0);
            let outcome = cluster.coordinator.execute_block(request).await.unwrap();

            let JobEnd::Failed { reason } = outcome.end else { panic!("{:?}", outcome.end) };
            assert!(reason.contains("the state service did not answer"), "{reason}");
            let is_dropped = |shard| {
                let journal = cluster.shards[0].journal.lock().unwrap();
                journal.aborted.contains(&(ShardIndex::new(shard), outcome.job))
            };
            while !(0..4).all(is_dropped) {
                tokio::task::yield_now().await;
            }
            assert!(cluster.committed().is_empty());
        });
    }
}

#[test]
fn a_child_of_a_block_that_not_every_shard_knows_by_hash_is_executed_and_committed_in_order() {
    run(async {
        let cluster = cluster(4, 2, 0).await;
        let all_but_last = &cluster.shards[..N_SHARDS - 1];
        all_but_last.iter().for_each(|shard| shard.may_commit.add_permits(2));

        let parent = cluster.coordinator.execute_block(cluster.chain.request(0)).await.unwrap();
        let child = cluster.coordinator.execute_block(cluster.chain.request(1)).await.unwrap();

        assert_eq!((&parent.end, &child.end), (&JobEnd::Committed, &JobEnd::Committed));
        let last = u16::try_from(N_SHARDS - 1).unwrap();
        assert!(cluster.committed_at(last).is_empty(), "it was not told yet");
        cluster.shards[N_SHARDS - 1].may_commit.add_permits(2);
        while cluster.committed_at(last).len() < 2 {
            tokio::task::yield_now().await;
        }
        for shard in 0..=last {
            assert_eq!(cluster.committed_at(shard), [parent.block_hash, child.block_hash]);
        }
    });
}

#[test]
fn a_block_that_is_only_verified_is_sealed_for_that_and_can_be_dropped() {
    run(async {
        let cluster = cluster(5, 1, 0).await;
        let mut request = cluster.chain.request(0);
        request.mode = Mode::Verify;
        let outcome = cluster.coordinator.execute_block(request).await.unwrap();
        assert_eq!(outcome.end, JobEnd::Verified);
        {
            let journal = cluster.shards[0].journal.lock().unwrap();
            assert_eq!(journal.seals.len(), N_SHARDS);
            assert!(journal.seals.iter().all(|(.., purpose)| *purpose == SealPurpose::Verify));
        }

        let name = SnapshotId::Job(outcome.job);
        cluster.coordinator.drop_snapshot(name).await.unwrap();

        assert_eq!(cluster.shards[0].journal.lock().unwrap().aborted.len(), N_SHARDS);
        let again = cluster.coordinator.drop_snapshot(name).await.unwrap_err();
        assert_eq!(again.code, Code::NotFound);
    });
}

#[test]
fn a_committed_block_is_not_dropped() {
    run(async {
        let cluster = cluster(6, 1, 1).await;
        let outcome = cluster.coordinator.execute_block(cluster.chain.request(0)).await.unwrap();
        let block = SnapshotId::Block(outcome.block_hash);
        let refused = cluster.coordinator.drop_snapshot(block).await.unwrap_err();
        assert_eq!(refused.code, Code::FailedPrecondition);
        let refused = cluster.coordinator.drop_snapshot(SnapshotId::Job(outcome.job)).await;
        // Which of the two depends on whether every shard knows of the commit by now.
        let code = refused.unwrap_err().code;
        assert!([Code::FailedPrecondition, Code::NotFound].contains(&code), "{code:?}");
        assert!(cluster.shards[0].journal.lock().unwrap().aborted.is_empty());
    });
}

#[test]
fn a_genesis_is_split_and_its_root_is_that_of_the_whole_state() {
    run(async {
        let cluster = cluster(7, 1, 0).await;
        let state = values(100);
        let mut whole = StateTrie::default();
        for it in &state.accounts {
            whole.set_account(&it.address, it.account, it.storage.iter().copied()).unwrap();
        }
        let request = LoadGenesisRequest { block_hash: GENESIS, block_number: 0, state };
        assert_eq!(cluster.coordinator.load_genesis(request).await.unwrap(), whole.root().unwrap());
    });
}

#[test]
fn snapshots_are_loaded_at_every_shard_under_numbers_that_do_not_repeat() {
    run(async {
        let cluster = cluster(8, 1, 0).await;
        let first = cluster.coordinator.load_snapshot(contents(50)).await.unwrap();
        let second = cluster.coordinator.load_snapshot(contents(50)).await.unwrap();
        assert_ne!(first, second);

        *cluster.shards[3].trouble.lock().unwrap() = Some(Trouble::Seal);
        let refused = cluster.coordinator.load_snapshot(contents(50)).await.unwrap_err();
        assert_eq!(refused.code, Code::ResourceExhausted);
        for shard in &cluster.shards {
            let names = shard.loaded();
            assert_eq!(names, [first, second], "nothing is left of the third");
        }
        cluster.coordinator.drop_snapshot(first).await.unwrap();
        assert!(cluster.shards.iter().all(|shard| shard.loaded() == [second]));
        let refused = cluster.coordinator.drop_snapshot(first).await.unwrap_err();
        assert_eq!(refused.code, Code::NotFound);
    });
}

#[test]
fn another_coordinator_process_loads_under_other_numbers() {
    run(async {
        let cluster = cluster(9, 1, 0).await;
        let first = cluster.coordinator.load_snapshot(contents(1)).await.unwrap();
        let services =
            cluster.shards.iter().map(|it| Arc::clone(it) as Arc<dyn proto::state::StateService>);
        let services = proto::shards::StateShards::new(services.collect()).unwrap();
        let config = crate::config::CoordinatorConfig::default();
        let term = engine::ids::Term::new(2);
        let next = crate::Coordinator::new(config, services).term(term).start().unwrap();
        assert_ne!(next.load_snapshot(contents(1)).await.unwrap(), first);
    });
}
