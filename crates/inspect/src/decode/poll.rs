//! Waiting for file descriptors: poll(2), select(2) and epoll(7).

use sysreel_abi::consts::poll as p;
use sysreel_abi::{Abi, Arg, ArgKind, Dir, Layout};

use super::{Fields, View, layouts, member, value};
use crate::syscall_info::Outcome;
use crate::text;

/// Writes `{fd=3, events=POLLIN}`. The kernel ignores an entry with a negative fd, so its events
/// are not shown.
pub(crate) fn pollfd(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    out.push('{');
    member(out, "fd");
    value::fd(view, f.u32(0), out);
    if f.i32(0) >= 0 {
        member(out, "events");
        value::constant(view, ArgKind::Flags(&p::POLL), f.u16(4), out);
    }
    out.push('}');
}

/// Writes `{events=EPOLLIN, data={u32=3, u64=3}}`. x86 packs the structure
/// (include/uapi/linux/eventpoll.h).
pub(crate) fn epoll_event(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    let data = if view.abi == Abi::Aarch64 { 8 } else { 4 };
    out.push('{');
    member(out, "events");
    value::constant(view, ArgKind::Flags(&p::EPOLL), f.u32(0), out);
    out.push_str(", data={u32=");
    text::dec(out, f.u32(data));
    out.push_str(", u64=");
    text::dec(out, f.u64(data));
    out.push_str("}}");
}

/// Writes `[3 5]`: the descriptors of a set that are below `nfds`, the first argument.
pub(crate) fn fd_set(view: &View<'_>, bytes: &[u8], out: &mut String) {
    let n = usize::try_from(ArgKind::Int.count(view.arg(0))).unwrap_or(0);
    out.push('[');
    let mut first = true;
    for fd in (0..bytes.len().saturating_mul(8)).take(n) {
        if bytes.get(fd / 8).is_some_and(|byte| byte >> (fd % 8) & 1 != 0) {
            if !first {
                out.push(' ');
            }
            first = false;
            value::fd(view, fd as u64, out);
        }
    }
    out.push(']');
}

/// Writes the outcome after the result: `([{fd=3, revents=POLLIN}])`, `(in [3], left {...})` or
/// `(Timeout)`.
pub(crate) fn came(view: &View<'_>, outcome: Outcome, out: &mut String) {
    let polls = |arg: &Arg| matches!(arg.kind, ArgKind::Array(Layout::PollFd) | ArgKind::FdSet);
    let waits = |arg: &Arg| {
        let is_time = matches!(
            arg.kind,
            ArgKind::Struct(Layout::Timespec | Layout::Timespec64 | Layout::Timeval)
        );
        is_time && arg.mem.is_some_and(|mem| mem.dir == Dir::InOut)
    };
    let any_polls = view.row.args.iter().any(polls);
    if outcome.failed() || !any_polls && !view.row.args.iter().any(waits) {
        return;
    }
    if outcome.rval == 0 && any_polls {
        out.push_str(" (Timeout)");
        return;
    }
    let start = out.len();
    out.push_str(" (");
    let mut sets = ["in ", "out ", "except "].into_iter();
    for (i, arg) in view.row.args.iter().enumerate() {
        let word = if matches!(arg.kind, ArgKind::FdSet) {
            sets.next().unwrap_or_default()
        } else {
            "left "
        };
        if !polls(arg) && !waits(arg) {
            continue;
        }
        let Some(region) = view.region(i, Dir::Out).filter(|region| region.head.got > 0) else {
            continue;
        };
        let Some(bytes) = view.bytes(&region, usize::MAX) else { continue };
        let before = out.len();
        if before > start + 2 {
            out.push_str(", ");
        }
        let named = out.len();
        let shown = match arg.kind {
            ArgKind::Array(Layout::PollFd) => returned(view, &bytes, out),
            ArgKind::FdSet => {
                out.push_str(word);
                fd_set(view, &bytes, out);
                !out.ends_with("[]")
            }
            ArgKind::Struct(layout) => {
                out.push_str(word);
                layouts::structure(view, layout, &bytes, i, out)
            }
            _ => false,
        };
        if !shown || out.len() == named {
            out.truncate(before);
        }
    }
    if out.len() == start + 2 { out.truncate(start) } else { out.push(')') }
}

/// Writes the entries that have events.
fn returned(view: &View<'_>, bytes: &[u8], out: &mut String) -> bool {
    out.push('[');
    let mut first = true;
    for one in bytes.chunks_exact(8) {
        let f = Fields::new(view.abi, one);
        if f.u16(6) == 0 || f.i32(0) < 0 {
            continue;
        }
        out.push_str(if first { "{" } else { ", {" });
        first = false;
        member(out, "fd");
        value::fd(view, f.u32(0), out);
        member(out, "revents");
        value::constant(view, ArgKind::Flags(&p::POLL), f.u16(6), out);
        out.push('}');
    }
    out.push(']');
    true
}
