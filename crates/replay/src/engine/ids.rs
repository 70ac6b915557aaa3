//! Compares the ids of tasks. Replayed tasks have other ids than recorded ones, so each recorded id
//! is compared with what the log says elsewhere: the event of the call that makes a task announces
//! its tid, the call returns one of its ids, an execve tells the tid before it.

use super::halt::Replayed;
use super::step::Step;
use super::task::{Known, Made, OpenCall, Task};
use crate::kernel::Kernel;
use sysreel_abi::CallKind;
use sysreel_format::{Origin, Part, Renamed, TaskHead};
use sysreel_sys::Event;

const SIGCHLD: u64 = 17;

/// Which event a call that makes a task causes, and the origin of the task (kernel/fork.c,
/// `kernel_clone`).
fn birth(known: &Known, open: &OpenCall) -> Option<(Event, Origin)> {
    let flags = known.clone?;
    let signal = match known.row.kind {
        CallKind::Fork => SIGCHLD,
        CallKind::Clone => known.abi.args(&open.args)[0] & 0xff,
        // vfork's event needs no signal. The recorder answers clone3, which then makes no task.
        _ => 0,
    };
    Some(match signal {
        _ if flags.vfork() => (Event::VFORK, Origin::VFORK),
        SIGCHLD => (Event::FORK, Origin::FORK),
        _ if flags.thread() => (Event::CLONE, Origin::THREAD),
        _ => (Event::CLONE, Origin::CLONE),
    })
}

/// Compares the event of a call that makes a task, and keeps the announced tid.
pub(crate) fn announce<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    event: Event,
    tid: Option<u32>,
) -> Replayed {
    let open = step.task.call.as_ref();
    let expected = open.filter(|open| open.vetoed.is_none());
    let expected = expected.and_then(|open| birth(&open.known?, open));
    if expected.map(|(event, _)| event) != Some(event) {
        let why = format!("ptrace event {} outside of a call that causes it", event.0);
        return Err(step.bad(why));
    }
    let is_first = open.is_some_and(|open| open.made.is_none());
    match step.task.call.as_mut() {
        Some(open) if is_first => open.made = tid.map(Made::Announced),
        _ => return Err(step.bad("the call has made a task before")),
    }
    Ok(())
}

/// Compares the tid in the event that ends the wait of vfork(2).
pub(crate) fn vfork_done<K: Kernel, S>(step: &Step<'_, K, S>, tid: Option<u32>) -> Replayed {
    let open = step.task.call.as_ref();
    let waits = open.and_then(|open| open.known?.clone).is_some_and(|flags| flags.vfork());
    if !waits {
        return Err(step.bad("ptrace event 5 outside of a call that causes it"));
    }
    let made = open.and_then(|open| open.made.as_ref()).map(Made::tid);
    match (made, tid) {
        // Without a message the task was being killed, and can only end: see `stops::event`.
        (Some(_), None) => Ok(()),
        (Some(made), Some(tid)) if made == tid => Ok(()),
        _ => {
            let shown = |tid: Option<u32>| tid.map_or("none".to_owned(), |tid| tid.to_string());
            let (made, tid) = (shown(made), shown(tid));
            Err(step.bad(format!("the wait for task {tid} ends, and the call made {made}")))
        }
    }
}

/// Compares the ids of a new task with the call of its maker, the task of the step, and returns
/// them.
pub(crate) fn of_child<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    head: &TaskHead,
    ids: Vec<u32>,
) -> Replayed {
    let call = step.task.call.as_ref();
    let Some((open, known)) = call.and_then(|open| Some((open, open.known?))) else {
        return Err(step.bad("its maker is in no call that makes a task"));
    };
    let Some((_, origin)) = birth(&known, open) else {
        return Err(step.bad("its maker is in no call that makes a task"));
    };
    if origin != head.origin {
        let (stated, origin) = (head.origin.0, origin.0);
        return Err(step.bad(format!("its origin is {stated}, and that of the call {origin}")));
    }
    let is_thread = known.clone.is_some_and(|flags| flags.thread());
    let tgid = if is_thread { step.task.tgid } else { head.tid };
    if head.tgid != tgid {
        let stated = head.tgid;
        return Err(step.bad(format!("its process is {stated}, and that of the call {tgid}")));
    }
    match open.made {
        Some(Made::Announced(tid)) if tid == head.tid => {}
        Some(Made::Announced(tid)) => {
            let why = format!("its tid is {}, and its maker announced {tid}", head.tid);
            return Err(step.bad(why));
        }
        Some(Made::Begun { .. }) => return Err(step.bad("the call has made a task before")),
        None => return Err(step.bad("its maker has not announced it")),
    }
    if let Some(open) = step.task.call.as_mut() {
        open.made = Some(Made::Begun { tid: head.tid, ids });
    }
    Ok(())
}

