//! A file that contradicts itself is refused, by the field.

use super::handmade::{FILE, file, headers, read};
use crate::InputError;
use alloy_primitives::{B256, Bytes};
use serde_json::{Value, json};

/// Returns why a file is refused of which one value was replaced; `field` is a JSON pointer.
fn refusal(field: &str, value: Value) -> InputError {
    let mut file = file(&headers(3));
    *file.pointer_mut(field).unwrap() = value;
    read(&file).unwrap_err()
}

fn assert_refused(field: &str, value: Value) {
    let error = refusal(field, value.clone());
    let InputError::Value { at, place, .. } = &error else { panic!("{field}: {error:?}") };
    assert_eq!(at, FILE);
    let dotted = field.trim_start_matches('/').replace('/', ".");
    let shown = place.replace('[', ".").replace(']', "");
    assert_eq!(shown, format!("$.{dotted}"), "{value}: {error}");
}

#[test]
fn what_the_file_expects_has_to_be_what_the_header_says() {
    let other = json!(B256::repeat_byte(0xaa));
    for field in ["state_root", "transactions_root", "receipts_root", "withdrawals_root"] {
        assert_refused(&format!("/expect/{field}"), other.clone());
    }
    assert_refused("/expect/requests_hash", other.clone());
    assert_refused("/expect/logs_bloom", json!(Bytes::from(vec![1; 256])));
    assert_refused("/expect/gas_used", json!(21_001));
    assert_refused("/number", json!(1));
    assert_refused("/block_hash", other);
}

#[test]
fn ancestors_have_to_lead_to_the_block() {
    let other = json!(B256::repeat_byte(0xaa));
    // The parent's hash is in the block, the older ones' in the headers.
    assert_refused("/ancestor_hashes_oldest_first/2", other.clone());
    let error = refusal("/ancestor_hashes_oldest_first/1", other.clone());
    assert!(error.at().contains("ancestor_hashes_oldest_first"), "{}", error.at());
    assert_refused("/pre_state_root", other);
    assert_refused("/witness/headers/1", json!("0xc0"));
}

#[test]
fn values_that_are_none_are_refused_by_their_place() {
    for field in ["/pre_state_root", "/block_hash", "/expect/receipts_root"] {
        assert_refused(field, json!("0x12"));
    }
    assert_refused("/block_rlp", json!("0xc0"));
    assert_refused("/block_rlp", json!("c0"));
    assert_refused("/witness/state/1", json!("0x1"));
    assert_refused("/witness/codes/0", json!("60"));
    assert_refused("/chain_id", json!(4_242));
    for field in ["/chain_id", "/number", "/expect/gas_used", "/witness/state"] {
        let error = refusal(field, json!({}));
        assert!(matches!(error, InputError::Json { .. }), "{field}: {error:?}");
    }
}

#[test]
fn a_file_without_a_part_is_refused_by_the_parts_name() {
    for field in ["chain_id", "block_rlp", "pre_state_root", "witness"] {
        let mut file = file(&headers(3));
        file.as_object_mut().unwrap().remove(field);
        let error = read(&file).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
    let mut file = file(&headers(3));
    let too_many = vec![B256::ZERO; 257];
    file["ancestor_hashes_oldest_first"] = json!(too_many);
    assert!(matches!(read(&file), Err(InputError::TooMuch { max: 256, .. })));
}
