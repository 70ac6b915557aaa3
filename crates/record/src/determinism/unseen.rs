//! Memory that calls write to in ways that the table does not know, so that the log does not have
//! it.

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

    pub(super) fn has_changed(&self, tid: Tid) -> bool {
        read(tid, self.at) != self.bytes
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
