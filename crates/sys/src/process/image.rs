//! What a new image has on its stack (fs/binfmt_elf.c, create_elf_tables): arguments, environment,
//! the auxiliary vector. One read of memory takes the place of three files in /proc.

use super::Mapping;
use crate::Tid;
use crate::memory::{self, Transfer};

/// How much of the stack is read. Larger ones have long arguments or environments.
const READ_LEN: u64 = 64 << 10;
const WORD: usize = 8;

/// The stack of a 64-bit image before its first instruction.
#[derive(Debug)]
pub struct Image {
    /// As /proc/PID/auxv has it.
    pub auxv: Vec<u8>,
    /// As /proc/PID/cmdline has it.
    pub cmdline: Vec<u8>,
    /// The path that was executed.
    pub file: Vec<u8>,
}

impl Image {
    /// Reads the stack that begins at `sp`. `None` if something is not as expected, or too long.
    pub fn read(tid: Tid, sp: u64, maps: &[Mapping]) -> Option<Image> {
        let stack = maps.iter().find(|map| (map.start..map.end).contains(&sp))?;
        let len = usize::try_from((stack.end - sp).min(READ_LEN)).ok()?;
        let mut bytes = vec![0; len];
        let mut transfers = [Transfer { address: sp, len, ..Transfer::default() }];
        memory::read(tid, &mut bytes, &mut transfers);
        bytes.truncate(transfers[0].got);
        Stack { bytes: &bytes, at: sp }.image()
    }

    /// Returns a value of the auxiliary vector.
    pub fn value(&self, key: u64) -> Option<u64> {
        let mut words =
            self.auxv.as_chunks::<WORD>().0.iter().map(|&word| u64::from_le_bytes(word));
        while let (Some(found), Some(value)) = (words.next(), words.next()) {
            if found == key {
                return Some(value);
            }
        }
        None
    }

    /// Returns the name that execve(2) gave the task: the last component of the path, at most 15
    /// bytes. `None` where the kernel may have chosen another one: execveat(2) with a descriptor.
    pub fn comm(&self) -> Option<&[u8]> {
        let name = self.file.rsplit(|&byte| byte == b'/').next()?;
        let by_descriptor = self.file.starts_with(b"/dev/fd/");
        (!by_descriptor).then(|| name.get(..15).unwrap_or(name))
    }
}

struct Stack<'a> {
    bytes: &'a [u8],
    at: u64,
}

impl<'a> Stack<'a> {
    fn word(&self, index: usize) -> Option<u64> {
        let at = index.checked_mul(WORD)?;
        Some(u64::from_le_bytes(self.bytes.get(at..)?.first_chunk().copied()?))
    }

    /// The string at an address, with its NUL.
    fn string(&self, address: u64) -> Option<(usize, &'a [u8])> {
        let at = usize::try_from(address.checked_sub(self.at)?).ok()?;
        let rest = self.bytes.get(at..)?;
        let len = rest.iter().position(|&byte| byte == 0)? + 1;
        Some((at, rest.get(..len)?))
    }

    fn image(&self) -> Option<Image> {
        let count = usize::try_from(self.word(0)?).ok()?;
        let (first, _) = self.string(self.word(1).filter(|_| count > 0)?)?;
        let (last, text) = self.string(self.word(count)?)?;
        let cmdline = self.bytes.get(first..last + text.len())?.to_vec();
        let mut at = count + 2;
        while self.word(at)? != 0 {
            at += 1;
        }
        let begin = at + 1;
        let mut end = begin;
        while self.word(end)? != 0 {
            end += 2;
        }
        let auxv = self.bytes.get(begin * WORD..(end + 2) * WORD)?.to_vec();
        let mut image = Image { auxv, cmdline, file: Vec::new() };
        let (_, file) = self.string(image.value(libc::AT_EXECFN)?)?;
        image.file = file.strip_suffix(b"\0")?.to_vec();
        Some(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(arguments: &[&str]) -> Vec<u8> {
        let strings = 0x1000 + 8 * (arguments.len() as u64 + 10);
        let mut text = Vec::new();
        let mut words = vec![arguments.len() as u64];
        let mut add = |string: &str| {
            let at = strings + text.len() as u64;
            text.extend([string.as_bytes(), b"\0"].concat());
            at
        };
        words.extend(arguments.iter().map(|argument| add(argument)));
        words.extend([0, add("A=b"), 0, libc::AT_EXECFN, add("/usr/bin/a-long-name-of-a-file")]);
        words.extend([9, 0x77, 0, 0]);
        assert_eq!(0x1000 + 8 * words.len() as u64, strings);
        [words.into_iter().flat_map(u64::to_le_bytes).collect(), text].concat()
    }

    #[test]
    fn arguments_and_vector_are_found() {
        let bytes = stack(&["name", "", "x y"]);
        let image = Stack { bytes: &bytes, at: 0x1000 }.image().unwrap();
        assert_eq!(image.cmdline, b"name\0\0x y\0");
        assert_eq!((image.value(9), image.value(10)), (Some(0x77), None));
        assert_eq!(image.auxv.len(), 6 * 8);
        assert_eq!(image.comm(), Some(&b"a-long-name-of-"[..]));
        for len in 0..bytes.len() {
            assert!(Stack { bytes: &bytes[..len], at: 0x1000 }.image().is_none(), "{len} bytes");
        }
    }

    #[test]
    fn strange_stacks_are_refused() {
        assert!(Stack { bytes: &stack(&[]), at: 0x1000 }.image().is_none(), "no arguments");
        let mut bytes = stack(&["name"]);
        bytes[8..16].fill(0xff);
        assert!(Stack { bytes: &bytes, at: 0x1000 }.image().is_none(), "a wild pointer");
        bytes[..8].fill(0xff);
        assert!(Stack { bytes: &bytes, at: 0x1000 }.image().is_none(), "too many arguments");
    }
}
