//! The writable private memory of a task: where it lies, and a copy of it.

use super::ranges::Ranges;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use sysreel_sys::memory::{self, Transfer};
use sysreel_sys::process::{self, Mapping};
use sysreel_sys::{Tid, backing, pages};

/// The most memory of one task that is copied; a larger one is not judged.
const MOST: u64 = 1 << 30;
/// How much is read in one go when memory is compared: little enough to stay in a cache.
const CHUNK: usize = 256 << 10;

/// Where writable private memory lies at one moment.
#[derive(Debug, Default)]
pub(crate) struct Map {
    /// The mappings, in order.
    pub(crate) areas: Vec<Mapping>,
    /// The pages in them that are the task's own, and not still those of a file, or never touched.
    pub(crate) own: Ranges,
}

/// The memory of a task as it was at one moment.
#[derive(Debug, Default)]
pub(crate) struct Shadow {
    pub(crate) map: Map,
    /// What was read of the own pages, in order, and where it lies in `bytes`.
    parts: Vec<(Range<u64>, usize)>,
    bytes: Vec<u8>,
}

/// Why memory could not be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoShadow {
    /// The kernel does not let us, or the task is gone.
    Unreadable,
    /// There is too much of it.
    TooLarge,
}

/// A stretch of memory that can be compared: what it was is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) range: Range<u64>,
    pub(crate) was: Was,
}

/// What a stretch of memory held before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Was {
    /// What lies there in the copy.
    Copied(usize),
    /// Zeros: the page had not been touched.
    Zero,
    /// What the file of that area (by its place in the later map) has there.
    File(usize),
}

impl Map {
    /// The memory of a stopped task.
    pub(crate) fn of(tid: Tid) -> io::Result<Map> {
        let mut areas = process::mappings(tid)?;
        areas.retain(|area| area.permissions[1] == b'w' && area.permissions[3] == b'p');
        let mut own = Vec::new();
        pages::own(tid, areas.last().map_or(0, |area| area.end), &mut own)?;
        let inside = Ranges::of(areas.iter().map(|area| area.start..area.end));
        Ok(Map { own: Ranges::of(own).and(&inside), areas })
    }

    /// The area that an address lies in.
    pub(crate) fn area(&self, address: u64) -> Option<&Mapping> {
        self.areas.iter().find(|area| (area.start..area.end).contains(&address))
    }
}

impl Shadow {
    /// Copies the memory of a stopped task.
    pub(crate) fn take(&mut self, tid: Tid) -> Result<(), NoShadow> {
        self.map = Map::of(tid).map_err(|_| NoShadow::Unreadable)?;
        self.parts.clear();
        let size = self.map.own.len();
        if size > MOST {
            return Err(NoShadow::TooLarge);
        }
        self.bytes.resize(usize::try_from(size).map_err(|_| NoShadow::TooLarge)?, 0);
        let mut offset = 0;
        let mut transfers: Vec<Transfer> = Vec::new();
        for own in self.map.own.iter() {
            let len = usize::try_from(own.end - own.start).map_err(|_| NoShadow::TooLarge)?;
            transfers.push(Transfer { address: own.start, offset, len, ..Transfer::default() });
            offset += len;
        }
        memory::read(tid, &mut self.bytes, &mut transfers);
        if !transfers.is_empty() && transfers.iter().all(|transfer| transfer.got == 0) {
            return Err(NoShadow::Unreadable);
        }
        self.parts
            .extend(transfers.iter().map(|t| (t.address..t.address + t.got as u64, t.offset)));
        Ok(())
    }

