//! fcntl: its third argument and its result, by command.

use linux_raw_sys::general as g;

use super::meaning::{Call, Meaning};
use crate::arch::Abi;
use crate::consts::{file, open, unpackaged as u};
use crate::desc::{ArgKind, Dir};
use crate::layout::Layout;

/// The command is argument 1.
pub(super) fn argument(call: &Call) -> Meaning {
    let lock = |layout| Meaning::fixed(Dir::In, layout);
    // 32-bit callers have locks of two sizes; F_OFD_* always take the large one.
    let large = if call.abi == Abi::I386 { Layout::Flock64 } else { Layout::Flock };
    match u32::try_from(call.command(1)).unwrap_or(u32::MAX) {
        // The lowest number that is wanted.
        g::F_DUPFD | g::F_DUPFD_CLOEXEC => Meaning::value(ArgKind::Int),
        g::F_DUPFD_QUERY => Meaning::value(ArgKind::Fd),
        g::F_SETFD => Meaning::value(ArgKind::Flags(&file::FD)),
        g::F_SETFL => Meaning::value(ArgKind::Flags(&open::OPEN)),
        g::F_SETLEASE => Meaning::value(ArgKind::Enum(&file::LOCK_TYPE)),
        g::F_NOTIFY => Meaning::value(ArgKind::Flags(&file::NOTIFY)),
        g::F_ADD_SEALS => Meaning::value(ArgKind::Flags(&file::SEAL)),
        g::F_SETSIG => Meaning::value(ArgKind::Signal),
        g::F_SETOWN => Meaning::value(ArgKind::Pid),
        g::F_SETPIPE_SZ => Meaning::value(ArgKind::Uint),
        g::F_SETLK | g::F_SETLKW => lock(Layout::Flock),
        g::F_OFD_SETLK | g::F_OFD_SETLKW | g::F_CANCELLK => lock(large),
        g::F_GETLK => Meaning::fixed(Dir::InOut, Layout::Flock),
        g::F_OFD_GETLK => Meaning::fixed(Dir::InOut, large),
        n if call.abi == Abi::I386 && u64::from(n) == u::F_GETLK64 => {
            Meaning::fixed(Dir::InOut, large)
        }
        n if call.abi == Abi::I386 && (u::F_SETLK64..=u::F_SETLKW64).contains(&n.into()) => {
            lock(large)
        }
        g::F_GETOWN_EX => Meaning::fixed(Dir::Out, Layout::FOwnerEx),
        g::F_SETOWN_EX => Meaning::fixed(Dir::In, Layout::FOwnerEx),
        g::F_GETOWNER_UIDS => Meaning::bytes(Dir::Out, 8),
        g::F_GET_RW_HINT | g::F_GET_FILE_RW_HINT => Meaning::fixed(Dir::Out, Layout::U64),
        g::F_SET_RW_HINT | g::F_SET_FILE_RW_HINT => Meaning::fixed(Dir::In, Layout::U64),
        _ => Meaning::value(ArgKind::Hex),
    }
}

pub(super) fn result(call: &Call) -> Option<ArgKind> {
    Some(match u32::try_from(call.command(1)).ok()? {
        g::F_DUPFD | g::F_DUPFD_CLOEXEC => ArgKind::Fd,
        g::F_GETFD => ArgKind::Flags(&file::FD),
        g::F_GETFL => ArgKind::Flags(&open::OPEN),
        g::F_GETLEASE => ArgKind::Enum(&file::LOCK_TYPE),
        g::F_GET_SEALS => ArgKind::Flags(&file::SEAL),
        g::F_GETSIG => ArgKind::Signal,
        g::F_GETOWN => ArgKind::Pid,
        _ => return None,
    })
}
