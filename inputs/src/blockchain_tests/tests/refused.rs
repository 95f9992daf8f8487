//! Files that cannot be loaded say which case and which field it is.

use super::handmade::{CASE, FILE, file, file_with_state, read};
use crate::InputError;
use serde_json::{Value, json};

const ADDRESS: &str = "0x0101010101010101010101010101010101010101";

fn account() -> Value {
    json!({ "balance": "0x1", "nonce": "0x1", "code": "0x", "storage": {} })
}

/// Returns what `pre` is refused with when one field of its account is replaced.
fn refusal(field: &str, value: Value) -> String {
    let mut account = account();
    account[field] = value;
    let error = read(&file_with_state(json!({ ADDRESS: account }))).unwrap_err();
    let InputError::Value { at, place, reason } = error else { panic!("{error:?}") };
    assert_eq!(at, FILE);
    assert!(place.starts_with(&format!("$[\"{CASE}\"].pre")), "{place}");
    assert!(place.contains(ADDRESS) && place.ends_with(field), "{place}");
    reason
}

#[test]
fn a_wrong_number_is_refused_by_case_account_and_field() {
    let too_long = format!("0x{}", "0".repeat(65));
    for text in ["", "0x", "1", "0xg", "0x1_0", "-0x1", " 0x1", "0x:bigint 0x1", &too_long] {
        refusal("balance", json!(text));
        refusal("nonce", json!(text));
        refusal("storage", json!({ "0x1": text }));
        refusal("storage", json!({ text: "0x1" }));
    }
    assert!(refusal("nonce", json!("0x10000000000000000")).contains("64 bits"));
    assert!(refusal("storage", json!({ "0x1": "0x1", "0x01": "0x2" })).contains("twice"));
    for text in ["0x1", "6001", "0xzz"] {
        refusal("code", json!(text));
    }
}

#[test]
fn an_account_that_is_there_twice_is_refused() {
    let upper = "0xABABABABABABABABABABABABABABABABABABABAB";
    let file = file_with_state(json!({ upper: account(), upper.to_lowercase(): account() }));
    // `0X` is no way to write it, so that case is all that can differ.
    let error = read(&file).unwrap_err();
    assert!(error.to_string().contains("twice"), "{error}");
}

#[test]
fn a_wrong_value_outside_the_state_is_refused_by_its_field() {
    for (field, value) in [
        ("lastblockhash", json!("0x77")),
        ("genesisRLP", json!("0xc0")),
        ("genesisRLP", json!("c0")),
        ("network", json!("Atlantis")),
    ] {
        let mut file = file("London", json!([]));
        file[CASE][field] = value;
        let error = read(&file).unwrap_err();
        assert!(error.at().ends_with(&format!("].{field}")), "{field}: {}", error.at());
    }
    let blocks = json!([{ "rlp": "0xc0" }, { "rlp": "c0" }]);
    let error = read(&file("London", blocks)).unwrap_err();
    assert!(error.at().ends_with("].blocks[1].rlp"), "{}", error.at());
    let mut other_genesis = file("London", json!([]));
    other_genesis[CASE]["genesisBlockHeader"]["hash"] = json!(format!("0x{}", "11".repeat(32)));
    let error = read(&other_genesis).unwrap_err();
    assert!(error.at().ends_with("].genesisBlockHeader.hash"), "{}", error.at());
    for (field, value) in [
        ("chainid", json!("1")),
        (
            "blobSchedule",
            json!({ "Osaka": {
        "target": "0x", "max": "0x1", "baseFeeUpdateFraction": "0x1",
    } }),
        ),
    ] {
        let mut file = file("Osaka", json!([]));
        file[CASE]["config"] = json!({ field: value });
        let error = read(&file).unwrap_err();
        assert!(error.at().contains(&format!("].config.{field}")), "{}", error.at());
    }
}

#[test]
fn a_field_that_is_missing_is_refused_with_its_name() {
    let whole = file("London", json!([{ "blockHeader": {}, "rlp": "0xc0" }]));
    read(&whole).unwrap();
    for field in ["network", "pre", "genesisBlockHeader", "genesisRLP", "blocks", "lastblockhash"] {
        let mut file = whole.clone();
        file[CASE].as_object_mut().unwrap().remove(field);
        let error = read(&file).unwrap_err();
        assert!(error.to_string().contains(field), "{field}: {error}");
        assert!(matches!(error, InputError::Json { .. }), "{error:?}");
    }
    let mut file = whole;
    file[CASE]["blocks"][0].as_object_mut().unwrap().remove("rlp");
    assert!(read(&file).unwrap_err().to_string().contains("rlp"));
}

#[test]
fn one_wrong_case_does_not_hide_the_others() {
    let mut file = file("London", json!([]));
    let good = file[CASE].clone();
    file[CASE]["lastblockhash"] = json!("0x1");
    file["b"] = good.clone();
    file["A"] = good;
    let json = file.to_string();
    let read: Vec<_> = crate::blockchain_tests::cases(FILE, json.as_bytes()).unwrap().collect();
    let names: Vec<_> =
        read.iter().map(|case| case.as_ref().map_or("?", |case| &case.name)).collect();
    assert_eq!(names, ["A", "?", "b"], "in the order of names");
}
