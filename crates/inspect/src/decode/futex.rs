//! futex(2): the operation decides which arguments exist.

use sysreel_abi::consts::ipc;

use super::view::View;
use crate::text;

/// Returns the positions of the arguments that the operation uses.
pub(crate) fn arguments(view: &View<'_>) -> &'static [u8] {
    match operation(view) {
        "FUTEX_WAKE" | "FUTEX_FD" => &[0, 1, 2],
        "FUTEX_WAIT" => &[0, 1, 2, 3],
        "FUTEX_WAIT_BITSET" => &[0, 1, 2, 3, 5],
        "FUTEX_WAKE_BITSET" => &[0, 1, 2, 5],
        "FUTEX_REQUEUE" | "FUTEX_WAIT_REQUEUE_PI" => &[0, 1, 2, 3, 4],
        "FUTEX_LOCK_PI" | "FUTEX_LOCK_PI2" => &[0, 1, 3],
        "FUTEX_UNLOCK_PI" | "FUTEX_TRYLOCK_PI" => &[0, 1],
        _ => &[0, 1, 2, 3, 4, 5],
    }
}

/// Returns the name of the operation without its flags.
fn operation(view: &View<'_>) -> &'static str {
    let fields = ipc::FUTEX.fields;
    let mask = fields.iter().fold(0, |mask, field| mask | field.mask);
    let op = view.arg(1) & 0xffff_ffff & mask;
    let name =
        fields.iter().flat_map(|field| field.items).find(|(_, value)| value & 0xffff_ffff == op);
    name.map_or("", |(name, _)| name.strip_suffix("_PRIVATE").unwrap_or(name))
}

/// Writes an argument that looks different from its kind. Returns whether it did.
pub(crate) fn argument(view: &View<'_>, i: usize, out: &mut String) -> bool {
    match i {
        0 | 4 => text::pointer(out, view.arg(i)),
        5 if matches!(operation(view), "FUTEX_WAIT_BITSET" | "FUTEX_WAKE_BITSET") => {
            match view.arg(5) & 0xffff_ffff {
                0xffff_ffff => out.push_str("FUTEX_BITSET_MATCH_ANY"),
                mask => text::hex(out, mask),
            }
        }
        _ => return false,
    }
    true
}
