//! A copy of the writable private memory of a task, and its comparison with the memory after a
//! call.

use super::ranges::Ranges;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use sysreel_sys::memory::{self, Transfer};
use sysreel_sys::process::{self, Mapping};
use sysreel_sys::{Tid, backing, pages};

/// The most memory that is copied, in bytes. Calls of a larger task are not checked.
const MAX_COPY: u64 = 1 << 30;
/// How much memory is read at once during a comparison, in bytes: little enough to stay in the
/// cache.
const CHUNK: usize = 256 << 10;

/// The writable private memory of a task at one moment.
#[derive(Debug, Default)]
pub(crate) struct Map {
    /// The mappings, in order of address.
    pub(crate) areas: Vec<Mapping>,
    /// The pages in them that the task owns: not those that still belong to a file, nor those never
    /// touched.
    pub(crate) own: Ranges,
}

/// A copy of the memory of a task.
#[derive(Debug, Default)]
pub(crate) struct Shadow {
    pub(crate) map: Map,
    /// The ranges that were copied, in order, with their offsets in `bytes`.
    parts: Vec<(Range<u64>, usize)>,
    bytes: Vec<u8>,
}

/// Why memory could not be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyError {
    /// The kernel refused access, or the task is gone.
    Unreadable,
    /// There is too much of it.
    TooLarge,
}

/// A range of memory whose content before the call is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) range: Range<u64>,
    pub(crate) before: Before,
}

/// What a range of memory held before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// The bytes at this offset of the copy.
    Copied(usize),
    /// Zeros: the page had not been touched.
    Zero,
    /// The bytes of the file that this area (an index into the later map) maps.
    File(usize),
}

impl Map {
    /// Reads the map of a stopped task.
    ///
    /// # Errors
    /// When /proc/PID/maps or the pagemap cannot be read.
    pub(crate) fn read(tid: Tid) -> io::Result<Map> {
        let mut areas = process::mappings(tid)?;
        areas.retain(|area| area.permissions[1] == b'w' && area.permissions[3] == b'p');
        let mut own = Vec::new();
        pages::own(tid, areas.last().map_or(0, |area| area.end), &mut own)?;
        let inside = Ranges::from_ranges(areas.iter().map(|area| area.start..area.end));
        Ok(Map { own: Ranges::from_ranges(own).intersection(&inside), areas })
    }

    /// Returns the mapping that contains an address.
    pub(crate) fn area(&self, address: u64) -> Option<&Mapping> {
        self.areas.iter().find(|area| (area.start..area.end).contains(&address))
    }
}

impl Shadow {
    /// Copies the memory of a stopped task.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than the limit.
    pub(crate) fn copy_from(&mut self, tid: Tid) -> Result<(), CopyError> {
        self.map = Map::read(tid).map_err(|_| CopyError::Unreadable)?;
        self.parts.clear();
        let size = self.map.own.len();
        if size > MAX_COPY {
            return Err(CopyError::TooLarge);
        }
        self.bytes.resize(usize::try_from(size).map_err(|_| CopyError::TooLarge)?, 0);
        let mut offset = 0;
        let mut transfers: Vec<Transfer> = Vec::new();
        for own in self.map.own.iter() {
            let len = usize::try_from(own.end - own.start).map_err(|_| CopyError::TooLarge)?;
            transfers.push(Transfer { address: own.start, offset, len, ..Transfer::default() });
            offset += len;
        }
        memory::read(tid, &mut self.bytes, &mut transfers);
        if !transfers.is_empty() && transfers.iter().all(|transfer| transfer.got == 0) {
            return Err(CopyError::Unreadable);
        }
        self.parts
            .extend(transfers.iter().map(|t| (t.address..t.address + t.got as u64, t.offset)));
        Ok(())
    }

