//! Whether what a run writes is on the disk before the file gets its name: write, fsync, rename,
//! fsync of the directory. Effects are a set, so a flush of the same file at another time would
//! hide one that is lost.

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::RandomState;
use sysreel_abi::{CallKind, intent};

use super::Actor;
use super::names::{NameId, Names, Sort};
use super::operation::{Case, Operation};
use crate::diff::effect::Op;

/// A file that was written.
#[derive(Clone, Copy, Debug)]
struct File {
    /// The last one that wrote or flushed it.
    actor: Actor,
    event: u64,
    /// Whether there was a flush since it has its name.
    flushed: bool,
    /// Whether something was written since the last flush.
    dirty: bool,
}

/// A written file that was renamed.
#[derive(Clone, Copy, Debug)]
struct Renamed {
    actor: Actor,
    event: u64,
    names: [NameId; 2],
    /// Whether all that was written was on the disk.
    durable: bool,
    /// Whether the new name was flushed afterwards.
    directory_flushed: bool,
}

/// The files of a run that are written, flushed and renamed.
#[derive(Debug, Default)]
pub(super) struct Durability {
    files: BTreeMap<NameId, File>,
    renamed: Vec<Renamed>,
    /// Open file descriptions whose writes are on the disk when they return.
    synchronous: HashSet<u64, RandomState>,
    /// The renames whose directory was not flushed since, by directory.
    pending: HashMap<NameId, Vec<usize>, RandomState>,
}

impl Durability {
    /// Takes over an operation that succeeded.
    pub(super) fn add(
        &mut self,
        case: &Case<'_>,
        actor: Actor,
        operation: &Operation,
        names: &mut Names,
    ) {
        let (event, row) = (case.finished.event, case.call.row);
        match operation.op {
            Op::Write if operation.opens => self.opened(case),
            Op::Write | Op::Truncate => {
                let fd = match row.kind {
                    CallKind::Write => intent::data_fds(row).1,
                    _ => row.arg("fd"),
                };
                let file = fd.and_then(|fd| case.file(fd));
                if file.as_ref().is_some_and(|file| !intent::is_regular(file.mode)) {
                    return;
                }
                let durable = file.is_some_and(|file| self.synchronous.contains(&file.serial));
                let new = File { actor, event, flushed: false, dirty: false };
                let known = self.files.entry(operation.first).or_insert(new);
                (known.actor, known.event) = (actor, event);
                known.dirty |= !durable;
            }
            Op::Sync => match intent::flushes(row) {
                Some(intent::Flush::File) => self.flushed(operation.first, actor, event),
                Some(intent::Flush::All) => {
                    self.files.values_mut().for_each(|file| file.dirty = false);
                    let all: Vec<NameId> = self.pending.keys().copied().collect();
                    all.into_iter().for_each(|directory| self.directory_flushed(directory));
                }
                _ => {}
            },
            Op::Rename => {
                let Some(file) = self.files.remove(&operation.first) else { return };
                self.files.insert(operation.second, File { actor, event, flushed: false, ..file });
                let directory = directory(operation.second, names);
                self.pending.entry(directory).or_default().push(self.renamed.len());
                self.renamed.push(Renamed {
                    actor,
                    event,
                    names: [operation.first, operation.second],
                    durable: !file.dirty,
                    directory_flushed: false,
                });
            }
            Op::Unlink => _ = self.files.remove(&operation.first),
            _ => {}
        }
    }

    fn opened(&mut self, case: &Case<'_>) {
        let call = &case.call;
        let memory = &case.finished.open.memory;
        let structure = |arg| memory.find(arg, call.role, 0).and_then(|region| region.inline());
        let how = intent::opening(call.abi, call.row, &call.args, structure);
        if how.is_some_and(intent::Opening::synchronous)
            && let Ok(fd) = i32::try_from(case.finished.outcome.rval)
            && let Some(file) = case.tracker.file(case.finished.task, fd)
        {
            self.synchronous.insert(file.serial);
        }
    }

    fn flushed(&mut self, name: NameId, actor: Actor, event: u64) {
        if let Some(file) = self.files.get_mut(&name) {
            *file = File { actor, event, flushed: true, dirty: false };
        }
        self.directory_flushed(name);
    }

    fn directory_flushed(&mut self, directory: NameId) {
        for at in self.pending.remove(&directory).unwrap_or_default() {
            if let Some(renamed) = self.renamed.get_mut(at) {
                renamed.directory_flushed = true;
            }
        }
    }

    /// Returns the effects: how each rename of a written file left it, and each file that was
    /// flushed and not renamed afterwards.
    pub(super) fn effects(self, names: &mut Names) -> Vec<(Actor, Operation, u64)> {
        let mut how = |durable, directory| {
            let text = match (durable, directory) {
                (true, true) => "durable,directory",
                (true, false) => "durable",
                (false, true) => "not-durable,directory",
                (false, false) => "not-durable",
            };
            names.id(Sort::Word, text.as_bytes())
        };
        let plain = Operation { op: Op::Durability, effect: true, ..Operation::default() };
        let mut effects = Vec::new();
        for Renamed { actor, event, names, durable, directory_flushed, .. } in self.renamed {
            let [first, second] = names;
            let grants = how(durable, directory_flushed);
            effects.push((actor, Operation { first, second, grants, ..plain }, event));
        }
        for (first, file) in self.files.into_iter().filter(|(_, file)| file.flushed) {
            let grants = how(!file.dirty, false);
            effects.push((file.actor, Operation { first, grants, ..plain }, file.event));
        }
        effects
    }
}

/// Returns the name of the directory that a file is in.
fn directory(name: NameId, names: &mut Names) -> NameId {
    let path = names.raw(name).to_vec();
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    let directory = path.get(..end).filter(|path| !path.is_empty());
    names.id(Sort::Path, directory.unwrap_or(b"/"))
}
