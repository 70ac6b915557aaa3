//! Memory that replayed tasks map in place of files: one anonymous file (memfd_create(2)), which
//! every task inherits open.

use crate::error::Error;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use sysreel_format::{BlobNumber, Log, Mapped, MappedFile, MappedFlags, MappedHead, ReadAt};
use sysreel_sys::stub;

const PAGE: u64 = 4096;
/// The length of the pool, in bytes. It is sparse: pages take memory once written.
const POOL_LEN: u64 = 1 << 60;
/// The room of each shared file, in bytes.
const SHARED_ROOM: u64 = 1 << 40;

/// The most memory that the pool takes, in bytes, and how many times as long as the log if that is
/// more. A log may name one blob any number of times; the recorder stores the same contents once.
const MOST_MEMORY: u64 = 8 << 30;
const MOST_EXPANSION: u64 = 256;

/// The pool, and what lies where in it.
#[derive(Debug)]
pub(crate) struct FilePool {
    file: File,
    /// An empty file, for the pages of a mapping past the end of its file: touching them raises
    /// SIGBUS.
    empty: File,
    next: u64,
    /// The most memory that it takes, in bytes.
    room: u64,
    /// Where the contents of private mappings start, and their length, by their blobs.
    private: HashMap<Vec<BlobNumber>, (u64, u64)>,
    /// Where shared files start, by device and inode.
    shared: HashMap<(u64, u64), u64>,
    /// Where contents read from files start, and their length, by BLAKE3 hash.
    by_hash: HashMap<[u8; 32], (u64, u64)>,
    /// Which recorded file each range of the pool comes from.
    origins: Vec<Origin>,
}

/// A range of the pool that holds part of a recorded file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// Offset in the pool and length, in bytes.
    pub(crate) start: u64,
    pub(crate) len: u64,
    /// The file, by device and inode.
    pub(crate) file: (u64, u64),
    /// The offset in that file.
    pub(crate) offset: u64,
}

impl FilePool {
    /// Returns the most memory that the contents in a log of this length, in bytes, may take.
    pub(crate) fn room_for(log_len: u64) -> u64 {
        log_len.saturating_mul(MOST_EXPANSION).max(MOST_MEMORY)
    }

    /// Creates an empty pool that takes no more than `room` bytes of memory.
    ///
    /// # Errors
    /// The errno of creating a file in memory.
    pub(crate) fn new(room: u64) -> Result<FilePool, sysreel_sys::Error> {
        Ok(FilePool {
            file: stub::shared_file(POOL_LEN)?,
            empty: stub::shared_file(0)?,
            next: 0,
            room,
            private: HashMap::new(),
            shared: HashMap::new(),
            by_hash: HashMap::new(),
            origins: Vec::new(),
        })
    }

    /// Returns the descriptors of the files that tasks map.
    pub(crate) fn descriptors(&self) -> [i32; 2] {
        [self.fd(), self.empty_fd()]
    }

    /// Returns the descriptor of the pool, the same in every task.
    pub(crate) fn fd(&self) -> i32 {
        self.file.as_raw_fd()
    }

    /// Returns the descriptor of the empty file.
    pub(crate) fn empty_fd(&self) -> i32 {
        self.empty.as_raw_fd()
    }

    /// Reserves zeroed memory and returns its offset.
    ///
    /// # Errors
    /// When the pool has no room for it.
    pub(crate) fn reserve(&mut self, len: u64) -> Result<u64, Error> {
        let at = self.next;
        let end = len.checked_next_multiple_of(PAGE).and_then(|len| at.checked_add(len));
        match end.filter(|end| *end <= POOL_LEN) {
            Some(end) => self.next = end,
            None => {
                let text = format!("there is no room for {len} bytes that the program mapped");
                return Err(Error::NotReplayable(text));
            }
        }
        Ok(at)
    }

