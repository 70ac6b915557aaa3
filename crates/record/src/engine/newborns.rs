//! Tasks that report before their makers have reported them.
//!
//! The maker of a task is the task whose fork, vfork or clone call created it. With CLONE_PARENT or
//! CLONE_THREAD it is not the parent.
//!
//! A new task and its maker run concurrently, so the child's first stop, or even its end, can be
//! reported before the maker's PTRACE_EVENT_FORK, _VFORK or _CLONE. The child is parked until then.
//!
//! A maker that is killed between making the child and its event stop never reports that event
//! (kernel/fork.c, `kernel_clone`; kernel/signal.c, `ptrace_stop`). While the child stays parked,
//! neither an execve nor the end of its process can complete, because both wait for all other
//! threads. So a parked child is adopted as soon as no task is left that could still report it.

use super::context::Context;
use super::due::Arrival;
use super::hook::{Birth, StopHook};
use super::lifecycle::{NewTask, add_task};
use super::task::{Slot, Task};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use sysreel_abi::CallKind;
use sysreel_format::{NoteCode, Origin, Severity, TaskId};
use sysreel_sys::{Event, Tid, clock, init, process};

/// For this long after a child was parked, any task that is making one may be its maker. Only later
/// /proc is asked for the child's parent.
const ASSUME_RELATED: Duration = Duration::from_millis(50);

/// A task that no maker has reported yet.
#[derive(Debug)]
struct Newborn {
    /// Stops that it has left since: it was killed.
    passed: Vec<Arrival>,
    /// Its stop, or its end.
    last: Arrival,
}

/// The tasks that no maker has reported yet.
#[derive(Debug)]
pub(crate) struct Newborns {
    waiting: HashMap<Tid, Newborn>,
    /// Whether a task has ended in a call that makes a task.
    pub(crate) lost_maker: bool,
    /// The tasks that were adopted because the recording ends. Their makers may still report them,
    /// also after they were let go.
    adopted_at_end: HashSet<Tid>,
}

/// The ids of a new task, one for each PID namespace.
enum Ids {
    One([u32; 1]),
    Many(Vec<u32>),
}

impl Ids {
    fn as_slice(&self) -> &[u32] {
        match self {
            Ids::One(id) => id,
            Ids::Many(ids) => ids,
        }
    }
}

