//! Records one stop: the kernel's struct as it came, and the memory and names that go with it.

use crate::session::Session;
use crate::sink::Sink;
use crate::task::Call;
use sysreel_abi::errno::{is_in_progress, is_restart_block};
use sysreel_abi::plan::{self, EntryState, Limits, MSG_CONTROL};
use sysreel_abi::{
    Abi, AuditArch, CallKind, Makes, Row, clone_flags, installs_seccomp, makes_fd,
    reaches_all_threads, rights,
};
use sysreel_format::{
    Altered, Altering, Completeness, EventKind, Layout, Name, NoteCode, Severity, SourceId,
    StopHead, TaskId,
};
use sysreel_sys::fdname::FdName;
use sysreel_sys::info::Op;
use sysreel_sys::stop::NT_PRSTATUS;
use sysreel_sys::{Died, Event, Signal, Stop, StopKind, Tid, process};

impl Session {
    /// Commits the STOP event of a known task, and the events that follow from it. Answers the
    /// signal that it goes on with, or nothing when it does not stand in that stop any more.
    ///
    /// SIGKILL (also another thread's exit_group or execve) makes a task leave any stop on its own.
    /// It then comes to its exit event, which must not be taken for the stop at hand: to resume it
    /// there would let it go before it was waited for.
    pub(crate) fn record(&mut self, stop: &mut Stop, t_ns: u64) -> Option<Signal> {
        let tid = stop.tid();
        let kind = stop.kind();
        let mut deliver = if let StopKind::Signal(signal) = kind { signal } else { Signal::NONE };
        let Some(id) = self.tasks.get(tid).map(|task| task.id) else { return Some(deliver) };
        // A task that was killed in this very moment is still recorded: the length says that
        // nothing could be asked (-ESRCH).
        let alive = stop.syscall_info(&mut self.info).is_ok();
        if alive && self.is_left_out(stop) {
            return Some(deliver);
        }
        self.sink.row.begin(EventKind::STOP, SourceId::KERNEL, id, t_ns);
        self.sink.row.stop_head(&StopHead {
            wait_status: stop.status().0.cast_unsigned(),
            info_ret: self.info.returned(),
            layout: Layout::MERGED,
            info: self.info.bytes(),
        });
        // Under TRACESYSGOOD a syscall stop is an entry or an exit: with NONE the task is in its
        // next stop already.
        let moved_on = stop.kind() == StopKind::Syscall && self.info.op() == Some(Op::NONE);
        if !alive || moved_on {
            self.sink.commit();
            return None;
        }
        self.registers_at_attach(stop);
        self.determinism_newborn(stop);
        let message = match kind {
            StopKind::Syscall => {
                self.syscall_stop(tid, id, t_ns);
                if self.handed_over.has_answers() {
                    self.give_answer(stop);
                }
                self.audit_stop(stop);
                self.determinism_call(stop, id);
                None
            }
            StopKind::Signal(signal) => {
                if let Ok(Some(siginfo)) = stop.siginfo() {
                    let siginfo = self.as_it_was(stop, signal, siginfo);
                    self.sink.row.siginfo(&siginfo);
                    deliver = self.determinism_signal(stop, signal, &siginfo, id);
                }
                None
            }
            StopKind::Group(_) => None,
            StopKind::Event(event) => {
                self.determinism_end(tid, id, event);
                self.event_stop(stop, id, event, t_ns).ok()
            }
        };
        self.sink.commit();
        self.notes();
        if let (StopKind::Event(event), Some(message)) = (kind, message) {
            self.after_event(tid, event, message, t_ns);
        }
        if self.snapshot_at_attach(tid) {
            self.restart_original(stop, id);
        }
        Some(deliver)
    }

    fn syscall_stop(&mut self, tid: Tid, id: TaskId, t_ns: u64) {
        match self.info.op() {
            Some(Op::ENTRY) => self.entry(tid, id, t_ns),
            Some(Op::EXIT) => self.exit(tid, id),
            _ => {}
        }
    }

    /// The message belongs to the event; so does what is done about a filter that asks for a
    /// tracer.
    fn event_stop(
        &mut self,
        stop: &Stop,
        id: TaskId,
        event: Event,
        t_ns: u64,
    ) -> Result<u64, Died> {
        let message = stop.event_message()?;
        self.sink.row.event_message(message);
        if event == Event::SECCOMP {
            if self.is_own_seccomp_stop() {
                self.entry(stop.tid(), id, t_ns);
            } else {
                self.answer_as_untraced(stop);
            }
        }
        if event == Event::EXIT
            && let Some(task) = self.tasks.get_mut(stop.tid())
        {
            task.ending = true;
            task.cpu_time = process::cpu_time(stop.tid());
        }
        Ok(message)
    }

