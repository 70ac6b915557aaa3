//! The contents of mapped files, each piece of a file kept once.

use crate::sink::Sink;
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use sysreel_format::BlobNumber;
use sysreel_format::limits::BLOB_PART;
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
    /// multiple of its own.
    pub(super) fn keep(
        &mut self,
        sink: &mut Sink,
        file: &File,
        offset: u64,
        len: u64,
    ) -> io::Result<Held<'_>> {
        let data = file.metadata()?;
        // A file that was changed a moment ago may be changed again without another time: clocks of files tick slowly.
        let age = clock::realtime_ns().saturating_sub(nanoseconds(data.mtime(), data.mtime_nsec()));
        self.stretch(sink, file, &data, offset..offset.saturating_add(len), age < TICK_NS)
    }

    /// As [`Contents::keep`], for a file whose times do not tell what was done to it: one that is mapped to be shared.
    pub(super) fn keep_fresh(
        &mut self,
        sink: &mut Sink,
        file: &File,
        offset: u64,
        len: u64,
    ) -> io::Result<Held<'_>> {
        let data = file.metadata()?;
        self.stretch(sink, file, &data, offset..offset.saturating_add(len), true)
    }

    fn stretch(
        &mut self,
        sink: &mut Sink,
        file: &File,
        data: &Metadata,
        range: Range<u64>,
        fresh: bool,
    ) -> io::Result<Held<'_>> {
        let piece = BLOB_PART as u64;
        let version = Version::of(data);
        let offset = range.start;
        let end = range.end.min(version.size);
        self.blobs.clear();
        let mut at = offset - offset % piece;
        while at < end {
            let number = match self.pieces.get(&(version, at)) {
                Some(&number) if !fresh => number,
                _ => {
                    self.buffer.resize(BLOB_PART, 0);
                    let got = read_full(file, &mut self.buffer, at)?;
                    let Some(number) = sink.blob(&self.buffer[..got]) else { break };
                    if !fresh {
                        self.pieces.insert((version, at), number);
                    }
                    number
                }
            };
            self.blobs.push(number);
            at += piece;
        }
        Ok(Held { blobs: &self.blobs, skip: offset % piece, filled: end.saturating_sub(offset) })
    }

    /// Puts bytes into the log that were read from a mapping, because its file cannot be.
    pub(super) fn keep_bytes(&mut self, sink: &mut Sink, bytes: &[u8]) -> Held<'_> {
        self.blobs.clear();
        self.blobs.extend(bytes.chunks(BLOB_PART).filter_map(|part| sink.blob(part)));
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
