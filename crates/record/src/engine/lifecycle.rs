//! How tasks appear, change their ids and end.

use super::context::Context;
use super::hook::{Birth, End, StopHook};
use super::snapshot;
use super::task::{Slot, Task};
use crate::meta;
use std::sync::PoisonError;
use sysreel_abi::{Abi, AuditArch};
use sysreel_format::{
    Completeness, EventKind, Gone, GoneHow, MetaCodec, NoteCode, Origin, ProcessSnapshot, Renamed,
    Severity, SnapshotKind, SourceId, TaskHead, TaskId,
};
use sysreel_sys::process::{Privileges, Status};
use sysreel_sys::{Stop, Tid, WaitStatus, clock};

/// A task to be added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewTask<'a> {
    pub(crate) tid: Tid,
    pub(crate) tgid: Tid,
    pub(crate) parent: TaskId,
    pub(crate) origin: Origin,
    pub(crate) t_ns: u64,
    /// Its ids, one for each PID namespace, the innermost last; empty when they are unknown.
    pub(crate) pids: &'a [u32],
}

/// Adds a task with the next ordinal and records its TASK event. The caller completes the task, and
/// tells the hooks.
pub(crate) fn add_task(cx: &mut Context, new: &NewTask<'_>) -> Slot {
    let births = cx.log.births();
    let mut next = births.lock().unwrap_or_else(PoisonError::into_inner);
    let &NewTask { tid, tgid, parent, origin, t_ns, pids } = new;
    // NSpid lists the id in each PID namespace, the innermost last. A thread of an init has another
    // id than 1.
    let namespace_init = match cx.tasks.get(tgid) {
        Some(leader) if tgid != tid => leader.namespace_init,
        _ => pids.len() > 1 && pids.last() == Some(&1),
    };
    let id = TaskId(*next);
    *next += 1;
    let slot = cx.tasks.add(id, tid, tgid);
    if let Some(task) = cx.tasks.at_mut(slot) {
        task.namespace_init = namespace_init;
        task.has_our_ids = pids.len() <= 1;
    }
    let row = cx.log.begin(EventKind::TASK, id, t_ns);
    row.task_head(&TaskHead {
        tid: tid.cast_unsigned(),
        tgid: tgid.cast_unsigned(),
        parent,
        origin,
    });
    if !pids.is_empty() {
        row.ns_pids(pids);
    }
    cx.log.commit();
    if let Some(peers) = &cx.peers {
        peers.has_begun(tgid, tid);
    }
    slot
}

/// Records the TASK event of a seized task and requests its first stop.
pub(crate) fn add_attached_task(cx: &mut Context, hooks: &mut impl StopHook, tid: Tid) {
    let status = Status::read(tid).unwrap_or_default();
    let tgid = if status.tgid == 0 { tid } else { status.tgid };
    let memory = cx.tasks.memory_of_process(tgid);
    let leader = cx.tasks.get(status.parent).filter(|leader| leader.tgid != tgid);
    let parent = leader.map_or(TaskId::NONE, |leader| leader.id);
    let slot = add_task(
        cx,
        &NewTask {
            tid,
            tgid,
            parent,
            origin: Origin::ATTACHED,
            t_ns: clock::monotonic_ns(),
            pids: &status.namespace_ids,
        },
    );
    if let Some(task) = cx.tasks.at_mut(slot) {
        task.memory = memory;
    }
    hooks.task_begins(cx, slot, Birth::Attached);
    // If the task has died, wait reports it.
    _ = cx.tracer.interrupt(tid);
}

/// Removes a task and commits its GONE event.
pub(crate) fn remove_task(
    cx: &mut Context,
    hooks: &mut impl StopHook,
    slot: Slot,
    status: WaitStatus,
    how: GoneHow,
    t_ns: u64,
) {
    let end = if how == GoneHow::DETACHED { End::LetGo } else { End::Ended };
    hooks.task_ends(cx, slot, end);
    if let Some(task) = cx.tasks.remove(slot) {
        gone_event(cx, &task, status, how, t_ns);
        if let Some(peers) = &cx.peers {
            peers.has_ended(task.tgid, task.tid);
            if task.in_user_code {
                peers.count_busy(false);
            }
        }
    }
}

/// Removes what is left of a process whose leader was reaped.
///
/// The end of a leader is reported after those of all other threads (kernel/exit.c,
/// `delay_group_leader`), so a thread that is left is one that took the leader's id by an execve
/// and was killed before it reported that.
pub(crate) fn remove_vanished(cx: &mut Context, hooks: &mut impl StopHook, leader: Tid, t_ns: u64) {
    let left = |cx: &Context| {
        let is_left = |task: &Task| task.tgid == leader && !cx.due.has(task.tid);
        cx.tasks.iter().find(|(_, task)| is_left(task)).map(|(slot, _)| slot)
    };
    while let Some(slot) = left(cx) {
        remove_task(cx, hooks, slot, WaitStatus(0), GoneHow::VANISHED, t_ns);
    }
}

