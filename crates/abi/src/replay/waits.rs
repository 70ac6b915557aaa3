//! What calls do that other tasks can see before they return.

use super::low;
use crate::arch::Abi;
use crate::clone::CloneFlags;
use crate::desc::{CallKind, Row};
use linux_raw_sys::general as g;

/// Whether a call cannot block and does something that other tasks of the same memory could see
/// before it returns: it makes a copy of the memory, or writes to it where they wait.
#[must_use]
pub fn ends_at_once(abi: Abi, row: &Row, args: &[u64; 6], clone: Option<CloneFlags>) -> bool {
    match row.kind {
        CallKind::Fork | CallKind::Clone => !clone.is_some_and(CloneFlags::vfork),
        CallKind::Futex => match row.arg("op").and_then(|at| abi.args(args).get(at).copied()) {
            Some(op) => matches!(
                operation(op),
                g::FUTEX_WAKE
                    | g::FUTEX_WAKE_BITSET
                    | g::FUTEX_WAKE_OP
                    | g::FUTEX_REQUEUE
                    | g::FUTEX_CMP_REQUEUE
                    | g::FUTEX_CMP_REQUEUE_PI
                    | g::FUTEX_UNLOCK_PI
                    | g::FUTEX_TRYLOCK_PI
            ),
            // futex_wait and futex_waitv have a clock for their timeout (Linux 6.7).
            None => row.arg("clockid").is_none(),
        },
        _ => false,
    }
}

/// Memory that a call writes before it sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlyWrite {
    /// Its address.
    pub at: u64,
    /// Its length in bytes.
    pub len: usize,
}

/// Returns the memory that a call writes before it sleeps, where others see it: the word of a
/// futex with an owner, which the kernel tells that somebody waits (futex(2), `FUTEX_LOCK_PI`).
#[must_use]
pub fn early_write(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<EarlyWrite> {
    let args = abi.args(args);
    let op = row.arg("op").filter(|_| row.kind == CallKind::Futex)?;
    matches!(operation(*args.get(op)?), g::FUTEX_LOCK_PI | g::FUTEX_LOCK_PI2)
        .then_some(EarlyWrite { at: args[0], len: size_of::<u32>() })
}

fn operation(op: u64) -> u32 {
    low(op) & !(g::FUTEX_PRIVATE_FLAG | g::FUTEX_CLOCK_REALTIME)
}