    /// The stretches of `wanted`, which are own pages of the later map, with what they held before.
    /// What could not be read before is left out.
    pub(crate) fn pieces(&self, later: &Map, wanted: &Ranges) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let copied = Ranges::of(self.parts.iter().map(|(range, _)| range.clone()));
        let mut parts = self.parts.iter().peekable();
        for range in wanted.and(&copied).iter() {
            // A range may reach over several parts that touch.
            let mut start = range.start;
            while start < range.end {
                let Some((part, offset)) = parts.peek() else { break };
                if part.end <= start {
                    parts.next();
                    continue;
                }
                let end = range.end.min(part.end);
                let skipped = usize::try_from(start - part.start).unwrap_or(usize::MAX);
                pieces.push(Piece { range: start..end, was: Was::Copied(offset + skipped) });
                start = end;
            }
        }
        let untouched = wanted.without(&self.map.own);
        for (i, area) in later.areas.iter().enumerate() {
            let here = untouched.and(&Ranges::of(std::iter::once(area.start..area.end)));
            let was = if area.inode == 0 { Was::Zero } else { Was::File(i) };
            pieces.extend(here.iter().map(|range| Piece { range: range.clone(), was }));
        }
        pieces
    }

    /// Reads the pieces as they are now, and shows each with what it was. Answers how many bytes
    /// could not be compared.
    pub(crate) fn compare(
        &self,
        tid: Tid,
        later: &Map,
        pieces: &[Piece],
        arena: &mut Vec<u8>,
        mut see: impl FnMut(u64, &[u8], &[u8]),
    ) -> u64 {
        arena.resize(CHUNK, 0);
        let mut unread = 0;
        let mut transfers: Vec<(Transfer, Was)> = Vec::new();
        let mut used = 0;
        for piece in pieces {
            let (mut start, mut was) = (piece.range.start, piece.was);
            while start < piece.range.end {
                let left = usize::try_from(piece.range.end - start).unwrap_or(usize::MAX);
                let len = left.min(CHUNK - used);
                transfers.push((
                    Transfer { address: start, offset: used, len, ..Transfer::default() },
                    was,
                ));
                used += len;
                start += len as u64;
                if let Was::Copied(offset) = &mut was {
                    *offset += len;
                }
                if used == CHUNK {
                    unread += self.compare_chunk(tid, later, &mut transfers, arena, &mut see);
                    used = 0;
                }
            }
        }
        unread + self.compare_chunk(tid, later, &mut transfers, arena, &mut see)
    }

    fn compare_chunk(
        &self,
        tid: Tid,
        later: &Map,
        chunk: &mut Vec<(Transfer, Was)>,
        arena: &mut [u8],
        see: &mut impl FnMut(u64, &[u8], &[u8]),
    ) -> u64 {
        let mut unread = 0;
        let mut transfers: Vec<Transfer> = chunk.iter().map(|(transfer, _)| *transfer).collect();
        memory::read(tid, arena, &mut transfers);
        for (transfer, (_, was)) in transfers.iter().zip(chunk.drain(..)) {
            let now = &arena[transfer.offset..transfer.offset + transfer.got];
            unread += (transfer.len - transfer.got) as u64;
            match was {
                Was::Copied(offset) => match self.bytes.get(offset..offset + now.len()) {
                    Some(before) => see(transfer.address, before, now),
                    None => unread += now.len() as u64,
                },
                Was::Zero => see(transfer.address, &vec![0; now.len()], now),
                Was::File(area) => {
                    match of_file(tid, &later.areas[area], transfer.address, now.len()) {
                        Some(before) => see(transfer.address, &before, now),
                        None => unread += now.len() as u64,
                    }
                }
            }
        }
        unread
    }
}

/// What the file of a mapping has for an address; zeros behind its end, as mmap(2) says.
fn of_file(tid: Tid, area: &Mapping, address: u64, len: usize) -> Option<Vec<u8>> {
    let file = backing::file(tid, area).ok()?;
    let mut bytes = vec![0; len];
    let mut done = 0;
    while done < len {
        let at = area.offset.checked_add(address - area.start)?.checked_add(done as u64)?;
        match file.read_at(&mut bytes[done..], at) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(bytes)
}

/// The addresses that belong to the same mapping in both maps: of the same file at the same place,
/// or of none.
pub(crate) fn same(before: &Map, after: &Map) -> Ranges {
    let mut ranges = Vec::new();
    let mut later = after.areas.iter().peekable();
    for area in &before.areas {
        while later.next_if(|other| other.end <= area.start).is_some() {}
        for other in later.clone().take_while(|other| other.start < area.end) {
            if is_same(area, other) {
                ranges.push(area.start.max(other.start)..area.end.min(other.end));
            }
        }
    }
    Ranges::of(ranges)
}

fn is_same(a: &Mapping, b: &Mapping) -> bool {
    (a.device, a.inode) == (b.device, b.inode)
        && (a.inode == 0 || a.offset.wrapping_sub(a.start) == b.offset.wrapping_sub(b.start))
}
