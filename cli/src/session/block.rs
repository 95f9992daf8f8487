//! One block that was run: from what was measured to the line that is reported.

use super::{
    chain::NewBlock,
    facts::BlockFacts,
    verdict::{Evidence, OracleSays, Verdict},
};
use crate::{
    compare::{self, FromCluster, FromOracle, OracleComparison, Parent},
    report::{
        BlockLine, BlockStatus, ErrorObject, Fields, Messages, OracleObject, PlanObject, Reads,
        Times, mgas_per_s, micros, ratio,
    },
    serial::{SerialEnd, SerialJob, SerialOracle, SerialOutcome, SerialRun},
    transport::{CpuByRole, Spent},
};
use engine::{
    header::FieldComparison, ids::SnapshotId, outcome::ReadStats, sequential::SerialState,
};
use inputs::{Input, InputBlock};
use proto::{
    coordinator::{BlockOutcome, JobCounts, JobEnd, PlanSummary},
    status::{Code, Status},
};
use std::time::Duration;

/// What became of a block.
#[derive(Clone, Debug)]
pub struct BlockReport {
    /// The line of the report.
    pub line: BlockLine,
    /// The header, field by field; empty if execution did not come to that.
    pub fields: Vec<FieldComparison>,
    /// CPU time of the cluster.
    pub cpu: CpuByRole,
    /// CPU time of serial execution.
    pub serial_cpu_us: Option<u64>,
}

/// A block and what the cluster made of it.
#[derive(Debug)]
pub(super) struct BlockRun<'a> {
    pub(super) input: &'a Input,
    pub(super) block: &'a InputBlock,
    pub(super) facts: BlockFacts,
    pub(super) answer: Answer,
}

/// What the cluster answered, and what it cost.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) outcome: Result<BlockOutcome, Status>,
    pub(super) wall: Duration,
    /// Up to before and up to after.
    pub(super) spent: (Spent, Spent),
}

