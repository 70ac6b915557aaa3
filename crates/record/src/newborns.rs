//! Tasks that report before their makers have told of them.
//!
//! A new task and its maker run at the same time, so the child's first stop, or even its end, can
//! be reported before the maker's PTRACE_EVENT_FORK, _VFORK or _CLONE. The child is parked until
//! then.
//!
//! A maker that is killed between making the child and its event stop never reports that event
//! (kernel/fork.c, `kernel_clone`; kernel/signal.c, `ptrace_stop`), and while the child stays
//! parked neither an execve nor the end of its process can complete: both wait for all other
//! threads. So a parked child is adopted as soon as no task is left that could still tell of it.

use crate::error::Error;
use crate::session::{Parked, Session};
use crate::task::Task;
use std::time::Duration;
use sysreel_abi::CallKind;
use sysreel_abi::replay::TidAddresses as Places;
use sysreel_format::{EventKind, Layout, NoteCode, Origin, Severity, SourceId, StopHead, TaskId};
use sysreel_sys::memory::ESRCH;
use sysreel_sys::{Event, Report, Stop, Tid, clock, init, process};

/// For how long any task that is making a child counts as the maker of every parked one, without
/// asking /proc whose child it is.
const ASSUME_RELATED: Duration = Duration::from_millis(50);

/// The ids of a new task.
enum Ids {
    One([u32; 1]),
    Asked(Vec<u32>),
}

impl Ids {
    fn as_slice(&self) -> &[u32] {
        match self {
            Ids::One(id) => id,
            Ids::Asked(ids) => ids,
        }
    }
}

