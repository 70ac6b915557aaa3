//! Symbols and unwind tables of recorded ELF files. The content of a file is untrusted.

use framehop::x86_64::UnwinderX86_64;
use framehop::{ExplicitModuleSectionInfo, MayAllocateDuringUnwind, Module, Unwinder};
use object::elf::{FileHeader64, PT_GNU_EH_FRAME, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSegment, ObjectSymbol, SymbolKind};
use std::ops::Range;

pub(crate) type StackUnwinder = UnwinderX86_64<Vec<u8>, MayAllocateDuringUnwind>;

const PAGE: u64 = 4096;
/// The start of the only form of .eh_frame_hdr that linkers emit: version 1, and a 32-bit offset
/// relative to itself (LSB, "Exception Frames").
const EH_FRAME_HDR_FORM: [u8; 2] = [1, 0x1b];

/// A recorded file, possibly ELF.
#[derive(Debug)]
pub(crate) struct Elf {
    bytes: Vec<u8>,
}

impl Elf {
    pub(crate) fn new(bytes: Vec<u8>) -> Elf {
        Elf { bytes }
    }

    /// Returns the virtual address that the program headers give to a file offset.
    pub(crate) fn address(&self, offset: u64) -> Option<u64> {
        let file = object::File::parse(&*self.bytes).ok()?;
        let mut segments = file.segments().map(|segment| (segment.file_range(), segment.address()));
        // The kernel maps whole pages.
        let ((start, _), address) = segments.find(|&((start, len), _)| {
            (start - start % PAGE..start.saturating_add(len)).contains(&offset)
        })?;
        Some(address.wrapping_add(offset).wrapping_sub(start))
    }

    /// Returns the function that contains a virtual address of the file, and the offset into it.
    pub(crate) fn symbol(&self, address: u64) -> Option<(String, u64)> {
        let file = object::File::parse(&*self.bytes).ok()?;
        let symbols = file.symbols().chain(file.dynamic_symbols());
        let code =
            symbols.filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition());
        let around = code.filter(|symbol| {
            let distance = address.checked_sub(symbol.address());
            distance.is_some_and(|distance| distance < symbol.size().max(1))
        });
        let symbol = around.max_by_key(ObjectSymbol::address)?;
        let name = symbol.name_bytes().ok()?;
        let name = String::from_utf8_lossy(name).into_owned();
        Some((name, address - symbol.address()))
    }

    /// Adds the unwind tables of the file to `unwinder`. `range` is where its code is mapped, and
    /// `bias` is the difference between a mapped address and its virtual address. Returns `None`
    /// where the file has no usable table.
    pub(crate) fn add_unwind_tables(
        &self,
        unwinder: &mut StackUnwinder,
        range: Range<u64>,
        bias: u64,
    ) -> Option<()> {
        let bytes = &*self.bytes;
        let header = FileHeader64::<Endianness>::parse(bytes).ok()?;
        let endian = header.endian().ok()?;
        let programs = header.program_headers(endian, bytes).ok()?;
        let headers = |kind| programs.iter().filter(move |program| program.p_type(endian) == kind);
        let head = headers(PT_GNU_EH_FRAME).next()?;
        let head_at = head.p_vaddr(endian);
        let head_bytes = head.data(endian, bytes).ok()?;
        if head_bytes.get(..2)? != EH_FRAME_HDR_FORM {
            return None;
        }
        let distance = i32::from_le_bytes(*head_bytes.get(4..)?.first_chunk()?);
        let frames_at = head_at.checked_add(4)?.checked_add_signed(distance.into())?;
        let segment = headers(PT_LOAD).find(|segment| {
            let start = segment.p_vaddr(endian);
            (start..start.saturating_add(segment.p_filesz(endian))).contains(&frames_at)
        })?;
        let skip = usize::try_from(frames_at - segment.p_vaddr(endian)).ok()?;
        let frames = segment.data(endian, bytes).ok()?.get(skip..)?.to_vec();
        // framehop stores offsets from the base in 32 bits.
        let base = headers(PT_LOAD).map(|segment| segment.p_vaddr(endian)).min()?;
        let info = ExplicitModuleSectionInfo {
            base_svma: base,
            eh_frame_svma: Some(frames_at..frames_at.checked_add(frames.len() as u64)?),
            eh_frame: Some(frames),
            eh_frame_hdr_svma: Some(head_at..head_at.checked_add(head_bytes.len() as u64)?),
            eh_frame_hdr: Some(head_bytes.to_vec()),
            ..Default::default()
        };
        unwinder.add_module(Module::new(String::new(), range, bias.wrapping_add(base), info));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64};

    /// Runs every lookup on a file, and returns how many addresses have a symbol.
    fn query_all(bytes: Vec<u8>) -> usize {
        let len = bytes.len() as u64;
        let elf = Elf::new(bytes);
        let mut unwinder = StackUnwinder::new();
        _ = elf.add_unwind_tables(&mut unwinder, 0x10_0000..0x10_0000 + len, 0x10_0000);
        let mut named = 0;
        for offset in (0..len).step_by(usize::try_from(len / 50).unwrap().max(1)) {
            let address = elf.address(offset).unwrap_or(offset);
            named += usize::from(elf.symbol(address).is_some());
            let regs = UnwindRegsX86_64::new(0x10_0000 + address, 0x7000, 0x7100);
            let mut cache = CacheX86_64::new();
            let mut read = |address: u64| Ok(address.wrapping_add(0x10_0000));
            let mut frames = unwinder.iter_frames(regs.ip(), regs, &mut cache, &mut read);
            (0..20).take_while(|_| matches!(frames.next(), Ok(Some(_)))).for_each(drop);
        }
        named
    }

    #[test]
    fn any_file_content_is_survived() {
        let library = c_library();
        assert!(query_all(library.clone()) > 0, "the C library has names");
        assert_eq!(
            query_all(Vec::new())
                + query_all(b"\x7fELF\x02\x01\x01".to_vec())
                + query_all(vec![0xff; 5000]),
            0
        );
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = move || {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            random >> 33
        };
        for round in 0..60 {
            let mut bytes = library.clone();
            // Changed headers reach the most code.
            let within = if round % 2 == 0 { 1024 } else { bytes.len() as u64 };
            for _ in 0..=next() % 8 {
                let at = usize::try_from(next() % within).unwrap();
                bytes[at] = u8::try_from(next() & 0xff).unwrap();
            }
            if round % 5 == 0 {
                bytes.truncate(usize::try_from(next()).unwrap() % bytes.len());
            }
            query_all(bytes);
        }
    }

    /// Reads the C library that this test runs with.
    fn c_library() -> Vec<u8> {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let path = maps
            .lines()
            .find_map(|line| line.split(' ').next_back().filter(|p| p.contains("libc.so")))
            .unwrap();
        std::fs::read(path).unwrap()
    }
}
