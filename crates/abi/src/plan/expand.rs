//! The levels after the first: what the bytes of one level point to.

use std::ops::Range;

use linux_raw_sys::general::{CLONE_PARENT_SETTID, CLONE_PIDFD as PIDFD, CLONE_SETTLS};

use super::request::{
    CLONE_PIDFD, CLONE_SET_TID, CLONE_TID, CLONE_TLS, EntryState, MSG_CONTROL, MSG_IOV, MSG_NAME,
    Memory, RegionRequest, index, index_parts,
};
use super::stop::{OLD_DIRENT_HEAD, Stop};
use crate::arch::Abi;
use crate::bytes::{u32_at, u64_at, word_at};
use crate::desc::{Dir, Len, Total};
use crate::layout::Layout;

/// Maximum length of control data. The kernel's own limit (optmem_max) is far lower.
const CONTROL_MAX: u64 = 1 << 20;
/// Maximum length of a message's name.
const NAME_MAX: u64 = 128;

impl Stop<'_> {
    /// Adds the requests for what the requests of `level` point to.
    pub(super) fn expand(
        &self,
        level: Range<usize>,
        requests: &mut Vec<RegionRequest>,
        mem: &dyn Memory,
        state: &mut EntryState,
    ) {
        for i in level {
            let Some(request) = requests.get(i).copied() else { return };
            let Some(described) = self.memory(request.arg.into()) else { continue };
            let bytes = mem.bytes(i);
            match (described.len, request.role.saturating_sub(self.base_role)) {
                (Len::CStrVec, 0) => self.push_strings(request, bytes, requests, state),
                (Len::Iov { total, .. }, 0) => {
                    let most = match total {
                        Total::Own => u64::MAX,
                        Total::Ret if self.exit.is_some() => self.result(),
                        Total::Ret | Total::None => 0,
                    };
                    self.push_buffers(request, bytes, 0, most, requests, state);
                }
                (Len::Msg { many }, 0) => {
                    self.push_messages(request, bytes, many.is_some(), requests, state)
                }
                (Len::Msg { many }, 1) if index_parts(request.index).1 == MSG_IOV => {
                    let message = index_parts(request.index).0;
                    let most = self.message_total(request, message, many.is_some(), requests, mem);
                    self.push_buffers(request, bytes, message, most, requests, state);
                }
                (Len::SelfSized { .. } | Len::Tailed { .. } | Len::OldDirent | Len::SigInfo, 0)
                    if !request.store =>
                {
                    let asked = self.length_from_header(described.len, request, bytes, state);
                    self.push(requests, state, self.top(request.arg.into(), asked));
                }
                (Len::PointerFields { each, pointers, .. }, 0) => {
                    self.push_pointees((request, bytes), each, pointers, requests, state, mem);
                }
                (Len::PointerFields { pointers, .. }, 1) => {
                    self.push_elements((request, bytes), pointers, requests, state);
                }
                (Len::CloneArgs(_), 0) => self.push_clone_args(request, bytes, requests, state),
                (Len::Iocbs(_), 0) => self.push_iocbs(request, bytes, requests, state),
                (Len::Iocbs(_), 1) => self.push_iocb_buffer(request, bytes, requests, state),
                (Len::Pointed, 0) => self.push_pointer_and_size(request, bytes, requests, state),
                (Len::XattrArgs(_), 0) => {
                    self.push_xattr_value(request, bytes, described.dir, requests, state)
                }
                (Len::Fprog, 0) => {
                    // u16 len, padding, pointer.
                    let n = u64::from(u32_at(bytes, 0).unwrap_or(0) & 0xffff);
                    let each = u64::from(Layout::SockFilter.size(self.abi));
                    if let Some(to) = word_at(self.abi, bytes, self.abi.word().into()) {
                        self.push(requests, state, self.child(request, 0, to, n * each));
                    }
                }
                _ => {}
            }
        }
    }

    /// Returns the length in bytes of a structure, given the header that was read first.
    fn length_from_header(
        &self,
        len: Len,
        request: RegionRequest,
        header: &[u8],
        state: &mut EntryState,
    ) -> u64 {
        match len {
            Len::SelfSized { at, plus, least, most } => {
                // Unreadable: one byte, so that a region records the error.
                let size = match self.stated_size(request, u32_at(header, at.into()), state) {
                    None => 1,
                    Some(0) => least.into(),
                    Some(size) => size.min(most.into()) + u32::from(plus),
                };
                // The kernel reads the size field, and may change it, even if the size is too small
                // to cover it.
                size.max(u32::from(at) + 4).into()
            }
            Len::Tailed { head, at, each } => {
                let count = u32_at(header, at.into()).unwrap_or(0);
                u64::from(head) + u64::from(count) * u64::from(each)
            }
            Len::OldDirent => old_dirent(header),
            Len::SigInfo => crate::signal::siginfo_input_len(self.abi, header).into(),
            _ => 0,
        }
    }

    fn push_strings(
        &self,
        request: RegionRequest,
        bytes: &[u8],
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
    ) {
        let word = usize::from(self.abi.word());
        let mut ended = false;
        for (i, at) in (0..self.limits.strings).zip((0..).step_by(word)) {
            match word_at(self.abi, bytes, at) {
                None | Some(0) => {
                    ended = true;
                    break;
                }
                Some(to) => {
                    let string = self.child(request, i, to, self.limits.string_bytes.into());
                    self.push(requests, state, RegionRequest { string: true, ..string });
                }
            }
        }
        let next = usize::try_from(self.limits.strings).unwrap_or(usize::MAX).saturating_mul(word);
        if !ended && word_at(self.abi, bytes, next).is_some_and(|to| to != 0) {
            // The exact number is unknown.
            state.left_out = state.left_out.saturating_add(1);
        }
    }

    /// Adds the buffers of an iovec array, `most` bytes in total.
    fn push_buffers(
        &self,
        request: RegionRequest,
        bytes: &[u8],
        message: u32,
        mut most: u64,
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
    ) {
        let word = usize::from(self.abi.word());
        for (i, at) in (0..self.limits.iovecs).zip((0..).step_by(2 * word)) {
            let (Some(to), Some(n)) =
                (word_at(self.abi, bytes, at), word_at(self.abi, bytes, at + word))
            else {
                return;
            };
            if most == 0 {
                return;
            }
            let n = n.min(most);
            // `u64::MAX` means no limit.
            if most != u64::MAX {
                most -= n;
            }
            self.push(requests, state, self.child(request, index(message, i), to, n));
        }
    }

    fn push_messages(
        &self,
        request: RegionRequest,
        bytes: &[u8],
        many: bool,
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
    ) {
        let layout = if many { Layout::MmsgHdr } else { Layout::MsgHdr };
        let each = usize::try_from(layout.size(self.abi)).unwrap_or(usize::MAX);
        for (message, header) in (0..self.limits.messages).zip(bytes.chunks_exact(each)) {
            self.push_message(request, message, header, requests, state);
        }
    }

    /// Adds the parts of one msghdr. Its fields take a word each: name, namelen, iov, iovlen,
    /// control, controllen, flags.
    fn push_message(
        &self,
        request: RegionRequest,
        message: u32,
        header: &[u8],
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
    ) {
        let word = usize::from(self.abi.word());
        let field = |i: usize| word_at(self.abi, header, i * word).unwrap_or(0);
        let name_size = u32_at(header, word).unwrap_or(0);
        let Some(described) = self.memory(request.arg.into()) else { return };
        let out = described.dir.comes_out();
        let iov = |asked| self.child(request, index(message, MSG_IOV), field(2), asked);
        let iov_bytes = field(3)
            .min(self.limits.iovecs.into())
            .saturating_mul(Layout::Iovec.size(self.abi).into());
        match &self.exit {
            None => {
                self.remember_name(message, name_size, state);
                if !out {
                    let size = u64::from(name_size).min(NAME_MAX);
                    self.push(
                        requests,
                        state,
                        self.child(request, index(message, MSG_NAME), field(0), size),
                    );
                    let size = field(5).min(CONTROL_MAX);
                    self.push(
                        requests,
                        state,
                        self.child(request, index(message, MSG_CONTROL), field(4), size),
                    );
                }
                self.push(requests, state, iov(iov_bytes));
            }
            Some(_) if out => {
                let size = u64::from(name_size.min(self.name_size(message))).min(NAME_MAX);
                self.push(
                    requests,
                    state,
                    self.child(request, index(message, MSG_NAME), field(0), size),
                );
                let size = field(5).min(CONTROL_MAX);
                self.push(
                    requests,
                    state,
                    self.child(request, index(message, MSG_CONTROL), field(4), size),
                );
                self.push(requests, state, RegionRequest { store: false, ..iov(iov_bytes) });
            }
            // sendmmsg writes only its array.
            Some(_) => {}
        }
    }

    /// Returns the number of bytes in the buffers of a message: all at the entry, as many as the
    /// kernel reports at the exit.
    fn message_total(
        &self,
        request: RegionRequest,
        message: u32,
        many: bool,
        requests: &[RegionRequest],
        mem: &dyn Memory,
    ) -> u64 {
        if self.exit.is_none() {
            let out = self.memory(request.arg.into()).is_some_and(|m| m.dir.comes_out());
            return if out { 0 } else { u64::MAX };
        }
        if !many {
            return self.result();
        }
        let Some(array) =
            requests.iter().position(|w| w.arg == request.arg && w.role == self.base_role)
        else {
            return 0;
        };
        let size = |layout: Layout| u64::from(layout.size(self.abi));
        let at = u64::from(message) * size(Layout::MmsgHdr) + size(Layout::MsgHdr);
        usize::try_from(at).ok().and_then(|at| u32_at(mem.bytes(array), at)).map_or(0, u64::from)
    }

    /// clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls,
    /// set_tid, set_tid_size.
    fn push_clone_args(
        &self,
        request: RegionRequest,
        bytes: &[u8],
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
    ) {
        let field = |i: usize| u64_at(bytes, i * 8).unwrap_or(0);
        let has = |bit: u32| field(0) & u64::from(bit) != 0;
        if self.exit.is_some() {
            if has(PIDFD) {
                self.push(requests, state, self.child(request, CLONE_PIDFD, field(1), 4));
            }
            if has(CLONE_PARENT_SETTID) {
                self.push(requests, state, self.child(request, CLONE_TID, field(3), 4));
            }
        } else {
            // One for each level of PID namespaces, at most 32.
            self.push(
                requests,
                state,
                self.child(request, CLONE_SET_TID, field(8), field(9).min(32) * 4),
            );
            // An address in other ABIs (arch/x86/kernel/tls.c).
            if has(CLONE_SETTLS) && self.abi == Abi::I386 {
                let size = Layout::UserDesc.size(self.abi).into();
                self.push(requests, state, self.child(request, CLONE_TLS, field(7), size));
            }
        }
    }

    /// Pointer and size, each in one half of the structure.
    fn push_pointer_and_size(
        &self,
        request: RegionRequest,
        bytes: &[u8],
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
    ) {
        let (to, n) = match Layout::SigSetArg.size(self.abi) {
            8 => (u32_at(bytes, 0).map(u64::from), u32_at(bytes, 4).map(u64::from)),
            _ => (u64_at(bytes, 0), u64_at(bytes, 8)),
        };
        if let (Some(to), Some(n)) = (to, n) {
            self.push(requests, state, self.child(request, 0, to, n.min(4096)));
        }
    }

    /// Returns the size that a structure states. At the exit, the smaller of its values at entry
    /// and exit: the kernel may store the size it would have accepted, which can exceed the buffer.
    fn stated_size(
        &self,
        request: RegionRequest,
        now: Option<u32>,
        state: &mut EntryState,
    ) -> Option<u32> {
        let slot = usize::from(request.arg);
        let then =
            self.exit.as_ref().and_then(|e| e.entry.lengths.get(slot).copied()).unwrap_or(u32::MAX);
        if let (Some(keep), Some(now)) = (state.lengths.get_mut(slot), now) {
            *keep = now;
        }
        now.map(|now| now.min(then))
    }

    /// xattr_args: address of the value (64 bits in every ABI), size, flags.
    fn push_xattr_value(
        &self,
        request: RegionRequest,
        bytes: &[u8],
        dir: Dir,
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
    ) {
        let (Some(to), Some(size)) = (u64_at(bytes, 0), u32_at(bytes, 8)) else { return };
        let size = u64::from(size);
        let asked = match &self.exit {
            None if dir == Dir::In => size,
            Some(_) => size.min(self.result()),
            None => 0,
        };
        self.push(requests, state, self.child(request, 0, to, asked));
    }
}

/// Returns the length of an `old_linux_dirent`. The last 16 bits of its header are the length of
/// the name.
fn old_dirent(head: &[u8]) -> u64 {
    let name = head.last_chunk().map_or(0, |length| u16::from_le_bytes(*length));
    OLD_DIRENT_HEAD + u64::from(name) + 1
}
