//! Text of values: flags joined by `|`, unknown bits in hexadecimal, unknown values marked as
//! unknown.

mod input;
mod requests;

use std::fmt::Write as _;

use linux_raw_sys::general as g;
use linux_raw_sys::net;

use crate::arch::Abi;
use crate::consts::{clock, file, ioctl, ipc, memory, open, socket, uapi};
use crate::desc::{ArgKind, Constants, Field};
use crate::signal::signal_name;

pub use input::InputRequest;
pub use requests::ioctl_name;

/// Writes a set of flags: groups that hold one value of a list (`O_RDWR`), names of known bits, and
/// the remaining bits in hexadecimal. Writes `0x40 /* PROT_??? */` if no bit is known, and `0` for
/// an empty set.
pub fn flags_text(abi: Abi, list: &'static Constants, value: u64, out: &mut String) {
    if let Some((field, _, name)) = apart(ArgKind::Flags(list), value) {
        out.push_str(&name);
        if value & !field.mask == 0 {
            out.push_str(if name.is_empty() { "0" } else { "" });
            return;
        }
        out.push_str(if name.is_empty() { "" } else { "|" });
        return flags_beside(abi, list, field, significant(list, value), out);
    }
    let (value, shift) = huge_page_shift(list, value);
    // The type of a mapping comes first, also if it has no name.
    let types = list.fields.first().filter(|_| std::ptr::eq(list, &memory::MAP));
    if let Some(field) = types {
        let part = value & field.mask;
        if !field.items.iter().any(|(_, known)| *known == part) && value != part {
            _ = push_unknown(list, part, out);
            out.push('|');
            let rest = push_plain_names(abi, list, value & !field.mask, out);
            if rest.left != 0 {
                _ = write!(out, "{}{:#x}", if rest.any { "|" } else { "" }, rest.left);
            }
            if shift != 0 {
                out.push('|');
                push_shift(list, shift, out);
            }
            return;
        }
    }
    if shift != 0 && significant(list, value) == 0 {
        return push_shift(list, shift, out);
    }
    let rest = push_names(abi, list, value, out);
    if rest.left != 0 || !rest.any {
        let _ = match rest.left {
            0 => out.write_str("0"),
            left if rest.any => write!(out, "|{left:#x}"),
            left => push_unknown(list, left, out),
        };
    }
    if shift != 0 {
        out.push('|');
        push_shift(list, shift, out);
    }
}

/// Returns a list without its groups of bits.
fn bare(list: &Constants) -> Constants {
    Constants {
        prefix: list.prefix,
        bits: list.bits,
        items: list.items,
        fields: &[],
        overrides: list.overrides,
    }
}

/// Separates the size of huge pages, as a power of two, from flags that have it in their high bits.
fn huge_page_shift(list: &'static Constants, value: u64) -> (u64, u64) {
    let has_shift = [&memory::MAP, &file::MEMFD, &ipc::SHM_GET];
    if !has_shift.iter().any(|known| std::ptr::eq(list, *known)) {
        return (value, 0);
    }
    let mask = u64::from(g::MAP_HUGE_MASK) << g::MAP_HUGE_SHIFT;
    (value & !mask, (value & mask) >> g::MAP_HUGE_SHIFT)
}

/// Writes `21<<MAP_HUGE_SHIFT`.
fn push_shift(list: &Constants, shift: u64, out: &mut String) {
    let _ = write!(out, "{shift}<<{}HUGE_SHIFT", list.prefix);
}

/// Writes a value of a list: its name, or the number and the prefix of the list, as in `0x7 /*
/// SEEK_??? */`.
pub fn enum_text(abi: Abi, list: &Constants, value: u64, out: &mut String) {
    let value = significant(list, value);
    match list
        .items
        .iter()
        .find(|(name, v)| significant(list, value_in(abi, list, name, *v)) == value)
    {
        Some((name, _)) => out.push_str(name),
        None => _ = push_unknown(list, value, out),
    }
}

