//! What is wrong with a block, as the three lines of an error.

use crate::{
    failure::Failure,
    report::{BlockLine, BlockStatus, Difference},
    session::InputEnd,
};

/// Returns what is wrong with a block, where, and what to try; nothing if nothing is.
pub(super) fn problem_of(block: &BlockLine) -> Option<Failure> {
    let (what, transaction) = match block.status {
        BlockStatus::Equal | BlockStatus::RefusedAsExpected => return None,
        BlockStatus::Different => of_difference(block),
        BlockStatus::Invalid | BlockStatus::Failed => of_error(block),
    };
    let at = format!("{}, block {}", block.input, block.number);
    let at = match transaction {
        Some(transaction) => format!("{at}, transaction {transaction}"),
        None => at,
    };
    Some(match block.status {
        BlockStatus::Different => Failure::difference(
            what,
            at,
            "run the block with --plan whole --workers 1: if that is equal, report this",
        ),
        BlockStatus::Failed => {
            let state = "where state is missing, take a witness that has it";
            let try_next = format!("run it again with --log info to see why; {state}");
            Failure::cluster(what, at, try_next)
        }
        _ => Failure::invalid(what, at, "check where the block comes from"),
    })
}

fn of_difference(block: &BlockLine) -> (String, Option<u64>) {
    let Some(difference) = &block.first_difference else {
        return ("the block is different".to_owned(), None);
    };
    (text_of(difference, difference.against), difference.transaction)
}

/// Returns what is wrong with the head or the state after an input's last block; nothing if nothing is.
pub(super) fn problem_of_end(end: &InputEnd) -> Option<Failure> {
    let difference = end.first_difference.as_ref()?;
    let try_next = "look for the first block that is not as expected; if all are, report this";
    Some(Failure::difference(text_of(difference, "input"), &end.input, try_next))
}

fn text_of(difference: &Difference, against: &str) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    format!(
        "{} is {}, and the {against} has {}",
        difference.field,
        value(&difference.cluster),
        value(&difference.expected),
    )
}

fn of_error(block: &BlockLine) -> (String, Option<u64>) {
    let Some(error) = &block.error else {
        return (format!("the block is {}", block.status.name()), None);
    };
    (format!("{}: {}", error.code, error.message), error.transaction)
}
