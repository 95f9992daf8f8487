//! What became of a block: the cluster's outcome beside its header, the oracle and what the input
//! expects. Pure.

use crate::{
    compare::OracleComparison,
    exit::Exit,
    report::{BlockStatus, Difference, ErrorObject},
};
use engine::{
    header::{FieldComparison, FieldStatus},
    sequential::{InvalidBlock, StateError},
};
use proto::coordinator::JobEnd;

/// The code of a block that only the oracle could not execute.
const CANNOT_ANSWER: &str = "oracle";

/// What the oracle said.
#[derive(Clone, Debug)]
pub(super) enum OracleSays {
    /// It did not run.
    Nothing,
    /// It executed the block too, and this is how the two compare.
    Compared(OracleComparison),
    /// It executed a block of which the cluster has no outcome to compare.
    Executed,
    /// It found the block invalid.
    Invalid(InvalidBlock),
    /// The state below could not answer.
    CannotAnswer(StateError),
}

/// What the verdict is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence<'a> {
    /// How the job ended.
    pub(super) end: &'a JobEnd,
    /// The header, field by field; nothing if it did not come to that.
    pub(super) fields: &'a [FieldComparison],
    /// What the oracle said.
    pub(super) oracle: &'a OracleSays,
    /// Whether the input says that the block is invalid.
    pub(super) expects_invalid: bool,
}

/// What became of a block, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) status: BlockStatus,
    pub(super) first_difference: Option<Difference>,
    pub(super) error: Option<ErrorObject>,
}

impl Evidence<'_> {
    /// Decides.
    pub(super) fn verdict(&self) -> Verdict {
        let error = self.error();
        let first_difference = self.first_difference();
        let status = if first_difference.is_some() {
            BlockStatus::Different
        } else if error.as_ref().is_some_and(|error| error.code == CANNOT_ANSWER) {
            BlockStatus::Failed
        } else {
            match self.end {
                JobEnd::Committed | JobEnd::Verified | JobEnd::Built if self.expects_invalid => {
                    BlockStatus::Different
                }
                JobEnd::Committed | JobEnd::Verified | JobEnd::Built => BlockStatus::Equal,
                JobEnd::Different | JobEnd::Invalid { .. } if self.expects_invalid => {
                    BlockStatus::RefusedAsExpected
                }
                JobEnd::Different => BlockStatus::Different,
                JobEnd::Invalid { .. } => BlockStatus::Invalid,
                JobEnd::Failed { .. } => BlockStatus::Failed,
            }
        };
        Verdict { status, first_difference, error }
    }

    /// A difference that names a transaction says more than one of the header.
    fn first_difference(&self) -> Option<Difference> {
        let by_oracle = self.by_oracle();
        if by_oracle.as_ref().is_some_and(|found| found.transaction.is_some()) {
            return by_oracle;
        }
        let by_header = if self.expects_invalid { self.not_refused() } else { self.by_header() };
        by_header.or(by_oracle)
    }

    fn by_oracle(&self) -> Option<Difference> {
        match (self.oracle, self.end) {
            (OracleSays::Compared(comparison), _) => comparison.first_difference.clone(),
            (OracleSays::Executed, JobEnd::Invalid { transaction, reason }) => {
                Some(about_validity(*transaction, format!("invalid: {reason}"), "valid".to_owned()))
            }
            (
                OracleSays::Invalid(invalid),
                JobEnd::Committed | JobEnd::Verified | JobEnd::Different,
            ) => {
                let expected = format!("invalid: {}", invalid.reason);
                Some(about_validity(invalid.transaction, "valid".to_owned(), expected))
            }
            (OracleSays::Invalid(theirs), JobEnd::Invalid { transaction, reason })
                if theirs.transaction != *transaction =>
            {
                let expected = format!("invalid: {theirs}");
                Some(about_validity(*transaction, format!("invalid: {reason}"), expected))
            }
            _ => None,
        }
    }

    /// A body that breaks a rule is refused, not compared.
    fn by_header(&self) -> Option<Difference> {
        let different = self.fields.iter().find(|field| field.status == FieldStatus::Different)?;
        Some(Difference {
            transaction: None,
            field: different.field.name().to_owned(),
            cluster: different.computed.clone(),
            expected: different.header.clone(),
            against: "header",
        })
    }

    /// A block that is there to be refused, and was not. Results that differ from its header are a
    /// refusal too.
    fn not_refused(&self) -> Option<Difference> {
        matches!(self.end, JobEnd::Committed | JobEnd::Verified).then(|| Difference {
            transaction: None,
            field: "validity".to_owned(),
            cluster: Some("valid".to_owned()),
            expected: Some("invalid".to_owned()),
            against: "header",
        })
    }

    fn error(&self) -> Option<ErrorObject> {
        match self.end {
            JobEnd::Invalid { transaction, reason } => Some(ErrorObject {
                code: "invalid",
                transaction: transaction.map(|offset| offset as u64),
                message: reason.clone(),
            }),
            JobEnd::Failed { reason } => {
                Some(ErrorObject { code: "failed", transaction: None, message: reason.clone() })
            }
            JobEnd::Committed | JobEnd::Verified | JobEnd::Built | JobEnd::Different => {
                self.unanswered()
            }
        }
    }

    /// A state that answers the cluster and not the oracle is one of which they know different parts.
    fn unanswered(&self) -> Option<ErrorObject> {
        let OracleSays::CannotAnswer(reason) = self.oracle else { return None };
        let message = format!("serial execution: {reason}");
        Some(ErrorObject { code: CANNOT_ANSWER, transaction: None, message })
    }
}

fn about_validity(transaction: Option<usize>, cluster: String, expected: String) -> Difference {
    Difference {
        transaction: transaction.map(|offset| offset as u64),
        field: "validity".to_owned(),
        cluster: Some(cluster),
        expected: Some(expected),
        against: "oracle",
    }
}

/// Returns how a command ends that had a block of this status.
pub(super) const fn exit_of(status: BlockStatus) -> Exit {
    match status {
        BlockStatus::Equal | BlockStatus::RefusedAsExpected => Exit::Done,
        BlockStatus::Different => Exit::Difference,
        BlockStatus::Invalid => Exit::Invalid,
        BlockStatus::Failed => Exit::Unfinished,
    }
}

#[cfg(test)]
mod tests;
