//! Structures and arrays of them: dispatches on the layout that the table gives an argument.

use sysreel_abi::consts::{self, memory, security, uapi};
use sysreel_abi::errno::errno_name;
use sysreel_abi::{ArgKind, CallKind, Layout};

use super::fields::Fields;
use super::out::{beyond, member, unreadable_rest};
use super::view::View;
use super::{
    aio, classic_bpf, file, io_uring, machine, poll, process, signal, signal_set, stat, structures,
    time, traced, value,
};
use crate::regions::RegionView;
use crate::text;

/// Writes a structure. Returns false, and writes nothing, if there are too few bytes or its members
/// are unknown; the caller then shows the address.
pub(crate) fn structure(
    view: &View<'_>,
    layout: Layout,
    bytes: &[u8],
    i: usize,
    out: &mut String,
) -> bool {
    use Layout as L;
    let least = match layout {
        // The caller chooses the size: at least that of the first version of each structure.
        L::CloneArgs => 64,
        L::SchedAttr => 4,
        L::PtraceSyscallInfo => 1,
        L::MountAttr => 32,
        L::SigEvent => 2 * usize::from(view.abi.word()) + 8,
        // What the kernel reads and writes of it; the rest is padding.
        L::SigInfo => 48,
        L::LandlockRuleset => 8,
        L::SigSet => 1,
        other => usize::try_from(other.size(view.abi)).unwrap_or(usize::MAX),
    };
    if bytes.len() < least {
        return false;
    }
    let f = Fields::new(view.abi, bytes);
    match layout {
        L::Stat | L::Stat64 | L::OldStat => stat::stat(view, layout, f, out),
        L::Statx => stat::statx(view, f, out),
        L::Statfs | L::Statfs64 => stat::statfs(layout, f, out),
        L::OpenHow => stat::open_how(view, i, f, out),
        L::Timespec => time::timespec_at(f, 0, out),
        L::Timespec64 => time::timespec64_at(f, 0, out),
        L::Timeval => time::timeval_at(f, 0, out),
        L::Timezone => time::timezone(f, out),
        L::Itimerval => time::timer(time::timeval_at, f, out),
        L::Itimerspec => time::timer(time::timespec_at, f, out),
        L::Itimerspec64 => time::timer(time::timespec64_at, f, out),
        L::Timex | L::Timex64 => time::timex(view, f, out),
        L::Utimbuf => time::utimbuf(f, out),
        L::Tms => time::tms(view, f, out),
        L::Rusage => process::rusage(view, f, out),
        L::Rlimit => process::rlimit(view, f, false, out),
        L::Rlimit64 => process::rlimit(view, f, true, out),
        L::CloneArgs => process::clone_args(view, i, f, out),
        L::SigAction => signal::action(view, f, out),
        L::OldSigAction => signal::old_action(view, f, out),
        L::SigStack => signal::stack(view, f, out),
        L::SigEvent => signal::sigevent(view, f, out),
        L::SigInfo => signal::siginfo(f, out),
        L::WaitInfo => signal::waitid_info(f, out),
        L::SigSet | L::OldSigSet => signal_set::set(bytes, out),
        L::SigSetArg | L::AioSigSet => sized_signal_set(view, i, f, out),
        L::PollFd => poll::pollfd(view, f, out),
        L::EpollEvent => poll::epoll_event(view, f, out),
        L::UtsName => machine::utsname(view, f, 65, out),
        L::OldUtsName => machine::utsname(view, f, 65, out),
        L::OldOldUtsName => machine::utsname(view, f, 9, out),
        L::SysInfo => machine::sysinfo(f, out),
        L::Termios | L::Termios2 => machine::termios(view, f, out),
        L::Termio => machine::termio(view, f, out),
        L::WinSize => machine::winsize(f, out),
        L::CapHeader => machine::cap_header(f, out),
        L::CapData => machine::cap_data(view, f, out),
        L::Flock | L::Flock64 => file::flock(view, layout, f, out),
        L::Iocb => aio::control_block(view, None, f, out),
        L::IoUringParams => io_uring::parameters(view, bytes, out),
        _ => return other(view, layout, f, i, out),
    }
    true
}

