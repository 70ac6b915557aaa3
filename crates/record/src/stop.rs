//! Records a stop: builds its event from the kernel's struct, the memory that the call concerns,
//! and the names of descriptors.

use crate::session::Session;
use crate::sink::Sink;
use crate::snapshot::Exit;
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
use sysreel_sys::{Died, Event, Signal, Stop, StopKind, Tid};

impl Session {
    /// Commits the STOP event of a known task, and the events that follow from it. Returns the
    /// signal to deliver, or `None` when the task has left the stop.
    ///
    /// SIGKILL, also an exit_group or execve by another thread, makes a task leave any stop and
    /// come to its exit event. That event must not be mistaken for the current stop: resuming the
    /// task there would let it run on before wait reported it.
    pub(crate) fn record(&mut self, stop: &mut Stop, t_ns: u64) -> Option<Signal> {
        let tid = stop.tid();
        let kind = stop.kind();
        let mut deliver = if let StopKind::Signal(signal) = kind { signal } else { Signal::NONE };
        let Some(id) = self.tasks.get(tid).map(|task| task.id) else { return Some(deliver) };
        // The stop of a task that was just killed is recorded too: the length -ESRCH says that the
        // kernel could not be asked.
        let alive = stop.syscall_info(&mut self.info).is_ok();
        if alive && self.leaves_out(stop) {
            return Some(deliver);
        }
        self.sink.row.begin(EventKind::STOP, SourceId::KERNEL, id, t_ns);
        self.sink.row.stop_head(&StopHead {
            wait_status: stop.status().0.cast_unsigned(),
            info_ret: self.info.returned(),
            layout: Layout::MERGED,
            info: self.info.bytes(),
        });
        // Under TRACESYSGOOD a syscall stop is an entry or an exit. NONE means that the task is
        // already in its next stop.
        let moved_on = stop.kind() == StopKind::Syscall && self.info.op() == Some(Op::NONE);
        if !alive || moved_on {
            self.sink.commit();
            return None;
        }
        self.add_registers_at_attach(stop);
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
                    let siginfo = self.restore_deferred_siginfo(stop, signal, siginfo);
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
        self.commit_notes();
        if let (StopKind::Event(event), Some(message)) = (kind, message) {
            self.after_event(stop, event, message, t_ns);
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

    /// Adds the event message, and for a seccomp stop begins the recorded call or answers it.
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
            task.cpu_time = self.snapshots.cpu_time(stop.tid(), task.tgid);
        }
        Ok(message)
    }

