//! Calls that change the length or the contents of a file, which others may have mapped.

use super::{low, output};
use crate::arch::Abi;
use crate::desc::{CallKind, Row};
use linux_raw_sys::general as g;

/// A call that may change a file, if it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The file.
    pub file: ChangedFile,
    /// What changes.
    pub change: Change,
}

/// Which file a call changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedFile {
    /// That of a descriptor.
    Descriptor(i32),
    /// One named by a path, relative to a directory (`AT_FDCWD` for the current one). `arg` is the
    /// argument with the path. With `opens` the result is a descriptor of it.
    Path {
        /// The directory's descriptor.
        directory: i32,
        /// The argument.
        arg: u8,
        /// Whether the call opens the file.
        opens: bool,
    },
}

/// What changes in a file. Its length may change in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// As many bytes as the result says; `None`: before the offset of the descriptor.
    Written {
        /// From here on.
        at: Option<u64>,
    },
    /// Only the length.
    Length,
    /// A range.
    Range {
        /// The offset of the first byte.
        start: u64,
        /// The length in bytes.
        len: u64,
    },
    /// Everything from here on moves.
    Moved {
        /// The offset of the first byte.
        start: u64,
    },
    /// Anything.
    Any,
}

/// Returns the change that a call makes to a file. `flags` are those of an openat2(2), which are in
/// memory.
#[must_use]
pub fn file_change(abi: Abi, row: &Row, args: &[u64; 6], how: Option<&[u8]>) -> Option<FileChange> {
    let args = abi.args(args);
    let arg = |name: &str| row.arg(name).and_then(|at| args.get(at).copied());
    let descriptor = |fd: u64| ChangedFile::Descriptor(low(fd).cast_signed());
    match row.kind {
        CallKind::Write | CallKind::Send => {
            let output = output(abi, row, &args)?;
            let change = if output.from_memory {
                Change::Written { at: position(abi, &arg) }
            } else {
                Change::Any
            };
            Some(FileChange { file: ChangedFile::Descriptor(output.fd), change })
        }
        CallKind::Truncate => {
            let file = match arg("fd") {
                Some(fd) => descriptor(fd),
                None => path(row, &arg, "path", false)?,
            };
            let change = match arg("mode") {
                None => Change::Length,
                Some(mode) => allocated(low(mode), arg("offset").zip(arg("len"))),
            };
            Some(FileChange { file, change })
        }
        CallKind::Open => {
            let flags = match (arg("flags"), how) {
                (Some(flags), _) => low(flags),
                (None, Some(how)) => {
                    how.first_chunk().map_or(0, |flags| u32::from_le_bytes(*flags))
                }
                // creat(2) truncates.
                (None, None) => g::O_TRUNC,
            };
            let name = if row.arg("pathname").is_some() { "pathname" } else { "filename" };
            let file = path(row, &arg, name, true)?;
            (flags & g::O_TRUNC != 0).then_some(FileChange { file, change: Change::Length })
        }
        // Blocks of another file (ioctl_ficlonerange(2)).
        CallKind::Ioctl if matches!(low(args[1]), FICLONE | FICLONERANGE) => {
            Some(FileChange { file: descriptor(args[0]), change: Change::Any })
        }
        _ => None,
    }
}

/// `_IOW(0x94, 9, int)` and `_IOW(0x94, 13, struct file_clone_range)` (linux/fs.h).
const FICLONE: u32 = 0x4004_9409;
const FICLONERANGE: u32 = 0x4020_940d;

/// Returns the offset that a call has as an argument. -1 is that of the descriptor (pwritev2(2)).
fn position(abi: Abi, arg: &impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let at = match (arg("pos"), arg("pos_l"), arg("pos_h")) {
        (Some(at), ..) => at,
        (None, Some(low), Some(high)) if abi.word() == 4 => high << 32 | low,
        (None, Some(whole), _) => whole,
        _ => return None,
    };
    i64::try_from(at).is_ok().then_some(at)
}

/// Returns what fallocate(2) does with a mode. The offset and length of 32-bit programs are in two
/// halves each.
fn allocated(mode: u32, range: Option<(u64, u64)>) -> Change {
    let Some((start, len)) = range else { return Change::Any };
    match mode {
        mode if mode & (g::FALLOC_FL_COLLAPSE_RANGE | g::FALLOC_FL_INSERT_RANGE) != 0 => {
            Change::Moved { start }
        }
        mode if mode & !g::FALLOC_FL_KEEP_SIZE != 0 => Change::Range { start, len },
        _ => Change::Length,
    }
}

fn path(
    row: &Row,
    arg: &impl Fn(&str) -> Option<u64>,
    name: &str,
    opens: bool,
) -> Option<ChangedFile> {
    let directory = arg("dfd").map_or(g::AT_FDCWD, |fd| low(fd).cast_signed());
    Some(ChangedFile::Path { directory, arg: u8::try_from(row.arg(name)?).ok()?, opens })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::row_named;

    fn of(abi: Abi, name: &str, args: [u64; 6]) -> Option<(ChangedFile, Change)> {
        let change = file_change(abi, row_named(abi, name).unwrap(), &args, None)?;
        Some((change.file, change.change))
    }

    #[test]
    fn calls_that_change_files_are_known() {
        let own = |name, args| of(Abi::X86_64, name, args);
        let three = ChangedFile::Descriptor(3);
        let named = |directory, arg, opens| ChangedFile::Path { directory, arg, opens };
        let args = [3, 0x40, 5, 7, 0, 0];
        assert_eq!(own("write", args), Some((three, Change::Written { at: None })));
        assert_eq!(own("pwrite64", args), Some((three, Change::Written { at: Some(7) })));
        assert_eq!(own("pwritev", args), Some((three, Change::Written { at: Some(7) })));
        let end = [3, 0x40, 5, u64::MAX, 0, 0];
        assert_eq!(own("pwritev2", end), Some((three, Change::Written { at: None })));
        assert_eq!(own("sendfile", args), Some((three, Change::Any)));
        assert_eq!(own("ftruncate", args), Some((three, Change::Length)));
        assert_eq!(own("truncate", args), Some((named(-100, 0, false), Change::Length)));
        assert_eq!(own("fallocate", [3, 0, 5, 7, 0, 0]), Some((three, Change::Length)));
        let punched = Some((three, Change::Range { start: 5, len: 7 }));
        assert_eq!(own("fallocate", [3, 3, 5, 7, 0, 0]), punched);
        assert_eq!(own("fallocate", [3, 8, 5, 7, 0, 0]), Some((three, Change::Moved { start: 5 })));
        assert_eq!(
            own("open", [0x40, 0x201, 0, 0, 0, 0]),
            Some((named(-100, 0, true), Change::Length))
        );
        assert_eq!(own("open", [0x40, 1, 0, 0, 0, 0]), None);
        assert_eq!(
            own("openat", [9, 0x40, 0x201, 0, 0, 0]),
            Some((named(9, 1, true), Change::Length))
        );
        assert_eq!(
            own("creat", [0x40, 0, 0, 0, 0, 0]),
            Some((named(-100, 0, true), Change::Length))
        );
        assert_eq!(own("ioctl", [3, 0x4004_9409, 4, 0, 0, 0]), Some((three, Change::Any)));
        assert_eq!(own("read", args), None);
        let halves = [3, 0x40, 5, 7, 1, 0];
        let at = Some(0x1_0000_0007);
        assert_eq!(of(Abi::I386, "pwrite64", halves), Some((three, Change::Written { at })));
        assert_eq!(of(Abi::I386, "ftruncate64", halves), Some((three, Change::Length)));
    }
}
