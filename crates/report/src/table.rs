//! Tables of a page: columns of numbers and texts, and their bytes.
//!
//! A page has each table as one block of data: a JSON header with the names of the columns and
//! their texts, each once, then the numbers of each column as byte planes, the lowest byte of all
//! rows first. That compresses to a fraction of what rows would take, and a browser reads it
//! without parsing each value. assets/data.js is the reader.

use std::borrow::Cow;
use std::collections::HashMap;

use miniz_oxide::deflate::compress_to_vec_zlib;
use serde::Serialize;
use sysreel_inspect::diff::mask::masked;

/// How hard to compress: higher levels take twice the time for a percent of the size.
const LEVEL: u8 = 7;

/// The most rows of a table, and the most bytes of its texts. Less than that fits into a page.
const MOST_ROWS: usize = 150_000;
const MOST_TEXT: usize = 24 << 20;

/// What a column contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Numbers in any order.
    Number,
    /// Numbers that mostly grow from row to row, and are stored as differences.
    Growing,
    /// Texts.
    Text,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    /// A number; `None` if there is none.
    Number(Option<u64>),
    /// Visible text.
    Text(Cow<'a, str>),
}

impl From<u64> for Cell<'_> {
    fn from(number: u64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<u32> for Cell<'_> {
    fn from(number: u32) -> Self {
        Self::Number(Some(number.into()))
    }
}

impl From<Option<u64>> for Cell<'_> {
    fn from(number: Option<u64>) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

/// A table. Rows come in the order of their importance, as those at the end may have no room.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    columns: Vec<Column>,
    rows: usize,
    /// The number of bytes of texts.
    text: usize,
    /// The number of rows that are not in the table.
    pub(crate) left_out: u64,
    masks: bool,
}

#[derive(Debug)]
struct Column {
    name: &'static str,
    kind: Kind,
    /// The numbers, or the places of the texts, each plus one; 0 for none.
    values: Vec<u64>,
    texts: Vec<String>,
    known: HashMap<String, u64>,
}

impl Table {
    /// Creates a table. `masks`: whether passwords and tokens in texts are masked.
    pub(crate) fn new(name: &'static str, masks: bool, columns: &[(&'static str, Kind)]) -> Self {
        let columns = columns.iter().map(|&(name, kind)| Column {
            name,
            kind,
            values: Vec::new(),
            texts: Vec::new(),
            known: HashMap::new(),
        });
        Self { name, columns: columns.collect(), rows: 0, text: 0, left_out: 0, masks }
    }

    /// Iterates over the texts of a column, row by row.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let column = self.columns.iter().find(|column| column.name == name);
        column.into_iter().flat_map(|column| {
            let at = |value: &u64| usize::try_from(*value).unwrap_or(0).wrapping_sub(1);
            column.values.iter().filter_map(move |value| Some(&**column.texts.get(at(value))?))
        })
    }

    /// Iterates over the numbers of a column, row by row.
    pub(crate) fn numbers(&self, name: &str) -> impl Iterator<Item = u64> {
        let column = self.columns.iter().find(|column| column.name == name);
        column
            .into_iter()
            .flat_map(|column| column.values.iter().filter_map(|one| one.checked_sub(1)))
    }

    /// Adds a row, which has a cell for each column.
    pub(crate) fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) {
        if self.rows >= MOST_ROWS || self.text >= MOST_TEXT {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let mut cells = cells.into_iter();
        for column in &mut self.columns {
            let value = match cells.next() {
                Some(Cell::Number(number)) => number.map_or(0, |number| number.saturating_add(1)),
                Some(Cell::Text(text)) => column.text(&text, self.masks, &mut self.text),
                None => 0,
            };
            column.values.push(value);
        }
        self.rows = self.rows.saturating_add(1);
    }

    /// Returns the table as a block of at most `room` bytes, with as many of its first rows as fit.
    /// They are ordered by a column of numbers, if one is named.
    pub(crate) fn block(&mut self, room: usize, order: Option<&str>) -> Vec<u8> {
        let mut count = self.rows;
        loop {
            let bytes = self.encode(count, order);
            if bytes.len() <= room || count == 0 {
                self.leave_out(count);
                return bytes;
            }
            // A little less than would fit if all rows took the same.
            let fitting = count.saturating_mul(room) / bytes.len();
            count = (fitting - fitting / 32).min(count.saturating_sub(1));
        }
    }

    fn leave_out(&mut self, kept: usize) {
        let more = u64::try_from(self.rows.saturating_sub(kept)).unwrap_or(u64::MAX);
        self.left_out = self.left_out.saturating_add(more);
        self.rows = kept;
        for column in &mut self.columns {
            column.values.truncate(kept);
        }
    }

    fn encode(&self, count: usize, order: Option<&str>) -> Vec<u8> {
        let mut rows: Vec<usize> = (0..count).collect();
        if let Some(column) = self.columns.iter().find(|column| Some(column.name) == order) {
            rows.sort_by_key(|row| column.values.get(*row));
        }
        let beyond = u64::try_from(self.rows.saturating_sub(count)).unwrap_or(u64::MAX);
        let (heads, planes): (Vec<_>, Vec<_>) =
            self.columns.iter().map(|column| column.encode(&rows)).unzip();
        let left_out = self.left_out.saturating_add(beyond);
        let head = Head { rows: count, left_out, columns: heads };
        let head = serde_json::to_vec(&head).unwrap_or_default();
        let mut bytes = u32::try_from(head.len()).unwrap_or(0).to_le_bytes().to_vec();
        bytes.extend(head);
        planes.iter().for_each(|plane| bytes.extend(plane));
        compress_to_vec_zlib(&bytes, LEVEL)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'t> {
    rows: usize,
    left_out: u64,
    columns: Vec<ColumnHead<'t>>,
}

#[derive(Serialize)]
struct ColumnHead<'t> {
    name: &'static str,
    /// The number of byte planes.
    planes: usize,
    /// Whether the values are differences to those before, zigzag-encoded.
    growing: bool,
    /// The texts that the values, less one, are places of.
    #[serde(skip_serializing_if = "Option::is_none")]
    texts: Option<Vec<&'t str>>,
}

