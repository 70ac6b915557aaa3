//! What calls do that other tasks can see before they return.

use super::low;
use crate::arch::Abi;
use crate::clone::CloneFlags;
use crate::desc::{CallKind, Row};
use linux_raw_sys::general as g;

/// Whether a call cannot block and does something that other tasks of the same memory could see
/// before it returns: it makes a copy of the memory, writes to it where they wait, or ends them
/// wherever they are.
#[must_use]
pub fn ends_at_once(abi: Abi, row: &Row, args: &[u64; 6], clone: Option<CloneFlags>) -> bool {
    match row.kind {
        CallKind::Fork | CallKind::Clone => !clone.is_some_and(CloneFlags::vfork),
        CallKind::Kill | CallKind::ExitGroup => true,
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

/// A buffer that a call fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// The argument with its address.
    pub arg: u16,
    /// Its address.
    pub at: u64,
    /// Its length in bytes.
    pub len: u64,
}

/// Returns the buffer of a 64-bit call that may block, fills this buffer with as many bytes as its
/// result says, and writes nothing else: read(2), and recvfrom(2) without an address.
#[must_use]
pub fn filled_buffer(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<Buffer> {
    let arg = |name: &str| row.arg(name).and_then(|at| args.get(at).copied());
    let (name, len) = match row.kind {
        CallKind::Read => ("buf", arg("count")?),
        CallKind::Receive if arg("addr") == Some(0) => ("ubuf", arg("size")?),
        _ => return None,
    };
    let at = arg(name)?;
    (abi == Abi::X86_64 && row.arg(name) == Some(1)).then_some(Buffer { arg: 1, at, len })
}

fn operation(op: u64) -> u32 {
    low(op) & !(g::FUTEX_PRIVATE_FLAG | g::FUTEX_CLOCK_REALTIME)
}
