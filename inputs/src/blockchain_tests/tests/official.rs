//! Official tests, held against the list of what is in them.

use crate::{blockchain_tests::cases, testdata, visit_files};
use flate2::read::GzDecoder;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    ops::ControlFlow,
    path::Path,
};

/// One file in so many is loaded.
const STRIDE: u64 = 40;

/// What the list says of a case: network, number of blocks, of invalid ones.
type Row = (String, usize, usize);

fn rows(data: &Path) -> BTreeMap<(String, String), Row> {
    let file = File::open(data.join("cases.tsv.gz")).unwrap();
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    let row = |line: String| {
        let columns: Vec<&str> = line.split('\t').collect();
        let number = |column: usize| columns[column].parse().unwrap();
        let case = (columns[0].to_owned(), columns[1].to_owned());
        (case, (columns[2].to_owned(), number(3), number(4)))
    };
    lines.skip(1).map(|line| row(line.unwrap())).collect()
}

/// Tells whether a file is among those that are loaded: by a seed and its name alone.
fn is_drawn(seed: u64, name: &str) -> bool {
    let hash = name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 20) % STRIDE == 0
}

#[test]
fn official_tests_are_what_their_list_says() {
    let test = "official_tests_are_what_their_list_says";
    let Some(data) = testdata::folder(test) else { return };
    let rows = rows(&data);
    let archive = data.join("blockchain_tests.tar.zst");
    let prefix = format!("{}/", archive.display());
    let (mut n_run, mut n_not_run) = (0, 0);
    visit_files(&archive, &mut |name, json| {
        let path = name.strip_prefix(&prefix).unwrap();
        if !is_drawn(4, path) {
            return ControlFlow::Continue(());
        }
        for case in cases(path, &json).unwrap_or_else(|error| panic!("{path}: {error}")) {
            let case = case.unwrap_or_else(|error| panic!("{}: {error}", error.at()));
            let row = &rows[&(path.to_owned(), case.name.clone())];
            assert_eq!(case.network, row.0, "{path}");
            let Ok(input) = case.input else {
                n_not_run += 1;
                continue;
            };
            n_run += 1;
            let n_invalid =
                input.blocks.iter().filter(|block| block.expects_invalid.is_some()).count();
            assert_eq!((input.blocks.len(), n_invalid), (row.1, row.2), "{}", input.name);
            let without_parent = input.blocks.iter().position(|block| {
                block.expects_invalid.is_none() && block.lineage.parent().is_none()
            });
            assert_eq!(without_parent, None, "{}", input.name);
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(n_run > 1_000 && n_not_run > 50, "{n_run} to run, {n_not_run} not");
}
