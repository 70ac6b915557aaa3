//! A log that is open for reading.

use super::blobs::BlobReader;
use super::directory::Directory;
use super::item::Ending;
use super::source::ReadAt;
use super::store::{Found, Loader, Store, fill};
use super::tail::Tail;
use super::walk::{Step, Walk};
use crate::Error;
use crate::header::FileHeader;
use crate::index::Footer;
use crate::kind::{BlobNumber, BlockKind};
use crate::limits::{Limits, MAX_HEADER, MAX_META};
use crate::meta::{FileMeta, MetaCodec};
use crate::part::{Region, RegionData};
use crate::summary::Summary;
use crate::trailer::{TRAILER_LEN, Trailer};
use std::borrow::Cow;
use std::cell::RefCell;

/// An open log. Apart from a small entry for every 64 blocks, memory use does not grow with the
/// file.
#[derive(Debug)]
pub struct Log<S> {
    pub(super) store: Store<S>,
    pub(super) header: FileHeader,
    /// The offset of the first block.
    pub(super) start: u64,
    pub(super) meta: FileMeta,
    pub(super) meta_error: Option<Error>,
    pub(super) ending: Ending,
    pub(super) summary: Option<Summary>,
    /// The number of events that the trailer states.
    pub(super) total_events: Option<u64>,
    pub(super) tail: Option<Tail<S>>,
    pub(super) blobs: RefCell<BlobReader>,
}

impl<S: ReadAt> Log<S> {
    /// Opens a log: reads the file header, the metadata, and the footer if there is one.
    ///
    /// # Errors
    /// If the source is not a log, is newer than this crate, or has a damaged file header. Other
    /// damage is reported by the methods that read the damaged part.
    pub fn open(source: S, limits: Limits) -> Result<Self, Error> {
        let len = source.len().map_err(|source| Error::Io { offset: 0, source })?;
        let mut bytes = [0; MAX_HEADER];
        let len_read = fill(&source, &mut bytes, 0)?;
        let (header, start) = FileHeader::decode(bytes.get(..len_read).unwrap_or_default())?;
        let start = start as u64;
        let store = Store { source, len, file_id: header.file_id, limits };
        let mut loader = Loader::default();
        let (meta, meta_error) = match read_meta(&store, start, &mut loader) {
            Ok(meta) => (meta, None),
            Err(error @ Error::Io { .. }) => return Err(error),
            Err(error) => (FileMeta::default(), Some(error)),
        };
        let trailer = read_trailer(&store)?;
        let (ending, footer) = match &trailer {
            None => (Ending::Unfinished { offset: len }, None),
            Some(trailer) => match read_footer(&store, trailer.footer, &mut loader)? {
                Some(footer) => (Ending::Clean, Some(footer)),
                None => (Ending::Damaged { offset: trailer.footer }, None),
            },
        };
        let (summary, waypoints) = footer.map(|footer| (footer.summary, footer.waypoints)).unzip();
        let blobs = RefCell::new(BlobReader::new(Directory::new(&store, start, waypoints), len));
        let total_events = trailer.map(|trailer| trailer.events);
        Ok(Log {
            store,
            header,
            start,
            meta,
            meta_error,
            ending,
            summary,
            total_events,
            tail: None,
            blobs,
        })
    }

    /// Adds the events that are still in the tail file. While the log is being written, copy the
    /// tail before opening the log: otherwise events that move from one to the other are missed.
    ///
    /// # Errors
    /// If the tail belongs to another log or cannot be read.
    pub fn with_tail(mut self, tail: S) -> Result<Self, Error> {
        self.tail = Some(Tail::open(tail, &self.header.file_id)?);
        Ok(self)
    }

    /// Returns the file header.
    pub fn header(&self) -> &FileHeader {
        &self.header
    }

    /// Returns the metadata. Empty if there is a [`Log::meta_error`].
    pub fn meta(&self) -> &FileMeta {
        &self.meta
    }

    /// Returns why the metadata could not be read. Events do not depend on the metadata.
    pub fn meta_error(&self) -> Option<&Error> {
        self.meta_error.as_ref()
    }

    /// Returns how the file ends, whether or not it has a tail.
    pub fn ending(&self) -> Ending {
        self.ending
    }

    /// Whether a tail was added that has segments in use: the recorder was killed or is still
    /// recording.
    pub fn has_live_tail(&self) -> bool {
        self.tail.as_ref().is_some_and(Tail::is_live)
    }

