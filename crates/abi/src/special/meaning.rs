//! What a sub-table answers, and what it is asked.

use crate::arch::Abi;
use crate::desc::{ArgKind, Dir, Len, Mem, Sibling, When};
use crate::layout::Layout;

/// What an argument is, once the command is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meaning {
    pub(crate) kind: ArgKind,
    pub(crate) mem: Option<Mem>,
}

/// A call whose command is being looked at.
pub(crate) struct Call {
    pub(crate) abi: Abi,
    pub(crate) args: [u64; 6],
}

impl Call {
    /// The low 32 bits of an argument: commands are ints.
    pub(crate) fn command(&self, arg: usize) -> u64 {
        self.args.get(arg).copied().unwrap_or(0) & 0xffff_ffff
    }
}

impl Meaning {
    /// A plain value.
    pub(crate) const fn value(kind: ArgKind) -> Self {
        Self { kind, mem: None }
    }

    /// One structure.
    pub(crate) const fn fixed(dir: Dir, layout: Layout) -> Self {
        Self::memory(ArgKind::Struct(layout), dir, Len::Fixed(layout))
    }

    /// So many bytes.
    pub(crate) const fn bytes(dir: Dir, n: u32) -> Self {
        Self::memory(ArgKind::Buf, dir, Len::Bytes(n))
    }

    /// A string that goes in.
    pub(crate) const fn string() -> Self {
        Self::memory(ArgKind::Str, Dir::In, Len::CStr)
    }

    /// As many elements as another argument says.
    pub(crate) const fn counted(dir: Dir, each: Layout, by: u8) -> Self {
        let kind = if matches!(each, Layout::Byte) { ArgKind::Buf } else { ArgKind::Array(each) };
        Self::memory(kind, dir, Len::Arg { count: at(by), each })
    }

    /// As many bytes as the result says, another argument being the limit.
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

/// The argument at a position, by which it is found when only the position is known.
pub(crate) const fn at(index: u8) -> Sibling {
    Sibling { name: "", index }
}
