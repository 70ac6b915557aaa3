//! Which rows have to be decoded.

use super::Browser;
use crate::index::Index;
use crate::reading::lines::Wanted;
use crate::row::Row;

/// How many decoded rows are kept.
const MOST: usize = 4096;
/// How many calls on the same descriptor are shown, and how many rows are searched for them.
const HISTORY: usize = 4;
const SEARCHED: usize = 1 << 18;

impl Browser {
    /// Asks for what is shown and not decoded yet, and for what is likely to be shown next.
    pub(super) fn want(&mut self) {
        let height = usize::from(self.panes.list.height);
        let (rows, details) = {
            let index = self.shared.index();
            let len = self.list.len();
            let end = self.top.saturating_add(height).min(len);
            let ahead = end.saturating_add(height).min(len);
            let before = self.top.saturating_sub(height);
            let shown = (self.top..end).filter_map(|position| self.list.row(position));
            let near = (end..ahead).chain(before..self.top);
            let near = near.filter_map(|position| self.list.row(position));
            let current = self.list.row(self.position).filter(|row| index.row(*row).is_some());
            let history = current.map(|row| history(&index, row)).unwrap_or_default();
            let place = |row: usize| Some((row, index.place(index.row(row)?)));
            let missing = |row: &usize| !self.lines.contains_key(row);
            let rows = shown.chain(current).chain(history).chain(near).filter(missing);
            let mut wanted = Vec::new();
            for row in rows {
                if !wanted.contains(&row) {
                    wanted.push(row);
                }
            }
            let rows: Vec<_> = wanted.into_iter().filter_map(place).collect();
            let has_details = self.details.as_ref().map(|(row, _)| *row) == current;
            (rows, current.filter(|_| !has_details).and_then(place))
        };
        if rows.is_empty() && details.is_none() {
            return;
        }
        if (&rows, &details) == (&self.wanted.rows, &self.wanted.details) {
            return;
        }
        if self.lines.len() > MOST {
            self.lines.clear();
        }
        self.wanted = Wanted { number: self.wanted.number.saturating_add(1), rows, details };
        self.requests.want(self.wanted.clone());
    }
}

/// The calls on the descriptor of a row, some before it and some after it, in their order.
pub(crate) fn history(index: &Index, row: usize) -> Vec<usize> {
    let Some(object) = index.row(row).map(|row| row.object).filter(|object| *object != 0) else {
        return Vec::new();
    };
    let is_of_it = |(_, row): &(usize, &Row)| row.object == object;
    let before = index.rows_before(row).take(SEARCHED).filter(is_of_it).take(HISTORY);
    let mut all: Vec<usize> = before.map(|(at, _)| at).collect();
    all.reverse();
    let from = row.saturating_add(1);
    let after = index.rows_from(from).take(SEARCHED).filter(is_of_it).take(HISTORY);
    all.push(row);
    all.extend(after.map(|(at, _)| at));
    all
}
