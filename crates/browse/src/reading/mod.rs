//! The threads that read a log: none of this makes a key wait.

pub(crate) mod filtering;
pub(crate) mod indexing;
pub(crate) mod lines;
mod nodes;
pub(crate) mod searching;
pub(crate) mod writing;

use std::path::Path;
use std::time::Duration;

use sysreel_inspect::calls::{Growing, Visitor};
use sysreel_inspect::{Error, Findings, LogFile, open};

use crate::message::Stop;

/// How long to wait for a recorder. Nothing tells that a log has grown.
const PAUSE: Duration = Duration::from_millis(100);

/// Reads a log to its end, and as long as it is being recorded if `follow`. Calls `pause` when it
/// has read all that there is by now, with what it has read if more may come.
fn read<V: Visitor>(
    path: &Path,
    follow: bool,
    growing: &mut Growing,
    (visitor, stop): (&mut V, &Stop),
    mut pause: impl FnMut(&mut V, Option<(&Growing, &LogFile)>),
) -> Result<Findings, Error> {
    loop {
        // Whether it is being written is asked before it is read.
        let file = open(path)?;
        let goes_on = follow && file.is_being_written();
        let findings = growing.more(&file, !goes_on, visitor)?;
        pause(visitor, goes_on.then_some((&*growing, &file)));
        if !goes_on || visitor.is_over() || stop.is_stopped() {
            return Ok(findings);
        }
        std::thread::sleep(PAUSE);
    }
}
