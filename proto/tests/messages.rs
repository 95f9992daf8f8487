//! Random messages of the services.

use crate::draw::Draw;
use alloy_consensus::{Block, BlockBody, TxEnvelope};
use alloy_primitives::B64;
use engine::{
    account::TouchRule,
    block::Ommers,
    build::{BuildAttributes, BuiltBlock, Dropped},
    ids::{BootId, ClusterId, JobId, ShardIndex, Term, WorkerId},
    lineage::{Ancestor, Lineage},
    shard::ShardCount,
    task::JobFrame,
    trie::{AccountProof, SlotProof, Witness},
};
use proto::{
    attach::{Answer, Call, CallId, CoordinatorMessage, Hello, Request, Welcome, WorkerMessage},
    coordinator::{
        BlockOutcome, BuildBlockRequest, ClusterStatus, CoordinatorStatus, EtcdState,
        ExecuteBlockRequest, JobCounts, JobEnd, JobTimes, Mode, PlanSummary, PlanWish, ShardState,
        ShardStatus, WorkerState, WorkerStatus,
    },
    state::{
        CommitRequest, ConfigureRequest, FeedMessage, Head, ProveRequest, ProveResponse,
        ReadRequest, ReadResponse, SealPurpose, SealRequest, SealResponse, SealedShard,
        SnapshotContents, StageRequest,
    },
    status::{Code, Status},
    version::PROTOCOL,
    worker::{PrepareRequest, PrepareResponse},
};
use std::{sync::Arc, time::Duration};

/// All codes of ours.
pub(crate) const CODES: [Code; 8] = [
    Code::InvalidArgument,
    Code::NotFound,
    Code::FailedPrecondition,
    Code::Cancelled,
    Code::DeadlineExceeded,
    Code::ResourceExhausted,
    Code::Unavailable,
    Code::Internal,
];

/// Draws messages of the services.
pub(crate) trait Messages {
    fn configure(&mut self) -> ConfigureRequest;
    fn read_request(&mut self) -> ReadRequest;
    fn read_response(&mut self) -> ReadResponse;
    fn stage(&mut self) -> StageRequest;
    fn seal(&mut self) -> SealRequest;
    fn sealed(&mut self) -> SealedShard;
    fn prove(&mut self) -> ProveRequest;
    fn prove_response(&mut self) -> ProveResponse;
    fn contents(&mut self) -> SnapshotContents;
    fn lineage(&mut self) -> Lineage;
    fn build_block(&mut self) -> BuildBlockRequest;
    fn seal_response(&mut self) -> SealResponse;
    fn commit(&mut self) -> CommitRequest;
    fn head(&mut self) -> Head;
    fn feed_message(&mut self) -> FeedMessage;
    fn execute_block(&mut self) -> ExecuteBlockRequest;
    fn block_outcome(&mut self) -> BlockOutcome;
    fn cluster_status(&mut self) -> ClusterStatus;
    fn status(&mut self) -> Status;
    fn worker_message(&mut self) -> WorkerMessage;
    fn coordinator_message(&mut self, frame: Arc<JobFrame>) -> CoordinatorMessage;
    fn call(&mut self, request: Request) -> Call;
}

impl Messages for Draw {
    fn configure(&mut self) -> ConfigureRequest {
        let count = ShardCount::new(self.one(&[1, 2, 4, 8, 16])).unwrap();
        let index = u16::try_from(self.below(count.get().into())).unwrap();
        ConfigureRequest {
            cluster: ClusterId::new(self.u64()),
            index: ShardIndex::new(index),
            count,
            term: Term::new(self.u64()),
        }
    }

    fn read_request(&mut self) -> ReadRequest {
        ReadRequest { snapshot: self.snapshot(), keys: self.list(8, Self::key) }
    }

    fn read_response(&mut self) -> ReadResponse {
        ReadResponse { boot: BootId::new(self.u64()), values: self.list(8, Self::answer) }
    }

    fn stage(&mut self) -> StageRequest {
        let writes = self.list(4, |draw| (draw.index(), draw.incarnation(), draw.writes()));
        StageRequest { job: self.job(), writes }
    }

