//! Which task a program means that traces others.

use super::context::Context;
use super::peers::Peers;
use sysreel_sys::Tid;
use sysreel_sys::process::{self, Status};

/// Returns the recorded task of another process that the task of the current stop addresses by
/// `pid`. It may be another tracer's.
pub(super) fn target_of(cx: &Context, pid: Tid) -> Option<Tid> {
    let elsewhere = cx.peers.as_ref().map(Peers::living).unwrap_or_default();
    let target = host_id(cx, pid, &elsewhere)?;
    let process = |tid: Tid| match cx.tasks.get(tid) {
        Some(task) => Some(task.tgid),
        None if elsewhere.contains(&tid) => Status::read(tid).ok().map(|status| status.tgid),
        None => None,
    };
    // The kernel rejects a thread of the caller's own process.
    (process(target)? != process(cx.at.tid)?).then_some(target)
}

/// Returns the task that the task of the current stop addresses by `pid`, an id in its PID
/// namespace. In another namespace than the recorder's it must be one of `others`, or recorded
/// here.
pub(super) fn host_id(cx: &Context, pid: Tid, others: &[Tid]) -> Option<Tid> {
    let caller = cx.at.tid;
    let ids = Status::read(caller).ok()?.namespace_ids;
    let level = ids.len().checked_sub(1)?;
    if level == 0 {
        return Some(pid);
    }
    let namespace = process::link(caller, "ns/pid");
    let is_meant = |tid: Tid| {
        let ids = Status::read(tid).map(|status| status.namespace_ids).unwrap_or_default();
        let same = ids.len() > level + 1 || process::link(tid, "ns/pid") == namespace;
        ids.get(level).is_some_and(|&id| id == pid.cast_unsigned()) && same
    };
    let recorded = cx.tasks.iter().map(|(_, task)| task.tid);
    recorded.chain(others.iter().copied()).find(|&tid| is_meant(tid))
}
