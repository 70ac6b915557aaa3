//! What the members of structures and the payloads of attributes are.

use sysreel_abi::{Abi, Constants};

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::view::View;

/// What a value is. The first number is its size in bytes.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Number(usize),
    Signed(usize),
    Hex(usize),
    Enum(usize, &'static Constants),
    /// An enum of which few values have names.
    Named(usize, &'static Constants),
    Flags(usize, &'static Constants),
    /// Flags of which a list has the numbers.
    Bits(usize, &'static Constants, &'static str),
    /// The same, where the first bit has the number 1.
    Shifted(usize, &'static Constants, &'static str),
    /// Flags that are shown as a number with their names.
    Commented(usize, &'static Constants),
    Uid,
    Fd,
    Interface,
    /// 16 bits in network order.
    Port,
    /// 16 bits in network order: an Ethernet protocol.
    Protocol(&'static Constants),
    /// 64 bits in network order.
    Wide,
    /// A clock of a hundredth of a second.
    Centiseconds,
    /// Bytes that align the structure.
    Padding(usize),
    /// A string with or without a NUL.
    Text,
    /// So many bytes whose meaning is unknown.
    Quoted(usize),
    /// As many of so many bytes as 16 bits at an offset of the structure say.
    CountedBytes(usize, usize),
    /// As many elements as 32 bits at an offset of the structure say, at most so many.
    Counted(&'static Shape, usize, usize),
    /// As many bytes of a string as 32 bits at an offset of the structure say, at most so many.
    Key(usize, usize),
    /// A string with room for so many bytes.
    FixedText(usize),
    /// A descriptor in 64 bits.
    Wide32,
    /// Device numbers of 16 and of 64 bits.
    Device16,
    Device64,
    /// Addresses.
    Address32,
    Address64,
    /// Structures of 16 and of 24 bytes that a function writes.
    Call16(Writer),
    Call24(Writer),
    /// An instruction of a classic BPF filter.
    Instruction,
    /// An address of the family that the message has.
    Address,
    /// The same in a structure that has room for 16 bytes.
    RoomyAddress,
    /// A hardware address.
    Hardware,
    /// A hardware address of so many bytes.
    Octets(usize),
    Members(&'static [Field]),
    /// A structure whose offsets follow from the types of its members.
    Typed(&'static [Typed]),
    /// Words: unsigned, signed, hexadecimal, and an address.
    Word,
    Pointer,
    /// So many bytes, aligned to so many, that a function writes.
    Written(usize, usize, Writer),
    /// An array.
    Array(&'static Shape),
    /// An array of so many elements.
    Sequence(&'static Shape, usize),
    /// An array whose indices have names: `[[NAME]=1]`.
    Indexed(&'static Shape, &'static Constants),
    /// The address of a multicast group: 16 bytes and a protocol.
    Group,
    /// Attributes.
    Nested(&'static Table),
    /// A value with attributes after it.
    With(&'static Shape, &'static Table),
    /// Two numbers of 32 bits.
    Cookie,
    /// A device number.
    Device,
    Call(Writer),
    /// Not known.
    Raw,
}

/// Writes a value of the family of a message.
type Writer = fn(&View<'_>, u64, Chunk<'_>, &mut String);

/// The attributes of a netlink message: their types, and what they hold. What is not listed is not
/// known.
pub(crate) struct Table {
    pub(crate) types: Option<&'static Constants>,
    pub(crate) forms: &'static [(&'static str, Shape)],
    /// What those hold that are known but not listed.
    pub(crate) others: Shape,
    /// Writes them.
    pub(crate) write: fn(&View<'_>, u64, &Table, Chunk<'_>, &mut String),
}

/// A member of a structure: its name, and what it is. One without a name is not shown, and those
/// after `...` only in full.
pub(crate) type Typed = (&'static str, Shape);

/// A member of a structure: name, offset, and what it is.
pub(crate) type Field = (&'static str, usize, Shape);

use Shape::*;

impl Shape {
    /// Returns the size in bytes; `None` if any size is right.
    pub(super) fn size(self, abi: Abi) -> Option<usize> {
        Some(match self {
            Number(n) | Signed(n) | Hex(n) | Enum(n, _) | Named(n, _) | Flags(n, _) => n,
            Bits(n, ..) | Shifted(n, ..) | Padding(n) | Quoted(n) | Octets(n) => n,
            Sequence(form, n) => form.size(abi)? * n,
            Commented(n, _) | CountedBytes(_, n) | Key(_, n) | FixedText(n) => n,
            Counted(form, _, n) => form.size(abi)? * n,
            Call16(_) => 16,
            Call24(_) => 24,
            Device16 => 2,
            Address32 => 4,
            Wide32 | Device64 | Address64 => 8,
            Instruction => 8,
            Group => 20,
            Port | Protocol(_) => 2,
            Uid | Fd | Interface | Device => 4,
            Wide | Cookie => 8,
            RoomyAddress => 16,
            Members(fields) => {
                let end = |field: &Field| field.1 + field.2.size(abi).unwrap_or(0);
                fields.iter().filter(|field| !field.0.starts_with('?')).map(end).max().unwrap_or(0)
            }
            With(form, _) => form.size(abi)?,
            Typed(members) => typed_size(abi, members),
            Word | Pointer => abi.word().into(),
            Written(n, ..) => n,
            Text | Address | Hardware | Centiseconds | Array(_) | Indexed(..) | Nested(_)
            | Call(_) | Raw => {
                return None;
            }
        })
    }
}

/// Returns where the last optional member of a structure ends that is there.
pub(super) fn optional(abi: Abi, form: Shape, len: usize) -> usize {
    let Members(fields) = form else { return 0 };
    let optional = fields.iter().filter(|field| field.0.starts_with('?'));
    let end = |field: &Field| field.1 + field.2.size(abi).unwrap_or(0);
    optional.map(end).filter(|end| *end <= len).max().unwrap_or(0)
}

/// Returns the number of elements that a structure says it has.
pub(crate) fn count(view: &View<'_>, chunk: Chunk<'_>, at: usize) -> usize {
    usize::try_from(Fields::new(view.abi, chunk.bytes).u32(at)).unwrap_or(usize::MAX)
}

/// Returns where the last member of a structure ends.
pub(crate) fn size_of(abi: Abi, fields: &'static [Field]) -> usize {
    Members(fields).size(abi).unwrap_or(0)
}

/// Whether there are enough bytes.
pub(crate) fn fits(abi: Abi, form: Shape, chunk: Chunk<'_>) -> bool {
    form.size(abi).is_none_or(|size| chunk.has(size))
}

/// Returns the size of a value in bytes; 0 if any size is right.
pub(crate) fn size(abi: Abi, form: Shape) -> usize {
    form.size(abi).unwrap_or(0)
}

/// Returns the size of a structure.
fn typed_size(abi: Abi, members: &[Typed]) -> usize {
    let end = members.iter().fold(0, |at, (_, form)| {
        at_next(abi, at, *form).saturating_add(form.size(abi).unwrap_or(0))
    });
    end.next_multiple_of(all(abi, members))
}

fn all(abi: Abi, members: &[Typed]) -> usize {
    members.iter().map(|(_, form)| alignment(abi, *form)).max().unwrap_or(1)
}

pub(super) fn at_next(abi: Abi, at: usize, form: Shape) -> usize {
    at.next_multiple_of(alignment(abi, form))
}

/// Returns the alignment of a value: that of its size, but i386 aligns 64 bits as 32.
fn alignment(abi: Abi, form: Shape) -> usize {
    let most = if abi == Abi::I386 { 4 } else { 8 };
    match form {
        Typed(members) => all(abi, members),
        Sequence(form, _) | Array(form) | Counted(form, ..) => alignment(abi, *form),
        Written(_, alignment, _) => alignment.min(most),
        Members(_) => 1,
        FixedText(_) | Quoted(_) | Octets(_) | Padding(_) => 1,
        form => match form.size(abi) {
            Some(size @ (1 | 2 | 4 | 8)) => size.min(most),
            _ => 1,
        },
    }
}
