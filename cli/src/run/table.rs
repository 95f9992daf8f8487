//! A run's report for people: a table of blocks, the header fields, the first difference, a line
//! that sums it up.

use crate::{
    report::{ALL_FIELDS, BlockLine, BlockStatus, Difference, EndDifference, RunLine, SummaryLine},
    serial::DelayPaid,
    table, text,
};
use comfy_table::Table;
use std::fmt::Write;

/// Blocks of the table that are equal; further ones are counted only.
const EQUAL_ROWS_MAX: u64 = 200;

const COLUMNS: [&str; 11] = [
    "block",
    "transactions",
    "gas",
    "slices",
    "workers",
    "conflicts",
    "executions",
    "ms",
    "Mgas/s",
    "against serial",
    "result",
];

/// The tables of a run as they grow.
#[derive(Debug, Default)]
pub(super) struct Tables {
    head: String,
    state_delay_us: u64,
    rows: Vec<[String; COLUMNS.len()]>,
    n_equal: u64,
    /// Lines about single blocks: workers lost or quarantined, blocks that were refused.
    remarks: Vec<String>,
    first_difference: Option<String>,
}

impl Tables {
    pub(super) fn begin(&mut self, run: &RunLine) {
        self.state_delay_us = run.state_delay_us;
        self.head = format!(
            "evmesh {}: {} with {} each, {}, plan {}, {}",
            run.version,
            text::count(run.workers.into(), "worker"),
            text::count(run.threads.into(), "thread"),
            text::count(run.state_shards.into(), "state shard"),
            run.plan,
            run.transport,
        );
        if let Some(slice_gas) = run.slice_gas {
            let _ = write!(self.head, ", slices of {} gas at most", text::thousands(slice_gas));
        }
    }

    pub(super) fn block(&mut self, block: &BlockLine) {
        self.remark(block);
        if block.status == BlockStatus::Equal {
            self.n_equal += 1;
            if self.n_equal > EQUAL_ROWS_MAX {
                return;
            }
        }
        self.rows.push(row_of(block));
    }

    fn remark(&mut self, block: &BlockLine) {
        let number = block.number;
        if self.first_difference.is_none() {
            self.first_difference = difference_of(block);
        }
        if block.attempts_lost > 0 {
            let lost = text::count(block.attempts_lost, "attempt");
            self.remarks.push(format!("block {number}: {lost} lost with a worker"));
        }
        for worker in &block.quarantined {
            self.remarks.push(format!("block {number}: worker {worker} was quarantined"));
        }
        if let Some(error) = &block.error {
            let at = error.transaction.map(|offset| format!("transaction {offset}: "));
            let (code, message) = (error.code, &error.message);
            let at = at.unwrap_or_default();
            let expected = block.expected_exception.as_deref();
            let expected = expected.map(|name| format!(" (the input expects {name})"));
            let expected = expected.unwrap_or_default();
            self.remarks.push(format!("block {number}: {code}: {at}{message}{expected}"));
        }
    }

    pub(super) fn end(&self, summary: &SummaryLine, delays: (DelayPaid, DelayPaid)) -> String {
        let mut parts = vec![self.head.clone(), self.blocks().to_string()];
        if self.n_equal > EQUAL_ROWS_MAX {
            let more = text::count(self.n_equal - EQUAL_ROWS_MAX, "more equal block");
            parts.push(format!("and {more} (--json lists all)"));
        }
        parts.push(fields_of(summary).to_string());
        parts.extend(self.remarks.iter().cloned());
        parts.extend(self.first_difference.clone());
        parts.extend(summary.end_difference.as_ref().map(end_difference));
        if self.state_delay_us > 0 {
            parts.push(delay_line(self.state_delay_us, delays));
        }
        parts.push(summary_line(summary));
        parts.join("\n")
    }

    fn blocks(&self) -> Table {
        let mut table = table::of(&COLUMNS);
        for row in &self.rows {
            table.add_row(row);
        }
        table
    }
}

fn row_of(block: &BlockLine) -> [String; COLUMNS.len()] {
    [
        text::thousands(block.number),
        text::thousands(block.transactions),
        block.gas_used.map_or_else(|| "-".to_owned(), text::thousands),
        block.plan.slices.to_string(),
        block.plan.workers_used.to_string(),
        text::thousands(block.conflicts),
        text::thousands(block.executions),
        block.times.wall_us.map_or_else(|| "-".to_owned(), text::millis),
        text::rate(block.times.mgas_per_s),
        text::times(block.times.speedup),
        block.status.name().replace('_', " "),
    ]
}

fn fields_of(summary: &SummaryLine) -> Table {
    let mut table = table::of(&["header field", "equal", "different", "not checkable", "absent"]);
    for field in ALL_FIELDS {
        let counts = summary.fields.get(field);
        table.add_row([
            field.name().to_owned(),
            text::thousands(counts.equal),
            text::thousands(counts.different),
            text::thousands(counts.not_checkable),
            text::thousands(counts.absent),
        ]);
    }
    table
}

fn end_difference(EndDifference { input, difference }: &EndDifference) -> String {
    format!("after the last block: {input}, {}{}", difference.field, both_sides(difference))
}

fn both_sides(difference: &Difference) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    format!(
        "\n  {:<12}{}\n  {:<12}{}",
        "cluster",
        value(&difference.cluster),
        difference.against,
        value(&difference.expected),
    )
}

fn difference_of(block: &BlockLine) -> Option<String> {
    let difference = block.first_difference.as_ref()?;
    let transaction = difference
        .transaction
        .map_or_else(String::new, |transaction| format!("transaction {transaction}, "));
    Some(format!(
        "first difference: {}, block {}, {transaction}{}{}",
        block.input,
        block.number,
        difference.field,
        both_sides(difference),
    ))
}

fn delay_line(state_delay_us: u64, (cluster, serial): (DelayPaid, DelayPaid)) -> String {
    let paid = |paid: DelayPaid| match paid.each() {
        Some(each) => {
            format!("{} a time, {} times", text::micros(each), text::thousands(paid.n_answers))
        }
        None => "never".to_owned(),
    };
    format!(
        "state {state_delay_us} µs away; really paid: cluster {}; serial {}",
        paid(cluster),
        paid(serial),
    )
}

fn summary_line(summary: &SummaryLine) -> String {
    let mut line = format!("{} of {} equal", summary.equal, text::count(summary.blocks, "block"));
    for (number, what) in [
        (summary.different, "different"),
        (summary.invalid, "invalid"),
        (summary.refused_as_expected, "refused as expected"),
        (summary.failed, "failed"),
        (summary.rebuilt, "built again"),
    ] {
        if number > 0 {
            let _ = write!(line, ", {number} {what}");
        }
    }
    let _ = write!(
        line,
        " · {} · {} · cluster {} ms, {} Mgas/s",
        text::count(summary.transactions, "transaction"),
        text::mgas(summary.gas),
        text::millis(summary.wall_us),
        text::rate(summary.mgas_per_s),
    );
    for (what, status) in [("head", summary.head), ("state at the end", summary.post_state)] {
        if let Some(status) = status {
            let _ = write!(line, " · {what} {}", status.replace('_', " "));
        }
    }
    if let Some(serial_us) = summary.serial_us {
        let against = text::times(summary.speedup);
        let _ = write!(line, " · serial {} ms · {against} against serial", text::millis(serial_us));
    }
    line
}

#[cfg(test)]
mod tests;
