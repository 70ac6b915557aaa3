//! fsconfig(2): the command decides what key, value and the last argument are.

use sysreel_abi::consts::mount;
use sysreel_abi::{ArgKind, Dir};

use super::view::View;
use super::{string, value};
use crate::style::HexStrings;
use crate::text;

/// The kernel takes no longer names and strings, and no more bytes (fs/fsopen.c).
const LONGEST: usize = 256;
const MOST: u64 = 1 << 20;

/// Writes an argument. Returns whether it did.
pub(super) fn argument(view: &View<'_>, i: usize, out: &mut String) -> bool {
    let address = view.arg(i);
    let command =
        mount::FSCONFIG.items.iter().find(|(_, known)| *known == view.arg(1) & 0xffff_ffff);
    let command = command.map_or("", |(name, _)| *name);
    let has_key = !matches!(command, "" | "FSCONFIG_CMD_CREATE" | "FSCONFIG_CMD_RECONFIGURE");
    match (i, command) {
        (2 | 3, _) if address == 0 => return false,
        (2, _) if !has_key => text::pointer(out, address),
        (2, _) => return string::name(view, 2, LONGEST, out) || unreadable(view, i, out),
        (3, "FSCONFIG_SET_STRING") => {
            return string::name(view, 3, LONGEST, out) || unreadable(view, i, out);
        }
        (3, "FSCONFIG_SET_BINARY") => return bytes(view, out),
        (4, "FSCONFIG_SET_PATH" | "FSCONFIG_SET_PATH_EMPTY") => {
            value::value(view, ArgKind::DirFd, 4, view.arg(4), out)
        }
        (4, "FSCONFIG_SET_FD") => value::fd(view, view.arg(4), out),
        _ => return false,
    }
    true
}

fn unreadable(view: &View<'_>, i: usize, out: &mut String) -> bool {
    text::pointer(out, view.arg(i));
    true
}

/// Writes as many bytes as the last argument says.
fn bytes(view: &View<'_>, out: &mut String) -> bool {
    let count = ArgKind::Int.count(view.arg(4));
    if view.arg(4) & 0xffff_ffff == 0 {
        out.push_str("\"\"");
        return true;
    }
    let region = view.region(3, Dir::In).filter(|_| count > 0 && count <= MOST);
    let Some(region) = region.filter(|region| region.head.got == region.head.asked) else {
        return unreadable(view, 3, out);
    };
    match view.bytes(&region, usize::MAX) {
        Some(bytes) => string::limited(view, &bytes, region.is_cut(), HexStrings::Always, out),
        None => super::out::lost(view.arg(3), out),
    }
    true
}
