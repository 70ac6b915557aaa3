//! A stop whose memory is being planned, and what both levels need to know of it.

use super::request::{EntryState, Limits, NAMES, RegionRequest};
use crate::arch::Abi;
use crate::desc::{Dir, Mem, Row, Sibling, When};
use crate::special;

/// One stop being planned.
pub(super) struct Stop<'a> {
    pub(super) abi: Abi,
    pub(super) row: &'a Row,
    pub(super) args: [u64; 6],
    pub(super) limits: &'a Limits,
    /// Absent at an entry.
    pub(super) exit: Option<Exit<'a>>,
    /// Role of what an argument itself points to: 1 for a call behind a multiplexed one.
    pub(super) base: u8,
}

/// How the call ended.
pub(super) struct Exit<'a> {
    pub(super) rval: i64,
    pub(super) is_error: bool,
    pub(super) entry: &'a EntryState,
}

/// struct old_linux_dirent of i386 before its name: inode, offset, length of the name
/// (fs/readdir.c).
pub(super) const OLD_DIRENT_HEAD: u64 = 10;

impl Stop<'_> {
    /// The memory of an argument, with what depends on a command decided.
    pub(super) fn memory(&self, arg: usize) -> Option<Mem> {
        let mem = self.row.args.get(arg)?.mem?;
        let right = match mem.special() {
            Some(id) => special::memory(id, self.abi, &self.args, arg)?,
            None => mem.right(),
        };
        match mem.fault() {
            Some(fault) => right.spoilt(fault, self.exit.as_ref().map(|exit| exit.is_error)),
            None => Some(right),
        }
    }

    /// Whether memory concerns this stop: it goes in, or the call has written it.
    pub(super) fn concerns(&self, mem: &Mem) -> bool {
        self.applies(mem.dir, mem.when)
    }

    /// The same for a direction and a condition.
    pub(super) fn applies(&self, dir: Dir, when: When) -> bool {
        match &self.exit {
            None => dir.goes_in(),
            Some(exit) => dir.comes_out() && when.applies(exit.rval, exit.is_error),
        }
    }

    /// The direction of all regions of this stop.
    pub(super) fn dir(&self) -> Dir {
        if self.exit.is_some() { Dir::Out } else { Dir::In }
    }

    /// The number in a sibling argument.
    pub(super) fn count(&self, sibling: Sibling) -> u64 {
        let i = usize::from(sibling.index);
        match (self.row.args.get(i), self.args.get(i)) {
            (Some(arg), Some(value)) => arg.kind.count(*value),
            _ => 0,
        }
    }

    /// The result as a number of elements.
    pub(super) fn result(&self) -> u64 {
        match &self.exit {
            Some(exit) if !exit.is_error => u64::try_from(exit.rval).unwrap_or(0),
            _ => 0,
        }
    }

    /// Whether this is the exit of a call that succeeded.
    pub(super) fn succeeded(&self) -> bool {
        self.exit.as_ref().is_some_and(|exit| !exit.is_error)
    }

    /// Adds a request, unless there is nothing to read or the stop has enough.
    pub(super) fn push(
        &self,
        requests: &mut Vec<RegionRequest>,
        state: &mut EntryState,
        mut request: RegionRequest,
    ) {
        let about = self.row.args.get(usize::from(request.arg)).and_then(|arg| arg.mem);
        if let Some(fault) = about.and_then(Mem::fault)
            && (request.store && !request.string && request.words == 0 && request.asked != 0)
        {
            request.asked = request.asked.saturating_add_signed(fault.more(request.dir));
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

    /// A request for what an argument itself points to.
    pub(super) fn top(&self, arg: usize, asked: u64) -> RegionRequest {
        RegionRequest {
            arg: u8::try_from(arg).unwrap_or(u8::MAX),
            dir: self.dir(),
            role: self.base,
            index: 0,
            address: self.args.get(arg).copied().unwrap_or(0),
            asked,
            string: false,
            words: 0,
            store: true,
        }
    }

    /// A request one level below another.
    pub(super) fn below(
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

    /// The size of a message's name buffer at the entry.
    pub(super) fn name_size(&self, message: u32) -> u32 {
        let known = self
            .exit
            .as_ref()
            .and_then(|e| e.entry.names.get(usize::try_from(message).ok()?).copied());
        known.map_or(u32::from(u8::MAX), u32::from)
    }

    /// Remembers the size of a message's name buffer for the exit. The kernel writes no more than
    /// 128 bytes, so a byte holds all that matters.
    pub(super) fn remember_name(&self, message: u32, size: u32, state: &mut EntryState) {
        const { assert!(NAMES <= 256) };
        if let Some(slot) = usize::try_from(message).ok().and_then(|i| state.names.get_mut(i)) {
            *slot = u8::try_from(size).unwrap_or(u8::MAX);
        }
    }
}