/// Writes a number without a name: `0x7 /* SEEK_??? */`.
fn push_unknown(list: &Constants, value: u64, out: &mut String) -> std::fmt::Result {
    // Some lists have a common suffix, alone or beside a prefix: `?_OK`, `FS_???_FL`.
    let rest = if list.prefix.contains('?') { "" } else { "???" };
    if list.prefix.is_empty() {
        return push_hex(value, out);
    }
    push_hex(value, out)?;
    write!(out, " /* {}{rest} */", list.prefix)
}

/// Writes a number as C's `%#x` does.
fn push_hex(value: u64, out: &mut String) -> std::fmt::Result {
    if value == 0 { out.write_str("0") } else { write!(out, "{value:#x}") }
}

/// Returns the group of bits that is written apart from the flags, and the names and number of its
/// value.
#[must_use]
pub fn apart(kind: ArgKind, value: u64) -> Option<(&'static Field, u64, String)> {
    let ArgKind::Flags(list) = kind else { return None };
    let field = list.fields.iter().find(|field| field.apart.is_some())?;
    let part = value & field.mask;
    let mut text = String::new();
    if let Some((name, _)) = field.items.iter().find(|(_, known)| *known == part) {
        text.push_str(name);
    } else if field.apart == Some("") {
        return None;
    } else if part != 0 {
        let _ = write!(text, "{part:#x} /* {}??? */", field.apart.unwrap_or_default());
    }
    Some((field, part, text))
}

/// Writes the flags beside the group that is written apart.
pub fn flags_beside(abi: Abi, list: &Constants, field: &Field, value: u64, out: &mut String) {
    let rest = push_plain_names(abi, list, value & !field.mask, out);
    if rest.left != 0 {
        let _ = if rest.any {
            write!(out, "|{:#x}", rest.left)
        } else {
            push_unknown(list, rest.left, out)
        };
    }
}

/// Returns the value of a constant by name.
#[must_use]
pub fn constant(abi: Abi, list: &Constants, name: &str) -> Option<u64> {
    let parts = list.fields.iter().flat_map(|f| f.items);
    list.items
        .iter()
        .chain(parts)
        .find(|(n, _)| *n == name)
        .map(|(n, v)| value_in(abi, list, n, *v))
}

/// Returns the list of constants that values of a kind are made of. Signals and [`ArgKind::DirFd`]
/// have names without such a list.
#[must_use]
pub const fn constants_of(kind: ArgKind) -> Option<&'static Constants> {
    match kind {
        ArgKind::Flags(list) | ArgKind::FlagsMode(list) | ArgKind::Enum(list) => Some(list),
        ArgKind::Clock => Some(&clock::CLOCK),
        ArgKind::Ioctl => Some(&ioctl::IOCTL),
        ArgKind::FileMode => Some(&open::FILE_TYPE),
        _ => None,
    }
}

/// Writes a value if its kind has names for values. Otherwise writes nothing and returns false, and
/// the caller prints the number.
pub fn flag_value(abi: Abi, kind: ArgKind, value: u64, out: &mut String) -> bool {
    match kind {
        ArgKind::Flags(list) => flags_text(abi, list, value, out),
        ArgKind::FlagsMode(list) => flags_mode(abi, list, value, out),
        ArgKind::Enum(list) => enum_text(abi, list, value, out),
        ArgKind::Signal => match i32::try_from(value & 0xffff_ffff).ok().and_then(signal_name) {
            Some(name) => out.push_str(name),
            None => return false,
        },
        ArgKind::DirFd if value & 0xffff_ffff == u64::from(g::AT_FDCWD.cast_unsigned()) => {
            out.push_str("AT_FDCWD")
        }
        ArgKind::MarkedDir if value & 0xffff_ffff == 0xffff_ffff => out.push_str("FAN_NOFD"),
        ArgKind::MarkedDir => return flag_value(abi, ArgKind::DirFd, value, out),
        ArgKind::IoPriority => io_priority_text(abi, value & 0xffff_ffff, out),
        ArgKind::SwapFlags => swap_text(abi, value & 0xffff_ffff, out),
        ArgKind::Clock => clock_text(abi, value, out),
        ArgKind::Ioctl => requests::text(&enum_text, abi, value, out),
        // A umode_t has 16 bits.
        ArgKind::FileMode => flags_mode(abi, &open::FILE_TYPE, value & 0xffff, out),
        _ => return false,
    }
    true
}

