//! Aligned tables.

use std::borrow::Cow;
use std::io::{self, Write};

use sysreel_inspect::color::Role;
use unicode_width::UnicodeWidthStr;

use crate::page::Page;

/// Where the cells of a column are aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table in which each row has as many cells as there are columns. Text must be visible
/// ([`sysreel_inspect::visible`]).
#[derive(Debug)]
pub(crate) struct Table {
    headings: Vec<String>,
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

/// Between two columns.
const GAP: &str = "  ";
/// Shows that a line was cut.
const CUT: char = '…';

impl Table {
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self {
            headings: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
            aligns: columns.iter().map(|(_, align)| *align).collect(),
            rows: Vec::new(),
        }
    }

    /// Gives the last column another heading.
    pub(crate) fn last_heading(mut self, heading: String) -> Self {
        if let Some(last) = self.headings.last_mut() {
            *last = heading;
        }
        self
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.aligns.len());
        self.rows.push(cells);
    }

    /// Writes a heading and the rows.
    pub(crate) fn write(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        self.write_rows(page, out, &|each| self.rows.iter().try_for_each(|row| each(row)))
    }

    /// Writes a heading and the rows that a function passes on. It is called twice, because the
    /// widths of columns come first: so a long table takes no memory.
    pub(crate) fn write_rows(
        &self,
        page: &Page,
        out: &mut dyn Write,
        rows: &Rows<'_>,
    ) -> io::Result<()> {
        let mut widths: Vec<usize> = self.headings.iter().map(|cell| cell.width()).collect();
        rows(&mut |line| {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.width());
            }
            Ok(())
        })?;
        let mut text = String::new();
        self.write_cells(&self.headings, &widths, &mut text);
        write_colored(Role::Heading, &text, page, out)?;
        rows(&mut |line| {
            self.write_cells(line, &widths, &mut text);
            write_line(&text, page, out)
        })
    }

    /// Writes a line to `text`. Nothing follows the text of its last cell.
    fn write_cells(&self, line: &[String], widths: &[usize], text: &mut String) {
        text.clear();
        for (at, ((cell, width), align)) in line.iter().zip(widths).zip(&self.aligns).enumerate() {
            if at > 0 {
                text.push_str(GAP);
            }
            let blanks = width.saturating_sub(cell.width());
            if *align == Align::Right {
                text.extend(std::iter::repeat_n(' ', blanks));
            }
            text.push_str(cell);
            if *align == Align::Left {
                text.extend(std::iter::repeat_n(' ', blanks));
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
    }
}

/// Passes rows on, one after another.
pub(crate) type Rows<'r> =
    dyn Fn(&mut dyn FnMut(&[String]) -> io::Result<()>) -> io::Result<()> + 'r;

/// Writes a line, cut to the width of the page.
pub(crate) fn write_line(line: &str, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", cut(line, page))
}

/// As [`write_line`], in the color of a role.
pub(crate) fn write_colored(
    role: Role,
    line: &str,
    page: &Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}", page.palette.paint(role, cut(line, page)))
}

fn cut<'l>(line: &'l str, page: &Page) -> Cow<'l, str> {
    let Some(width) = page.width.filter(|width| line.width() > *width) else {
        return Cow::Borrowed(line);
    };
    let (mut used, mut end) = (0, 0);
    for (at, c) in line.char_indices() {
        used += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if used >= width {
            break;
        }
        end = at + c.len_utf8();
    }
    Cow::Owned(format!("{}{CUT}", &line[..end]))
}

#[cfg(test)]
mod tests {
    use super::{Align, Table};
    use crate::page::Page;

    fn text(width: Option<usize>) -> String {
        let mut table = Table::new(&[("calls", Align::Right), ("name", Align::Left)]);
        table.row(vec!["1".to_owned(), "read".to_owned()]);
        table.row(vec!["1000000".to_owned(), "日本語 text".to_owned()]);
        let mut out = Vec::new();
        table.write(&Page { width, ..Page::default() }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_aligned() {
        assert_eq!(text(None), "  calls  name\n      1  read\n1000000  日本語 text\n");
    }

    #[test]
    fn lines_are_cut_at_the_width() {
        assert_eq!(text(Some(12)), "  calls  na…\n      1  re…\n1000000  日…\n");
        assert_eq!(text(Some(20)), text(None));
    }
}
