//! What scripts rely on: every key of every line, with its type.

use serde_json::Value;

/// The type of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type {
    /// A count, a size or microseconds: a whole number below 2^53.
    Count,
    /// A ratio.
    Float,
    Bool,
    Text,
    /// "0x" and 64 hex digits.
    Hash,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list of values of this type.
    List(&'static Self),
    /// An object with exactly these keys at least.
    Object(&'static [(&'static str, Self)]),
    /// The type, or null.
    OrNull(&'static Self),
}

use Type::{Bool, Count, Float, Hash, List, Object, OneOf, OrNull, Text};

const FIELD: Type = OrNull(&OneOf(&["equal", "different", "not_checkable", "absent"]));
const COUNT_OR_NULL: Type = OrNull(&Count);
const FLOAT_OR_NULL: Type = OrNull(&Float);
const TEXT_OR_NULL: Type = OrNull(&Text);
const FIELD_COUNTS: Type =
    Object(&[("equal", Count), ("different", Count), ("not_checkable", Count), ("absent", Count)]);

/// The first line of a run.
pub(crate) const RUN: Type = Object(&[
    ("kind", OneOf(&["run"])),
    ("schema", OneOf(&["evmesh.run/1"])),
    ("version", Text),
    ("commit", TEXT_OR_NULL),
    ("transport", OneOf(&["in-process", "grpc", "remote"])),
    ("workers", Count),
    ("threads", Count),
    ("state_shards", Count),
    ("plan", OneOf(&["split", "whole", "auto"])),
    ("slice_gas", COUNT_OR_NULL),
    ("seed", Count),
    ("state_delay_us", Count),
    ("inputs", List(&Text)),
]);

/// The line of a block.
pub(crate) const BLOCK: Type = Object(&[
    ("kind", OneOf(&["block"])),
    ("input", Text),
    ("number", Count),
    ("hash", Hash),
    ("parent_hash", Hash),
    ("chain_id", Count),
    ("fork", Text),
    ("status", OneOf(&["equal", "different", "invalid", "refused_as_expected", "failed"])),
    ("expected_exception", TEXT_OR_NULL),
    ("transactions", Count),
    ("gas_used", COUNT_OR_NULL),
    ("plan", PLAN),
    ("executions", Count),
    ("re_executions", Count),
    ("conflicts", Count),
    ("attempts_lost", Count),
    ("audited", Count),
    ("quarantined", List(&Count)),
    ("fields", FIELDS),
    ("rebuilt", Bool),
    ("oracle", ORACLE),
    ("first_difference", OrNull(&DIFFERENCE)),
    ("error", OrNull(&BLOCK_ERROR)),
    ("wall_us", COUNT_OR_NULL),
    ("queue_us", COUNT_OR_NULL),
    ("plan_us", COUNT_OR_NULL),
    ("execute_us", COUNT_OR_NULL),
    ("finalise_us", COUNT_OR_NULL),
    ("seal_us", COUNT_OR_NULL),
    ("commit_us", COUNT_OR_NULL),
    ("serial_us", COUNT_OR_NULL),
    ("serial_execute_us", COUNT_OR_NULL),
    ("speedup", FLOAT_OR_NULL),
    ("mgas_per_s", FLOAT_OR_NULL),
    ("messages", MESSAGES),
    ("reads", READS),
    ("trace_id", TEXT_OR_NULL),
]);

const PLAN: Type = Object(&[
    ("kind", OneOf(&["whole", "optimistic", "record"])),
    ("slices", Count),
    ("workers_used", Count),
    ("rounds", Count),
    ("tail", Bool),
]);

const FIELDS: Type = Object(&[
    ("gas_used", FIELD),
    ("transactions_root", FIELD),
    ("receipts_root", FIELD),
    ("logs_bloom", FIELD),
    ("withdrawals_root", FIELD),
    ("requests_hash", FIELD),
    ("blob_gas_used", FIELD),
    ("block_access_list_hash", FIELD),
    ("state_root", FIELD),
]);

const ORACLE: Type =
    Object(&[("compared", Bool), ("receipts", FIELD), ("writes", FIELD), ("state_root", FIELD)]);

const DIFFERENCE: Type = Object(&[
    ("transaction", COUNT_OR_NULL),
    ("field", Text),
    ("cluster", TEXT_OR_NULL),
    ("expected", TEXT_OR_NULL),
    ("against", OneOf(&["header", "oracle", "post_state"])),
]);

const BLOCK_ERROR: Type =
    Object(&[("code", Text), ("transaction", COUNT_OR_NULL), ("message", Text)]);

const MESSAGES: Type = Object(&[
    ("coordinator_worker", Count),
    ("worker_state", Count),
    ("coordinator_state", Count),
    ("total", Count),
    ("bytes", COUNT_OR_NULL),
    ("bound", Count),
]);

const READS: Type = Object(&[
    ("keys", Count),
    ("batches", Count),
    ("miss_steps", Count),
    ("cache_hits", Count),
    ("cache_misses", Count),
    ("prefetched", Count),
    ("prefetched_unused", Count),
    ("bytes", Count),
]);