    /// Without a tracer that asked for it RET_TRACE answers ENOSYS (seccomp(2)); the program must
    /// see just that.
    fn answer_as_untraced(&mut self, stop: &Stop) {
        let Some((nr, _)) = self.info.call() else { return };
        if stop.skip_call().is_ok() {
            self.sink.row.altered(&Altered {
                what: Altering::SECCOMP_ANSWER,
                arg: 0,
                kernel: &nr.to_le_bytes(),
                given: &u64::MAX.to_le_bytes(),
            });
        }
    }

    fn entry(&mut self, tid: Tid, id: TaskId, t_ns: u64) {
        let Some((nr, args)) = self.info.call() else { return };
        let arch = AuditArch(self.info.arch());
        let (Some(abi), Some(row)) = (Abi::from_call(arch, nr), (self.rows)(arch, nr)) else {
            self.completeness.insert(Completeness::ROWLESS);
            if self.rowless.insert((arch.0, nr)) {
                self.later(
                    id,
                    NoteCode::NO_ROW,
                    Severity::INFO,
                    format!(
                        "no row for call {nr:#x} of arch {:#x}: its arguments are kept raw, \
                         without memory",
                        arch.0
                    ),
                );
            }
            if let Some(task) = self.tasks.get_mut(tid) {
                task.call = None;
            }
            return;
        };
        let mut call =
            Call { abi, row, args, state: EntryState::UNKNOWN, since_ns: t_ns, clone: None };
        self.capture.begin(tid);
        self.capture.requests.clear();
        if self.capture.is_on() || row.kind == CallKind::Clone3 {
            let mut wants = std::mem::take(&mut self.capture.requests);
            call.state =
                plan::at_entry(abi, row, &args, &Limits::DEFAULT, &mut wants, &mut self.capture);
            self.capture.requests = wants;
            let missing = self.capture.store(&mut self.sink);
            self.completeness.insert(missing);
            self.determinism_missing(id, missing);
            self.left_out(call.state.left_out);
        }
        call.clone = clone_flags(abi, row, &args, self.capture.captured(0, 0, 0));
        self.namespaces.call(row.kind, call.clone);
        if reaches_all_threads(abi, row, &args)
            && let Some(tgid) = self.tasks.get(tid).map(|task| task.tgid)
        {
            self.trace_all_in_threads(tid, tgid);
        }
        let Some(task) = self.tasks.get_mut(tid) else { return };
        debug_assert_eq!(task.id, id);
        task.making = row.kind.makes_task();
        self.is_tracing_call = row.kind == CallKind::Ptrace;
        // restart_syscall goes on with the call that was interrupted; its memory is written at the
        // coming exit.
        task.call = match row.kind {
            CallKind::Restart => task.interrupted.take().or(Some(call)),
            _ => Some(call),
        };
        self.determinism_foresees(tid);
    }

    fn exit(&mut self, tid: Tid, id: TaskId) {
        let Some((rval, is_error)) = self.info.result() else { return };
        let Some(task) = self.tasks.get_mut(tid) else { return };
        task.making = false;
        let Some(call) = task.call.take() else { return };
        task.ended = Some(call);
        if is_error && is_restart_block(rval) {
            task.interrupted = Some(call);
        }
        let tgid = task.tgid;
        let Call { abi, row, args, .. } = call;
        let mut left_out = 0;
        self.capture.begin(tid);
        self.capture.requests.clear();
        if plan::may_write(row) && (self.capture.is_on() || self.tells_of_fds(row)) {
            let mut wants = std::mem::take(&mut self.capture.requests);
            left_out = plan::at_exit(
                abi,
                row,
                &args,
                rval,
                is_error,
                &call.state,
                &Limits::DEFAULT,
                &mut wants,
                &mut self.capture,
            );
            self.capture.requests = wants;
            let missing = self.capture.store(&mut self.sink);
            self.completeness.insert(missing);
            self.determinism_missing(id, missing);
        }
        self.left_out(left_out);
        if self.names {
            self.names_of_exit(tid, tgid, &call, rval, is_error);
        }
        self.after_exit(tid, id, &call, rval, is_error);
    }

    /// Does memory of this call say which descriptors it made? It is read for their names even when
    /// none is to be kept.
    fn tells_of_fds(&self, row: &Row) -> bool {
        self.names
            && (row.kind == CallKind::Receive
                || matches!(
                    row.makes,
                    Makes::Pair(_) | Makes::Clone | Makes::Clone3 | Makes::Socketcall
                ))
    }

