//! `stream`: the bytes that went over descriptors, in the order in which they were moved.
//! Duplicates and inherited descriptors are one stream, and so are both ends of a pipe.

mod write;

use std::collections::BTreeSet;
use std::io;

use regex::bytes::Regex;
use sysreel_inspect::abi::Classes;
use sysreel_inspect::abi::intent;
use sysreel_inspect::calls::{Call, Item, Region};
use sysreel_inspect::format::Direction;
use sysreel_inspect::state::OpenFile;
use sysreel_inspect::visible::visible_bytes;
use sysreel_inspect::{Error, Findings, Follow, LogFile, Required};

use crate::bounded::Bounded;
use crate::select::{Looker, Select, look};
use crate::sockets;
#[cfg(test)]
pub(crate) use write::JsonPiece;
pub use write::{Form, Writer};

/// What streams need of a log. Other calls than these move bytes too, but not into memory.
pub const REQUIRED: Required = Required::files(Classes::DESC.and(Classes::NETWORK));

/// Which streams to show.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The part of the log. Bytes that other calls moved are left out.
    pub select: Select,
    /// Only the stream that the call at this event (its entry or its exit) reads or writes.
    pub of_event: Option<u64>,
    /// Only what was read, or only what was written.
    pub way: Option<Way>,
    /// Only streams in which the pattern matches, in one direction. A match may lie across buffers,
    /// but is found only if it is at most 64 KiB long.
    pub pattern: Option<Regex>,
}

/// The direction in which bytes were moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// To the program.
    Read,
    /// From the program.
    Written,
}

/// A piece of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The number of the event at which the call began.
    pub event: u64,
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// The name of the call.
    pub call: &'a str,
    /// The direction.
    pub way: Way,
    /// The ordinal of the stream in the output, from 1.
    pub stream: u64,
    /// The name of the stream: a path, `pipe:[123]`, the ends of a socket.
    pub name: &'a str,
    /// The bytes.
    pub bytes: &'a [u8],
    /// How many more bytes were moved than were captured.
    pub missing: u64,
}

/// Passes the pieces of the streams to `each`, in the order in which the calls ended, until it
/// fails.
///
/// # Errors
/// When the log cannot be read, or `each` fails ([`Error::Write`]), or no call is at the event that
/// was asked for. Damage is not an error; the [`Findings`] report it.
pub fn stream(
    file: &LogFile,
    options: &Options,
    each: &mut dyn FnMut(&Piece<'_>) -> io::Result<()>,
) -> Result<Findings, Error> {
    let follow = Follow { processes: true, ..Follow::default() };
    let mut wanted = None;
    if let Some(event) = options.of_event {
        let mut finding = Finding { event, key: None };
        look(file, &Select::default(), (follow, true), &mut finding)?;
        match finding.key {
            Some(key) => wanted = Some(BTreeSet::from([key])),
            None => {
                let why = "no call that moves bytes over a descriptor begins or ends there";
                return Err(Error::NoSuchEvent { number: event, why: why.to_owned() });
            }
        }
    }
    if let Some(pattern) = &options.pattern {
        let mut matching = Matching { pattern, found: BTreeSet::new(), ends: Bounded::default() };
        look(file, &options.select, (follow, true), &mut matching)?;
        let found = matching.found;
        wanted = Some(match wanted {
            None => found,
            Some(wanted) => wanted.intersection(&found).copied().collect(),
        });
    }
    let mut passing =
        Passing { way: options.way, wanted, ordinals: Bounded::default(), each, failed: None };
    let findings = look(file, &options.select, (follow, true), &mut passing)?;
    match passing.failed {
        Some(error) => Err(Error::Write(error)),
        None => Ok(findings),
    }
}

/// What makes a stream: the inode of a pipe, which both ends have, or the open file description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    Pipe(u64, u64),
    Description(u64),
}

impl Key {
    fn of(file: &OpenFile) -> Self {
        match intent::is_pipe(file.mode) && file.id != (0, 0) {
            true => Self::Pipe(file.id.0, file.id.1),
            false => Self::Description(file.serial),
        }
    }
}

/// Calls `each` with the files that a call reads and writes, the direction, and its data. What was
/// only looked at (MSG_PEEK) is left out.
pub fn moves(call: &Call<'_>, each: &mut dyn FnMut(&OpenFile, Way, &[Region<'_>])) {
    // What was only looked at comes again.
    if call.ended().value().is_none_or(|value| value <= 0) || crate::sockets::peeks(call) {
        return;
    }
    for (file, way, direction) in
        [(call.reads(), Way::Read, Direction::OUT), (call.writes(), Way::Written, Direction::IN)]
    {
        let Some(file) = file else { continue };
        let data: Vec<_> = call.data().filter(|region| region.direction() == direction).collect();
        if !data.is_empty() {
            each(&file, way, &data);
        }
    }
}

