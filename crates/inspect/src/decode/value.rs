//! Values of registers and of members of structures.

use sysreel_abi::consts::{open, uapi};
use sysreel_abi::{Abi, ArgKind, CallKind, render};

use super::view::View;
use super::{endpoint, parts, signal_set};
use crate::state::{FdTable, OpenFile};
use crate::style::Constants;
use crate::text;

/// Writes a value of a kind. `i` is its argument: some kinds depend on the arguments before it.
pub(crate) fn value(view: &View<'_>, kind: ArgKind, i: usize, value: u64, out: &mut String) {
    let low = value & 0xffff_ffff;
    match kind {
        ArgKind::Int | ArgKind::Pid | ArgKind::IpcId => int(value, out),
        ArgKind::KeySerial => match uapi::KEY_SPEC.items.iter().find(|(_, key)| *key == low) {
            Some((name, _)) => named(view, &|out| int(value, out), name, out),
            None => int(value, out),
        },
        ArgKind::Uint => text::dec(out, low),
        ArgKind::Long | ArgKind::Off => long(view.abi, value, out),
        ArgKind::Ulong | ArgKind::Size | ArgKind::Half => text::dec(out, value),
        ArgKind::Mode => text::mode(out, value & 0xffff),
        // Bounds of a range, of which any may be beyond the descriptors.
        ArgKind::Fd if view.row.kind == CallKind::CloseRange => text::dec(out, low),
        ArgKind::Fd => fd(view, value, out),
        ArgKind::DirFd | ArgKind::MarkedDir => dir_fd(view, kind, value, out),
        ArgKind::Uid | ArgKind::Gid => uid(low, out),
        ArgKind::ShortId => match value & 0xffff {
            0xffff => out.push_str("-1"),
            id => text::dec(out, id),
        },
        ArgKind::Dev => device_of(view, low, out),
        ArgKind::Protocol => protocol(view, value, out),
        ArgKind::SockOpt => match socket_option(view, i, value) {
            Some(name) => named(view, &|out| text::hex(out, low), name, out),
            None => unknown_option(view, view.arg(i.wrapping_sub(1)), low, out),
        },
        ArgKind::Signal => {
            let mut name = String::new();
            signal(value, &mut name);
            let is_number = !name.starts_with('S');
            if is_number {
                out.push_str(&name)
            } else {
                named(view, &|out| int(value, out), &name, out)
            }
        }
        ArgKind::IoPriority => io_priority(view, low, out),
        ArgKind::SignalMask => signal_set::set(&low.to_le_bytes()[..4], out),
        ArgKind::Hex32 => text::hex(out, low),
        ArgKind::Hex | ArgKind::Handle | ArgKind::Varies | ArgKind::Never => text::hex(out, value),
        ArgKind::Flags(_)
        | ArgKind::FlagsMode(_)
        | ArgKind::Enum(_)
        | ArgKind::Clock
        | ArgKind::SwapFlags
        | ArgKind::Ioctl
        | ArgKind::FileMode => {
            constant(view, kind, value, out);
        }
        _ => text::pointer(out, value),
    }
}

/// Writes a value by name, as flags or a constant.
pub(crate) fn constant(view: &View<'_>, kind: ArgKind, value: u64, out: &mut String) {
    let number = |out: &mut String| match kind {
        ArgKind::FileMode => text::mode(out, value & 0xffff),
        ArgKind::FlagsMode(_) => text::mode(out, value & 0xffff_ffff),
        ArgKind::Clock => int(value, out),
        ArgKind::Flags(list) | ArgKind::Enum(list) if list.bits == 64 => text::hex(out, value),
        _ => text::hex(out, value & 0xffff_ffff),
    };
    if parts::write(view, kind, value, out) {
        return;
    }
    if let Some((field, part, name)) = render::apart(kind, value)
        && let ArgKind::Flags(list) = kind
    {
        return apart(view, list, (field, part, &name), value, out);
    }
    if view.options.constants == Constants::Raw {
        return number(out);
    }
    let start = out.len();
    if !render::flag_value(view.abi, kind, value, out) {
        return number(out);
    }
    let names = &out[start..];
    // A value without any name is a number with a comment already.
    let is_number = names.starts_with(|c: char| c.is_ascii_digit()) && !names.contains("<<");
    if view.options.constants == Constants::Verbose && !is_number {
        let mut names = out.split_off(start);
        // A comment in the name of a request would end the one around it.
        while let Some(range) = matches!(kind, ArgKind::Ioctl).then(|| comment(&names)).flatten() {
            names.replace_range(range, "");
        }
        named(view, &number, &names, out);
    }
}

