//! keyctl(2): arguments that look different from their kind.

use sysreel_abi::Dir;
use sysreel_abi::consts::security;
use sysreel_abi::errno::errno_name;

use super::view::View;
use super::{string, value};
use crate::text;

/// Writes an argument. Returns whether it did.
pub(super) fn argument(view: &View<'_>, i: usize, out: &mut String) -> bool {
    let operation = view.arg(0) & 0xffff_ffff;
    let name = security::KEYCTL.items.iter().find(|(_, known)| *known == operation);
    match (i, name.map_or("", |(name, _)| *name)) {
        (2, "KEYCTL_GET_SECURITY") => label(view, out),
        (3, "KEYCTL_REJECT") => {
            let number = view.arg(3) & 0xffff_ffff;
            let decimal = |out: &mut String| text::dec(out, number);
            match i32::try_from(number).ok().and_then(errno_name) {
                Some(name) => value::named(view, &decimal, name, out),
                None => decimal(out),
            }
            true
        }
        _ => false,
    }
}

/// Writes a security label without the NUL that ends it.
fn label(view: &View<'_>, out: &mut String) -> bool {
    let region = view.region(2, Dir::Out).filter(|region| region.head.got > 0);
    let Some(bytes) = region.and_then(|region| view.bytes(&region, usize::MAX)) else {
        return false;
    };
    let shown = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
    string::limited(view, shown, false, view.options.hex, out);
    true
}
