//! Reports a divergence of `replay` or `verify`.

use crate::exit::Exit;
use crate::say::{self, Unwritten, say};
use std::path::Path;
use sysreel_inspect::print::{self, Options};
use sysreel_inspect::{Bound, EventRange, open};
use sysreel_replay::{Divergence, Frame};

/// How many events before the divergence are printed.
const EVENTS_BEFORE: u64 = 20;

/// Reports a divergence as text or JSON, and returns the exit status. `answers` are earlier
/// syscalls whose results differed.
pub(crate) fn report(log: &Path, divergence: &Divergence, answers: &[String], json: bool) -> Exit {
    let events = last_events(log, divergence.event);
    if json {
        let value = serde_json::json!({
            "outcome": "diverged", "divergence": divergence, "last_events": events,
            "answers": answers,
        });
        return match say::json_result(&value) {
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
        say!("backtrace of the task:");
    }
    print_backtrace(backtrace);
    list("last recorded events", &events);
    list("earlier syscalls with different results", answers);
    list("likely causes", likely);
    Exit::DIVERGED
}

/// Prints a backtrace, the innermost frame first.
pub(crate) fn print_backtrace(backtrace: &[Frame]) {
    for (number, frame) in backtrace.iter().enumerate() {
        say!("  #{number} {frame}");
    }
}

fn list(title: &str, lines: &[impl AsRef<str>]) {
    if !lines.is_empty() {
        say!("{title}:");
    }
    for line in lines {
        say!("  {}", line.as_ref());
    }
}

/// Returns the last events of a log up to `event`, decoded.
pub(crate) fn last_events(log: &Path, event: u64) -> Vec<String> {
    decoded(log, event.saturating_sub(EVENTS_BEFORE), event)
}

/// Returns the events `from` to `to` in strace's form, with event numbers. If the log cannot be
/// read, returns the error message.
pub(crate) fn decoded(log: &Path, from: u64, to: u64) -> Vec<String> {
    let range = EventRange { from: Some(Bound::Event(from)), to: Some(Bound::Event(to)) };
    let options = Options { event_numbers: true, range, ..Options::default() };
    let mut text = Vec::new();
    match open(log).and_then(|mut log| print::print(&mut log, &options, &mut text)) {
        Ok(_) => String::from_utf8_lossy(&text).lines().map(str::to_owned).collect(),
        Err(error) => vec![error.to_string()],
    }
}
