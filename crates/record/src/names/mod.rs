//! Resolves the names of descriptors and paths: what cannot be derived from a call later.

mod paths;

use self::paths::Paths;
use crate::engine::{Baggage, Birth, Call, Context, Copies, Exit, Flow, Half, Slot, StopHook};
use sysreel_abi::errno::is_in_progress;
use sysreel_abi::plan::{self, Limits, MSG_CONTROL};
use sysreel_abi::{CallKind, Makes, Row, makes_fd, rights};
use sysreel_format::Name;
use sysreel_sys::Stop;
use sysreel_sys::fdname::FdName;

/// Adds the names of new descriptors, and of sockets whose addresses have changed, to the exits of
/// the calls, and where the paths of other calls lead.
#[derive(Debug)]
pub(crate) struct Names {
    /// The name of a descriptor. Reused, so that resolving allocates nothing.
    resolved: FdName,
    paths: Paths,
}

impl StopHook for Names {
    /// Memory of some calls contains the descriptors they made.
    fn needs_memory(&mut self, row: &Row) -> bool {
        row.kind == CallKind::Receive
            || matches!(
                row.makes,
                Makes::Pair(_) | Makes::Clone | Makes::Clone3 | Makes::Socketcall
            )
    }

    fn task_begins(&mut self, _cx: &mut Context, _task: Slot, birth: Birth) {
        if matches!(birth, Birth::Attached | Birth::Adopted { .. }) {
            self.paths.anything_happened();
        }
    }

    /// The other tracer's tasks may have another root or other mounts.
    fn arrives(&mut self, _cx: &mut Context, _task: Slot, _baggage: &Baggage) {
        self.paths.anything_happened();
    }

    fn entry(&mut self, cx: &mut Context, _stop: &mut Stop) -> Flow {
        self.paths.begin(cx);
        Flow::Stays
    }

    fn exit(&mut self, cx: &mut Context, _stop: &mut Stop, exit: &Exit) -> Flow {
        let &Exit { call: Some(call), rval, is_error } = exit else { return Flow::Stays };
        let Call { abi, row, args, .. } = &call;
        self.add_new(cx, &call, rval, is_error);
        if row.kind == CallKind::Receive && !is_error {
            self.add_rights(cx, &call, rval);
        }
        let ends_changed = match row.kind {
            CallKind::Bind | CallKind::Listen => !is_error,
            // The kernel has chosen the local address while the connection is still in progress.
            CallKind::Connect => !is_error || is_in_progress(rval),
            _ => false,
        };
        if ends_changed && let Ok(fd) = i32::try_from(abi.args(args)[0]) {
            self.add(cx, fd);
        }
        self.paths.end(cx, is_error);
        Flow::Stays
    }

    fn made(&mut self, cx: &mut Context, _half: Half, exit: Option<&Exit>) {
        if let Some(&Exit { call: Some(call), rval, is_error }) = exit {
            self.add_new(cx, &call, rval, is_error);
        }
    }
}

impl Names {
    /// Adds the names of the descriptors that a call has made.
    fn add_new(&mut self, cx: &mut Context, call: &Call, rval: i64, is_error: bool) {
        let Call { abi, row, args, .. } = call;
        let made = makes_fd(*abi, row, args, rval, is_error, |arg, role, index| {
            cx.capture.captured(arg, role, index)
        });
        for &fd in made.as_slice() {
            self.add(cx, fd);
        }
    }

    /// `sees_all`: whether all calls of the program are recorded.
    pub(crate) fn new(sees_all: bool) -> Names {
        let mut names = Names { resolved: FdName::default(), paths: Paths::new() };
        if !sees_all {
            names.paths.anything_happened();
        }
        names
    }

    /// Adds the names of descriptors received in messages: one message for recvmsg, `rval` for
    /// recvmmsg.
    fn add_rights(&mut self, cx: &mut Context, call: &Call, rval: i64) {
        for message in 0..u32::try_from(rval).unwrap_or(0).clamp(1, Limits::DEFAULT.messages) {
            // Both calls take their headers in the second argument.
            let (at, log, snapshots) = (cx.at, &mut cx.log, &mut cx.snapshots);
            let tgid = cx.tasks.at(at.slot).map_or(at.tid, |task| task.tgid);
            let Some(control) = cx.capture.captured(1, 1, plan::index(message, MSG_CONTROL)) else {
                break;
            };
            rights(call.abi, control, |fd| {
                if self.resolved.resolve(at.tid, tgid, fd) {
                    self.paths.named(&self.resolved.link);
                    log.row().name(&name_of(fd, &self.resolved));
                    snapshots.named(tgid, fd, &self.resolved);
                }
            });
        }
    }

    /// Adds the name of a descriptor to the event, if it is open.
    fn add(&mut self, cx: &mut Context, fd: i32) {
        let tgid = cx.task().map_or(cx.at.tid, |task| task.tgid);
        if let Some(name) = cx.capture.copies().and_then(Copies::name) {
            self.paths.named(&name.link);
            cx.log.row().name(&name_of(fd, name));
            cx.snapshots.named(tgid, fd, name);
        } else if self.resolved.resolve(cx.at.tid, tgid, fd) {
            self.paths.named(&self.resolved.link);
            cx.log.row().name(&name_of(fd, &self.resolved));
            cx.snapshots.named(tgid, fd, &self.resolved);
        }
    }
}

fn name_of(fd: i32, resolved: &FdName) -> Name<'_> {
    let FdName { link, mode, device, inode, special, local, peer } = resolved;
    Name { fd, mode: *mode, dev: *device, ino: *inode, rdev: *special, link, local, peer }
}
