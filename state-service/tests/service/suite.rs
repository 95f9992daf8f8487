//! One suite for whatever serves the trait: it checks what matters and writes down every answer.

use crate::values::{GENESIS, address, credit, genesis, job, place, seal, stage, state, writes};
use alloy_primitives::{B256, U256, keccak256};
use engine::{account::SnapshotKey, ids::SnapshotId};
use futures::StreamExt;
use proto::{
    state::{
        CommitRequest, Feed, FeedMessage, LoadSnapshotRequest, ReadRequest, SealPurpose,
        SealRequest, SealResponse, SnapshotContents, StateService,
    },
    status::{Code, Status},
};
use std::{fmt, time::Duration};

/// Everything that was answered, in order.
pub(crate) type Transcript = Vec<String>;

struct Suite<'a> {
    state: &'a dyn StateService,
    feed: Feed,
    transcript: Transcript,
}

/// Runs the suite on an empty shard.
pub(crate) async fn run(state: &dyn StateService) -> Transcript {
    let boot = state.configure(place(5, 0, 1)).await.unwrap();
    let feed = state.feed().await.unwrap();
    let mut suite = Suite { state, feed, transcript: Vec::new() };
    suite.places_and_genesis().await;
    suite.staged_block().await;
    suite.lying_stage().await;
    suite.verified_and_dropped().await;
    suite.loaded().await;
    suite.refusals().await;
    // A boot id is chance: what is written down is that all answers have the same.
    let own = format!("{boot:?}");
    suite.transcript.into_iter().map(|line| line.replace(&own, "BOOT")).collect()
}

