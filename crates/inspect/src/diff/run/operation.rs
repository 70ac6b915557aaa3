//! Turns a call into an operation: what was done, to what, with which result.

mod asked;
mod by_kind;
mod case;
mod classified;
mod ipc;
mod network;
mod reached;

use std::collections::HashMap;

use foldhash::fast::RandomState;
use sysreel_abi::places::PathArg;
use sysreel_abi::{ArgKind, CallKind, Dir, Row, intent};
use sysreel_format::Part;

pub use classified::CountedOnly;

pub(crate) use asked::{is_leftover, is_value, lock_change};
pub(crate) use case::{Case, file_name};
pub(crate) use classified::{Classified, Making, Operation};

use self::case::RowInfo;
use super::names::{NameId, Names, Sort};
use crate::calls::Returned;
use crate::diff::effect::Op;
use crate::state::paths::PATH_MAX;
use crate::text;

/// The prefix of marks. Looking up a name below a device fails with ENOTDIR, on every system and
/// for every user.
pub const MARK: &[u8] = b"/dev/null/sysreel-mark/";

#[derive(Debug, Default)]
pub(crate) struct Classifier {
    rows: HashMap<usize, RowInfo, RandomState>,
    path: Vec<u8>,
    returned: ipc::Returned,
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
        let requested = requested_path(case, &info, first, names);
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
                let mut operation = match self.returned.operation(case, names) {
                    Some(operation) => operation,
                    None => by_kind::operation(case, &info, first, second, names),
                };
                if operation.op == Op::Write && case.call.row.kind == CallKind::Mmap {
                    self.returned.add(case, operation.first);
                }
                operation.flags = reached::flags(case, names);
                if let Some(requested) = requested {
                    operation.requested = requested;
                }
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
        CallKind::Clock if intent::sets_clock(row) => return None,
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

/// Returns the first path of a call by its text alone, if it leads elsewhere through symbolic
/// links.
fn requested_path(
    case: &Case<'_>,
    info: &RowInfo,
    leads: Option<NameId>,
    names: &mut Names,
) -> Option<NameId> {
    let mut parts = case.finished.parts.flatten();
    let (arg, dirfd) = info.paths[0].filter(|_| leads.is_some())?;
    parts.find(|part| matches!(part, Part::Path(found) if found.arg == arg))?;
    let bytes =
        case.finished.open.memory.find(arg, case.call.role, 0)?.bytes(case.buffers, PATH_MAX)?;
    let dirfd = dirfd.and_then(|at| case.call.args.get(usize::from(at)).copied());
    let mut path = Vec::new();
    let with = (dirfd, text::until_nul(&bytes));
    let Returned { task, open, .. } = *case.finished;
    case.tracker.path_of_argument(task, open, with, false, &mut path);
    Some(names.id(Sort::Path, &path)).filter(|requested| Some(*requested) != leads)
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
    let (task, arg) = (case.finished.task, PathArg { path: arg, dirfd });
    let call = (&case.call, case.finished.open);
    case.tracker.path_of_call(task, call, arg, (path, case.finished.parts), out);
    true
}