impl BlockRun<'_> {
    /// Puts the report together; `serial` is what the oracle made of the block.
    pub(super) fn report(&self, serial: Option<(&SerialOracle, &SerialRun)>) -> BlockReport {
        let outcome = self.answer.outcome.as_ref().ok();
        let results = outcome.and_then(|outcome| outcome.results.as_ref());
        let fields = self.facts.compare(results, self.block.ommers);
        let oracle = self.oracle_says(outcome, serial);
        let evidence = Evidence {
            end: &self.end(),
            fields: &fields,
            oracle: &oracle,
            expects_invalid: self.block.expects_invalid.is_some(),
        };
        let verdict = evidence.verdict();
        let statuses = match oracle {
            OracleSays::Compared(comparison) => comparison.statuses,
            OracleSays::Nothing
            | OracleSays::Executed
            | OracleSays::Invalid(_)
            | OracleSays::CannotAnswer(_) => OracleObject::default(),
        };
        let run = serial.map(|(_, run)| run);
        let workers_cpu_us = outcome.map_or(0, |outcome| outcome.counts.workers_cpu_us);
        let (before, after) = &self.answer.spent;
        BlockReport {
            line: self.line(&fields, statuses, verdict, run),
            fields,
            cpu: after.cpu_since(before, workers_cpu_us),
            serial_cpu_us: run.map(|run| micros(run.cpu)),
        }
    }

    /// Returns how the job ended. What the cluster would not take as a block is invalid.
    pub(super) fn end(&self) -> JobEnd {
        match &self.answer.outcome {
            Ok(outcome) => outcome.end.clone(),
            Err(Status { code: Code::InvalidArgument, message }) => {
                JobEnd::Invalid { transaction: None, reason: message.clone() }
            }
            Err(status) => JobEnd::Failed { reason: status.message.clone() },
        }
    }

    /// Returns the block as others build on it; nothing if it was refused.
    pub(super) fn taken(&self) -> Option<NewBlock> {
        let outcome = self.answer.outcome.as_ref().ok()?;
        let snapshot = match outcome.end {
            JobEnd::Committed => SnapshotId::Block(outcome.block_hash),
            JobEnd::Verified | JobEnd::Built => SnapshotId::Job(outcome.job),
            JobEnd::Different | JobEnd::Invalid { .. } | JobEnd::Failed { .. } => return None,
        };
        Some(NewBlock {
            hash: outcome.block_hash,
            parent: self.block.parent_hash,
            difficulty: self.facts.difficulty(),
            snapshot,
            state_root: outcome.results.as_ref().and_then(|results| results.state_root),
        })
    }

    fn oracle_says(
        &self,
        outcome: Option<&BlockOutcome>,
        serial: Option<(&SerialOracle, &SerialRun)>,
    ) -> OracleSays {
        let Some((oracle, run)) = serial else { return OracleSays::Nothing };
        match (&run.end, outcome) {
            (SerialEnd::Invalid(invalid), _) => OracleSays::Invalid(invalid.clone()),
            (SerialEnd::CannotAnswer(reason), _) => OracleSays::CannotAnswer(*reason),
            (SerialEnd::Executed(theirs), Some(ours)) if ours.results.is_some() => {
                match oracle.state(self.serial_job(), run) {
                    Some(state) => OracleSays::Compared(self.compare(ours, oracle, theirs, state)),
                    None => OracleSays::Executed,
                }
            }
            (SerialEnd::Executed(_), _) => OracleSays::Executed,
        }
    }

    fn compare(
        &self,
        ours: &BlockOutcome,
        oracle: &SerialOracle,
        theirs: &SerialOutcome,
        state: &SerialState,
    ) -> OracleComparison {
        let rule = self.facts.touch_rule(self.input.chain_of(self.block));
        let cluster = FromCluster {
            receipts: &ours.receipts,
            writes: &ours.writes,
            state_root: ours.results.as_ref().and_then(|results| results.state_root),
        };
        let serial = FromOracle {
            receipts: &theirs.outcome.receipts,
            post: &theirs.outcome.post,
            state_root: theirs.state_root,
        };
        let parent = Parent { state, rule };
        compare::with_oracle(parent, cluster, serial, || oracle.record(self.serial_job()))
    }

    pub(super) fn serial_job(&self) -> SerialJob<'_> {
        SerialJob {
            chain: self.input.chain_of(self.block),
            block_rlp: &self.block.block_rlp,
            parent: self.block.parent_hash,
            lineage: &self.block.lineage,
            ancestors: &self.block.ancestors,
        }
    }

    fn line(
        &self,
        fields: &[FieldComparison],
        oracle: OracleObject,
        verdict: Verdict,
        serial: Option<&SerialRun>,
    ) -> BlockLine {
        let outcome = self.answer.outcome.as_ref().ok();
        let gas_used =
            outcome.and_then(|outcome| outcome.results.as_ref()).map(|results| results.gas_used);
        let mut line = empty_line(self.input, self.block, &self.facts);
        line.status = verdict.status;
        line.gas_used = gas_used;
        line.fields = Fields::of(fields);
        line.oracle = oracle;
        line.first_difference = verdict.first_difference;
        line.error = verdict.error;
        line.times = self.times(gas_used, serial);
        if let Some(outcome) = outcome {
            line.plan = plan_of(&outcome.plan);
            line.trace_id.clone_from(&outcome.trace_id);
            add_counts(&mut line, &outcome.counts);
            let (before, after) = &self.answer.spent;
            line.messages.bytes = line.messages.bytes.or_else(|| after.bytes_since(before));
        }
        line
    }

    fn times(&self, gas_used: Option<u64>, serial: Option<&SerialRun>) -> Times {
        let wall_us = micros(self.answer.wall);
        let serial_us = serial.map(|run| micros(run.wall));
        let phases = self.answer.outcome.as_ref().ok().map(|outcome| outcome.times);
        let phase = |of: fn(&proto::coordinator::JobTimes) -> Duration| {
            phases.as_ref().map(|times| micros(of(times)))
        };
        Times {
            wall_us: Some(wall_us),
            queue_us: phase(|times| times.queue),
            plan_us: phase(|times| times.plan),
            execute_us: phase(|times| times.execute),
            finalise_us: phase(|times| times.finalise),
            seal_us: phase(|times| times.seal),
            commit_us: phase(|times| times.commit),
            serial_us,
            serial_execute_us: serial.map(|run| micros(run.execute)),
            speedup: serial_us.and_then(|serial_us| ratio(serial_us, wall_us)),
            mgas_per_s: gas_used.and_then(|gas| mgas_per_s(gas, wall_us)),
        }
    }
}

