//! Compares how a process ends.

use super::task::Task;
use crate::divergence::{Divergence, Field};
use crate::kernel::Tracee;
use sysreel_format::{Event, Gone, GoneHow};
use sysreel_sys::WaitStatus;
use sysreel_sys::signals::SIGKILL;

/// Returns the difference if a process does not end with the status that its only task has asked
/// for. SIGKILL can come between the entry of that call and the end. What ends other tasks, a
/// signal or another thread, is not known here.
pub(crate) fn ends_otherwise<T: Tracee>(
    task: &Task<T>,
    event: &Event<'_>,
    gone: &Gone,
) -> Option<Divergence> {
    let asked = task.exit_status.filter(|_| gone.how == GoneHow::REAPED)?;
    let status = WaitStatus(gone.wait_status.cast_signed());
    if status.exited() == Some(asked) || status.killed() == Some(SIGKILL) {
        return None;
    }
    Some(Divergence {
        event: event.number,
        task: event.task.0,
        field: Field::Stop,
        recorded: format!("the end of the task (wait status {:#x})", gone.wait_status),
        actual: format!("an exit with status {asked}"),
        ip: task.ip(),
        backtrace: Vec::new(),
        likely: Divergence::likely(Field::Stop),
    })
}