    /// Returns the offset of the contents of a mapping, and writes them if they are new. Private
    /// contents are stored once for the same blobs, shared ones once for each file.
    ///
    /// # Errors
    /// When a blob cannot be read, or the pool not be written.
    pub(crate) fn place<S: ReadAt>(
        &mut self,
        log: &Log<S>,
        mapped: &Mapped<'_>,
        shared: bool,
    ) -> Result<u64, Error> {
        let head = &mapped.head;
        if !shared {
            let (at, len) = self.place_private(log, mapped)?;
            check_holds(head, len)?;
            return Ok(at + head.skip);
        }
        let (first, end) =
            match (head.offset.checked_sub(head.skip), head.offset.checked_add(head.filled)) {
                (Some(first), Some(end)) if end <= SHARED_ROOM => (first, end),
                _ => {
                    let text = "a shared file is too long, or its contents begin before it";
                    return Err(Error::NotReplayable(text.into()));
                }
            };
        let key = (head.dev, head.ino);
        let window = match self.shared.get(&key) {
            Some(&window) => window,
            None => self.reserve(SHARED_ROOM)?,
        };
        if self.shared.insert(key, window).is_none() {
            self.origins.push(Origin { start: window, len: SHARED_ROOM, file: key, offset: 0 });
        }
        let mut at = first;
        for blob in mapped.blobs.iter() {
            let bytes = log.blob(blob)?;
            // Another file begins after the room of this one.
            if at + bytes.len() as u64 > SHARED_ROOM {
                return Err(Error::NotReplayable("a shared file is too long".into()));
            }
            self.write(window + at, &bytes)?;
            at += bytes.len() as u64;
        }
        if at < end && !head.flags.contains(MappedFlags::HOLE) {
            return Err(lacks_contents(head, at - first));
        }
        Ok(window + head.offset)
    }

    /// Like [`FilePool::place`], for a private mapping of which the log has only a hash: reads the
    /// contents from the file at the recorded path.
    ///
    /// # Errors
    /// When the file cannot be read, or has other contents.
    pub(crate) fn place_file(
        &mut self,
        head: &MappedHead,
        file: &MappedFile<'_>,
    ) -> Result<u64, Error> {
        check_holds(head, file.len)?;
        if let Some(&(at, len)) = self.by_hash.get(&file.hash) {
            check_holds(head, len)?;
            return Ok(at + head.skip);
        }
        self.check_room(file.len)?;
        let path = Path::new(OsStr::from_bytes(file.path));
        let refuse = |what: String| {
            let text = format!("{} {what}, and the log does not have its contents", path.display());
            Err(Error::NotReplayable(text))
        };
        let offset = head.offset.saturating_sub(head.skip);
        let contents = match read_range(path, offset, file.len) {
            Ok(contents) => contents,
            Err(Mismatch::Unread(error)) => return refuse(format!("cannot be read ({error})")),
            Err(Mismatch::Shorter) => return refuse("differs from what was mapped".to_owned()),
        };
        // Say no more than that: the log may come from somebody else, and the message must not
        // reveal what a file holds, not even its hash.
        if blake3::hash(&contents) != blake3::Hash::from_bytes(file.hash) {
            return refuse("differs from what was mapped".to_owned());
        }
        let at = self.reserve(file.len)?;
        self.write(at, &contents)?;
        self.by_hash.insert(file.hash, (at, file.len));
        self.origins.push(Origin { start: at, len: file.len, file: (head.dev, head.ino), offset });
        Ok(at + head.skip)
    }

    /// Returns the offset and the length of the contents.
    fn place_private<S: ReadAt>(
        &mut self,
        log: &Log<S>,
        mapped: &Mapped<'_>,
    ) -> Result<(u64, u64), Error> {
        let blobs: Vec<BlobNumber> = mapped.blobs.iter().collect();
        if let Some(&known) = self.private.get(&blobs) {
            return Ok(known);
        }
        let (start, mut len, head) = (self.next, 0, &mapped.head);
        for &blob in &blobs {
            let contents = log.blob(blob)?;
            self.write(start + len, &contents)?;
            len += contents.len() as u64;
        }
        let at = self.reserve(len)?;
        let offset = head.offset.saturating_sub(head.skip);
        self.origins.push(Origin { start: at, len, file: (head.dev, head.ino), offset });
        self.private.insert(blobs, (at, len));
        Ok((at, len))
    }