impl Suite<'_> {
    fn note<T: fmt::Debug>(&mut self, what: &str, answer: T) -> T {
        self.transcript.push(format!("{what}: {answer:?}"));
        answer
    }

    fn refused<T: fmt::Debug>(&mut self, what: &str, answer: Result<T, Status>, code: Code) {
        let status = answer.expect_err(what);
        assert_eq!(status.code, code, "{what}: {status}");
        self.note(what, status);
    }

    async fn heard(&mut self) -> FeedMessage {
        let next = tokio::time::timeout(Duration::from_secs(30), self.feed.next()).await;
        let message = next.expect("nothing was told").expect("the feed ended").unwrap();
        self.note("feed", message)
    }

    async fn read(&mut self, snapshot: SnapshotId) {
        let accounts = (0..5).flat_map(|byte| {
            let address = address(byte);
            let slots = (0..8).map(move |slot| SnapshotKey::Slot(address, U256::from(slot)));
            let codes = [[0x60, 1], [0x60, 2]].map(keccak256);
            let codes = codes.map(|hash| SnapshotKey::Code(address, hash));
            let keys = [SnapshotKey::Account(address), SnapshotKey::AccountWithCode(address)];
            keys.into_iter().chain(slots).chain(codes)
        });
        let request = ReadRequest { snapshot, keys: accounts.collect() };
        let answer = self.state.read(request).await.unwrap();
        self.note("read", answer);
    }

    async fn places_and_genesis(&mut self) {
        let again = self.state.configure(place(5, 0, 1)).await;
        self.note("configure again", again).unwrap();
        let other = self.state.configure(place(5, 1, 2)).await;
        self.refused("another place", other, Code::FailedPrecondition);
        let other = self.state.configure(place(6, 0, 1)).await;
        self.refused("another cluster", other, Code::FailedPrecondition);
        assert!(matches!(self.heard().await, FeedMessage::Start { head: None, .. }));
        let head = self.state.head().await;
        assert_eq!(self.note("head", head), Ok(None));
        for _ in 0..2 {
            let loaded = self.state.load_genesis(genesis()).await.unwrap();
            self.note("genesis", loaded);
        }
        let start = self.heard().await;
        assert!(matches!(start, FeedMessage::Start { head: Some((None, _)), .. }), "{start:?}");
        let head = self.state.head().await;
        self.note("head", head).unwrap().unwrap();
        self.read(GENESIS).await;
    }

    async fn staged_block(&mut self) {
        let writes = writes();
        self.state.stage(stage(1, &writes)).await.unwrap();
        self.state.stage(stage(1, &writes)).await.unwrap();
        let otherwise = self.state.stage(stage(1, &[(writes[0].0, writes[1].1.clone())])).await;
        self.refused("staged otherwise", otherwise, Code::FailedPrecondition);
        for _ in 0..2 {
            let sealed = self.state.seal(seal(1, GENESIS, &writes)).await.unwrap();
            let sealed = self.note("seal", sealed);
            assert!(matches!(sealed, SealResponse::Sealed(_)), "{sealed:?}");
        }
        self.heard().await;
        self.read(SnapshotId::Job(job(1))).await;
        let block_hash = B256::repeat_byte(1);
        let commit = CommitRequest { job: job(1), block_hash, block_number: 1 };
        self.state.commit(commit.clone()).await.unwrap();
        self.state.commit(commit.clone()).await.unwrap();
        let other = CommitRequest { block_hash: B256::repeat_byte(2), ..commit };
        let other = self.state.commit(other).await;
        self.refused("committed otherwise", other, Code::FailedPrecondition);
        self.heard().await;
        self.read(SnapshotId::Block(block_hash)).await;
        let head = self.state.head().await;
        self.note("head", head).unwrap().unwrap();
        let mut late = self.state.feed().await.unwrap();
        let start = late.next().await;
        self.note("a later feed", start).unwrap().unwrap();
    }

    async fn lying_stage(&mut self) {
        let parent = SnapshotId::Job(job(1));
        let (true_writes, lie) = (credit(3), credit(4));
        self.state.stage(stage(2, &lie)).await.unwrap();
        let mut request = seal(2, parent, &true_writes);
        let differs = self.state.seal(request.clone()).await.unwrap();
        let differs = self.note("lie", differs);
        assert!(matches!(differs, SealResponse::Differs { .. }), "{differs:?}");
        request.values = true_writes.clone();
        let sealed = self.state.seal(request).await.unwrap();
        let sealed = self.note("truth", sealed);
        assert!(matches!(sealed, SealResponse::Sealed(_)), "{sealed:?}");
        self.heard().await;
        self.read(SnapshotId::Job(job(2))).await;
        let unstaged = self.state.seal(seal(3, parent, &true_writes)).await.unwrap();
        let unstaged = self.note("nothing staged", unstaged);
        assert!(matches!(unstaged, SealResponse::Differs { .. }), "{unstaged:?}");
    }

    async fn verified_and_dropped(&mut self) {
        let parent = SnapshotId::Job(job(1));
        let verify = SealRequest {
            purpose: SealPurpose::Verify,
            touch_rule: engine::account::TouchRule::Creates,
            values: credit(0),
            ..seal(4, parent, &credit(0))
        };
        let sealed = self.state.seal(verify).await.unwrap();
        self.note("verify", sealed);
        self.state.abort(job(4)).await.unwrap();
        // The first message after that is of the block that was to be committed.
        self.state.abort(job(2)).await.unwrap();
        assert_eq!(self.heard().await, FeedMessage::Dropped { job: job(2) });
        let gone = self.state.read(ReadRequest { snapshot: SnapshotId::Job(job(2)), keys: vec![] });
        let gone = gone.await;
        self.refused("aborted", gone, Code::Cancelled);
    }

    async fn loaded(&mut self) {
        let load = LoadSnapshotRequest { number: 9, contents: SnapshotContents::Values(state()) };
        self.state.load_snapshot(load.clone()).await.unwrap();
        let taken = self.state.load_snapshot(load).await;
        self.refused("number taken", taken, Code::FailedPrecondition);
        let loaded = SnapshotId::Loaded(9);
        self.read(loaded).await;
        let request = SealRequest { values: writes(), ..seal(5, loaded, &writes()) };
        let sealed = self.state.seal(request).await.unwrap();
        self.note("sealed on loaded", sealed);
        self.read(SnapshotId::Job(job(5))).await;
        self.state.drop_snapshot(loaded).await.unwrap();
        let gone = self.state.drop_snapshot(loaded).await;
        self.refused("dropped", gone, Code::NotFound);
    }

    async fn refusals(&mut self) {
        let twice = vec![state().accounts[0].clone(), state().accounts[0].clone()];
        let values = proto::state::StateValues { accounts: twice, codes: Vec::new() };
        let load = LoadSnapshotRequest { number: 10, contents: SnapshotContents::Values(values) };
        let twice = self.state.load_snapshot(load).await;
        self.refused("account twice", twice, Code::InvalidArgument);
        let unknown = SnapshotId::Block(B256::repeat_byte(7));
        let absent = self.state.read(ReadRequest { snapshot: unknown, keys: vec![] }).await;
        self.refused("unknown", absent, Code::NotFound);
        let orphan = self.state.seal(seal(6, unknown, &credit(1))).await;
        self.refused("orphan", orphan, Code::NotFound);
        let committed = self.state.abort(job(1)).await;
        self.refused("abort of a committed job", committed, Code::FailedPrecondition);
    }
}
