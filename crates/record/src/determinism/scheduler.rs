//! Taking turns: one task at a time executes instructions of its own, so that the order of the log
//! is the order in which memory changed.
//!
//! A task has the turn from where it goes on in its program to its next stop, and keeps it during
//! calls that shape memory or write to the recorder's own output. Other calls may wait, and go on
//! while others have their turns. What other tasks report meanwhile is served when the turn is
//! free.

use crate::error::Error;
use crate::session::Session;
use crate::task::Task;
use sysreel_format::TaskId;
use sysreel_sys::info::Op;
use sysreel_sys::memory::{self, Transfer};
use sysreel_sys::{Event, Report, StopKind, Tid, clock, object, process};

/// How often it is looked whether a task has ended that was told to, before it is believed to wait
/// for something.
const LOOKS: u32 = 10_000;

impl Session {
    /// The next report of the task that has the turn; of any, first come, first served, when nobody
    /// has it.
    pub(crate) fn next_in_turn(&mut self) -> Result<(Report, u64), Error> {
        loop {
            // While tasks are let go nobody waits for a turn.
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
            // one.
            if self.has_newborns() {
                let before = self.due.len();
                self.take_due()?;
                self.drop_left_preempted();
                if self.due.len() > before || self.adopt_settled() {
                    continue;
                }
            }
            self.watch_turn();
            let report = (self.wait()?, clock::monotonic_ns());
            if matches!(report.0, Report::Interrupted | Report::NoTasks) {
                return Ok(report);
            }
            self.due.push_back(report);
            self.drop_left_preempted();
        }
    }

    /// Forgets stops of tasks that were stopped to let others go on and have reported since: they
    /// have left those stops, because they were killed.
    fn drop_left_preempted(&mut self) {
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

    /// A task is about to go on from a stop.
    pub(crate) fn takes_turn(&mut self, tid: Tid, kind: StopKind) {
        if self.determinism.is_none() {
            return;
        }
        let takes = match kind {
            // Calls that shape memory do not wait, and nobody shall see them half done. What is
            // written to the same output shall be there in the order of the log.
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

    /// At the stop before the end of a task: what the kernel does to memory that others share.
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
            self.memory_part(address, &[0; size_of::<Tid>()]);
        }
    }

    /// Waits until a task that was told to end has done to memory what it does then, before anybody
    /// else goes on.
    pub(crate) fn until_ended(&mut self, tid: Tid) {
        if self.determinism.is_none() || self.tasks.is_alone(tid) {
            return;
        }
        for _ in 0..LOOKS {
            match self.tracer.poll_for(tid) {
                Ok(Some(report)) => {
                    self.due.push_front((report, clock::monotonic_ns()));
                    return;
                }
                Ok(None) => {}
                Err(_) => return,
            }
            // The first thread of a process stays until the others have ended, without a report.
            if process::Status::read(tid).map_or(true, |status| status.state == b'Z') {
                return;
            }
            std::thread::yield_now();
        }
    }
}

/// Does a list of robust futexes have entries? It is a ring: its head points to itself when it has
/// none (set_robust_list(2)).
fn holds_robust_futexes(tid: Tid) -> bool {
    let Some(head) = object::robust_list(tid) else { return false };
    let mut first = [0; 8];
    let mut transfer = [Transfer { address: head, len: first.len(), ..Transfer::default() }];
    memory::read(tid, &mut first, &mut transfer);
    let first = u64::from_le_bytes(first);
    // Pointers of 32-bit programs are half as long.
    transfer[0].got == 8 && first != head && first & 0xffff_ffff != head
}
