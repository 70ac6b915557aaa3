//! futex: which arguments are pointers, by operation.

use linux_raw_sys::general as g;

use super::meaning::{Call, Meaning};
use crate::desc::{ArgKind, Dir};
use crate::layout::Layout;

/// The operation is argument 1. `time` is the structure that utime points to.
pub(super) fn argument(call: &Call, arg: usize, time: Layout) -> Meaning {
    let op = u32::try_from(call.command(1)).unwrap_or(u32::MAX)
        & !(g::FUTEX_PRIVATE_FLAG | g::FUTEX_CLOCK_REALTIME);
    let word = |dir| Meaning::fixed(dir, Layout::U32);
    match (arg, op) {
        // The kernel writes the words of priority-inheritance futexes itself.
        (0, g::FUTEX_LOCK_PI | g::FUTEX_LOCK_PI2 | g::FUTEX_UNLOCK_PI | g::FUTEX_TRYLOCK_PI) => {
            word(Dir::InOut)
        }
        (4, g::FUTEX_WAKE_OP | g::FUTEX_WAIT_REQUEUE_PI | g::FUTEX_CMP_REQUEUE_PI) => {
            word(Dir::InOut)
        }
        (0, _) | (4, g::FUTEX_REQUEUE | g::FUTEX_CMP_REQUEUE) => word(Dir::In),
        (
            3,
            g::FUTEX_WAIT
            | g::FUTEX_WAIT_BITSET
            | g::FUTEX_LOCK_PI
            | g::FUTEX_LOCK_PI2
            | g::FUTEX_WAIT_REQUEUE_PI,
        ) => Meaning::fixed(Dir::In, time),
        // These take a second count instead of a timeout.
        (
            3,
            g::FUTEX_REQUEUE | g::FUTEX_CMP_REQUEUE | g::FUTEX_CMP_REQUEUE_PI | g::FUTEX_WAKE_OP,
        ) => Meaning::value(ArgKind::Uint),
        _ => Meaning::value(ArgKind::Hex),
    }
}
