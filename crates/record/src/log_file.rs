//! The log's file. Reserves disk space, so that a full disk is noticed while the log can still be
//! ended.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use sysreel_sys::mapping;

/// A file with disk blocks reserved for the end of the log.
#[derive(Debug)]
pub(crate) struct LogFile {
    file: File,
    /// Whether it is a regular file, for which blocks can be reserved.
    regular: bool,
    written: u64,
    /// Up to here the file has disk blocks.
    reserved: u64,
    /// The bytes that the end of the log may take.
    end: u64,
    /// What was written before the first segment. Without it nothing of a log can be read.
    head: Vec<u8>,
    head_is_whole: bool,
    disturbance: Option<Disturbance>,
}

/// What another program did to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disturbance {
    /// It was truncated, or something was appended.
    Length { found: u64, written: u64 },
    /// Its beginning has changed: it was truncated and has grown since, or was overwritten.
    Head,
}

/// The size of an empty log's end, and more than that end grows by a segment.
const MIN_END: u64 = 4 << 10;
/// Up to this many unused reserved bytes are left to the file: freeing blocks can take longer than
/// all other work at the end.
const UNUSED_MAX: u64 = 16 << 10;

impl LogFile {
    pub(crate) fn new(file: File, regular: bool) -> LogFile {
        let (head, head_is_whole) = (Vec::new(), !regular);
        LogFile {
            file,
            regular,
            written: 0,
            reserved: 0,
            end: MIN_END,
            head,
            head_is_whole,
            disturbance: None,
        }
    }

    /// The current file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Whether it is a regular file, not a pipe or device.
    pub(crate) fn is_regular(&self) -> bool {
        self.regular
    }

    /// Marks the end of the head.
    pub(crate) fn end_head(&mut self) {
        self.head_is_whole = true;
    }

    /// Copies the contents to another file and continues there.
    pub(crate) fn continue_in(&mut self, mut other: File) -> io::Result<()> {
        mapping::copy(&self.file, &other, self.written)?;
        other.seek(SeekFrom::Start(self.written))?;
        (self.file, self.reserved) = (other, 0);
        Ok(())
    }

    /// Checks whether another program has changed the file, and restores its length and head.
    /// Comparing the head takes a read.
    pub(crate) fn check(&mut self, head_too: bool) -> io::Result<()> {
        if !self.regular {
            return Ok(());
        }
        let len = self.file.metadata()?.len();
        let found = if len != self.written {
            Disturbance::Length { found: len, written: self.written }
        } else if head_too && !self.head_is_intact()? {
            Disturbance::Head
        } else {
            return Ok(());
        };
        self.disturbance.get_or_insert(found);
        // The reserved blocks may be gone too.
        self.reserved = 0;
        self.file.set_len(self.written)?;
        self.file.write_all_at(&self.head, 0)
    }

    /// Returns what was found since the last call.
    pub(crate) fn take_disturbance(&mut self) -> Option<Disturbance> {
        self.disturbance.take()
    }

    fn head_is_intact(&self) -> io::Result<bool> {
        let mut head = vec![0; self.head.len()];
        self.file.read_exact_at(&mut head, 0)?;
        Ok(head == self.head)
    }

    /// Makes each write leave this much room for the end of the log.
    pub(crate) fn reserve_for_end(&mut self, end: u64) {
        self.end = end + MIN_END;
    }

    /// Releases the reserve: the end of the log is written now.
    pub(crate) fn begin_end(&mut self) {
        self.end = 0;
    }

    /// Frees reserved blocks that were not needed.
    pub(crate) fn free_reserve(&self) {
        if self.reserved > self.written + UNUSED_MAX {
            // A failure wastes space only: the log is complete.
            _ = self.file.set_len(self.written);
        }
    }

    /// Makes the written data survive a power cut.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Makes sure that the disk has room for `len` bytes and for the end of the log, so that the
    /// log can be ended cleanly on a full disk.
    fn reserve(&mut self, len: u64) -> io::Result<()> {
        let needed = self.written + len + self.end;
        if !self.regular || needed <= self.reserved {
            return Ok(());
        }
        // Written data has blocks, and reserved blocks need not be requested again.
        let from = self.reserved.max(self.written);
        match mapping::allocate(&self.file, from, needed - from, true) {
            Ok(()) => {
                self.reserved = needed;
                Ok(())
            }
            // No room for this user and RLIMIT_FSIZE count as full too.
            Err(error) if is_full(&error) => Err(error),
            // Where the file system cannot reserve, the write itself reports a full disk.
            Err(_) => Ok(()),
        }
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Data written after the end of a truncated file would hide the truncation. If the check
        // fails, so does the write.
        _ = self.check(false);
        self.reserve(bytes.len() as u64)?;
        let count = self.file.write(bytes)?;
        self.written += count as u64;
        if !self.head_is_whole {
            self.head.extend(bytes.iter().take(count));
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Whether a write failed for lack of room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
