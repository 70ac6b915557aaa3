//! Which command each task runs.

use std::sync::Arc;

use sysreel_views::Bounded;
use sysreel_views::shell::command_line;

use crate::row::Row;

/// The command lines of the tasks of a log.
#[derive(Debug, Default)]
pub(super) struct Commands(Bounded<u32, Option<Arc<str>>>);

impl Commands {
    /// Adds what a row tells: a new task runs the command of the one that made it.
    pub(super) fn add(&mut self, row: &Row<'_>) {
        let (task, command) = match row {
            Row::Exec(row) => (row.who.task, Some(Arc::from(command_line(&row.argv)))),
            Row::TaskStart(row) => (row.who.task, row.parent.and_then(|parent| self.of(parent))),
            _ => return,
        };
        if let Some(own) = task.and_then(|task| self.0.entry(&task)) {
            *own = command;
        }
    }

    /// Returns the command line of a task, quoted as for a shell; `None` if the log does not have
    /// it, or if the log has more tasks than there is room for.
    pub(super) fn of(&self, task: u32) -> Option<Arc<str>> {
        self.0.get(&task)?.clone()
    }
}