    /// Returns the inode of the pool, as /proc/PID/maps shows it.
    pub(crate) fn inode(&self) -> u64 {
        self.file.metadata().map_or(0, |data| data.ino())
    }

    /// Returns the recorded file at an offset of the pool, and the offset in that file.
    pub(crate) fn origin(&self, at: u64) -> Option<((u64, u64), u64)> {
        let origin = self
            .origins
            .iter()
            .find(|origin| (origin.start..origin.start + origin.len).contains(&at))?;
        Some((origin.file, origin.offset.checked_add(at - origin.start)?))
    }

    /// Returns the recorded contents of a file, with zeros for the rest; `None` for a shared file,
    /// and for one of more than `most` bytes.
    pub(crate) fn file(&self, file: (u64, u64), most: u64) -> Option<Vec<u8>> {
        let origins = || self.origins.iter().filter(|origin| origin.file == file);
        // The room of a shared file is mostly empty.
        if origins().any(|origin| origin.len >= SHARED_ROOM) {
            return None;
        }
        let end = origins().filter_map(|origin| origin.offset.checked_add(origin.len)).max()?;
        let mut bytes = vec![0; usize::try_from(end.min(most.checked_add(1)?)).ok()?];
        for origin in origins() {
            let (from, to) = (
                usize::try_from(origin.offset).ok()?,
                usize::try_from(origin.offset + origin.len).ok()?,
            );
            self.file.read_exact_at(bytes.get_mut(from..to)?, origin.start).ok()?;
        }
        Some(bytes)
    }

    /// Checks that `len` more bytes may take memory, before anything of that length is made.
    fn check_room(&self, len: u64) -> Result<(), Error> {
        // In units of 512 bytes (stat(2)).
        let held = self.file.metadata().map_or(0, |data| data.blocks().saturating_mul(512));
        if held.saturating_add(len) <= self.room {
            return Ok(());
        }
        let room = self.room;
        Err(Error::NotReplayable(format!("the mapped files take more than {room} bytes of memory")))
    }

    fn write(&self, at: u64, bytes: &[u8]) -> Result<(), Error> {
        let len = bytes.len() as u64;
        self.check_room(len)?;
        if at.checked_add(len).is_none_or(|end| end > POOL_LEN) {
            return Err(Error::NotReplayable(
                "there is no room for what the program mapped".into(),
            ));
        }
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

/// Checks that contents of `len` bytes hold all that a mapping shows.
fn check_holds(head: &MappedHead, len: u64) -> Result<(), Error> {
    match head.skip.checked_add(head.filled) {
        Some(needed) if needed <= len => Ok(()),
        _ => Err(lacks_contents(head, len)),
    }
}

fn lacks_contents(head: &MappedHead, len: u64) -> Error {
    Error::NotReplayable(format!(
        "the mapping at {:#x} shows {} bytes of a file after the first {}, and the log has {len}",
        head.start, head.filled, head.skip
    ))
}

/// Reads a range of a file; all of it, or it is an error.
fn read_range(path: &Path, offset: u64, len: u64) -> Result<Vec<u8>, Mismatch> {
    let file = sysreel_sys::backing::regular(path)?;
    // Check the length, which comes from the log, before allocating that much.
    let has = file.metadata()?.len();
    if offset.checked_add(len).is_none_or(|end| has < end) {
        return Err(Mismatch::Shorter);
    }
    let mut contents = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_exact_at(&mut contents, offset)?;
    Ok(contents)
}

/// Why a file differs from what was mapped.
enum Mismatch {
    Unread(io::Error),
    Shorter,
}

impl From<io::Error> for Mismatch {
    fn from(error: io::Error) -> Mismatch {
        Mismatch::Unread(error)
    }
}
