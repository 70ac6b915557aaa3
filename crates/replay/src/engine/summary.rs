//! Compares the summary of a log with its events.

use super::halt::Replayed;
use crate::error::Error;
use sysreel_format::Summary;

/// Compares what the summary says with what was replayed: the number of events, the wait status of
/// the program, and the first task that is not gone.
pub(crate) fn compare(
    summary: &Summary,
    events: u64,
    status: Option<u32>,
    left: Option<u32>,
) -> Replayed {
    let refused = |why: String| Err(Error::NotReplayable(why).into());
    if summary.events != events {
        let all = summary.events;
        return refused(format!("it has {events} of the {all} events that were recorded"));
    }
    if summary.exit_status.is_some() && summary.exit_status != status {
        let shown = |status: Option<u32>| {
            status.map_or("no end".to_owned(), |status| format!("{status:#x}"))
        };
        return refused(format!(
            "its summary has the wait status {}, its events {}",
            shown(summary.exit_status),
            shown(status)
        ));
    }
    // Also a task that the recorder let go has an end. Without the program's own, the recording was
    // ended by an error.
    match left.filter(|_| summary.exit_status.is_some()) {
        Some(task) => refused(format!("it does not have the end of task {task}")),
        None => Ok(()),
    }
}
