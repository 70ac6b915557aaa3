//! Memory that replayed tasks map in place of files: one anonymous file (memfd_create(2)), which
//! every task inherits open.

mod files;

use crate::error::Error;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;

use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use sysreel_format::limits::BLOB_PART;
use sysreel_format::{BlobNumber, Log, Mapped, MappedFlags, MappedHead, ReadAt};
use sysreel_sys::{extents, stub};

const PAGE: u64 = 4096;
/// The length of the pool, in bytes. It is sparse: pages take memory once written.
const POOL_LEN: u64 = 1 << 60;
/// The room of each file, in bytes.
const ROOM: u64 = 1 << 40;

/// The most memory that the pool takes, in bytes, and how many times as long as the log if that is
/// more. A log may name one blob any number of times; the recorder stores the same contents once.
const MOST_MEMORY: u64 = 8 << 30;
const MOST_EXPANSION: u64 = 256;

/// The pool, and what lies where in it.
///
/// Each recorded file has a window of the pool, as it has one page cache in the kernel: what all
/// mappings of the file show, but for private pages that were written to.
#[derive(Debug)]
pub(crate) struct FilePool {
    file: File,
    /// An empty file, for the pages of a mapping past the end of its file: touching them raises
    /// SIGBUS. They are mapped at the offsets at which the pool has the file.
    empty: File,
    next: u64,
    /// The most memory that it takes, in bytes.
    room: u64,
    /// The windows, by device and inode.
    windows: HashMap<(u64, u64), Window>,
    /// The contents that the pool has, by where they start.
    placed: BTreeMap<u64, Placed>,
    /// Where contents of no known file start, and their length, by their blobs.
    nameless: HashMap<Vec<BlobNumber>, (u64, u64)>,
    /// Files whose length has changed, and their new length.
    resized: Vec<((u64, u64), u64)>,
    /// Which recorded file each range of the pool comes from.
    origins: Vec<Origin>,
}

/// The window of a file.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: u64,
    /// The end of what was written, from the start.
    end: u64,
    /// Whether a task has mapped it so that it can change the contents.
    shared: bool,
}

