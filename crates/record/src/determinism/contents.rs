//! Stores the contents of mapped files, each chunk of a file once.

use super::text::{self, Instructions};
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

/// More bytes than any instruction that is searched for, and what belongs to it.
const OVERLAP: usize = 32;

/// A version of a file: writing to a file changes its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Version {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The contents that are in the log already.
#[derive(Debug, Default)]
pub(super) struct Contents {
    chunks: HashMap<(Version, u64), BlobNumber>,
    /// Hashes of file ranges, if the log has hashes instead of contents.
    hashed: HashMap<(Version, Range<u64>), HashedRange>,
    hashes_only: bool,
    /// What was found in the text of file ranges.
    examined: HashMap<(Version, Range<u64>), Instructions>,
    buffer: Vec<u8>,
    blobs: Vec<BlobNumber>,
}

/// A range of a file, to be stored.
#[derive(Debug, Clone)]
pub(super) struct FileExtent<'a> {
    /// The metadata of the file.
    pub(super) data: &'a Metadata,
    /// The range, in bytes.
    pub(super) range: Range<u64>,
    /// The file is mapped MAP_SHARED, so its content can change without its times.
    pub(super) changing: bool,
}

impl FileExtent<'_> {
    /// The range that a mapping shows.
    pub(super) fn for_mapping<'a>(data: &'a Metadata, head: &MappedHead) -> FileExtent<'a> {
        FileExtent {
            data,
            range: head.offset..head.offset.saturating_add(head.len),
            changing: false,
        }
    }

    /// Whether any later change to the file will change its times. After a recent write the next
    /// one may not: timestamps advance with the tick of the kernel.
    fn is_stable(&self) -> bool {
        let age = clock::realtime_ns()
            .saturating_sub(nanoseconds(self.data.mtime(), self.data.mtime_nsec()));
        !self.changing && age >= TICK_NS
    }
}

/// A stored range of a file.
#[derive(Debug, Clone)]
pub(super) struct StoredExtent<'a> {
    /// The blobs with its content.
    pub(super) blobs: &'a [BlobNumber],
    /// Bytes of the first blob before the range.
    pub(super) skip: u64,
    /// How many bytes of the range the file has.
    pub(super) filled: u64,
    /// The hash, if the content is not in the log.
    hashed: Option<HashedRange>,
}

/// A file range of which the log has only the hash.
#[derive(Debug, Clone)]
struct HashedRange {
    path: PathBuf,
    hash: [u8; 32],
    len: u64,
}

impl StoredExtent<'_> {
    /// Writes the MAPPED part, and the FILE part if there is a hash.
    pub(super) fn write_parts(&self, row: &mut EventBuf, head: &MappedHead) {
        row.mapped(head, self.blobs);
        if let Some(HashedRange { path, hash, len }) = &self.hashed {
            row.file(&MappedFile { hash: *hash, len: *len, path: path.as_os_str().as_bytes() });
        }
    }
}

impl Contents {
    /// Stores hashes instead of the contents of files that can be opened again by their path.
    pub(super) fn hashes_only() -> Contents {
        Contents { hashes_only: true, ..Contents::default() }
    }

