//! Programs of the classic BPF, which filter packets and system calls (include/uapi/linux/filter.h
//! and bpf_common.h).

use sysreel_abi::consts::{security, uapi};
use sysreel_abi::{ArgKind, CallKind, Constants, Dir};

use super::fields::Fields;
use super::out::unreadable_from;
use super::value;
use super::view::View;
use crate::regions::RegionView;
use crate::text;

/// The size of an instruction: code (16 bits), two jumps (8 bits), operand (32 bits).
const INSTRUCTION: usize = 8;
/// A program that is longer is refused (BPF_MAXINSNS).
const MOST: usize = 4096;

/// Writes a `struct sock_fprog`: the number of instructions, and the address of the first.
pub(super) fn program(view: &View<'_>, i: usize, f: Fields<'_>, out: &mut String) {
    out.push_str("{len=");
    text::dec(out, f.u16(0));
    out.push_str(", filter=");
    let region = view.nested(i, 1, 0, Dir::In);
    match region.filter(|_| view.options.verbose) {
        Some(region) if region.head.got >= INSTRUCTION as u64 || f.u16(0) == 0 => {
            instructions(view, &region, out);
        }
        _ if f.u16(0) == 0 && view.options.verbose && f.ulong(1) != 0 => out.push_str("[]"),
        _ => text::pointer(out, f.ulong(1)),
    }
    out.push('}');
}

fn instructions(view: &View<'_>, region: &RegionView<'_>, out: &mut String) {
    let bytes = view.bytes(region, usize::MAX).unwrap_or_default();
    out.push('[');
    for (n, one) in bytes.chunks_exact(INSTRUCTION).enumerate() {
        out.push_str(if n > 0 { ", " } else { "" });
        if n >= MOST {
            out.push_str("...");
            break;
        }
        instruction(view, Fields::new(view.abi, one), out);
    }
    if region.head.got < region.head.asked {
        out.push_str(", ...");
        unreadable_from(region, out);
    }
    out.push(']');
}

/// Writes an instruction: `BPF_STMT(BPF_RET|BPF_K, 0)`.
pub(super) fn instruction(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    let (code, jumps, operand) = (f.u16(0), (f.u8(2), f.u8(3)), f.u32(4));
    out.push_str(if jumps == (0, 0) { "BPF_STMT(" } else { "BPF_JUMP(" });
    write_code(view, code, out);
    out.push_str(", ");
    write_operand(view, code, operand, out);
    if jumps != (0, 0) {
        for jump in [jumps.0, jumps.1] {
            out.push_str(", ");
            text::hex(out, jump);
        }
    }
    out.push(')');
}

/// Writes the parts of a code: its class, and what the class has.
fn write_code(view: &View<'_>, code: u64, out: &mut String) {
    let part = |list: &'static Constants, mask: u64, out: &mut String| {
        value::constant(view, ArgKind::Enum(list), code & mask, out);
    };
    part(&uapi::BPF_CLASS, 7, out);
    let parts: &[(&'static Constants, u64)] = match code & 7 {
        0 | 1 => &[(&uapi::BPF_SIZE, 0x18), (&uapi::BPF_MODE, 0xe0)],
        4 => &[(&uapi::BPF_SOURCE, 0x08), (&uapi::BPF_ALU, 0xf0)],
        5 => &[(&uapi::BPF_SOURCE, 0x08), (&uapi::BPF_JUMPS, 0xf0)],
        6 => &[(&uapi::BPF_RETURN, 0x18)],
        7 => &[(&uapi::BPF_MISC, 0xf8)],
        _ => &[],
    };
    let mut known = 7;
    for (list, mask) in parts {
        out.push('|');
        part(list, *mask, out);
        known |= mask;
    }
    if code & !known != 0 {
        out.push('|');
        text::hex(out, code & !known);
    }
}

fn write_operand(view: &View<'_>, code: u64, operand: u64, out: &mut String) {
    /// BPF_RET|BPF_K, and BPF_LD with BPF_ABS of any size.
    const RETURN: u64 = 6;
    const ABSOLUTE: (u64, u64) = (0xe7, 0x20);
    /// SECCOMP_RET_DATA.
    const DATA: u64 = 0xffff;
    let is_call_filter = matches!(view.row.kind, CallKind::Seccomp | CallKind::Prctl);
    if is_call_filter && code == RETURN {
        let action = ArgKind::Enum(&security::SECCOMP_ACTION);
        value::constant(view, action, operand & !DATA, out);
        if operand & DATA != 0 {
            out.push('|');
            text::hex(out, operand & DATA);
        }
        return;
    }
    if is_call_filter || code & ABSOLUTE.0 != ABSOLUTE.1 {
        return text::hex(out, operand);
    }
    // Places beside the packet.
    let place = uapi::BPF_PLACE.items.iter().find(|(_, from)| operand >= *from);
    let Some((_, from)) = place else { return text::hex(out, operand) };
    value::constant(view, ArgKind::Enum(&uapi::BPF_PLACE), *from, out);
    out.push('+');
    let offset = operand - from;
    match uapi::BPF_ANCILLARY.items.iter().find(|(_, known)| *known == offset) {
        Some(_) if *from == uapi::BPF_PLACE.items[0].1 => {
            value::constant(view, ArgKind::Enum(&uapi::BPF_ANCILLARY), offset, out);
        }
        _ => text::dec(out, offset),
    }
}
