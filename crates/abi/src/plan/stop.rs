//! A stop being planned: row, arguments, result, and the operations that all levels share.

use super::request::{EntryState, Limits, NAME_SIZES, RegionRequest};
use crate::arch::Abi;
use crate::desc::{ArgKind, Dir, Mem, Row, Sibling, When};
use crate::special;

/// A stop being planned.
pub(super) struct Stop<'a> {
    pub(super) abi: Abi,
    pub(super) row: &'a Row,
    pub(super) args: [u64; 6],
    pub(super) limits: &'a Limits,
    /// `None` at an entry.
    pub(super) exit: Option<Exit<'a>>,
    /// Role of what an argument itself points to: 1 for a call made through a multiplexer.
    pub(super) base_role: u8,
}

/// The result of the call, and the state of its entry.
pub(super) struct Exit<'a> {
    pub(super) rval: i64,
    pub(super) is_error: bool,
    pub(super) entry: &'a EntryState,
}

/// struct old_linux_dirent of i386 without its name: inode, offset, length of the name
/// (fs/readdir.c).
pub(super) const OLD_DIRENT_HEAD: u64 = 10;

impl Stop<'_> {
    /// Returns the memory of an argument. Resolves what depends on a command, and applies a seeded
    /// fault.
    pub(super) fn memory(&self, arg: usize) -> Option<Mem> {
        let mem = self.row.args.get(arg)?.mem?;
        let correct = match mem.special() {
            Some(id) => special::memory(id, self.abi, &self.args, arg)?,
            None => mem.without_fault(),
        };
        match mem.fault() {
            Some(fault) => correct.with_fault(fault, self.exit.as_ref().map(|exit| exit.is_error)),
            None => Some(correct),
        }
    }

    /// Whether memory is captured at this stop: the kernel reads it, or has written it.
    pub(super) fn concerns(&self, mem: &Mem) -> bool {
        self.applies(mem.dir, mem.when)
    }

    /// Like [`Self::concerns`], from direction and condition.
    pub(super) fn applies(&self, dir: Dir, when: When) -> bool {
        match &self.exit {
            None => dir.goes_in(),
            Some(exit) => dir.comes_out() && when.applies(exit.rval, exit.is_error),
        }
    }

    /// Returns the direction of the regions of this stop.
    pub(super) fn dir(&self) -> Dir {
        if self.exit.is_some() { Dir::Out } else { Dir::In }
    }

    /// Returns the value of a sibling argument as a count.
    pub(super) fn count(&self, sibling: Sibling) -> u64 {
        let i = usize::from(sibling.index);
        match (self.row.args.get(i), self.args.get(i)) {
            // A long of 32 bits may be below 0 as well.
            (Some(arg), Some(value))
                if matches!(arg.kind, ArgKind::Long) && self.abi.word() == 4 =>
            {
                ArgKind::Int.count(*value)
            }
            (Some(arg), Some(value)) => arg.kind.count(*value),
            _ => 0,
        }
    }

    /// Returns the result as a number of elements; 0 at an entry and on errors.
    pub(super) fn result(&self) -> u64 {
        match &self.exit {
            Some(exit) if !exit.is_error => u64::try_from(exit.rval).unwrap_or(0),
            _ => 0,
        }
    }

    /// Whether this is the exit of a successful call.
    pub(super) fn succeeded(&self) -> bool {
        self.exit.as_ref().is_some_and(|exit| !exit.is_error)
    }

    /// Adds a request, unless its address or length is 0 or the limit is reached.
    pub(super) fn push(
        &self,
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
        mut request: RegionRequest,
    ) {
        let described = self.row.args.get(usize::from(request.arg)).and_then(|arg| arg.mem);
        if let Some(fault) = described.and_then(Mem::fault)
            && (request.store && !request.string && request.words == 0 && request.asked != 0)
        {
            request.asked = request.asked.saturating_add_signed(fault.extra_bytes(request.dir));
        }
        if request.address == 0 || request.asked == 0 {
            return;
        }
        if requests.len() >= usize::try_from(self.limits.requests).unwrap_or(usize::MAX) {
            state.left_out = state.left_out.saturating_add(1);
            return;
        }
        requests.push(request);
    }

    /// Returns a request for what an argument itself points to.
    pub(super) fn top(&self, arg: usize, asked: u64) -> RegionRequest {
        RegionRequest {
            arg: u8::try_from(arg).unwrap_or(u8::MAX),
            dir: self.dir(),
            role: self.base_role,
            index: 0,
            address: self.args.get(arg).copied().unwrap_or(0),
            asked,
            string: false,
            words: 0,
            store: true,
        }
    }

    /// Returns a request one level below another.
    pub(super) fn child(
        &self,
        above: RegionRequest,
        index: u32,
        address: u64,
        asked: u64,
    ) -> RegionRequest {
        RegionRequest {
            role: above.role + 1,
            index,
            address,
            asked,
            string: false,
            words: 0,
            store: true,
            ..above
        }
    }

    /// Returns the size of a message's name buffer at the entry.
    pub(super) fn name_size(&self, message: u32) -> u32 {
        let known = self
            .exit
            .as_ref()
            .and_then(|e| e.entry.name_sizes.get(usize::try_from(message).ok()?).copied());
        known.map_or(u32::from(u8::MAX), u32::from)
    }

    /// Remembers the size of a message's name buffer for the exit. The kernel writes at most 128
    /// bytes, so 8 bits suffice.
    pub(super) fn remember_name(&self, message: u32, size: u32, state: &mut EntryState) {
        const { assert!(NAME_SIZES <= 256) };
        if let Some(slot) = usize::try_from(message).ok().and_then(|i| state.name_sizes.get_mut(i))
        {
            *slot = u8::try_from(size).unwrap_or(u8::MAX);
        }
    }
}
