//! The argument of ioctl(2), by request: what each request of a family passes is a row of a table.
//! The sizes and directions come from the row of the capture (`sysreel_abi`).

mod clock;
mod console;
mod controls;
mod disk;
mod flash;
mod form;
mod gpio;
mod input;
mod interface;
mod keyboard;
mod notify;
mod tee;
mod video;

use sysreel_abi::consts::drivers as d;
use sysreel_abi::{Abi, ArgKind, Dir, render};

use super::chunk::Chunk;
use super::fields::Fields;
use super::members::{self, Member, fixed, m};
use super::shape::{self, Field, Shape};
use super::view::View;
use super::{machine, perf, string, value};
use crate::style::Arguments;
use crate::text;

use ArgKind::{Fd, Flags, Hex, Int, Long, Uint, Ulong};
use form::Form::{
    self, Answered, Exchanged, Head, Members, Nothing, Number, Pointer, Range, Shaped, Single,
    Terminal, Value, Wide, Written,
};
use members::Width::{Eight, Four, One, Two};

/// struct fiemap without its extents.
const FIEMAP: &[Member] = &[
    fixed("fm_start", 0, Eight, Ulong),
    fixed("fm_length", 8, Eight, Ulong),
    fixed("fm_flags", 16, Four, Flags(&d::FIEMAP)),
    fixed("fm_extent_count", 24, Four, Uint),
];
macro_rules! ranged {
    ($flags:expr $(, $more:expr)*) => {
        &[
            ("range", 0, Shape::Members(&[
                ("start", 0, Shape::Hex(8)),
                ("len", 8, Shape::Hex(8)),
            ])),
            ("mode", 16, Shape::Flags(8, $flags)),
            $($more)*
        ]
    };
}
macro_rules! copy {
    ($($more:expr)*) => {
        &[
            ("dst", 0, Shape::Hex(8)),
            ("src", 8, Shape::Hex(8)),
            ("len", 16, Shape::Hex(8)),
            ("mode", 24, Shape::Flags(8, &d::UFFD_COPY)),
            $($more)*
        ]
    };
}
const REGISTER: &[Field] = ranged!(&d::UFFD_REGISTER);
const REGISTERED: &[Field] =
    ranged!(&d::UFFD_REGISTER, ("ioctls", 24, Shape::Bits(8, &notify::FAULT_IOCTLS, "_UFFDIO_")));
const COPY: &[Field] = copy!();
const COPIED: &[Field] = copy!(("copy", 32, Shape::Hex(8)));
const ZEROPAGE: &[Field] = ranged!(&d::UFFD_ZEROPAGE);
const ZEROED: &[Field] = ranged!(&d::UFFD_ZEROPAGE, ("zeropage", 24, Shape::Hex(8)));
/// struct rtc_time.
const RTC_TIME: &[Member] = &[
    fixed("tm_sec", 0, Four, Int),
    fixed("tm_min", 4, Four, Int),
    fixed("tm_hour", 8, Four, Int),
    fixed("tm_mday", 12, Four, Int),
    fixed("tm_mon", 16, Four, Int),
    fixed("tm_year", 20, Four, Int),
    members::REST,
    fixed("tm_wday", 24, Four, Int),
    fixed("tm_yday", 28, Four, Int),
    fixed("tm_isdst", 32, Four, Int),
];
const RTC_ALARM: &[Member] = &[
    fixed("enabled", 0, One, Uint),
    fixed("pending", 1, One, Uint),
    members::nested("time", 4, RTC_TIME),
];
const RTC_PLL: &[Member] = &[
    fixed("pll_ctrl", 0, Four, Int),
    fixed("pll_value", 4, Four, Int),
    fixed("pll_max", 8, Four, Int),
    fixed("pll_min", 12, Four, Int),
    fixed("pll_posmult", 16, Four, Int),
    fixed("pll_negmult", 20, Four, Int),
    m("pll_clock", (24, 24), members::Width::Word, Long),
];
/// struct blk_user_trace_setup, after the name of the trace.
const TRACE: &[Member] = &[
    fixed("act_mask", 32, Two, Uint),
    fixed("buf_size", 36, Four, Uint),
    fixed("buf_nr", 40, Four, Uint),
    m("start_lba", (48, 44), Eight, Ulong),
    m("end_lba", (56, 52), Eight, Ulong),
    m("pid", (64, 60), Four, Uint),
];

