//! System V IPC: messages, and what i386's multiplexers show of calls that do not exist.

use sysreel_abi::{Constants, Dir};

use super::fields::Fields;
use super::view::View;
use super::{out::member, string};
use crate::text;

/// Writes a `struct msgbuf`: its type and as many bytes as the call says. Returns whether it did.
pub(super) fn message(view: &View<'_>, i: usize, dir: Dir, out: &mut String) -> bool {
    let failed = view.outcome.is_some_and(|outcome| outcome.failed());
    if dir == Dir::Out && failed {
        return false;
    }
    let Some(region) = view.region(i, dir) else { return false };
    let Some(bytes) = view.bytes(&region, usize::MAX) else { return false };
    let word = usize::from(view.abi.word());
    if bytes.len() < word || region.head.got < region.head.asked && !region.is_cut() {
        return false;
    }
    out.push_str("{mtype=");
    text::sdec(out, Fields::new(view.abi, &bytes).klong(0));
    member(out, "mtext");
    let text = bytes.get(word..).unwrap_or_default();
    string::limited(view, text, region.is_cut(), view.options.hex, out);
    out.push('}');
    true
}

/// Writes the number of a call of socketcall(2), or of ipc(2) with its version, that has no name.
pub(super) fn multiplexer(list: &Constants, value: u64, out: &mut String) -> bool {
    let call = value & 0xffff_ffff;
    if list.items.iter().any(|(_, known)| *known == call) {
        return false;
    }
    let is_ipc = list.items.iter().any(|(name, _)| *name == "SEMOP");
    if is_ipc && call >> 16 != 0 {
        text::dec(out, call >> 16);
        out.push_str("<<16|");
    }
    let number = u32::try_from(call).unwrap_or(0).cast_signed();
    text::sdec(out, if is_ipc { (call & 0xffff).cast_signed() } else { number.into() });
    true
}
