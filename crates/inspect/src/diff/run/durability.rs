//! Whether what a run writes is on the disk before the file gets its name: write, fsync, rename,
//! fsync of the directory. Effects are a set, so a flush of the same file at another time would
//! hide one that is lost.

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::RandomState;
use sysreel_abi::{CallKind, intent};

use super::names::{NameId, Names, Sort};
use super::operation::{Case, Operation};
use super::{Actor, Derived};
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
    /// Files that were there before and are written through, with the first that opens them so.
    written_through: BTreeMap<(Actor, NameId), u64>,
    /// The permissions with which this run creates files, or changes them.
    modes: HashMap<NameId, u32, RandomState>,
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
            Op::Write if operation.opens => {
                if let Some(mode) = mode(operation.grants, names) {
                    self.modes.insert(operation.first, mode);
                }
                self.opened(case, actor, operation);
            }
            Op::Chmod => {
                if let Some(mode) = mode(operation.second, names) {
                    self.modes.insert(operation.first, mode);
                }
            }
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
            // msync flushes what it names, as fsync does.
            Op::Sync => match intent::flushes(row).or(Some(intent::Flush::File)) {
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

    /// Returns a change of permissions that takes rights from others as one that comes after the
    /// first write, if it does: until then others could read what was written.
    pub(super) fn chmod(&self, operation: Operation, names: &mut Names) -> Operation {
        if operation.op != Op::Chmod || operation.errno != 0 {
            return operation;
        }
        let old = self.modes.get(&operation.first).copied().unwrap_or(0);
        let new = mode(operation.second, names).unwrap_or(old);
        let takes = old & !new & 0o044 != 0;
        if !takes || !self.files.contains_key(&operation.first) {
            return operation;
        }
        let asked = [names.raw(operation.second), b",after-write"].concat();
        Operation { second: names.id(Sort::Word, &asked), ..operation }
    }

    fn opened(&mut self, case: &Case<'_>, actor: Actor, operation: &Operation) {
        let call = &case.call;
        let memory = &case.finished.open.memory;
        let structure = |arg| memory.find(arg, call.role, 0).and_then(|region| region.inline());
        let how = intent::opening(call.abi, call.row, &call.args, structure);
        if how.is_some_and(intent::Opening::synchronous)
            && let Ok(fd) = i32::try_from(case.finished.outcome.rval)
            && let Some(file) = case.tracker.file(case.finished.task, fd)
        {
            self.synchronous.insert(file.serial);
            // Of a new file it is one of the flags of its creation.
            if !how.is_some_and(intent::Opening::creates) && intent::is_regular(file.mode) {
                let event = case.finished.event;
                self.written_through.entry((actor, operation.first)).or_insert(event);
            }
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
    pub(super) fn effects(self, names: &mut Names) -> Vec<Derived> {
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
        for ((actor, first), event) in self.written_through {
            effects.push((actor, Operation { op: Op::Sync, first, ..plain }, event));
        }
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

/// Returns the permissions at the beginning of what a call asks for: `0600,O_EXCL`.
fn mode(asked: NameId, names: &Names) -> Option<u32> {
    let text = std::str::from_utf8(names.raw(asked)).ok()?;
    u32::from_str_radix(text.split(',').next()?, 8).ok()
}

/// Returns the name of the directory that a file is in.
fn directory(name: NameId, names: &mut Names) -> NameId {
    let path = names.raw(name).to_vec();
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    let directory = path.get(..end).filter(|path| !path.is_empty());
    names.id(Sort::Path, directory.unwrap_or(b"/"))
}