/// Writes a structure of one call, or one that is a table of members.
fn other(view: &View<'_>, layout: Layout, f: Fields<'_>, i: usize, out: &mut String) -> bool {
    use Layout as L;
    let is_given = view.meaning(i).1.is_some_and(|mem| mem.dir == sysreel_abi::Dir::In);
    if is_given && structures::set_object(view, layout, f, out) {
        return true;
    }
    match layout {
        L::TimeT => {
            out.push('[');
            text::sdec(out, f.klong(0));
            time::date_comment(f.klong(0), 0, out);
            out.push(']');
        }
        L::SchedParam => {
            out.push('[');
            text::sdec(out, f.i32(0));
            out.push(']');
        }
        L::SeccompAction => listed(view, ArgKind::Enum(&security::SECCOMP_ACTION), f, out),
        L::FileAttributes => listed(view, ArgKind::Flags(&consts::file::ATTRIBUTES), f, out),
        L::Policy => listed(view, ArgKind::Flags(&memory::POLICY), f, out),
        L::QuotaFormat => listed(view, ArgKind::Enum(&uapi::QUOTA_FORMAT), f, out),
        L::XfsQuotaFlags => listed(view, ArgKind::Flags(&uapi::XFS_QUOTA), f, out),
        L::XfsQuotaType => listed(view, ArgKind::Flags(&uapi::XFS_QUOTA_TYPE), f, out),
        L::PageStatus => page_status(view, f, out),
        L::PtraceSyscallInfo => traced::syscall_info(view, f, out),
        L::SockFprog => classic_bpf::program(view, i, f, out),
        L::SockFilter => classic_bpf::instruction(view, f, out),
        L::SchedAttr => process::sched_attr(view, i, f, out),
        L::MountAttr | L::LandlockRuleset => {
            structures::structure(view, layout, f, out);
            out.pop();
            let known = usize::try_from(layout.size(view.abi)).unwrap_or(usize::MAX);
            let start = out.len();
            beyond(f.bytes, known, view.given(i).as_ref(), out);
            if layout == L::LandlockRuleset && out.ends_with(", ???") {
                out.replace_range(start.., ", ...");
            }
            out.push('}');
        }
        _ => {
            return structures::structure(view, layout, f, out) || bracketed_scalar(layout, f, out);
        }
    }
    true
}

fn listed(view: &View<'_>, kind: ArgKind, f: Fields<'_>, out: &mut String) {
    out.push('[');
    value::constant(view, kind, f.u32(0), out);
    out.push(']');
}

/// Writes a memory node or a negated error number.
fn page_status(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    let status = f.i32(0);
    let name = i32::try_from(-status).ok().filter(|n| *n > 0).and_then(errno_name);
    match name {
        Some(name) => {
            value::named(view, &|out| text::sdec(out, status), &format!("-{name}"), out);
        }
        None => text::sdec(out, status),
    }
}

fn bracketed_scalar(layout: Layout, f: Fields<'_>, out: &mut String) -> bool {
    let start = out.len();
    out.push('[');
    let known = scalar(layout, f, out);
    if known {
        out.push(']')
    } else {
        out.truncate(start)
    }
    known
}

/// Writes a number that an argument points to.
fn scalar(layout: Layout, f: Fields<'_>, out: &mut String) -> bool {
    use Layout as L;
    match layout {
        L::Byte => text::dec(out, f.u8(0)),
        L::Uid16 if f.u16(0) == 0xffff => out.push_str("-1"),
        L::U16 | L::Uid16 => text::dec(out, f.u16(0)),
        L::Int => text::sdec(out, f.i32(0)),
        L::U32 => text::dec(out, f.u32(0)),
        L::Uid => value::uid(f.u32(0), out),
        L::U64 => text::dec(out, f.u64(0)),
        L::Word => text::hex(out, f.ulong(0)),
        L::Loff => text::sdec(out, f.i64(0)),
        L::OffT | L::SizeT => {
            text::dec(out, if layout == L::OffT { f.kulong(0) } else { f.ulong(0) })
        }
        L::TimeT => text::sdec(out, f.klong(0)),
        _ => return false,
    }
    true
}

