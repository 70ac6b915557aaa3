//! The structures that system calls pass, and their sizes in each ABI.
//!
//! A row names a structure, as in `of(Stat)`; its size depends on the ABI of the call. `lp64.rs`
//! has the sizes that all 64-bit ABIs share, the file of an ABI those that differ.

mod aarch64;
mod i386;
mod lp64;
mod names;
mod x32;
mod x86_64;

use crate::arch::Abi;

pub use names::Layout;

impl Layout {
    /// Returns the size in bytes in an ABI.
    #[inline]
    #[must_use]
    pub const fn size(self, abi: Abi) -> u32 {
        let own = match abi {
            Abi::X86_64 => x86_64::size(self),
            Abi::I386 => i386::size(self),
            Abi::X32 => x32::size(self),
            Abi::Aarch64 => aarch64::size(self),
        };
        match own {
            Some(size) => size,
            None => lp64::size(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_has_a_size_in_every_abi() {
        for layout in Layout::ALL {
            for abi in Abi::ALL {
                let size = layout.size(abi);
                assert!((1..=4096).contains(&size), "{layout:?} has {size} bytes in {abi}");
            }
        }
    }

    #[test]
    fn packed_and_word_sized_structures_differ_as_they_should() {
        assert_eq!(Abi::ALL.map(|abi| Layout::EpollEvent.size(abi)), [12, 12, 12, 16]);
        assert_eq!(Abi::ALL.map(|abi| Layout::Iovec.size(abi)), [16, 8, 8, 16]);
        assert_eq!(Abi::ALL.map(|abi| Layout::MsgHdr.size(abi)), [56, 28, 28, 56]);
        assert_eq!(Abi::ALL.map(|abi| Layout::SigAction.size(abi)), [32, 20, 20, 32]);
        assert_eq!(Abi::ALL.map(|abi| Layout::Stat.size(abi)), [144, 64, 144, 128]);
    }
}
