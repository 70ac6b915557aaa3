//! The first level of a stop: what the arguments themselves point to.

use linux_raw_sys::general as g;

use super::request::{EntryState, Fact, Memory, RegionRequest};
use super::stop::{OLD_DIRENT_HEAD, Stop};
use crate::arch::Abi;
use crate::bytes::u32_at;
use crate::desc::{CallKind, Count, Dir, Len, Mem};
use crate::layout::Layout;

/// Signal, errno and code of a siginfo, which define the rest of it.
const SIGINFO_HEAD: u64 = 12;
/// Returns the size in bytes of the capability sets of a version (kernel/capability.c).
fn cap_data_size(version: u32) -> u32 {
    match version {
        g::_LINUX_CAPABILITY_VERSION_1 => 12,
        g::_LINUX_CAPABILITY_VERSION_2 | g::_LINUX_CAPABILITY_VERSION_3 => 24,
        _ => 0,
    }
}

impl Stop<'_> {
    pub(super) fn push_first_level(
        &self,
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
    ) {
        for arg in 0..self.row.args.len().min(6) {
            if let Some(mem) = self.memory(arg)
                && let Some(request) = self.first_request(arg, &mem)
            {
                self.push(requests, state, request);
            }
        }
    }

    /// Returns the first request for an argument.
    fn first_request(&self, arg: usize, mem: &Mem) -> Option<RegionRequest> {
        let (concerns, entry) = (self.concerns(mem), self.exit.is_none());
        let size = |layout: Layout| u64::from(layout.size(self.abi));
        match mem.len {
            // The call does not change these, but they are read again at the exit because they
            // contain pointers to its results and, for sendmmsg, the lengths.
            Len::Iov { count, .. } if entry || (concerns && self.result() != 0) => {
                let n = self.count(count).min(self.limits.iovecs.into());
                Some(RegionRequest { store: entry, ..self.top(arg, n * size(Layout::Iovec)) })
            }
            Len::Msg { many: None } if entry || concerns => {
                Some(self.top(arg, size(Layout::MsgHdr)))
            }
            // On errors the result is not a number of messages.
            Len::Msg { many: Some(count) } => {
                let most = if entry { u64::MAX } else { self.result() };
                let n = self.count(count).min(self.limits.messages.into()).min(most);
                Some(self.top(arg, n * size(Layout::MmsgHdr)))
            }
            Len::CloneArgs(count) if entry || self.succeeded() => {
                Some(RegionRequest { store: entry, ..self.top(arg, self.count(count).min(4096)) })
            }
            Len::XattrArgs(count) if entry || (concerns && self.result() != 0) => {
                Some(RegionRequest { store: entry, ..self.top(arg, self.count(count).min(4096)) })
            }
            Len::PointerFields { count, each, pointers } => {
                // At the exit it is read again if its pointers are needed.
                let wanted =
                    concerns || pointers.iter().any(|field| self.applies(field.dir, field.when));
                let n = match count {
                    Count::Fixed(n) => n.into(),
                    Count::Arg(count) if each == Layout::Byte => self.count(count).min(4096),
                    Count::Arg(count) => self.count(count).min(self.limits.iovecs.into()),
                };
                wanted.then(|| RegionRequest { store: concerns, ..self.top(arg, n * size(each)) })
            }
            Len::Iov { .. }
            | Len::Msg { .. }
            | Len::CloneArgs(_)
            | Len::XattrArgs(_)
            | Len::Special(_) => None,
            // Multiplexers need the argument that selects the call at both stops.
            _ if !concerns
                && !entry
                && self.row.kind == CallKind::Multiplexed
                && mem.dir == Dir::In =>
            {
                self.plain_len(mem.len)
                    .map(|asked| RegionRequest { store: false, ..self.top(arg, asked) })
            }
            _ if !concerns => None,
            _ => self.concerned_request(arg, mem.len),
        }
    }

    /// Returns the first request for memory that concerns this stop.
    fn concerned_request(&self, arg: usize, len: Len) -> Option<RegionRequest> {
        match len {
            Len::CStr => Some(RegionRequest {
                string: true,
                ..self.top(arg, self.limits.string_bytes.into())
            }),
            Len::CStrVec => {
                let word = self.abi.word();
                // Includes the terminating null pointer.
                let most = (u64::from(self.limits.strings) + 1) * u64::from(word);
                Some(RegionRequest { words: word, ..self.top(arg, most) })
            }
            Len::SigInfo => Some(RegionRequest { store: false, ..self.top(arg, SIGINFO_HEAD) }),
            Len::OldDirent => {
                Some(RegionRequest { store: false, ..self.top(arg, OLD_DIRENT_HEAD) })
            }
            Len::Tailed { head, .. } => {
                Some(RegionRequest { store: false, ..self.top(arg, head.into()) })
            }
            Len::SelfSized { at, .. } => {
                Some(RegionRequest { store: false, ..self.top(arg, u64::from(at) + 4) })
            }
            _ => self.plain_len(len).map(|asked| self.top(arg, asked)),
        }
    }

    /// Returns the length in bytes of memory that is contiguous and does not state its own length.
    fn plain_len(&self, len: Len) -> Option<u64> {
        let size = |layout: Layout| u64::from(layout.size(self.abi));
        Some(match len {
            Len::Fixed(layout) => size(layout),
            Len::Several { n, each } => u64::from(n) * size(each),
            Len::Bytes(n) => n.into(),
            Len::Arg { count, each } => self.count(count).saturating_mul(size(each)),
            Len::Ret { each, cap } => {
                let n = cap.map_or(u64::MAX, |cap| self.count(cap)).min(self.result());
                n.saturating_mul(size(each))
            }
            Len::Bits(count) => {
                // The kernel's longs. x32 makes the calls of x86-64.
                let word = if self.abi == Abi::I386 { 32 } else { 64 };
                self.count(count).div_ceil(word).saturating_mul(word / 8)
            }
            Len::Iocbs(count) => {
                self.count(count).min(self.limits.iovecs.into()) * size(Layout::Word)
            }
            Len::MsgBuf(count) => {
                let n = if self.exit.is_some() { self.result() } else { u64::MAX };
                size(Layout::Word).saturating_add(self.count(count).min(n))
            }
            Len::Pages(count) => self.count(count).div_ceil(4096),
            Len::Nodes(count) => {
                // mm/mempolicy.c writes whole 64-bit words in every ABI.
                let word = if self.abi == Abi::I386 && self.exit.is_none() { 32 } else { 64 };
                self.count(count).saturating_sub(1).div_ceil(word).saturating_mul(word / 8)
            }
            Len::RetWhole(room) if self.result() <= self.count(room) => self.result(),
            Len::RetWhole(_) => 0,
            Len::Pointed => size(Layout::SigSetArg),
            Len::Fprog => size(Layout::SockFprog),
            _ => return None,
        })
    }

    /// Adds requests whose length is in other memory or in the kernel, once the first level is
    /// read.
    pub(super) fn push_indirect(
        &self,
        requests: &mut Vec<RegionRequest>,
        mem: &dyn Memory,
        state: &mut EntryState,
    ) {
        let first = requests.len();
        for arg in 0..self.row.args.len().min(6) {
            let Some(described) = self.memory(arg) else { continue };
            let (size, each) = match described.len {
                Len::Deref { count, each } => (count, each),
                Len::CapData(header) => (header, Layout::Byte),
                Len::Semaphores(set) if self.concerns(&described) => {
                    let set = self.args.get(usize::from(set.index)).copied().unwrap_or(0);
                    let n = mem.ask(Fact::Semaphores(set)).unwrap_or(0);
                    self.push(requests, state, self.top(arg, n.saturating_mul(2)));
                    continue;
                }
                _ => continue,
            };
            let seen = requests.get(..first).unwrap_or(&[]).iter();
            let at = seen
                .enumerate()
                .find(|(_, w)| w.arg == size.index && w.role == self.base_role)
                .map(|(i, _)| i);
            let now = at.and_then(|i| u32_at(mem.bytes(i), 0));
            let slot = usize::from(size.index);
            let then = self
                .exit
                .as_ref()
                .and_then(|e| e.entry.lengths.get(slot).copied())
                .unwrap_or(u32::MAX);
            if let (Some(keep), Some(now)) = (state.lengths.get_mut(slot), now) {
                *keep = now;
            }
            let count = match (described.len, now) {
                (Len::CapData(_), now) => cap_data_size(now.unwrap_or(then)),
                (_, Some(now)) => now.min(then),
                (_, None) => continue,
            };
            if self.concerns(&described) {
                let asked = u64::from(count) * u64::from(each.size(self.abi));
                self.push(requests, state, self.top(arg, asked));
            }
        }
    }
}
