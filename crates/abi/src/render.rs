//! How values are spelled: flags joined by `|`, unknown bits in hexadecimal, unknown values named as unknown.
//! Pure functions on the data of the table; the inspector calls them and adds nothing of its own.

use std::fmt::Write as _;

use crate::arch::Abi;
use crate::desc::{Constants, Kind};

/// Spells a set of flags: the names of known bits, then what is left in hexadecimal; `0` for none.
pub fn flags_text(abi: Abi, list: &Constants, value: u64, out: &mut String) {
    let _ = abi;
    let mut rest = if list.bits == 32 { value & 0xffff_ffff } else { value };
    if rest == 0 {
        out.push('0');
        return;
    }
    let mut first = true;
    for (name, bits) in list.items {
        if *bits != 0 && rest & bits == *bits {
            if !first {
                out.push('|');
            }
            first = false;
            out.push_str(name);
            rest &= !bits;
        }
    }
    if rest != 0 {
        let _ = write!(out, "{}{rest:#x}", if first { "" } else { "|" });
    }
}

/// Spells a value of a kind that has names for values. False, and nothing written, for any other kind: the caller
/// prints the number.
pub fn flag_value(abi: Abi, kind: Kind, value: u64, out: &mut String) -> bool {
    match kind {
        Kind::Flags(list) => flags_text(abi, list, value, out),
        _ => return false,
    }
    true
}
