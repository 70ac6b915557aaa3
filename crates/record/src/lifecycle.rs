//! How tasks appear, change their identity and end.

use crate::meta;
use crate::session::{Parked, Session};
use crate::task::Task;
use sysreel_abi::Act;
use sysreel_abi::replay::Ids as Places;
use sysreel_format::{
    Completeness, EventKind, Gone, GoneHow, MetaCodec, NoteCode, Origin, ProcessSnapshot, Renamed, Severity,
    SnapshotKind, SourceId, TaskHead, TaskId,
};
use sysreel_sys::{Event, Report, Stop, Tid, WaitStatus, clock, process};

/// The version of the snapshot struct that is written.
const SNAPSHOT_VERSION: u16 = 1;

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
    /// A task appears: it gets the next ordinal, and an event.
    pub(crate) fn appears(
        &mut self,
        tid: Tid,
        tgid: Tid,
        parent: TaskId,
        origin: Origin,
        t_ns: u64,
        pids: &[u32],
    ) -> &mut Task {
        let id = self.tasks.add(tid, tgid).id;
        self.sink.row.begin(EventKind::TASK, SourceId::RECORDER, id, t_ns);
        self.sink.row.task_head(&TaskHead {
            tid: tid.cast_unsigned(),
            tgid: tgid.cast_unsigned(),
            parent,
            origin,
        });
        if !pids.is_empty() {
            self.sink.row.ns_pids(pids);
        }
        self.sink.commit();
        self.tasks.get_mut(tid).expect("it was added above")
    }

    /// What an event stop of a known task means for others, once it is committed.
    pub(crate) fn after_event(&mut self, tid: Tid, event: Event, message: u64, t_ns: u64) {
        match event {
            Event::FORK | Event::VFORK | Event::CLONE => {
                let Ok(child) = Tid::try_from(message) else { return };
                self.child(tid, child, event, t_ns);
            }
            Event::EXEC => self.new_image(tid, t_ns),
            _ => {}
        }
    }

    fn child(&mut self, parent_tid: Tid, child: Tid, event: Event, t_ns: u64) {
        if self.tasks.get(child).is_some() {
            return; // Adopted already, when its parent seemed to be gone.
        }
        let Some(maker) = self.tasks.get(parent_tid) else { return };
        // The child itself knows best whose thread it is; the flags of the call may not have been seen (attach in mid-call). One that
        // is gone already is judged by them.
        let asked = maker.call.and_then(|call| call.clone);
        let as_asked = if asked.is_some_and(|flags| flags.thread()) { maker.tgid } else { child };
        // Flags in registers cannot be mistaken; those in memory can, for another thread may write there in mid-call.
        let in_registers =
            asked.is_some() && maker.call.is_some_and(|call| !matches!(call.row.act, Act::Clone3));
        let (tgid, ids) = match self.namespaces.only_id(child).filter(|_| in_registers) {
            Some(id) => (as_asked, Ids::One(id)),
            None => {
                let status = process::Status::of(child).unwrap_or_default();
                (if status.tgid == 0 { as_asked } else { status.tgid }, Ids::Asked(status.namespace_ids))
            }
        };
        let is_thread = tgid != child;
        let origin = match event {
            Event::FORK => Origin::FORK,
            Event::VFORK => Origin::VFORK,
            _ if is_thread => Origin::THREAD,
            _ => Origin::CLONE,
        };
        let (parent, mask, every_call) = (maker.id, maker.own_mask.clone(), maker.every_call);
        let places = maker
            .call
            .and_then(|call| Some(sysreel_abi::replay::ids(call.abi, call.row, &call.args, call.clone?)));
        // Without the entry of the call only threads and children of vfork are certain to share.
        let certain = is_thread || event == Event::VFORK;
        let shares = maker.call.and_then(|call| call.clone).map_or(certain, |flags| flags.memory());
        let memory = if shares { maker.memory } else { self.tasks.new_memory() };
        if !self.ended_early.contains_key(&child) {
            self.colocation.arrived(child, mask.as_deref());
        }
        let task = self.appears(child, tgid, parent, origin, t_ns, ids.as_slice());
        task.own_mask = mask;
        task.memory = memory;
        task.captured = true;
        task.every_call = every_call;
        task.newborn = places.or(Some(Places::default()));
        task.cleared = places.and_then(|places| places.cleared);
        if shares && let Some(audit) = &mut self.audit {
            audit.memory_is_shared(parent_tid);
        }
        if let Some(Parked { stop, t_ns }) = self.parked.remove(&child) {
            self.handle(stop, t_ns);
        } else if let Some((status, t_ns)) = self.ended_early.remove(&child) {
            self.gone(child, status, t_ns);
        }
    }

    /// A child whose maker will not tell of it any more.
    pub(crate) fn adopt(&mut self, tid: Tid, first: Parked) {
        let status = process::Status::of(tid).unwrap_or_default();
        let tgid = if status.tgid == 0 { tid } else { status.tgid };
        let maker = if tgid == tid { status.parent } else { tgid };
        // Who made it is not certain: it may have a filter that its maker has not.
        let every_call = self.tasks.iter().any(|(_, task)| task.every_call);
        let parent = self.tasks.get(maker).map_or(TaskId::NONE, |task| task.id);
        let mask =
            self.tasks.get(maker).map_or_else(|| self.colocation.own_mask(), |task| task.own_mask.clone());
        self.colocation.arrived(tid, mask.as_deref());
        let task = self.appears(tid, tgid, parent, Origin::UNKNOWN, first.t_ns, &status.namespace_ids);
        task.own_mask = mask;
        task.captured = true;
        task.every_call = every_call;
        self.handle(first.stop, first.t_ns);
    }

    /// Adopts the parked children that `died` (a process, by thread group) was to tell of: a killed task reports no event.
    fn adopt_orphans(&mut self, died: Tid) {
        if self.parked.is_empty() {
            return;
        }
        let orphans: Vec<Tid> = self
            .parked
            .keys()
            .copied()
            .filter(|&tid| {
                process::Status::of(tid).map_or(true, |status| {
                    status.parent == died || (status.tgid == tid && !self.tasks.has_process(status.parent))
                })
            })
            .collect();
        for tid in orphans {
            if let Some(first) = self.parked.remove(&tid) {
                self.adopt(tid, first);
            }
        }
    }

    /// Before the stop of an execve is recorded: after an execve by a thread that is not the leader, that thread has the leader's
    /// id, and neither its own former id nor the leader will ever be reported (ptrace(2), "execve(2) under ptrace").
    pub(crate) fn changed_identity(&mut self, stop: &Stop, t_ns: u64) {
        let tid = stop.tid();
        let Ok(former) = stop.event_message().map(|message| Tid::try_from(message).unwrap_or(tid)) else {
            return;
        };
        if former == tid || self.tasks.get(former).is_none() {
            return;
        }
        if let Some(leader) = self.tasks.remove(tid) {
            self.gone_event(&leader, WaitStatus(0), GoneHow::SUPERSEDED, t_ns);
        }
        self.tasks.rename(former, tid);
        let Some(task) = self.tasks.get(tid) else { return };
        self.sink.row.begin(EventKind::RENAMED, SourceId::RECORDER, task.id, t_ns);
        self.sink.row.renamed(&Renamed {
            old_tid: former.cast_unsigned(),
            new_tid: tid.cast_unsigned(),
            tgid: task.tgid.cast_unsigned(),
        });
        self.sink.commit();
    }

    fn new_image(&mut self, tid: Tid, t_ns: u64) {
        let memory = self.tasks.new_memory();
        let Some(task) = self.tasks.get_mut(tid) else { return };
        task.memory = memory;
        task.captured = true;
        task.fresh_image = true;
        task.cleared = None;
        let (id, tgid) = (task.id, task.tgid);
        let snapshot = self.snapshot(tid, tgid, id, t_ns);
        if meta::lost_privileges(tid, &snapshot) {
            self.completeness.insert(Completeness::LOST_PRIVILEGES);
            self.note(
                id,
                NoteCode::LOST_PRIVILEGES,
                Severity::WARNING,
                "the file would give privileges that the kernel withholds from a traced program; record as root to see it run with them",
            );
        }
        // Threads that were making a child when this execve ended them tell of none.
        self.adopt_orphans(tgid);
    }

    /// The state of a process that was attached to, once, at the first stop of any of its threads.
    pub(crate) fn snapshot_at_attach(&mut self, tid: Tid) {
        let Some(task) = self.tasks.get_mut(tid).filter(|task| !task.captured) else { return };
        task.captured = true;
        let (id, tgid) = (task.id, task.tgid);
        let first =
            !self.tasks.iter().any(|(other, task)| other != tid && task.tgid == tgid && task.captured);
        if first {
            self.snapshot(tid, tgid, id, clock::monotonic_ns());
        }
    }

    fn snapshot(&mut self, tid: Tid, tgid: Tid, id: TaskId, t_ns: u64) -> ProcessSnapshot {
        let snapshot = meta::of_process(tid, tgid, self.names, self.namespaces.of(tid));
        let Ok(bytes) = snapshot.to_bytes() else {
            self.note(
                id,
                NoteCode::OTHER,
                Severity::WARNING,
                "the state of the process is too large for a snapshot and is left out",
            );
            return snapshot;
        };
        self.sink.row.begin(EventKind::SNAPSHOT, SourceId::RECORDER, id, t_ns);
        self.sink.row.snapshot(SnapshotKind::PROCESS, SNAPSHOT_VERSION, &bytes);
        self.sink.commit();
        snapshot
    }

    /// A task has ended while it was made to do something: its end is served when its turn comes.
    pub(crate) fn ended_early_in_call(&mut self, tid: Tid, status: WaitStatus) {
        self.due.push_front((Report::Gone { tid, status }, clock::monotonic_ns()));
    }

    /// A task has ended and was reaped.
    pub(crate) fn gone(&mut self, tid: Tid, status: WaitStatus, t_ns: u64) {
        if self.main == Some(tid) {
            self.main_status = Some(status);
        }
        self.goes_on(tid);
        if let Some(first) = self.parked.remove(&tid) {
            self.adopt(tid, first);
        }
        let Some(task) = self.tasks.remove(tid) else {
            self.ended_early.insert(tid, (status, t_ns));
            return;
        };
        self.gone_event(&task, status, GoneHow::REAPED, t_ns);
        if let Some(audit) = &mut self.audit {
            audit.gone(tid);
        }
        if !self.tasks.has_process(task.tgid) {
            self.adopt_orphans(task.tgid);
        }
    }

    /// Commits the event of a task's end.
    pub(crate) fn gone_event(&mut self, task: &Task, status: WaitStatus, how: GoneHow, t_ns: u64) {
        self.colocation.left(task);
        self.sink.row.begin(EventKind::GONE, SourceId::KERNEL, task.id, t_ns);
        self.sink.row.gone(&Gone {
            wait_status: status.0.cast_unsigned(),
            how,
            utime_ns: task.cpu_time.0,
            stime_ns: task.cpu_time.1,
            maxrss_kib: 0,
        });
        self.sink.commit();
    }
}