impl Newborns {
    pub(crate) fn new() -> Newborns {
        // Allocated now, because it is rarely used and then during a stop.
        Newborns {
            waiting: HashMap::with_capacity(16),
            lost_maker: false,
            adopted_at_end: HashSet::new(),
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether any is parked.
    pub(crate) fn has_parked(&self) -> bool {
        self.any_parked().is_some()
    }

    /// Returns a parked one, and since when it is.
    pub(crate) fn any_parked(&self) -> Option<(Tid, u64)> {
        let mut waiting = self.waiting.iter();
        waiting.find(|(_, task)| task.last.is_stop()).map(|(&tid, task)| (tid, task.last.t_ns))
    }

    /// Whether the task has reported, and waits for its maker's report.
    pub(crate) fn contains(&self, tid: Tid) -> bool {
        self.waiting.contains_key(&tid)
    }

    /// Keeps what an unknown task has reported. A second report means that it was killed and has
    /// left its stop.
    pub(crate) fn keep(&mut self, tid: Tid, last: Arrival) {
        match self.waiting.entry(tid) {
            Entry::Vacant(entry) => _ = entry.insert(Newborn { passed: Vec::new(), last }),
            Entry::Occupied(mut entry) => {
                let task = entry.get_mut();
                task.last.pass();
                task.passed.push(std::mem::replace(&mut task.last, last));
            }
        }
    }

    /// Queues what a task has reported, now that it is known.
    fn release(&mut self, cx: &mut Context, tid: Tid) {
        let Some(Newborn { passed, last }) = self.waiting.remove(&tid) else { return };
        cx.due.put_first(last);
        passed.into_iter().rev().for_each(|arrival| cx.due.put_first(arrival));
    }

    /// Handles the report of the task of the current stop that it has made `child`.
    pub(crate) fn child_reported(
        &mut self,
        cx: &mut Context,
        hooks: &mut impl StopHook,
        child: Tid,
        event: Event,
    ) {
        if let Some(child) = cx.tasks.slot(child) {
            return maker_reported_late(cx, child);
        }
        if self.adopted_at_end.remove(&child) {
            return;
        }
        let (by, t_ns) = (cx.at.slot, cx.at.t_ns);
        let Some(maker) = cx.tasks.at(by) else { return };
        // The child's own status says best whose thread it is; the call's flags may not have been
        // seen (attach during the call). For a child that has ended already, the flags decide.
        let asked = maker.call.and_then(|call| call.clone);
        let as_asked = if asked.is_some_and(|flags| flags.thread()) { maker.tgid } else { child };
        // Flags in registers are reliable. Flags in memory are not: another thread may write there
        // during the call.
        let in_registers = asked.is_some()
            && maker.call.is_some_and(|call| !matches!(call.row.kind, CallKind::Clone3));
        let (tgid, ids) = match cx.snapshots.namespaces.only_id(child).filter(|_| in_registers) {
            Some(id) => (as_asked, Ids::One(id)),
            None => {
                let status = process::Status::read(child).unwrap_or_default();
                (
                    if status.tgid == 0 { as_asked } else { status.tgid },
                    Ids::Many(status.namespace_ids),
                )
            }
        };
        let is_thread = tgid != child;
        let origin = match event {
            Event::FORK => Origin::FORK,
            Event::VFORK => Origin::VFORK,
            _ if is_thread => Origin::THREAD,
            _ => Origin::CLONE,
        };
        let makers = (cx.at.tid, maker.tgid);
        cx.snapshots.task_appears(makers, (child, tgid), asked, in_registers);
        // If the entry of the call was not seen, only threads and children of vfork certainly share
        // memory.
        let certain = is_thread || event == Event::VFORK;
        // While it runs, a child of vfork shares memory with a maker that waits. Of a process with
        // several threads nothing is followed.
        let can_move = asked.is_some_and(|flags| {
            let shares_more = flags.files() || flags.fs() || flags.signals();
            is_thread || !shares_more && (!flags.memory() || flags.vfork())
        });
        let shares_memory = asked.map_or(certain, |flags| flags.memory());
        let (parent, memory) = (maker.id, maker.memory);
        let memory = if shares_memory { memory } else { cx.tasks.new_memory() };
        let new = NewTask { tid: child, tgid, parent, origin, t_ns, pids: ids.as_slice() };
        let slot = add_task(cx, &new);
        if let Some(task) = cx.tasks.at_mut(slot) {
            task.memory = memory;
            task.captured = true;
            task.can_move = can_move;
        }
        if !can_move && let Some(maker) = cx.tasks.at_mut(by) {
            maker.can_move = false;
        }
        let has_ended = self.waiting.get(&child).is_some_and(|task| !task.last.is_stop());
        hooks.task_begins(cx, slot, Birth::Made { by, shares_memory, has_ended });
        self.release(cx, child);
    }

    /// Adopts children that no living task can report any more. Call it only when every report that
    /// is due has been handled, since a maker's may be among them.
    pub(crate) fn adopt_settled(&mut self, cx: &mut Context, hooks: &mut impl StopHook) {
        let now = clock::monotonic_ns();
        let is_settled = |(&tid, task): (&Tid, &Newborn)| {
            let age = Duration::from_nanos(now.saturating_sub(task.last.t_ns));
            let has_stopped = task.last.is_stop() || !task.passed.is_empty();
            (has_stopped && !may_be_reported(cx, tid, age)).then_some(tid)
        };
        let settled: Vec<Tid> = self.waiting.iter().filter_map(is_settled).collect();
        for tid in settled {
            self.adopt(cx, hooks, tid);
        }
        if !self.has_parked() && !is_any_task_making(cx) {
            self.record_unreported_ends(cx, hooks);
        }
    }

    /// Adopts all parked children.
    pub(crate) fn adopt_all(&mut self, cx: &mut Context, hooks: &mut impl StopHook) {
        let parked = self.waiting.iter().filter(|(_, task)| task.last.is_stop());
        for tid in parked.map(|(&tid, _)| tid).collect::<Vec<_>>() {
            self.adopt(cx, hooks, tid);
            self.adopted_at_end.insert(tid);
        }
    }

    fn adopt(&mut self, cx: &mut Context, hooks: &mut impl StopHook, tid: Tid) {
        if let Some(newborn) = self.waiting.get(&tid) {
            let first = newborn.passed.first().unwrap_or(&newborn.last);
            add_adopted_task(cx, hooks, tid, first.t_ns);
            self.release(cx, tid);
        }
    }

    /// Records the ends of children that no maker reported and that never stopped. If this process
    /// adopts orphans, such a child is one of those and was never traced.
    fn record_unreported_ends(&mut self, cx: &mut Context, hooks: &mut impl StopHook) {
        let gets_orphans = init::gets_orphans();
        for tid in self.waiting.keys().copied().collect::<Vec<_>>() {
            if gets_orphans {
                self.waiting.remove(&tid);
            } else {
                self.adopt(cx, hooks, tid);
            }
        }
    }
}

/// Handles the report of a child that was already adopted: a note names its maker.
fn maker_reported_late(cx: &mut Context, child: Slot) {
    let Some(adopted) = cx.tasks.at_mut(child) else { return };
    if std::mem::take(&mut adopted.adopted) {
        let text = format!("task {} was made by task ordinal {}", adopted.tid, cx.at.id.0);
        let id = adopted.id;
        cx.log.note(id, NoteCode::OTHER, Severity::INFO, &text);
    }
}

/// Whether any task is in a call that makes a task it has not reported yet.
fn is_any_task_making(cx: &Context) -> bool {
    cx.tasks.iter().any(|(_, task)| task.may_report_child())
}

/// Whether a living task can still report that it has made `child`.
fn may_be_reported(cx: &Context, child: Tid, age: Duration) -> bool {
    if !is_any_task_making(cx) {
        return false;
    }
    if age < ASSUME_RELATED {
        return true;
    }
    let Ok(status) = process::Status::read(child) else { return false };
    // The parent of a child made with CLONE_PARENT is its maker's parent. A child whose parent is
    // not recorded may have been reparented.
    let related = |task: &Task| match status.tgid {
        tgid if tgid != child => task.tgid == tgid,
        _ => {
            let for_parent =
                task.call.and_then(|call| call.clone).is_some_and(|flags| flags.parent());
            task.tgid == status.parent || for_parent || !cx.tasks.has_process(status.parent)
        }
    };
    // The leader of a process that was killed twice, in its call and in its exit event, reports
    // neither, and is a zombie until its threads have ended, `child` among them.
    let is_dead = |task: &Task| {
        process::Status::read(task.tid).map_or(true, |status| matches!(status.state, b'Z' | b'X'))
    };
    cx.tasks.iter().any(|(_, task)| task.may_report_child() && related(task) && !is_dead(task))
}

/// Records a TASK event for a child whose maker will not report it.
fn add_adopted_task(cx: &mut Context, hooks: &mut impl StopHook, tid: Tid, t_ns: u64) {
    let status = process::Status::read(tid).unwrap_or_default();
    let tgid = if status.tgid == 0 { tid } else { status.tgid };
    let by = cx.tasks.slot(if tgid == tid { status.parent } else { tgid });
    let parent = by.and_then(|by| cx.tasks.at(by)).map_or(TaskId::NONE, |task| task.id);
    let memory = if tgid == tid { None } else { cx.tasks.memory_of_process(tgid) };
    let pids = &status.namespace_ids;
    cx.snapshots.forget(tgid);
    let slot = add_task(cx, &NewTask { tid, tgid, parent, origin: Origin::UNKNOWN, t_ns, pids });
    if let Some(task) = cx.tasks.at_mut(slot) {
        task.memory = memory;
        task.captured = true;
        task.adopted = true;
    }
    hooks.task_begins(cx, slot, Birth::Adopted { by });
}
