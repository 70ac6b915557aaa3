//! The log's file while it is written: a full disk is noticed before it is full.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
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
    /// What was written before the first segment: without it nothing of a log can be read.
    head: Vec<u8>,
    head_is_whole: bool,
    disturbance: Option<Disturbance>,
}

/// What somebody else did to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disturbance {
    /// It was cut, or something was appended.
    Length { found: u64, written: u64 },
    /// Its beginning is another. It was cut and has grown since, or was written over.
    Head,
}

/// What a log's end takes before there is anything in it, and more than it grows by a segment.
const SHORTEST_END: u64 = 4 << 10;
/// What is reserved in vain is left to the file up to here: to give blocks back may take longer
/// than all that the recorder does at the end.
const LITTLE: u64 = 16 << 10;

impl LogFile {
    pub(crate) fn new(file: File, regular: bool) -> LogFile {
        let (head, head_is_whole) = (Vec::new(), !regular);
        LogFile {
            file,
            regular,
            written: 0,
            reserved: 0,
            end: SHORTEST_END,
            head,
            head_is_whole,
            disturbance: None,
        }
    }

    /// The file as it is now.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Whether it is a file of its own, and no pipe or device.
    pub(crate) fn is_regular(&self) -> bool {
        self.regular
    }

    /// What comes now is no header any more.
    pub(crate) fn end_head(&mut self) {
        self.head_is_whole = true;
    }

    /// Copies what there is to another file, and writes there from now on.
    pub(crate) fn go_on_in(&mut self, mut other: File) -> io::Result<()> {
        mapping::copy(&self.file, &other, self.written)?;
        other.seek(SeekFrom::Start(self.written))?;
        (self.file, self.reserved) = (other, 0);
        Ok(())
    }

    /// Looks whether somebody else has changed the file, and gives it its length and its head back.
    /// To compare the head takes a read.
    pub(crate) fn look(&mut self, head_too: bool) -> io::Result<()> {
        if !self.regular {
            return Ok(());
        }
        let len = self.file.metadata()?.len();
        let found = if len != self.written {
            Disturbance::Length { found: len, written: self.written }
        } else if head_too && !self.has_its_head()? {
            Disturbance::Head
        } else {
            return Ok(());
        };
        self.disturbance.get_or_insert(found);
        // The blocks that were reserved may be gone too.
        self.reserved = 0;
        self.file.set_len(self.written)?;
        self.file.write_all_at(&self.head, 0)
    }

    /// What was found since the last time.
    pub(crate) fn take_disturbance(&mut self) -> Option<Disturbance> {
        self.disturbance.take()
    }

    fn has_its_head(&self) -> io::Result<bool> {
        let mut head = vec![0; self.head.len()];
        self.file.read_exact_at(&mut head, 0)?;
        Ok(head == self.head)
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

    /// Makes sure that the disk has room for `len` bytes and for the end of the log after them, so
    /// that it can still be ended cleanly when it has not.
    fn reserve(&mut self, len: u64) -> io::Result<()> {
        let needed = self.written + len + self.end;
        if !self.regular || needed <= self.reserved {
            return Ok(());
        }
        // What is written has its blocks, and what was reserved need not be asked for again.
        let from = self.reserved.max(self.written);
        match mapping::allocate(&self.file, from, needed - from, true) {
            Ok(()) => {
                self.reserved = needed;
                Ok(())
            }
            // Full for this user, or over RLIMIT_FSIZE, is full.
            Err(error) if is_full(&error) => Err(error),
            // Not every file system can reserve; there the write itself will say when the disk is
            // full.
            Err(_) => Ok(()),
        }
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // What is written behind the end of a file that was cut would hide that. What cannot be
        // looked at or mended shows in the write.
        _ = self.look(false);
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

/// Whether it is for want of room that something could not be written.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
