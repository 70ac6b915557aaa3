//! The tail file as a reader sees it: segments with events that may not be in the log yet.

use std::cell::RefCell;
use std::ops::Range;

use super::source::ReadAt;
use super::store::fill;
use crate::Error;
use crate::event::Event;
use crate::header::FileId;
use crate::kind::BlobNumber;
use crate::limits::{MAX_TAIL, SEGMENT_ALIGN};
use crate::records::{RECORD_HEAD, Record, Records};
use crate::segment_header::{SEGMENT_HEADER, SegmentHeader};

/// The tail file of the log.
#[derive(Debug)]
pub(crate) struct Tail<S> {
    source: S,
    /// The segments in use, in the order in which they were filled.
    live: Vec<Live>,
    /// One more than the last event of any segment, in use or freed; `None` if no segment was ever
    /// used.
    pub(crate) next_event: Option<u64>,
    /// A segment in use has malformed records.
    pub(crate) damaged: bool,
    /// The segment of the last blob that was read.
    cache: RefCell<Option<Cached>>,
}

/// The bytes of a segment and the ranges of its blobs.
#[derive(Debug)]
struct Cached {
    generation: u64,
    bytes: Vec<u8>,
    blobs: Vec<Range<u32>>,
}

/// A segment in use.
#[derive(Clone, Copy, Debug)]
struct Live {
    offset: u64,
    header: SegmentHeader,
    blobs: u64,
}

/// A position in the tail.
#[derive(Debug, Default)]
pub(crate) struct TailCursor {
    segment: usize,
    /// The committed bytes of the segment; empty if it is not loaded.
    bytes: Vec<u8>,
    loaded: bool,
    at: usize,
    number: u64,
}

/// Returns the offset and generation of each segment of a tail file, in use or freed. Equal answers
/// before and after the file was read mean that no segment was begun or freed in between, so that
/// what was read belongs together.
///
/// # Errors
/// If reading fails.
pub fn tail_generations(source: &impl ReadAt) -> Result<Vec<(u64, u64)>, Error> {
    let len = source.len().map_err(|source| Error::Io { offset: 0, source })?;
    let (mut offset, mut generations) = (0, Vec::new());
    while offset < len {
        let size = match header_at(source, offset)? {
            None => SEGMENT_ALIGN,
            Some(header) => {
                generations.push((offset, header.generation));
                header.size
            }
        };
        offset = offset.saturating_add(size as u64);
    }
    Ok(generations)
}

fn header_at(source: &impl ReadAt, offset: u64) -> Result<Option<SegmentHeader>, Error> {
    let mut bytes = [0; SEGMENT_HEADER];
    let there = fill(source, &mut bytes, offset)?;
    Ok(if there == SEGMENT_HEADER { SegmentHeader::decode(&bytes) } else { None })
}

impl<S: ReadAt> Tail<S> {
    /// Opens a tail file and scans its segments.
    pub(crate) fn open(source: S, file_id: &FileId) -> Result<Self, Error> {
        let len = source.len().map_err(|source| Error::Io { offset: 0, source })?;
        if len > MAX_TAIL {
            return Err(Error::TooLarge { what: "tail file", size: len, limit: MAX_TAIL });
        }
        let mut tail = Tail {
            source,
            live: Vec::new(),
            next_event: None,
            damaged: false,
            cache: RefCell::default(),
        };
        let (mut offset, mut foreign, mut ours) = (0, false, false);
        let mut bytes = Vec::new();
        while offset < len {
            let Some(header) = header_at(&tail.source, offset)? else {
                // Never used, or torn while it was being opened, before anything was committed to
                // it.
                offset = u64::saturating_add(offset, SEGMENT_ALIGN as u64);
                continue;
            };
            if header.file_id == *file_id {
                ours = true;
                tail.read(offset, &header, &mut bytes)?;
                tail.scan_segment(offset, header, &bytes);
            } else {
                foreign = true;
            }
            offset = offset.saturating_add(header.size as u64);
        }
        tail.live.sort_by_key(|live| live.header.generation);
        if foreign && !ours { Err(Error::ForeignTail) } else { Ok(tail) }
    }

    /// Whether any segment is in use.
    pub(crate) fn is_live(&self) -> bool {
        !self.live.is_empty()
    }

    fn read(&self, offset: u64, header: &SegmentHeader, bytes: &mut Vec<u8>) -> Result<(), Error> {
        bytes.clear();
        bytes.resize(header.committed, 0);
        let there = fill(&self.source, bytes, offset.saturating_add(SEGMENT_HEADER as u64))?;
        bytes.truncate(there);
        Ok(())
    }

