//! Calls that lock and unlock files.

use linux_raw_sys::general as g;

use crate::arch::Abi;
use crate::bytes::{u32_at, u64_at};
use crate::desc::{CallKind, Row};

/// Who owns a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockKind {
    /// The open file description, for the whole file: flock(2).
    Flock,
    /// The process: fcntl(2) with F_SETLK.
    Record,
    /// The open file description: fcntl(2) with F_OFD_SETLK.
    OpenFile,
}

/// What a call does to a lock on the file of argument 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockChange {
    /// Who owns it.
    pub kind: LockKind,
    /// `None` unlocks; else whether the lock is exclusive.
    pub exclusive: Option<bool>,
    /// First and last byte; `None` if the range depends on the offset or length of the file.
    pub range: Option<(u64, u64)>,
}

/// Returns what a call does to a lock. `structure` is the memory of argument 2.
#[must_use]
pub fn lock_change(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    structure: Option<&[u8]>,
) -> Option<LockChange> {
    let args = abi.args(args);
    let command = u32::try_from(args[1] & 0xffff_ffff).ok()?;
    match row.kind {
        CallKind::Lock => {
            let exclusive = match command & !g::LOCK_NB {
                g::LOCK_SH => Some(false),
                g::LOCK_EX => Some(true),
                g::LOCK_UN => None,
                _ => return None,
            };
            Some(LockChange { kind: LockKind::Flock, exclusive, range: Some((0, u64::MAX)) })
        }
        CallKind::Fcntl => {
            let (kind, large) = match command {
                g::F_SETLK | g::F_SETLKW => (LockKind::Record, false),
                g::F_OFD_SETLK | g::F_OFD_SETLKW => (LockKind::OpenFile, true),
                // F_SETLK64 and F_SETLKW64 of i386.
                n if abi == Abi::I386
                    && (crate::consts::unpackaged::F_SETLK64
                        ..=crate::consts::unpackaged::F_SETLKW64)
                        .contains(&n.into()) =>
                {
                    (LockKind::Record, true)
                }
                _ => return None,
            };
            record_lock(abi, kind, large, structure?)
        }
        _ => None,
    }
}

fn record_lock(abi: Abi, kind: LockKind, large: bool, bytes: &[u8]) -> Option<LockChange> {
    let head = u32_at(bytes, 0)?;
    let (lock_type, whence) = (head & 0xffff, head >> 16);
    let small = |at| u32_at(bytes, at).map(|value| i64::from(value.cast_signed()));
    let wide = |at| u64_at(bytes, at).map(u64::cast_signed);
    // struct flock: type and whence, then start and length, aligned as the ABI aligns them.
    let (start, len) = match (abi, large) {
        (Abi::I386, false) => (small(4)?, small(8)?),
        (Abi::I386, true) => (wide(4)?, wide(12)?),
        _ => (wide(8)?, wide(16)?),
    };
    let exclusive = match lock_type {
        g::F_RDLCK => Some(false),
        g::F_WRLCK => Some(true),
        g::F_UNLCK => None,
        _ => return None,
    };
    // fcntl(2): a negative length counts backwards, 0 reaches to the end.
    let range = || {
        let (first, last) = match len {
            0 => (start, i64::MAX),
            1.. => (start, start.checked_add(len - 1)?),
            _ => (start.checked_add(len)?, start.checked_sub(1)?),
        };
        let last = if len == 0 { u64::MAX } else { u64::try_from(last).ok()? };
        Some((u64::try_from(first).ok()?, last))
    };
    let range = if whence == g::SEEK_SET { range() } else { None };
    Some(LockChange { kind, exclusive, range })
}