    /// Stores a range of a file unless it is in the log already; its hash, if that is enough.
    ///
    /// # Errors
    /// When the file cannot be opened or read.
    pub(super) fn store(
        &mut self,
        sink: &mut Sink,
        extent: FileExtent<'_>,
        open: impl FnOnce() -> io::Result<File>,
    ) -> io::Result<StoredExtent<'_>> {
        if !self.hashes_only || extent.changing || extent.range.start >= extent.data.size() {
            return self.store_blobs(sink, extent, open);
        }
        let (chunk, version) = (BLOB_PART as u64, Version::from_metadata(extent.data));
        let (start, end) = (extent.range.start, extent.range.end.min(version.size));
        let skip = start % chunk;
        // The same range that blobs would cover.
        let range = start - skip..end.next_multiple_of(chunk).min(version.size);
        let key = (version, range.clone());
        let is_stable = extent.is_stable();
        let hashed = match self.hashed.get(&key).filter(|_| is_stable) {
            Some(known) => known.clone(),
            None => {
                let file = open()?;
                let Some(path) = path_of(&file, extent.data) else {
                    return self.store_blobs(sink, extent, || Ok(file));
                };
                let found = HashedRange {
                    path,
                    hash: self.hash(&file, range.clone())?,
                    len: range.end - range.start,
                };
                if is_stable {
                    self.hashed.insert(key, found.clone());
                }
                found
            }
        };
        Ok(StoredExtent { blobs: &[], skip, filled: end - start, hashed: Some(hashed) })
    }

    /// Searches the text in a range of a file. The file is opened only if it must be read.
    ///
    /// # Errors
    /// When the file cannot be opened or read.
    pub(super) fn examine(
        &mut self,
        extent: FileExtent<'_>,
        open: impl FnOnce() -> io::Result<File>,
    ) -> io::Result<Instructions> {
        let (version, is_stable) = (Version::from_metadata(extent.data), extent.is_stable());
        let key = (version, extent.range.start..extent.range.end.min(version.size));
        if let Some(known) = self.examined.get(&key).filter(|_| is_stable) {
            return Ok(*known);
        }
        let (file, mut found, mut at) = (open()?, Instructions::default(), key.1.start);
        self.buffer.resize(BLOB_PART, 0);
        while at < key.1.end {
            let len = usize::try_from(key.1.end - at).unwrap_or(BLOB_PART).min(BLOB_PART);
            let got = read_full(&file, &mut self.buffer[..len], at)?;
            found |= text::find(&self.buffer[..got]);
            if got < len {
                break;
            }
            // An instruction may lie across the end of the buffer.
            let overlap = if at + got as u64 == key.1.end { 0 } else { OVERLAP };
            at += (got - overlap) as u64;
        }
        if is_stable {
            self.examined.insert(key, found);
        }
        Ok(found)
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

    /// Stores a range of a file as blobs, or finds them in the log. Blobs start at multiples of
    /// their size, mappings at multiples of the page size. The file is opened only if it must be
    /// read.
    fn store_blobs(
        &mut self,
        sink: &mut Sink,
        extent: FileExtent<'_>,
        open: impl FnOnce() -> io::Result<File>,
    ) -> io::Result<StoredExtent<'_>> {
        let chunk = BLOB_PART as u64;
        let is_stable = extent.is_stable();
        let FileExtent { data, range, .. } = extent;
        let version = Version::from_metadata(data);
        let offset = range.start;
        let end = range.end.min(version.size);
        let starts = || (offset - offset % chunk..end).step_by(BLOB_PART);
        let all_stored = is_stable && starts().all(|at| self.chunks.contains_key(&(version, at)));
        let file = if all_stored || starts().next().is_none() { None } else { Some(open()?) };
        self.blobs.clear();
        for at in starts() {
            let known = self.chunks.get(&(version, at)).copied().filter(|_| is_stable);
            let number = match (known, &file) {
                (Some(number), _) => number,
                (None, None) => break,
                (None, Some(file)) => {
                    let len =
                        usize::try_from(version.size - at).unwrap_or(BLOB_PART).min(BLOB_PART);
                    self.buffer.resize(self.buffer.len().max(len), 0);
                    let got = read_full(file, &mut self.buffer[..len], at)?;
                    let Some(number) = sink.contents(&self.buffer[..got]) else { break };
                    if is_stable {
                        self.chunks.insert((version, at), number);
                    }
                    number
                }
            };
            self.blobs.push(number);
        }
        Ok(StoredExtent {
            blobs: &self.blobs,
            skip: offset % chunk,
            filled: end.saturating_sub(offset),
            hashed: None,
        })
    }

    /// Stores a range of a file that has just changed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn store_range(
        &mut self,
        sink: &mut Sink,
        file: &File,
        range: Range<u64>,
    ) -> io::Result<StoredExtent<'_>> {
        self.blobs.clear();
        self.buffer.resize(BLOB_PART, 0);
        let mut at = range.start;
        while at < range.end {
            let len = usize::try_from(range.end - at).unwrap_or(BLOB_PART).min(BLOB_PART);
            let got = read_full(file, &mut self.buffer[..len], at)?;
            self.blobs.extend(sink.contents(&self.buffer[..got]));
            at += got as u64;
            if got < len {
                break;
            }
        }
        Ok(StoredExtent { blobs: &self.blobs, skip: 0, filled: at - range.start, hashed: None })
    }

    /// Stores bytes that were read from a mapping because its file cannot be read.
    pub(super) fn store_bytes(&mut self, sink: &mut Sink, bytes: &[u8]) -> StoredExtent<'_> {
        self.blobs.clear();
        self.blobs.extend(bytes.chunks(BLOB_PART).filter_map(|part| sink.contents(part)));
        StoredExtent { blobs: &self.blobs, skip: 0, filled: bytes.len() as u64, hashed: None }
    }
}

impl Version {
    fn from_metadata(data: &Metadata) -> Version {
        Version {
            device: data.dev(),
            inode: data.ino(),
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        }
    }
}

/// Returns the path of an open file, if opening it would find the same file.
fn path_of(file: &File, data: &Metadata) -> Option<PathBuf> {
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    let found = fs::metadata(&path).ok()?;
    (found.is_file() && (found.dev(), found.ino()) == (data.dev(), data.ino())).then_some(path)
}

/// Twice the longest tick of a kernel (CONFIG_HZ=100), in nanoseconds.
const TICK_NS: u64 = 20_000_000;

fn nanoseconds(seconds: i64, nanoseconds: i64) -> u64 {
    u64::try_from(seconds * 1_000_000_000 + nanoseconds).unwrap_or(0)
}

/// Reads until the buffer is full or the file ends.
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
