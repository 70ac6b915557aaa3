//! The rings of a process: shared memory with a slot for each thread.

use super::layout::{self as l, RINGS, RINGS_LEN, SLOT, SLOTS, record as r};
use crate::{Error, Result};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};

/// The rings, as the tracer has them mapped. The recorded process can write anything there at any
/// time, so every value is read once and checked.
#[derive(Debug)]
pub struct Rings {
    base: *mut u8,
    /// A bit for each slot in use.
    used: std::cell::Cell<u64>,
}

/// A call that the page has made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record {
    /// The time-stamp counter before the call.
    pub began: u64,
    /// The time-stamp counter after the call.
    pub ended: u64,
    /// The address after the call site.
    pub ip: u64,
    /// The stack pointer.
    pub sp: u64,
    /// The number of the call.
    pub nr: u64,
    /// The arguments.
    pub args: [u64; 6],
    /// The result.
    pub result: u64,
}

/// Memory that was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copy<'r> {
    /// Its address; [`layout::LINK`](l::LINK) or [`layout::STAT`](l::STAT) for a name.
    pub address: u64,
    /// The bytes.
    pub bytes: &'r [u8],
}

fn word(bytes: &[u8], at: u64) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

impl Record {
    /// Reads the first record of `bytes`. Returns it with its length. `None` when there is none
    /// that holds together.
    pub fn first(bytes: &[u8]) -> Option<(Record, usize)> {
        let len = word(bytes, r::LEN).filter(|len| len.is_multiple_of(8) && *len >= r::COPIES)?;
        let len = usize::try_from(len).ok().filter(|&len| len <= bytes.len())?;
        let (record, mut copies) = (Record::head(bytes)?, 0);
        for copy in Record::copies(&bytes[..len]) {
            copies += 16 + copy.bytes.len().next_multiple_of(8);
        }
        (copies + usize::try_from(r::COPIES).ok()? == len).then_some((record, len))
    }

    /// Reads a record without its copies.
    fn head(bytes: &[u8]) -> Option<Record> {
        let mut args = [0; 6];
        for (arg, at) in args.iter_mut().zip((r::ARGS..).step_by(8)) {
            *arg = word(bytes, at)?;
        }
        Some(Record {
            began: word(bytes, r::BEGAN)?,
            ended: word(bytes, r::ENDED)?,
            ip: word(bytes, r::IP)?,
            sp: word(bytes, r::SP)?,
            nr: word(bytes, r::NR)?,
            args,
            result: word(bytes, r::RESULT)?,
        })
    }

    /// The copies of the record that `bytes` is.
    pub fn copies(bytes: &[u8]) -> impl Iterator<Item = Copy<'_>> {
        let mut rest = bytes.get(usize::try_from(r::COPIES).unwrap_or(0)..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (address, len) = (word(rest, 0)?, usize::try_from(word(rest, 8)?).ok()?);
            let bytes = rest.get(16..)?.get(..len)?;
            rest = rest.get(16 + len.checked_next_multiple_of(8)?..)?;
            Some(Copy { address, bytes })
        })
    }
}

