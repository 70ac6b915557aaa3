//! Searches the text of rows, and places by time.

use std::path::PathBuf;
use std::sync::Arc;

use regex::Regex;
use sysreel_inspect::print::Excerpts;
use sysreel_inspect::{Bound, Error, open};

use super::lines::{line, style};
use crate::index::{Index, Place};
use crate::message::{End, Message, Shared, Stop};
use crate::row::Row;

/// How many rows are taken from the index at once.
const MOST: usize = 256;
/// How many are looked at while the index cannot grow.
const AT_ONCE: usize = 1 << 16;

/// The rows to search: positions in a list, which is that of all rows if it is `None`.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) list: Option<Arc<Vec<u32>>>,
    pub(crate) len: usize,
}

impl Rows {
    /// The number of the row at a position.
    pub(crate) fn row(&self, position: usize) -> Option<usize> {
        match &self.list {
            None => Some(position),
            Some(list) => usize::try_from(*list.get(position)?).ok(),
        }
    }

    /// The position some steps after another one, or before it.
    pub(crate) fn after(&self, from: usize, step: usize, backwards: bool) -> Option<usize> {
        match backwards {
            true => from.checked_sub(step),
            false => from.checked_add(step).filter(|at| *at < self.len),
        }
    }

    /// Returns where the rows at some positions are in the log.
    pub(crate) fn places(&self, positions: &[usize], shared: &Shared) -> Vec<Place> {
        let index = shared.index();
        let rows = positions.iter().filter_map(|at| index.row(self.row(*at)?));
        rows.map(|row| index.place(row)).collect()
    }
}

/// Finds the next row with a text, from a position on and around the end, or backwards.
pub(crate) fn search(
    path: PathBuf,
    pattern: Regex,
    (rows, from, backwards): (Rows, usize, bool),
    (job, shared, stop): (u64, Shared, Stop),
) {
    let searched = || -> Result<Option<usize>, Error> {
        let file = open(&path)?;
        let (mut excerpts, style) = (Excerpts::new(&file), style());
        let len = rows.len;
        let mut done = 0;
        while done < len && !stop.is_stopped() {
            let count = MOST.min(len.saturating_sub(done));
            let positions: Vec<usize> = (done..done.saturating_add(count))
                .map(|step| position(from, step, len, backwards))
                .collect();
            for (at, place) in positions.iter().zip(rows.places(&positions, &shared)) {
                let line = line(&file, &mut excerpts, (&place, &style))?;
                if line.is_some_and(|line| pattern.is_match(&line.text)) {
                    return Ok(rows.row(*at));
                }
            }
            done = done.saturating_add(count);
            shared.tell(Message::Progress(job, percent(done, len)));
        }
        Ok(None)
    };
    let end = match searched() {
        Ok(Some(row)) => End::Found(row),
        Ok(None) => End::Said("not found".to_owned()),
        Err(error) => End::Failed(error.to_string()),
    };
    if !stop.is_stopped() {
        shared.tell(Message::Ended(job, end));
    }
}

/// What is looked for in the index alone.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sought {
    /// A failed call.
    Error,
    /// A call on this open file description.
    Object(u32),
}

impl Sought {
    fn fits(self, row: &Row) -> bool {
        match self {
            Self::Error => row.outcome().is_error(),
            Self::Object(object) => row.object == object,
        }
    }

    /// The first row that fits among those at some positions.
    pub(crate) fn among(
        self,
        mut positions: impl Iterator<Item = usize>,
        rows: &Rows,
        index: &Index,
    ) -> Option<usize> {
        positions.find_map(|at| {
            let number = rows.row(at)?;
            index.row(number).filter(|row| self.fits(row)).map(|_| number)
        })
    }

    pub(crate) fn not_found(self, backwards: bool) -> String {
        let what = match self {
            Self::Error => "failed call",
            Self::Object(_) => "call on this descriptor",
        };
        format!("no {what} {} this line", if backwards { "before" } else { "after" })
    }
}

/// Finds the next row after a position, or before it, that fits.
pub(crate) fn find_row(
    sought: Sought,
    (rows, from, backwards): (Rows, usize, bool),
    (job, shared, stop): (u64, Shared, Stop),
) {
    let len = if backwards { from } else { rows.len.saturating_sub(from) };
    let mut done: usize = 0;
    let end = loop {
        if stop.is_stopped() {
            return;
        }
        let next = done.saturating_add(AT_ONCE);
        let steps = done.saturating_add(1)..=next;
        let positions = steps.map_while(|step| rows.after(from, step, backwards));
        if let Some(row) = sought.among(positions, &rows, &shared.index()) {
            break End::Found(row);
        }
        done = next;
        if done >= len {
            break End::Said(sought.not_found(backwards));
        }
        shared.tell(Message::Progress(job, percent(done, len)));
    };
    shared.tell(Message::Ended(job, end));
}

/// The position after some steps, in a circle.
fn position(from: usize, step: usize, len: usize, backwards: bool) -> usize {
    let step = if backwards { len.saturating_sub(step) } else { step };
    from.saturating_add(step).checked_rem(len).unwrap_or(0)
}

pub(crate) fn percent(done: usize, len: usize) -> u64 {
    let percent = done.saturating_mul(100).checked_div(len).unwrap_or(0);
    u64::try_from(percent).unwrap_or(0)
}

/// Finds the event at a time.
pub(crate) fn find_time(path: PathBuf, place: Bound, (job, shared, stop): (u64, Shared, Stop)) {
    let end = match open(&path).and_then(|file| file.event_at(place)) {
        Ok(event) => End::Event(event),
        Err(error) => End::Failed(error.to_string()),
    };
    if !stop.is_stopped() {
        shared.tell(Message::Ended(job, end));
    }
}
