//! Searches the text of rows, and places by time.

use std::path::PathBuf;
use std::sync::Arc;

use regex::Regex;
use sysreel_inspect::print::Excerpts;
use sysreel_inspect::{Bound, Error, open};

use super::lines::{line, style};
use crate::index::Place;
use crate::message::{End, Message, Shared, Stop};

/// How many rows are taken from the index at once.
const MOST: usize = 256;

/// The rows to search: positions in a list, which is that of all rows if it is `None`.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) list: Option<Arc<Vec<u32>>>,
    pub(crate) len: usize,
}

impl Rows {
    /// Returns where the rows at some positions are in the log.
    pub(crate) fn places(&self, positions: &[usize], shared: &Shared) -> Vec<Place> {
        let index = shared.index();
        let number = |at: &usize| match &self.list {
            None => Some(*at),
            Some(list) => usize::try_from(*list.get(*at)?).ok(),
        };
        let rows = positions.iter().filter_map(|at| index.row(number(at)?));
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
                    return Ok(Some(*at));
                }
            }
            done = done.saturating_add(count);
            shared.tell(Message::Progress(job, percent(done, len)));
        }
        Ok(None)
    };
    let end = match searched() {
        Ok(Some(at)) => End::Found(at),
        Ok(None) => End::Said("not found".to_owned()),
        Err(error) => End::Failed(error.to_string()),
    };
    if !stop.is_stopped() {
        shared.tell(Message::Ended(job, end));
    }
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
