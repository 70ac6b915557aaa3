//! The argument of ioctl(2), by request: what each request of a family passes is a row of a table.
//! The sizes and directions come from the row of the capture (`sysreel_abi`).

use sysreel_abi::consts::{drivers as d, ioctl};
use sysreel_abi::{ArgKind, Constants, Dir};

use super::fields::Fields;
use super::members::{self, Member, fixed, m};
use super::view::View;
use super::{machine, value};
use crate::text;

/// What a request passes.
#[derive(Clone, Copy)]
enum Form {
    /// Nothing.
    Nothing,
    /// A number in the register.
    Value(ArgKind),
    /// A pointer to a 32-bit number.
    Number(ArgKind),
    /// A pointer to a number of 64 bits.
    Wide(ArgKind),
    /// A pointer to two numbers of 64 bits, which begin and end a range.
    Range,
    /// A structure.
    Members(&'static [Member]),
    /// A structure of this size, not all of which is shown.
    Head(usize, &'static [Member]),
    /// A `struct termios2`.
    Terminal,
}

use ArgKind::{Fd, Flags, Hex, Int, Long, Uint, Ulong};
use Form::{Head, Members, Nothing, Number, Range, Terminal, Value, Wide};
use members::Width::{Eight, Four, One, Two};

/// struct fiemap without its extents.
const FIEMAP: &[Member] = &[
    fixed("fm_start", 0, Eight, Ulong),
    fixed("fm_length", 8, Eight, Ulong),
    fixed("fm_flags", 16, Four, Flags(&d::FIEMAP)),
    fixed("fm_extent_count", 24, Four, Uint),
];
/// struct uffdio_range, alone and as a member.
const RANGE: &[Member] = &[fixed("start", 0, Eight, Hex), fixed("len", 8, Eight, Hex)];
const REGISTER: &[Member] =
    &[members::nested("range", 0, RANGE), fixed("mode", 16, Eight, Flags(&d::UFFD_REGISTER))];
const COPY: &[Member] = &[
    fixed("dst", 0, Eight, Hex),
    fixed("src", 8, Eight, Hex),
    fixed("len", 16, Eight, Hex),
    fixed("mode", 24, Eight, Flags(&d::UFFD_COPY)),
];
const ZEROPAGE: &[Member] =
    &[members::nested("range", 0, RANGE), fixed("mode", 16, Eight, Flags(&d::UFFD_ZEROPAGE))];
const UFFD_API: &[Member] =
    &[fixed("api", 0, Eight, Hex), fixed("features", 8, Eight, Flags(&d::UFFD_FEATURE))];
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
    ("UFFDIO_API", Members(UFFD_API)), ("UFFDIO_REGISTER", Members(REGISTER)),
    ("UFFDIO_COPY", Members(COPY)), ("UFFDIO_ZEROPAGE", Members(ZEROPAGE)),
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

fn form(request: u64) -> Option<Form> {
    let request = request & 0xffff_ffff;
    let find = |list: &Constants| {
        list.items.iter().find(|(_, known)| *known == request).map(|(name, _)| *name)
    };
    let name =
        find(&ioctl::IOCTL).or_else(|| find(&sysreel_abi::consts::ioctl_drivers::DRIVER_IOCTL))?;
    FORMS.iter().find(|(known, _)| *known == name).map(|(_, form)| *form)
}

/// Whether a request passes nothing.
pub(super) fn is_lone(request: u64) -> bool {
    matches!(form(request), Some(Nothing))
}

/// Writes the argument. Returns whether the request is known, and its memory could be read.
pub(super) fn argument(view: &View<'_>, out: &mut String) -> bool {
    /// The position of the argument.
    const AT: usize = 2;
    let Some(form) = form(view.arg(1)) else { return false };
    let value = view.arg(AT);
    if let Value(kind) = form {
        value::value(view, kind, AT, value, out);
        return true;
    }
    if value == 0 {
        return false;
    }
    let (_, mem) = view.meaning(AT);
    let dir = mem.map_or(Dir::In, |mem| mem.dir);
    let succeeded = view.outcome.is_some_and(|outcome| !outcome.failed());
    let dir = if dir == Dir::InOut && !succeeded { Dir::In } else { dir };
    if dir.comes_out() && !succeeded {
        return false;
    }
    let Some(region) = view.region(AT, dir) else { return false };
    match view.bytes(&region, 4096) {
        Some(bytes) if pointed(view, form, Fields::new(view.abi, &bytes), out) => {}
        // The kernel could not read all of it either.
        _ => view.unreadable(AT, &region, out),
    }
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
    use sysreel_abi::consts::ioctl_drivers::DRIVER_IOCTL;

    #[test]
    fn each_request_has_a_number() {
        for (name, _) in FORMS {
            let is_known = [&ioctl::IOCTL, &DRIVER_IOCTL]
                .iter()
                .any(|list| list.items.iter().any(|(known, _)| known == name));
            assert!(is_known, "{name}");
        }
    }
}
