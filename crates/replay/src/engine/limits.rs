//! Repeats what calls set of resource limits, as far as the program notices it without a call.

use super::halt::Replayed;
use super::step::Step;
use super::task::OpenCall;
use crate::kernel::{Kernel, Tracee};
use sysreel_abi::replay::stack_limit;

/// Sets the limit of the stack that the call has set: how far the kernel lets the stack grow. Of
/// the other limits the program learns from calls, or by signals, which the log has.
pub(crate) fn set_stack_limit<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    open: &OpenCall,
) -> Replayed {
    let Some(known) = open.known else { return Ok(()) };
    let Some(limit) = stack_limit(known.abi, known.row, &open.args, step.task.tgid) else {
        return Ok(());
    };
    let mut bytes = [0; size_of::<u64>()];
    let got = step.task.tracee.read(limit.at, &mut bytes[..limit.len]);
    if got < limit.len {
        return Err(step.bad(format!("the limit at {:#x} cannot be read", limit.at)));
    }
    let mut soft = u64::from_le_bytes(bytes);
    // RLIM_INFINITY of 32-bit programs.
    if limit.len < bytes.len() && soft == u64::from(u32::MAX) {
        soft = u64::MAX;
    }
    step.task
        .tracee
        .set_stack_limit(soft)
        .map_err(|source| step.io_failed(format!("set the stack limit to {soft}"), source))
}
