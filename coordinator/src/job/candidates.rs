//! Verdicts on the block, each from one run, and which of them counts (rule 7).

use super::Assembled;
use engine::{
    header::{Field, FieldComparison, FieldStatus},
    ids::{AccessIndex, WorkerId},
    ledger::FinalOutcome,
    outcome::Verdict,
};
/// Runs after which the job fails if no two agree. Three can differ though one worker only is
/// wrong: it had a part in the first and ran the second.
const RUNS_MAX: usize = 4;

/// How a run of the block ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// Every index is final; receipts and roots are under way, or a later run that came to the
    /// same has them.
    Executed,
    /// Every index is final, and this is how it compares with the header.
    Compared { assembled: Box<Assembled>, fields: Vec<FieldComparison> },
    /// A transaction, or the body (no index), breaks a rule.
    Invalid { index: Option<AccessIndex>, reason: String },
}

/// One run's verdict.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) ending: Ending,
    /// What stood at each index when the run ended.
    pub(super) outcomes: Vec<Option<FinalOutcome>>,
    /// Whether somebody who had a part in it broke the protocol.
    is_void: bool,
}

/// All verdicts so far.
#[derive(Debug, Default)]
pub(super) struct Candidates(Vec<Candidate>);

/// What the verdicts so far say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// The last verdict counts.
    Last,
    /// Another run has to confirm or refute.
    RunAgain,
    /// No two runs agree.
    Undecided,
}

impl Candidate {
    pub(super) const fn new(ending: Ending, outcomes: Vec<Option<FinalOutcome>>) -> Self {
        Self { ending, outcomes, is_void: false }
    }

    pub(super) fn matches(&self) -> bool {
        match &self.ending {
            Ending::Compared { fields, .. } => {
                fields.iter().all(|field| field.status != FieldStatus::Different)
            }
            Ending::Executed | Ending::Invalid { .. } => false,
        }
    }

    /// Tells whether only fields differ that the coordinator computed from the block itself: no
    /// run had a part in them.
    fn differs_by_itself(&self) -> bool {
        let own = [
            Field::TransactionsRoot,
            Field::WithdrawalsRoot,
            Field::OmmersHash,
            Field::BlobGasUsed,
        ];
        let Ending::Compared { fields, .. } = &self.ending else { return false };
        let differs = |field: &&FieldComparison| field.status == FieldStatus::Different;
        let mut different = fields.iter().filter(differs).peekable();
        different.peek().is_some() && different.all(|field| own.contains(&field.field))
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self.invalid_index(), other.invalid_index()) {
            (None, None) => self.first_difference(other).is_none(),
            (one, other) => one == other,
        }
    }

    /// Returns the transaction that ended the run.
    const fn invalid_index(&self) -> Option<AccessIndex> {
        match self.ending {
            Ending::Invalid { index, .. } => index,
            Ending::Executed | Ending::Compared { .. } => None,
        }
    }

    /// Returns the first index at which another run came to something else.
    pub(super) fn first_difference(&self, other: &Self) -> Option<AccessIndex> {
        let pairs = (0..).zip(self.outcomes.iter().zip(&other.outcomes));
        let mut different = pairs.filter(|(_, (one, other))| !agree(one.as_ref(), other.as_ref()));
        different.next().map(|(position, _)| AccessIndex::new(position))
    }

    pub(super) fn worker_of(&self, index: AccessIndex) -> Option<WorkerId> {
        let outcome = self.outcomes.get(index.position() as usize)?.as_ref();
        outcome.map(|outcome| outcome.worker)
    }
}

/// Tells whether runs that came to the same are more than one worker's word at each index.
fn is_independent(last: &Candidate, same: &[&Candidate]) -> bool {
    let end = last.invalid_index().map_or(usize::MAX, |index| index.position() as usize);
    let mut places = (0..).zip(&last.outcomes).take_while(|(place, _)| *place <= end);
    places.all(|(place, outcome)| {
        let worker = outcome.as_ref().map(|outcome| outcome.worker);
        let others = same.iter().filter_map(|it| it.outcomes.get(place)?.as_ref());
        let mut others = others.map(|outcome| Some(outcome.worker));
        others.any(|other| other != worker)
    })
}

