//! Reading a log: what is there, what is missing, and nothing that never was.

mod source;

use std::borrow::Cow;

pub use source::{ReadAt, SeekReader};

use crate::event::Event;
use crate::header::FileHeader;
use crate::kind::BlobNumber;
use crate::limits::Limits;
use crate::meta::FileMeta;
use crate::part::Region;
use crate::summary::Summary;
use crate::{DropReasons, Error};

/// An open log. Its memory does not grow with the file.
#[derive(Debug)]
pub struct Log<S> {
    source: S,
    header: FileHeader,
    meta: FileMeta,
    ending: Ending,
    summary: Option<Summary>,
}

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With footer and trailer: the recorder finished it.
    Clean,
    /// Without: the recorder was killed, is still at work, or the file was cut.
    Unfinished {
        /// The length of the file.
        offset: u64,
    },
    /// With a trailer, but the footer that it names is damaged.
    Damaged {
        /// Where the footer should be.
        offset: u64,
    },
}

/// What a cursor finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An event.
    Event(Event<'a>),
    /// Events that should be there, and are not.
    Missing(Missing),
}

/// Events that should be there, and are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The number of the first of them.
    pub first: u64,
    /// How many; `None` when nobody can tell: everything from there on.
    pub count: Option<u64>,
    /// Where in the file they should be.
    pub offset: u64,
    /// Why they are not.
    pub why: Why,
}

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The recorder dropped them, and says why.
    Dropped(DropReasons),
    /// Their block is damaged, or was cut out of the file.
    Damaged,
    /// The file ends in the middle of a block.
    Truncated,
    /// The file ends without a footer, between two blocks: more may have followed.
    Unfinished,
    /// Their block has a codec that this version does not know.
    Codec(u16),
}

impl<S: ReadAt> Log<S> {
    /// Opens a log: file header, metadata, and the footer if there is one.
    ///
    /// # Errors
    /// When it is no log, a newer one, or its header or metadata are damaged.
    pub fn open(source: S, limits: Limits) -> Result<Self, Error> {
        let _ = (source, limits);
        todo!()
    }

    /// Adds the events that are still in the tail file. When the log is being written, take a copy of the tail
    /// first and open the log then, so that what moves from one to the other is not missed.
    ///
    /// # Errors
    /// When the tail belongs to another log, or cannot be read.
    pub fn with_tail(self, tail: S) -> Result<Self, Error> {
        let _ = tail;
        todo!()
    }

    /// The file header.
    pub fn header(&self) -> &FileHeader {
        &self.header
    }

    /// What was known at the start.
    pub fn meta(&self) -> &FileMeta {
        &self.meta
    }

    /// How the log ends.
    pub fn ending(&self) -> Ending {
        self.ending
    }

    /// The footer's summary, if the log has a footer.
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// A cursor over all events.
    pub fn events(&self) -> Events<'_, S> {
        todo!()
    }

    /// A cursor that begins at the event of that number.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn events_from(&self, number: u64) -> Result<Events<'_, S>, Error> {
        let _ = number;
        todo!()
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// [`Error::NoBlob`] when it is not in the log, [`Error::BadBlock`] when its block is damaged. Neither says
    /// anything about the rest of the log.
    pub fn blob(&self, number: BlobNumber) -> Result<Vec<u8>, Error> {
        let _ = number;
        todo!()
    }

    /// The bytes of a region, wherever they are.
    ///
    /// # Errors
    /// As [`Log::blob`], or when the region is above the limit.
    pub fn region_bytes<'a>(&self, region: &Region<'a>) -> Result<Cow<'a, [u8]>, Error> {
        let _ = region;
        todo!()
    }

    /// The source the log is read from.
    pub fn source(&self) -> &S {
        &self.source
    }
}

/// A cursor over the events of a log, in order.
#[derive(Debug)]
pub struct Events<'a, S> {
    log: &'a Log<S>,
}

impl<S: ReadAt> Events<'_, S> {
    /// The next event or hole; `None` at the end. What it gives lives until the next call.
    ///
    /// # Errors
    /// When reading fails, or an unknown block must be understood. Damage is no error: it is an [`Item::Missing`].
    #[expect(
        clippy::should_implement_trait,
        reason = "an item borrows the cursor's buffer: no Iterator can say that"
    )]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, Error> {
        let _ = self.log;
        todo!()
    }
}
