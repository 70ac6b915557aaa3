//! Reading a log: what is there, what is missing, and nothing that never was.

#![deny(clippy::arithmetic_side_effects)]

mod ahead;
mod blob_count;
mod blobs;
mod blocks;
mod directory;
mod events;
mod item;
mod outline;
mod source;
mod store;
mod tail;
mod walk;

use std::borrow::Cow;
use std::cell::RefCell;

pub use blocks::{BlockItem, Blocks};
pub use events::Events;
pub use item::{Ending, Item, Missing, Why};
pub use outline::{Outline, OutlineItem, Outlines, What};
pub use source::{ReadAt, SeekReader};

use blobs::BlobReader;
use directory::Directory;
use store::{Found, Loader, Store, fill};
use tail::Tail;
use walk::{Step, Walk};

use crate::Error;
use crate::header::FileHeader;
use crate::index::Footer;
use crate::kind::{BlobNumber, BlockKind};
use crate::limits::{Limits, MAX_HEADER, MAX_META};
use crate::meta::{FileMeta, MetaCodec};
use crate::part::{Region, RegionData};
use crate::summary::Summary;
use crate::trailer::{TRAILER_LEN, Trailer};

/// An open log. Its memory does not grow with the file, but for one small note per 64 blocks.
#[derive(Debug)]
pub struct Log<S> {
    store: Store<S>,
    header: FileHeader,
    /// Where the first block should be.
    start: u64,
    meta: FileMeta,
    meta_error: Option<Error>,
    ending: Ending,
    summary: Option<Summary>,
    /// How many events the trailer says there are.
    total: Option<u64>,
    tail: Option<Tail<S>>,
    blobs: RefCell<BlobReader>,
}

impl<S: ReadAt> Log<S> {
    /// Opens a log: file header, metadata, and the footer if there is one.
    ///
    /// # Errors
    /// When it is no log, a newer one, or its file header is damaged. Everything else that is
    /// damaged is told by what reads it.
    pub fn open(source: S, limits: Limits) -> Result<Self, Error> {
        let len = source.len().map_err(|source| Error::Io { offset: 0, source })?;
        let mut bytes = [0; MAX_HEADER];
        let there = fill(&source, &mut bytes, 0)?;
        let (header, start) = FileHeader::decode(bytes.get(..there).unwrap_or_default())?;
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
        let total = trailer.map(|trailer| trailer.events);
        Ok(Log {
            store,
            header,
            start,
            meta,
            meta_error,
            ending,
            summary,
            total,
            tail: None,
            blobs,
        })
    }

    /// Adds the events that are still in the tail file. When the log is being written, take a copy
    /// of the tail first and open the log then, so that what moves from one to the other is not
    /// missed.
    ///
    /// # Errors
    /// When the tail belongs to another log, or cannot be read.
    pub fn with_tail(mut self, tail: S) -> Result<Self, Error> {
        self.tail = Some(Tail::open(tail, &self.header.file_id)?);
        Ok(self)
    }

    /// The file header.
    pub fn header(&self) -> &FileHeader {
        &self.header
    }

    /// What was known at the start. Empty if [`Log::meta_error`] says so.
    pub fn meta(&self) -> &FileMeta {
        &self.meta
    }

    /// Why the metadata could not be read, if so. The events do not depend on them.
    pub fn meta_error(&self) -> Option<&Error> {
        self.meta_error.as_ref()
    }

    /// How the file ends; a tail changes nothing about that.
    pub fn ending(&self) -> Ending {
        self.ending
    }

    /// Whether a tail was added that has segments in use: the recorder was killed, or is at work.
    pub fn has_live_tail(&self) -> bool {
        self.tail.as_ref().is_some_and(Tail::is_live)
    }

    /// The footer's summary, if the log has a footer.
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// A cursor over all events.
    pub fn events(&self) -> Events<'_, S> {
        Events::new(self, self.start, 0, 0, 0)
    }

    /// A cursor over the outlines of all events: which there are, of whom and from where, and
    /// whether calls failed.
    pub fn outlines(&self) -> Outlines<'_, S> {
        let mut events = self.events();
        events.outline = true;
        Outlines(events)
    }

    /// A cursor that begins at the event of that number.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn events_from(&self, number: u64) -> Result<Events<'_, S>, Error> {
        let (at, next, dropped) =
            self.blobs.borrow_mut().directory.before_event(&self.store, number)?;
        Ok(Events::new(self, at, next, dropped, number))
    }

    /// The number of an event before which all events are earlier than `t_ns`: the first of its
    /// block, or of the tail. The footer's list tells roughly where that is, the heads of blocks
    /// exactly; a log without a footer is searched from its beginning.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn event_since(&self, t_ns: u64) -> Result<u64, Error> {
        let directory = &mut self.blobs.borrow_mut().directory;
        let (at, mut next, _) =
            directory.before_event(&self.store, directory.event_before(t_ns))?;
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

    /// A cursor over the blocks of the file: their headers, and the stretches that are none.
    pub fn blocks(&self) -> Blocks<'_, S> {
        Blocks::new(self)
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// [`Error::NoBlob`] when it is not in the log, [`Error::BadBlock`] when its block is damaged.
    /// Neither says anything about the rest of the log.
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

    /// Appends the first bytes of a blob to `out`, at most `limit`, and answers how many the blob
    /// has. Copies and allocates no more than that.
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

    /// The bytes of a region, wherever they are.
    ///
    /// # Errors
    /// As [`Log::blob`]; also when the region is above the limit, or has not as many bytes as it
    /// says.
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
            // One byte more shows that the blobs are too long.
            self.append_blob(number, left.saturating_add(1), &mut bytes)?;
            if bytes.len() as u64 > size {
                break;
            }
        }
        if bytes.len() as u64 == size {
            Ok(Cow::Owned(bytes))
        } else {
            Err(Error::Malformed {
                what: "region (its blobs have another length)",
                at: bytes.len() as u64,
            })
        }
    }

    /// The source the log is read from.
    pub fn source(&self) -> &S {
        &self.store.source
    }
}

/// The META block, which comes first.
fn read_meta<S: ReadAt>(
    store: &Store<S>,
    start: u64,
    loader: &mut Loader,
) -> Result<FileMeta, Error> {
    let bad = |what| Error::BadMeta { offset: start, what };
    let found = block_exactly_at(store, start)?.ok_or(bad("no block there"))?;
    if found.header.kind != BlockKind::META {
        return Err(bad("another block there"));
    }
    if found.header.raw_len > MAX_META as u64 {
        return Err(bad("above the limit"));
    }
    let mut raw = Vec::new();
    loader.load(store, &found, &mut raw)?.map_err(bad)?;
    FileMeta::from_bytes(&raw)
}

/// The trailer, if the file ends with one that speaks of this file.
fn read_trailer<S: ReadAt>(store: &Store<S>) -> Result<Option<Trailer>, Error> {
    let Some(at) = store.len.checked_sub(TRAILER_LEN as u64) else { return Ok(None) };
    let mut bytes = [0; TRAILER_LEN];
    store.read(&mut bytes, at)?;
    Ok(Trailer::decode(&bytes)
        .filter(|trailer| trailer.file_id == store.file_id && trailer.self_offset == at))
}

/// The footer, if it is there and sound.
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

/// The block at `at`, without searching further.
fn block_exactly_at<S: ReadAt>(store: &Store<S>, at: u64) -> Result<Option<Found>, Error> {
    Ok(match Walk::new(store, at).step(store)? {
        Step::Block { found, damage: None } => Some(found),
        _ => None,
    })
}