    /// The names of new descriptors, and of sockets whose ends have changed.
    fn names_of_exit(&mut self, tid: Tid, tgid: Tid, call: &Call, rval: i64, is_error: bool) {
        let capture = &self.capture;
        let made = makes_fd(call.abi, call.row, &call.args, rval, is_error, |arg, role, index| {
            capture.captured(arg, role, index)
        });
        for &fd in made.as_slice() {
            self.name(tid, tgid, fd);
        }
        if call.row.kind == CallKind::Receive && !is_error {
            self.names_of_rights(tid, tgid, call, rval);
        }
        let ends_changed = match call.row.kind {
            CallKind::Bind | CallKind::Listen => !is_error,
            // The kernel has chosen the local end although the connection is still being made.
            CallKind::Connect => !is_error || is_in_progress(rval),
            _ => false,
        };
        if ends_changed && let Ok(fd) = i32::try_from(call.abi.args(&call.args)[0]) {
            self.name(tid, tgid, fd);
        }
    }

    /// The names of descriptors that came with a message; of one for recvmsg, of each for recvmmsg.
    fn names_of_rights(&mut self, tid: Tid, tgid: Tid, call: &Call, rval: i64) {
        for message in 0..u32::try_from(rval).unwrap_or(0).clamp(1, Limits::DEFAULT.messages) {
            // Both calls have their headers behind the second argument.
            let Some(control) = self.capture.captured(1, 1, plan::index(message, MSG_CONTROL))
            else {
                break;
            };
            rights(call.abi, control, |fd| {
                add_name(&mut self.sink, &mut self.fd_name, tid, tgid, fd)
            });
        }
    }

    fn name(&mut self, tid: Tid, tgid: Tid, fd: i32) {
        add_name(&mut self.sink, &mut self.fd_name, tid, tgid, fd);
    }

    /// What an exit means beyond its memory.
    fn after_exit(&mut self, tid: Tid, id: TaskId, call: &Call, rval: i64, is_error: bool) {
        if is_error {
            return;
        }
        if installs_seccomp(call.abi, call.row, &call.args)
            && let Some(task) = self.tasks.get_mut(tid)
        {
            task.trace_all = true;
        }
        match call.row.kind {
            CallKind::GetAffinity => self.show_own_mask(tid, call, rval),
            CallKind::SetAffinity => {
                self.cpu_affinity.mask_was_set(&mut self.tasks, tid, call.abi.args(&call.args)[0])
            }
            CallKind::IoUringSetup if !self.completeness.contains(Completeness::IO_URING) => {
                self.completeness.insert(Completeness::IO_URING);
                self.later(id, NoteCode::IO_URING, Severity::WARNING,
                    "the program uses io_uring: calls made through its rings are not stops and are \
                     not in this log".into());
            }
            CallKind::Clone | CallKind::Clone3
                if call.clone.is_some_and(|flags| flags.untraced()) =>
            {
                self.completeness.insert(Completeness::UNTRACED_CLONE);
                self.later(
                    id,
                    NoteCode::UNTRACED_CLONE,
                    Severity::WARNING,
                    format!("task {rval} was made with CLONE_UNTRACED and is not recorded"),
                );
            }
            _ => {}
        }
    }

    fn left_out(&mut self, elements: u32) {
        if elements > 0 && self.capture.is_on() {
            self.completeness.insert(Completeness::CAPTURE_LIMIT);
            self.determinism_missing(TaskId::NONE, Completeness::CAPTURE_LIMIT);
            self.later(
                TaskId::NONE,
                NoteCode::OTHER,
                Severity::WARNING,
                format!(
                    "at least {elements} elements of the event before were too many to be captured"
                ),
            );
        }
    }

    /// The registers where an attached task was found: no entry stop tells them.
    fn registers_at_attach(&mut self, stop: &Stop) {
        if self.tasks.get(stop.tid()).is_some_and(|task| !task.captured)
            && let Ok(registers) = stop.registers()
        {
            self.sink.row.registers(NT_PRSTATUS, &registers);
        }
    }
}

/// Adds the name of a descriptor to the row, if it is open; `resolved` is where it is put together.
fn add_name(sink: &mut Sink, resolved: &mut FdName, tid: Tid, tgid: Tid, fd: i32) {
    if !resolved.resolve(tid, tgid, fd) {
        return;
    }
    let FdName { link, mode, device, inode, special, local, peer } = &*resolved;
    let (mode, dev, ino, rdev) = (*mode, *device, *inode, *special);
    sink.row.name(&Name { fd, mode, dev, ino, rdev, link, local, peer });
}
