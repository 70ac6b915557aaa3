//! Arguments that a call shows in another way than their kind says.

use sysreel_abi::consts::{
    memory as memory_constants, poll as poll_constants, process as process_constants, security,
    uapi,
};
use sysreel_abi::{Abi, ArgKind, CallKind, Classes, Constants, Dir, Layout, Len, Mem};

use super::chunk::Chunk;
use super::fields::Fields;
use super::view::{Meaning, View};
use super::{
    bpf, file, fsconfig, futex, io_uring_register, ioctl, ipc, keys, layouts, netlink, perf, poll,
    prctl, process, quota, socket, sockopt, stat, string, syslog, value,
};
use crate::text;

/// Writes an argument that this call shows in another way than its kind says. Returns whether it
/// did.
pub(super) fn special_case(
    view: &View<'_>,
    i: usize,
    (kind, mem): Meaning,
    out: &mut String,
) -> bool {
    let value = view.arg(i);
    if let Some(is_written) = of_family(view, i, (kind, mem), out) {
        return is_written;
    }
    match (view.row.kind, kind) {
        (CallKind::Futex, _) if view.row.args.len() == 6 => return futex::argument(view, i, out),
        (CallKind::Stat, ArgKind::Flags(_)) if view.row.arg("mask") == Some(i + 1) => {
            stat::sync_flags(view, kind, value, out)
        }
        (CallKind::Mknod, ArgKind::FileMode) => mode_of_new(view, i, kind, out),
        (CallKind::Other, ArgKind::Flags(list)) if asks_for_personality(list, value) => {
            text::hex(out, value & 0xffff_ffff)
        }
        (_, ArgKind::QuotaCommand) => quota::command(view, value & 0xffff_ffff, out),
        (CallKind::Rseq, ArgKind::Uint) => text::hex(out, value & 0xffff_ffff),
        (_, ArgKind::Half) => split_number(view, i, out),
        (CallKind::Multiplexed, ArgKind::Enum(list)) => return ipc::multiplexer(list, value, out),
        (CallKind::Multiplexed, ArgKind::Addr) => text::hex(out, value),
        _ if of_numbers(view, i, kind, out) => {}
        _ if value == 0 => return false,
        (_, ArgKind::Buf) if matches!(mem.map(|mem| mem.len), Some(Len::Pages(_))) => {
            return process::pages(view, i, out);
        }
        (_, ArgKind::Buf) if has_attributes(view, i) => return attributes(view, i, out),
        // The kernel copies no more than its buffer of 256 bytes holds.
        (_, ArgKind::Str)
            if view.row.arg("magic2").is_some() || view.row.arg("u_name") == Some(i) =>
        {
            return string::name(view, i, 255, out);
        }
        (_, ArgKind::Buf) if is_long_name(view, i) => text::pointer(out, value),
        (_, ArgKind::Struct(Layout::MmapArgs)) => return mapping(view, i, out),
        // rseq(2) registers the area for later use by the kernel: its contents are not an argument.
        (CallKind::Rseq, ArgKind::Buf) => text::pointer(out, value),
        (CallKind::ReadDir, ArgKind::Buf) => file::directory(view, i, out),
        (CallKind::Pair, ArgKind::Buf) => return socket::fd_pair(view, i, out),
        (_, ArgKind::Buf)
            if view.row.args.iter().any(|arg| matches!(arg.kind, ArgKind::SockOpt)) =>
        {
            return sockopt::option(view, i, mem, out);
        }
        // The kernel ignores it.
        (_, ArgKind::Struct(Layout::EpollEvent)) if removes(view) => text::pointer(out, value),
        // A call that fails has read these, but its outcome does not depend on them.
        (CallKind::Poll, ArgKind::Struct(_)) if is_failed_wait(view) => text::pointer(out, value),
        (CallKind::MakeFd, ArgKind::Str) if view.row.class.intersects(Classes::MEMORY) => {
            return string::name(view, i, 250, out);
        }
        // The kernel refuses more (KEXEC_SEGMENT_MAX, NGROUPS_MAX, XATTR_SIZE_MAX).
        (_, ArgKind::Array(Layout::KexecSegment)) if view.arg(1) > 16 => text::pointer(out, value),
        (_, ArgKind::Array(_)) if has_too_many_groups(view) => text::pointer(out, value),
        (CallKind::SetXattr, ArgKind::Buf) if view.arg(3) > 65536 => text::pointer(out, value),
        (CallKind::SetXattr, ArgKind::Buf) => return string::without_nul(view, i, out),
        // No room: the result is how much there must be.
        (_, ArgKind::Buf) if view.row.arg("list") == Some(i) && asks_for_size(view, i) => {
            text::pointer(out, value)
        }
        (CallKind::Poll, _) if mem.is_some_and(|mem| mem.dir == Dir::InOut) => {
            waited_for(view, i, kind, out)
        }
        _ => return false,
    }
    true
}