impl Rings {
    /// Maps the rings in this process. `file` is a memfd that can be sealed: it gets its length,
    /// which then cannot change.
    ///
    /// # Errors
    /// The errno of ftruncate(2), fcntl(2) or mmap(2).
    pub fn new(file: &File) -> Result<Rings> {
        let len = usize::try_from(RINGS_LEN).unwrap_or(0);
        file.set_len(RINGS_LEN).map_err(|source| Error::io("ftruncate", source))?;
        let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
        // SAFETY: fcntl(2) with F_ADD_SEALS takes numbers; a new mapping at an address chosen by
        // the kernel overlaps no other (mmap(2)). As the file cannot shrink, no access raises
        // SIGBUS.
        let base = unsafe {
            if libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) != 0 {
                return Err(Error::last("F_ADD_SEALS", None));
            }
            let prot = libc::PROT_READ | libc::PROT_WRITE;
            let fd = file.as_raw_fd();
            libc::mmap(std::ptr::null_mut(), len, prot, libc::MAP_SHARED, fd, 0)
        };
        if base == libc::MAP_FAILED {
            return Err(Error::last("mmap", None));
        }
        Ok(Rings { base: base.cast(), used: std::cell::Cell::new(0) })
    }

    /// Takes a free slot.
    pub fn take(&self) -> Option<u64> {
        let free = u64::from(self.used.get().trailing_ones());
        (free < SLOTS).then(|| {
            self.used.set(self.used.get() | 1 << free);
            free
        })
    }

    /// Gives a slot back.
    pub fn give_back(&self, slot: u64) {
        self.used.set(self.used.get() & !(1 << slot));
    }

    /// The address of a slot in the process.
    pub fn address(slot: u64) -> u64 {
        RINGS + slot * SLOT
    }

    /// Prepares a slot for a thread that is stopped.
    pub fn prepare(&self, slot: u64, live: bool) {
        for at in (0..l::PATH_END).step_by(8) {
            self.set(slot, at, 0);
        }
        self.set(slot, l::SELF, Rings::address(slot));
        self.set(slot, l::NEXT, l::RECORDS);
        self.set(slot, l::MAGIC, if live { l::MAGIC_VALUE } else { 0 });
    }

    fn atomic(&self, slot: u64, at: u64) -> &AtomicU64 {
        let offset = (slot % SLOTS) * SLOT + at % SLOT / 8 * 8;
        let offset = usize::try_from(offset).unwrap_or(0);
        // SAFETY: the offset is inside of the mapping and a multiple of 8, and the mapping lives as
        // long as self. Other processes write to it, which atomics permit.
        unsafe { AtomicU64::from_ptr(self.base.add(offset).cast()) }
    }

    /// Reads a word of a slot.
    pub fn get(&self, slot: u64, at: u64) -> u64 {
        self.atomic(slot, at).load(Ordering::Acquire)
    }

    /// Writes a word of a slot.
    pub fn set(&self, slot: u64, at: u64, value: u64) {
        self.atomic(slot, at).store(value, Ordering::Release);
    }

    /// Appends the records of a slot from offset `from` on to `to`, and returns the offset up to
    /// which they are complete.
    pub fn read(&self, slot: u64, from: u64, to: &mut Vec<u8>) -> u64 {
        let next = self.get(slot, l::NEXT);
        if !(from..=SLOT).contains(&next) || from < l::RECORDS || !next.is_multiple_of(8) {
            return from;
        }
        let offset = usize::try_from((slot % SLOTS) * SLOT + from).unwrap_or(0);
        let len = usize::try_from(next - from).unwrap_or(0);
        to.reserve(len);
        let at = to.len();
        // SAFETY: source and destination have room for `len` bytes (checked and reserved), and do
        // not overlap. The process may change the bytes meanwhile: any are valid, and they are
        // checked afterwards.
        unsafe {
            let target = to.as_mut_ptr().add(at);
            std::ptr::copy_nonoverlapping(self.base.add(offset), target, len);
            to.set_len(at + len);
        }
        next
    }

    /// The record in progress, without its copies.
    pub fn in_progress(&self, slot: u64) -> Record {
        let start = self.get(slot, l::START) / 8 * 8;
        let at = |offset: u64| self.get(slot, (start + offset).min(SLOT - 8));
        Record {
            began: at(r::BEGAN),
            ended: at(r::ENDED),
            ip: at(r::IP),
            sp: at(r::SP),
            nr: at(r::NR),
            args: std::array::from_fn(|i| at(r::ARGS + 8 * i as u64)),
            result: at(r::RESULT),
        }
    }
}

impl Drop for Rings {
    fn drop(&mut self) {
        // SAFETY: base and length are those of the own mapping, which nothing borrows any more.
        unsafe { libc::munmap(self.base.cast(), usize::try_from(RINGS_LEN).unwrap_or(0)) };
    }
}
