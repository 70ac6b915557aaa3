//! Groups of tasks that take turns.
//!
//! The order of instructions matters only among tasks that can see what the others write to memory:
//! those with a common address space, with a common object that is mapped MAP_SHARED, and those
//! that change a file that another has mapped, in whichever way. Tasks of different groups run
//! side by side:
//! they exchange data only through calls, whose results are in the log.
//!
//! A group only grows: what is unmapped is not followed. It ends with its tasks, or when they
//! execute another program.

use super::changes::change_at_entry;
use super::findings;
use crate::engine::{Birth, Call, CallTurn, Context, Exit, Flow, Slot, StopHook, TurnGroup};
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use sysreel_abi::replay::{self, AddressSpaceOp};
use sysreel_sys::Stop;

/// Something that several address spaces can map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    /// A file, by device and inode.
    File(u64, u64),
    /// System V shared memory. All segments count as one object.
    Segments,
}

/// What the tasks of a group may share with others.
#[derive(Debug, Clone, Default)]
struct Shared {
    /// Whether a new process shares memory with its maker, not only a copy of it.
    outlives_fork: bool,
    /// Objects that they have mapped and cannot write to through the mapping.
    read: Vec<Object>,
    /// Objects that they have mapped and may write to, and files that they write to with calls
    /// while others have them mapped.
    written: Vec<Object>,
}

/// Finds the groups of tasks, and keeps the field `group` of each task of the engine.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    shared: BTreeMap<TurnGroup, Shared>,
    last: u64,
}

impl Groups {
    /// Puts a task into a new group.
    fn begin(&mut self, cx: &mut Context, slot: Slot, shared: Shared) {
        self.last += 1;
        let group = TurnGroup(self.last);
        self.shared.insert(group, shared);
        set_group(cx, slot, group);
    }

    /// The task is about to map an object, or to write to a file.
    fn touch(&mut self, cx: &mut Context, object: Object, writes: bool) {
        let Some(own) = cx.task().map(|task| task.group) else { return };
        let meets = |shared: &Shared| {
            shared.written.contains(&object) || writes && shared.read.contains(&object)
        };
        let others: Vec<TurnGroup> = self
            .shared
            .iter()
            .filter(|&(&group, shared)| group != own && meets(shared))
            .map(|(&group, _)| group)
            .collect();
        others.into_iter().for_each(|other| self.merge(cx, own, other));
        let shared = self.shared.entry(own).or_default();
        let list = if writes { &mut shared.written } else { &mut shared.read };
        if !list.contains(&object) {
            list.push(object);
        }
    }

    /// Whether anyone has mapped the object.
    fn is_mapped(&self, object: Object) -> bool {
        let has =
            |shared: &Shared| shared.read.contains(&object) || shared.written.contains(&object);
        self.shared.values().any(has)
    }

    fn merge(&mut self, cx: &mut Context, into: TurnGroup, from: TurnGroup) {
        let Some(Shared { outlives_fork, read, written }) = self.shared.remove(&from) else {
            return;
        };
        let shared = self.shared.entry(into).or_default();
        shared.outlives_fork |= outlives_fork;
        shared.read.extend(read);
        shared.written.extend(written);
        for task in cx.tasks.iter_mut().filter(|task| task.group == from) {
            task.group = into;
        }
    }

    /// The task is about to map a file so that others can see its writes.
    fn maps_file(&mut self, cx: &mut Context, fd: i32) {
        let path = format!("/proc/{}/fd/{fd}", cx.at.tid);
        let Ok(data) = fs::metadata(&path) else { return };
        if data.file_type().is_char_device() {
            return self.shares_with_children(cx);
        }
        // The owner may write to the link if the descriptor can be written to (proc(5)).
        let writes = fs::symlink_metadata(&path).map_or(true, |link| link.mode() & 0o200 != 0);
        if writes {
            self.shares_with_children(cx);
        }
        self.touch(cx, file_object(&data), writes);
    }

    /// The task is about to map a file privately: it sees what others write until it writes itself.
    fn maps_copy(&mut self, cx: &mut Context, fd: i32) {
        let path = PathBuf::from(format!("/proc/{}/fd/{fd}", cx.at.tid));
        if let Some(object) = regular_file(&path) {
            self.touch(cx, object, false);
        }
    }

    fn shares_with_children(&mut self, cx: &Context) {
        if let Some(task) = cx.task() {
            self.shared.entry(task.group).or_default().outlives_fork = true;
        }
    }

