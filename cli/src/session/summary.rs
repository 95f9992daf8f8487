//! Everything that a run added up.

use super::{BlockReport, InputEnd, verdict::exit_of};
use crate::{
    exit::Exit,
    report::{
        BlockStatus, CpuTimes, DelaysPaid, EndDifference, FieldCounts, Fields, SummaryLine,
        mgas_per_s, micros, ratio,
    },
    serial::DelayPaid,
    transport::CpuByRole,
};
use engine::header::FieldStatus;

/// Adds up the blocks of a run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    counts: [u64; 5],
    rebuilt: u64,
    transactions: u64,
    gas: u64,
    wall_us: u64,
    serial_us: Option<u64>,
    cpu: CpuByRole,
    serial_cpu_us: Option<u64>,
    fields: Fields<FieldCounts>,
    head: Option<FieldStatus>,
    post_state: Option<FieldStatus>,
    end_difference: Option<EndDifference>,
    exit: Exit,
}

impl Summary {
    /// Adds a block.
    pub fn add(&mut self, block: &BlockReport) {
        let line = &block.line;
        self.counts[position(line.status)] += 1;
        self.rebuilt += u64::from(line.rebuilt);
        self.transactions += line.transactions;
        self.gas += line.gas_used.unwrap_or(0);
        self.wall_us += line.times.wall_us.unwrap_or(0);
        add(&mut self.serial_us, line.times.serial_us);
        add(&mut self.cpu.coordinator, block.cpu.coordinator);
        add(&mut self.cpu.workers, block.cpu.workers);
        add(&mut self.cpu.state, block.cpu.state);
        add(&mut self.serial_cpu_us, block.serial_cpu_us);
        self.fields.add(&block.fields);
        self.exit = self.exit.or(exit_of(line.status));
    }

    /// Adds what became of an input as a whole.
    pub fn end(&mut self, end: &InputEnd) {
        self.head = graver(self.head, end.head);
        self.post_state = graver(self.post_state, end.post_state);
        if self.end_difference.is_none()
            && let Some(difference) = end.first_difference.clone()
        {
            self.end_difference = Some(EndDifference { input: end.input.clone(), difference });
        }
        self.exit = self.exit.or(end.exit());
    }

    /// Returns how the command ends.
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// Returns the number of blocks that ended like this.
    pub const fn count(&self, status: BlockStatus) -> u64 {
        self.counts[position(status)]
    }

    /// Returns the number of all blocks.
    pub fn blocks(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the report's line.
    ///
    /// `delays` are what the cluster's and what the oracle's delayed answers really had.
    pub fn line(&self, delays: (DelayPaid, DelayPaid)) -> SummaryLine {
        SummaryLine {
            blocks: self.blocks(),
            equal: self.count(BlockStatus::Equal),
            different: self.count(BlockStatus::Different),
            invalid: self.count(BlockStatus::Invalid),
            refused_as_expected: self.count(BlockStatus::RefusedAsExpected),
            failed: self.count(BlockStatus::Failed),
            rebuilt: self.rebuilt,
            transactions: self.transactions,
            gas: self.gas,
            wall_us: self.wall_us,
            serial_us: self.serial_us,
            speedup: self.serial_us.and_then(|serial_us| ratio(serial_us, self.wall_us)),
            mgas_per_s: mgas_per_s(self.gas, self.wall_us),
            cpu_us: CpuTimes {
                coordinator: self.cpu.coordinator,
                workers: self.cpu.workers,
                state: self.cpu.state,
                serial: self.serial_cpu_us,
            },
            state_delay_paid_us: DelaysPaid {
                cluster: delays.0.each().map(micros),
                serial: delays.1.each().map(micros),
            },
            fields: self.fields,
            head: self.head.map(FieldStatus::name),
            post_state: self.post_state.map(FieldStatus::name),
            end_difference: self.end_difference.clone(),
            exit_code: self.exit.code(),
        }
    }
}

/// Returns the graver of two comparisons: a difference, then what cannot be known.
fn graver(one: Option<FieldStatus>, other: Option<FieldStatus>) -> Option<FieldStatus> {
    let rank = |status: &FieldStatus| match status {
        FieldStatus::Different => 0,
        FieldStatus::NotCheckable => 1,
        FieldStatus::Equal | FieldStatus::Absent => 2,
    };
    [one, other].into_iter().flatten().min_by_key(rank)
}

const fn position(status: BlockStatus) -> usize {
    match status {
        BlockStatus::Equal => 0,
        BlockStatus::Different => 1,
        BlockStatus::Invalid => 2,
        BlockStatus::RefusedAsExpected => 3,
        BlockStatus::Failed => 4,
    }
}

fn add(sum: &mut Option<u64>, more: Option<u64>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or(0) + more);
    }
}
