//! The outcome of poll(2) and select(2), after their result.

use sysreel_abi::consts::poll as p;
use sysreel_abi::{Arg, ArgKind, Dir, Layout};

use super::fields::Fields;
use super::out::member;
use super::poll::fd_set;
use super::view::View;
use super::{layouts, value};
use crate::style::Arguments;
use sysreel_format::syscall_info::Outcome;

/// Writes the outcome after the result: `([{fd=3, revents=POLLIN}])`, `(in [3], left {...})` or
/// `(Timeout)`.
pub(super) fn ready(view: &View<'_>, outcome: Outcome, out: &mut String) {
    let polls = |arg: &Arg| matches!(arg.kind, ArgKind::Array(Layout::PollFd) | ArgKind::FdSet);
    let waits = |arg: &Arg| {
        let is_time = matches!(
            arg.kind,
            ArgKind::Struct(Layout::Timespec | Layout::Timespec64 | Layout::Timeval)
        );
        is_time && arg.mem.is_some_and(|mem| mem.dir == Dir::InOut)
    };
    let any_polls = view.row.args.iter().any(polls);
    if view.options.arguments == Arguments::Addresses {
        return;
    }
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
            ArgKind::Array(Layout::PollFd) => ready_entries(view, &bytes, out),
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
    if out.len() == start + 2 && !any_polls { out.truncate(start) } else { out.push(')') }
}

/// Writes the entries that have events.
fn ready_entries(view: &View<'_>, bytes: &[u8], out: &mut String) -> bool {
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
