//! Resolves the names of descriptors and paths: what cannot be derived from a call later.

mod paths;

use self::paths::Paths;
use crate::engine::{
    Baggage, Birth, BySlot, Call, Context, Copies, Exit, Flow, Half, Slot, StopHook,
};
use foldhash::fast::RandomState;
use std::collections::HashSet;
use sysreel_abi::errno::is_in_progress;
use sysreel_abi::plan::{self, Limits, MSG_CONTROL};
use sysreel_abi::{CallKind, Makes, Row, demultiplex, intent, makes_fd, rights};
use sysreel_format::Name;
use sysreel_sys::fdname::FdName;
use sysreel_sys::{Stop, Tid};

/// Adds the names of new descriptors, and of sockets whose addresses have changed, to the exits of
/// the calls, and where the paths of other calls lead.
#[derive(Debug)]
pub(crate) struct Names {
    /// The name of a descriptor. Reused, so that resolving allocates nothing.
    resolved: FdName,
    paths: Paths,
    /// What the open call of a task does and its first argument, if another call makes it
    /// (socketcall).
    inner: BySlot<Option<(CallKind, u64)>>,
    /// Sockets that have no port when their name is added, by process. The kernel gives them one
    /// when they send.
    unbound: HashSet<(Tid, i32), RandomState>,
}

/// The most sockets without a port that are remembered.
const MOST_UNBOUND: usize = 4096;

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
        let inner = cx.call().filter(|call| call.row.kind == CallKind::Multiplexed);
        let inner = inner.and_then(|&Call { abi, row, ref args, .. }| {
            let inner = demultiplex(abi, row, args, |arg| cx.capture.captured(arg, 0, 0))?;
            Some((inner.row.kind, inner.args[0]))
        });
        *self.inner.get_mut(cx.at.slot) = inner;
        Flow::Stays
    }

    fn exit(&mut self, cx: &mut Context, _stop: &mut Stop, exit: &Exit) -> Flow {
        let &Exit { call: Some(ref call), rval, is_error } = exit else { return Flow::Stays };
        let Call { abi, row, args, .. } = call;
        self.add_new(cx, call, rval, is_error);
        let inner = self.inner.get_mut(cx.at.slot).take();
        let is_inner = row.kind == CallKind::Multiplexed;
        let (kind, first) = match inner.filter(|_| is_inner) {
            Some(inner) => inner,
            None => (row.kind, abi.args(args)[0]),
        };
        if kind == CallKind::Receive && !is_error {
            self.add_rights(cx, call, (rval, u8::from(is_inner)));
        }
        let ends_changed = match kind {
            CallKind::Send => !is_error && self.was_unbound(cx, first),
            CallKind::Bind | CallKind::Listen => !is_error,
            // The kernel has chosen the local address while the connection is still in progress.
            CallKind::Connect => !is_error || is_in_progress(rval),
            _ => false,
        };
        if ends_changed && let Some(fd) = fd_of(first) {
            self.add(cx, fd);
        }
        self.paths.end(cx, is_error);
        Flow::Stays
    }

    fn made(&mut self, cx: &mut Context, _half: Half, exit: Option<&Exit>) {
        if let Some(&Exit { call: Some(ref call), rval, is_error }) = exit {
            self.add_new(cx, call, rval, is_error);
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
        let mut names = Names {
            resolved: FdName::default(),
            paths: Paths::new(),
            inner: BySlot::default(),
            unbound: HashSet::default(),
        };
        if !sees_all {
            names.paths.anything_happened();
        }
        names
    }

    /// Adds the names of descriptors received in messages: one message for recvmsg, `rval` for
    /// recvmmsg. `role` is that of the arguments of the call that receives.
    fn add_rights(&mut self, cx: &mut Context, call: &Call, (rval, role): (i64, u8)) {
        for message in 0..u32::try_from(rval).unwrap_or(0).clamp(1, Limits::DEFAULT.messages) {
            // Both calls take their headers in the second argument.
            let (at, log, snapshots) = (cx.at, &mut cx.log, &mut cx.snapshots);
            let tgid = cx.tasks.at(at.slot).map_or(at.tid, |task| task.tgid);
            let index = plan::index(message, MSG_CONTROL);
            let Some(control) = cx.capture.captured(1, role + 1, index) else {
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
            self.note_unbound(tgid, fd);
        }
    }

    /// Notes whether the socket that was just resolved has a port.
    fn note_unbound(&mut self, tgid: Tid, fd: i32) {
        if !intent::has_no_port(&self.resolved.local) {
            if !self.unbound.is_empty() {
                self.unbound.remove(&(tgid, fd));
            }
        } else if self.unbound.len() < MOST_UNBOUND {
            self.unbound.insert((tgid, fd));
        }
    }

    /// Whether a socket had no port when it was named last.
    fn was_unbound(&mut self, cx: &Context, fd: u64) -> bool {
        if self.unbound.is_empty() {
            return false;
        }
        let tgid = cx.task().map_or(cx.at.tid, |task| task.tgid);
        fd_of(fd).is_some_and(|fd| self.unbound.remove(&(tgid, fd)))
    }
}

/// Returns an argument as a file descriptor.
fn fd_of(argument: u64) -> Option<i32> {
    u32::try_from(argument & 0xffff_ffff).ok().map(u32::cast_signed)
}

fn name_of(fd: i32, resolved: &FdName) -> Name<'_> {
    let FdName { link, mode, device, inode, special, local, peer } = resolved;
    Name { fd, mode: *mode, dev: *device, ino: *inode, rdev: *special, link, local, peer }
}