/// Where two runs find another rule broken, they still agree that one is.
fn agree(one: Option<&FinalOutcome>, other: Option<&FinalOutcome>) -> bool {
    match (one.map(|it| &it.verdict), other.map(|it| &it.verdict)) {
        (Some(Verdict::Invalid { .. }), Some(Verdict::Invalid { .. })) => true,
        (one, other) => one == other,
    }
}

impl Candidates {
    pub(super) fn push(&mut self, candidate: Candidate) {
        self.0.push(candidate);
    }

    pub(super) fn last(&self) -> Option<&Candidate> {
        self.0.last()
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut Candidate> {
        self.0.last_mut()
    }

    pub(super) fn pop(&mut self) -> Option<Candidate> {
        self.0.pop()
    }

    /// Nothing that this worker had a part in counts any more.
    pub(super) fn distrust(&mut self, worker: WorkerId) {
        for candidate in &mut self.0 {
            let mut outcomes = candidate.outcomes.iter().flatten();
            candidate.is_void |= outcomes.any(|outcome| outcome.worker == worker);
        }
    }

    /// Decides what comes after the last run. A verdict that does not match the header needs
    /// another run that came to the same, and the word of two workers for each index, unless there
    /// is only one.
    pub(super) fn decide(&self, is_alone: bool) -> Decision {
        let Some((last, earlier)) = self.0.split_last() else { return Decision::RunAgain };
        if last.is_void {
            return Decision::RunAgain;
        }
        if last.matches() || last.differs_by_itself() {
            return Decision::Last;
        }
        let valid: Vec<_> = earlier.iter().filter(|candidate| !candidate.is_void).collect();
        let same: Vec<_> = valid.iter().copied().filter(|other| other.is_same(last)).collect();
        if !same.is_empty() && (is_alone || is_independent(last, &same)) {
            Decision::Last
        } else if valid.len() + 1 >= RUNS_MAX {
            Decision::Undecided
        } else {
            Decision::RunAgain
        }
    }

    /// The last run came to what an earlier one came to: what is known of that holds for it too.
    /// False if there is no such run.
    pub(super) fn adopt(&mut self) -> bool {
        let Some((last, earlier)) = self.0.split_last_mut() else { return false };
        let is_known = |it: &&mut Candidate| {
            !matches!(it.ending, Ending::Executed) && it.first_difference(last).is_none()
        };
        let Some(known) = earlier.iter_mut().find(is_known) else { return false };
        last.ending = std::mem::replace(&mut known.ending, Ending::Executed);
        true
    }

    /// Returns, for each earlier verdict that does not count, where it first differs from the last.
    pub(super) fn refuted(&self) -> Vec<(AccessIndex, WorkerId)> {
        let Some((last, earlier)) = self.0.split_last() else { return Vec::new() };
        let others = |it: &&Candidate| !it.is_void && !it.is_same(last);
        let refuted = earlier.iter().filter(others).filter_map(|candidate| {
            let index = candidate.first_difference(last)?;
            Some((index, candidate.worker_of(index)?))
        });
        refuted.collect()
    }

    /// Returns who produced each outcome of each run; who found a transaction invalid counts as
    /// often as the block has indices.
    pub(super) fn workers(&self) -> impl Iterator<Item = WorkerId> + use<'_> {
        self.0.iter().flat_map(|candidate| {
            let of_invalid = match &candidate.ending {
                Ending::Invalid { index: Some(index), .. } => candidate.worker_of(*index),
                _ => None,
            };
            let all = candidate.outcomes.iter().flatten().map(|outcome| outcome.worker);
            all.chain(of_invalid.into_iter().cycle().take(candidate.outcomes.len()))
        })
    }
}
