//! The calls of a task around an event, as lines of `print`.

#![deny(clippy::arithmetic_side_effects)]

use sysreel_format::{Event, Item, TaskId};

use super::report::Difference;
use crate::print::{EventPrinter, Options, TaskIds};
use crate::{Error, LogFile};

/// How many lines are shown before the line of the event, and how many after it.
const BEFORE: usize = 3;
const AFTER: usize = 1;
/// How far from the event they are searched, in events of all tasks.
const FAR: u64 = 2000;

/// The calls around a difference in the two logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// The rule and the text of the difference.
    pub what: String,
    /// Its event in each log.
    pub events: [Option<u64>; 2],
    /// The lines around the event in each log.
    pub lines: [Vec<String>; 2],
}

impl Around {
    /// Reads the calls around a difference.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub fn read(difference: &Difference, logs: [&LogFile; 2]) -> Result<Self, Error> {
        let around = |side: usize| match difference.events[side] {
            Some(event) => context(logs[side], event),
            None => Ok(Vec::new()),
        };
        let what = format!("{} {}", difference.rule, difference.what);
        Ok(Self { what, events: difference.events, lines: [around(0)?, around(1)?] })
    }
}

/// Some calls of a task, as lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The lines, each with the number of its event.
    pub lines: Vec<String>,
    /// Which line is that of the event; `None` if there are no lines.
    pub at: Option<usize>,
}

/// Returns the last calls of the event's task up to the event, and the next one. Empty if the log
/// does not contain the event.
///
/// # Errors
/// When the log cannot be read.
pub fn context(file: &LogFile, event: u64) -> Result<Vec<String>, Error> {
    Ok(calls_around(file, event, (BEFORE, AFTER))?.lines)
}

/// Returns calls of the event's task: at most `before` before the event, and `after` after it.
/// Empty if the log does not contain the event.
///
/// # Errors
/// When the log cannot be read.
pub fn calls_around(
    file: &LogFile,
    event: u64,
    (before, after): (usize, usize),
) -> Result<Context, Error> {
    let log = file.log();
    let options =
        Options { task_ids: TaskIds::Never, event_numbers: true, column: 0, ..Options::default() };
    let mut found = log.events_from(event).map_err(|e| file.error(e))?;
    let task = match found.next().map_err(|e| file.error(e))? {
        Some(Item::Event(Event { number, task, .. }))
            if number == event && task != TaskId::NONE =>
        {
            task
        }
        _ => return Ok(Context::default()),
    };
    let mut printer = EventPrinter::new(&options, false);
    let mut text = Vec::new();
    let mut own = 0;
    let mut events = log.events_from(event.saturating_sub(FAR)).map_err(|e| file.error(e))?;
    while let Some(item) = events.next().map_err(|e| file.error(e))? {
        let Item::Event(one) = &item else { continue };
        if one.number > event.saturating_add(FAR) {
            break;
        }
        if one.task != task {
            continue;
        }
        printer.item(&item, log);
        printer.flush_all(&mut text).map_err(Error::Write)?;
        let lines = text.iter().filter(|byte| **byte == b'\n').count();
        if one.number == event {
            // A call that begins here is printed when it ends, at a later event.
            let goes_on = text.last().is_some_and(|byte| *byte != b'\n');
            own = lines.saturating_add(usize::from(goes_on));
        } else if one.number > event && lines >= own.saturating_add(after) {
            break;
        }
    }
    printer.printer.finish(&mut text).map_err(Error::Write)?;
    let lines: Vec<String> = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
    let from = own.saturating_sub(before.saturating_add(1));
    let shown = own.saturating_sub(from).saturating_add(after);
    let lines: Vec<String> = lines.into_iter().skip(from).take(shown).collect();
    let at = own.checked_sub(from.saturating_add(1)).filter(|at| *at < lines.len());
    Ok(Context { lines, at })
}