/// Contents that the pool has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placed {
    Blob(BlobNumber),
    /// Read from a file, with this length and BLAKE3 hash.
    Read(u64, [u8; 32]),
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
            windows: HashMap::new(),
            placed: BTreeMap::new(),
            nameless: HashMap::new(),
            resized: Vec::new(),
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

    /// Returns the offset of the contents of a mapping, and writes them if they are new.
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
        let Some(window) = self.window(head)? else {
            if shared {
                let text = "a shared file is too long, or its contents begin before it";
                return Err(Error::NotReplayable(text.into()));
            }
            let (at, len) = self.place_nameless(log, mapped)?;
            check_holds(head, len)?;
            return Ok(at + head.skip);
        };
        let first = head.offset - head.skip;
        let len = self.write_blobs(log, mapped, window, first)?;
        if let Some(window) = self.windows.get_mut(&(head.dev, head.ino)) {
            window.shared |= shared;
        }
        if head.flags.contains(MappedFlags::HOLE) {
            self.clear(window + head.offset, head.filled)?;
        } else if head.filled > 0 {
            check_holds(head, len)?;
        }
        Ok(window + head.offset)
    }

    /// Returns the start of the window of a file, for a part of it; `None` if the file is not known
    /// or too long.
    fn window(&mut self, head: &MappedHead) -> Result<Option<u64>, Error> {
        let fits = head.offset.checked_sub(head.skip).is_some()
            && head.offset.checked_add(head.filled.max(head.len)).is_some_and(|end| end <= ROOM);
        if head.ino == 0 || !fits {
            return Ok(None);
        }
        let key = (head.dev, head.ino);
        if let Some(window) = self.windows.get(&key) {
            return Ok(Some(window.start));
        }
        let start = self.reserve(ROOM)?;
        self.windows.insert(key, Window { start, end: 0, shared: false });
        self.origins.push(Origin { start, len: ROOM, file: key, offset: 0 });
        Ok(Some(start))
    }

    /// Returns at which offset the empty file stands for the part of a file from `at` on.
    ///
    /// # Errors
    /// When the pool has no room for the file.
    pub(crate) fn offset_behind_end(&mut self, head: &MappedHead, at: u64) -> Result<u64, Error> {
        Ok(self.window(head)?.map_or(0, |window| window + head.offset + at))
    }

    /// Writes the contents of a part of a file from `first` on into its window, but for those that
    /// are there. Returns their length.
    fn write_blobs<S: ReadAt>(
        &mut self,
        log: &Log<S>,
        mapped: &Mapped<'_>,
        window: u64,
        first: u64,
    ) -> Result<u64, Error> {
        let key = (mapped.head.dev, mapped.head.ino);
        // Programs may have changed what they share.
        let is_kept = self.windows.get(&key).is_some_and(|window| !window.shared);
        let mut at = first;
        for blob in mapped.blobs.iter() {
            let bytes = log.blob(blob)?;
            // Another file begins after the room of this one.
            let end = at + bytes.len() as u64;
            if end > ROOM {
                return Err(Error::NotReplayable("a mapped file is too long".into()));
            }
            let placed = Placed::Blob(blob);
            if !is_kept || self.placed.get(&(window + at)) != Some(&placed) {
                self.overwrite(window + at, &bytes)?;
                self.placed.insert(window + at, placed);
            }
            if let Some(window) = self.windows.get_mut(&key) {
                window.end = window.end.max(end);
            }
            at = end;
        }
        Ok(at - first)
    }

    /// Writes over what was there, if anything.
    fn overwrite(&mut self, at: u64, bytes: &[u8]) -> Result<(), Error> {
        self.write(at, bytes)?;
        self.forget(at, bytes.len() as u64);
        Ok(())
    }

    /// Makes a range zeros, which takes its memory back.
    fn clear(&mut self, at: u64, len: u64) -> Result<(), Error> {
        self.forget(at, len);
        extents::clear(&self.file, at, len).map_err(|source| Error::System {
            event: 0,
            source: sysreel_sys::Error::Call {
                what: "clear a part of a file in memory".into(),
                tid: None,
                source,
            },
        })
    }

    /// Contents of a range are no longer what was placed. No blob is longer than BLOB_PART.
    fn forget(&mut self, at: u64, len: u64) {
        let from = at.saturating_sub(BLOB_PART as u64 - 1);
        let gone: Vec<u64> =
            self.placed.range(from..at.saturating_add(len)).map(|(&at, _)| at).collect();
        gone.into_iter().for_each(|at| _ = self.placed.remove(&at));
    }

    /// Repeats what a call changed in a file that is mapped: a part of no length.
    ///
    /// # Errors
    /// When a blob cannot be read, or the pool not be written.
    pub(crate) fn change<S: ReadAt>(
        &mut self,
        log: &Log<S>,
        mapped: &Mapped<'_>,
    ) -> Result<(), Error> {
        let head = &mapped.head;
        let Some(window) = self.window(head)? else {
            return Err(Error::NotReplayable("a file that was changed is too long".into()));
        };
        if head.flags.contains(MappedFlags::RESIZED) {
            self.resized.push(((head.dev, head.ino), head.offset));
            return self.clear(window + head.offset, ROOM - head.offset);
        }
        if head.flags.contains(MappedFlags::HOLE) {
            return self.clear(window + head.offset, head.filled);
        }
        let len = self.write_blobs(log, mapped, window, head.offset - head.skip)?;
        check_holds(head, len)
    }

    /// Returns the files whose length has changed, the start of their windows and their new length.
    pub(crate) fn take_resized(&mut self) -> Vec<(u64, u64)> {
        let start = |file| self.windows.get(file).map(|window| window.start);
        let resized = self.resized.iter().filter_map(|(file, len)| Some((start(file)?, *len)));
        let resized = resized.collect();
        self.resized.clear();
        resized
    }

    /// Whether an offset of the pool or of the empty file belongs to the window that starts there.
    pub(crate) fn is_in_window(start: u64, offset: u64) -> bool {
        (start..start + ROOM).contains(&offset)
    }

    /// Returns the offset and the length of the contents.
    fn place_nameless<S: ReadAt>(
        &mut self,
        log: &Log<S>,
        mapped: &Mapped<'_>,
    ) -> Result<(u64, u64), Error> {
        let blobs: Vec<BlobNumber> = mapped.blobs.iter().collect();
        if let Some(&known) = self.nameless.get(&blobs) {
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
        self.nameless.insert(blobs, (at, len));
        Ok((at, len))
    }

    /// Returns the inode of the empty file, as /proc/PID/maps shows it.
    pub(crate) fn empty_inode(&self) -> u64 {
        self.empty.metadata().map_or(0, |data| data.ino())
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
        let window = self.windows.get(&file).filter(|window| !window.shared)?;
        let mut bytes = vec![0; usize::try_from(window.end.min(most.checked_add(1)?)).ok()?];
        self.file.read_exact_at(&mut bytes, window.start).ok()?;
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