    fn seal(&mut self) -> SealRequest {
        SealRequest {
            job: self.job(),
            parent: self.snapshot(),
            block_number: self.u64(),
            touch_rule: self.one(&[TouchRule::Creates, TouchRule::Clears]),
            purpose: self.one(&[SealPurpose::Commit, SealPurpose::Verify]),
            order: self.list(9, |draw| (draw.index(), draw.incarnation())),
            digest: self.hash(),
            values: self.list(3, |draw| (draw.index(), draw.writes())),
            roots_by_index: self.flag(),
        }
    }

    fn sealed(&mut self) -> SealedShard {
        SealedShard {
            boot: BootId::new(self.u64()),
            root_node: self.maybe(|draw| draw.bytes(99)),
            index_root_nodes: self.list(4, |draw| (draw.index(), draw.bytes(99))),
        }
    }

    fn prove(&mut self) -> ProveRequest {
        ProveRequest {
            snapshot: self.snapshot(),
            address: self.address(),
            slots: self.list(3, Self::word),
        }
    }

    fn prove_response(&mut self) -> ProveResponse {
        let slot = |draw: &mut Self| SlotProof {
            slot: draw.word(),
            value: draw.word(),
            nodes: draw.list(3, |draw| draw.bytes(99)),
        };
        let proof = |draw: &mut Self| AccountProof {
            account: draw.maybe(Self::account),
            storage_root: draw.hash(),
            nodes: draw.list(4, |draw| draw.bytes(99)),
            slots: draw.list(3, slot),
        };
        ProveResponse { root_node: self.bytes(99), proof: self.maybe(proof) }
    }

    fn contents(&mut self) -> SnapshotContents {
        match self.below(3) {
            0 => SnapshotContents::Values(self.state()),
            1 => SnapshotContents::Whole(self.state()),
            _ => SnapshotContents::Witness(Arc::new(Witness {
                state_root: self.hash(),
                nodes: self.list(9, |draw| draw.bytes(400)),
                codes: self.list(3, |draw| draw.bytes(400)),
            })),
        }
    }

    fn seal_response(&mut self) -> SealResponse {
        if self.flag() {
            return SealResponse::Sealed(self.sealed());
        }
        SealResponse::Differs {
            boot: BootId::new(self.u64()),
            digests: self.list(6, |draw| (draw.index(), draw.maybe(Self::hash))),
        }
    }

    fn commit(&mut self) -> CommitRequest {
        CommitRequest { job: self.job(), block_hash: self.hash(), block_number: self.u64() }
    }

    fn head(&mut self) -> Head {
        Head { block_hash: self.hash(), block_number: self.u64() }
    }

    fn feed_message(&mut self) -> FeedMessage {
        let (boot, job) = (BootId::new(self.u64()), self.job());
        match self.below(4) {
            0 => FeedMessage::Start {
                boot,
                head: self.maybe(|draw| (draw.maybe(Self::job), draw.hash())),
            },
            1 => FeedMessage::Sealed { boot, job, parent: self.snapshot(), diff: self.diff() },
            2 => FeedMessage::Committed { job, block_hash: self.hash() },
            _ => FeedMessage::Dropped { job },
        }
    }

    fn execute_block(&mut self) -> ExecuteBlockRequest {
        ExecuteBlockRequest {
            block_rlp: self.bytes(300),
            chain: self.chain(),
            parent: self.snapshot(),
            ancestors: self.ancestors(),
            ommers: self.one(&[Ommers::Known, Ommers::Withheld]),
            mode: self.one(&[Mode::VerifyAndCommit, Mode::Verify]),
            plan: self.one(&[PlanWish::Split, PlanWish::Whole, PlanWish::Auto]),
            slice_gas: self.maybe(Self::u64),
            seed: self.u64(),
            lineage: self.lineage(),
        }
    }

    fn lineage(&mut self) -> Lineage {
        let ancestor = |draw: &mut Self| {
            let header = draw.header();
            Arc::new(Ancestor::new(header, draw.maybe(|draw| draw.list(2, Self::header))))
        };
        Lineage(self.list(4, ancestor))
    }

