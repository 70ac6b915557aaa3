//! Says in the log why it cannot be replayed, or why a replay may differ.

use crate::engine::Log;
use sysreel_format::{Completeness, NoteCode, Severity, TaskId};

/// Marks the log as not replayable from the current event of `task` on, and notes the reason once,
/// after that event.
pub(super) fn not_replayable(log: &mut Log, task: TaskId, why: String) {
    log.completeness.insert(Completeness::NOT_REPLAYABLE);
    log.note_once(task, NoteCode::NOT_REPLAYABLE, Severity::WARNING, why);
}

/// Notes once, after the current event, why a replay may differ.
pub(super) fn may_differ(log: &mut Log, task: TaskId, why: String) {
    log.note_once(task, NoteCode::MAY_DIFFER, Severity::INFO, why);
}
