//! Every way in which a block can end, with the exit code that it leads to.

use super::*;
use crate::report::OracleObject;
use engine::header::Field;

struct Case {
    end: JobEnd,
    fields: Vec<FieldComparison>,
    oracle: OracleSays,
    expects_invalid: bool,
}

impl Case {
    fn of(end: JobEnd, oracle: OracleSays) -> Self {
        Self { end, fields: vec![field(FieldStatus::Equal)], oracle, expects_invalid: false }
    }

    fn verdict(&self) -> Verdict {
        let Self { end, fields, oracle, expects_invalid } = self;
        Evidence { end, fields, oracle, expects_invalid: *expects_invalid }.verdict()
    }

    fn ends(&self) -> (BlockStatus, u8) {
        let status = self.verdict().status;
        (status, exit_of(status).code())
    }
}

fn field(status: FieldStatus) -> FieldComparison {
    let (computed, header) = (Some("5".to_owned()), Some("6".to_owned()));
    FieldComparison { field: Field::GasUsed, status, computed, header }
}

fn equal() -> OracleSays {
    OracleSays::Compared(OracleComparison::default())
}

fn differs(transaction: Option<u64>) -> OracleSays {
    OracleSays::Compared(OracleComparison {
        statuses: OracleObject::default(),
        first_difference: Some(Difference {
            transaction,
            field: "receipt.status".to_owned(),
            cluster: Some("true".to_owned()),
            expected: Some("false".to_owned()),
            against: "oracle",
        }),
    })
}

fn invalid_at(transaction: Option<usize>) -> JobEnd {
    JobEnd::Invalid { transaction, reason: "nonce too high".to_owned() }
}

fn oracle_invalid_at(transaction: Option<usize>) -> OracleSays {
    OracleSays::Invalid(InvalidBlock { transaction, reason: "nonce too low".to_owned() })
}

#[test]
fn what_is_equal_to_header_and_oracle_is_equal() {
    for end in [JobEnd::Committed, JobEnd::Verified] {
        for oracle in [OracleSays::Nothing, equal()] {
            assert_eq!(Case::of(end.clone(), oracle).ends(), (BlockStatus::Equal, 0));
        }
    }
}

#[test]
fn a_header_field_that_differs_makes_the_block_different_whatever_the_job_says() {
    for end in [JobEnd::Different, JobEnd::Committed] {
        let mut case = Case::of(end, equal());
        case.fields.push(field(FieldStatus::Different));

        let difference = case.verdict().first_difference.unwrap();

        assert_eq!(case.ends(), (BlockStatus::Different, 1));
        assert_eq!((difference.field.as_str(), difference.against), ("gas_used", "header"));
        assert_eq!(difference.cluster.as_deref(), Some("5"));
        assert_eq!(difference.expected.as_deref(), Some("6"));
    }
}

#[test]
fn a_difference_that_names_a_transaction_comes_before_one_of_the_header() {
    let mut case = Case::of(JobEnd::Different, differs(Some(3)));
    case.fields.push(field(FieldStatus::Different));
    assert_eq!(case.verdict().first_difference.unwrap().transaction, Some(3));

    case.oracle = differs(None);
    assert_eq!(case.verdict().first_difference.unwrap().against, "header");
}

#[test]
fn a_committed_block_that_the_oracle_contradicts_is_different() {
    assert_eq!(Case::of(JobEnd::Committed, differs(None)).ends(), (BlockStatus::Different, 1));
    let case = Case::of(JobEnd::Committed, oracle_invalid_at(Some(2)));
    assert_eq!(case.ends(), (BlockStatus::Different, 1));
    assert_eq!(case.verdict().first_difference.unwrap().transaction, Some(2));
}

#[test]
fn an_invalid_block_is_invalid_unless_the_oracle_executed_it_or_blames_another_transaction() {
    let agreed = Case::of(invalid_at(Some(2)), oracle_invalid_at(Some(2)));
    assert_eq!(agreed.ends(), (BlockStatus::Invalid, 3));
    assert_eq!(agreed.verdict().error.unwrap().transaction, Some(2));
    assert_eq!(Case::of(invalid_at(None), OracleSays::Nothing).ends(), (BlockStatus::Invalid, 3));

    assert_eq!(Case::of(invalid_at(Some(2)), OracleSays::Executed).ends().1, 1);
    assert_eq!(Case::of(invalid_at(Some(2)), oracle_invalid_at(Some(1))).ends().1, 1);
}

#[test]
fn a_block_that_is_there_to_be_refused_has_to_be() {
    let mut refused = Case::of(invalid_at(Some(2)), oracle_invalid_at(Some(2)));
    refused.expects_invalid = true;
    assert_eq!(refused.ends(), (BlockStatus::RefusedAsExpected, 0));

    let mut other_header = Case::of(JobEnd::Different, equal());
    other_header.fields.push(field(FieldStatus::Different));
    other_header.expects_invalid = true;
    assert_eq!(other_header.ends(), (BlockStatus::RefusedAsExpected, 0));

    let mut taken = Case::of(JobEnd::Committed, equal());
    taken.expects_invalid = true;
    assert_eq!(taken.ends(), (BlockStatus::Different, 1));
    assert_eq!(taken.verdict().first_difference.unwrap().field, "validity");
}

#[test]
fn a_job_that_failed_is_failed_with_its_reason() {
    let case = Case::of(JobEnd::Failed { reason: "no worker".to_owned() }, OracleSays::Executed);

    assert_eq!(case.ends(), (BlockStatus::Failed, 4));
    let error = case.verdict().error.unwrap();
    assert_eq!((error.code, error.message.as_str()), ("failed", "no worker"));
}
