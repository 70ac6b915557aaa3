//! Small pieces of text that many families write.

use crate::regions::RegionView;
use crate::style::HexStrings;
use crate::text;

/// Writes `name=`, after a comma unless it is the first member.
pub(crate) fn member(out: &mut String, name: &str) {
    if !out.ends_with(['{', '[', '(']) {
        out.push_str(", ");
    }
    out.push_str(name);
    out.push('=');
}

/// Writes the address of a buffer that was captured but is no longer in the log.
pub(crate) fn lost(address: u64, out: &mut String) {
    text::pointer(out, address);
    out.push_str(" /* lost with a damaged block */");
}

/// Writes what follows the known members of a structure whose size the caller chose: `???` if it
/// could not be read, and its bytes if they mean anything to a newer kernel.
pub(crate) fn beyond(
    bytes: &[u8],
    known: usize,
    region: Option<&RegionView<'_>>,
    out: &mut String,
) {
    if region.is_some_and(|region| region.head.got < region.head.asked && !region.is_cut()) {
        return out.push_str(", ???");
    }
    let rest = bytes.get(known..).unwrap_or_default();
    if rest.iter().all(|byte| *byte == 0) {
        return;
    }
    out.push_str(", /* bytes ");
    text::dec(out, known as u64);
    out.push_str("..");
    text::dec(out, bytes.len() as u64 - 1);
    out.push_str(" */ ");
    text::quoted(out, rest, HexStrings::Always);
}

/// Closes an array whose tail could not be read: `, ... /* 0x7f00 */]`.
pub(crate) fn unreadable_rest(region: &RegionView<'_>, out: &mut String) {
    if region.head.errno == 0 || region.head.got >= region.head.asked || out.pop().is_none() {
        return;
    }
    // The string limit may have ended the list before that.
    if !out.ends_with("...") {
        out.push_str(if out.ends_with('[') { "..." } else { ", ..." });
        unreadable_from(region, out);
    }
    out.push(']');
}

/// Writes the address of the first byte that could not be read, if any.
pub(crate) fn unreadable_from(region: &RegionView<'_>, out: &mut String) {
    if region.head.errno != 0 && region.head.got < region.head.asked {
        out.push_str(" /* ");
        text::hex(out, region.head.address.wrapping_add(region.head.got));
        out.push_str(" */");
    }
}
