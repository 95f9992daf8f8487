//! How tables look.

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

/// Returns an empty table with these columns, all to the right.
pub fn of(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(columns);
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
