//! Schedules tasks: one at a time executes instructions, so that the order of events is the order
//! in which memory changed.
//!
//! A task has the turn from where it is resumed into its program to its next stop, and keeps it in
//! calls that change the address space or write to the recorder's own output. Other calls may
//! block, so they run while other tasks have the turn. Reports of other tasks are queued until the
//! turn is free.

use crate::error::Error;
use crate::session::Session;
use crate::task::Task;
use sysreel_format::TaskId;
use sysreel_sys::info::Op;
use sysreel_sys::memory::{self, Transfer};
use sysreel_sys::{Event, Report, StopKind, Tid, clock, object, process};

/// How often a task that is about to end is polled, before it is taken to be waiting for something.
const MAX_POLLS: u32 = 10_000;

impl Session {
    /// Returns the next report of the task that has the turn, or, when no task has it, the oldest
    /// report of any.
    ///
    /// # Errors
    /// When waiting fails.
    pub(crate) fn next_in_turn(&mut self) -> Result<(Report, u64), Error> {
        loop {
            // While the recorder detaches there are no turns.
            let turn = self
                .determinism
                .as_ref()
                .and_then(|determinism| determinism.turn)
                .filter(|_| self.detaching.is_none());
            let at = match turn {
                Some(holder) => {
                    self.due.iter().position(|(report, _)| report.tid() == Some(holder))
                }
                None => (!self.due.is_empty()).then_some(0),
            };
            if let Some(report) = at.and_then(|at| self.due.remove(at)) {
                self.give_turn(None);
                return Ok(report);
            }
            if turn.is_none() && self.resume_preempted() {
                continue;
            }
            // The task that has the turn may be in an execve, which waits for the end of a parked
            // thread.
            if self.has_newborns() {
                let before = self.due.len();
                self.take_due()?;
                self.drop_stale_preempted();
                if self.due.len() > before || self.adopt_settled() {
                    continue;
                }
            }
            self.update_ticker();
            let report = (self.wait()?, clock::monotonic_ns());
            if matches!(report.0, Report::Interrupted | Report::NoTasks) {
                return Ok(report);
            }
            self.due.push_back(report);
            self.drop_stale_preempted();
        }
    }

    /// Drops the stops of preempted tasks that have reported since: SIGKILL ended those stops.
    fn drop_stale_preempted(&mut self) {
        let Some(determinism) = &mut self.determinism else { return };
        determinism
            .preempted
            .retain(|stop| self.due.iter().all(|(report, _)| report.tid() != Some(stop.tid())));
    }

    pub(super) fn give_turn(&mut self, to: Option<Tid>) {
        if let Some(determinism) = &mut self.determinism {
            determinism.turn = to;
            if to.is_some() {
                determinism.turn_since_ns = clock::monotonic_ns();
            }
        }
    }

    /// Gives the turn to a task that is about to be resumed, if it will execute instructions or a
    /// call that keeps the turn.
    pub(crate) fn grant_turn_on_resume(&mut self, tid: Tid, kind: StopKind) {
        if self.determinism.is_none() {
            return;
        }
        let takes = match kind {
            // Calls that change the address space do not block, and no other task may see them half
            // done. Writes to the recorder's output must happen in the order of the log.
            StopKind::Syscall if self.info.op() == Some(Op::ENTRY) => {
                let keeps = |task: &Task| {
                    (task.address_space_op.is_some() || task.writes_to_own_output)
                        && task.vetoed.is_none()
                };
                self.tasks.get(tid).is_some_and(keeps)
            }
            StopKind::Syscall | StopKind::Signal(_) | StopKind::Event(Event::STOP) => true,
            StopKind::Group(_) | StopKind::Event(_) => false,
        };
        if takes {
            self.give_turn(Some(tid));
        }
    }

    /// The hook at PTRACE_EVENT_EXIT: records the memory that the kernel clears at the end of a
    /// thread, which others share.
    pub(crate) fn determinism_end(&mut self, tid: Tid, id: TaskId, event: Event) {
        if self.determinism.is_none() || event != Event::EXIT || self.tasks.is_alone(tid) {
            return;
        }
        if holds_robust_futexes(tid) {
            self.not_replayable(id, "a thread ended while it held robust futexes".into());
        }
        let Some(address) = self.tasks.get(tid).and_then(|task| task.cleared) else { return };
        let mut before = [0; size_of::<Tid>()];
        let mut transfer = [Transfer { address, len: before.len(), ..Transfer::default() }];
        memory::read(tid, &mut before, &mut transfer);
        if transfer[0].got == before.len() {
            self.record_memory(address, &[0; size_of::<Tid>()]);
        }
    }

    /// Waits until an ending task has made the kernel's last changes to shared memory, before
    /// another task runs.
    pub(crate) fn wait_for_end(&mut self, tid: Tid) {
        if self.determinism.is_none() || self.tasks.is_alone(tid) {
            return;
        }
        for _ in 0..MAX_POLLS {
            match self.tracer.poll_for(tid) {
                Ok(Some(report)) => {
                    self.due.push_front((report, clock::monotonic_ns()));
                    return;
                }
                Ok(None) => {}
                Err(_) => return,
            }
            // A thread group leader stays a zombie, without a report, until the other threads have
            // ended.
            if process::Status::read(tid).map_or(true, |status| status.state == b'Z') {
                return;
            }
            std::thread::yield_now();
        }
    }
}

/// Whether the list of robust futexes of a task has entries. The list is a ring: an empty head
/// points to itself (set_robust_list(2)).
fn holds_robust_futexes(tid: Tid) -> bool {
    let Some(head) = object::robust_list(tid) else { return false };
    let mut first = [0; 8];
    let mut transfer = [Transfer { address: head, len: first.len(), ..Transfer::default() }];
    memory::read(tid, &mut first, &mut transfer);
    let first = u64::from_le_bytes(first);
    // Pointers of 32-bit programs have only the low half.
    transfer[0].got == 8 && first != head && first & 0xffff_ffff != head
}
