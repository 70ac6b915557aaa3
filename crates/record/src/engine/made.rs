//! Records calls that tasks have made without a stop.

use super::calls::Calls;
use super::context::Context;
use super::hook::{Half, StopHook};
use sysreel_format::{EventKind, Layout, SourceId, StopHead};

/// The wait status of a stop at a call: SIGTRAP with the bit of PTRACE_O_TRACESYSGOOD (ptrace(2)).
const SYSCALL_STOP: u32 = 0x857f;

/// Commits the events of calls that were made without a stop, before the current stop is recorded.
/// Their memory is planned and stored as at a stop; only where it comes from differs.
pub(super) fn record_made(cx: &mut Context, hooks: &mut impl StopHook, calls: &mut Calls) {
    let at = cx.at;
    while let Some(half) = hooks.next_made(cx) {
        cx.log.sink.row.begin(EventKind::STOP, SourceId::IN_PROCESS, cx.at.id, cx.at.t_ns);
        cx.log.sink.row.stop_head(&StopHead {
            wait_status: SYSCALL_STOP,
            info_ret: cx.info.returned(),
            layout: Layout::MERGED,
            info: cx.info.bytes(),
        });
        let exit = match half {
            Half::Entry => {
                calls.begin(cx);
                None
            }
            Half::Exit => calls.end(cx, hooks),
        };
        hooks.made(cx, half, exit);
        cx.log.commit();
        cx.log.commit_notes();
        cx.capture.use_memory();
    }
    cx.at = at;
}
