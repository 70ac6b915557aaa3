//! The first level of a stop: what the arguments themselves point to, and the loop over the levels behind it.

use super::word::u32_at;
use super::{EntryState, Limits, Memory, NAMES, Want};
use crate::arch::Abi;
use crate::desc::{Dir, Len, Mem, Row, Sibling};
use crate::layout::Layout;
use crate::special;

/// One stop being planned.
pub(super) struct Stop<'a> {
    pub(super) abi: Abi,
    pub(super) row: &'a Row,
    pub(super) args: [u64; 6],
    pub(super) limits: &'a Limits,
    /// Absent at an entry.
    pub(super) exit: Option<Exit<'a>>,
}

/// How the call ended.
pub(super) struct Exit<'a> {
    pub(super) rval: i64,
    pub(super) is_error: bool,
    pub(super) entry: &'a EntryState,
}

impl Stop<'_> {
    /// Levels 0, 1 and 2. Three bound the loop: no row points further.
    pub(super) fn run(&self, wants: &mut Vec<Want>, mem: &mut dyn Memory) -> EntryState {
        wants.clear();
        let mut state = EntryState::UNKNOWN;
        self.first_level(wants, &mut state);
        let mut from = 0;
        for level in 0..3 {
            let to = wants.len();
            if let Some(new) = wants.get(from..to).filter(|new| !new.is_empty()) {
                mem.fetch(new);
            }
            if level == 0 {
                self.lengths(wants, mem, &mut state);
            }
            self.expand(from..to, wants, mem, &mut state);
            if wants.len() == to {
                return state;
            }
            from = to;
        }
        if let Some(new) = wants.get(from..).filter(|new| !new.is_empty()) {
            mem.fetch(new);
        }
        state
    }

    /// The memory of an argument, with what depends on a command decided.
    pub(super) fn memory(&self, arg: usize) -> Option<Mem> {
        let mem = self.row.args.get(arg)?.mem?;
        match mem.len {
            Len::Special(id) => special::memory(id, self.abi, &self.args, arg),
            _ => Some(mem),
        }
    }

    /// Whether memory concerns this stop: it goes in, or the call has written it.
    pub(super) fn concerns(&self, mem: &Mem) -> bool {
        match &self.exit {
            None => mem.dir.goes_in(),
            Some(exit) => mem.dir.comes_out() && mem.when.applies(exit.rval, exit.is_error),
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

    /// Adds a want, unless there is nothing to read or the stop has enough.
    pub(super) fn push(&self, wants: &mut Vec<Want>, state: &mut EntryState, want: Want) {
        if want.address == 0 || want.asked == 0 {
            return;
        }
        if wants.len() >= usize::try_from(self.limits.wants).unwrap_or(usize::MAX) {
            state.left_out = state.left_out.saturating_add(1);
            return;
        }
        wants.push(want);
    }

    /// A want of role 0.
    pub(super) fn top(&self, arg: usize, asked: u64) -> Want {
        Want {
            arg: u8::try_from(arg).unwrap_or(u8::MAX),
            dir: self.dir(),
            role: 0,
            index: 0,
            address: self.args.get(arg).copied().unwrap_or(0),
            asked,
            string: false,
            words: 0,
            store: true,
        }
    }

    fn first_level(&self, wants: &mut Vec<Want>, state: &mut EntryState) {
        for arg in 0..self.row.args.len().min(6) {
            if let Some(mem) = self.memory(arg)
                && let Some(want) = self.first(arg, &mem)
            {
                self.push(wants, state, want);
            }
        }
    }

    /// What is read first for an argument, if anything.
    fn first(&self, arg: usize, mem: &Mem) -> Option<Want> {
        let concerns = self.concerns(mem);
        let size = |layout: Layout| u64::from(layout.size(self.abi));
        let top = |asked: u64| Some(self.top(arg, asked));
        match mem.len {
            // At the exit they are read again although the call leaves them alone: the kernel has put its results
            // behind pointers that lie in them, and into the lengths of sendmmsg.
            Len::Iov { count, .. } => {
                let each = size(Layout::Iovec);
                let n = self.count(count).min(self.limits.iovecs.into());
                let want = self.top(arg, n * each);
                (concerns || self.exit.is_none()).then_some(Want { store: self.exit.is_none(), ..want })
            }
            Len::Msg { many: None } => {
                (concerns || self.exit.is_none()).then(|| self.top(arg, size(Layout::MsgHdr)))
            }
            Len::Msg { many: Some(count) } => {
                let mut n = self.count(count).min(self.limits.messages.into());
                if let Some(exit) = &self.exit {
                    n = n.min(self.result());
                    if exit.is_error {
                        return None;
                    }
                }
                top(n * size(Layout::MmsgHdr))
            }
            Len::CloneArgs(count) => {
                let n = self.count(count).min(4096);
                let ok = self.exit.as_ref().is_none_or(|exit| !exit.is_error);
                ok.then(|| Want { store: self.exit.is_none(), ..self.top(arg, n) })
            }
            _ if !concerns => None,
            Len::Fixed(layout) => top(size(layout)),
            Len::Several { n, each } => top(u64::from(n) * size(each)),
            Len::Bytes(n) => top(n.into()),
            Len::Arg { count, each } => top(self.count(count).saturating_mul(size(each))),
            Len::Ret { each, cap } => {
                let n = cap.map_or(u64::MAX, |cap| self.count(cap)).min(self.result());
                top(n.saturating_mul(size(each)))
            }
            Len::Deref(_) => None,
            Len::Bits(count) => {
                let word = u64::from(self.abi.word()) * 8;
                top(self.count(count).div_ceil(word).saturating_mul(word / 8))
            }
            Len::CStr => Some(Want { string: true, ..self.top(arg, self.limits.string_bytes.into()) }),
            Len::CStrVec => {
                let word = self.abi.word();
                // One more than the strings, so that the end is seen.
                let most = (u64::from(self.limits.strings) + 1) * u64::from(word);
                Some(Want { words: word, ..self.top(arg, most) })
            }
            Len::SelfSized { at, .. } => Some(Want { store: false, ..self.top(arg, u64::from(at) + 4) }),
            Len::Iocbs(count) => {
                let n = self.count(count).min(self.limits.iovecs.into());
                top(n * size(Layout::Word))
            }
            Len::MsgBuf(count) => {
                let n = if self.exit.is_some() { self.result() } else { u64::MAX };
                top(size(Layout::Word).saturating_add(self.count(count).min(n)))
            }
            Len::Pages(count) => top(self.count(count).div_ceil(4096)),
            Len::Pointed => top(size(Layout::SigSetArg)),
            Len::Fprog => top(size(Layout::SockFprog)),
            Len::Special(_) => None,
        }
    }

    /// Memory whose length lies in memory: known once the first level is there.
    fn lengths(&self, wants: &mut Vec<Want>, mem: &dyn Memory, state: &mut EntryState) {
        let first = wants.len();
        for arg in 0..self.row.args.len().min(6) {
            let Some(Mem { len: Len::Deref(size), .. }) = self.row.args.get(arg).and_then(|a| a.mem) else {
                continue;
            };
            let seen = wants.get(..first).unwrap_or(&[]).iter();
            let at = seen.enumerate().find(|(_, w)| w.arg == size.index && w.role == 0).map(|(i, _)| i);
            let now = at.and_then(|i| u32_at(mem.bytes(i), 0));
            let slot = usize::from(size.index);
            let then =
                self.exit.as_ref().and_then(|e| e.entry.lengths.get(slot).copied()).unwrap_or(u32::MAX);
            if let (Some(keep), Some(now)) = (state.lengths.get_mut(slot), now) {
                *keep = now;
            }
            if let Some(mem) = self.memory(arg)
                && self.concerns(&mem)
                && let Some(now) = now
            {
                self.push(wants, state, self.top(arg, now.min(then).into()));
            }
        }
    }

    /// The size of a message's name buffer at the entry.
    pub(super) fn name_size(&self, message: u32) -> u32 {
        let known =
            self.exit.as_ref().and_then(|e| e.entry.names.get(usize::try_from(message).ok()?).copied());
        known.map_or(u32::from(u8::MAX), u32::from)
    }

    /// Remembers the size of a message's name buffer for the exit. The kernel writes no more than 128 bytes, so a
    /// byte holds all that matters.
    pub(super) fn remember_name(&self, message: u32, size: u32, state: &mut EntryState) {
        const { assert!(NAMES <= 256) };
        if let Some(slot) = usize::try_from(message).ok().and_then(|i| state.names.get_mut(i)) {
            *slot = u8::try_from(size).unwrap_or(u8::MAX);
        }
    }
}
