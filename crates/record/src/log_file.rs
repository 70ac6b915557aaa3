//! The log's file while it is written: a full disk is noticed before it is full.

use std::fs::File;
use std::io::{self, Write};
use sysreel_sys::mapping;

/// A file that has disk blocks for the end of the log before anything else takes them.
#[derive(Debug)]
pub(crate) struct LogFile {
    file: File,
    /// Is it a regular file, for which room can be reserved?
    regular: bool,
    written: u64,
    /// Up to where the file has disk blocks.
    reserved: u64,
    /// How much the end of the log may take.
    end: u64,
}

/// What a log's end takes before there is anything in it, and more than it grows by a segment.
const SHORTEST_END: u64 = 4 << 10;
/// What is reserved in vain is left to the file up to here: to give blocks back may take longer than all that the recorder does at the end.
const LITTLE: u64 = 16 << 10;

impl LogFile {
    pub(crate) fn new(file: File, regular: bool) -> LogFile {
        LogFile { file, regular, written: 0, reserved: 0, end: SHORTEST_END }
    }

    /// Each write leaves so much room behind it.
    pub(crate) fn keep_for_the_end(&mut self, end: u64) {
        self.end = end + SHORTEST_END;
    }

    /// What comes now is the end.
    pub(crate) fn begin_end(&mut self) {
        self.end = 0;
    }

    /// Gives back what was reserved and is not needed.
    pub(crate) fn give_back(&self) {
        if self.reserved > self.written + LITTLE {
            // It only takes room: the log is whole as it is.
            _ = self.file.set_len(self.written);
        }
    }

    /// Makes what was written survive a power cut.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Makes sure that the disk has room for `len` bytes and for the end of the log after them, so that it can still be ended cleanly when
    /// it has not.
    fn reserve(&mut self, len: u64) -> io::Result<()> {
        let needed = self.written + len + self.end;
        if !self.regular || needed <= self.reserved {
            return Ok(());
        }
        match mapping::allocate(&self.file, self.reserved, needed - self.reserved, true) {
            Ok(()) => {
                self.reserved = needed;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Err(error),
            // Not every file system can reserve; there the write itself will say when the disk is full.
            Err(_) => Ok(()),
        }
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.reserve(bytes.len() as u64)?;
        let count = self.file.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
