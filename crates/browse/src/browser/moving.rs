//! The selection moves.

use super::Browser;
use crate::index::{Reading, open_number};
use crate::reading::searching::{self, Sought};

/// How many rows are looked at before a thread does it.
const NEAR: usize = 1 << 14;

impl Browser {
    /// Selects a position of the list.
    pub(crate) fn go(&mut self, position: usize) {
        let index = self.shared.index();
        let last = self.list.len().saturating_sub(1);
        self.position = position.min(last);
        if let Some(row) = self.list.row(self.position) {
            self.selected = row;
            if let Some(node) = index.row(row).and_then(|row| index.node(row)) {
                self.tree.select(node);
            }
        }
        drop(index);
        self.stays_at_end = false;
        self.details_top = 0;
    }

    /// Selects a row, if it is shown.
    pub(super) fn go_to_row(&mut self, row: usize) {
        let position = self.list.position(row, &self.shared.index());
        if self.list.row(position) == Some(row) {
            self.go(position);
            return;
        }
        self.say("that line is not shown here: Backspace takes the last condition away".to_owned());
    }

    /// Selects the row of an event, as soon as it is read.
    pub(super) fn go_to_event(&mut self, event: u64) {
        let (row, is_reading, last) = {
            let index = self.shared.index();
            let open = index.open.iter().find(|row| row.first() == event).and_then(open_number);
            let row = open.or_else(|| index.row_at(event));
            (row, index.reading == Reading::On, index.last_event())
        };
        match row {
            Some(_) if !is_reading && last.is_some_and(|last| last < event) => {
                self.say(format!(
                    "event {event} is after the end: the last is {}",
                    last.unwrap_or(0)
                ));
                self.go(usize::MAX);
            }
            Some(row) => {
                let position = self.list.position(row, &self.shared.index());
                if self.list.row(position) != Some(row) {
                    self.say("that line is not shown here: this is the next one".to_owned());
                }
                self.go(position);
            }
            None if is_reading => {
                self.pending = Some(event);
                self.say(format!("waiting until event {event} is read"));
            }
            None => self.say(format!("there is no event {event}")),
        }
    }

    /// Selects the next row after the selected one that fits, or before it. What is near is found
    /// at once, what is far by a thread.
    pub(super) fn go_to_next(&mut self, sought: Sought, backwards: bool) {
        let (rows, from) = (self.rows(), self.position);
        let near = {
            let index = self.shared.index();
            let positions = (1..=NEAR).map_while(|step| rows.after(from, step, backwards));
            sought.among(positions, &rows, &index)
        };
        match near {
            Some(row) => self.go_to_row(row),
            None if rows.after(from, NEAR.saturating_add(1), backwards).is_none() => {
                self.say(sought.not_found(backwards));
            }
            None => {
                let job = self.begin("searching");
                std::thread::spawn(move || {
                    searching::find_row(sought, (rows, from, backwards), job);
                });
            }
        }
    }
}