/// Returns the names of the socket options at a level.
#[must_use]
pub fn socket_options(level: u64) -> Option<&'static Constants> {
    Some(match u32::try_from(level & 0xffff_ffff).ok()? {
        net::SOL_SOCKET => &socket::OPTION,
        net::SOL_TCP => &socket::TCP_OPTION,
        net::SOL_IP => &socket::IP_OPTION,
        net::SOL_IPV6 => &socket::IPV6_OPTION,
        net::SOL_PACKET => &socket::PACKET_OPTION,
        net::SOL_NETLINK => &socket::NETLINK_OPTION,
        net::SOL_RAW => &uapi::RAW_OPTION,
        _ => return None,
    })
}

/// Returns the name of a socket option at a level.
#[must_use]
pub fn socket_option(level: u64, option: u64) -> Option<&'static str> {
    let list = socket_options(level)?;
    list.items.iter().find(|(_, v)| *v == option & 0xffff_ffff).map(|(name, _)| *name)
}

/// Returns the names of the protocols of an address family. Only the internet families and netlink
/// have any; other families use 0.
#[must_use]
pub fn protocols(family: u64) -> Option<&'static Constants> {
    match u32::try_from(family & 0xffff_ffff).ok()? {
        net::AF_INET | net::AF_INET6 => Some(&socket::PROTOCOL),
        net::AF_NETLINK => Some(&socket::NETLINK),
        _ => None,
    }
}

/// Returns the name of a protocol of an address family.
#[must_use]
pub fn protocol(family: u64, protocol: u64) -> Option<&'static str> {
    let list = protocols(family)?;
    list.items.iter().find(|(_, v)| *v == protocol & 0xffff_ffff).map(|(name, _)| *name)
}

/// What [`push_names`] did not write.
struct Rest {
    left: u64,
    any: bool,
}

/// Writes the names of flags, without groups of bits.
fn push_plain_names(abi: Abi, list: &Constants, value: u64, out: &mut String) -> Rest {
    push_names(abi, &bare(list), value, out)
}

/// Writes the names that match, and returns the remaining bits.
fn push_names(abi: Abi, list: &Constants, value: u64, out: &mut String) -> Rest {
    let mut rest = Rest { left: significant(list, value), any: false };
    let mut push = |name: &str, any: &mut bool| {
        if *any {
            out.push('|');
        }
        out.push_str(name);
        *any = true;
    };
    let is_zero = significant(list, value) == 0;
    let field = |field: &Field, rest: &mut Rest, push: &mut dyn FnMut(&str, &mut bool)| {
        let part = rest.left & field.mask;
        if let Some((name, _)) = field.items.iter().find(|(_, v)| significant(list, *v) == part) {
            push(name, &mut rest.any);
            rest.left &= !field.mask;
        }
    };
    for first in list.fields.iter().filter(|f| !f.last) {
        field(first, &mut rest, &mut push);
    }
    for (name, v) in list.items {
        let bits = value_in(abi, list, name, *v);
        if (bits != 0 && rest.left & bits == bits) || (bits == 0 && is_zero && !rest.any) {
            push(name, &mut rest.any);
            rest.left &= !bits;
        }
    }
    for last in list.fields.iter().filter(|f| f.last) {
        field(last, &mut rest, &mut push);
    }
    rest
}

