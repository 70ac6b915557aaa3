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

use crate::error::Error;
use crate::session::{Parked, Session};
use crate::task::Task;
use std::time::Duration;
use sysreel_abi::CallKind;
use sysreel_abi::replay::TidAddresses as Places;
use sysreel_format::{EventKind, Layout, NoteCode, Origin, Severity, SourceId, StopHead, TaskId};
use sysreel_sys::memory::ESRCH;
use sysreel_sys::{Event, Report, Stop, Tid, clock, init, process};

/// For this long after a child was parked, any task that is making one may be its maker. Only later
/// /proc is asked for the child's parent.
const ASSUME_RELATED: Duration = Duration::from_millis(50);

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

impl Session {
    /// Handles the report of `parent_tid` that it has made `child`.
    pub(crate) fn child_reported(&mut self, parent_tid: Tid, child: Tid, event: Event, t_ns: u64) {
        if self.tasks.get(child).is_some() {
            return self.maker_reported_late(parent_tid, child);
        }
        let Some(maker) = self.tasks.get(parent_tid) else { return };
        // The child's own status says best whose thread it is; the call's flags may not have been
        // seen (attach during the call). For a child that has ended already, the flags decide.
        let asked = maker.call.and_then(|call| call.clone);
        let as_asked = if asked.is_some_and(|flags| flags.thread()) { maker.tgid } else { child };
        // Flags in registers are reliable. Flags in memory are not: another thread may write there
        // during the call.
        let in_registers = asked.is_some()
            && maker.call.is_some_and(|call| !matches!(call.row.kind, CallKind::Clone3));
        let (tgid, ids) = match self.snapshots.namespaces.only_id(child).filter(|_| in_registers) {
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
        let makers = (parent_tid, maker.tgid);
        self.snapshots.task_appears(makers, (child, tgid), asked, in_registers);
        let (parent, mask, trace_all) = (maker.id, maker.own_mask.clone(), maker.trace_all);
        let places = maker.call.and_then(|call| {
            Some(sysreel_abi::replay::tid_addresses(call.abi, call.row, &call.args, call.clone?))
        });
        // If the entry of the call was not seen, only threads and children of vfork certainly share
        // memory.
        let certain = is_thread || event == Event::VFORK;
        let shares = maker.call.and_then(|call| call.clone).map_or(certain, |flags| flags.memory());
        let memory = if shares { maker.memory } else { self.tasks.new_memory() };
        if !self.ended_early.contains_key(&child) {
            self.cpu_affinity.place_task(child, mask.as_deref());
        }
        let task = self.add_task(child, tgid, parent, origin, t_ns, ids.as_slice());
        task.own_mask = mask;
        task.memory = memory;
        task.captured = true;
        task.trace_all = trace_all;
        task.newborn = places.or(Some(Places::default()));
        task.cleared = places.and_then(|places| places.cleared);
        if shares && let Some(audit) = &mut self.audit {
            audit.memory_is_shared(parent_tid);
        }
        if let Some(Parked { stop, t_ns }) = self.parked.remove(&child) {
            self.due.push_front((Report::Stopped(stop), t_ns));
        } else if let Some((status, t_ns)) = self.ended_early.remove(&child) {
            self.on_gone(child, status, t_ns);
        }
    }

    /// Handles the report of a child that was already adopted: a note names its maker.
    fn maker_reported_late(&mut self, maker: Tid, child: Tid) {
        let Some(maker) = self.tasks.get(maker).map(|task| task.id) else { return };
        let Some(adopted) = self.tasks.get_mut(child) else { return };
        if std::mem::take(&mut adopted.adopted) {
            let (id, text) =
                (adopted.id, format!("task {child} was made by task ordinal {}", maker.0));
            self.note(id, NoteCode::OTHER, Severity::INFO, &text);
        }
    }

    /// Parks the first stop of a task that no maker has reported yet.
    pub(crate) fn park(&mut self, stop: Stop, t_ns: u64) -> Result<(), Error> {
        let tid = stop.tid();
        match self.parked.remove(&tid) {
            None => _ = self.parked.insert(tid, Parked { stop, t_ns }),
            // A second stop: the task was killed and has left its first one.
            Some(first) => {
                self.adopt_past_stop(tid, first);
                self.handle(stop, t_ns)?;
            }
        }
        Ok(())
    }

    /// Adopts parked children that no living task can report any more. Returns whether there was
    /// one. Call it only when every report that is due has been handled, since a maker's may be
    /// among them.
    pub(crate) fn adopt_settled(&mut self) -> bool {
        let orphans: Vec<Tid> = {
            let now = clock::monotonic_ns();
            let settled = |(&tid, parked): (&Tid, &Parked)| {
                let age = Duration::from_nanos(now.saturating_sub(parked.t_ns));
                (!self.may_be_reported(tid, age)).then_some(tid)
            };
            self.parked.iter().filter_map(settled).collect()
        };
        for &tid in &orphans {
            self.adopt_parked(tid);
        }
        if self.parked.is_empty() && !self.ended_early.is_empty() && !self.is_any_task_making() {
            self.record_unreported_ends();
        }
        !orphans.is_empty()
    }

    pub(crate) fn adopt_parked(&mut self, tid: Tid) {
        if let Some(Parked { stop, t_ns }) = self.parked.remove(&tid) {
            self.add_adopted_task(tid, t_ns);
            self.due.push_front((Report::Stopped(stop), t_ns));
        }
    }

    /// Whether any task is in a call that makes a task it has not reported yet.
    fn is_any_task_making(&self) -> bool {
        self.tasks.iter().any(|(_, task)| task.may_report_child())
    }

    /// Whether a living task can still report that it has made `child`.
    fn may_be_reported(&self, child: Tid, age: Duration) -> bool {
        if !self.is_any_task_making() {
            return false;
        }
        if age < ASSUME_RELATED {
            return true;
        }
        let Ok(status) = process::Status::read(child) else { return false };
        // The parent of a child made with CLONE_PARENT is its maker's parent. A child whose parent
        // is not recorded may have been reparented.
        let related = |task: &Task| match status.tgid {
            tgid if tgid != child => task.tgid == tgid,
            _ => {
                let for_parent =
                    task.call.and_then(|call| call.clone).is_some_and(|flags| flags.parent());
                task.tgid == status.parent || for_parent || !self.tasks.has_process(status.parent)
            }
        };
        self.tasks.iter().any(|(_, task)| task.may_report_child() && related(task))
    }

    /// Adopts a task that was killed in its parked stop and has left it. The stop is recorded as
    /// one for which the kernel answered ESRCH.
    pub(crate) fn adopt_past_stop(&mut self, tid: Tid, Parked { stop, t_ns }: Parked) {
        let id = self.add_adopted_task(tid, t_ns);
        self.sink.row.begin(EventKind::STOP, SourceId::KERNEL, id, t_ns);
        self.sink.row.stop_head(&StopHead {
            wait_status: stop.status().0.cast_unsigned(),
            info_ret: -ESRCH,
            layout: Layout::MERGED,
            info: &[],
        });
        self.sink.commit();
        stop.discard();
    }

    /// Records a TASK event for a child whose maker will not report it.
    fn add_adopted_task(&mut self, tid: Tid, t_ns: u64) -> TaskId {
        let status = process::Status::read(tid).unwrap_or_default();
        let tgid = if status.tgid == 0 { tid } else { status.tgid };
        let maker = if tgid == tid { status.parent } else { tgid };
        // The unknown maker may have a filter that this task inherited.
        let trace_all = self.tasks.iter().any(|(_, task)| task.trace_all);
        let parent = self.tasks.get(maker).map_or(TaskId::NONE, |task| task.id);
        let memory = if tgid == tid { None } else { self.tasks.memory_of_process(tgid) };
        let mask = self
            .tasks
            .get(maker)
            .map_or_else(|| self.cpu_affinity.own_mask(), |task| task.own_mask.clone());
        self.cpu_affinity.place_task(tid, mask.as_deref());
        self.snapshots.forget(tgid);
        let task = self.add_task(tid, tgid, parent, Origin::UNKNOWN, t_ns, &status.namespace_ids);
        task.own_mask = mask;
        task.memory = memory;
        task.captured = true;
        task.adopted = true;
        task.trace_all = trace_all;
        task.id
    }

    /// Records the ends of children that no maker reported and that never stopped. If this process
    /// adopts orphans, such a child is one of those and was never traced.
    fn record_unreported_ends(&mut self) {
        let gets_orphans = init::gets_orphans();
        for (tid, (status, t_ns)) in std::mem::take(&mut self.ended_early) {
            if !gets_orphans {
                self.add_adopted_task(tid, t_ns);
                self.on_gone(tid, status, t_ns);
            }
        }
    }
}