/// Writes an argument whose meaning other arguments decide. Returns whether it did.
fn of_numbers(view: &View<'_>, i: usize, kind: ArgKind, out: &mut String) -> bool {
    let value = view.arg(i);
    match kind {
        ArgKind::Enum(list) if std::ptr::eq(list, &security::KEY_DEFAULT) => {
            value::decimal(view, list, value, out);
        }
        ArgKind::Flags(list) if has_unknown_policy(list, value) => {
            value::unknown(view, list, value & 0xffff_ffff, out);
        }
        // The 32-bit call knows no 64-bit locks (compat_sys_fcntl, fs/fcntl.c).
        ArgKind::Struct(Layout::Flock64) if has_no_wide_locks(view) => text::pointer(out, value),
        _ if view.row.arg("arg5").is_some() => return keys::argument(view, i, out),
        _ if is_registration(view, i) => return io_uring_register::argument(view, out),
        _ if view.row.arg("_key").is_some() => return fsconfig::argument(view, i, out),
        _ => return false,
    }
    true
}

/// Writes an argument of a family of calls that has a file of its own. Returns whether it did;
/// `None` if the kind of the argument decides.
fn of_family(view: &View<'_>, i: usize, (kind, mem): Meaning, out: &mut String) -> Option<bool> {
    let value = view.arg(i);
    if syslog::argument(view, i, kind, out) {
        return Some(true);
    }
    let is_control = matches!(view.row.kind, CallKind::Prctl | CallKind::ArchState);
    if is_control && prctl::argument(view, i, (kind, mem), out) {
        return Some(true);
    }
    if view.row.kind == CallKind::Ioctl && i == 2 && ioctl::argument(view, out) {
        return Some(true);
    }
    if view.row.kind == CallKind::ArchState && matches!(mem, Some(Mem { dir: Dir::Out, .. })) {
        let is_number = matches!(kind, ArgKind::Struct(Layout::Word | Layout::U64));
        return Some(is_number && value != 0 && prctl::arch_stored(view, i, out));
    }
    let dir = mem.map_or(Dir::In, |mem| mem.dir);
    match kind {
        ArgKind::Buf if value == 0 => None,
        ArgKind::Buf if matches!(mem.map(|mem| mem.len), Some(Len::MsgBuf(_))) => {
            Some(ipc::message(view, i, dir, out))
        }
        ArgKind::Buf if view.netlink.is_some() => Some(netlink_buffer(view, i, dir, out)),
        _ => None,
    }
}

/// Whether flags hold a scheduling policy that has no name.
fn has_unknown_policy(list: &'static Constants, value: u64) -> bool {
    std::ptr::eq(list, &process_constants::SCHED_SET)
        && list.fields.iter().any(|field| {
            let part = value & 0xffff_ffff & field.mask;
            !field.items.iter().any(|(_, known)| *known == part)
        })
}

/// Whether an argument is what io_uring_register(2) passes.
fn is_registration(view: &View<'_>, i: usize) -> bool {
    i == 2 && view.row.arg("nr_args") == Some(3)
}

/// Whether the commands of 64-bit locks are refused.
fn has_no_wide_locks(view: &View<'_>) -> bool {
    const WIDE: std::ops::RangeInclusive<u64> = 12..=14;
    view.row.kind == CallKind::Fcntl
        && view.abi == Abi::I386
        && view.row.name == "fcntl"
        && WIDE.contains(&(view.arg(1) & 0xffff_ffff))
}

/// Whether setgroups(2) is given more groups than NGROUPS_MAX.
fn has_too_many_groups(view: &View<'_>) -> bool {
    let size = view.row.arg("gidsetsize").filter(|_| view.row.kind == CallKind::SetCreds);
    size.is_some_and(|size| ArgKind::Int.count(view.arg(size)) > 65536)
}

/// Writes the buffer of a netlink socket. Returns whether it has one.
fn netlink_buffer(view: &View<'_>, i: usize, dir: Dir, out: &mut String) -> bool {
    let Some(protocol) = view.netlink else { return false };
    if dir == Dir::Out && view.outcome.is_some_and(|outcome| outcome.failed()) {
        return false;
    }
    let Some(region) = view.region(i, dir).filter(|region| region.head.asked > 0) else {
        return false;
    };
    let Some(bytes) = view.bytes(&region, usize::MAX) else { return false };
    let len = usize::try_from(region.head.asked).unwrap_or(usize::MAX);
    let chunk = Chunk { address: view.arg(i), bytes: &bytes, len, depth: 0 };
    netlink::messages(view, protocol, chunk, out);
    true
}

/// Writes the mode of a new node.
fn mode_of_new(view: &View<'_>, i: usize, kind: ArgKind, out: &mut String) {
    let mode = view.arg(i);
    value::value(view, kind, i, mode, out);
    // The permissions are an argument, unlike those of a file that exists.
    if mode & 0o7777 == 0 && out.ends_with(|c: char| c.is_ascii_uppercase()) {
        out.push_str("|000");
    }
}

