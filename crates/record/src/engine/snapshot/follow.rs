//! Follows what calls do to the state that new tasks and new programs inherit.

use super::{Process, Snapshots};
use crate::engine::capture::Capture;
use crate::engine::task::Call;
use std::sync::Arc;
use sysreel_abi::plan::{self, Limits, MSG_CONTROL};
use sysreel_abi::{
    CallKind, CloneFlags, FdEffect, Inherited, Makes, Row, closes_on_exec, fd_effect, ignores,
    makes_fd, may_change, rights, sender_pidfd,
};
use sysreel_sys::Tid;
use sysreel_sys::fdname::FdName;
use sysreel_sys::process::{self, FileId};

/// Files that make descriptors without a call that shows it: by operations in a ring, by the events
/// that a read returns, or by an answer to a call of another process.
const HIDDEN_MAKERS: [&[u8]; 4] = [
    b"anon_inode:[io_uring]",
    b"anon_inode:[fanotify]",
    b"anon_inode:[userfaultfd]",
    b"anon_inode:seccomp notify",
];

/// Binder passes descriptors in its own messages.
const BINDER: &[u8] = b"/dev/binder";

/// Whether a file may make descriptors that the recorder does not see.
pub(super) fn makes_hidden(link: &[u8]) -> bool {
    HIDDEN_MAKERS.contains(&link) || link.starts_with(BINDER)
}

/// What a call's exit stop shows.
pub(crate) struct Exit<'a> {
    pub(crate) call: &'a Call,
    pub(crate) rval: i64,
    pub(crate) is_error: bool,
    /// The memory that it has written.
    pub(crate) capture: &'a Capture,
    /// Whether some of that memory could not be read.
    pub(crate) incomplete: bool,
}

impl Snapshots {
    /// Handles the entry of a call. `capture` has the memory that it reads.
    pub(crate) fn call_begins(&mut self, tgid: Tid, call: &Call, capture: &Capture) {
        self.namespaces.on_call(call.row.kind, call.clone);
        if !self.following {
            return;
        }
        if call.row.kind.makes_task() {
            return self.task_is_made(tgid, call.clone);
        }
        let changed = may_change(call.abi, call.row, &call.args);
        if changed.is_empty() {
            return;
        }
        let Some(process) = self.processes.get_mut(&tgid) else { return };
        if changed.contains(Inherited::CREDENTIALS) {
            process.held = None;
        }
        if changed.contains(Inherited::PLACES) {
            process.at_root = false;
        }
        if changed.contains(Inherited::PERSONALITY) {
            process.personality = None;
        }
        if changed.contains(Inherited::SIGNALS) {
            let structure = capture.captured(1, 0, 0);
            process.ignored = match ignores(call.abi, call.row, &call.args, structure) {
                // If the call fails, `call_ends` forgets it.
                Some(Some((signal @ 1..=64, ignored))) => process.ignored.map(|mask| {
                    let bit = 1 << (signal - 1);
                    if ignored { mask | bit } else { mask & !bit }
                }),
                Some(_) => process.ignored,
                None => None,
            };
        }
    }

    /// Handles the entry of a call without a row.
    pub(crate) fn unknown_call(&mut self, tgid: Tid) {
        self.forget(tgid);
    }

    /// Handles the entry of a call that makes a task.
    fn task_is_made(&mut self, tgid: Tid, flags: Option<CloneFlags>) {
        let Some(flags) = flags else { return self.stop_following() };
        if flags.thread() || flags.files() {
            self.forget(tgid);
        }
        // What processes share otherwise survives an execve.
        let share_more = flags.fs() || flags.signals() || (flags.memory() && !flags.vfork());
        if share_more && !flags.thread() {
            self.stop_following();
        }
    }

    /// Handles a task that `maker`, a process, has made. `certain`: the flags of its call are.
    pub(crate) fn task_appears(
        &mut self,
        maker: (Tid, Tid),
        child: (Tid, Tid),
        flags: Option<CloneFlags>,
        certain: bool,
    ) {
        let ((maker_tid, maker), (tid, tgid)) = (maker, child);
        if tid != tgid {
            return self.forget(tgid);
        }
        // A new user namespace gives capabilities.
        let as_maker = flags.is_some_and(|flags| !flags.namespaces());
        match self.processes.get(&maker) {
            Some(process) if as_maker && (certain || process::share_nothing(maker_tid, tid)) => {
                let process = Process { alone: true, ..process.clone() };
                self.processes.insert(tgid, process);
            }
            _ => self.forget(tgid),
        }
    }