    fn scan_segment(&mut self, offset: u64, header: SegmentHeader, bytes: &[u8]) {
        let (mut events, mut blobs) = (0, 0);
        let mut sound = bytes.len() == header.committed;
        for record in Records::new(bytes) {
            match record {
                Ok(Record::Blob(_)) => blobs = u64::saturating_add(blobs, 1),
                Ok(Record::Event(row)) if Event::from_row(0, row).is_ok() => {
                    events = u64::saturating_add(events, 1);
                }
                _ => {
                    sound = false;
                    break;
                }
            }
        }
        let end = header.first_event.saturating_add(events);
        self.next_event = Some(self.next_event.map_or(end, |known| known.max(end)));
        if header.generation != 0 {
            self.damaged |= !sound;
            self.live.push(Live { offset, header, blobs });
        }
    }

    /// Returns the number of the next event and the range of its row, for [`TailCursor::row`].
    pub(crate) fn next(
        &self,
        cursor: &mut TailCursor,
    ) -> Result<Option<(u64, Range<usize>)>, Error> {
        while let Some(live) = self.live.get(cursor.segment) {
            if !cursor.loaded {
                cursor.load(self, live)?;
            }
            while let Some((number, row)) = cursor.record() {
                if let Some(row) = row {
                    return Ok(Some((number, row)));
                }
            }
            cursor.segment = cursor.segment.saturating_add(1);
            cursor.loaded = false;
        }
        Ok(None)
    }

    /// Returns the bytes of a blob, if a segment in use holds it.
    pub(crate) fn blob(&self, number: BlobNumber) -> Result<Option<Vec<u8>>, Error> {
        let has = |live: &&Live| {
            number.0.checked_sub(live.header.first_blob).is_some_and(|i| i < live.blobs)
        };
        let Some(live) = self.live.iter().find(has) else { return Ok(None) };
        let mut cache = self.cache.borrow_mut();
        let known = cache.take().filter(|cached| cached.generation == live.header.generation);
        let cached = cache.insert(match known {
            Some(cached) => cached,
            None => self.load_blobs(live)?,
        });
        let index =
            number.0.checked_sub(live.header.first_blob).and_then(|i| usize::try_from(i).ok());
        let range = index.and_then(|index| cached.blobs.get(index)).and_then(|range| {
            Some(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
        });
        Ok(range.and_then(|range| cached.bytes.get(range)).map(<[u8]>::to_vec))
    }

    fn load_blobs(&self, live: &Live) -> Result<Cached, Error> {
        let mut bytes = Vec::new();
        self.read(live.offset, &live.header, &mut bytes)?;
        let mut blobs = Vec::new();
        let mut records = Records::new(&bytes);
        loop {
            let at = records.at();
            match records.next() {
                Some(Ok(Record::Blob(blob))) => {
                    let start = u32::try_from(at.saturating_add(RECORD_HEAD)).unwrap_or(u32::MAX);
                    blobs.push(
                        start..start.saturating_add(u32::try_from(blob.len()).unwrap_or(u32::MAX)),
                    );
                }
                Some(Ok(Record::Event(_))) => {}
                _ => break,
            }
        }
        Ok(Cached { generation: live.header.generation, bytes, blobs })
    }
}

impl TailCursor {
    /// Returns the row at a range that [`Tail::next`] returned.
    pub(crate) fn row(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    fn load<S: ReadAt>(&mut self, tail: &Tail<S>, live: &Live) -> Result<(), Error> {
        tail.read(live.offset, &live.header, &mut self.bytes)?;
        // The segment may have been reused since it was scanned.
        let same = header_at(&tail.source, live.offset)?
            .is_some_and(|now| now.generation == live.header.generation);
        if !same {
            self.bytes.clear();
        }
        (self.at, self.number, self.loaded) = (0, live.header.first_event, true);
        Ok(())
    }

    /// Returns the number of the next event, and the range of its row if the next record is an
    /// event.
    fn record(&mut self) -> Option<(u64, Option<Range<usize>>)> {
        let mut records = Records::resume(&self.bytes, self.at);
        let record = records.next()?.ok()?;
        let start = self.at.checked_add(RECORD_HEAD)?;
        let event = match record {
            Record::Blob(_) => None,
            Record::Event(row) => {
                Event::from_row(0, row).ok()?;
                Some(start..start.checked_add(row.len())?)
            }
        };
        self.at = records.at();
        let number = self.number;
        self.number = self.number.checked_add(u64::from(event.is_some()))?;
        Some((number, event))
    }
}