/// Whether personality(2) only returns the personality: it has a value that changes nothing.
fn asks_for_personality(list: &Constants, value: u64) -> bool {
    std::ptr::eq(list, &process_constants::PERSONALITY) && value & 0xffff_ffff == 0xffff_ffff
}

/// Whether the argument that follows a buffer, its size, is 0.
fn asks_for_size(view: &View<'_>, i: usize) -> bool {
    view.arg(i + 1) == 0
}

/// Writes the arguments that i386's old mmap(2) takes in memory as if they were in registers.
fn mapping(view: &View<'_>, i: usize, out: &mut String) -> bool {
    let given = view.given(i).and_then(|region| view.bytes(&region, usize::MAX));
    let Some(bytes) = given.filter(|bytes| bytes.len() >= 6 * usize::from(view.abi.word())) else {
        return false;
    };
    let f = Fields::new(view.abi, &bytes);
    text::pointer(out, f.ulong(0));
    out.push_str(", ");
    text::dec(out, f.ulong(1));
    for (i, list) in [(2, &memory_constants::PROT), (3, &memory_constants::MAP)] {
        out.push_str(", ");
        value::constant(view, ArgKind::Flags(list), f.ulong(i), out);
    }
    out.push_str(", ");
    value::fd(view, f.ulong(4), out);
    out.push_str(", ");
    text::hex(out, f.ulong(5));
    true
}

/// Whether a buffer is a name of the machine that the kernel refuses (__NEW_UTS_LEN).
fn is_long_name(view: &View<'_>, i: usize) -> bool {
    let is_name = view.row.class.intersects(Classes::SYSTEM) && view.row.arg("name") == Some(i);
    is_name && view.row.args.len() == 2 && ArgKind::Int.count(view.arg(1)) > 64
}

/// Whether epoll_ctl(2) removes a descriptor.
fn removes(view: &View<'_>) -> bool {
    let name =
        poll_constants::EPOLL_CTL.items.iter().find(|(_, op)| *op == view.arg(1) & 0xffff_ffff);
    matches!(name, Some(("EPOLL_CTL_DEL", _)))
}

fn is_failed_wait(view: &View<'_>) -> bool {
    let waits = |kind| matches!(kind, ArgKind::Array(Layout::EpollEvent));
    view.outcome.is_some_and(|outcome| outcome.failed())
        && view.row.args.iter().any(|arg| waits(arg.kind))
}

/// Writes what poll(2) or select(2) waits for. The outcome follows the result.
fn waited_for(view: &View<'_>, i: usize, kind: ArgKind, out: &mut String) {
    let Some(region) = view.region(i, Dir::In) else {
        match kind {
            ArgKind::Array(_) if view.arg(1) == 0 => out.push_str("[]"),
            _ => text::pointer(out, view.arg(i)),
        }
        return;
    };
    let bytes = view.bytes(&region, usize::MAX).filter(|_| region.head.got > 0);
    let shown = match (bytes, kind) {
        (Some(bytes), ArgKind::Array(layout)) => {
            layouts::array_region(view, layout, &bytes, &region, i, out)
        }
        (Some(bytes), ArgKind::Struct(layout)) => layouts::structure(view, layout, &bytes, i, out),
        // The sets of the C library have 128 bytes, and more descriptors are usually meant as no
        // limit.
        (Some(_), ArgKind::FdSet) if region.head.got < region.head.asked.min(128) => false,
        (Some(bytes), ArgKind::FdSet) => {
            poll::fd_set(view, &bytes, out);
            true
        }
        _ => false,
    };
    if !shown {
        view.unreadable(i, &region, out);
    }
}

/// Writes a number that 32-bit ABIs pass in two registers: low half first, unless the argument's
/// name says `_high`.
fn split_number(view: &View<'_>, i: usize, out: &mut String) {
    let (first, second) = (view.arg(i), view.arg(i + 1));
    if view.abi != Abi::I386 {
        return text::sdec(out, first.cast_signed());
    }
    let upper_first = view.row.args.get(i).is_some_and(|arg| arg.name.ends_with("_high"));
    let (low, high) = if upper_first { (second, first) } else { (first, second) };
    let number = high << 32 | low & 0xffff_ffff;
    // Not all are places in a file.
    match view.row.args.get(i).map_or("", |arg| arg.name) {
        name if name.starts_with("mask") => {
            value::constant(view, ArgKind::Flags(&uapi::FANOTIFY_MASK), number, out);
        }
        name if name.starts_with("cookie") => text::dec(out, number),
        _ => text::sdec(out, number.cast_signed()),
    }
}

/// Whether an argument is the attributes of perf_event_open(2) or bpf(2), which have no layout.
pub(super) fn has_attributes(view: &View<'_>, i: usize) -> bool {
    ["attr_uptr", "uattr"].iter().any(|name| view.row.arg(name) == Some(i))
}

fn attributes(view: &View<'_>, i: usize, out: &mut String) -> bool {
    if view.row.arg("uattr") == Some(i) {
        return bpf::attributes(view, i, out);
    }
    if !perf::attributes(view, i, out) {
        text::pointer(out, view.arg(i));
    }
    true
}
