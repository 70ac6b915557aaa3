//! The sysreel log format: bytes in, bytes out.
//!
//! This crate knows no system calls, opens no files and reads no clocks. docs/format.md is
//! normative; where code and page disagree, one of them has a bug. The main types are [`EventBuf`]
//! (encodes an event row), [`Segment`] (holds rows until they are in the log), [`BlockWriter`]
//! (writes segments as blocks) and [`Log`] (reads a log). [`syscall_info`] decodes the kernel's
//! struct in a stop.
//!
//! ```
//! use sysreel_format::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let id = FileId([7; 16]); // random bytes in a real log
//! let header = FileHeader::new(id, Completeness::default());
//! let mut writer = BlockWriter::create(Vec::new(), header, &FileMeta::default())?;
//!
//! let mut segment = Segment::open(vec![0; SEGMENT_SIZE], &id, 1, 0, 0);
//! let blob = segment.append_blob(&[1; 300])?;
//! let mut buf = EventBuf::new();
//! buf.begin(EventKind::STOP, SourceId::KERNEL, TaskId(0), 5);
//! let info = &[0; 80];
//! buf.stop_head(&StopHead { wait_status: 0x857f, info_ret: 80, layout: Layout::MERGED, info });
//! let head = RegionHead {
//!     arg: 1,
//!     dir: Direction::IN,
//!     role: Role::DIRECT,
//!     flags: RegionFlags::default(),
//!     index: 0,
//!     address: 0x7fff_0000,
//!     asked: 300,
//!     got: 300,
//!     errno: 0,
//! };
//! buf.region(&head, Data::Blobs(&[blob]));
//! segment.append_event(buf.finish())?; // safe from a crash of the recorder from here on
//!
//! segment.seal();
//! writer.write_segment(&segment)?;
//! let bytes = writer.finish(Completeness::default(), &Extras::default())?;
//!
//! let log = Log::open(bytes, Limits::default())?;
//! let mut events = log.events();
//! while let Some(item) = events.next()? {
//!     let event = match item {
//!         Item::Event(event) => event,
//!         Item::Missing(missing) => panic!("{missing}"),
//!     };
//!     let Body::Stop(stop) = event.decode()? else { continue };
//!     for part in stop.parts {
//!         if let Part::Region(region) = part? {
//!             assert_eq!(*log.region_bytes(&region)?, [1; 300]);
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod block;
mod checks;
mod completeness;
mod determinism;
mod error;
mod event;
mod event_buf;
mod header;
mod index;
mod kind;
pub mod limits;
mod meta;
mod part;
mod read;
mod records;
mod segment;
mod segment_header;
mod sites;
mod snapshot;
mod state;
mod summary;
pub mod syscall_info;
mod trailer;
mod wire;
mod write;
mod zframe;

pub use block::{BLOCK_HEADER_LEN, BlockHeader};
pub use checks::{Checks, holds_blobs};
pub use completeness::{Completeness, DropReasons};
pub use determinism::{CpuidLeaf, Determinism};
pub use error::Error;
pub use event::{
    Body, Clock, Event, Gone, Loss, Note, Renamed, Stop, StopHead, Task, TaskHead, Unrecorded,
};
pub use event_buf::{Data, EventBuf};
pub use header::{FILE_HEADER_LEN, FileHeader, FileId, is_log};
pub use kind::{
    Altering, BlobNumber, BlockKind, Direction, EventFlags, EventKind, Gap, GapReason, GoneHow,
    Layout, MappedFlags, NoteCode, Origin, PartKind, RegionFlags, Role, Severity, SnapshotKind,
    SourceId, TaskId,
};
pub use limits::{BLOB_PART, INLINE_LIMIT, Limits, MAX_REGION, SEGMENT_SIZE};
pub use meta::{FileMeta, MetaCodec};
pub use part::{
    Altered, Blobs, Mapped, MappedFile, MappedHead, Name, NsPids, Part, Parts, Region, RegionData,
    RegionHead, ResolvedPath,
};
pub use read::{
    BlockItem, Blocks, Ending, Events, Item, Log, Missing, Outline, OutlineItem, Outlines, ReadAt,
    SeekReader, What, Why, tail_generations,
};
pub use segment::{Full, Segment, SegmentMemory};
pub use segment_header::{committed_segment, is_tail};
pub use sites::NeedsParts;
pub use snapshot::{Credentials, FdEntry, Mapping, ProcessSnapshot, is_kept};
pub use state::{PageSums, State};
pub use summary::{Extras, Summary};
pub use write::{BlockWriter, Damaged};

/// The file name extension of logs.
pub const EXTENSION: &str = ".reel";
/// The suffix of a log's file name that names its tail file.
pub const TAIL_SUFFIX: &str = ".tail";
