//! The mappings of a process (/proc/PID/maps, proc(5)).

use crate::Tid;
use std::io::{self, Read};

/// What one read asks for, in bytes: most processes have less.
const STEP: usize = 16 << 10;

/// A line of /proc/PID/maps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// The first address.
    pub start: u64,
    /// The first address after the mapping.
    pub end: u64,
    /// `rwxp` or `rwxs`, with dashes.
    pub permissions: [u8; 4],
    /// The offset in the file.
    pub offset: u64,
    /// The device number, in the encoding of st_dev.
    pub device: u64,
    /// The inode number, 0 for anonymous memory.
    pub inode: u64,
    /// The path or `[name]`, as the kernel escapes it.
    pub path: Vec<u8>,
}

impl Mapping {
    /// The protection as PROT_* bits: PROT_READ is 1, PROT_WRITE 2, PROT_EXEC 4
    /// (asm-generic/mman-common.h).
    pub fn protection(&self) -> u32 {
        (0..)
            .zip(self.permissions)
            .take(3)
            .filter(|(_, letter)| *letter != b'-')
            .map(|(i, _)| 1 << i)
            .sum()
    }
}

/// Reads /proc/TID/maps.
///
/// # Errors
/// The errno of reading the file; ENOENT or ESRCH when the task has ended.
pub fn mappings(tid: Tid) -> io::Result<Vec<Mapping>> {
    let mut file = std::fs::File::open(format!("/proc/{tid}/maps"))?;
    let (mut text, mut len) = (Vec::new(), 0);
    // This mapping is always the last, where there is one (arch/x86/entry/vsyscall): after it no
    // read is needed to find the end.
    while !text.ends_with(b"[vsyscall]\n") {
        text.resize(len + STEP, 0);
        let got = file.read(&mut text[len..])?;
        len += got;
        text.truncate(len);
        if got == 0 {
            break;
        }
    }
    Ok(text.split(|&byte| byte == b'\n').filter_map(mapping).collect())
}

fn mapping(line: &[u8]) -> Option<Mapping> {
    let mut rest = line;
    let mut word = || {
        let start = rest.iter().position(|&b| b != b' ')?;
        let len = rest[start..].iter().position(|&b| b == b' ').unwrap_or(rest.len() - start);
        let (word, tail) = rest[start..].split_at(len);
        rest = tail;
        std::str::from_utf8(word).ok()
    };
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let (start, end) = word()?.split_once('-')?;
    let permissions = word()?.as_bytes().try_into().ok()?;
    let offset = hex(word()?)?;
    let (major, minor) = word()?.split_once(':')?;
    let inode = word()?.parse().ok()?;
    Some(Mapping {
        start: hex(start)?,
        end: hex(end)?,
        permissions,
        offset,
        device: libc::makedev(
            u32::from_str_radix(major, 16).ok()?,
            u32::from_str_radix(minor, 16).ok()?,
        ),
        inode,
        path: rest.trim_ascii_start().to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_spaces_stay_whole() {
        let line = b"7f00-8f00 r-xp 00001000 fe:01 12 /a b/c (deleted)";
        let mapping = mapping(line).unwrap();
        assert_eq!((mapping.start, mapping.end, mapping.offset), (0x7f00, 0x8f00, 0x1000));
        assert_eq!(mapping.device, libc::makedev(0xfe, 1));
        assert_eq!(mapping.path, b"/a b/c (deleted)");
    }
}
