//! What requests of ioctl(2) pass.

use sysreel_abi::ArgKind;

use super::super::chunk::Chunk;
use super::super::members::Member;
use super::super::shape::{Field, Shape};
use super::super::view::View;

/// What a request passes.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// Nothing.
    Nothing,
    /// A number in the register.
    Value(ArgKind),
    /// A number in the register that a function writes.
    Register(fn(&View<'_>, u64, &mut String)),
    /// A pointer to a 32-bit number.
    Number(ArgKind),
    /// A pointer to a number of 64 bits.
    Wide(ArgKind),
    /// A pointer to two numbers of 64 bits, which begin and end a range.
    Range,
    /// A structure.
    Members(&'static [Member]),
    /// A structure of this size, not all of which is shown.
    Head(usize, &'static [Member]),
    /// A `struct termios2`.
    Terminal,
    /// A pointer to what is not shown.
    Pointer,
    /// A pointer to one value, in brackets unless it is a structure or an array.
    Single(Shape),
    /// A structure that is as long as its members.
    Shaped(&'static [Field]),
    /// A structure of this size that the kernel reads.
    Written(&'static [Field], usize),
    /// A structure of this size that the kernel fills.
    Answered(&'static [Field], usize),
    /// A structure of this size: what it asks, and with the answer.
    Exchanged(&'static [Field], &'static [Field], usize),
    /// A structure: what it asks, and with the answer.
    Both(Shape, Shape),
    /// What a function writes. It returns whether there are enough bytes.
    Call(fn(&View<'_>, Chunk<'_>, &mut String) -> bool),
}
