//! Calls that got no answer: those during which their task or the log ended, and attempts that a
//! signal interrupted and that were not repeated. What they asked for counts all the same, for a
//! blocked connect is on the wire: its result is `unfinished`.

use sysreel_abi::errno::{errno_name, is_restart};
use sysreel_format::Parts;
use sysreel_format::syscall_info::Outcome;

use super::super::UNFINISHED;
use super::super::names::NameId;
use super::super::operation::{Case, Classified, Operation};
use super::RunBuilder;
use crate::calls::{Call, Ended, Returned};
use crate::diff::effect::Op;
use crate::state::ProcessId;

impl RunBuilder {
    /// Takes a call that never returned.
    pub(super) fn unfinished(&mut self, call: &Call<'_>) {
        let ends = matches!(call.ended(), Ended::Killed | Ended::Detached | Ended::Unfinished);
        let (tracker, task) = (call.state(), call.task().id());
        let has_run = tracker.task(task).is_some_and(|task| task.has_run);
        let (Some(resolved), Some(context)) = (call.resolved(), tracker.context(task)) else {
            return;
        };
        if !ends || !has_run {
            return;
        }
        let process = context.process;
        let finished = Returned {
            task,
            event: call.number(),
            t_ns: call.open().t_ns,
            open: call.open(),
            outcome: Outcome { rval: i64::from(UNFINISHED).wrapping_neg(), is_error: 1 },
            parts: Parts::new(&[]),
        };
        let case = Case { tracker, finished: &finished, call: resolved, buffers: call.buffers() };
        let classified = self.classifier.classify(&case, &mut self.names);
        let Classified::Operation(operation) = classified else { return };
        crate::add(&mut self.calls, 1);
        for name in [operation.first, operation.second] {
            self.set_user(name, process);
        }
        if operation.effect {
            let role = self.role(process);
            self.unfinished.add(process, role, operation, (1, finished.event));
        }
        let none = NameId::default();
        self.step(&case, process, Operation { grants: none, flags: none, ..operation });
    }

    /// Remembers an attempt that did nothing, in case it is not repeated.
    pub(super) fn attempted(
        &mut self,
        process: ProcessId,
        operation: Operation,
        finished: &Returned<'_>,
    ) {
        let rval = finished.outcome.rval;
        let errno = match u16::try_from(rval.wrapping_neg()) {
            Ok(errno) if !is_restart(rval) => errno,
            _ => UNFINISHED,
        };
        // An inherited descriptor has nothing to read, or no room to write.
        let moves = matches!(operation.op, Op::Read | Op::Write);
        let is_busy = errno_name(errno.into()) == Some("EAGAIN");
        if !operation.effect || moves && is_busy && !operation.opens {
            return;
        }
        let (operation, role) = (Operation { errno, ..operation }, self.role(process));
        // It is counted among the attempts.
        self.unfinished.add(process, role, operation, (0, finished.event));
    }
}

#[cfg(test)]
mod tests {
    use sysreel_abi::Abi::X86_64;
    use sysreel_format::{GoneHow, Origin, TaskId};

    use crate::diff::{Level, Run};
    use crate::testing::LogBuilder;

    const WRITES: [u64; 6] = [0x1000, 1, 0, 0, 0, 0];

    fn effects(log: &LogBuilder) -> Vec<String> {
        let run = Run::from_builder(log, Level::Effects);
        run.effects().keys().map(ToString::to_string).filter(|line| line.contains("fifo")).collect()
    }

    /// A log in which a second thread opens a file and does not return.
    fn with_blocked_open() -> LogBuilder {
        let mut log = LogBuilder::new();
        log.entry(0, X86_64, "clone", [0x10000 | 0x100, 0, 0, 0, 0, 0], &[]);
        log.task(1, 101, 100, Origin::THREAD, TaskId(0));
        log.exit(0, X86_64, 101, &[]);
        log.entry(1, X86_64, "open", WRITES, &[(0, 0, 0, b"/w/fifo\0")]);
        log
    }

    #[test]
    fn what_a_call_asks_for_counts_where_it_never_returns() {
        let mut log = with_blocked_open();
        log.gone(1, 0, GoneHow::REAPED);
        let lines = effects(&log);
        assert!(lines.len() == 1 && lines[0].ends_with("write $WS/fifo unfinished"), "{lines:?}");
    }

    #[test]
    fn an_answer_in_the_same_process_is_the_effect() {
        let mut log = with_blocked_open();
        log.call("open", WRITES, &[(0, 0, 0, b"/w/fifo\0")], -6, &[]);
        log.gone(1, 0, GoneHow::REAPED);
        let lines = effects(&log);
        assert!(lines.len() == 1 && lines[0].ends_with("write $WS/fifo ENXIO"), "{lines:?}");
    }

    /// A signal that ends its process interrupts the call first, with ERESTARTSYS.
    #[test]
    fn an_interrupted_attempt_counts_unless_it_is_repeated() {
        let open = |log: &mut LogBuilder, result| {
            log.entry(0, X86_64, "open", WRITES, &[(0, 0, 0, b"/w/fifo\0")]);
            log.exit(0, X86_64, result, &[]);
        };
        let mut log = LogBuilder::new();
        open(&mut log, -512);
        let lines = effects(&log);
        assert!(lines.len() == 1 && lines[0].ends_with("write $WS/fifo unfinished"), "{lines:?}");
        open(&mut log, -6);
        let lines = effects(&log);
        assert!(lines.len() == 1 && lines[0].ends_with("write $WS/fifo ENXIO"), "{lines:?}");
    }
}
