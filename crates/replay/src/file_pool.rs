//! Memory that replayed tasks map instead of files: one file without a name, which all of them have
//! open from their start.

use crate::error::Error;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use sysreel_format::{BlobNumber, Log, Mapped, MappedFile, MappedHead, ReadAt};
use sysreel_sys::stub;

const PAGE: u64 = 4096;
/// Nothing of it takes memory before it is written to.
const LEN: u64 = 1 << 60;
/// What one shared file has for itself.
const WINDOW: u64 = 1 << 40;

/// The file and what lies where in it.
#[derive(Debug)]
pub(crate) struct FilePool {
    file: File,
    /// A file of no length: what it is mapped for cannot be touched.
    empty: File,
    next: u64,
    /// Where blobs were put there one after another.
    pieces: HashMap<Vec<BlobNumber>, u64>,
    /// Shared files by device and inode.
    windows: HashMap<(u64, u64), u64>,
    /// Where contents were put that were read from files, by their hashes.
    read: HashMap<[u8; 32], u64>,
    /// Which stretches of it are stretches of recorded files.
    origins: Vec<Origin>,
}

/// A stretch that came from a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// Where in the file_pool, and how long.
    pub(crate) start: u64,
    pub(crate) len: u64,
    /// Which file, by device and inode.
    pub(crate) file: (u64, u64),
    /// Where in it.
    pub(crate) offset: u64,
}

impl FilePool {
    pub(crate) fn new() -> Result<FilePool, sysreel_sys::Error> {
        Ok(FilePool {
            file: stub::shared_file(LEN)?,
            empty: stub::shared_file(0)?,
            next: 0,
            pieces: HashMap::new(),
            windows: HashMap::new(),
            read: HashMap::new(),
            origins: Vec::new(),
        })
    }

    /// The descriptor that every task has.
    pub(crate) fn fd(&self) -> i32 {
        self.file.as_raw_fd()
    }

    /// The descriptor of the file without length.
    pub(crate) fn empty_fd(&self) -> i32 {
        self.empty.as_raw_fd()
    }

    /// Room for memory that is shared, all zero.
    pub(crate) fn room(&mut self, len: u64) -> u64 {
        let at = self.next;
        self.next += len.next_multiple_of(PAGE);
        at
    }

    /// Where the contents of a mapping begin: private ones are there once, shared ones once for
    /// each file.
    pub(crate) fn place<S: ReadAt>(
        &mut self,
        log: &Log<S>,
        mapped: &Mapped<'_>,
        shared: bool,
    ) -> Result<u64, Error> {
        let head = &mapped.head;
        if !shared {
            return Ok(self.private(log, mapped)? + head.skip);
        }
        let key = (head.dev, head.ino);
        let known = self.windows.get(&key).copied();
        let window = known.unwrap_or_else(|| self.room(WINDOW));
        if self.windows.insert(key, window).is_none() {
            self.origins.push(Origin { start: window, len: WINDOW, file: key, offset: 0 });
        }
        let mut at = window + head.offset - head.skip.min(head.offset);
        for blob in mapped.blobs.iter() {
            let bytes = log.blob(blob)?;
            self.write(at, &bytes)?;
            at += bytes.len() as u64;
        }
        Ok(window + head.offset)
    }

    /// As [`FilePool::place`], of a private mapping whose contents are in a file.
    pub(crate) fn place_file(
        &mut self,
        head: &MappedHead,
        file: &MappedFile<'_>,
    ) -> Result<u64, Error> {
        if let Some(&at) = self.read.get(&file.hash) {
            return Ok(at.saturating_add(head.skip));
        }
        let path = Path::new(OsStr::from_bytes(file.path));
        let refuse = |what: String| {
            let text = format!("{} {what}, and the log does not have its contents", path.display());
            Err(Error::NotReplayable(text))
        };
        let offset = head.offset.saturating_sub(head.skip);
        let contents = match stretch(path, offset, file.len) {
            Ok(contents) => contents,
            Err(Unlike::Unread(error)) => return refuse(format!("cannot be read ({error})")),
            Err(Unlike::Shorter) => return refuse("differs from what was mapped".to_owned()),
        };
        // No more than that: the log of a stranger shall not learn what a file holds, not even its
        // hash.
        if blake3::hash(&contents) != blake3::Hash::from_bytes(file.hash) {
            return refuse("differs from what was mapped".to_owned());
        }
        let at = self.room(file.len);
        self.write(at, &contents)?;
        self.read.insert(file.hash, at);
        self.origins.push(Origin { start: at, len: file.len, file: (head.dev, head.ino), offset });
        Ok(at.saturating_add(head.skip))
    }