/// Returns where a comment and the space before it are.
fn comment(text: &str) -> Option<std::ops::Range<usize>> {
    let start = text.find(" /*")?;
    let end = text.get(start..)?.find("*/")? + start + 2;
    Some(start..end)
}

/// Returns the names of a value, or `PREFIX_???` if it has none. `None` if the list has no prefix.
pub(super) fn name_of_constant(abi: Abi, kind: ArgKind, value: u64) -> Option<String> {
    let (ArgKind::Flags(list) | ArgKind::Enum(list)) = kind else { return None };
    let mut names = String::new();
    render::flag_value(abi, kind, value, &mut names);
    if !names.is_empty() && !names.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(names);
    }
    let rest = if list.prefix.contains('?') { "" } else { "???" };
    (!list.prefix.is_empty()).then(|| format!("{}{rest}", list.prefix))
}

/// Writes flags of which one group of bits is a value of its own.
fn apart(
    view: &View<'_>,
    list: &'static sysreel_abi::Constants,
    (field, part, name): (&sysreel_abi::desc::Field, u64, &str),
    value: u64,
    out: &mut String,
) {
    let mask = if list.bits == 64 { u64::MAX } else { 0xffff_ffff };
    let rest = value & mask & !field.mask;
    if !name.is_empty() {
        let is_number = name.starts_with(|c: char| c.is_ascii_digit());
        match view.options.constants {
            Constants::Raw => text::hex(out, part),
            _ if is_number => out.push_str(name),
            _ => named(view, &|out| text::hex(out, part), name, out),
        }
        if rest == 0 {
            return;
        }
        out.push('|');
    }
    let mut names = String::new();
    render::flags_beside(view.abi, list, field, rest, &mut names);
    match names.as_str() {
        "" => out.push('0'),
        names if names.starts_with(|c: char| c.is_ascii_digit()) => {
            if view.options.constants == Constants::Raw {
                text::hex(out, rest)
            } else {
                out.push_str(names)
            }
        }
        names => named(view, &|out| text::hex(out, rest), names, out),
    }
}

/// Writes a value that has a name, in the style of constants.
pub(crate) fn named(view: &View<'_>, number: &dyn Fn(&mut String), name: &str, out: &mut String) {
    match view.options.constants {
        Constants::Abbrev => out.push_str(name),
        Constants::Raw => number(out),
        Constants::Verbose => {
            number(out);
            out.push_str(" /* ");
            out.push_str(name);
            out.push_str(" */");
        }
    }
}

/// Writes class and priority of I/O, whose class is a constant (include/uapi/linux/ioprio.h).
fn io_priority(view: &View<'_>, priority: u64, out: &mut String) {
    let mut names = String::new();
    io_priority_name(view, priority, &mut names);
    named(view, &|out| int(priority, out), &names, out);
}

/// Writes class and priority by name.
pub(super) fn io_priority_name(view: &View<'_>, priority: u64, out: &mut String) {
    const SHIFT: u32 = 13;
    out.push_str("IOPRIO_PRIO_VALUE(");
    constant(view, ArgKind::Enum(&uapi::IOPRIO_CLASS), priority >> SHIFT, out);
    out.push_str(", ");
    text::dec(out, priority & ((1 << SHIFT) - 1));
    out.push(')');
}