/// Writes a structure that the call reads and writes; numbers as `[before => after]` where they
/// differ.
pub(crate) fn changed(
    view: &View<'_>,
    layout: Layout,
    before: Option<&[u8]>,
    bytes: &[u8],
    i: usize,
    out: &mut String,
) -> bool {
    use Layout as L;
    let before = before.filter(|before| *before != bytes && before.len() == bytes.len());
    let f = |bytes| Fields::new(view.abi, bytes);
    match (layout, before) {
        (L::U32 | L::Int | L::U64, Some(before)) => {
            out.push('[');
            scalar(layout, f(before), out);
            out.push_str(" => ");
            scalar(layout, f(bytes), out);
            out.push(']');
            true
        }
        (L::Loff | L::OffT, Some(before)) => {
            bracketed_scalar(layout, f(before), out);
            out.push_str(" => ");
            bracketed_scalar(layout, f(bytes), out)
        }
        (L::SchedAttr, Some(before)) => {
            structure(view, layout, before, i, out);
            out.push_str(" => {size=");
            text::dec(out, f(bytes).u32(0));
            out.push('}');
            true
        }
        // The remaining time follows the result.
        (L::Timespec | L::Timespec64 | L::Timeval, Some(before)) => {
            structure(view, layout, before, i, out)
        }
        _ => structure(view, layout, bytes, i, out),
    }
}

/// Writes an array as far as it could be read.
pub(crate) fn array_region(
    view: &View<'_>,
    layout: Layout,
    bytes: &[u8],
    region: &RegionView<'_>,
    i: usize,
    out: &mut String,
) -> bool {
    // The two times of a file are one structure.
    let is_short = (bytes.len() as u64) < region.head.asked && !region.is_cut();
    if view.row.kind == CallKind::Utime && is_short {
        return false;
    }
    let one = usize::try_from(layout.size(view.abi)).unwrap_or(usize::MAX);
    if is_short && bytes.len() < one {
        return false;
    }
    let known = array(view, layout, bytes, region.is_cut(), i, out);
    if known {
        unreadable_rest(region, out);
    }
    known
}

/// The kernel takes no more (FUTEX_WAITV_MAX, linux/futex.h).
const MOST_FUTEXES: usize = 128;

/// Writes an array of structures or numbers. Returns false if the elements are unknown.
pub(crate) fn array(
    view: &View<'_>,
    layout: Layout,
    bytes: &[u8],
    cut: bool,
    i: usize,
    out: &mut String,
) -> bool {
    let start = out.len();
    let size = usize::try_from(layout.size(view.abi)).unwrap_or(1).max(1);
    // Version 2 and 3 capabilities are two structures that make up one set.
    if layout == Layout::CapData {
        machine::cap_data(view, Fields::new(view.abi, bytes), out);
        return true;
    }
    out.push('[');
    for (n, one) in bytes.chunks(size).enumerate() {
        if n > 0 {
            out.push_str(", ");
        }
        let is_beyond = layout == Layout::FutexWaitv && n >= MOST_FUTEXES;
        if n >= view.options.string_limit && !view.options.verbose || one.len() < size || is_beyond
        {
            out.push_str("...");
            break;
        }
        let f = Fields::new(view.abi, one);
        let known = match layout {
            Layout::Timespec | Layout::Timespec64 if view.row.kind == CallKind::Utime => {
                time::file_time(view, f, 0, layout == Layout::Timespec64, out);
                true
            }
            Layout::Timeval if view.row.kind == CallKind::Utime => {
                time::old_file_time(f, out);
                true
            }
            _ => scalar(layout, f, out) || structure(view, layout, one, i, out),
        };
        if !known {
            out.truncate(start);
            return false;
        }
    }
    if cut {
        out.push_str(", ...");
    }
    out.push(']');
    true
}

/// Writes the pointer to a signal set and its size that pselect6(2) and io_pgetevents(2) take.
fn sized_signal_set(view: &View<'_>, i: usize, f: Fields<'_>, out: &mut String) {
    out.push('{');
    member(out, "sigmask");
    let region = view.nested(i, 1, 0, sysreel_abi::Dir::In);
    let (size, word) = (f.ulong(1), f.word() as u64);
    let is_size = size >= word && size <= 8 && size.is_multiple_of(word);
    match region.filter(|_| is_size).and_then(|region| view.bytes(&region, 8)) {
        Some(bytes) if bytes.len() as u64 >= size => signal_set::set(&bytes, out),
        _ => text::pointer(out, f.ulong(0)),
    }
    member(out, "sigsetsize");
    text::dec(out, f.ulong(1));
    out.push('}');
}
