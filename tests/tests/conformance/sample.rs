//! A sample with every file in which a case has several transactions in a block, several blocks, or a
//! block to be refused.

use super::{corpus, report};
use alloy_primitives::keccak256;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    path::Path,
};
use tests::conformance::{Listed, Selection, Shape};

const SEED: u64 = 7;
const CASES_MIN: usize = 5_000;
/// Cases of each file that has such cases.
const CASES_OF_FAMILY: usize = 3;
/// Cases that run in every shape.
const CASES_IN_ALL_SHAPES: usize = 300;

/// Cases whose contract is created where there is storage and neither code nor nonce. EIP-7610 lets that
/// fail, revm looks at code and nonce only; on Ethereum's chains there is no such account.
const COLLISIONS: [&str; 4] = [
    "/InitCollision",
    "/RevertInCreateInInit",
    "/create2collisionStorage",
    "/dynamicAccountOverwriteEmpty",
];

/// A line of the list that lies beside the archive.
struct Row {
    case: Listed,
    is_of_family: bool,
}

/// Reads the list of cases; those that a rule keeps from being run are left out.
fn rows(folder: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    inputs::visit_files(&folder.join("cases.tsv.gz"), &mut |_, text| {
        let text = String::from_utf8(text).unwrap();
        let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let header = lines.next().unwrap();
        let column = |name: &str| header.iter().position(|column| *column == name).unwrap();
        let (path, case, network) = (column("path"), column("case"), column("network"));
        let counts = [("blocks", 1), ("invalid_blocks", 0), ("max_txs_in_block", 1)];
        let counts = counts.map(|(name, more_than)| (column(name), more_than));
        let runs =
            |line: &Vec<&str>| inputs::blockchain_tests::rule_against(line[network]).is_none();
        rows.extend(lines.filter(runs).map(|line| Row {
            case: Listed { file: line[path].to_owned(), case: line[case].to_owned() },
            is_of_family:
                counts.iter().any(|(at, more_than)| line[*at].parse::<u64>().unwrap() > *more_than),
        }));
        ControlFlow::Continue(())
    })
    .unwrap();
    rows
}

/// Orders cases by chance.
fn shuffled(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_cached_key(|row| keccak256(format!("{SEED} {}#{}", row.case.file, row.case.case)));
    rows
}

#[test]
fn five_thousand_official_cases_pass_with_every_conflict_forced() {
    let name = "five_thousand_official_cases_pass_with_every_conflict_forced";
    let Some(corpus) = corpus(name) else { return };
    let rows = shuffled(rows(corpus.parent().unwrap()));
    assert_eq!(rows.len(), 65_917, "the list has other cases than the archive");
    let mut of_families = BTreeMap::<&str, Vec<&Listed>>::new();
    for row in rows.iter().filter(|row| row.is_of_family) {
        of_families.entry(&row.case.file).or_default().push(&row.case);
    }
    let mut chosen: BTreeSet<Listed> = of_families
        .values()
        .flat_map(|cases| cases.iter().take(CASES_OF_FAMILY))
        .map(|case| (*case).clone())
        .collect();
    let n_of_families = chosen.len();
    assert!(of_families.len() > 400 && n_of_families > 800, "{n_of_families}");
    for row in &rows {
        if chosen.len() >= CASES_MIN {
            break;
        }
        chosen.insert(row.case.clone());
    }

    let shape = Shape { rebuild: true, ..*Shape::all().unwrap().last().unwrap() };
    let report = report(corpus, Selection::only(chosen), vec![shape]);

    let counts = &report.shapes[0];
    let is_collision = |file: &str| COLLISIONS.iter().any(|part| file.contains(part));
    let failures: Vec<_> = report.failures.iter().filter(|it| !is_collision(&it.file)).collect();
    assert_eq!(failures.len(), 0, "seed {SEED}: {failures:#?}");
    assert_eq!(counts.to_be_run(), CASES_MIN as u64);
    assert_eq!(counts.not_run.len(), 0);
    assert!(counts.failed < 50, "{counts:?}");
    assert!(counts.not_loadable <= 2, "{counts:?}");
    // Every block that is not refused was built again from its parts, and was the same.
    assert_eq!(counts.rebuilt + counts.refused + counts.failed, counts.blocks, "{counts:?}");
    // What is forced happened: transactions that depend on each other did conflict.
    assert!(counts.conflicts > 200 && counts.refused > 300, "{counts:?}");
}

#[test]
fn official_cases_have_one_verdict_in_every_shape() {
    let Some(corpus) = corpus("official_cases_have_one_verdict_in_every_shape") else { return };
    let rows = shuffled(rows(corpus.parent().unwrap()));
    let of_families = rows.into_iter().filter(|row| row.is_of_family);
    let chosen = of_families.map(|row| row.case).take(CASES_IN_ALL_SHAPES).collect();

    let report = report(corpus, Selection::only(chosen), Shape::all().unwrap());

    assert_eq!(report.shapes.len(), 3);
    assert_eq!(report.failures.len(), 0, "seed {SEED}: {:#?}", report.failures);
    assert_eq!(report.verdicts_differ, [""; 0], "seed {SEED}");
    for shape in &report.shapes {
        assert_eq!(shape.passed, CASES_IN_ALL_SHAPES as u64, "{shape:?}");
    }
}
