//! What a call is compared as: an operation, or one of a class of calls that are counted.

use std::hash::{Hash, Hasher};

use super::super::names::NameId;
use crate::diff::effect::Op;

/// What a call did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) op: Op,
    /// What it was done to.
    pub(crate) first: NameId,
    /// The second name: the new name of a rename, the mode of a chmod.
    pub(crate) second: NameId,
    /// The error number, or 0.
    pub(crate) errno: u16,
    /// Whether it is an effect. Use of a descriptor that a call opened is not: opening it was.
    pub(crate) effect: bool,
    /// The name that it creates.
    pub(crate) makes: Making,
    /// The permissions and flags of a file that it may create.
    pub(crate) grants: NameId,
    /// The flags that decide which file it reaches or replaces.
    pub(crate) flags: NameId,
    /// Whether it opens the file for reading or writing.
    pub(crate) opens: bool,
    /// The path in the call, if the opened file has another one.
    pub(crate) requested: NameId,
}

/// Hashes two words instead of every field, because every call of a log is looked up. Fields that
/// hardly ever distinguish operations are left out.
impl Hash for Operation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let names = u64::from(self.first.0) << 32 | u64::from(self.second.0);
        let how = u64::from(self.errno) << 16 | (self.op as u64) << 8 | u64::from(self.opens);
        state.write_u64(names);
        state.write_u64(u64::from(self.requested.0) << 32 | how);
    }
}

/// The name that a call creates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Making {
    #[default]
    Nothing,
    /// The first name, unless it existed.
    Perhaps,
    /// The first name, which did not exist.
    First,
    /// The second name.
    Second,
}

/// The class of calls that are counted and not compared one by one, because their place and number
/// depend on the scheduler or the allocator, not on the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CountedOnly {
    /// Futexes, yielding, sleeping.
    Sync,
    /// Anonymous memory.
    Memory,
    /// Signal masks, handlers, returns from handlers.
    Signals,
    /// Waiting for events or children.
    Wait,
    /// Clocks and random bytes.
    Clock,
    /// Calls repeated because the first attempt had nothing to do.
    Retry,
    /// Calls of the recorder before the program begins.
    Recorder,
    /// Calls that the table does not know.
    Unknown,
}

impl CountedOnly {
    /// All classes.
    pub const ALL: [Self; 8] = [
        Self::Sync,
        Self::Memory,
        Self::Signals,
        Self::Wait,
        Self::Clock,
        Self::Retry,
        Self::Recorder,
        Self::Unknown,
    ];

    /// Returns the name of the class.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Memory => "memory",
            Self::Signals => "signals",
            Self::Wait => "wait",
            Self::Clock => "clock",
            Self::Retry => "retry",
            Self::Recorder => "recorder",
            Self::Unknown => "unknown",
        }
    }
}

/// The classification of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Classified {
    Operation(Operation),
    CountedOnly(CountedOnly),
    /// A failed attempt that will be repeated.
    Retry(Operation),
    /// A mark with this name.
    Mark(NameId),
}