const PERF: Form = Value(Flags(&d::PERF_IOC));
const MODEM: Form = Number(Flags(&d::MODEM));
const INT: Form = Value(Int);
const ULONG: Form = Value(Ulong);

/// Requests by name: the package has their numbers.
#[rustfmt::skip]
const FORMS: &[(&str, Form)] = &[
    ("FIOCLEX", Nothing), ("FIONCLEX", Nothing), ("TIOCNOTTY", Nothing), ("TIOCEXCL", Nothing),
    ("TIOCNXCL", Nothing), ("TIOCSBRK", Nothing), ("TIOCCBRK", Nothing),
    ("NS_GET_USERNS", Nothing), ("NS_GET_PARENT", Nothing), ("NS_GET_NSTYPE", Nothing),
    ("TIOCMGET", MODEM), ("TIOCMSET", MODEM), ("TIOCMBIS", MODEM), ("TIOCMBIC", MODEM),
    ("TCGETS2", Terminal), ("TCSETS2", Terminal), ("TCSETSW2", Terminal), ("TCSETSF2", Terminal),
    ("FS_IOC_FIEMAP", Head(32, FIEMAP)),
    ("UFFDIO_API", Form::Call(notify::faults)), ("UFFDIO_REGISTER", Form::Exchanged(REGISTER,
        REGISTERED, 32)),
    ("UFFDIO_COPY", Form::Exchanged(COPY, COPIED, 40)),
    ("UFFDIO_ZEROPAGE", Form::Exchanged(ZEROPAGE, ZEROED, 32)),
    ("INOTIFY_IOC_SETNEXTWD", INT),
    ("BLKRASET", ULONG), ("BLKFRASET", ULONG), ("BLKFRAGET", Value(ArgKind::Ptr)),
    ("BLKDISCARDZEROES", Value(ArgKind::Ptr)), ("BLKDISCARD", Range), ("BLKSECDISCARD", Range),
    ("BLKZEROOUT", Range), ("BLKRRPART", Nothing), ("BLKFLSBUF", Nothing),
    ("BLKTRACESETUP", Members(TRACE)), ("BLKTRACESTART", Nothing), ("BLKTRACESTOP", Nothing),
    ("BLKTRACETEARDOWN", Nothing),
    ("LOOP_SET_FD", Value(Fd)), ("LOOP_CHANGE_FD", Value(Fd)), ("LOOP_CLR_FD", Nothing),
    ("LOOP_SET_CAPACITY", Nothing), ("LOOP_SET_DIRECT_IO", ULONG), ("LOOP_SET_BLOCK_SIZE", ULONG),
    ("LOOP_CTL_ADD", INT), ("LOOP_CTL_REMOVE", INT), ("LOOP_CTL_GET_FREE", Nothing),
    ("NBD_DISCONNECT", Nothing), ("NBD_CLEAR_SOCK", Nothing), ("NBD_DO_IT", Nothing),
    ("NBD_CLEAR_QUE", Nothing), ("NBD_PRINT_DEBUG", Nothing), ("NBD_SET_SOCK", Value(Fd)),
    ("NBD_SET_BLKSIZE", ULONG), ("NBD_SET_SIZE", ULONG), ("NBD_SET_SIZE_BLOCKS", ULONG),
    ("NBD_SET_TIMEOUT", ULONG), ("NBD_SET_FLAGS", Value(Flags(&d::NBD))),
    ("PERF_EVENT_IOC_ENABLE", PERF), ("PERF_EVENT_IOC_DISABLE", PERF),
    ("PERF_EVENT_IOC_RESET", PERF), ("PERF_EVENT_IOC_REFRESH", INT),
    ("PERF_EVENT_IOC_PERIOD", Wide(Ulong)), ("PERF_EVENT_IOC_ID", Wide(Ulong)),
    ("PERF_EVENT_IOC_SET_FILTER", Form::Call(filter)),
    ("PERF_EVENT_IOC_QUERY_BPF", Form::Call(programs)),
    ("PERF_EVENT_IOC_MODIFY_ATTRIBUTES", Form::Call(attributes)),
    ("PERF_EVENT_IOC_SET_OUTPUT", Value(Fd)), ("PERF_EVENT_IOC_PAUSE_OUTPUT", ULONG),
    ("RNDGETENTCNT", Number(Int)), ("RNDADDTOENTCNT", Number(Int)), ("RNDZAPENTCNT", Nothing),
    ("RNDCLEARPOOL", Nothing), ("RNDRESEEDCRNG", Nothing),
    ("RTC_AIE_ON", Nothing), ("RTC_AIE_OFF", Nothing), ("RTC_PIE_ON", Nothing),
    ("RTC_PIE_OFF", Nothing), ("RTC_UIE_ON", Nothing), ("RTC_UIE_OFF", Nothing),
    ("RTC_WIE_ON", Nothing), ("RTC_WIE_OFF", Nothing), ("RTC_VL_CLR", Nothing),
    ("RTC_EPOCH_SET", ULONG), ("RTC_IRQP_SET", ULONG), ("RTC_ALM_SET", Members(RTC_TIME)),
    ("RTC_ALM_READ", Members(RTC_TIME)), ("RTC_SET_TIME", Members(RTC_TIME)),
    ("RTC_RD_TIME", Members(RTC_TIME)), ("RTC_WKALM_SET", Members(RTC_ALARM)),
    ("RTC_WKALM_RD", Members(RTC_ALARM)), ("RTC_PLL_SET", Members(RTC_PLL)),
    ("RTC_PLL_GET", Members(RTC_PLL)),
    ("WDIOC_GETSTATUS", Number(Int)), ("WDIOC_GETBOOTSTATUS", Number(Int)),
    ("WDIOC_GETTEMP", Number(Int)), ("WDIOC_GETTIMEOUT", Number(Int)),
    ("WDIOC_GETPRETIMEOUT", Number(Int)), ("WDIOC_GETTIMELEFT", Number(Int)),
    ("WDIOC_SETTIMEOUT", Number(Int)), ("WDIOC_SETPRETIMEOUT", Number(Int)),
    ("WDIOC_KEEPALIVE", Nothing),
    ("BTRFS_IOC_TRANS_START", Nothing), ("BTRFS_IOC_TRANS_END", Nothing),
    ("BTRFS_IOC_SYNC", Nothing), ("BTRFS_IOC_WAIT_SYNC", Wide(Ulong)),
    ("BTRFS_IOC_BALANCE_CTL", INT), ("BTRFS_IOC_DEFAULT_SUBVOL", Wide(Ulong)),
    ("BTRFS_IOC_QUOTA_RESCAN_WAIT", Nothing), ("BTRFS_IOC_SCRUB_CANCEL", Nothing),
];