/// Writes a value of a list whose numbers are signed and decimal: `-3 /* KEY_REQKEY_DEFL_??? */`.
pub(crate) fn decimal(
    view: &View<'_>,
    list: &'static sysreel_abi::Constants,
    value: u64,
    out: &mut String,
) {
    let known = list.items.iter().find(|(_, known)| *known & 0xffff_ffff == value & 0xffff_ffff);
    match known {
        Some((name, _)) => named(view, &|out| int(value, out), name, out),
        None => {
            int(value, out);
            no_name(view, list, out);
        }
    }
}

/// Writes a number without a name: `0x7 /* SEEK_??? */`.
pub(crate) fn unknown(
    view: &View<'_>,
    list: &'static sysreel_abi::Constants,
    value: u64,
    out: &mut String,
) {
    text::hex(out, value);
    no_name(view, list, out);
}

fn no_name(view: &View<'_>, list: &'static sysreel_abi::Constants, out: &mut String) {
    if view.options.constants != Constants::Raw && !list.prefix.is_empty() {
        out.push_str(&format!(" /* {}??? */", list.prefix));
    }
}

/// Writes a device number in the style of constants.
pub(crate) fn device_of(view: &View<'_>, dev: u64, out: &mut String) {
    let mut name = String::new();
    device(dev, &mut name);
    named(view, &|out| text::hex(out, dev), &name, out);
}

