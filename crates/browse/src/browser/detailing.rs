//! What the pane of details shows.

use super::Browser;
use super::wanting::history;
use sysreel_inspect::visible::visible_bytes;

/// A line of the details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    Text(String),
    Heading(String),
    /// The selected row, among others.
    Current(String),
}

impl Browser {
    /// Returns the lines about the selected row: the descriptor that it is about with what was done
    /// to it, then all else.
    pub(crate) fn detail_lines(&self) -> Vec<Detail> {
        let Some(lines) = self.details() else { return Vec::new() };
        let mut all: Vec<Detail> = lines.iter().cloned().map(Detail::Text).collect();
        let index = self.index();
        let Some(current) = self.current_in(&index) else { return all };
        let Some(row) = index.row(current) else { return all };
        let Some(object) = index.object(row.object) else { return all };
        let name = match index.file(row.object) {
            [] => "a file without a name".to_owned(),
            name => visible_bytes(name),
        };
        let opened = match index.row_at(object.event).and_then(|at| index.row(at)) {
            Some(row) if row.last() == object.event => format!(", opened at event {}", row.first()),
            _ => ", open before".to_owned(),
        };
        all.push(Detail::Text(String::new()));
        all.push(Detail::Heading(format!("descriptor of {name}{opened}")));
        for number in history(&index, current) {
            let event = index.row(number).map_or(0, |row| row.first());
            let text = self.lines.get(&number).map_or("...", |line| &line.text);
            let text = format!("{event:>9} {text}");
            all.push(match number == current {
                true => Detail::Current(text),
                false => Detail::Text(text),
            });
        }
        all
    }

    pub(super) fn details_len(&self) -> usize {
        self.detail_lines().len()
    }
}
