//! Where the functions of a mapped file begin, as its unwind table says.
//!
//! The header of the table (`.eh_frame_hdr`) has the first address of each function, in order, and
//! is loaded with the file (Linux Standard Base, "Exception Frames"). A compiler or an author of
//! assembly makes an entry for code that can be called, and none for data.

use crate::memory::Window;
use gimli::{BaseAddresses, EhFrameHdr, LittleEndian, Pointer};
use object::elf::{FileHeader64, PT_GNU_EH_FRAME, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};

/// Program headers are looked for in this many bytes of a file.
const HEADERS: usize = 4096;
/// A larger table is not read.
const MOST: u64 = 64 << 20;

/// Returns the first addresses of the functions of a file, in ascending order. `start`: where the
/// beginning of the file is mapped. Empty when it has no table.
pub fn functions(window: &Window, start: u64) -> Vec<u64> {
    let mut bytes = vec![0; HEADERS];
    let got = window.read(start, &mut bytes);
    table(&bytes[..got], start)
        .and_then(|(at, len)| {
            let mut bytes = vec![0; usize::try_from(len).ok()?];
            (window.read(at, &mut bytes) == bytes.len()).then(|| first_addresses(&bytes, at))?
        })
        .unwrap_or_default()
}

/// Returns where the table is mapped, and its length.
fn table(headers: &[u8], start: u64) -> Option<(u64, u64)> {
    let endian = object::LittleEndian;
    let file = FileHeader64::<object::LittleEndian>::parse(headers).ok()?;
    let headers = file.program_headers(endian, headers).ok()?;
    let of = |kind| headers.iter().find(|header| header.p_type(endian) == kind);
    let first = of(PT_LOAD).filter(|header| header.p_offset(endian) == 0)?;
    let table = of(PT_GNU_EH_FRAME)?;
    let at = start.wrapping_sub(first.p_vaddr(endian)).wrapping_add(table.p_vaddr(endian));
    let len = table.p_memsz(endian);
    (len <= MOST).then_some((at, len))
}

/// Returns the addresses of a table that is mapped at `at`.
fn first_addresses(bytes: &[u8], at: u64) -> Option<Vec<u64>> {
    let bases = BaseAddresses::default().set_eh_frame_hdr(at);
    let header = EhFrameHdr::new(bytes, LittleEndian).parse(&bases, 8).ok()?;
    let table = header.table()?;
    let mut rows = table.iter(&bases);
    let mut addresses = Vec::new();
    while let Some((Pointer::Direct(address), _)) = rows.next().ok()? {
        addresses.push(address);
    }
    addresses.is_sorted().then_some(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This test is a function, and its second byte is none.
    #[test]
    fn the_table_has_the_functions_of_this_program() {
        let tid = crate::Tid::try_from(std::process::id()).unwrap();
        let this = functions as *const () as usize as u64;
        let mappings = crate::process::mappings(tid).unwrap();
        let code = mappings.iter().find(|of| (of.start..of.end).contains(&this)).unwrap();
        let file = mappings.iter().find(|of| of.inode == code.inode && of.offset == 0).unwrap();
        let found = functions(&Window::open(tid).unwrap(), file.start);
        assert!(found.binary_search(&this).is_ok(), "{} functions", found.len());
        assert!(found.binary_search(&(this + 1)).is_err());
    }

    #[test]
    fn what_is_no_table_gives_no_functions() {
        assert_eq!(table(&[0; 64], 0), None);
        assert_eq!(table(b"\x7fELF", 0), None);
        assert_eq!(first_addresses(&[1, 0xff, 0xff, 0xff], 0x1000), None);
        assert_eq!(first_addresses(&[], 0x1000), None);
    }
}
