//! How tasks appear, change their ids and end.

use crate::meta;
use crate::session::Session;
use crate::snapshot::At;
use crate::task::Task;
use std::sync::atomic::Ordering;
use sysreel_abi::{Abi, AuditArch};
use sysreel_format::{
    Completeness, EventKind, Gone, GoneHow, MetaCodec, NoteCode, Origin, ProcessSnapshot, Renamed,
    Severity, SnapshotKind, SourceId, TaskHead, TaskId,
};
use sysreel_sys::process::Privileges;
use sysreel_sys::{Event, Report, Stop, Tid, WaitStatus, clock};

impl Session {
    /// Adds a task with the next ordinal and records its TASK event.
    pub(crate) fn add_task(
        &mut self,
        tid: Tid,
        tgid: Tid,
        parent: TaskId,
        origin: Origin,
        t_ns: u64,
        pids: &[u32],
    ) -> &mut Task {
        // NSpid lists the id in each PID namespace, the innermost last. A thread of an init has
        // another id than 1.
        let namespace_init = match self.tasks.get(tgid) {
            Some(leader) if tgid != tid => leader.namespace_init,
            _ => pids.len() > 1 && pids.last() == Some(&1),
        };
        let task = self.tasks.add(tid, tgid);
        task.namespace_init = namespace_init;
        let id = task.id;
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

    /// Handles the effect of an event stop on other tasks, once it is committed.
    pub(crate) fn after_event(&mut self, stop: &Stop, event: Event, message: u64, t_ns: u64) {
        let tid = stop.tid();
        match event {
            Event::FORK | Event::VFORK | Event::CLONE => {
                if let Some(task) = self.tasks.get_mut(tid) {
                    task.making = false;
                }
                let Ok(child) = Tid::try_from(message) else { return };
                self.child_reported(tid, child, event, t_ns);
            }
            Event::EXEC => self.new_image(stop, t_ns),
            _ => {}
        }
    }

    /// Handles a changed thread id, before the stop of an execve is recorded. After an execve by a
    /// thread other than the leader, that thread has the leader's id, and neither its former id nor
    /// the leader is ever reported (ptrace(2), "execve(2) under ptrace").
    pub(crate) fn changed_identity(&mut self, stop: &Stop, t_ns: u64) {
        let tid = stop.tid();
        let Ok(former) = stop.event_message().map(|message| Tid::try_from(message).unwrap_or(tid))
        else {
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

    fn new_image(&mut self, stop: &Stop, t_ns: u64) {
        let tid = stop.tid();
        let memory = self.tasks.new_memory();
        let Some(task) = self.tasks.get_mut(tid) else { return };
        task.memory = memory;
        task.captured = true;
        task.fresh_image = true;
        task.cleared = None;
        let (id, tgid) = (task.id, task.tgid);
        let abi = Abi::from_call(AuditArch(self.info.arch()), 0);
        let mask = stop.signal_mask().ok().filter(|_| abi.is_some_and(|abi| abi.word() == 8));
        let image = mask.map(|mask| (self.info.place().1, mask));
        let (snapshot, privileges) =
            self.snapshot(At { tid, tgid, image, after_exec: true }, id, t_ns);
        if meta::lost_privileges(privileges, &snapshot) {
            self.completeness.insert(Completeness::LOST_PRIVILEGES);
            self.note(
                id,
                NoteCode::LOST_PRIVILEGES,
                Severity::WARNING,
                "the file would give privileges that the kernel withholds from a traced program; \
                 record as root to see it run with them",
            );
        }
    }

    /// Records the state of an attached process once, at the first stop of any of its threads.
    /// Returns whether this is the first stop of this thread.
    pub(crate) fn snapshot_at_attach(&mut self, tid: Tid) -> bool {
        let Some(task) = self.tasks.get_mut(tid).filter(|task| !task.captured) else {
            return false;
        };
        task.captured = true;
        let (id, tgid) = (task.id, task.tgid);
        let first = !self
            .tasks
            .iter()
            .any(|(other, task)| other != tid && task.tgid == tgid && task.captured);
        if first {
            let at = At { tid, tgid, image: None, after_exec: false };
            self.snapshot(at, id, clock::monotonic_ns());
        }
        self.first_stop_at_attach(tgid);
        true
    }

    fn snapshot(&mut self, at: At, id: TaskId, t_ns: u64) -> (ProcessSnapshot, Privileges) {
        self.snapshots.set_lost(self.sink.refused() + self.progress.lost.load(Ordering::Relaxed));
        let taken = self.snapshots.take(at);
        let Ok(bytes) = taken.0.to_bytes() else {
            self.snapshots.forget(at.tgid);
            self.note(
                id,
                NoteCode::OTHER,
                Severity::WARNING,
                "the state of the process is too large for a snapshot and is left out",
            );
            return taken;
        };
        self.sink.row.begin(EventKind::SNAPSHOT, SourceId::RECORDER, id, t_ns);
        self.sink.row.snapshot(SnapshotKind::PROCESS, taken.0.version(), &bytes);
        self.sink.commit();
        taken
    }

    /// Queues the end of a task that ended during an injected call; it is handled in its turn.
    pub(crate) fn ended_early_in_call(&mut self, tid: Tid, status: WaitStatus) {
        self.due.push_front((Report::Gone { tid, status }, clock::monotonic_ns()));
    }

    /// Handles the end of a task that was reaped.
    pub(crate) fn on_gone(&mut self, tid: Tid, status: WaitStatus, t_ns: u64) {
        if self.main == Some(tid) {
            self.main_status = Some(status);
        }
        self.task_continued(tid);
        if self.reaped_away(tid, status, t_ns) {
            if self.main == Some(tid) {
                self.program_has_ended();
            }
            return;
        }
        if let Some(first) = self.parked.remove(&tid) {
            self.adopt_past_stop(tid, first);
        }
        let Some(task) = self.tasks.remove(tid) else {
            self.ended_early.insert(tid, (status, t_ns));
            return;
        };
        self.gone_event(&task, status, GoneHow::REAPED, t_ns);
        if task.tgid == tid {
            self.snapshots.forget(tid);
        }
        if self.main == Some(tid) {
            self.program_has_ended();
        }
        if self.has_away() {
            self.tracer_has_ended(tid);
        }
        if let Some(audit) = &mut self.audit {
            audit.gone(tid);
        }
    }

    /// Commits the GONE event of a task.
    pub(crate) fn gone_event(&mut self, task: &Task, status: WaitStatus, how: GoneHow, t_ns: u64) {
        self.cpu_affinity.task_left(task);
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
