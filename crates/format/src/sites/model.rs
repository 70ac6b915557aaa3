//! What encoder and decoder both remember of a block while they go through its rows.
//!
//! Both do the same with it, in the same order. It begins anew with every block.

use super::keys::{Key, mix};
use crate::kind::{PartKind, RegionFlags};

/// How many parts of one stop are remembered.
pub(super) const MEMO: usize = 4;

/// Parts of the last stop of one sort.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memo {
    /// How many there were; above [`MEMO`] nothing is predicted.
    pub(super) count: usize,
    pub(super) slots: [Slot; MEMO],
}

/// One of those parts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub(super) class: u32,
    pub(super) len: u64,
    pub(super) address: u64,
    /// Whether the length was what the call told.
    pub(super) hinted: bool,
}

/// What parts have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) kind: PartKind,
    pub(super) flags: u16,
    /// Of regions that are as the model wants them: arg, dir, role, flags, errno.
    pub(super) region: Option<([u8; 4], u32)>,
}

/// A class, for one system call: the bytes of its parts stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClassOf {
    pub(super) class: Class,
    pub(super) nr: u64,
}

/// What the call itself says about its parts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Call {
    pub(super) args: [u64; 6],
    /// The value that an exit returned.
    pub(super) rval: Option<u64>,
    pub(super) known: bool,
}

/// The region before, in the same row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Former {
    pub(super) class: u32,
    pub(super) index: u32,
    pub(super) end: u64,
}

impl Former {
    pub(super) const NONE: Former = Former { class: u32::MAX, index: 0, end: 0 };

    /// The index to expect.
    pub(super) fn next_index(&self, class: u32) -> u32 {
        if self.class == class { self.index.wrapping_add(1) } else { 0 }
    }
}

impl Call {
    /// How many bytes a call says its buffer has: what it returns, or the argument after the
    /// pointer.
    pub(super) fn hint(&self, arg: u8) -> u64 {
        match self.rval {
            Some(rval) => rval,
            None => self.args.get(usize::from(arg) + 1).copied().unwrap_or_default(),
        }
    }

    /// The address to expect.
    pub(super) fn address(
        &self,
        [arg, _, role, _]: [u8; 4],
        class: u32,
        slot: &Slot,
        former: &Former,
    ) -> u64 {
        match self.args.get(usize::from(arg)) {
            Some(&address) if self.known && role == 0 => address,
            _ if former.class == class => former.end,
            _ => slot.address,
        }
    }
}

impl Slot {
    /// The length to expect.
    pub(super) fn predicted(&self, hint: u64) -> u64 {
        if self.hinted { hint } else { self.len }
    }
}

impl Memo {
    /// A part's slot; parts beyond the memory begin with an empty one.
    pub(super) fn slot(&self, index: usize) -> Slot {
        self.slots.get(index).copied().unwrap_or_default()
    }

    pub(super) fn learn(&mut self, index: usize, slot: Slot) {
        if let Some(known) = self.slots.get_mut(index) {
            *known = slot;
        }
    }
}

impl Class {
    /// Whether it is a string in the event itself.
    pub(super) fn is_string(flags: u8) -> bool {
        flags & (RegionFlags::STRING.0 | RegionFlags::BLOBS.0) == RegionFlags::STRING.0
    }

    /// Whether the bytes are blobs.
    pub(super) fn is_blobs(flags: u8) -> bool {
        flags & RegionFlags::BLOBS.0 != 0
    }
}

impl Key for ClassOf {
    fn hash(&self) -> u64 {
        let (head, errno) = self.class.region.unwrap_or_default();
        let kind = u64::from(self.class.kind.0) << 32 | u64::from(u32::from_le_bytes(head));
        mix(mix(mix(self.nr, kind), u64::from(errno)), u64::from(self.class.flags))
    }
}
