//! Turns a call into an operation: what was done, to what, with which result.

mod by_kind;

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use foldhash::fast::RandomState;
use sysreel_abi::{ArgKind, CallKind, Dir, Row, intent};

use super::names::{NameId, Names, Sort};
use crate::diff::effect::Op;
use crate::regions::Buffers;
use crate::state::paths::PATH_MAX;
use crate::state::{Finished, Made, OpenFile, ResolvedCall, Tracker};
use crate::text;

/// What a call did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) op: Op,
    /// What it was done to.
    pub(crate) first: NameId,
    /// The second name: the new name of a rename, the mode of a chmod.
    pub(crate) second: NameId,
    /// The error number, or 0.
    pub(crate) errno: u16,
    /// Whether it is an effect. Use of a descriptor that a call opened is not: opening it was.
    pub(crate) effect: bool,
    /// The name that it creates.
    pub(crate) makes: Making,
    /// Whether it opens the file for reading or writing.
    pub(crate) opens: bool,
    /// The path in the call, if the opened file has another one.
    pub(crate) requested: NameId,
}

/// Hashes two words instead of every field, because every call of a log is looked up. Fields that
/// hardly ever distinguish operations are left out.
impl Hash for Operation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let names = u64::from(self.first.0) << 32 | u64::from(self.second.0);
        let how = u64::from(self.errno) << 16 | (self.op as u64) << 8 | u64::from(self.opens);
        state.write_u64(names);
        state.write_u64(u64::from(self.requested.0) << 32 | how);
    }
}

/// The name that a call creates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Making {
    #[default]
    Nothing,
    /// The first name, unless it existed.
    Perhaps,
    /// The first name, which did not exist.
    First,
    /// The second name.
    Second,
}

/// The class of calls that are counted and not compared one by one, because their place and number
/// depend on the scheduler or the allocator, not on the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CountedOnly {
    /// Futexes, yielding, sleeping.
    Sync,
    /// Anonymous memory.
    Memory,
    /// Signal masks, handlers, returns from handlers.
    Signals,
    /// Waiting for events or children.
    Wait,
    /// Clocks and random bytes.
    Clock,
    /// Calls repeated because the first attempt had nothing to do.
    Retry,
    /// Calls of the recorder before the program begins.
    Recorder,
    /// Calls that the table does not know.
    Unknown,
}

impl CountedOnly {
    /// All classes.
    pub const ALL: [Self; 8] = [
        Self::Sync,
        Self::Memory,
        Self::Signals,
        Self::Wait,
        Self::Clock,
        Self::Retry,
        Self::Recorder,
        Self::Unknown,
    ];

    /// Returns the name of the class.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Memory => "memory",
            Self::Signals => "signals",
            Self::Wait => "wait",
            Self::Clock => "clock",
            Self::Retry => "retry",
            Self::Recorder => "recorder",
            Self::Unknown => "unknown",
        }
    }
}

/// The classification of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Classified {
    Operation(Operation),
    CountedOnly(CountedOnly),
    /// A failed attempt that will be repeated.
    Retry(Operation),
    /// A mark with this name.
    Mark(NameId),
}

/// The properties of a row that do not depend on arguments.
#[derive(Clone, Copy, Debug)]
struct RowInfo {
    /// The path arguments that the kernel reads, each with the directory descriptor before it.
    paths: [Option<(u8, Option<u8>)>; 2],
    /// The first descriptor argument.
    fd: Option<u8>,
    /// The name of a plain call, without an operation.
    name: NameId,
    privileged: Option<NameId>,
    counted_only: Option<CountedOnly>,
}

/// The prefix of marks. Looking up a name below a device fails with ENOTDIR, on every system and
/// for every user.
pub const MARK: &[u8] = b"/dev/null/sysreel-mark/";

#[derive(Debug, Default)]
pub(crate) struct Classifier {
    rows: HashMap<usize, RowInfo, RandomState>,
    path: Vec<u8>,
}

/// A call with what is needed to classify it.
pub(crate) struct Case<'a> {
    pub(crate) tracker: &'a Tracker,
    pub(crate) finished: &'a Finished<'a>,
    pub(crate) call: ResolvedCall,
    pub(crate) buffers: &'a dyn Buffers,
}

impl Case<'_> {
    pub(crate) fn errno(&self) -> u16 {
        match self.finished.outcome.failed() {
            true => u16::try_from(self.finished.outcome.rval.wrapping_neg()).unwrap_or(u16::MAX),
            false => 0,
        }
    }

    pub(crate) fn failed(&self) -> bool {
        self.finished.outcome.failed()
    }

    pub(crate) fn file(&self, at: usize) -> Option<Rc<OpenFile>> {
        self.tracker.file(self.finished.task, self.call.fd(at)?)
    }
}

/// Returns the name of a file, which is kept in [`OpenFile::tag`].
pub(crate) fn file_name(file: &OpenFile, names: &mut Names) -> NameId {
    /// The part of the tag that holds the name; other code uses the rest.
    const NAMED: u64 = 0xffff_ffff;
    let known = u32::try_from(file.tag.get() & NAMED).unwrap_or(0);
    if known != 0 && !file.is_socket() {
        return NameId(known);
    }
    let id = match file.made {
        // Descriptors that the first process inherited.
        Made::Before(0) if file.maker.0 == 0 => names.id(Sort::Word, b"<stdin>"),
        Made::Before(1) if file.maker.0 == 0 => names.id(Sort::Word, b"<stdout>"),
        Made::Before(2) if file.maker.0 == 0 => names.id(Sort::Word, b"<stderr>"),
        _ if file.is_socket() => socket(file, names),
        _ if file.link.first() == Some(&b'/') => names.id(Sort::Path, &file.link),
        _ => names.id(Sort::Link, &file.link),
    };
    file.tag.set(file.tag.get() & !NAMED | u64::from(id.0));
    id
}