/// A string that the kernel reads to its NUL.
fn filter(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    let text = text::until_nul(chunk.bytes);
    let is_ended = text.len() < chunk.bytes.len();
    if is_ended {
        string::limited(view, text, false, view.options.hex, out);
    }
    is_ended
}

/// struct perf_event_query_bpf: room for ids, their number, the ids.
fn programs(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    chunk.has(8) && {
        let succeeded = view.outcome.is_some_and(|outcome| !outcome.failed());
        out.push_str("{ids_len=");
        shape::write(view, 0, Shape::Number(4), chunk, out);
        if succeeded {
            let count = Fields::new(view.abi, chunk.bytes).u32(4);
            out.push_str(", prog_cnt=");
            text::dec(out, count);
            out.push_str(", ids=");
            let len = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(4);
            shape::write(view, 0, Shape::Array(&Shape::Number(4)), chunk.from(8).first(len), out);
            out.push('}');
        } else {
            out.push_str(", ...}");
        }
        true
    }
}

fn attributes(view: &View<'_>, _: Chunk<'_>, out: &mut String) -> bool {
    perf::attributes(view, 2, out)
}

/// The requests of all files here.
const ALL: &[&[(&str, Form)]] = &[
    FORMS,
    clock::FORMS,
    console::FORMS,
    controls::FORMS,
    disk::FORMS,
    flash::FORMS,
    gpio::FORMS,
    input::FORMS,
    interface::FORMS,
    keyboard::FORMS,
    notify::FORMS,
    tee::FORMS,
    video::FORMS,
];

