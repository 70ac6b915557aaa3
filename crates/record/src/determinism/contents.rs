//! The contents of mapped files, each piece of a file kept once.

use crate::sink::Sink;
use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use sysreel_format::limits::BLOB_PART;
use sysreel_format::{BlobNumber, EventBuf, MappedFile, MappedHead};
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
    /// The files that hold stretches, if the log has hashes instead of contents.
    left_out: HashMap<(Version, Range<u64>), LeftOut>,
    hashes_only: bool,
    buffer: Vec<u8>,
    blobs: Vec<BlobNumber>,
}

/// A extent of a file.
#[derive(Debug, Clone)]
pub(super) struct FileExtent<'a> {
    /// Its file.
    pub(super) data: &'a Metadata,
    /// From where to where.
    pub(super) range: Range<u64>,
    /// The file's times do not tell what is done to it: it is mapped to be shared.
    pub(super) changing: bool,
}

impl FileExtent<'_> {
    /// What a mapping shows of its file.
    pub(super) fn of<'a>(data: &'a Metadata, head: &MappedHead) -> FileExtent<'a> {
        FileExtent {
            data,
            range: head.offset..head.offset.saturating_add(head.len),
            changing: false,
        }
    }

    /// Will the file have other times when it has other contents? One that was changed a moment ago
    /// may be changed again without: clocks of files tick slowly.
    fn lasts(&self) -> bool {
        let age = clock::realtime_ns()
            .saturating_sub(nanoseconds(self.data.mtime(), self.data.mtime_nsec()));
        !self.changing && age >= TICK_NS
    }
}

/// Where a extent of a file is in the log.
#[derive(Debug, Clone)]
pub(super) struct StoredExtent<'a> {
    /// The blobs that hold it.
    pub(super) blobs: &'a [BlobNumber],
    /// Bytes of the first blob that come before it.
    pub(super) skip: u64,
    /// How much of it the file has.
    pub(super) filled: u64,
    /// The file that holds it, if no blobs do.
    left_out: Option<LeftOut>,
}

/// A extent that is not in the log.
#[derive(Debug, Clone)]
struct LeftOut {
    path: PathBuf,
    hash: [u8; 32],
    len: u64,
}

impl StoredExtent<'_> {
    /// Tells in the log what was mapped.
    pub(super) fn tell(&self, row: &mut EventBuf, head: &MappedHead) {
        row.mapped(head, self.blobs);
        if let Some(LeftOut { path, hash, len }) = &self.left_out {
            row.file(&MappedFile { hash: *hash, len: *len, path: path.as_os_str().as_bytes() });
        }
    }
}

impl Contents {
    /// The log gets the hashes of files that can be found again by their paths, and no contents of
    /// those.
    pub(super) fn hashes_only() -> Contents {
        Contents { hashes_only: true, ..Contents::default() }
    }

    /// Puts a extent of a file into the log, or finds it there; or its hash, if that is enough.
    pub(super) fn keep(
        &mut self,
        sink: &mut Sink,
        extent: FileExtent<'_>,
        open: impl FnOnce() -> io::Result<File>,
    ) -> io::Result<StoredExtent<'_>> {
        if !self.hashes_only || extent.changing || extent.range.start >= extent.data.size() {
            return self.put(sink, extent, open);
        }
        let (piece, version) = (BLOB_PART as u64, Version::of(extent.data));
        let (start, end) = (extent.range.start, extent.range.end.min(version.size));
        let skip = start % piece;
        // As much as the blobs would have deferred.
        let whole = start - skip..end.next_multiple_of(piece).min(version.size);
        let key = (version, whole.clone());
        let lasts = extent.lasts();
        let left_out = match self.left_out.get(&key).filter(|_| lasts) {
            Some(known) => known.clone(),
            None => {
                let file = open()?;
                let Some(path) = path_of(&file, extent.data) else {
                    return self.put(sink, extent, || Ok(file));
                };
                let found = LeftOut {
                    path,
                    hash: self.hash(&file, whole.clone())?,
                    len: whole.end - whole.start,
                };
                if lasts {
                    self.left_out.insert(key, found.clone());
                }
                found
            }
        };
        Ok(StoredExtent { blobs: &[], skip, filled: end - start, left_out: Some(left_out) })
    }

    fn hash(&mut self, file: &File, mut range: Range<u64>) -> io::Result<[u8; 32]> {
        let mut hasher = blake3::Hasher::new();
        self.buffer.resize(BLOB_PART, 0);
        while !range.is_empty() {
            let len = usize::try_from(range.end - range.start).unwrap_or(BLOB_PART).min(BLOB_PART);
            let got = read_full(file, &mut self.buffer[..len], range.start)?;
            hasher.update(&self.buffer[..got]);
            if got < len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            range.start += got as u64;
        }
        Ok(*hasher.finalize().as_bytes())
    }

    /// Puts a extent of a file into the log, or finds it there. A mapping begins at a multiple of
    /// the page size, a piece at a multiple of its own. The file is opened only to be read.
    fn put(
        &mut self,
        sink: &mut Sink,
        extent: FileExtent<'_>,
        open: impl FnOnce() -> io::Result<File>,
    ) -> io::Result<StoredExtent<'_>> {
        let piece = BLOB_PART as u64;
        let lasts = extent.lasts();
        let FileExtent { data, range, .. } = extent;
        let version = Version::of(data);
        let offset = range.start;
        let end = range.end.min(version.size);
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
                    let len =
                        usize::try_from(version.size - at).unwrap_or(BLOB_PART).min(BLOB_PART);
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
        Ok(StoredExtent {
            blobs: &self.blobs,
            skip: offset % piece,
            filled: end.saturating_sub(offset),
            left_out: None,
        })
    }

    /// Puts bytes into the log that were read from a mapping, because its file cannot be.
    pub(super) fn keep_bytes(&mut self, sink: &mut Sink, bytes: &[u8]) -> StoredExtent<'_> {
        self.blobs.clear();
        self.blobs.extend(bytes.chunks(BLOB_PART).filter_map(|part| sink.contents(part)));
        StoredExtent { blobs: &self.blobs, skip: 0, filled: bytes.len() as u64, left_out: None }
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

/// The path by which an open file can be found again, if there is one.
fn path_of(file: &File, data: &Metadata) -> Option<PathBuf> {
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    let found = fs::metadata(&path).ok()?;
    (found.is_file() && (found.dev(), found.ino()) == (data.dev(), data.ino())).then_some(path)
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