/// The last line of a run that came to its end.
pub(crate) const SUMMARY: Type = Object(&[
    ("kind", OneOf(&["summary"])),
    ("blocks", Count),
    ("equal", Count),
    ("different", Count),
    ("invalid", Count),
    ("refused_as_expected", Count),
    ("failed", Count),
    ("rebuilt", Count),
    ("transactions", Count),
    ("gas", Count),
    ("wall_us", Count),
    ("serial_us", COUNT_OR_NULL),
    ("speedup", FLOAT_OR_NULL),
    ("mgas_per_s", FLOAT_OR_NULL),
    (
        "cpu_us",
        Object(&[
            ("coordinator", COUNT_OR_NULL),
            ("workers", COUNT_OR_NULL),
            ("state", COUNT_OR_NULL),
            ("serial", COUNT_OR_NULL),
        ]),
    ),
    (
        "fields",
        Object(&[
            ("gas_used", FIELD_COUNTS),
            ("transactions_root", FIELD_COUNTS),
            ("receipts_root", FIELD_COUNTS),
            ("logs_bloom", FIELD_COUNTS),
            ("withdrawals_root", FIELD_COUNTS),
            ("requests_hash", FIELD_COUNTS),
            ("blob_gas_used", FIELD_COUNTS),
            ("block_access_list_hash", FIELD_COUNTS),
            ("state_root", FIELD_COUNTS),
        ]),
    ),
    ("head", FIELD),
    ("post_state", FIELD),
    ("end_difference", OrNull(&DIFFERENCE)),
    ("exit_code", Count),
]);

/// The last line of a run that did not.
pub(crate) const ERROR: Type = Object(&[
    ("kind", OneOf(&["error"])),
    ("code", Text),
    ("message", Text),
    ("at", Text),
    ("try", Text),
]);

/// The one line of `evmesh status`.
pub(crate) const STATUS: Type = Object(&[
    ("cluster_id", Text),
    ("leader", Object(&[("id", Text), ("term", Count), ("address", Text)])),
    ("coordinators", List(&Object(&[("id", Text), ("address", Text)]))),
    (
        "workers",
        List(&Object(&[
            ("id", Count),
            ("address", Text),
            ("cores", Count),
            ("state", OneOf(&["ready", "draining", "quarantined", "lost"])),
            ("slices_running", Count),
            ("version", Text),
        ])),
    ),
    (
        "state_shards",
        List(&Object(&[
            ("index", Count),
            ("address", Text),
            ("state", OneOf(&["ready", "away"])),
            ("head_number", COUNT_OR_NULL),
            ("head_hash", OrNull(&Hash)),
            ("term", Count),
        ])),
    ),
    ("head", OrNull(&Object(&[("number", Count), ("hash", Hash), ("state_root", OrNull(&Hash))]))),
    ("queue", Count),
    ("etcd", OneOf(&["up", "away", "none"])),
]);

/// Numbers up to here are exact in every reader of JSON.
const COUNT_MAX: u64 = 1 << 53;

impl Type {
    /// Returns what is wrong with a value, as `path: what` each.
    pub(crate) fn violations(self, value: &Value) -> Vec<String> {
        let mut violations = Vec::new();
        self.check(value, "line", &mut violations);
        violations
    }

    fn check(self, value: &Value, path: &str, violations: &mut Vec<String>) {
        let is_right = match (self, value) {
            (OrNull(_), Value::Null) => true,
            (OrNull(inner), value) => return inner.check(value, path, violations),
            (Count, value) => value.as_u64().is_some_and(|number| number < COUNT_MAX),
            (Float, value) => value.is_f64(),
            (Bool, value) => value.is_boolean(),
            (Text, value) => value.is_string(),
            (Hash, value) => value.as_str().is_some_and(is_hash),
            (OneOf(texts), value) => value.as_str().is_some_and(|text| texts.contains(&text)),
            (List(of), Value::Array(values)) => {
                return values.iter().for_each(|value| of.check(value, path, violations));
            }
            (Object(keys), Value::Object(object)) => {
                for (key, of) in keys {
                    match object.get(*key) {
                        Some(value) => of.check(value, &format!("{path}.{key}"), violations),
                        None => violations.push(format!("{path}.{key}: is missing")),
                    }
                }
                return;
            }
            (List(_) | Object(_), _) => false,
        };
        if !is_right {
            violations.push(format!("{path}: {value} is not {self:?}"));
        }
    }
}

fn is_hash(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    digits.len() == 64 && digits.chars().all(|digit| digit.is_ascii_hexdigit())
}

#[test]
fn the_check_sees_a_missing_key_and_a_wrong_type() {
    let whole = serde_json::json!({
        "kind": "error", "code": "usage", "message": "a", "at": "b", "try": "c", "more": 1
    });
    assert_eq!(ERROR.violations(&whole), [""; 0]);

    for key in ["kind", "code", "message", "at", "try"] {
        let (mut without, mut other) = (whole.clone(), whole.clone());
        without.as_object_mut().unwrap().remove(key);
        other[key] = serde_json::json!(7);

        assert_eq!(ERROR.violations(&without).len(), 1, "{key}");
        assert_eq!(ERROR.violations(&other).len(), 1, "{key}");
    }
    let wrong = [
        (Count, serde_json::json!(1.5)),
        (Count, serde_json::json!(-1)),
        (Count, serde_json::json!(COUNT_MAX)),
        (Float, serde_json::json!(1)),
        (Hash, serde_json::json!("0x12")),
        (Count, Value::Null),
        (List(&Count), serde_json::json!(["a"])),
    ];
    for (of, value) in wrong {
        assert_eq!(of.violations(&value).len(), 1, "{of:?} took {value}");
    }
}
