//! The model of parts that encoder and decoder share.
//!
//! Both update it in the same way and order. It is reset for every block.

use super::keys::{Key, mix};
use crate::kind::{PartKind, RegionFlags};

/// Whether a call, by architecture (`AUDIT_ARCH_*`) and number, needs the parts of its stops.
pub type NeedsParts = fn(arch: u32, nr: u64) -> bool;

/// The number of parts remembered of a stop.
pub(super) const MEMO: usize = 4;

/// The parts of the last stop at a site, for one phase of its calls.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memo {
    /// The number of parts; above [`MEMO`] none is predicted.
    pub(super) count: usize,
    pub(super) slots: [Slot; MEMO],
}

/// A remembered part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub(super) class: u32,
    pub(super) len: u64,
    pub(super) address: u64,
    /// Whether the call predicted the length.
    pub(super) hinted: bool,
}

/// The properties that parts of a class share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) kind: PartKind,
    pub(super) flags: u16,
    /// Of regions that fit the model: arg, dir, role, flags, errno.
    pub(super) region: Option<([u8; 4], u32)>,
}

/// A class for one system call. The bytes of its parts are stored together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClassOf {
    pub(super) class: Class,
    pub(super) nr: u64,
}

/// The fields of a call that predict its parts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Call {
    pub(super) args: [u64; 6],
    /// The return value, at an exit.
    pub(super) rval: Option<u64>,
    pub(super) known: bool,
}

/// The previous region in the same row.
#[derive(Clone, Copy, Debug)]
pub(super) struct PreviousRegion {
    pub(super) class: u32,
    pub(super) index: u32,
    pub(super) end: u64,
}

impl PreviousRegion {
    pub(super) const NONE: PreviousRegion = PreviousRegion { class: u32::MAX, index: 0, end: 0 };

    /// Returns the predicted index.
    pub(super) fn next_index(&self, class: u32) -> u32 {
        if self.class == class { self.index.wrapping_add(1) } else { 0 }
    }
}

impl Call {
    /// Returns the length that a call suggests for its buffer: the return value, or the argument
    /// after the pointer.
    pub(super) fn hint(&self, arg: u8) -> u64 {
        match self.rval {
            Some(rval) => rval,
            None => self.args.get(usize::from(arg) + 1).copied().unwrap_or_default(),
        }
    }

    /// Returns the predicted address.
    pub(super) fn address(
        &self,
        [arg, _, role, _]: [u8; 4],
        class: u32,
        slot: &Slot,
        previous: &PreviousRegion,
    ) -> u64 {
        match self.args.get(usize::from(arg)) {
            Some(&address) if self.known && role == 0 => address,
            _ if previous.class == class => previous.end,
            _ => slot.address,
        }
    }
}

impl Slot {
    /// Returns the predicted length.
    pub(super) fn predicted(&self, hint: u64) -> u64 {
        if self.hinted { hint } else { self.len }
    }
}

impl Memo {
    /// Returns the slot of a part; an empty one beyond the memory.
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
    /// Whether the region is a string stored in the event.
    pub(super) fn is_string(flags: u8) -> bool {
        flags & (RegionFlags::STRING.0 | RegionFlags::BLOBS.0) == RegionFlags::STRING.0
    }

    /// Whether the bytes are in blobs.
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
