//! Compares how tasks end with what the log said before of their processes.

use super::task::Task;
use crate::divergence::{Divergence, Field};
use crate::kernel::Tracee;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use sysreel_format::{Event, Gone, GoneHow};
use sysreel_sys::signals::{SIGKILL, SIGSEGV, SIGSYS};
use sysreel_sys::{Signal, StopKind, WaitStatus};

/// The bit of a wait status that says that a core was dumped. At its exit stop a task may not have
/// it yet.
const CORE: u32 = 0x80;

/// The wait statuses that the events so far allow for each process, by its id in the recording.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    processes: BTreeMap<u32, Process>,
}

#[derive(Debug, Default)]
struct Process {
    statuses: BTreeSet<u32>,
    /// It has had more tasks than its leader.
    has_threads: bool,
}

impl Ends {
    /// A task of the process has stopped for a signal, which may end it.
    pub(crate) fn note_stop(&mut self, tgid: u32, wait_status: u32) {
        if let StopKind::Signal(Signal(number)) =
            StopKind::of(WaitStatus(wait_status.cast_signed()))
        {
            self.note(tgid, number.cast_unsigned());
        }
    }

    /// A task has asked for this exit status, of the process or its own.
    pub(crate) fn note_exit(&mut self, tgid: u32, exit_status: i32) {
        self.note(tgid, exit_status.cast_unsigned() << 8);
    }

    /// The process has got another task.
    pub(crate) fn note_thread(&mut self, tgid: u32) {
        self.processes.entry(tgid).or_default().has_threads = true;
    }

    fn note(&mut self, tgid: u32, status: u32) {
        self.processes.entry(tgid).or_default().statuses.insert(status & !CORE);
    }

    /// Compares the status that a task reports at its exit stop. Returns why the task cannot have
    /// it.
    pub(crate) fn exits<T>(&mut self, task: &mut Task<T>, status: u32) -> Result<(), String> {
        self.check(task.tgid, status)?;
        task.exit_message = Some(status);
        self.note(task.tgid, status);
        Ok(())
    }

    /// Compares the status of a task that is gone. Returns why the task cannot have it.
    pub(crate) fn gone<T>(&mut self, task: &Task<T>, gone: &Gone) -> Result<(), String> {
        let (tgid, status) = (task.tgid, gone.wait_status);
        match gone.how {
            GoneHow::REAPED => {}
            // Only an execve of another thread ends a leader that way.
            GoneHow::SUPERSEDED if !task.is_leader => {
                return Err("an execve took the place of a task that is no leader".to_owned());
            }
            // What came of a task that the recorder let go, or did not see end, is in no log.
            GoneHow::SUPERSEDED | GoneHow::DETACHED | GoneHow::VANISHED if status == 0 => {
                return Ok(());
            }
            GoneHow(how) => {
                return Err(format!("an end of kind {how} with the wait status {status:#x}"));
            }
        }
        // The recorder has detached from it: see the gap.
        if task.lacks == Some(super::task::Lack::Recorder) {
            return Ok(());
        }
        self.check(tgid, status)?;
        let has_threads = self.processes.get(&tgid).is_some_and(|process| process.has_threads);
        match task.exit_message {
            // Another thread may end the process with another status meanwhile, and SIGKILL may
            // come.
            Some(message)
                if message & !CORE != status & !CORE && !has_threads && !is_kill(status) =>
            {
                Err(format!(
                    "the task ends with the wait status {status:#x}, and at its exit it had \
                     {message:#x}"
                ))
            }
            _ => Ok(()),
        }
    }

    /// All tasks of the process are gone.
    pub(crate) fn forget(&mut self, tgid: u32) {
        self.processes.remove(&tgid);
    }

    /// Returns why no task of the process can have the status.
    fn check(&self, tgid: u32, status: u32) -> Result<(), String> {
        let process = self.processes.get(&tgid);
        if process.is_some_and(|process| process.statuses.contains(&(status & !CORE))) {
            return Ok(());
        }
        let wait_status = WaitStatus(status.cast_signed());
        match (wait_status.exited(), wait_status.killed()) {
            // An execve ends the other threads with status 0.
            (Some(0), _) if process.is_some_and(|process| process.has_threads) => Ok(()),
            (Some(_), _) => Err(format!(
                "the process exits (wait status {status:#x}), and none of its tasks has asked for \
                 it"
            )),
            // SIGKILL makes no stop. Nor do SIGSEGV after an execve that failed late, and SIGSYS of
            // a filter (kernel/signal.c, `force_fatal_sig`).
            (_, Some(SIGKILL | SIGSEGV | SIGSYS)) => Ok(()),
            (_, Some(Signal(number))) => Err(format!(
                "the process is killed by signal {number}, for which no task of it has stopped"
            )),
            (None, None) => Err(format!("the wait status {status:#x} is that of no end")),
        }
    }
}

fn is_kill(status: u32) -> bool {
    WaitStatus(status.cast_signed()).killed() == Some(SIGKILL)
}

/// Returns the difference if a process does not end with the status that its only task has asked
/// for. SIGKILL can come between the entry of that call and the end.
pub(crate) fn ends_otherwise<T: Tracee>(
    task: &Task<T>,
    event: &Event<'_>,
    gone: &Gone,
) -> Option<Divergence> {
    let asked = task.exit_status.filter(|_| gone.how == GoneHow::REAPED)?;
    if WaitStatus(gone.wait_status.cast_signed()).exited() == Some(asked)
        || is_kill(gone.wait_status)
    {
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
