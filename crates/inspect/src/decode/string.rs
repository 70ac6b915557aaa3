//! Strings, paths, buffers and arrays of strings.

use sysreel_abi::{CallKind, Dir};

use super::fields::Fields;
use super::out::{lost, unreadable_from};
use super::view::View;
use crate::regions::RegionView;
use crate::style::HexStrings;
use crate::text;

/// Writes a path. The string limit does not cut it, only PATH_MAX, where the kernel stops reading.
pub(crate) fn path<'a>(view: &View<'a>, i: usize, region: &RegionView<'a>, out: &mut String) {
    const PATH_MAX: usize = 4096;
    let Some(bytes) = view.bytes(region, PATH_MAX) else { return lost(view.arg(i), out) };
    let text = text::until_nul(&bytes);
    let endless = text.len() >= PATH_MAX;
    // The kernel could not read it to its end either.
    if region.head.errno != 0 && !endless && text.len() == bytes.len() {
        return view.unreadable(i, region, out);
    }
    text::quoted(out, text.get(..PATH_MAX - 1).unwrap_or(text), view.options.hex);
    if endless || region.is_cut() && text.len() == bytes.len() {
        out.push_str("...");
    }
}

/// Writes a NUL-terminated string.
pub(crate) fn string<'a>(view: &View<'a>, i: usize, region: &RegionView<'a>, out: &mut String) {
    let Some(bytes) = view.bytes(region, usize::MAX) else { return lost(view.arg(i), out) };
    let text = text::until_nul(&bytes);
    let ended = text.len() < bytes.len();
    // The kernel could not read it to its end either. If the limit cuts the string before that, it
    // does not matter.
    if !ended
        && !region.is_cut()
        && region.head.errno != 0
        && text.len() <= view.options.string_limit
    {
        return view.unreadable(i, region, out);
    }
    limited(view, text, !ended && region.is_cut(), view.options.hex, out);
}

/// Writes a string of which the kernel takes at most so many bytes. The string limit does not cut
/// it.
pub(super) fn name(view: &View<'_>, i: usize, most: usize, out: &mut String) -> bool {
    let region = view.region(i, Dir::In).filter(|region| region.head.got > 0);
    let Some(bytes) = region.and_then(|region| view.bytes(&region, most + 1)) else { return false };
    let text = text::until_nul(&bytes);
    if text.len() == bytes.len() && text.len() < most {
        text::pointer(out, view.arg(i));
        return true;
    }
    text::quoted(out, text.get(..most).unwrap_or(text), view.options.hex);
    if text.len() >= most {
        out.push_str("...");
    }
    true
}

/// Writes a buffer without the NUL at its end.
pub(super) fn without_nul(view: &View<'_>, i: usize, out: &mut String) -> bool {
    let region = view.given(i).filter(|region| region.head.got == region.head.asked);
    let Some(bytes) = region.and_then(|region| view.bytes(&region, usize::MAX)) else {
        return false;
    };
    let shown = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
    limited(view, shown, false, view.options.hex, out);
    true
}

/// Writes a buffer of known length.
pub(crate) fn buffer<'a>(view: &View<'a>, i: usize, region: &RegionView<'a>, out: &mut String) {
    let limit = view.options.string_limit;
    let most = limit.saturating_add(1);
    let wanted = usize::try_from(region.head.asked).unwrap_or(usize::MAX).min(most);
    if usize::try_from(region.head.got).unwrap_or(usize::MAX) < wanted && !region.is_cut() {
        return view.unreadable(i, region, out);
    }
    let Some(bytes) = view.bytes(region, limit) else { return lost(view.arg(i), out) };
    let more = region.head.asked > bytes.len() as u64;
    let style =
        if view.row.kind == CallKind::Random { HexStrings::Always } else { view.options.hex };
    text::quoted(out, &bytes, style);
    if more {
        out.push_str("...");
    }
}

/// Writes a string up to the string limit.
pub(crate) fn limited(
    view: &View<'_>,
    bytes: &[u8],
    more: bool,
    style: HexStrings,
    out: &mut String,
) {
    let limit = view.options.string_limit;
    let shown = bytes.get(..limit).unwrap_or(bytes);
    text::quoted(out, shown, style);
    if more || shown.len() < bytes.len() {
        out.push_str("...");
    }
}

/// Writes argv, or the number of variables in envp; all of them under `verbose`.
pub(crate) fn strings(view: &View<'_>, i: usize, pointers: &[u8], out: &mut String) {
    let fields = Fields::new(view.abi, pointers);
    let all = pointers.len() / fields.word();
    let n = (0..all).position(|at| fields.ulong(at) == 0);
    let is_environment =
        view.row.args.iter().take(i).any(|arg| matches!(arg.kind, sysreel_abi::ArgKind::StrVec));
    if is_environment && !view.options.verbose {
        text::pointer(out, view.arg(i));
        out.push_str(" /* ");
        text::dec(out, n.unwrap_or(all) as u64);
        out.push_str(if n == Some(1) { " var" } else { " vars" });
        out.push_str(if n.is_none() { ", unterminated */" } else { " */" });
        return;
    }
    out.push('[');
    for at in 0..n.unwrap_or(all) {
        if at > 0 {
            out.push_str(", ");
        }
        if at >= view.options.string_limit && !view.options.verbose {
            out.push_str("...");
            break;
        }
        one(view, i, at, fields.ulong(at), out);
    }
    if n.is_none() {
        out.push_str(if all == 0 { "..." } else { ", ..." });
        if let Some(region) = view.region(i, Dir::In) {
            unreadable_from(&region, out);
        }
    }
    out.push(']');
}

fn one(view: &View<'_>, i: usize, at: usize, address: u64, out: &mut String) {
    let region = u32::try_from(at).ok().and_then(|at| view.nested(i, 1, at, Dir::In));
    let Some(region) = region.filter(|region| region.head.got > 0) else {
        return text::pointer(out, address);
    };
    let Some(bytes) = view.bytes(&region, usize::MAX) else { return lost(address, out) };
    let text = text::until_nul(&bytes);
    limited(view, text, text.len() == bytes.len(), view.options.hex, out);
}
