//! Identifies the build of a mapped file: finds the build id in an ELF image's notes (elf(5)).

/// How many bytes of an image to read. Linkers put the notes right after the program headers.
pub const READ_LEN: usize = 4096;
const PT_NOTE: usize = 4;
const NT_GNU_BUILD_ID: usize = 3;

/// Returns the build id of an ELF image, if its notes lie in `start`, its first bytes.
pub fn of_image(start: &[u8]) -> Option<Vec<u8>> {
    Image(start).build_id()
}

/// An untrusted image: each access is checked.
struct Image<'a>(&'a [u8]);

impl Image<'_> {
    fn build_id(&self) -> Option<Vec<u8>> {
        let wide = match self.0.get(..5)? {
            [0x7f, b'E', b'L', b'F', 2] => true,
            [0x7f, b'E', b'L', b'F', 1] => false,
            _ => return None,
        };
        // Offsets of e_phoff, e_phentsize and e_phnum, and in a program header of p_offset and
        // p_filesz.
        let [table, size, count, offset, len] =
            if wide { [32, 54, 56, 8, 32] } else { [28, 42, 44, 4, 16] };
        let word = if wide { 8 } else { 4 };
        let (table, size, count) =
            (self.number(table, word)?, self.number(size, 2)?, self.number(count, 2)?);
        (0..count).find_map(|i| {
            let header = table.checked_add(i * size)?;
            if self.number(header, 4)? != PT_NOTE {
                return None;
            }
            let start = self.number(header.checked_add(offset)?, word)?;
            let end = start.checked_add(self.number(header.checked_add(len)?, word)?)?;
            self.find_build_id(start, end)
        })
    }

    fn find_build_id(&self, mut at: usize, end: usize) -> Option<Vec<u8>> {
        while at < end {
            let note = self.0.get(at..)?;
            let field = |i: usize| Image(note).number(4 * i, 4);
            let (name, description, kind) = (field(0)?, field(1)?, field(2)?);
            let data = name.next_multiple_of(4) + 12;
            if kind == NT_GNU_BUILD_ID && note.get(12..16) == Some(b"GNU\0") {
                return note.get(data..data + description).map(<[u8]>::to_vec);
            }
            at = at.checked_add(data + description.next_multiple_of(4))?;
        }
        None
    }

    fn number(&self, at: usize, len: usize) -> Option<usize> {
        let bytes = self.0.get(at..at.checked_add(len)?)?;
        let number = bytes.iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
        usize::try_from(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tid;
    use crate::memory::{self, Transfer};

    #[test]
    fn broken_images_have_no_build_id() {
        for class in [1, 2] {
            let mut image = vec![0xffu8; 256];
            image[..5].copy_from_slice(&[0x7f, b'E', b'L', b'F', class]);
            for len in 0..image.len() {
                assert_eq!(Image(&image[..len]).build_id(), None);
            }
        }
    }

    #[test]
    fn the_image_of_this_program_has_a_valid_id() {
        let own = Tid::try_from(std::process::id()).unwrap();
        let exe = std::env::current_exe().unwrap();
        let maps = crate::process::mappings(own).unwrap();
        let first = maps
            .iter()
            .find(|m| m.offset == 0 && m.path == exe.as_os_str().as_encoded_bytes())
            .unwrap();
        let mut start = vec![0; READ_LEN];
        let mut transfers =
            [Transfer { address: first.start, len: READ_LEN, ..Transfer::default() }];
        memory::read(own, &mut start, &mut transfers);
        assert_eq!(transfers[0].got, READ_LEN);
        // The linker may leave the id out; otherwise it has 20 bytes (SHA-1) or 16.
        assert!(of_image(&start).is_none_or(|id| matches!(id.len(), 16 | 20)));
    }
}
