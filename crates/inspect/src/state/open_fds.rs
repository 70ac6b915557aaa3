//! What calls and execve(2) do to descriptors that are open.

use sysreel_abi::{CallKind, FdEffect, fd_effect, intent};
use sysreel_format::TaskId;

use super::open_call::OpenCall;
use super::tracker::Tracker;
use sysreel_format::syscall_info::Outcome;

impl Tracker {
    /// Closes descriptors and follows their flag close-on-exec. close(2) closes also if it fails.
    pub(super) fn apply_to_open_fds(&mut self, id: TaskId, open: &OpenCall, outcome: Outcome) {
        let (Some(abi), Some(row)) = (open.abi, open.row) else { return };
        match row.kind {
            CallKind::Close | CallKind::Fcntl | CallKind::Ioctl => {}
            CallKind::CloseRange => {
                let (_, unshares) = intent::closes_range(open.args()[2]);
                if unshares && !outcome.failed() {
                    self.unshare_files(id);
                }
            }
            _ => return,
        }
        match fd_effect(abi, row, &open.call.args, outcome.rval, outcome.failed()) {
            FdEffect::Close(fd, last) if fd == last => self.with_files(id, |table| {
                if table.descriptor(fd).is_some_and(|now| !open.is_reopened(fd, now)) {
                    table.close(fd);
                }
            }),
            FdEffect::Close(first, last) => self.with_files(id, |table| {
                table.close_range(first, last, |fd, now| open.is_reopened(fd, now));
            }),
            FdEffect::CloseOnExec(first, last, closes) => {
                self.with_files(id, |table| table.set_close_on_exec(first, last, closes));
            }
            FdEffect::None | FdEffect::Unknown => {}
        }
    }
}