    fn private<S: ReadAt>(&mut self, log: &Log<S>, mapped: &Mapped<'_>) -> Result<u64, Error> {
        let blobs: Vec<BlobNumber> = mapped.blobs.iter().collect();
        if let Some(&at) = self.pieces.get(&blobs) {
            return Ok(at);
        }
        let mut contents = Vec::new();
        for &blob in &blobs {
            contents.extend_from_slice(&log.blob(blob)?);
        }
        let (len, head) = (contents.len() as u64, &mapped.head);
        let at = self.room(len);
        let offset = head.offset.saturating_sub(head.skip);
        self.origins.push(Origin { start: at, len, file: (head.dev, head.ino), offset });
        self.write(at, &contents)?;
        self.pieces.insert(blobs, at);
        Ok(at)
    }

    /// The inode of the file_pool itself, as the mappings of tasks tell it.
    pub(crate) fn inode(&self) -> u64 {
        self.file.metadata().map_or(0, |data| data.ino())
    }

    /// Which file lies there, and where in it that is.
    pub(crate) fn origin(&self, at: u64) -> Option<((u64, u64), u64)> {
        let origin = self
            .origins
            .iter()
            .find(|origin| (origin.start..origin.start + origin.len).contains(&at))?;
        Some((origin.file, origin.offset.checked_add(at - origin.start)?))
    }

    /// As much of a file as was recorded; zeros where there are holes. Nothing of one that is
    /// longer than `most`.
    pub(crate) fn file(&self, file: (u64, u64), most: u64) -> Option<Vec<u8>> {
        let of_it = || self.origins.iter().filter(|origin| origin.file == file);
        // Those of shared files are mostly room.
        if of_it().any(|origin| origin.len >= WINDOW) {
            return None;
        }
        let end = of_it().filter_map(|origin| origin.offset.checked_add(origin.len)).max()?;
        let mut bytes = vec![0; usize::try_from(end.min(most.checked_add(1)?)).ok()?];
        for origin in of_it() {
            let (from, to) = (
                usize::try_from(origin.offset).ok()?,
                usize::try_from(origin.offset + origin.len).ok()?,
            );
            self.file.read_exact_at(bytes.get_mut(from..to)?, origin.start).ok()?;
        }
        Some(bytes)
    }

    fn write(&self, at: u64, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all_at(bytes, at).map_err(|source| Error::System {
            event: 0,
            source: sysreel_sys::Error::Call {
                what: "write of a file's contents to memory".into(),
                tid: None,
                source,
            },
        })
    }
}

/// A stretch of a file, whole. Nothing is allocated for what is not there.
fn stretch(path: &Path, offset: u64, len: u64) -> Result<Vec<u8>, Unlike> {
    let file = sysreel_sys::backing::regular(path)?;
    // What a log says of lengths is bounded by what there is.
    let has = file.metadata()?.len();
    if offset.checked_add(len).is_none_or(|end| has < end) {
        return Err(Unlike::Shorter);
    }
    let mut contents = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_exact_at(&mut contents, offset)?;
    Ok(contents)
}

/// Why a file is not what was mapped.
enum Unlike {
    Unread(io::Error),
    Shorter,
}

impl From<io::Error> for Unlike {
    fn from(error: io::Error) -> Unlike {
        Unlike::Unread(error)
    }
}
