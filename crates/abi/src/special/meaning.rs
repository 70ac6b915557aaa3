//! The question to a sub-table and its answer.

use crate::arch::Abi;
use crate::desc::{ArgKind, Dir, Len, Mem, Sibling, When};
use crate::layout::Layout;

/// An argument with its command known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meaning {
    pub(crate) kind: ArgKind,
    pub(crate) mem: Option<Mem>,
}

/// A call whose command decides what its arguments are.
pub(crate) struct Call {
    pub(crate) abi: Abi,
    pub(crate) args: [u64; 6],
}

impl Call {
    /// Returns the low 32 bits of an argument: commands are ints.
    pub(crate) fn command(&self, arg: usize) -> u64 {
        self.args.get(arg).copied().unwrap_or(0) & 0xffff_ffff
    }
}

impl Meaning {
    /// A value.
    pub(crate) const fn value(kind: ArgKind) -> Self {
        Self { kind, mem: None }
    }

    /// A structure.
    pub(crate) const fn fixed(dir: Dir, layout: Layout) -> Self {
        Self::memory(ArgKind::Struct(layout), dir, Len::Fixed(layout))
    }

    /// A number of bytes.
    pub(crate) const fn bytes(dir: Dir, n: u32) -> Self {
        Self::memory(ArgKind::Buf, dir, Len::Bytes(n))
    }

    /// A string that the kernel reads.
    pub(crate) const fn string() -> Self {
        Self::memory(ArgKind::Str, Dir::In, Len::CStr)
    }

    /// Elements counted by another argument.
    pub(crate) const fn counted(dir: Dir, each: Layout, by: u8) -> Self {
        let kind = if matches!(each, Layout::Byte) { ArgKind::Buf } else { ArgKind::Array(each) };
        Self::memory(kind, dir, Len::Arg { count: at(by), each })
    }

    /// As many bytes as the result says, at most as many as another argument says.
    pub(crate) const fn returned(by: u8) -> Self {
        Self::memory(ArgKind::Buf, Dir::Out, Len::Ret { each: Layout::Byte, cap: Some(at(by)) })
    }

    /// The same memory, written on other results than success.
    pub(crate) const fn when(self, when: When) -> Self {
        match self.mem {
            Some(mem) => Self { mem: Some(Mem { when, ..mem }), ..self },
            None => self,
        }
    }

    pub(crate) const fn memory(kind: ArgKind, dir: Dir, len: Len) -> Self {
        Self { kind, mem: Some(Mem { dir, when: When::Success, len }) }
    }
}

/// Refers to an argument by position.
pub(crate) const fn at(index: u8) -> Sibling {
    Sibling { name: "", index }
}
