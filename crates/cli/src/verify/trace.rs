//! Reads the syscalls of a log as hashes, to compare them with those of another run.

use foldhash::fast::FixedState;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::ControlFlow;
use sysreel_abi::{AuditArch, CallKind, intent, row};
use sysreel_format::{
    Body, Direction, Event, GoneHow, Item, Part, Region, RegionHead, Role, Stop, TaskId,
};
use sysreel_inspect::syscall_info::{self, What};
use sysreel_inspect::{Error, LogFile};

/// The position of a task in the tree of tasks: for each ancestor and the task itself, the index
/// among the children of its parent. The first task is `[]`. Unlike the ordinal of a task it does
/// not depend on scheduling.
pub(super) type TreePath = Vec<u32>;

/// All tasks of a log.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) tasks: BTreeMap<TreePath, TaskTrace>,
    /// How many syscalls are compared.
    pub(super) calls: u64,
    /// The number of the last event.
    pub(super) last: u64,
}

/// One task.
#[derive(Debug)]
pub(super) struct TaskTrace {
    pub(super) id: TaskId,
    pub(super) calls: Vec<Call>,
    /// The event and the wait status of its exit.
    pub(super) end: Option<(u64, u32)>,
    /// The recorder detached from it.
    pub(super) detached: bool,
    children: u32,
    /// It has executed a program. What the recorder's own child does before its execve is not
    /// compared.
    has_image: bool,
    /// The syscall that it is in.
    kind: Option<CallKind>,
}

/// A syscall: its events, and hashes of what is compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) event: u64,
    /// Hash of the entry's struct and the memory that the syscall reads.
    pub(super) request: u64,
    /// The event of its exit, or 0 if it has none.
    pub(super) exit: u64,
    /// Hash of the result and the memory that the syscall wrote.
    pub(super) result: u64,
}

