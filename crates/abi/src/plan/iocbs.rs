//! The control blocks of io_submit(2), and what they point to.

use super::request::{EntryState, RegionRequest};
use super::stop::Stop;
use crate::bytes::{u32_at, u64_at, word_at};
use crate::consts::ipc::{IOCB_VECTORS, IOCB_WRITE};
use crate::layout::Layout;

impl Stop<'_> {
    pub(super) fn push_iocbs(
        &self,
        request: RegionRequest,
        bytes: &[u8],
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
    ) {
        let word = usize::from(self.abi.word());
        for (i, at) in (0..self.limits.iovecs).zip((0..).step_by(word)) {
            let Some(to) = word_at(self.abi, bytes, at) else { return };
            self.push(
                requests,
                state,
                self.child(request, i, to, Layout::Iocb.size(self.abi).into()),
            );
        }
    }

    /// Adds the buffer of an iocb that writes. Offsets are the same in every ABI: opcode 16, buf
    /// 24, nbytes 32.
    pub(super) fn push_iocb_buffer(
        &self,
        request: RegionRequest,
        bytes: &[u8],
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
    ) {
        let (Some(op), Some(to), Some(n)) =
            (u32_at(bytes, 16), u64_at(bytes, 24), u64_at(bytes, 32))
        else {
            return;
        };
        if IOCB_VECTORS.contains(&u64::from(op & 0xffff)) {
            let count = n.min(self.limits.iovecs.into());
            let size = count.saturating_mul(Layout::Iovec.size(self.abi).into());
            self.push(requests, state, self.child(request, request.index, to, size));
        }
        if u64::from(op & 0xffff) == IOCB_WRITE {
            self.push(requests, state, self.child(request, request.index, to, n));
        }
    }
}
