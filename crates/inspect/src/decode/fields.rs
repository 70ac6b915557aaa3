//! Reads members out of the bytes of a structure. Bytes past the end read as 0; callers check the
//! length where that matters.

use sysreel_abi::Abi;

/// The bytes of a structure and the ABI that lays it out.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) abi: Abi,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(abi: Abi, bytes: &'a [u8]) -> Self {
        Self { abi, bytes }
    }

    pub(crate) fn u8(&self, at: usize) -> u64 {
        self.number::<1>(at)
    }

    pub(crate) fn u16(&self, at: usize) -> u64 {
        self.number::<2>(at)
    }

    pub(crate) fn u32(&self, at: usize) -> u64 {
        self.number::<4>(at)
    }

    pub(crate) fn u64(&self, at: usize) -> u64 {
        self.number::<8>(at)
    }

    pub(crate) fn i32(&self, at: usize) -> i64 {
        let low = u32::try_from(self.u32(at)).unwrap_or(0);
        i64::from(low.cast_signed())
    }

    pub(crate) fn i64(&self, at: usize) -> i64 {
        self.u64(at).cast_signed()
    }

    /// Returns the size of a pointer and of `size_t`, in bytes.
    pub(crate) fn word(&self) -> usize {
        usize::from(self.abi.word())
    }

    /// Reads member `i` of a structure of words.
    pub(crate) fn ulong(&self, i: usize) -> u64 {
        if self.word() == 4 { self.u32(i * 4) } else { self.u64(i * 8) }
    }

    /// Reads the `i`-th `__kernel_long_t`, which has 8 bytes in x32.
    pub(crate) fn klong(&self, i: usize) -> i64 {
        if self.abi == Abi::I386 { self.i32(i * 4) } else { self.i64(i * 8) }
    }

    /// Reads the `i`-th `__kernel_ulong_t`.
    pub(crate) fn kulong(&self, i: usize) -> u64 {
        if self.abi == Abi::I386 { self.u32(i * 4) } else { self.u64(i * 8) }
    }

    /// Returns `len` bytes from offset `at`, or as many as there are.
    pub(crate) fn slice(&self, at: usize, len: usize) -> &'a [u8] {
        self.bytes.get(at..).map_or(&[], |rest| rest.get(..len).unwrap_or(rest))
    }

    fn number<const N: usize>(&self, at: usize) -> u64 {
        let mut word = [0; 8];
        if let (Some(to), Some(from)) =
            (word.get_mut(..N), at.checked_add(N).and_then(|end| self.bytes.get(at..end)))
        {
            to.copy_from_slice(from);
        }
        u64::from_le_bytes(word)
    }
}
