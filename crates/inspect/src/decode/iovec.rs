//! Arrays of `struct iovec`.

use sysreel_abi::plan::index;
use sysreel_abi::{Dir, Len, Mem, Total};

use super::chunk::Chunk;
use super::fields::Fields;
use super::netlink;
use super::out::{lost, member, unreadable_rest};
use super::view::{View, is_known_empty};
use crate::regions::RegionView;
use crate::text;

/// Writes an argument that is an array of `iovec`.
pub(crate) fn vector(view: &View<'_>, i: usize, mem: Mem, bytes: &[u8], out: &mut String) {
    let dir = match mem.len {
        // process_madvise(2) and the like name ranges of another process: there are addresses but
        // no bytes.
        Len::Iov { total: Total::None, .. } => Dir::In,
        _ => mem.dir,
    };
    buffers(view, i, dir, (0, 1), bytes, out);
    if let Some(region) = view.region(i, Dir::InOut) {
        unreadable_rest(&region, out);
    }
}

/// Writes the buffers of an `iovec` array. `within` is the number of the message it belongs to and
/// the role of its buffers.
pub(crate) fn buffers(
    view: &View<'_>,
    i: usize,
    dir: Dir,
    of: (u32, u8),
    bytes: &[u8],
    out: &mut String,
) {
    let size = 2 * usize::from(view.abi.word());
    out.push('[');
    for (at, one) in bytes.chunks_exact(size).enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        if at >= view.options.string_limit && !view.options.verbose {
            out.push_str("...");
            break;
        }
        let f = Fields::new(view.abi, one);
        out.push_str("{iov_base=");
        base(view, i, dir, of, at, f, out);
        member(out, "iov_len");
        text::dec(out, f.ulong(1));
        out.push('}');
    }
    if !bytes.len().is_multiple_of(size) {
        out.push_str(", ...");
    }
    out.push(']');
}

/// Writes a buffer of messages of netlink(7).
fn netlink_base(view: &View<'_>, region: &RegionView<'_>, address: u64, out: &mut String) {
    let Some(bytes) = region.bytes(view.buffers, usize::MAX) else { return lost(address, out) };
    let len = usize::try_from(region.head.asked).unwrap_or(usize::MAX);
    let chunk = Chunk { address, bytes: &bytes, len, depth: 0 };
    netlink::messages(view, view.netlink.unwrap_or(0), chunk, out);
}

fn base(
    view: &View<'_>,
    i: usize,
    dir: Dir,
    of: (u32, u8),
    at: usize,
    f: Fields<'_>,
    out: &mut String,
) {
    let element = index(of.0, u32::try_from(at).unwrap_or(u32::MAX));
    let region = view.nested(i, of.1, element, dir);
    let limit = view.options.string_limit;
    let enough = |region: &RegionView<'_>| {
        let most = limit.saturating_add(1);
        let wanted = usize::try_from(region.head.asked).unwrap_or(usize::MAX).min(most);
        region.is_cut() || usize::try_from(region.head.got).unwrap_or(usize::MAX) >= wanted
    };
    match region {
        Some(region) if region.head.got > 0 && view.netlink.is_some() => {
            netlink_base(view, &region, f.ulong(0), out);
        }
        Some(region) if region.head.got > 0 && enough(&region) => {
            match view.bytes(&region, limit) {
                Some(bytes) => {
                    text::quoted(out, &bytes, view.options.hex);
                    if region.head.asked > bytes.len() as u64 {
                        out.push_str("...");
                    }
                }
                None => lost(f.ulong(0), out),
            }
        }
        // The call succeeded without filling this buffer, or it has no length.
        None if is_known_empty(view, dir, f.ulong(0), f.ulong(1)) => out.push_str("\"\""),
        _ => text::pointer(out, f.ulong(0)),
    }
}
