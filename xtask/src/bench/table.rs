//! Tables in Markdown that are readable as text.

use super::rounds::Spread;
use std::fmt;

/// A table whose first column is text and whose others are figures.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(head: &[&str]) -> Table {
        Table { rows: vec![head.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows[0].len();
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
                .max(3)
        };
        for (i, row) in self.rows.iter().enumerate() {
            for column in 0..columns {
                let cell = row.get(column).map_or("", String::as_str);
                let width = width(column);
                if column == 0 {
                    write!(f, "| {cell:<width$} ")?
                } else {
                    write!(f, "| {cell:>width$} ")?
                }
            }
            writeln!(f, "|")?;
            if i == 0 {
                for column in 0..columns {
                    let dashes = "-".repeat(width(column));
                    if column == 0 {
                        write!(f, "| {dashes} ")?
                    } else {
                        write!(f, "| {}: ", &dashes[1..])?
                    }
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// Formats a ratio with its spread.
pub(super) fn times(spread: Spread) -> String {
    format!("{:.2}x ({:.2} to {:.2})", spread.median, spread.min, spread.max)
}

/// Formats a duration.
pub(super) fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

/// Formats a number of bytes.
pub(super) fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Formats whether a goal is reached.
pub(super) fn verdict(met: bool) -> String {
    if met { "met" } else { "**missed**" }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["who", "figure"]);
        table.row(vec!["somebody".into(), "1".into()]);
        let text = "| who      | figure |\n| -------- | -----: |\n| somebody |      1 |\n";
        assert_eq!(table.to_string(), text);
    }
}