/// Returns the name of a socket: the address of its peer.
fn socket(file: &OpenFile, names: &mut Names) -> NameId {
    let peer = file.peer.borrow();
    if file.made == Made::Accepted || peer.len() <= 2 {
        return names.id(Sort::Word, b"<socket>");
    }
    address(file, &peer, names)
}

fn address(file: &OpenFile, sockaddr: &[u8], names: &mut Names) -> NameId {
    let mut name = vec![file.socket_type.get()];
    name.extend_from_slice(sockaddr);
    names.id(Sort::Address, &name)
}

impl Classifier {
    pub(crate) fn classify(&mut self, case: &Case<'_>, names: &mut Names) -> Classified {
        let info = self.info(case.call.row, names);
        if let Some(counted_only) = counted_only(case, &info) {
            return Classified::CountedOnly(counted_only);
        }
        let mut path = std::mem::take(&mut self.path);
        let mut id = |at: usize, names: &mut Names| {
            let (arg, dirfd) = info.paths.get(at).copied().flatten()?;
            resolve_path(case, arg, dirfd, &mut path).then(|| names.id(Sort::Path, &path))
        };
        let (first, second) = (id(0, names), id(1, names));
        let may_be_mark = first.is_some() && second.is_none() && case.failed();
        let mark = if may_be_mark {
            path.strip_prefix(MARK).map(|name| names.id(Sort::Word, name))
        } else {
            None
        };
        self.path = path;
        match mark {
            Some(name) => Classified::Mark(name),
            None => {
                let operation = by_kind::operation(case, &info, first, second, names);
                let outcome = case.finished.outcome;
                match intent::is_retried(outcome.rval, outcome.failed()) {
                    true => Classified::Retry(Operation { errno: 0, ..operation }),
                    false => Classified::Operation(operation),
                }
            }
        }
    }

    fn info(&mut self, row: &'static Row, names: &mut Names) -> RowInfo {
        let key = std::ptr::from_ref(row) as usize;
        *self.rows.entry(key).or_insert_with(|| {
            let mut paths = [None; 2];
            let mut found = 0_usize;
            for (at, arg) in (0u8..).zip(row.args) {
                let goes_in = arg.mem.is_some_and(|mem| mem.dir == Dir::In);
                if goes_in && matches!(arg.kind, ArgKind::Path) && found < 2 {
                    let before = at.checked_sub(1);
                    let is_dirfd = |at: &u8| {
                        row.args
                            .get(usize::from(*at))
                            .is_some_and(|arg| matches!(arg.kind, ArgKind::DirFd))
                    };
                    paths[found] = Some((at, before.filter(is_dirfd)));
                    found = found.saturating_add(1);
                }
            }
            let is_fd = |kind: ArgKind| matches!(kind, ArgKind::Fd | ArgKind::DirFd);
            RowInfo {
                paths,
                fd: row
                    .args
                    .iter()
                    .position(|arg| is_fd(arg.kind))
                    .and_then(|at| u8::try_from(at).ok()),
                name: names.id(Sort::Word, row.name.as_bytes()),
                privileged: intent::privileged(row)
                    .map(|word| names.id(Sort::Word, word.as_bytes())),
                counted_only: always_counted_only(row),
            }
        })
    }
}

fn always_counted_only(row: &Row) -> Option<CountedOnly> {
    Some(match row.kind {
        CallKind::Futex | CallKind::Sleep => CountedOnly::Sync,
        _ if intent::yields(row) => CountedOnly::Sync,
        CallKind::Brk
        | CallKind::Madvise
        | CallKind::Munmap
        | CallKind::Mremap
        | CallKind::Mprotect
        | CallKind::Rseq
        | CallKind::ArchState => CountedOnly::Memory,
        CallKind::SigMask | CallKind::SigReturn | CallKind::SigAction | CallKind::Restart => {
            CountedOnly::Signals
        }
        CallKind::Poll | CallKind::Wait => CountedOnly::Wait,
        CallKind::Clock | CallKind::Random => CountedOnly::Clock,
        _ => return None,
    })
}

fn counted_only(case: &Case<'_>, info: &RowInfo) -> Option<CountedOnly> {
    let row = case.call.row;
    if info.counted_only.is_some() {
        return info.counted_only;
    }
    if row.kind == CallKind::Mmap && !intent::maps_file(case.call.abi, row, &case.call.args) {
        return Some(CountedOnly::Memory);
    }
    None
}

/// Writes the path that an argument refers to. Returns false if the path is empty, so that the call
/// is about the descriptor, or is not in the log.
fn resolve_path(case: &Case<'_>, arg: u8, dirfd: Option<u8>, out: &mut Vec<u8>) -> bool {
    let memory = &case.finished.open.memory;
    let Some(region) = memory.find(arg, case.call.role, 0) else { return false };
    let Some(bytes) = region.bytes(case.buffers, PATH_MAX) else { return false };
    let path = text::until_nul(&bytes);
    // AT_EMPTY_PATH: the descriptor itself is resolved.
    if path.is_empty() && dirfd.is_some() {
        return false;
    }
    let dirfd = dirfd.and_then(|at| case.call.args.get(usize::from(at)).copied());
    case.tracker.path(case.finished.task, dirfd, path, out);
    true
}