/// Returns the name of a socket option. One number has a name for each direction
/// (include/uapi/asm-generic/socket.h).
fn socket_option(view: &View<'_>, i: usize, option: u64) -> Option<&'static str> {
    let name = render::socket_option(view.arg(i.wrapping_sub(1)), option)?;
    let value = view.row.args.get(i + 1).and_then(|arg| arg.mem).and_then(|mem| mem.special());
    let is_read = matches!(value, Some(sysreel_abi::desc::Special::GetSockOpt));
    Some(if is_read && name == "SO_ATTACH_FILTER" { "SO_GET_FILTER" } else { name })
}

/// Writes a socket option without a name: `0x64 /* SO_??? */`.
fn unknown_option(view: &View<'_>, level: u64, option: u64, out: &mut String) {
    text::hex(out, option);
    let prefix = render::socket_options(level).map_or("", |list| list.prefix);
    if view.options.constants != Constants::Raw && !prefix.is_empty() {
        out.push_str(" /* ");
        out.push_str(prefix);
        out.push_str("??? */");
    }
}

/// Writes the low 32 bits as a signed number.
pub(crate) fn int(value: u64, out: &mut String) {
    let low = u32::try_from(value & 0xffff_ffff).unwrap_or(0);
    text::sdec(out, low.cast_signed().into());
}

fn long(abi: Abi, value: u64, out: &mut String) {
    if abi == Abi::I386 { int(value, out) } else { text::sdec(out, value.cast_signed()) }
}

/// Writes a user or group id. -1 means "unchanged".
pub(crate) fn uid(low: u64, out: &mut String) {
    if low == 0xffff_ffff { out.push_str("-1") } else { text::dec(out, low) }
}

/// Writes the name of a signal, or its number.
pub(crate) fn signal(value: u64, out: &mut String) {
    match i32::try_from(value & 0xffff_ffff).ok().and_then(sysreel_abi::signal_name) {
        Some(name) => out.push_str(name),
        None => int(value, out),
    }
}

/// Writes a device number as the kernel encodes it for user space (`new_encode_dev`,
/// include/linux/kdev_t.h, and its 64-bit form).
pub(crate) fn device(dev: u64, out: &mut String) {
    let major = (dev >> 8) & 0xfff | (dev >> 32) & 0xffff_f000;
    let minor = dev & 0xff | (dev >> 12) & 0xffff_ff00;
    out.push_str("makedev(");
    text::hex(out, major);
    out.push_str(", ");
    text::hex(out, minor);
    out.push(')');
}

/// Writes a file descriptor, and its name if names are shown.
pub(crate) fn fd(view: &View<'_>, value: u64, out: &mut String) {
    int(value, out);
    fd_name(view, value, out);
}

fn dir_fd(view: &View<'_>, kind: ArgKind, value: u64, out: &mut String) {
    let mut name = String::new();
    if !render::flag_value(view.abi, kind, value, &mut name) {
        return fd(view, value, out);
    }
    named(view, &|out| int(value, out), &name, out);
    if name == "AT_FDCWD" && view.options.fds.shows_paths() {
        cwd_name(view, out);
    }
}

/// As [`fd()`], for a descriptor that the call made: another thread may have had that number at the
/// entry.
pub(crate) fn made_fd(view: &View<'_>, value: u64, out: &mut String) {
    int(value, out);
    let file = descriptor(value).and_then(|fd| view.fds?.get(fd));
    file.into_iter().for_each(|file| name_of(view, &file, out));
}

/// Writes the name of a file descriptor if it is known and to be shown: `</etc/passwd>`. It is what
/// the descriptor meant at the entry, or what the call made of it.
pub(crate) fn fd_name(view: &View<'_>, value: u64, out: &mut String) {
    let (Some(fd), Some(table)) = (descriptor(value), view.fds) else { return };
    let made = || view.exit.and_then(|_| table.get(fd));
    table.argument(fd).or_else(made).into_iter().for_each(|file| name_of(view, &file, out));
}

fn descriptor(value: u64) -> Option<i32> {
    let low = u32::try_from(value & 0xffff_ffff).ok()?.cast_signed();
    (low >= 0).then_some(low)
}

fn cwd_name(view: &View<'_>, out: &mut String) {
    /// The kernel shows no longer one (PATH_MAX).
    const MOST: usize = 4096;
    if let Some(link) =
        view.fds.and_then(FdTable::cwd).filter(|link| (1..MOST).contains(&link.len()))
    {
        out.push('<');
        text::escaped(out, &link, view.options.hex, b'>');
        out.push('>');
    }
}

/// Writes the name that a descriptor has at this moment: files are renamed while they are open. The
/// mark of a removed one follows it, as in strace.
fn name_of(view: &View<'_>, file: &OpenFile, out: &mut String) {
    let name = file.name();
    if name.path.is_empty() {
        return;
    }
    let start = out.len();
    out.push('<');
    if !detail(view, file, &name.path, out) {
        if !view.options.fds.shows_paths() {
            return out.truncate(start);
        }
        text::escaped(out, &name.path, view.options.hex, b'>');
    }
    out.push('>');
    if name.is_removed {
        out.push_str("(deleted)");
    }
}

/// Writes the addresses of a socket or the number of a device. Returns false for other files.
fn detail(view: &View<'_>, file: &OpenFile, link: &[u8], out: &mut String) -> bool {
    /// The file type bits of a mode, and two of the types (include/uapi/linux/stat.h).
    const TYPE: u32 = 0o170_000;
    const CHARACTER: u32 = 0o020_000;
    const BLOCK: u32 = 0o060_000;
    if view.options.fds.shows_sockets() && !file.local.borrow().is_empty() {
        return endpoint::socket_ends(view.abi, file, out);
    }
    let kind = match file.mode & TYPE {
        _ if !view.options.fds.shows_devices() => return false,
        CHARACTER => "char",
        BLOCK => "block",
        _ => return false,
    };
    text::escaped(out, link, view.options.hex, b'>');
    let major = (file.rdev >> 8) & 0xfff;
    let minor = file.rdev & 0xff | (file.rdev >> 12) & 0xffff_ff00;
    out.push('<');
    out.push_str(kind);
    out.push(' ');
    text::dec(out, major);
    out.push(':');
    text::dec(out, minor);
    out.push('>');
    true
}

fn protocol(view: &View<'_>, value: u64, out: &mut String) {
    match render::protocol(view.arg(0), value) {
        Some(name) => named(view, &|out| text::hex(out, value & 0xffff_ffff), name, out),
        None => int(value, out),
    }
}

/// Whether flags of open(2) create a file, so that its mode matters.
pub(super) fn creates_file(abi: Abi, flags: u64) -> bool {
    ["O_CREAT", "__O_TMPFILE"]
        .iter()
        .any(|name| render::constant(abi, &open::OPEN, name).is_some_and(|bit| flags & bit != 0))
}