impl Column {
    /// Returns the value of a text, and counts the bytes of a new one.
    fn text(&mut self, text: &str, masks: bool, bytes: &mut usize) -> u64 {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        let shown = if masks { masked(text) } else { Cow::Borrowed(text) };
        *bytes = bytes.saturating_add(text.len());
        self.texts.push(shown.into_owned());
        let value = u64::try_from(self.texts.len()).unwrap_or(u64::MAX);
        self.known.insert(text.to_owned(), value);
        value
    }

    /// Returns the head and the planes of these rows.
    fn encode(&self, rows: &[usize]) -> (ColumnHead<'_>, Vec<u8>) {
        let mut values: Vec<u64> =
            rows.iter().map(|row| self.values.get(*row).copied().unwrap_or(0)).collect();
        let texts = (self.kind == Kind::Text).then(|| self.texts_of(&mut values));
        if self.kind == Kind::Growing {
            let mut before = 0_u64;
            for value in &mut values {
                let step = value.wrapping_sub(before).cast_signed();
                before = *value;
                // Zigzag: small numbers for small steps in both directions.
                *value = (step.wrapping_shl(1) ^ step.wrapping_shr(63)).cast_unsigned();
            }
        }
        let most = values.iter().copied().max().unwrap_or(0);
        let planes = usize::try_from((64 - most.leading_zeros()).div_ceil(8)).unwrap_or(8);
        let mut bytes = Vec::with_capacity(values.len().saturating_mul(planes));
        for plane in 0..planes {
            bytes.extend(values.iter().map(|value| value.to_le_bytes()[plane]));
        }
        let growing = self.kind == Kind::Growing;
        (ColumnHead { name: self.name, planes, growing, texts }, bytes)
    }

    /// Returns the texts that these values name, and makes the values places in them.
    fn texts_of(&self, values: &mut [u64]) -> Vec<&str> {
        let mut places = HashMap::new();
        let mut texts = Vec::new();
        for value in values.iter_mut().filter(|value| **value > 0) {
            let old = *value;
            *value = *places.entry(old).or_insert_with(|| {
                let at = usize::try_from(old).unwrap_or(usize::MAX).wrapping_sub(1);
                texts.push(self.texts.get(at).map_or("", String::as_str));
                u64::try_from(texts.len()).unwrap_or(u64::MAX)
            });
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Kind, Table};

    const COLUMNS: [(&str, Kind); 3] =
        [("event", Kind::Growing), ("took", Kind::Number), ("call", Kind::Text)];

    fn table(rows: u64, masks: bool, text: impl Fn(u64) -> String) -> Table {
        let mut table = Table::new("calls", masks, &COLUMNS);
        for at in 0..rows {
            // The most important rows are the last ones.
            let took = (at % 7 > 0).then_some(at << 40);
            table.row([(rows - at).into(), Cell::Number(took), text(at).into()]);
        }
        table
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let text = |at: u64| format!("call {}", at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let whole = table(5000, false, text).block(usize::MAX, Some("event")).len();
        for room in [0, 500, whole / 10, whole / 2, whole - 1, whole] {
            let mut table = table(5000, false, text);
            let bytes = table.block(room, Some("event"));
            assert!(bytes.len() <= room || table.rows == 0, "{room}: {}", bytes.len());
            assert_eq!(table.left_out + u64::try_from(table.rows).unwrap(), 5000);
            // Most of the room is used, with the first rows.
            assert!(room < 500 || bytes.len() > room * 3 / 4, "{room}: {}", bytes.len());
            let kept: Vec<&str> = table.texts("call").collect();
            assert!(kept.first().is_none_or(|first| *first == text(0)));
        }
        assert!(whole > 10_000);
    }

    #[test]
    fn secrets_are_masked_unless_shown() {
        let text = |_| "curl --password=hunter2".to_owned();
        for (masks, shown) in [(true, false), (false, true)] {
            let table = table(3, masks, text);
            assert!(table.texts("call").all(|text| text.contains("hunter2") == shown));
        }
    }

    #[test]
    fn texts_are_bounded() {
        let mut table = Table::new("calls", false, &COLUMNS);
        let long = "x".repeat(1 << 20);
        for at in 0..100_u64 {
            table.row([at.into(), at.into(), format!("{at}{long}").into()]);
        }
        assert_eq!((table.rows, table.left_out), (24, 76));
    }
}
