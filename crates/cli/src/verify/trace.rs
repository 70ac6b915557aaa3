//! Reads the syscalls of a log as hashes, to compare them with those of another run.

use foldhash::fast::FixedState;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::ControlFlow;
use sysreel_abi::{AuditArch, CallKind, intent, row};
use sysreel_format::{Direction, Part, Region, RegionHead, Role, Stop, TaskId};
use sysreel_inspect::calls::{End, Ended, Item};
use sysreel_inspect::syscall_info::{self, What};
use sysreel_inspect::{Error, Follow, LogFile};

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
        // The caller has checked that nothing is missing.
        file.calls(Follow::default()).with_entries().for_each(|item| {
            trace.last = item.event().map_or(trace.last, |event| event.number);
            trace.item(&item, &mut paths, file)?;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(trace)
    }

    /// Whether the task at `path` may be missing because the recorder detached from an ancestor.
    pub(super) fn may_lack(&self, path: &TreePath) -> bool {
        (0..path.len()).any(|len| self.tasks.get(&path[..len]).is_some_and(|task| task.detached))
    }

    fn item(
        &mut self,
        item: &Item<'_>,
        paths: &mut BTreeMap<TaskId, TreePath>,
        file: &LogFile,
    ) -> Result<(), Error> {
        match item {
            Item::TaskStart(at) => self.task_start(at.event.task, at.what.parent, paths),
            Item::TaskEnd(at) => {
                if let Some(task) = self.task(at.event.task, paths) {
                    match at.end() {
                        End::Exited(_) | End::Killed { .. } => {
                            task.end = Some((at.number(), at.what.wait_status));
                        }
                        End::Detached => task.detached = true,
                        _ => {}
                    }
                }
            }
            Item::Entered(call) => {
                if let Some(task) = self.task(call.task().id(), paths)
                    && task.has_image
                    && let Some(stop) = call.stop()
                {
                    let request = hash(&compared_entry(&stop), &stop, Direction::IN, file)?;
                    task.calls.push(Call { event: call.number(), request, exit: 0, result: 0 });
                    self.calls += 1;
                }
            }
            Item::Call(call) => {
                if let Some(task) = self.task(call.task().id(), paths)
                    && let (Some(exit), Some(stop)) = (call.exit_number(), call.stop())
                {
                    // What the recorder's own child did is not among them.
                    let own = task.calls.last_mut().filter(|own| own.event == call.number());
                    if let Some(own) = own {
                        own.exit = exit;
                        own.result = hash(stop.info, &stop, Direction::OUT, file)?;
                    }
                    let is_exec = call.row().is_some_and(|row| row.kind == CallKind::Exec);
                    task.has_image |= is_exec && matches!(call.ended(), Ended::Returned(_));
                }
            }
            Item::Damage(damage) => {
                let (number, why) = (damage.event.number, damage.error.to_string());
                return Err(Error::Damaged { path: file.path().to_path_buf(), number, why });
            }
            _ => {}
        }
        Ok(())
    }

    fn task(&mut self, id: TaskId, paths: &BTreeMap<TaskId, TreePath>) -> Option<&mut TaskTrace> {
        self.tasks.get_mut(paths.get(&id)?)
    }

    fn task_start(
        &mut self,
        id: TaskId,
        parent_id: TaskId,
        paths: &mut BTreeMap<TaskId, TreePath>,
    ) {
        let mut path = paths.get(&parent_id).cloned().unwrap_or_default();
        let parent = self.tasks.get_mut(&path).filter(|_| paths.contains_key(&parent_id));
        let has_image = parent.as_ref().is_some_and(|parent| parent.has_image);
        if let Some(parent) = parent {
            path.push(parent.children);
            parent.children += 1;
        }
        paths.insert(id, path.clone());
        let (calls, end, detached, children) = (Vec::new(), None, false, 0);
        self.tasks.insert(path, TaskTrace { id, calls, end, detached, children, has_image });
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
fn hash(info: &[u8], stop: &Stop<'_>, dir: Direction, file: &LogFile) -> Result<u64, Error> {
    let wrong = |source| Error::Log { path: file.path().to_path_buf(), source };
    let mut hasher = FixedState::default().build_hasher();
    info.hash(&mut hasher);
    for part in stop.parts {
        if let Part::Region(region) = part.map_err(wrong)? {
            let RegionHead { arg, role, index, address, got, .. } = region.head;
            if region.head.dir == dir && arg != RegionHead::NO_ARGUMENT {
                (arg, role.0, index, address, got).hash(&mut hasher);
                let bytes = file.log().region_bytes(&region).map_err(wrong)?;
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