    /// Answers a call for which the program's filter returned RET_TRACE: without a tracer the
    /// kernel answers ENOSYS (seccomp(2)), and the program must see the same.
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
                self.note_after_event(
                    id,
                    NoteCode::NO_ROW,
                    Severity::INFO,
                    format!(
                        "no row for call {nr:#x} of arch {:#x}: only its raw arguments are \
                         recorded, no memory",
                        arch.0
                    ),
                );
            }
            if let Some(task) = self.tasks.get_mut(tid) {
                task.call = None;
                self.snapshots.unknown_call(task.tgid);
            }
            return;
        };
        let mut call =
            Call { abi, row, args, state: EntryState::UNKNOWN, since_ns: t_ns, clone: None };
        self.capture.begin(tid);
        self.capture.requests.clear();
        if self.capture.is_on() || row.kind == CallKind::Clone3 {
            let mut requests = std::mem::take(&mut self.capture.requests);
            call.state =
                plan::at_entry(abi, row, &args, &Limits::DEFAULT, &mut requests, &mut self.capture);
            self.capture.requests = requests;
            let missing = self.capture.store(&mut self.sink);
            self.completeness.insert(missing);
            self.note_incomplete_memory(id, missing);
            self.note_left_out(call.state.left_out);
        }
        call.clone = clone_flags(abi, row, &args, self.capture.captured(0, 0, 0));
        let tgid = self.tasks.get(tid).map_or(tid, |task| task.tgid);
        self.snapshots.call_begins(tgid, &call, &self.capture);
        if reaches_all_threads(abi, row, &args) {
            self.trace_all_in_threads(tid, tgid);
        }
        let Some(task) = self.tasks.get_mut(tid) else { return };
        debug_assert_eq!(task.id, id);
        task.making = row.kind.makes_task();
        self.is_tracing_call = row.kind == CallKind::Ptrace;
        // restart_syscall continues the interrupted call, whose memory is written at the coming
        // exit.
        task.call = match row.kind {
            CallKind::Restart => task.interrupted.take().or(Some(call)),
            _ => Some(call),
        };
        self.note_handler_return(tid);
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
        let (mut left_out, mut incomplete) = (0, !self.capture.is_on());
        self.capture.begin(tid);
        self.capture.requests.clear();
        if plan::may_write(row) && (self.capture.is_on() || self.memory_contains_fds(row)) {
            let mut requests = std::mem::take(&mut self.capture.requests);
            left_out = plan::at_exit(
                abi,
                row,
                &args,
                rval,
                is_error,
                &call.state,
                &Limits::DEFAULT,
                &mut requests,
                &mut self.capture,
            );
            self.capture.requests = requests;
            let missing = self.capture.store(&mut self.sink);
            self.completeness.insert(missing);
            self.note_incomplete_memory(id, missing);
            incomplete |= left_out > 0 || missing != Completeness::default();
        }
        self.note_left_out(left_out);
        let exit = Exit { call: &call, rval, is_error, capture: &self.capture, incomplete };
        self.snapshots.call_ends(tgid, &exit);
        if self.names {
            self.add_names_at_exit(tid, tgid, &call, rval, is_error);
        }
        self.after_exit(tid, id, &call, rval, is_error);
    }

    /// Whether memory of this call contains the descriptors it made. It is then read for their
    /// names even when no memory is recorded.
    fn memory_contains_fds(&self, row: &Row) -> bool {
        self.names
            && (row.kind == CallKind::Receive
                || matches!(
                    row.makes,
                    Makes::Pair(_) | Makes::Clone | Makes::Clone3 | Makes::Socketcall
                ))
    }

    /// Adds the names of new descriptors, and of sockets whose addresses have changed.
    fn add_names_at_exit(&mut self, tid: Tid, tgid: Tid, call: &Call, rval: i64, is_error: bool) {
        let capture = &self.capture;
        let made = makes_fd(call.abi, call.row, &call.args, rval, is_error, |arg, role, index| {
            capture.captured(arg, role, index)
        });
        for &fd in made.as_slice() {
            self.add_name(tid, tgid, fd);
        }
        if call.row.kind == CallKind::Receive && !is_error {
            self.add_names_of_rights(tid, tgid, call, rval);
        }
        let ends_changed = match call.row.kind {
            CallKind::Bind | CallKind::Listen => !is_error,
            // The kernel has chosen the local address while the connection is still in progress.
            CallKind::Connect => !is_error || is_in_progress(rval),
            _ => false,
        };
        if ends_changed && let Ok(fd) = i32::try_from(call.abi.args(&call.args)[0]) {
            self.add_name(tid, tgid, fd);
        }
    }

    /// Adds the names of descriptors received in messages: one message for recvmsg, `rval` for
    /// recvmmsg.
    fn add_names_of_rights(&mut self, tid: Tid, tgid: Tid, call: &Call, rval: i64) {
        for message in 0..u32::try_from(rval).unwrap_or(0).clamp(1, Limits::DEFAULT.messages) {
            // Both calls take their headers in the second argument.
            let Some(control) = self.capture.captured(1, 1, plan::index(message, MSG_CONTROL))
            else {
                break;
            };
            rights(call.abi, control, |fd| {
                add_name(&mut self.sink, &mut self.fd_name, tid, tgid, fd);
                self.snapshots.named(tgid, fd, &self.fd_name);
            });
        }
    }

    fn add_name(&mut self, tid: Tid, tgid: Tid, fd: i32) {
        add_name(&mut self.sink, &mut self.fd_name, tid, tgid, fd);
        self.snapshots.named(tgid, fd, &self.fd_name);
    }

    /// Updates state that depends on the result of a call.
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
                self.cpu_affinity.on_mask_set(&mut self.tasks, tid, call.abi.args(&call.args)[0])
            }
            CallKind::IoUringSetup if !self.completeness.contains(Completeness::IO_URING) => {
                self.completeness.insert(Completeness::IO_URING);
                self.note_after_event(
                    id,
                    NoteCode::IO_URING,
                    Severity::WARNING,
                    "the program uses io_uring: operations submitted through its rings make no \
                     stops and are not in this log"
                        .into(),
                );
            }
            CallKind::Clone | CallKind::Clone3
                if call.clone.is_some_and(|flags| flags.untraced()) =>
            {
                self.completeness.insert(Completeness::UNTRACED_CLONE);
                self.note_after_event(
                    id,
                    NoteCode::UNTRACED_CLONE,
                    Severity::WARNING,
                    format!("task {rval} was made with CLONE_UNTRACED and is not recorded"),
                );
            }
            _ => {}
        }
    }

    fn note_left_out(&mut self, elements: u32) {
        if elements > 0 && self.capture.is_on() {
            self.completeness.insert(Completeness::CAPTURE_LIMIT);
            self.note_incomplete_memory(TaskId::NONE, Completeness::CAPTURE_LIMIT);
            self.note_after_event(
                TaskId::NONE,
                NoteCode::OTHER,
                Severity::WARNING,
                format!(
                    "the previous event has more elements than can be captured: at least \
                     {elements} are missing"
                ),
            );
        }
    }

    /// Adds the registers of a task found by an attach, since there is no entry stop to show its
    /// call.
    fn add_registers_at_attach(&mut self, stop: &Stop) {
        if self.tasks.get(stop.tid()).is_some_and(|task| !task.captured)
            && let Ok(registers) = stop.registers()
        {
            self.sink.row.registers(NT_PRSTATUS, &registers);
        }
    }
}

/// Adds the name of a descriptor to the row, if it is open. `resolved` is a reused buffer.
fn add_name(sink: &mut Sink, resolved: &mut FdName, tid: Tid, tgid: Tid, fd: i32) {
    if !resolved.resolve(tid, tgid, fd) {
        return;
    }
    let FdName { link, mode, device, inode, special, local, peer } = &*resolved;
    let (mode, dev, ino, rdev) = (*mode, *device, *inode, *special);
    sink.row.name(&Name { fd, mode, dev, ino, rdev, link, local, peer });
}
