//! What the tables say.

use super::*;
use crate::{
    report::{Difference, ErrorObject, Fields, Messages, OracleObject, PlanObject, Reads, Times},
    session::{BlockReport, Summary},
    transport::CpuByRole,
};
use engine::header::{Field, FieldComparison, FieldStatus};

fn block(number: u64, status: BlockStatus) -> BlockLine {
    BlockLine {
        input: "folder".to_owned(),
        number,
        hash: None,
        parent_hash: None,
        chain_id: 1,
        fork: None,
        status,
        expected_exception: None,
        transactions: 1_414,
        gas_used: Some(29_970_000),
        plan: PlanObject { kind: "optimistic", slices: 16, workers_used: 4, rounds: 2, tail: true },
        executions: 1_500,
        re_executions: 80,
        conflicts: 77,
        attempts_lost: 0,
        audited: 0,
        quarantined: Vec::new(),
        fields: Fields::default(),
        rebuilt: false,
        oracle: OracleObject::default(),
        first_difference: None,
        error: None,
        times: Times {
            wall_us: Some(20_000),
            serial_us: Some(30_000),
            speedup: Some(1.5),
            mgas_per_s: Some(1_498.5),
            ..Times::default()
        },
        messages: Messages::default(),
        reads: Reads::default(),
        trace_id: None,
    }
}

fn shown(lines: Vec<BlockLine>) -> String {
    let (mut tables, mut summary) = (Tables::default(), Summary::default());
    for line in lines {
        tables.block(&line);
        let status = FieldStatus::NotCheckable;
        let field =
            FieldComparison { field: Field::StateRoot, status, computed: None, header: None };
        let fields = vec![field];
        summary.add(&BlockReport { line, fields, cpu: CpuByRole::default(), serial_cpu_us: None });
    }
    let delays = (DelayPaid::default(), DelayPaid::default());
    tables.end(&summary.line(delays), delays)
}

fn cells_of(row: &str) -> Vec<&str> {
    row.split(['│', '┆']).map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn a_row_holds_what_a_block_cost_and_the_last_line_sums_up() {
    let shown = shown(vec![block(17_000_000, BlockStatus::Equal)]);

    let row = shown.lines().find(|line| line.contains("17,000,000")).unwrap();
    let cells = cells_of(row);
    let wanted = [
        "17,000,000",
        "1,414",
        "29,970,000",
        "16",
        "4",
        "77",
        "1,500",
        "20.0",
        "1498.5",
        "1.50x",
        "equal",
    ];
    assert_eq!(cells, wanted);
    let state_root = shown.lines().find(|line| line.contains("state_root")).unwrap();
    assert_eq!(cells_of(state_root), ["state_root", "0", "0", "1", "0"]);
    let last = "1 of 1 block equal · 1,414 transactions · 30.0 Mgas · cluster 20.0 ms, 1498.5 Mgas/s \
                · serial 30.0 ms · 1.50x against serial";
    assert_eq!(shown.lines().last().unwrap(), last);
}

#[test]
fn what_went_wrong_is_said_once_and_by_name() {
    let mut different = block(5, BlockStatus::Different);
    different.first_difference = Some(Difference {
        transaction: Some(3),
        field: "receipt.gas_used".to_owned(),
        cluster: Some("21001".to_owned()),
        expected: Some("21000".to_owned()),
        against: "oracle",
    });
    let mut failed = block(6, BlockStatus::Failed);
    failed.attempts_lost = 2;
    failed.quarantined = vec![3];
    failed.error =
        Some(ErrorObject { code: "failed", transaction: None, message: "no worker".to_owned() });

    let shown = shown(vec![different, failed]);

    for line in [
        "first difference: folder, block 5, transaction 3, receipt.gas_used",
        "  cluster     21001",
        "  oracle      21000",
        "block 6: 2 attempts lost with a worker",
        "block 6: worker 3 was quarantined",
        "block 6: failed: no worker",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is not in\n{shown}");
    }
    assert!(
        shown.lines().last().unwrap().starts_with("0 of 2 blocks equal, 1 different, 1 failed")
    );
}

#[test]
fn equal_blocks_beyond_a_bound_are_counted_and_others_are_shown() {
    let mut lines: Vec<_> =
        (0..EQUAL_ROWS_MAX + 7).map(|number| block(number, BlockStatus::Equal)).collect();
    lines.push(block(99_999, BlockStatus::Invalid));

    let shown = shown(lines);

    assert!(shown.contains("and 7 more equal blocks (--json lists all)"));
    assert!(shown.contains("99,999"));
}
