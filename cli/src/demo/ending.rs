//! The demo's last line.

use crate::{report::BlockStatus, session::Summary};

/// Sums the acts up: blocks equal of blocks run · speedup with remote state · added time for the
/// lost worker.
pub(super) fn line(all: &Summary, speedup: Option<f64>, added_us: i64) -> String {
    let (equal, blocks) = (all.count(BlockStatus::Equal), all.blocks());
    let speedup = speedup.map_or_else(|| "-".to_owned(), |speedup| format!("{speedup:.1}x"));
    let added_ms = (added_us + added_us.signum() * 500) / 1_000;
    format!(
        "{equal} of {blocks} blocks equal · {speedup} with the state 200 µs away · {added_ms:+} ms \
         for the lost worker"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_has_its_form() {
        let line = line(&Summary::default(), Some(3.12), 14_400);

        let wanted =
            "0 of 0 blocks equal · 3.1x with the state 200 µs away · +14 ms for the lost worker";
        assert_eq!(line, wanted);
        assert!(super::line(&Summary::default(), None, -1_600).contains("· -2 ms for"));
    }
}