    /// Handles the exit of a call.
    pub(crate) fn call_ends(&mut self, tgid: Tid, exit: &Exit<'_>) {
        let Exit { call, rval, is_error, capture, .. } = *exit;
        if call.row.kind == CallKind::Mount {
            self.served.forget();
        }
        if !self.following || !concerns_descriptors(call.row) {
            return;
        }
        if call.row.kind == CallKind::IoUringSetup && !is_error {
            return self.stop_following();
        }
        let Some(process) = self.processes.get_mut(&tgid) else { return };
        match call.row.kind {
            CallKind::Umask => {
                process.umask = u32::try_from(call.abi.args(&call.args)[0] & 0o777).ok();
                return;
            }
            CallKind::SigAction => {
                if is_error {
                    process.ignored = None;
                }
                return;
            }
            _ => {}
        }
        let Some(table) = &mut process.descriptors else { return };
        let known = match fd_effect(call.abi, call.row, &call.args, rval, is_error) {
            FdEffect::None => true,
            FdEffect::Close(first, last) => {
                Arc::make_mut(table).close(first, last);
                true
            }
            FdEffect::CloseOnExec(first, last, on) => {
                Arc::make_mut(table).set_close_on_exec(first, last, on);
                true
            }
            FdEffect::Unknown => false,
        };
        let written = |arg, role, index| capture.captured(arg, role, index);
        let made = makes_fd(call.abi, call.row, &call.args, rval, is_error, written);
        let close_on_exec =
            || closes_on_exec(call.abi, call.row, &call.args, |arg| capture.captured(arg, 0, 0));
        let unchanged = |fd: i32| {
            let args = call.abi.args(&call.args);
            // dup2(2) of a descriptor to itself does nothing.
            call.row.kind == CallKind::DupTo
                && args[0] & 0xffff_ffff == u64::from(fd.cast_unsigned())
        };
        let mut known = known && !(exit.incomplete && hides_when_incomplete(call.row));
        for &fd in made.as_slice().iter().filter(|&&fd| !unchanged(fd)) {
            known &= Arc::make_mut(table).add(fd, close_on_exec());
        }
        if call.row.kind == CallKind::Receive && !is_error {
            let close_on_exec = close_on_exec();
            for message in 0..u32::try_from(rval).unwrap_or(0).clamp(1, Limits::DEFAULT.messages) {
                let Some(control) = written(1, 1, plan::index(message, MSG_CONTROL)) else { break };
                rights(call.abi, control, |fd| {
                    known &= Arc::make_mut(table).add(fd, close_on_exec);
                });
                // Its name is not in the log.
                sender_pidfd(call.abi, control, |_| known = false);
            }
        }
        if !known {
            process.descriptors = None;
        }
    }

    /// Handles the name of a descriptor that a call has made or changed.
    pub(crate) fn named(&mut self, tgid: Tid, fd: i32, name: &FdName) {
        if !self.following {
            return;
        }
        if makes_hidden(&name.link) {
            return self.stop_following();
        }
        if self.wrong.is_some()
            && let Some(table) = self.processes.get_mut(&tgid).and_then(|p| p.descriptors.as_mut())
        {
            let file = FileId { device: name.device, inode: name.inode };
            Arc::make_mut(table).refers_to(fd, file);
        }
    }
}

/// Whether the exit of a call may change descriptors, or other state that its entry does not
/// decide.
fn concerns_descriptors(row: &Row) -> bool {
    row.makes != Makes::None
        || row.arg("optname").is_some()
        || matches!(
            row.kind,
            CallKind::Close
                | CallKind::CloseRange
                | CallKind::Fcntl
                | CallKind::Ioctl
                | CallKind::Receive
                | CallKind::Umask
                | CallKind::SigAction
                | CallKind::IoUringSetup
        )
}

/// Whether memory shows which descriptors a call made.
fn hides_when_incomplete(row: &Row) -> bool {
    row.kind == CallKind::Receive
        || matches!(row.makes, Makes::Pair(_) | Makes::Clone | Makes::Clone3)
}
