//! The comparisons can fail: a case with one expected value altered fails, by the name of that value.

use super::{corpus, report};
use serde_json::Value;
use std::{fs, ops::ControlFlow, path::Path};
use tests::conformance::{CaseFailure, Selection, Shape};

/// A case of proof of stake with one block.
const FILE: &str = "eest-v5.4.0-develop/cancun/eip1153_tstore";

/// Returns the name and the text of one official case with a state and one valid block.
fn one_case(corpus: &Path) -> (String, Value) {
    let mut found = None;
    inputs::visit_files(corpus, &mut |path, json| {
        if !path.contains(FILE) {
            return ControlFlow::Continue(());
        }
        let cases: serde_json::Map<String, Value> = serde_json::from_slice(&json).unwrap();
        found = cases.into_iter().find(|(_, case)| {
            let blocks = case["blocks"].as_array().unwrap();
            case["postState"].is_object()
                && blocks.len() == 1
                && blocks[0]["blockHeader"].is_object()
        });
        if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    found.expect("there is such a case")
}

/// Runs one case alone; returns how it failed, if it did.
fn failure_of((name, case): (&str, &Value)) -> Option<CaseFailure> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.json");
    let text = serde_json::json!({ (name): case }).to_string();
    fs::write(&file, text).unwrap();
    let shapes = vec![Shape::all().unwrap()[1]];
    let mut report = report(file, Selection::default(), shapes);
    assert_eq!(report.shapes[0].to_be_run(), 1);
    assert_eq!(report.shapes[0].not_loadable, 0, "{:?}", report.shapes);
    report.failures.pop()
}

#[test]
fn a_case_with_one_expected_value_altered_fails_by_name() {
    let Some(corpus) = corpus("a_case_with_one_expected_value_altered_fails_by_name") else {
        return;
    };
    let (name, case) = one_case(&corpus);
    assert!(failure_of((&name, &case)).is_none(), "{name}");
    let fails_as = |alter: &dyn Fn(&mut Value)| {
        let mut altered = case.clone();
        alter(&mut altered);
        let failure = failure_of((&name, &altered)).expect("it has to fail");
        assert_eq!(failure.case, name);
        (failure.field, failure.expected.unwrap_or_default())
    };

    let other_hash = format!("0x{}", "12".repeat(32));
    let (field, expected) = fails_as(&|case| case["lastblockhash"] = other_hash.clone().into());
    assert_eq!((field.as_str(), &expected), ("head", &other_hash));
    let address = case["postState"].as_object().unwrap().keys().next().unwrap().clone();
    let (field, expected) = fails_as(&|case| case["postState"][&address]["balance"] = "0x7".into());
    assert!(field.starts_with("account 0x") && field.ends_with(".balance"), "{field}");
    assert_eq!(expected, "7");
    let (field, _) =
        fails_as(&|case| case["blocks"][0]["expectException"] = "BlockException.ANY".into());
    assert_eq!(field, "validity");
    let (field, _) = fails_as(&|case| {
        case["postState"].as_object_mut().unwrap().remove(&address);
    });
    assert!(field.ends_with(".exists"), "{field}");
}
