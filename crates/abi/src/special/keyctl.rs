//! keyctl: what its arguments are, by operation.

use super::{Call, Meaning};
use crate::consts::unpackaged as u;
use crate::desc::{Dir, Kind};
use crate::layout::Layout;

/// The operation is argument 0.
pub(super) fn argument(call: &Call, arg: usize) -> Meaning {
    match (arg, call.command(0)) {
        (1, u::KEYCTL_JOIN_SESSION_KEYRING) | (2 | 3, u::KEYCTL_SEARCH) => Meaning::string(),
        (2, u::KEYCTL_UPDATE | u::KEYCTL_INSTANTIATE) => Meaning::counted(Dir::In, Layout::Byte, 3),
        (2, u::KEYCTL_READ | u::KEYCTL_DESCRIBE | u::KEYCTL_GET_SECURITY) => Meaning::returned(3),
        (1, u::KEYCTL_CAPABILITIES) => Meaning::returned(2),
        (3, u::KEYCTL_READ | u::KEYCTL_DESCRIBE | u::KEYCTL_GET_SECURITY | u::KEYCTL_UPDATE) => {
            Meaning::value(Kind::Size)
        }
        (1, _) => Meaning::value(Kind::Int),
        _ => Meaning::value(Kind::Hex),
    }
}