/// Commits the GONE event of a task that was removed.
pub(crate) fn gone_event(
    cx: &mut Context,
    task: &Task,
    status: WaitStatus,
    how: GoneHow,
    t_ns: u64,
) {
    cx.log.sink.row.begin(EventKind::GONE, SourceId::KERNEL, task.id, t_ns);
    cx.log.row().gone(&Gone {
        wait_status: status.0.cast_unsigned(),
        how,
        utime_ns: task.cpu_time.0,
        stime_ns: task.cpu_time.1,
        maxrss_kib: 0,
    });
    cx.log.commit();
}

/// Handles a changed thread id, before the stop of an execve is recorded. After an execve by a
/// thread other than the leader, that thread has the leader's id, and neither its former id nor the
/// leader is ever reported (ptrace(2), "execve(2) under ptrace").
///
/// The message of the stop is the former id; `None` when the task was killed and the message is
/// that of its exit event.
pub(crate) fn change_identity(
    cx: &mut Context,
    hooks: &mut impl StopHook,
    tid: Tid,
    message: Option<u64>,
    t_ns: u64,
) {
    let former = match message {
        Some(former) => Tid::try_from(former).ok(),
        None => thread_in_execve(cx, tid),
    };
    let Some(former) = former.filter(|&former| former != tid) else { return };
    let Some(slot) = cx.tasks.slot(former) else { return };
    if let Some(leader) = cx.tasks.slot(tid) {
        remove_task(cx, hooks, leader, WaitStatus(0), GoneHow::SUPERSEDED, t_ns);
    }
    cx.tasks.rename(slot, tid);
    if let Some(peers) = &cx.peers {
        peers.has_begun(tid, tid);
        peers.has_ended(tid, former);
    }
    let Some((id, tgid)) = cx.tasks.at(slot).map(|task| (task.id, task.tgid)) else { return };
    cx.log.begin(EventKind::RENAMED, id, t_ns).renamed(&Renamed {
        old_tid: former.cast_unsigned(),
        new_tid: tid.cast_unsigned(),
        tgid: tgid.cast_unsigned(),
    });
    cx.log.commit();
}

/// Returns the thread other than the leader that has succeeded in execve(2): all others have ended,
/// and their ends are queued or were handled.
fn thread_in_execve(cx: &Context, leader: Tid) -> Option<Tid> {
    let mut threads = cx.tasks.iter().map(|(_, task)| task);
    threads
        .find(|task| task.tgid == leader && task.tid != leader && !cx.due.has(task.tid))
        .map(|task| task.tid)
}

/// Handles the new program of the task of the current stop, at its PTRACE_EVENT_EXEC.
pub(crate) fn new_image(cx: &mut Context, hooks: &mut impl StopHook, stop: &Stop) {
    let (slot, memory) = (cx.at.slot, cx.tasks.new_memory());
    let Some(task) = cx.tasks.at_mut(slot) else { return };
    task.memory = memory;
    task.captured = true;
    hooks.new_image(cx, slot);
    let abi = Abi::from_call(AuditArch(cx.info.arch()), 0);
    let mask = stop.signal_mask().ok().filter(|_| abi.is_some_and(|abi| abi.word() == 8));
    let image = mask.map(|mask| (cx.info.place().1, mask));
    let taken = take_snapshot(cx, slot, image, true, cx.at.t_ns);
    if taken.is_some_and(|(snapshot, privileges)| meta::lost_privileges(privileges, &snapshot)) {
        cx.log.completeness.insert(Completeness::LOST_PRIVILEGES);
        cx.log.note(
            cx.at.id,
            NoteCode::LOST_PRIVILEGES,
            Severity::WARNING,
            "the file would give privileges that the kernel withholds from a traced program; \
             record as root to see it run with them",
        );
    }
}

/// Records the state of the process of an attached task.
pub(crate) fn snapshot_at_attach(cx: &mut Context, slot: Slot) {
    take_snapshot(cx, slot, None, false, clock::monotonic_ns());
}

/// Records the state of the process of a task. `image`: see [`snapshot::At`].
fn take_snapshot(
    cx: &mut Context,
    slot: Slot,
    image: Option<(u64, u64)>,
    after_exec: bool,
    t_ns: u64,
) -> Option<(ProcessSnapshot, Privileges)> {
    let &Task { id, tid, tgid, .. } = cx.tasks.at(slot)?;
    cx.snapshots.set_lost(cx.log.lost());
    let taken = cx.snapshots.take(snapshot::At { tid, tgid, image, after_exec });
    match taken.0.to_bytes() {
        Ok(bytes) => {
            let row = cx.log.begin(EventKind::SNAPSHOT, id, t_ns);
            row.snapshot(SnapshotKind::PROCESS, taken.0.version(), &bytes);
            cx.log.commit();
        }
        Err(_) => {
            cx.snapshots.forget(tgid);
            cx.log.note(
                id,
                NoteCode::OTHER,
                Severity::WARNING,
                "the state of the process is too large for a snapshot and is left out",
            );
        }
    }
    Some(taken)
}
