//! Processes that create tasks while they are being attached to.
//!
//! Whether a child is traced is decided when its clone(2) begins (kernel/fork.c, `kernel_clone`),
//! but the child appears in /proc only when that call is nearly over. A task seized in between has
//! an untraced child that no list shows yet. So /proc is read again when every thread of a process
//! has made its first stop, by which time such calls are over.

use super::context::Context;
use super::hook::StopHook;
use super::lifecycle::add_attached_task;
use std::collections::{HashMap, HashSet};
use sysreel_sys::process::Status;
use sysreel_sys::{Tid, attach};

/// Processes whose threads have not all made their first stop, each with the children that it had
/// before the attach and that are not to be recorded.
#[derive(Debug, Default)]
pub(crate) struct Attaching {
    left_alone: HashMap<Tid, HashSet<Tid>>,
    /// Whether children older than the attach are recorded too.
    tree: bool,
}

impl Attaching {
    pub(crate) fn new(tree: bool) -> Attaching {
        Attaching { left_alone: HashMap::new(), tree }
    }

    /// Notes the children of a process that is about to be attached to.
    pub(crate) fn begin(&mut self, tgid: Tid) {
        let children =
            if self.tree { HashSet::new() } else { attach::children(tgid).into_iter().collect() };
        self.left_alone.insert(tgid, children);
    }

    /// Handles the first stop of a thread of an attached process. `is_known` are tasks that the
    /// recorder knows besides the recorded ones.
    pub(crate) fn first_stop(
        &mut self,
        cx: &mut Context,
        hooks: &mut impl StopHook,
        tgid: Tid,
        is_known: impl Fn(Tid) -> bool,
    ) {
        let is_left = cx.tasks.iter().any(|(_, task)| task.tgid == tgid && !task.captured);
        if is_left || cx.is_ending || !self.left_alone.contains_key(&tgid) {
            return;
        }
        let is_new = |cx: &Context, tid: Tid| !is_known(tid) && is_untraced(cx, tid);
        let mut threads = attach::threads(tgid).unwrap_or_default();
        threads.retain(|&tid| is_new(cx, tid));
        for &tid in &threads {
            attach_late(cx, hooks, tid);
        }
        let left_alone = self.left_alone.remove(&tgid).unwrap_or_default();
        for child in attach::children(tgid) {
            if !left_alone.contains(&child) && is_new(cx, child) {
                self.begin(child);
                for tid in cx.tracer.attach(child).unwrap_or_default() {
                    add_attached_task(cx, hooks, tid);
                }
            }
        }
        if !threads.is_empty() {
            // These may be creating tasks as well.
            self.left_alone.insert(tgid, left_alone);
        }
    }
}

/// Returns tasks in an order in which a process comes after its parent, so that the log can name
/// the parent.
pub(crate) fn parents_first(tasks: &[Tid]) -> Vec<Tid> {
    let read = |&tid: &Tid| (tid, Status::read(tid).unwrap_or_default());
    let mut left: Vec<(Tid, Status)> = tasks.iter().map(read).collect();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let processes: HashSet<Tid> = left.iter().map(|(_, status)| status.tgid).collect();
        let waits =
            |status: &Status| status.parent != status.tgid && processes.contains(&status.parent);
        let (later, mut now): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|(_, status)| waits(status));
        left = later;
        if now.is_empty() {
            // Ids that were reused meanwhile.
            now = std::mem::take(&mut left);
        }
        ordered.extend(now.into_iter().map(|(tid, _)| tid));
    }
    ordered
}

/// Whether the task is alive, has no tracer, and is not recorded.
pub(crate) fn is_untraced(cx: &Context, tid: Tid) -> bool {
    cx.tasks.get(tid).is_none()
        && Status::read(tid)
            .is_ok_and(|status| status.tracer == 0 && !matches!(status.state, b'Z' | b'X'))
}

/// Attaches to a thread after the others of its process.
pub(crate) fn attach_late(cx: &mut Context, hooks: &mut impl StopHook, tid: Tid) {
    // A thread that has ended needs no tracer.
    if cx.tracer.seize(tid).is_ok() {
        add_attached_task(cx, hooks, tid);
    }
}