    fn build_block(&mut self) -> BuildBlockRequest {
        let attributes = BuildAttributes {
            timestamp: self.u64(),
            beneficiary: self.address(),
            gas_limit: self.u64(),
            extra_data: self.bytes(32),
            mix_hash: self.hash(),
            nonce: B64::from(self.u64()),
            ommers: self.list(2, Self::header),
            withdrawals: self.maybe(|draw| draw.list(3, Self::withdrawal)),
            parent_beacon_block_root: self.maybe(Self::hash),
            difficulty: self.maybe(Self::word),
        };
        BuildBlockRequest {
            chain: self.chain(),
            parent: self.snapshot(),
            ancestors: self.ancestors(),
            lineage: self.lineage(),
            attributes,
            candidates: self.list(4, |draw| draw.bytes(200)),
            plan: self.one(&[PlanWish::Split, PlanWish::Whole, PlanWish::Auto]),
            slice_gas: self.maybe(Self::u64),
            seed: self.u64(),
        }
    }

    fn block_outcome(&mut self) -> BlockOutcome {
        let mut time = || Duration::from_nanos(self.u64());
        let times = JobTimes {
            wall: time(),
            queue: time(),
            plan: time(),
            execute: time(),
            finalise: time(),
            seal: time(),
            commit: time(),
        };
        BlockOutcome {
            job: self.job(),
            block_hash: self.hash(),
            end: job_end(self),
            results: self.maybe(Self::block_results),
            receipts: self.list(6, Self::receipt),
            writes: self.list(6, |draw| (draw.index(), draw.writes())),
            plan: PlanSummary {
                whole: self.flag(),
                slices: self.u32(),
                workers_used: self.u32(),
                rounds: self.u32(),
                tail: self.flag(),
            },
            counts: job_counts(self),
            times,
            trace_id: self.maybe(Self::text),
            built: self.maybe(built),
        }
    }

    fn cluster_status(&mut self) -> ClusterStatus {
        ClusterStatus {
            cluster: ClusterId::new(self.u64()),
            leader: member(self),
            term: Term::new(self.u64()),
            coordinators: self.list(2, member),
            workers: self.list(3, worker),
            state_shards: self.list(3, |draw| ShardStatus {
                index: ShardIndex::new(u16::try_from(draw.below(16)).unwrap()),
                address: draw.text(),
                state: draw.one(&[ShardState::Ready, ShardState::Away]),
                head: draw.maybe(Self::head),
                term: Term::new(draw.u64()),
            }),
            head: self.maybe(Self::head),
            head_state_root: self.maybe(Self::hash),
            queue: self.u64(),
            etcd: self.one(&[EtcdState::Up, EtcdState::Away, EtcdState::None]),
        }
    }

    fn status(&mut self) -> Status {
        Status::new(self.one(&CODES), self.text())
    }

    fn worker_message(&mut self) -> WorkerMessage {
        match self.below(6) {
            0 => WorkerMessage::Hello(Hello {
                worker: WorkerId::new(self.u64()),
                address: self.text(),
                cores: self.u32() | 1,
                version: self.text(),
                protocol: PROTOCOL,
                name: self.text(),
            }),
            1 => WorkerMessage::Heartbeat { calls_running: self.u32() },
            2 => WorkerMessage::Draining,
            _ => WorkerMessage::Answer { call: CallId(self.u64()), answer: answer(self) },
        }
    }

    fn coordinator_message(&mut self, frame: Arc<JobFrame>) -> CoordinatorMessage {
        let shards = vec![self.text(); self.one(&[1, 2, 4])];
        match self.below(8) {
            0 => CoordinatorMessage::Welcome(Welcome {
                cluster: ClusterId::new(self.u64()),
                protocol: PROTOCOL,
                heartbeat_interval: Duration::from_millis((self.u32() | 1).into()),
                heartbeats_missed_max: self.u32() | 1,
                shards,
                message_bytes_max: self.u64(),
                calls_running_max: self.u32() | 1,
            }),
            1 => CoordinatorMessage::Refused(self.status()),
            2 => CoordinatorMessage::JobFrame(frame),
            3 => CoordinatorMessage::Cancel(CallId(self.u64())),
            4 => CoordinatorMessage::ShardMap(shards),
            kind => CoordinatorMessage::Call(request(self, kind, frame)),
        }
    }