/// Reads the ids in the PID namespaces of a new task.
pub(crate) fn in_namespaces(task: &sysreel_format::Task<'_>) -> Result<Vec<u32>, Unfit> {
    let (mut ids, mut found) = (Vec::new(), false);
    for part in task.parts {
        match part? {
            Part::NsPids(pids) if !found => (ids, found) = (pids.iter().collect(), true),
            // One that must be understood is an error of the decoder.
            Part::Unknown { .. } => {}
            _ => return Err(Unfit::Bad("a part twice, or one that no new task has".to_owned())),
        }
    }
    match ids.first() {
        // The outermost namespace is the recorder's.
        Some(&outer) if outer != task.head.tid => {
            let tid = task.head.tid;
            Err(Unfit::Bad(format!("its tid is {tid}, and its outermost id {outer}")))
        }
        _ => Ok(ids),
    }
}

/// Why the parts of a new task are not what they must be.
#[derive(Debug)]
pub(crate) enum Unfit {
    Bad(String),
    Format(sysreel_format::Error),
}

impl From<sysreel_format::Error> for Unfit {
    fn from(error: sysreel_format::Error) -> Unfit {
        Unfit::Format(error)
    }
}

/// Compares the result of a call that makes tasks with the task that it made.
pub(crate) fn result<K: Kernel, S>(
    step: &Step<'_, K, S>,
    open: &OpenCall,
    result: i64,
) -> Replayed {
    let Some(flags) = open.known.and_then(|known| known.clone) else { return Ok(()) };
    match &open.made {
        // The task begins in the log as one of an unknown maker, with its ids in other words.
        Some(Made::Announced(_)) => Ok(()),
        // Of a task that has ended at once, the recorder may not know the ids in all namespaces.
        Some(Made::Begun { ids, .. }) if ids.is_empty() => Ok(()),
        Some(Made::Begun { ids, .. }) if ids.iter().any(|&id| i64::from(id) == result) => Ok(()),
        Some(Made::Begun { tid, ids }) => Err(step.bad(format!(
            "the call has made task {tid}, with the ids {ids:?}, and its result is {result}"
        ))),
        // No ptrace event tells of it.
        None if flags.untraced() => Ok(()),
        // A filter of the program may skip the call: the result is 0, or the number of the call.
        None if result == 0 || result.cast_unsigned() == open.nr => Ok(()),
        None => Err(step.bad(format!(
            "the result is {result}, and the log does not have the task that the call made"
        ))),
    }
}

/// Compares the new tid of a task that executes a program: it gets the tid of its process.
pub(crate) fn renamed<T>(task: &mut Task<T>, renamed: &Renamed) -> Result<(), String> {
    let Renamed { old_tid, new_tid, tgid } = *renamed;
    if (old_tid, tgid) != (task.tid, task.tgid) {
        let (tid, process) = (task.tid, task.tgid);
        return Err(format!(
            "task {old_tid} of process {tgid} is renamed, and this is task {tid} of {process}"
        ));
    }
    if new_tid != tgid || old_tid == new_tid {
        return Err(format!("a task of process {tgid} gets the tid {new_tid} for {old_tid}"));
    }
    let is_in_exec = task.call.as_ref().is_some_and(|open| {
        open.vetoed.is_none() && open.known.is_some_and(|known| known.row.kind == CallKind::Exec)
    });
    if !is_in_exec {
        return Err("a task gets another tid, and executes no program".to_owned());
    }
    (task.former_tid, task.tid, task.is_leader) = (Some(old_tid), new_tid, true);
    Ok(())
}

/// Compares the tid that a task had before it executed a program.
pub(crate) fn executes<K: Kernel, S>(step: &mut Step<'_, K, S>, tid: Option<u32>) -> Replayed {
    let had = step.task.former_tid.take().unwrap_or(step.task.tid);
    match tid {
        Some(tid) if tid != had => {
            Err(step
                .bad(format!("the tid before the execve is {tid}, and that of the task is {had}")))
        }
        // Without a message the task was being killed, and can only end: see `stops::event`.
        _ => Ok(()),
    }
}