impl Session {
    /// The task `parent_tid` reports that it has made `child`.
    pub(crate) fn child(&mut self, parent_tid: Tid, child: Tid, event: Event, t_ns: u64) {
        if self.tasks.get(child).is_some() {
            return self.told_late(parent_tid, child);
        }
        let Some(maker) = self.tasks.get(parent_tid) else { return };
        // The child itself knows best whose thread it is; the flags of the call may not have been
        // seen (attach in mid-call). One that is gone already is judged by them.
        let asked = maker.call.and_then(|call| call.clone);
        let as_asked = if asked.is_some_and(|flags| flags.thread()) { maker.tgid } else { child };
        // Flags in registers cannot be mistaken; those in memory can, for another thread may write
        // there in mid-call.
        let in_registers = asked.is_some()
            && maker.call.is_some_and(|call| !matches!(call.row.kind, CallKind::Clone3));
        let (tgid, ids) = match self.namespaces.only_id(child).filter(|_| in_registers) {
            Some(id) => (as_asked, Ids::One(id)),
            None => {
                let status = process::Status::of(child).unwrap_or_default();
                (
                    if status.tgid == 0 { as_asked } else { status.tgid },
                    Ids::Asked(status.namespace_ids),
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
        let (parent, mask, trace_all) = (maker.id, maker.own_mask.clone(), maker.trace_all);
        let places = maker.call.and_then(|call| {
            Some(sysreel_abi::replay::tid_addresses(call.abi, call.row, &call.args, call.clone?))
        });
        // Without the entry of the call only threads and children of vfork are certain to share.
        let certain = is_thread || event == Event::VFORK;
        let shares = maker.call.and_then(|call| call.clone).map_or(certain, |flags| flags.memory());
        let memory = if shares { maker.memory } else { self.tasks.new_memory() };
        if !self.ended_early.contains_key(&child) {
            self.cpu_affinity.arrived(child, mask.as_deref());
        }
        let task = self.appears(child, tgid, parent, origin, t_ns, ids.as_slice());
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
            self.gone(child, status, t_ns);
        }
    }

    /// A maker reports a child that was adopted already: the log gets its real maker.
    fn told_late(&mut self, maker: Tid, child: Tid) {
        let Some(maker) = self.tasks.get(maker).map(|task| task.id) else { return };
        let Some(adopted) = self.tasks.get_mut(child) else { return };
        if std::mem::take(&mut adopted.adopted) {
            let (id, text) =
                (adopted.id, format!("task {child} was made by task ordinal {}", maker.0));
            self.note(id, NoteCode::OTHER, Severity::INFO, &text);
        }
    }

    /// The first stop of a task that no maker has told of yet, or its second.
    pub(crate) fn park(&mut self, stop: Stop, t_ns: u64) -> Result<(), Error> {
        let tid = stop.tid();
        match self.parked.remove(&tid) {
            None => _ = self.parked.insert(tid, Parked { stop, t_ns }),
            // It was killed and has left its first stop.
            Some(first) => {
                self.adopt_past_stop(tid, first);
                self.handle(stop, t_ns)?;
            }
        }
        Ok(())
    }

    /// Adopts parked children of which no living task will tell any more. Answers whether there was
    /// one. To be called when every report that is due has been served: a maker's may be among
    /// them.
    pub(crate) fn adopt_settled(&mut self) -> bool {
        let orphans: Vec<Tid> = {
            let now = clock::monotonic_ns();
            let settled = |(&tid, parked): (&Tid, &Parked)| {
                let age = Duration::from_nanos(now.saturating_sub(parked.t_ns));
                (!self.may_be_told_of(tid, age)).then_some(tid)
            };
            self.parked.iter().filter_map(settled).collect()
        };
        for &tid in &orphans {
            self.adopt_parked(tid);
        }
        if self.parked.is_empty() && !self.ended_early.is_empty() && !self.is_anyone_making() {
            self.bury_untold();
        }
        !orphans.is_empty()
    }

    pub(crate) fn adopt_parked(&mut self, tid: Tid) {
        if let Some(Parked { stop, t_ns }) = self.parked.remove(&tid) {
            self.appears_adopted(tid, t_ns);
            self.due.push_front((Report::Stopped(stop), t_ns));
        }
    }

    /// Is any task in a call that makes one, without having told of it?
    fn is_anyone_making(&self) -> bool {
        self.tasks.iter().any(|(_, task)| task.may_tell())
    }

    /// Can a living task still tell that it has made `child`?
    fn may_be_told_of(&self, child: Tid, age: Duration) -> bool {
        if !self.is_anyone_making() {
            return false;
        }
        if age < ASSUME_RELATED {
            return true;
        }
        let Ok(status) = process::Status::of(child) else { return false };
        // A sibling made with CLONE_PARENT has its maker's parent; one whose parent is not recorded
        // may have been given to another since.
        let related = |task: &Task| match status.tgid {
            tgid if tgid != child => task.tgid == tgid,
            _ => {
                let for_parent =
                    task.call.and_then(|call| call.clone).is_some_and(|flags| flags.parent());
                task.tgid == status.parent || for_parent || !self.tasks.has_process(status.parent)
            }
        };
        self.tasks.iter().any(|(_, task)| task.may_tell() && related(task))
    }

    /// Adopts a task that has left its parked stop, because it was killed there. Nothing can be
    /// asked of that stop any more; it is recorded as one of which the kernel said ESRCH.
    pub(crate) fn adopt_past_stop(&mut self, tid: Tid, Parked { stop, t_ns }: Parked) {
        let id = self.appears_adopted(tid, t_ns);
        self.sink.row.begin(EventKind::STOP, SourceId::KERNEL, id, t_ns);
        self.sink.row.stop_head(&StopHead {
            wait_status: stop.status().0.cast_unsigned(),
            info_ret: -ESRCH,
            layout: Layout::MERGED,
            info: &[],
        });
        self.sink.commit();
        stop.left_behind();
    }

    /// The TASK event of a child whose maker will not tell of it.
    fn appears_adopted(&mut self, tid: Tid, t_ns: u64) -> TaskId {
        let status = process::Status::of(tid).unwrap_or_default();
        let tgid = if status.tgid == 0 { tid } else { status.tgid };
        let maker = if tgid == tid { status.parent } else { tgid };
        // Its maker is not known, and may have had a filter that this one has not.
        let trace_all = self.tasks.iter().any(|(_, task)| task.trace_all);
        let parent = self.tasks.get(maker).map_or(TaskId::NONE, |task| task.id);
        let memory = if tgid == tid { None } else { self.tasks.memory_of_process(tgid) };
        let mask = self
            .tasks
            .get(maker)
            .map_or_else(|| self.cpu_affinity.own_mask(), |task| task.own_mask.clone());
        self.cpu_affinity.arrived(tid, mask.as_deref());
        let task = self.appears(tid, tgid, parent, Origin::UNKNOWN, t_ns, &status.namespace_ids);
        task.own_mask = mask;
        task.memory = memory;
        task.captured = true;
        task.adopted = true;
        task.trace_all = trace_all;
        task.id
    }

    /// Records the ends of children that nobody told of and that made no stop. Where orphans are
    /// given to this process, a child without a stop is one of those, and was never traced.
    fn bury_untold(&mut self) {
        let gets_orphans = init::gets_orphans();
        for (tid, (status, t_ns)) in std::mem::take(&mut self.ended_early) {
            if !gets_orphans {
                self.appears_adopted(tid, t_ns);
                self.gone(tid, status, t_ns);
            }
        }
    }
}
