//! Waiting for file descriptors: poll(2), select(2) and epoll(7).

use sysreel_abi::consts::poll as p;
use sysreel_abi::{Abi, ArgKind};

use super::fields::Fields;
use super::out::member;
use super::value;
use super::view::View;
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
    /// No process has more descriptors by default (NR_OPEN_DEFAULT of fs.nr_open, fs/file.c), and
    /// the kernel reads the sets only as far as it has.
    const MOST: usize = 1 << 20;
    let n = usize::try_from(ArgKind::Int.count(view.arg(0))).unwrap_or(0).min(MOST);
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