    /// Returns the summary, if the log has a footer.
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// Returns the number of an event before which all events are earlier than `t_ns`: the first
    /// event of its block, or of the tail. Finds the block by the footer's list and the block
    /// headers; without a footer, by the block headers from the start.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn event_since(&self, t_ns: u64) -> Result<u64, Error> {
        let directory = &mut self.blobs.borrow_mut().directory;
        let (at, mut next, _) =
            directory.before_event(&self.store, directory.event_before_time(t_ns))?;
        let mut walk = Walk::new(&self.store, at);
        while let Step::Block { found, .. } = walk.step(&self.store)? {
            let header = &found.header;
            if header.kind == BlockKind::EVENTS {
                if header.t_last >= t_ns {
                    return Ok(header.first_item.max(next));
                }
                next = header.first_item.saturating_add(header.n_items.into()).max(next);
            }
        }
        Ok(next)
    }

    /// Returns the bytes of a blob.
    ///
    /// # Errors
    /// [`Error::NoBlob`] if it is not in the log, [`Error::BadBlock`] if its block is damaged. The
    /// rest of the log may still be readable.
    pub fn blob(&self, number: BlobNumber) -> Result<Vec<u8>, Error> {
        if let Some(tail) = &self.tail
            && let Some(bytes) = tail.blob(number)?
        {
            return Ok(bytes);
        }
        let mut bytes = Vec::new();
        self.blobs.borrow_mut().append(&self.store, number, usize::MAX, &mut bytes)?;
        Ok(bytes)
    }

    /// Appends at most `limit` bytes of a blob to `out`, and returns the length of the blob. Copies
    /// and allocates no more than that.
    ///
    /// # Errors
    /// As [`Log::blob`].
    pub fn append_blob(
        &self,
        number: BlobNumber,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, Error> {
        if let Some(tail) = &self.tail
            && let Some(bytes) = tail.blob(number)?
        {
            out.extend_from_slice(bytes.get(..limit).unwrap_or(&bytes));
            return Ok(bytes.len());
        }
        self.blobs.borrow_mut().append(&self.store, number, limit, out)
    }

    /// Returns the bytes of a region, whether inline or in blobs.
    ///
    /// # Errors
    /// As [`Log::blob`]; also if the region exceeds the limit, or its length is not the one stated.
    pub fn region_bytes<'a>(&self, region: &Region<'a>) -> Result<Cow<'a, [u8]>, Error> {
        let blobs = match region.data {
            RegionData::Inline(bytes) => return Ok(Cow::Borrowed(bytes)),
            RegionData::Blobs(blobs) => blobs,
        };
        let (size, limit) = (region.head.got, self.store.limits.region as u64);
        if size > limit {
            return Err(Error::TooLarge { what: "captured buffer", size, limit });
        }
        let mut bytes = Vec::new();
        for number in blobs.iter() {
            let left = usize::try_from(size).unwrap_or(usize::MAX).saturating_sub(bytes.len());
            // One byte more detects blobs that are too long.
            self.append_blob(number, left.saturating_add(1), &mut bytes)?;
            if bytes.len() as u64 > size {
                break;
            }
        }
        if bytes.len() as u64 == size {
            Ok(Cow::Owned(bytes))
        } else {
            Err(Error::Malformed {
                what: "region (the length of its blobs differs)",
                at: bytes.len() as u64,
            })
        }
    }

    /// Returns the source that the log is read from.
    pub fn source(&self) -> &S {
        &self.store.source
    }
}

/// Reads the META block, which comes first.
fn read_meta<S: ReadAt>(
    store: &Store<S>,
    start: u64,
    loader: &mut Loader,
) -> Result<FileMeta, Error> {
    let bad = |what| Error::BadMeta { offset: start, what };
    let found = block_exactly_at(store, start)?.ok_or(bad("no block at this offset"))?;
    if found.header.kind != BlockKind::META {
        return Err(bad("another kind of block"));
    }
    if found.header.raw_len > MAX_META as u64 {
        return Err(bad("above the limit"));
    }
    let mut raw = Vec::new();
    loader.load(store, &found, &mut raw)?.map_err(bad)?;
    FileMeta::from_bytes(&raw)
}

/// Returns the trailer, if the file ends with one that belongs to this file.
fn read_trailer<S: ReadAt>(store: &Store<S>) -> Result<Option<Trailer>, Error> {
    let Some(at) = store.len.checked_sub(TRAILER_LEN as u64) else { return Ok(None) };
    let mut bytes = [0; TRAILER_LEN];
    store.read(&mut bytes, at)?;
    Ok(Trailer::decode(&bytes)
        .filter(|trailer| trailer.file_id == store.file_id && trailer.self_offset == at))
}

/// Returns the footer, if it is there and sound.
fn read_footer<S: ReadAt>(
    store: &Store<S>,
    at: u64,
    loader: &mut Loader,
) -> Result<Option<Footer>, Error> {
    let Some(found) =
        block_exactly_at(store, at)?.filter(|found| found.header.kind == BlockKind::FOOTER)
    else {
        return Ok(None);
    };
    let mut raw = Vec::new();
    let loaded = loader.load(store, &found, &mut raw)?;
    Ok(loaded.ok().and_then(|()| Footer::decode(&raw).ok()))
}

/// Returns the block at `at`. Does not search further.
fn block_exactly_at<S: ReadAt>(store: &Store<S>, at: u64) -> Result<Option<Found>, Error> {
    Ok(match Walk::new(store, at).step(store)? {
        Step::Block { found, damage: None } => Some(found),
        _ => None,
    })
}