fn flags_mode(abi: Abi, list: &'static Constants, value: u64, out: &mut String) {
    // Those of new System V IPC objects: unknown flags are no permissions.
    if list.fields.is_empty() {
        return flags_and_permissions(abi, list, significant(list, value), out);
    }
    // Without a file type there is no name.
    let unknown = list.fields.iter().find(|field| {
        let part = value & field.mask;
        part != 0 && !field.items.iter().any(|(_, known)| *known == part)
    });
    if unknown.is_some() {
        let _ = write!(out, "0{value:o}");
        return;
    }
    let rest = push_names(abi, list, value, out);
    if rest.left != 0 || !rest.any {
        out.push_str(if rest.any { "|0" } else { "0" });
        let digits = (u64::BITS - rest.left.leading_zeros()).div_ceil(3).max(2);
        out.extend(
            (0..digits).rev().map(|digit| char::from(b'0' + (rest.left >> (3 * digit) & 7) as u8)),
        );
    }
}

/// Writes flags and, after them, the permissions in the low nine bits.
fn flags_and_permissions(abi: Abi, list: &'static Constants, value: u64, out: &mut String) {
    const PERMISSIONS: u64 = 0o777;
    let (flags, shift) = huge_page_shift(list, value & !PERMISSIONS);
    let rest = push_names(abi, list, flags, out);
    let separator = |out: &mut String, any: bool| out.push_str(if any { "|" } else { "" });
    if rest.left != 0 {
        separator(out, rest.any);
        _ = push_hex(rest.left, out);
    }
    if shift != 0 {
        separator(out, flags != 0);
        push_shift(list, shift, out);
    }
    separator(out, flags != 0 || shift != 0);
    _ = write!(out, "0{:02o}", value & PERMISSIONS);
}

/// Returns the significant bits of a value.
fn significant(list: &Constants, value: u64) -> u64 {
    if list.bits == 32 { value & 0xffff_ffff } else { value }
}

/// Returns the value of a constant in an ABI.
fn value_in(abi: Abi, list: &Constants, name: &str, host: u64) -> u64 {
    match list.overrides.iter().find(|o| o.name == name) {
        Some(o) if abi == Abi::Aarch64 => o.aarch64,
        Some(o) => o.x86,
        None => host,
    }
}

/// Writes a clock id. Negative ones belong to a process, a thread or a descriptor
/// (include/linux/posix-timers_types.h).
fn clock_text(abi: Abi, value: u64, out: &mut String) {
    let low = u32::try_from(value & 0xffff_ffff).unwrap_or(0);
    let id = low.cast_signed();
    if id >= 0 {
        enum_text(abi, &clock::CLOCK, value, out);
        return;
    }
    let owner = !(id >> 3);
    let _ = match id & 7 {
        3 => write!(out, "FD_TO_CLOCKID({owner})"),
        kind => {
            let whose = if kind & 4 == 0 { "PROCESS" } else { "THREAD" };
            let what =
                ["PROF", "VIRT", "SCHED"].get(usize::try_from(kind & 3).unwrap_or(3)).copied();
            match what {
                Some(what) => write!(out, "MAKE_{whose}_CPUCLOCK({owner}, CPUCLOCK_{what})"),
                None => write!(out, "{low:#x}"),
            }
        }
    };
}

/// Writes class and priority (include/uapi/linux/ioprio.h).
fn io_priority_text(abi: Abi, value: u64, out: &mut String) {
    const SHIFT: u32 = 13;
    out.push_str("IOPRIO_PRIO_VALUE(");
    enum_text(abi, &uapi::IOPRIO_CLASS, value >> SHIFT, out);
    let _ = write!(out, ", {})", value & ((1 << SHIFT) - 1));
}

/// Writes flags, and the priority in the low bits (include/linux/swap.h).
fn swap_text(abi: Abi, value: u64, out: &mut String) {
    const PRIORITY: u64 = 0x7fff;
    let (flags, priority) = (value & !PRIORITY, value & PRIORITY);
    if flags != 0 {
        flags_text(abi, &uapi::SWAP, flags, out);
        out.push('|');
    }
    let _ = write!(out, "{priority}");
}

#[cfg(test)]
mod tests;