    fn call(&mut self, request: Request) -> Call {
        Call { id: CallId(self.u64()), traceparent: self.text(), request }
    }
}

fn request(draw: &mut Draw, kind: u64, frame: Arc<JobFrame>) -> Call {
    let request = match kind {
        5 => Request::Prepare(PrepareRequest {
            frame,
            transactions: draw.list(5, |draw| (draw.index(), draw.transaction())),
        }),
        6 => Request::ExecuteSlice(Box::new(draw.task(frame))),
        _ => Request::EndJob(draw.job()),
    };
    draw.call(request)
}

fn answer(draw: &mut Draw) -> Result<Answer, Status> {
    Ok(match draw.below(4) {
        0 => return Err(draw.status()),
        1 => Answer::Prepared(PrepareResponse {
            senders: draw.list(5, |draw| (draw.index(), draw.maybe(Draw::address))),
            cpu_us: draw.u64(),
        }),
        2 => Answer::Slice(Box::new(draw.slice_outcome())),
        _ => Answer::Done,
    })
}

fn built(draw: &mut Draw) -> BuiltBlock {
    let (header, transactions) = (draw.header(), draw.list(3, Draw::transaction));
    let body = BlockBody {
        transactions: transactions.iter().map(|it| TxEnvelope::clone(it)).collect(),
        ommers: Vec::new(),
        withdrawals: None,
    };
    let block_rlp = alloy_rlp::encode(Block { header: header.clone(), body }).into();
    let dropped = |draw: &mut Draw| Dropped {
        candidate: usize::try_from(draw.below(9_999)).unwrap(),
        hash: draw.hash(),
        reason: draw.text(),
    };
    BuiltBlock {
        hash: header.hash_slow(),
        block_rlp,
        header,
        transactions,
        dropped: draw.list(3, dropped),
    }
}

fn job_end(draw: &mut Draw) -> JobEnd {
    match draw.below(6) {
        5 => JobEnd::Built,
        0 => JobEnd::Committed,
        1 => JobEnd::Verified,
        2 => JobEnd::Different,
        3 => JobEnd::Invalid {
            transaction: draw.maybe(|draw| usize::try_from(draw.below(9_999)).unwrap()),
            reason: draw.text(),
        },
        _ => JobEnd::Failed { reason: draw.text() },
    }
}

fn job_counts(draw: &mut Draw) -> JobCounts {
    JobCounts {
        executions: draw.u64(),
        re_executions: draw.u64(),
        conflicts: draw.u64(),
        attempts_lost: draw.u64(),
        quarantined: draw.list(3, |draw| WorkerId::new(draw.u64())),
        messages_coordinator_worker: draw.u64(),
        messages_worker_state: draw.u64(),
        messages_coordinator_state: draw.u64(),
        message_bytes: draw.maybe(Draw::u64),
        message_bound: draw.u64(),
        reads: draw.read_stats(),
        workers_cpu_us: draw.u64(),
    }
}

fn member(draw: &mut Draw) -> CoordinatorStatus {
    CoordinatorStatus { id: draw.text(), address: draw.text() }
}

fn worker(draw: &mut Draw) -> WorkerStatus {
    let states =
        [WorkerState::Ready, WorkerState::Draining, WorkerState::Quarantined, WorkerState::Lost];
    WorkerStatus {
        id: WorkerId::new(draw.u64()),
        address: draw.text(),
        cores: draw.u32(),
        state: draw.one(&states),
        slices_running: draw.u32(),
        version: draw.text(),
    }
}

/// Returns a job's id that is easy to tell.
pub(crate) const fn job(sequence: u64) -> JobId {
    JobId { term: Term::new(3), sequence }
}
