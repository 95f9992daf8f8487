//! Whether a case passes.

use engine::header::FieldStatus;
use evmesh::{
    report::{BlockStatus, Difference},
    session::{BlockReport, InputEnd},
};

/// Why a case does not pass: the first thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Number of the block; nothing if it is about the end.
    pub block: Option<u64>,
    /// What is wrong.
    pub field: String,
    /// What it should be.
    pub expected: Option<String>,
    /// What it is.
    pub got: Option<String>,
}

impl Flaw {
    fn of(block: Option<u64>, difference: &Difference) -> Self {
        let Difference { field, cluster, expected, .. } = difference.clone();
        Self { block, field, expected, got: cluster }
    }

    /// Something other than a comparison failed.
    pub(super) fn new(block: Option<u64>, field: &str, got: String) -> Self {
        Self { block, field: field.to_owned(), expected: None, got: Some(got) }
    }
}

/// Judges a block: one that is there to be refused has to be, any other has to equal its header in
/// every field that its fork knows.
pub(super) fn of_block(report: &BlockReport) -> Option<Flaw> {
    let line = &report.line;
    let block = Some(line.number);
    match line.status {
        BlockStatus::RefusedAsExpected => None,
        BlockStatus::Equal => unchecked(report),
        BlockStatus::Different => Some(match &line.first_difference {
            Some(difference) => Flaw::of(block, difference),
            None => Flaw::new(block, "header", "different".to_owned()),
        }),
        BlockStatus::Invalid | BlockStatus::Failed => {
            let message = line.error.as_ref().map(|error| error.message.clone());
            Some(Flaw::new(block, line.status.name(), message.unwrap_or_default()))
        }
    }
}

/// Finds a header field that nobody compared.
fn unchecked(report: &BlockReport) -> Option<Flaw> {
    let block = Some(report.line.number);
    if report.fields.is_empty() {
        return Some(Flaw::new(block, "header", "not compared".to_owned()));
    }
    let is_known = |status| matches!(status, FieldStatus::Equal | FieldStatus::Absent);
    let field = report.fields.iter().find(|field| !is_known(field.status))?;
    Some(Flaw {
        block,
        field: field.field.name().to_owned(),
        expected: field.header.clone(),
        got: field.computed.clone(),
    })
}

/// Judges the end of a case: head and state are both compared, and both equal.
pub(super) fn of_end(end: &InputEnd) -> Option<Flaw> {
    if let Some(difference) = &end.first_difference {
        return Some(Flaw::of(None, difference));
    }
    let is_equal = |status: Option<FieldStatus>| status == Some(FieldStatus::Equal);
    let parts = [("head", end.head), ("state", end.post_state)];
    let (field, status) = parts.into_iter().find(|(_, status)| !is_equal(*status))?;
    let got = status.map_or("not compared", FieldStatus::name);
    Some(Flaw::new(None, field, got.to_owned()))
}