fn form_of(abi: Abi, request: u64) -> Option<Form> {
    let Some(name) = render::ioctl_name(abi, request) else { return input::form(request) };
    let mut forms = ALL.iter().copied().flatten();
    let known = forms.find(|(known, _)| *known == name).map(|(_, form)| *form);
    known.or_else(|| video::is_request(name).then_some(Value(Hex)))
}

/// Whether a request has neither a name nor a meaning in the table of the capture: its bits say how
/// much memory it passes, but nothing says what that is.
fn is_unknown(view: &View<'_>) -> bool {
    let (kind, _) = view.meaning(2);
    matches!(kind, ArgKind::Buf | ArgKind::Ptr | ArgKind::Hex)
        && render::ioctl_name(view.abi, view.arg(1)).is_none()
        && input::form(view.arg(1)).is_none()
}

/// Whether a request passes nothing.
pub(super) fn is_lone(abi: Abi, request: u64) -> bool {
    matches!(form_of(abi, request), Some(Nothing))
}

/// No structure here is longer.
const LONGEST: usize = 8192;

/// Writes the argument. Returns whether the request is known, and its memory could be read.
pub(super) fn argument(view: &View<'_>, out: &mut String) -> bool {
    /// The position of the argument.
    const AT: usize = 2;
    let value = view.arg(AT);
    if is_unknown(view) {
        text::hex(out, value);
        return true;
    }
    let Some(form) = form_of(view.abi, view.arg(1)) else { return false };
    if let Value(kind) = form {
        value::value(view, kind, AT, value, out);
        return true;
    }
    if let Form::Register(write) = form {
        write(view, value, out);
        return true;
    }
    let is_left_out = view.options.arguments == Arguments::Addresses && !matches!(form, Nothing);
    if value == 0 || matches!(form, Pointer) || is_left_out {
        text::pointer(out, value);
        return true;
    }
    let (_, mem) = view.meaning(AT);
    let dir = mem.map_or(Dir::In, |mem| mem.dir);
    let succeeded = view.outcome.is_some_and(|outcome| !outcome.failed());
    let dir = if dir == Dir::InOut && !succeeded { Dir::In } else { dir };
    let is_answer = matches!(form, Answered(..)) && !succeeded;
    if dir.comes_out() && !succeeded || is_answer {
        text::pointer(out, value);
        return true;
    }
    let Some(region) = view.region(AT, dir) else { return false };
    match view.bytes(&region, LONGEST) {
        Some(bytes) if shaped(view, form, dir, Chunk::whole(value, &bytes), out) => {}
        Some(bytes) if pointed(view, form, Fields::new(view.abi, &bytes), out) => {}
        // The kernel could not read all of it either.
        _ => view.unreadable(AT, &region, out),
    }
    true
}

