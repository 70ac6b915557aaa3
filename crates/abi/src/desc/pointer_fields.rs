//! Structures that a call passes and that have pointers in them: where those stand, and how long
//! the memory behind them is.

use super::{Dir, Sibling, When};

/// How many structures stand one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Many {
    /// A fixed number.
    N(u8),
    /// As many as the sibling says.
    Arg(Sibling),
}

/// A pointer in a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it stands: an offset where pointers and longs have 8 bytes, and one where they have 4.
    pub at: (u8, u8),
    /// It has 64 bits in every ABI.
    pub wide: bool,
    /// It is one only under this condition.
    pub only: Only,
    /// Who writes the memory behind it.
    pub dir: Dir,
    /// On which results.
    pub when: When,
    /// How long it is.
    pub len: LinkLen,
}

/// On what it depends whether a field is a pointer that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// On nothing.
    Always,
    /// The 32-bit field at this offset (of 8-byte and of 4-byte ABIs) has this value.
    Field((u8, u8), u32),
}

/// How long the memory behind such a pointer is. Offsets are those of 8-byte and of 4-byte ABIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkLen {
    /// So many bytes.
    Bytes(u32),
    /// As many elements as a 32-bit field says, each of so many bytes.
    Field((u8, u8), u32),
    /// As many elements as one 32-bit field says, each of as many bytes as another says.
    Product(u8, u8),
    /// As many elements as the argument at this position says, each of so many bytes.
    Arg(u8, u32),
    /// A set of as many bits as a 32-bit field says, in whole words.
    Bits((u8, u8)),
    /// As many bytes as a field of a word's width says.
    Word((u8, u8)),
    /// As a futex's flags at this offset say: their two lowest bits are the logarithm of its bytes.
    Futex(u8),
    /// Bytes up to and with a NUL.
    CStr,
    /// Bytes up to and with a NUL, and no more than a 32-bit field says.
    Text((u8, u8)),
    /// A key of the BPF map whose descriptor stands at this offset.
    MapKey(u8),
    /// A value of that map.
    MapValue(u8),
    /// As many keys of that map as a 32-bit field says.
    MapKeys(u8, u8),
    /// As many values of that map as a 32-bit field says.
    MapValues(u8, u8),
}