/// Finds the stream of an event.
struct Finding {
    event: u64,
    key: Option<Key>,
}

impl Looker for Finding {
    fn item(&mut self, item: &Item<'_>, _selected: bool) {
        if let Item::Call(call) = item
            && [Some(call.number()), call.exit_number()].contains(&Some(self.event))
        {
            let file = call.reads().or_else(|| call.writes());
            let file = file.or_else(|| call.fd_args().find_map(|(_, file)| file));
            self.key = file.map(|file| Key::of(&file));
        }
    }
}

/// Finds streams that match a pattern.
struct Matching<'p> {
    pattern: &'p Regex,
    found: BTreeSet<Key>,
    /// The end of each stream so far.
    ends: Bounded<(Key, Way), Vec<u8>>,
}

/// How many bytes of a stream are kept to find a match across buffers.
const KEPT: usize = 64 << 10;

impl Looker for Matching<'_> {
    fn item(&mut self, item: &Item<'_>, selected: bool) {
        let Item::Call(call) = item else { return };
        if !selected {
            return;
        }
        moves(call, &mut |file, way, data| {
            let key = Key::of(file);
            if self.found.contains(&key) {
                return;
            }
            let Some(end) = self.ends.entry(&(key, way)) else { return };
            for piece in pieces(call, data) {
                end.extend_from_slice(&piece.bytes);
                if self.pattern.is_match(end) {
                    self.found.insert(key);
                    *end = Vec::new();
                    return;
                }
                end.drain(..end.len().saturating_sub(KEPT));
            }
        });
    }
}

/// A buffer that a call moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its [`Region::index`].
    pub index: u32,
    /// The bytes that were captured.
    pub bytes: Vec<u8>,
    /// How many more were moved.
    pub missing: u64,
}

/// Returns the data of a call: at most as much as the result says.
#[must_use]
pub fn pieces(call: &Call<'_>, data: &[Region<'_>]) -> Vec<Moved> {
    let result = call.ended().value().and_then(|value| u64::try_from(value).ok()).unwrap_or(0);
    // recvmmsg(2) returns a number of messages.
    let counts_messages = call
        .args()
        .iter()
        .any(|arg| matches!(arg.meaning(), Some((sysreel_inspect::abi::ArgKind::Mmsg, _))));
    let mut left = if counts_messages { u64::MAX } else { result };
    let mut pieces = Vec::new();
    for region in data {
        let moved = region.asked().min(left);
        left = left.saturating_sub(moved);
        if moved == 0 {
            continue;
        }
        let limit = usize::try_from(moved).unwrap_or(usize::MAX);
        let bytes = region.first(limit).map(std::borrow::Cow::into_owned).unwrap_or_default();
        let missing = moved.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        pieces.push(Moved { index: region.index(), bytes, missing });
    }
    pieces
}

struct Passing<'o> {
    way: Option<Way>,
    wanted: Option<BTreeSet<Key>>,
    ordinals: Bounded<Key, u64>,
    each: &'o mut dyn FnMut(&Piece<'_>) -> io::Result<()>,
    failed: Option<io::Error>,
}

impl Looker for Passing<'_> {
    fn is_over(&self) -> bool {
        self.failed.is_some()
    }

    fn item(&mut self, item: &Item<'_>, selected: bool) {
        let Item::Call(call) = item else { return };
        if !selected {
            return;
        }
        moves(call, &mut |file, way, data| {
            let key = Key::of(file);
            if self.way.is_some_and(|wanted| wanted != way)
                || self.wanted.as_ref().is_some_and(|wanted| !wanted.contains(&key))
            {
                return;
            }
            let next = self.ordinals.len().saturating_add(1);
            let ordinal = self.ordinals.entry(&key).map_or(0, |ordinal| {
                if *ordinal == 0 {
                    *ordinal = u64::try_from(next).unwrap_or(u64::MAX);
                }
                *ordinal
            });
            let task = call.task();
            let name = sockets::ends(file).unwrap_or_else(|| visible_bytes(&file.name().path));
            for Moved { bytes, missing, .. } in pieces(call, data) {
                let piece = Piece {
                    event: call.number(),
                    pid: task.tgid(),
                    tid: task.tid(),
                    call: &call.name(),
                    way,
                    stream: ordinal,
                    name: &name,
                    bytes: &bytes,
                    missing,
                };
                if self.failed.is_none() {
                    self.failed = (self.each)(&piece).err();
                }
            }
        });
    }
}
