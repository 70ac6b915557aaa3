//! Memory that calls write to in ways that the table does not know, so that the log does not have
//! it.

use super::hook::Determinism;
use crate::engine::{Call, Context};
use sysreel_abi::replay;
use sysreel_sys::Tid;
use sysreel_sys::memory::{self, Transfer};

/// How much memory is compared, in bytes.
const COMPARED: usize = 4096;

/// Memory before a call.
#[derive(Debug)]
pub(super) struct Unseen {
    at: u64,
    bytes: Vec<u8>,
}

impl Unseen {
    /// Reads what a call may write to.
    pub(super) fn before(tid: Tid, at: u64) -> Unseen {
        Unseen { at, bytes: read(tid, at) }
    }

    fn has_changed(&self, tid: Tid) -> bool {
        read(tid, self.at) != self.bytes
    }
}

impl Determinism {
    /// At the exit of a call that has succeeded: refuses the log if it lacks what the call wrote.
    pub(super) fn check_unseen(&mut self, cx: &mut Context, call: Option<&Call>) {
        let before = self.tasks.get_mut(cx.at.slot).unseen.take();
        let Some(call) = call else { return };
        if before.is_some_and(|before| before.has_changed(cx.at.tid)) {
            let request = call.abi.args(&call.args)[1];
            let why = format!(
                "an ioctl ({request:#x}) wrote to memory, and the table does not have this request"
            );
            self.not_replayable(cx, why);
        }
        if let Some(what) = replay::unseen_output(call.abi, call.row, &call.args) {
            self.not_replayable(cx, format!("{} wrote {what}", call.row.name));
        }
    }
}

/// Reads as much as there is, up to what is compared.
fn read(tid: Tid, at: u64) -> Vec<u8> {
    let mut bytes = vec![0; COMPARED];
    let mut transfer = [Transfer { address: at, len: COMPARED, ..Transfer::default() }];
    memory::read(tid, &mut bytes, &mut transfer);
    bytes.truncate(transfer[0].got);
    bytes
}