/// Writes what a shape describes. Returns whether there is one, and enough bytes.
fn shaped(view: &View<'_>, form: Form, dir: Dir, chunk: Chunk<'_>, out: &mut String) -> bool {
    let (fields, size) = match form {
        Form::Call(write) => return write(view, chunk, out),
        Single(shape) => {
            let is_plain = !matches!(
                shape,
                Shape::Call(_)
                    | Shape::Sequence(..)
                    | Shape::Typed(_)
                    | Shape::Members(_)
                    | Shape::Written(..)
            );
            if !shape::fits(view.abi, shape, chunk) {
                return false;
            }
            out.push_str(if is_plain { "[" } else { "" });
            shape::write(view, 0, shape, chunk, out);
            out.push_str(if is_plain { "]" } else { "" });
            return true;
        }
        Form::Both(asked, answered) => {
            let shape = if dir == Dir::In { asked } else { answered };
            let has = shape::fits(view.abi, shape, chunk);
            if has {
                shape::write(view, 0, shape, chunk, out);
            }
            return has;
        }
        Shaped(fields) => (fields, shape::size_of(view.abi, fields)),
        Written(fields, size) | Answered(fields, size) => (fields, size),
        Exchanged(asked, answered, size) => (if dir == Dir::In { asked } else { answered }, size),
        _ => return false,
    };
    if !chunk.has(size) {
        return false;
    }
    shape::members(view, 0, fields, chunk, out);
    true
}

fn pointed(view: &View<'_>, form: Form, f: Fields<'_>, out: &mut String) -> bool {
    let number = if matches!(form, Number(_)) { f.u32(0) } else { f.u64(0) };
    match form {
        Number(_) if f.bytes.len() < 4 => return false,
        Wide(_) if f.bytes.len() < 8 => return false,
        Number(kind) | Wide(kind) => {
            out.push('[');
            value::value(view, kind, 0, number, out);
            out.push(']');
        }
        Range if f.bytes.len() >= 16 => {
            out.push('[');
            text::dec(out, f.u64(0));
            out.push_str(", ");
            text::dec(out, f.u64(8));
            out.push(']');
        }
        Head(size, members) if f.bytes.len() >= size => members::write(view, members, f, out),
        Members(members) if f.bytes.len() >= members::size(view.abi, members) => {
            members::write(view, members, f, out);
        }
        Terminal if f.bytes.len() >= 44 => machine::termios(view, f, out),
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use sysreel_abi::consts::{ioctl, ioctl_drivers, ioctl_more};

    #[test]
    fn each_request_has_a_number() {
        let lists = [&ioctl::IOCTL, &ioctl_drivers::DRIVER_IOCTL];
        let lists = || lists.into_iter().chain(ioctl_more::LISTS);
        for (name, _) in ALL.iter().copied().flatten() {
            let mut items = lists().flat_map(|list| list.items);
            assert!(items.any(|(known, _)| known == name), "{name}");
        }
    }

    /// A form that reads memory shows nothing but an address if no capture takes that memory.
    #[test]
    fn the_memory_of_each_form_is_captured() {
        let arch = Abi::X86_64.arch();
        let row = sysreel_abi::row(arch, 16).unwrap();
        assert_eq!(row.name, "ioctl");
        let lists = [&ioctl::IOCTL, &ioctl_drivers::DRIVER_IOCTL];
        let items = lists.into_iter().chain(ioctl_more::LISTS).flat_map(|list| list.items);
        let number =
            |name: &str| items.clone().find(|(known, _)| *known == name).map(|known| known.1);
        let has_memory = |request| {
            [Abi::X86_64, Abi::I386].iter().all(|abi| {
                let meaning = row.meaning(*abi, &[3, request, 0x1000, 0, 0, 0], 2);
                meaning.is_some_and(|(_, mem)| mem.is_some())
            })
        };
        let forms = ALL.iter().copied().flatten();
        let without: Vec<&str> = forms
            .filter(|(_, form)| !matches!(form, Nothing | Value(_) | Form::Register(_) | Pointer))
            .filter(|(name, _)| !number(name).is_some_and(has_memory))
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(without, [""; 0]);
    }
}