    /// Returns the ranges of `wanted`, which must be own pages of the later map, with what they
    /// held before. Leaves out what could not be read before.
    pub(crate) fn spans(&self, later: &Map, wanted: &Ranges) -> Vec<Span> {
        let mut spans = Vec::new();
        let copied = Ranges::from_ranges(self.parts.iter().map(|(range, _)| range.clone()));
        let mut parts = self.parts.iter().peekable();
        for range in wanted.intersection(&copied).iter() {
            // A range may span several adjacent parts.
            let mut start = range.start;
            while start < range.end {
                let Some((part, offset)) = parts.peek() else { break };
                if part.end <= start {
                    parts.next();
                    continue;
                }
                let end = range.end.min(part.end);
                let skipped = usize::try_from(start - part.start).unwrap_or(usize::MAX);
                spans.push(Span { range: start..end, before: Before::Copied(offset + skipped) });
                start = end;
            }
        }
        let untouched = wanted.difference(&self.map.own);
        for (i, area) in later.areas.iter().enumerate() {
            let here =
                untouched.intersection(&Ranges::from_ranges(std::iter::once(area.start..area.end)));
            let before = if area.inode == 0 { Before::Zero } else { Before::File(i) };
            spans.extend(here.iter().map(|range| Span { range: range.clone(), before }));
        }
        spans
    }

    /// Reads the spans as they are now, and calls `compare` with the address and the bytes before
    /// and after. Returns the number of bytes that could not be compared.
    pub(crate) fn compare(
        &self,
        tid: Tid,
        later: &Map,
        spans: &[Span],
        buffer: &mut Vec<u8>,
        mut compare_bytes: impl FnMut(u64, &[u8], &[u8]),
    ) -> u64 {
        buffer.resize(CHUNK, 0);
        let mut unread = 0;
        let mut transfers: Vec<(Transfer, Before)> = Vec::new();
        let mut used = 0;
        for span in spans {
            let (mut start, mut before) = (span.range.start, span.before);
            while start < span.range.end {
                let left = usize::try_from(span.range.end - start).unwrap_or(usize::MAX);
                let len = left.min(CHUNK - used);
                transfers.push((
                    Transfer { address: start, offset: used, len, ..Transfer::default() },
                    before,
                ));
                used += len;
                start += len as u64;
                if let Before::Copied(offset) = &mut before {
                    *offset += len;
                }
                if used == CHUNK {
                    unread +=
                        self.compare_chunk(tid, later, &mut transfers, buffer, &mut compare_bytes);
                    used = 0;
                }
            }
        }
        unread + self.compare_chunk(tid, later, &mut transfers, buffer, &mut compare_bytes)
    }

    fn compare_chunk(
        &self,
        tid: Tid,
        later: &Map,
        chunk: &mut Vec<(Transfer, Before)>,
        buffer: &mut [u8],
        compare_bytes: &mut impl FnMut(u64, &[u8], &[u8]),
    ) -> u64 {
        let mut unread = 0;
        let mut transfers: Vec<Transfer> = chunk.iter().map(|(transfer, _)| *transfer).collect();
        memory::read(tid, buffer, &mut transfers);
        for (transfer, (_, before)) in transfers.iter().zip(chunk.drain(..)) {
            let now = &buffer[transfer.offset..transfer.offset + transfer.got];
            unread += (transfer.len - transfer.got) as u64;
            match before {
                Before::Copied(offset) => match self.bytes.get(offset..offset + now.len()) {
                    Some(before) => compare_bytes(transfer.address, before, now),
                    None => unread += now.len() as u64,
                },
                Before::Zero => compare_bytes(transfer.address, &vec![0; now.len()], now),
                Before::File(area) => {
                    match file_bytes(tid, &later.areas[area], transfer.address, now.len()) {
                        Some(before) => compare_bytes(transfer.address, &before, now),
                        None => unread += now.len() as u64,
                    }
                }
            }
        }
        unread
    }
}

/// Reads the file of a mapping at an address; zeros past its end, as in the mapping (mmap(2)).
fn file_bytes(tid: Tid, area: &Mapping, address: u64, len: usize) -> Option<Vec<u8>> {
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

/// Returns the addresses that belong to the same mapping in both maps: of the same file at the same
/// offset, or anonymous.
pub(crate) fn same_mappings(before: &Map, after: &Map) -> Ranges {
    let mut ranges = Vec::new();
    let mut later = after.areas.iter().peekable();
    for area in &before.areas {
        while later.next_if(|other| other.end <= area.start).is_some() {}
        for other in later.clone().take_while(|other| other.start < area.end) {
            if is_same_mapping(area, other) {
                ranges.push(area.start.max(other.start)..area.end.min(other.end));
            }
        }
    }
    Ranges::from_ranges(ranges)
}

fn is_same_mapping(a: &Mapping, b: &Mapping) -> bool {
    (a.device, a.inode) == (b.device, b.inode)
        && (a.inode == 0 || a.offset.wrapping_sub(a.start) == b.offset.wrapping_sub(b.start))
}
