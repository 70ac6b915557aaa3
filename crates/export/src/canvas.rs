//! What is drawn on a timeline. `perfetto` and `chrome` implement [`Canvas`].

use std::io;

use crate::row::{CallRow, LogRow};

/// A thread on the timeline. A tid that the kernel uses again is another track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Track {
    /// A number that no other track or process has.
    pub(crate) id: u64,
    /// The thread.
    pub(crate) tid: u32,
    /// Its process.
    pub(crate) pid: u32,
}

/// A process on the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process<'r> {
    /// A number that no other track or process has.
    pub(crate) id: u64,
    pub(crate) pid: u32,
    /// The name of its program, if known.
    pub(crate) name: Option<&'r str>,
    /// The arguments of its program, if they are known here.
    pub(crate) argv: &'r [String],
}

/// A call, or a part of one that went on with another tid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice<'r, 'a> {
    pub(crate) track: Track,
    /// Nanoseconds on CLOCK_MONOTONIC. The end is later than the start.
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) call: &'r CallRow<'a>,
    /// The flow that leads to its start.
    pub(crate) from: Option<u64>,
    /// The flow that leads to its end.
    pub(crate) ended_by: Option<u64>,
    /// The flow that begins with it.
    pub(crate) to: Option<u64>,
}

/// A value of a counter of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    /// A number that no track, process or other counter has.
    pub(crate) id: u64,
    /// The number of the process, and its pid.
    pub(crate) process: u64,
    pub(crate) pid: u32,
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    /// Nanoseconds on CLOCK_MONOTONIC.
    pub(crate) at_ns: u64,
    pub(crate) value: u64,
    /// Whether it is the first one.
    pub(crate) is_first: bool,
}

/// What a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Things,
}

/// What has no duration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant<'r> {
    pub(crate) track: Track,
    /// Nanoseconds on CLOCK_MONOTONIC.
    pub(crate) at_ns: u64,
    pub(crate) name: &'r str,
    pub(crate) category: &'r str,
    /// The number of its event.
    pub(crate) event: u64,
    /// What is known of it.
    pub(crate) about: &'r [(&'r str, String)],
    /// The flow that begins here.
    pub(crate) to: Option<u64>,
}

/// What draws a timeline. Things come track by track in order, but one track after another in the
/// order in which calls ended.
pub(crate) trait Canvas {
    fn begin(&mut self, log: &LogRow) -> io::Result<()>;
    /// A process appears, or has another name.
    fn process(&mut self, process: &Process<'_>) -> io::Result<()>;
    /// A thread appears, or has another name. `process`: the number of its process.
    fn thread(&mut self, track: Track, process: u64, name: Option<&str>) -> io::Result<()>;
    fn slice(&mut self, slice: &Slice<'_, '_>) -> io::Result<()>;
    fn instant(&mut self, instant: &Instant<'_>) -> io::Result<()>;
    fn count(&mut self, count: &Count) -> io::Result<()>;
    fn end(&mut self) -> io::Result<()>;
}
