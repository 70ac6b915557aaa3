//! Pointers in structures: their offsets, and the length of the memory they point to.

use super::{Dir, Sibling, When};

/// The number of consecutive structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// A fixed number.
    Fixed(u8),
    /// As many as the sibling says.
    Arg(Sibling),
}

/// A pointer in a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointerField {
    /// Its offsets, with 8-byte and with 4-byte pointers and longs.
    pub at: (u8, u8),
    /// It has 64 bits in every ABI.
    pub wide: bool,
    /// When the field is a pointer.
    pub condition: Condition,
    /// Direction of the memory it points to.
    pub dir: Dir,
    /// On which results that memory is written.
    pub when: When,
    /// Length of that memory.
    pub len: PointeeLen,
}

/// When a field is a pointer that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    Always,
    /// If the 32-bit field at these offsets (8-byte and 4-byte ABIs) has this value.
    Field((u8, u8), u32),
}

/// The length of the memory that a pointer in a structure points to. Pairs of offsets are those in
/// 8-byte and in 4-byte ABIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointeeLen {
    /// A number of bytes.
    Bytes(u32),
    /// Elements counted by a 32-bit field, each of this many bytes.
    Field((u8, u8), u32),
    /// Elements counted by a 32-bit field, whose size depends on that of words.
    Each((u8, u8), (u8, u8)),
    /// Elements counted by a 16-bit field, each of this many bytes.
    Short(u8, u32),
    /// Characters of a font, 32 lines high and as wide in bits as one 32-bit field says, counted by
    /// another one.
    Font {
        /// Offset of the width.
        width: u8,
        /// Offset of the number of characters.
        count: u8,
    },
    /// Elements of 20 bytes counted by a 32-bit field, each of which has a size at 4 and, unless
    /// that is 0, the address of as many bytes at 12 (`struct v4l2_ext_control`).
    Controls(u8),
    /// Elements counted by one 32-bit field, each of as many bytes as another one says.
    Product(u8, u8),
    /// Elements counted by the argument at this position, each of this many bytes.
    Arg(u8, u32),
    /// Bit set of as many bits as a 32-bit field says, rounded up to whole words.
    Bits((u8, u8)),
    /// As many bytes as a word-sized field says.
    Word((u8, u8)),
    /// A futex, whose flags are at this offset: their two lowest bits are the logarithm of its
    /// size.
    Futex(u8),
    /// Bytes up to and including a NUL.
    CStr,
    /// Bytes up to and including a NUL, at most as many as a 32-bit field says.
    Text((u8, u8)),
    /// A key of the BPF map whose descriptor is at this offset.
    MapKey(u8),
    /// A value of that map.
    MapValue(u8),
    /// Keys of that map, counted by a 32-bit field.
    MapKeys(u8, u8),
    /// Values of that map, counted by a 32-bit field.
    MapValues(u8, u8),
    /// A structure of SIOCETHTOOL, whose first words say how long it is.
    Ethtool,
}