    /// The task is about to write to a descriptor.
    fn writes_to(&mut self, cx: &mut Context, path: &Path) {
        if self.shared.values().all(|shared| shared.read.is_empty() && shared.written.is_empty()) {
            return;
        }
        let Some(object) = regular_file(path).filter(|&object| self.is_mapped(object)) else {
            return;
        };
        self.touch(cx, object, true);
        // A write to a file does not block. What it changes must not be seen before its exit, which
        // has the file as it is then.
        if let Some(task) = cx.tasks.at_mut(cx.at.slot).filter(|task| task.turn == CallTurn::Shared)
        {
            task.turn = CallTurn::Kept;
        }
    }
}

impl StopHook for Groups {
    fn entry(&mut self, cx: &mut Context, _stop: &mut Stop) -> Flow {
        let Some(&Call { abi, row, args, .. }) = cx.call() else { return Flow::Stays };
        let structure = cx.capture.captured(0, 0, 0);
        let op = replay::address_space_op(abi, row, &args, structure);
        let fd = replay::mapped_fd(abi, row, &args, structure);
        match op {
            Some(AddressSpaceOp::Map { shared: true, anonymous: false, .. }) => {
                self.maps_file(cx, fd.unwrap_or(-1));
            }
            Some(AddressSpaceOp::Map { shared: false, anonymous: false, .. }) => {
                self.maps_copy(cx, fd.unwrap_or(-1));
            }
            Some(AddressSpaceOp::Attach { .. }) => {
                self.shares_with_children(cx);
                self.touch(cx, Object::Segments, true);
            }
            Some(AddressSpaceOp::Map { shared: true, .. } | AddressSpaceOp::Unknown) => {
                self.shares_with_children(cx);
            }
            _ => {}
        }
        if let Some((_, path)) = cx.call().and_then(|call| change_at_entry(cx, call)) {
            self.writes_to(cx, &path);
        }
        Flow::Stays
    }

    fn exit(&mut self, cx: &mut Context, _stop: &mut Stop, exit: &Exit) -> Flow {
        let clone = exit.call.filter(|_| !exit.is_error).and_then(|call| call.clone);
        if let Some(flags) = clone.filter(|flags| flags.untraced())
            && let Some(task) = cx.task()
        {
            let what = "a task was made with CLONE_UNTRACED, which the recorder cannot follow, and";
            if flags.memory() {
                findings::not_replayable(&mut cx.log, cx.at.id, format!("{what} shares memory"));
            } else if self.shared.get(&task.group).is_some_and(|shared| shared.outlives_fork) {
                findings::may_differ(&mut cx.log, cx.at.id, format!("{what} has shared mappings"));
            }
        }
        Flow::Stays
    }

    fn new_image(&mut self, cx: &mut Context, task: Slot) {
        self.begin(cx, task, Shared::default());
        self.drop_empty(cx);
    }

    fn task_begins(&mut self, cx: &mut Context, task: Slot, birth: Birth) {
        let group = |by: Slot| cx.tasks.at(by).map(|task| task.group);
        match birth {
            Birth::Made { by, shares_memory, .. } => match group(by) {
                Some(group) if shares_memory => set_group(cx, task, group),
                Some(group) => {
                    let shared = self.shared.get(&group).cloned().unwrap_or_default();
                    match shared.outlives_fork {
                        true => set_group(cx, task, group),
                        false => self.begin(cx, task, shared),
                    }
                }
                None => self.begin(cx, task, Shared::default()),
            },
            // Whether it shares memory with its maker is not known.
            Birth::Adopted { by: Some(by) } => {
                if let Some(group) = group(by) {
                    set_group(cx, task, group);
                }
            }
            Birth::Adopted { by: None } | Birth::Spawned | Birth::Attached => {
                self.begin(cx, task, Shared::default());
            }
        }
        self.drop_empty(cx);
    }
}

impl Groups {
    /// Forgets groups without tasks.
    fn drop_empty(&mut self, cx: &Context) {
        if self.shared.len() > 2 * cx.tasks.len() {
            self.shared.retain(|group, _| cx.tasks.iter().any(|(_, task)| task.group == *group));
        }
    }
}

fn set_group(cx: &mut Context, slot: Slot, group: TurnGroup) {
    if let Some(task) = cx.tasks.at_mut(slot) {
        task.group = group;
    }
}

fn file_object(data: &Metadata) -> Object {
    Object::File(data.dev(), data.ino())
}

fn regular_file(path: &Path) -> Option<Object> {
    let data = fs::metadata(path).ok()?;
    data.is_file().then(|| file_object(&data))
}