/// Returns the report of a block that was not handed over, because its parent was not taken. A block
/// that is there to be refused is refused by that.
pub(super) fn not_run(input: &Input, block: &InputBlock) -> BlockReport {
    let facts = BlockFacts::of(&block.block_rlp);
    let mut line = empty_line(input, block, &facts);
    let code = if block.expects_invalid.is_some() {
        line.status = BlockStatus::RefusedAsExpected;
        "invalid"
    } else {
        "not_run"
    };
    let message = format!("its parent {} was not taken", block.parent_hash);
    line.error = Some(ErrorObject { code, transaction: None, message });
    BlockReport { line, fields: Vec::new(), cpu: CpuByRole::default(), serial_cpu_us: None }
}

fn empty_line(input: &Input, block: &InputBlock, facts: &BlockFacts) -> BlockLine {
    BlockLine {
        input: input.name.clone(),
        number: block.number,
        hash: facts.hash(),
        parent_hash: facts.parent_hash(),
        chain_id: input.chain.chain_id(),
        fork: facts.fork(input.chain_of(block)),
        status: BlockStatus::Failed,
        expected_exception: block.expects_invalid.clone(),
        transactions: facts.n_transactions(),
        gas_used: None,
        plan: plan_of(&PlanSummary::default()),
        executions: 0,
        re_executions: 0,
        conflicts: 0,
        attempts_lost: 0,
        audited: 0,
        quarantined: Vec::new(),
        fields: Fields::default(),
        rebuilt: false,
        oracle: OracleObject::default(),
        first_difference: None,
        error: None,
        times: Times::default(),
        messages: Messages::default(),
        reads: Reads::default(),
        trace_id: None,
    }
}

const fn plan_of(plan: &PlanSummary) -> PlanObject {
    PlanObject {
        kind: if plan.whole { "whole" } else { "optimistic" },
        slices: plan.slices,
        workers_used: plan.workers_used,
        rounds: plan.rounds,
        tail: plan.tail,
    }
}

fn add_counts(line: &mut BlockLine, counts: &JobCounts) {
    line.executions = counts.executions;
    line.re_executions = counts.re_executions;
    line.conflicts = counts.conflicts;
    line.attempts_lost = counts.attempts_lost;
    line.quarantined = counts.quarantined.iter().map(|worker| worker.get()).collect();
    line.messages = Messages {
        coordinator_worker: counts.messages_coordinator_worker,
        worker_state: counts.messages_worker_state,
        coordinator_state: counts.messages_coordinator_state,
        total: counts.messages_coordinator_worker
            + counts.messages_worker_state
            + counts.messages_coordinator_state,
        bytes: counts.message_bytes,
        bound: counts.message_bound,
    };
    line.reads = reads_of(&counts.reads);
}

const fn reads_of(stats: &ReadStats) -> Reads {
    Reads {
        keys: stats.keys,
        batches: stats.batches,
        miss_steps: stats.miss_steps,
        cache_hits: stats.cache_hits,
        cache_misses: stats.cache_misses,
        prefetched: stats.prefetched,
        prefetched_unused: stats.prefetched_unused,
        bytes: stats.bytes,
    }
}
