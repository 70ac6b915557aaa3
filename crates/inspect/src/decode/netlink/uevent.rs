//! Events of devices that udev passes on (libudev's `struct udev_monitor_netlink_header`).

use super::super::fields::Fields;
use super::super::out::member;
use super::super::view::View;
use super::super::{inet::in_network_order, string};
use super::Chunk;
use crate::text;

/// Writes an event. The kernel's own are strings.
pub(super) fn write(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) {
    const HEADER: usize = 40;
    const PREFIX: &[u8] = b"libudev\0";
    if !chunk.has(HEADER) || !chunk.bytes.starts_with(PREFIX) {
        let shown = chunk.len.min(view.options.string_limit);
        return match chunk.bytes.get(..shown) {
            Some(bytes) => string::limited(view, bytes, shown < chunk.len, view.options.hex, out),
            None => text::pointer(out, chunk.address),
        };
    }
    let f = Fields::new(view.abi, chunk.bytes);
    out.push_str(if chunk.len > HEADER { "[{prefix=" } else { "{prefix=" });
    text::quoted(out, text::until_nul(PREFIX), view.options.hex);
    for (name, at) in [
        ("magic", 8),
        ("header_size", 12),
        ("properties_off", 16),
        ("properties_len", 20),
        ("filter_subsystem_hash", 24),
        ("filter_devtype_hash", 28),
        ("filter_tag_bloom_hi", 32),
        ("filter_tag_bloom_lo", 36),
    ] {
        member(out, name);
        if (12..24).contains(&at) {
            text::dec(out, f.u32(at));
        } else {
            let number = f.u32(at).swap_bytes() >> 32;
            in_network_order(view, f.slice(at, 4), &format!("htonl({number:#x})"), out);
        }
    }
    out.push('}');
    if chunk.len > HEADER {
        out.push_str(", ");
        let rest = chunk.from(HEADER);
        string::limited(view, rest.bytes, rest.bytes.len() < rest.len, view.options.hex, out);
        out.push(']');
    }
}
