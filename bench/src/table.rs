//! The report for people.

use crate::report::{Row, Scope};
use evmesh::{table, text};

/// Returns a row for each case and number of workers.
pub(crate) fn of(rows: &[Row]) -> impl std::fmt::Display + use<> {
    let mut table = table::of(&[
        "case",
        "transport",
        "workers",
        "scope",
        "median ms",
        "min",
        "max",
        "Mgas/s",
        "serial ms",
        "against serial",
        "messages",
        "kB",
        "equal",
    ]);
    for row in rows {
        table.add_row([
            case_of(row),
            row.transport.to_owned(),
            row.workers.to_string(),
            row.scope.name().replace('_', " "),
            text::millis(row.wall_us.median),
            text::millis(row.wall_us.min),
            text::millis(row.wall_us.max),
            text::rate(row.mgas_per_s),
            text::millis(row.serial_us.median),
            text::times(row.speedup),
            row.messages_per_block.map_or_else(|| "-".to_owned(), |each| format!("{each:.0}")),
            row.bytes_per_block.map_or_else(|| "-".to_owned(), |each| format!("{:.0}", each / 1e3)),
            if row.equal { "yes" } else { "no" }.to_owned(),
        ]);
    }
    table
}

fn case_of(row: &Row) -> String {
    match row.scope {
        Scope::WholeJob => {
            format!("{} {}", row.id.split('/').next().unwrap_or_default(), row.workload)
        }
        Scope::Execution => String::new(),
    }
}
