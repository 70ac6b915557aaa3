//! keyctl: its arguments, by operation.

use super::meaning::{Call, Meaning, at};
use crate::consts::{security as s, unpackaged as u};
use crate::desc::{ArgKind, Dir, Len, Total};
use crate::layout::Layout;

/// struct keyctl_dh_params: three serial numbers.
const DH_PARAMS: u32 = 12;
/// struct keyctl_kdf_params: two pointers, a 32-bit length, eight reserved words.
const KDF_PARAMS: (u32, u32) = (56, 44);
/// struct keyctl_pkey_params: ten 32-bit numbers. The input length is one of them, so the input is
/// not captured.
const PKEY_PARAMS: u32 = 40;
/// struct keyctl_pkey_query.
const PKEY_QUERY: u32 = 56;

/// The last known operation.
const LAST: u64 = u::KEYCTL_WATCH_KEY;

/// Returns how many arguments an operation takes, with its number (keyctl(2)).
#[must_use]
pub fn count(operation: u64) -> usize {
    match operation & 0xffff_ffff {
        u::KEYCTL_SESSION_TO_PARENT => 1,
        u::KEYCTL_JOIN_SESSION_KEYRING
        | u::KEYCTL_REVOKE
        | u::KEYCTL_CLEAR
        | u::KEYCTL_SET_REQKEY_KEYRING
        | u::KEYCTL_ASSUME_AUTHORITY
        | u::KEYCTL_INVALIDATE => 2,
        u::KEYCTL_GET_KEYRING_ID
        | u::KEYCTL_SETPERM
        | u::KEYCTL_LINK
        | u::KEYCTL_UNLINK
        | u::KEYCTL_SET_TIMEOUT
        | u::KEYCTL_GET_PERSISTENT
        | u::KEYCTL_CAPABILITIES => 3,
        u::KEYCTL_UPDATE
        | u::KEYCTL_CHOWN
        | u::KEYCTL_DESCRIBE
        | u::KEYCTL_READ
        | u::KEYCTL_NEGATE
        | u::KEYCTL_GET_SECURITY
        | u::KEYCTL_RESTRICT_KEYRING
        | u::KEYCTL_WATCH_KEY => 4,
        _ => 5,
    }
}

/// The operation is argument 0.
pub(super) fn argument(call: &Call, arg: usize) -> Meaning {
    // The kernel writes nothing if the buffer is too small (security/keys/keyctl.c).
    let whole = |room| Meaning::memory(ArgKind::Buf, Dir::Out, Len::RetWhole(at(room)));
    match (arg, call.command(0)) {
        (1, u::KEYCTL_JOIN_SESSION_KEYRING)
        | (2 | 3, u::KEYCTL_SEARCH | u::KEYCTL_RESTRICT_KEYRING)
        | (3, u::KEYCTL_PKEY_QUERY)
        | (2, u::KEYCTL_PKEY_ENCRYPT..=u::KEYCTL_PKEY_VERIFY) => Meaning::string(),
        (2, u::KEYCTL_UPDATE | u::KEYCTL_INSTANTIATE) => Meaning::counted(Dir::In, Layout::Byte, 3),
        (2, u::KEYCTL_INSTANTIATE_IOV) => {
            Meaning::memory(ArgKind::Iovec, Dir::In, Len::Iov { count: at(3), total: Total::Own })
        }
        (2, u::KEYCTL_READ | u::KEYCTL_DESCRIBE | u::KEYCTL_DH_COMPUTE) => whole(3),
        (2, u::KEYCTL_GET_SECURITY) => Meaning::returned(3),
        // The kernel fills the rest of the buffer with zeros.
        (1, u::KEYCTL_CAPABILITIES) => Meaning::counted(Dir::Out, Layout::Byte, 2),
        (1, u::KEYCTL_DH_COMPUTE) => Meaning::bytes(Dir::In, DH_PARAMS),
        (4, u::KEYCTL_DH_COMPUTE) => {
            Meaning::bytes(Dir::In, if call.abi.word() == 8 { KDF_PARAMS.0 } else { KDF_PARAMS.1 })
        }
        (4, u::KEYCTL_PKEY_QUERY) => Meaning::bytes(Dir::Out, PKEY_QUERY),
        (1, u::KEYCTL_PKEY_ENCRYPT..=u::KEYCTL_PKEY_VERIFY) => Meaning::bytes(Dir::In, PKEY_PARAMS),
        (4, u::KEYCTL_PKEY_ENCRYPT..=u::KEYCTL_PKEY_SIGN) => {
            Meaning::memory(ArgKind::Buf, Dir::Out, Len::Ret { each: Layout::Byte, cap: None })
        }
        (3, u::KEYCTL_READ | u::KEYCTL_DESCRIBE | u::KEYCTL_GET_SECURITY | u::KEYCTL_UPDATE)
        | (3, u::KEYCTL_INSTANTIATE | u::KEYCTL_DH_COMPUTE)
        | (2, u::KEYCTL_CAPABILITIES) => Meaning::value(ArgKind::Size),
        // A number of a default keyring, which is no serial number (keyctl(2)).
        (1, u::KEYCTL_SET_REQKEY_KEYRING) => Meaning::value(ArgKind::Enum(&s::KEY_DEFAULT)),
        (2, u::KEYCTL_GET_KEYRING_ID) => Meaning::value(ArgKind::Int),
        (2, u::KEYCTL_CHOWN) => Meaning::value(ArgKind::Uid),
        (3, u::KEYCTL_CHOWN) => Meaning::value(ArgKind::Gid),
        (2, u::KEYCTL_SETPERM) => Meaning::value(ArgKind::Flags(&s::KEY_PERMISSION)),
        (2, u::KEYCTL_SET_TIMEOUT | u::KEYCTL_NEGATE | u::KEYCTL_REJECT)
        | (3, u::KEYCTL_REJECT) => Meaning::value(ArgKind::Uint),
        (3, u::KEYCTL_INSTANTIATE_IOV) => Meaning::value(ArgKind::Size),
        (1, u::KEYCTL_GET_PERSISTENT) => Meaning::value(ArgKind::Uid),
        (_, operation) if operation > LAST => Meaning::value(ArgKind::Hex),
        (1, _)
        | (2, u::KEYCTL_LINK | u::KEYCTL_UNLINK | u::KEYCTL_MOVE | u::KEYCTL_GET_PERSISTENT)
        | (3, u::KEYCTL_NEGATE | u::KEYCTL_MOVE)
        | (4, u::KEYCTL_SEARCH | u::KEYCTL_INSTANTIATE | u::KEYCTL_REJECT)
        | (4, u::KEYCTL_INSTANTIATE_IOV) => Meaning::value(ArgKind::KeySerial),
        _ => Meaning::value(ArgKind::Hex),
    }
}
