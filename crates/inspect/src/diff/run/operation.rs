//! What one call did, in the terms of a comparison: an operation, what it was done to, and how that
//! ended.

mod by_kind;

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use foldhash::fast::RandomState;
use sysreel_abi::{ArgKind, CallKind, Dir, Row, intent};

use super::names::{NameId, Names, Sort};
use crate::diff::effect::Op;
use crate::regions::Buffers;
use crate::state::processes::PATH_MAX;
use crate::state::{Finished, Made, OpenFile, ResolvedCall, Tracker};
use crate::text;

/// What a call did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) op: Op,
    /// To what.
    pub(crate) first: NameId,
    /// And to what else: the new name of a rename.
    pub(crate) second: NameId,
    /// 0, or the error number.
    pub(crate) errno: u16,
    /// Whether others may notice: what happens to a descriptor that a call opened was told then.
    pub(crate) effect: bool,
    /// Which name it makes, if it does.
    pub(crate) makes: Making,
    /// It opens what is then read or written.
    pub(crate) opens: bool,
    /// The path that was asked for, where what was opened has another one.
    pub(crate) asked: NameId,
}

/// In two words instead of one for each field: every call of a log is looked up. What tells apart
/// no operations in practice is left out.
impl Hash for Operation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let names = u64::from(self.first.0) << 32 | u64::from(self.second.0);
        let how = u64::from(self.errno) << 16 | (self.op as u64) << 8 | u64::from(self.opens);
        state.write_u64(names);
        state.write_u64(u64::from(self.asked.0) << 32 | how);
    }
}

/// Which name a call makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Making {
    #[default]
    Nothing,
    /// The first one, or it was there.
    Perhaps,
    /// The first one, which was not there.
    First,
    /// The second one.
    Second,
}

/// Calls that are not compared one by one, by the reason: where and how often they come depends on
/// the scheduler or the allocator, not on the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CountedOnly {
    /// Futexes, yielding, sleeping.
    Sync,
    /// Anonymous memory: where and how much.
    Memory,
    /// Signal masks, handlers' returns.
    Signals,
    /// Waiting for events or children.
    Wait,
    /// Clocks and random bytes.
    Clock,
    /// An operation that had nothing to do yet and was made again.
    Retry,
    /// What the recorder does before the program begins.
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

    /// Its name.
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

/// What is made of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    Operation(Operation),
    CountedOnly(CountedOnly),
    /// It was tried in vain, and will be tried again.
    Retry(Operation),
    /// A mark of that name.
    Mark(NameId),
}

/// What is known of a row without its arguments.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// Paths that go in, each with the position of the directory descriptor before it.
    paths: [Option<(u8, Option<u8>)>; 2],
    /// The first descriptor among the arguments.
    fd: Option<u8>,
    /// What it is called where it has no operation of its own.
    name: NameId,
    privileged: Option<NameId>,
    counted_only: Option<CountedOnly>,
}

/// Where a mark is: opening a name behind a device fails with `ENOTDIR`, everywhere and for
/// everybody.
pub const MARK: &[u8] = b"/dev/null/sysreel-mark/";

/// Tells what calls do.
#[derive(Debug, Default)]
pub(crate) struct Classifier {
    shapes: HashMap<usize, Shape, RandomState>,
    path: Vec<u8>,
}

/// What the judge needs to know of a call.
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

/// For [`OpenFile::tag`]: its name, once it has one.
pub(crate) fn name_of(file: &OpenFile, names: &mut Names) -> NameId {
    /// Behind it the tag has uses of others.
    const NAMED: u64 = 0xffff_ffff;
    let known = u32::try_from(file.tag.get() & NAMED).unwrap_or(0);
    if known != 0 && !file.is_socket() {
        return NameId(known);
    }
    let id = match file.made {
        // Inherited at the very beginning.
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

/// A socket is called after its peer.
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
    /// What a call did; `None` for a call that the table does not know.
    pub(crate) fn judge(&mut self, case: &Case<'_>, names: &mut Names) -> Verdict {
        let shape = self.shape(case.call.row, names);
        if let Some(counted_only) = counted_only(case, &shape) {
            return Verdict::CountedOnly(counted_only);
        }
        let mut path = std::mem::take(&mut self.path);
        let mut id = |at: usize, names: &mut Names| {
            let (arg, dirfd) = shape.paths.get(at).copied().flatten()?;
            named(case, arg, dirfd, &mut path).then(|| names.id(Sort::Path, &path))
        };
        let (first, second) = (id(0, names), id(1, names));
        let marks = first.is_some() && second.is_none() && case.failed();
        let mark = if marks {
            path.strip_prefix(MARK).map(|name| names.id(Sort::Word, name))
        } else {
            None
        };
        self.path = path;
        match mark {
            Some(name) => Verdict::Mark(name),
            None => {
                let operation = by_kind::operation(case, &shape, first, second, names);
                let outcome = case.finished.outcome;
                match intent::is_retried(outcome.rval, outcome.failed()) {
                    true => Verdict::Retry(Operation { errno: 0, ..operation }),
                    false => Verdict::Operation(operation),
                }
            }
        }
    }

    fn shape(&mut self, row: &'static Row, names: &mut Names) -> Shape {
        let key = std::ptr::from_ref(row) as usize;
        *self.shapes.entry(key).or_insert_with(|| {
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
            Shape {
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

fn counted_only(case: &Case<'_>, shape: &Shape) -> Option<CountedOnly> {
    let row = case.call.row;
    if shape.counted_only.is_some() {
        return shape.counted_only;
    }
    if row.kind == CallKind::Mmap && !intent::maps_file(case.call.abi, row, &case.call.args) {
        return Some(CountedOnly::Memory);
    }
    None
}

/// Writes the path that an argument means. False when it names nothing itself but the descriptor
/// before it, or is not known.
fn named(case: &Case<'_>, arg: u8, dirfd: Option<u8>, out: &mut Vec<u8>) -> bool {
    let memory = &case.finished.open.memory;
    let Some(piece) = memory.find(arg, case.call.role, 0) else { return false };
    let Some(bytes) = piece.bytes(case.buffers, PATH_MAX) else { return false };
    let path = text::until_nul(&bytes);
    // AT_EMPTY_PATH: the descriptor itself is resolved.
    if path.is_empty() && dirfd.is_some() {
        return false;
    }
    let dirfd = dirfd.and_then(|at| case.call.args.get(usize::from(at)).copied());
    case.tracker.path(case.finished.task, dirfd, path, out);
    true
}
