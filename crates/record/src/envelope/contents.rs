//! The contents of mapped files, each piece of a file kept once.

use crate::sink::Sink;
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use sysreel_format::limits::BLOB_PART;
use sysreel_format::{BlobNumber, MappedHead};
use sysreel_sys::clock;

/// A file as it was at one time: it changes its times when it is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Version {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The pieces that are in the log already.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pieces: HashMap<(Version, u64), BlobNumber>,
    buffer: Vec<u8>,
    blobs: Vec<BlobNumber>,
}

/// A stretch of a file.
#[derive(Debug, Clone)]
pub(super) struct Stretch<'a> {
    /// Its file.
    pub(super) data: &'a Metadata,
    /// From where to where.
    pub(super) range: Range<u64>,
    /// The file's times do not tell what is done to it: it is mapped to be shared.
    pub(super) changing: bool,
}

impl Stretch<'_> {
    /// What a mapping shows of its file.
    pub(super) fn of<'a>(data: &'a Metadata, head: &MappedHead) -> Stretch<'a> {
        Stretch { data, range: head.offset..head.offset.saturating_add(head.len), changing: false }
    }
}

/// Where a stretch of a file is in the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    /// The blobs that hold it.
    pub(super) blobs: &'a [BlobNumber],
    /// Bytes of the first blob that come before it.
    pub(super) skip: u64,
    /// How much of it the file has.
    pub(super) filled: u64,
}

impl Contents {
    /// Puts a stretch of a file into the log, or finds it there. A mapping begins at a multiple of the page size, a piece at a
    /// multiple of its own. The file is opened only to be read.
    pub(super) fn keep(
        &mut self,
        sink: &mut Sink,
        stretch: Stretch<'_>,
        open: impl FnOnce() -> io::Result<File>,
    ) -> io::Result<Held<'_>> {
        let piece = BLOB_PART as u64;
        let Stretch { data, range, changing } = stretch;
        let version = Version::of(data);
        let offset = range.start;
        let end = range.end.min(version.size);
        // A file that was changed a moment ago may be changed again without another time: clocks of files tick slowly.
        let age = clock::realtime_ns().saturating_sub(nanoseconds(data.mtime(), data.mtime_nsec()));
        let lasts = !changing && age >= TICK_NS;
        let starts = || (offset - offset % piece..end).step_by(BLOB_PART);
        let all_there = lasts && starts().all(|at| self.pieces.contains_key(&(version, at)));
        let file = if all_there || starts().next().is_none() { None } else { Some(open()?) };
        self.blobs.clear();
        for at in starts() {
            let known = self.pieces.get(&(version, at)).copied().filter(|_| lasts);
            let number = match (known, &file) {
                (Some(number), _) => number,
                (None, None) => break,
                (None, Some(file)) => {
                    let len = usize::try_from(version.size - at).unwrap_or(BLOB_PART).min(BLOB_PART);
                    self.buffer.resize(self.buffer.len().max(len), 0);
                    let got = read_full(file, &mut self.buffer[..len], at)?;
                    let Some(number) = sink.contents(&self.buffer[..got]) else { break };
                    if lasts {
                        self.pieces.insert((version, at), number);
                    }
                    number
                }
            };
            self.blobs.push(number);
        }
        Ok(Held { blobs: &self.blobs, skip: offset % piece, filled: end.saturating_sub(offset) })
    }

    /// Puts bytes into the log that were read from a mapping, because its file cannot be.
    pub(super) fn keep_bytes(&mut self, sink: &mut Sink, bytes: &[u8]) -> Held<'_> {
        self.blobs.clear();
        self.blobs.extend(bytes.chunks(BLOB_PART).filter_map(|part| sink.contents(part)));
        Held { blobs: &self.blobs, skip: 0, filled: bytes.len() as u64 }
    }
}

impl Version {
    fn of(data: &Metadata) -> Version {
        Version {
            device: data.dev(),
            inode: data.ino(),
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        }
    }
}

/// Twice the longest tick of a kernel (CONFIG_HZ=100).
const TICK_NS: u64 = 20_000_000;

fn nanoseconds(seconds: i64, nanoseconds: i64) -> u64 {
    u64::try_from(seconds * 1_000_000_000 + nanoseconds).unwrap_or(0)
}

/// As much as there is, up to the length of the buffer.
fn read_full(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
