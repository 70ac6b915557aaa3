//! What a call wrote that failed at memory that is not there (EFAULT): the kernel copies up to the
//! end of the last page.

use super::hook::Determinism;
use super::state::record_memory;
use super::writable::is_writable;
use crate::engine::{Call, Context, Exit};
use sysreel_abi::desc::Dir;
use sysreel_sys::{memory, process};

impl Determinism {
    /// At the exit of a call: stores the memory that a failed one may have written to.
    pub(super) fn record_partial_output(&self, cx: &mut Context, exit: &Exit) {
        let &Exit { call: Some(call), rval, is_error } = exit else { return };
        if rval != -i64::from(memory::EFAULT) || !call.row.failed(rval, is_error) {
            return;
        }
        for (address, bytes) in outputs(cx, &call) {
            record_memory(cx, address, &bytes);
        }
    }
}

/// Returns the parts of a call's output that are there, page by page. The kernel writes to no page
/// that the program cannot write to, and neither can a replay.
fn outputs(cx: &mut Context, call: &Call) -> Vec<(u64, Vec<u8>)> {
    cx.plan_success(call);
    let (tid, page) = (cx.at.tid, process::page_size());
    let mut parts = Vec::new();
    for (request, _, _, mut bytes) in cx.capture.fetched() {
        let mut address = request.address;
        while request.store && request.dir == Dir::Out && !bytes.is_empty() {
            let rest = usize::try_from(page - address % page).unwrap_or(usize::MAX);
            let (part, next) = bytes.split_at(rest.min(bytes.len()));
            if is_writable(tid, address, part.len() as u64) {
                parts.push((address, part.to_vec()));
            }
            (address, bytes) = (address.saturating_add(part.len() as u64), next);
        }
    }
    parts
}
