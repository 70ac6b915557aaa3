//! How a divergence is told.

use crate::exit::Exit;
use crate::say::{self, Unwritten, say};
use std::path::Path;
use sysreel_inspect::print::{self, Options};
use sysreel_inspect::{Bound, EventRange, open};
use sysreel_replay::{Divergence, Frame};

/// How many events before it are shown.
const EVENTS_BEFORE: u64 = 20;

/// Tells a divergence from a log, for people or as JSON, and returns how to end. `answers` are
/// calls before it that were answered differently.
pub(crate) fn tell(log: &Path, divergence: &Divergence, answers: &[String], json: bool) -> Exit {
    let events = last_events(log, divergence.event);
    if json {
        let told = serde_json::json!({
            "outcome": "diverged", "divergence": divergence, "last_events": events,
            "answers": answers,
        });
        return match say::json_result(&told) {
            Ok(()) => Exit::DIVERGED,
            Err(Unwritten(exit)) => exit,
        };
    }
    let Divergence { event, task, field, recorded, actual, ip, backtrace, likely } = divergence;
    say!("{} diverged at event {event}, task {task}, at {ip:#x}", log.display());
    say!("  different: {field}");
    say!("  recorded:  {recorded}");
    say!("  actual:    {actual}");
    if !backtrace.is_empty() {
        say!("where the task stands:");
    }
    frames(backtrace);
    list("the last events of the recording up to there", &events);
    list("answered differently before", answers);
    list("likely causes", likely);
    Exit::DIVERGED
}

/// Calls, the innermost first.
pub(crate) fn frames(backtrace: &[Frame]) {
    for (number, frame) in backtrace.iter().enumerate() {
        say!("  #{number} {frame}");
    }
}

fn list(what: &str, lines: &[impl AsRef<str>]) {
    if !lines.is_empty() {
        say!("{what}:");
    }
    for line in lines {
        say!("  {}", line.as_ref());
    }
}

/// What the recording has up to an event, the call of that event last.
pub(crate) fn last_events(log: &Path, event: u64) -> Vec<String> {
    decoded(log, event.saturating_sub(EVENTS_BEFORE), event)
}

/// Some events of a log in the form of strace, with their numbers.
pub(crate) fn decoded(log: &Path, from: u64, to: u64) -> Vec<String> {
    let range = EventRange { from: Some(Bound::Event(from)), to: Some(Bound::Event(to)) };
    let options = Options { event_numbers: true, range, ..Options::default() };
    let mut text = Vec::new();
    match open(log).and_then(|mut log| print::print(&mut log, &options, &mut text)) {
        Ok(_) => String::from_utf8_lossy(&text).lines().map(str::to_owned).collect(),
        Err(error) => vec![error.to_string()],
    }
}