impl Trace {
    /// Reads a log.
    pub(super) fn read(file: &LogFile) -> Result<Trace, Error> {
        let mut trace = Trace::default();
        let mut paths: BTreeMap<TaskId, TreePath> = BTreeMap::new();
        file.walk(0, |item| {
            // The caller has checked that nothing is missing.
            let Item::Event(event) = item else { return Ok(ControlFlow::Continue(())) };
            trace
                .event(event, &mut paths, file)
                .map_err(|source| Error::Log { path: file.path().to_path_buf(), source })?;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(trace)
    }

    /// Whether the task at `path` may be missing because the recorder detached from an ancestor.
    pub(super) fn may_lack(&self, path: &TreePath) -> bool {
        (0..path.len()).any(|len| self.tasks.get(&path[..len]).is_some_and(|task| task.detached))
    }

    fn event(
        &mut self,
        event: &Event<'_>,
        paths: &mut BTreeMap<TaskId, TreePath>,
        file: &LogFile,
    ) -> Result<(), sysreel_format::Error> {
        self.last = event.number;
        match event.decode()? {
            Body::Task(task) => {
                let mut path = paths.get(&task.head.parent).cloned().unwrap_or_default();
                let parent =
                    self.tasks.get_mut(&path).filter(|_| paths.contains_key(&task.head.parent));
                let has_image = parent.as_ref().is_some_and(|parent| parent.has_image);
                if let Some(parent) = parent {
                    path.push(parent.children);
                    parent.children += 1;
                }
                paths.insert(event.task, path.clone());
                let task = TaskTrace {
                    id: event.task,
                    calls: Vec::new(),
                    end: None,
                    detached: false,
                    children: 0,
                    has_image,
                    kind: None,
                };
                self.tasks.insert(path, task);
            }
            Body::Gone(gone) if gone.how == GoneHow::REAPED => {
                if let Some(task) = paths.get(&event.task).and_then(|path| self.tasks.get_mut(path))
                {
                    task.end = Some((event.number, gone.wait_status));
                }
            }
            Body::Gone(gone) if gone.how == GoneHow::DETACHED => {
                if let Some(task) = paths.get(&event.task).and_then(|path| self.tasks.get_mut(path))
                {
                    task.detached = true;
                }
            }
            Body::Stop(stop) => {
                let Some(task) = paths.get(&event.task).and_then(|path| self.tasks.get_mut(path))
                else {
                    return Ok(());
                };
                self.calls += u64::from(task.stop(event, &stop, file)?);
            }
            _ => {}
        }
        Ok(())
    }
}

impl TaskTrace {
    /// Adds a stop of the task. Returns whether it is the entry of a syscall that is compared.
    fn stop(
        &mut self,
        event: &Event<'_>,
        stop: &Stop<'_>,
        file: &LogFile,
    ) -> Result<bool, sysreel_format::Error> {
        let info = syscall_info::decode(stop.layout, stop.info);
        match info.what {
            What::Entry(call) => {
                self.kind = row(AuditArch(info.arch.unwrap_or(0)), call.nr).map(|row| row.kind);
                if !self.has_image {
                    return Ok(false);
                }
                let request = hash(&compared_entry(stop), stop, Direction::IN, file)?;
                self.calls.push(Call { event: event.number, request, exit: 0, result: 0 });
                Ok(true)
            }
            What::Exit(outcome) => {
                let begins = self.kind.take() == Some(CallKind::Exec) && !outcome.failed();
                if let Some(call) = self.calls.last_mut().filter(|call| call.exit == 0) {
                    call.exit = event.number;
                    call.result = hash(stop.info, stop, Direction::OUT, file)?;
                }
                self.has_image |= begins;
                Ok(false)
            }
            _ => Ok(false),
        }
    }
}

/// Returns the struct of an entry with the registers zeroed that the syscall does not take. They
/// hold leftovers of earlier computation, for example of the time-stamp counter: equal in a replay,
/// but different in another run.
pub(super) fn compared_entry(stop: &Stop<'_>) -> Vec<u8> {
    let mut bytes = stop.info.to_vec();
    let info = syscall_info::decode(stop.layout, stop.info);
    if let What::Entry(call) = info.what
        && let Some(row) = row(AuditArch(info.arch.unwrap_or(0)), call.nr)
    {
        let from = syscall_info::MERGED.args + size_of::<u64>() * row.args.len();
        let to = syscall_info::MERGED.args + size_of_val(&call.args);
        bytes[from..to].fill(0);
    }
    bytes
}

/// Hashes the struct of a stop and the memory captured in one direction.
fn hash(
    info: &[u8],
    stop: &Stop<'_>,
    dir: Direction,
    file: &LogFile,
) -> Result<u64, sysreel_format::Error> {
    let mut hasher = FixedState::default().build_hasher();
    info.hash(&mut hasher);
    for part in stop.parts {
        if let Part::Region(region) = part? {
            let RegionHead { arg, role, index, address, got, .. } = region.head;
            if region.head.dir == dir && arg != RegionHead::NO_ARGUMENT {
                (arg, role.0, index, address, got).hash(&mut hasher);
                let bytes = file.log().region_bytes(&region)?;
                bytes[..read_len(stop, &region, &bytes)].hash(&mut hasher);
            }
        }
    }
    Ok(hasher.finish())
}

/// Returns how many bytes of a region the syscall reads.
pub(super) fn read_len(stop: &Stop<'_>, region: &Region<'_>, bytes: &[u8]) -> usize {
    let info = syscall_info::decode(stop.layout, stop.info);
    let What::Entry(call) = info.what else { return bytes.len() };
    let row = row(AuditArch(info.arch.unwrap_or(0)), call.nr);
    match row.and_then(|row| row.args.get(usize::from(region.head.arg))) {
        Some(arg) if region.head.role == Role::DIRECT => intent::significant_len(arg.kind, bytes),
        _ => bytes.len(),
    }
}
