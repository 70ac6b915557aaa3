//! Starts the tasks of a replay: the first as a stub, any other by a clone(2) of its maker.

use super::exit::read_thread_area;
use super::halt::{Halt, Replayed};
use super::ids;
use super::step::Step;
use super::target::Place;
use super::task::{Known, Lack, OpenCall, Pointers, Task};
use crate::kernel::{Kernel, Tracee};
use std::cell::RefCell;
use std::rc::Rc;
use sysreel_abi::CallKind;
use sysreel_format::{Event, TaskHead};
use sysreel_sys::{Call, Lost};

/// Starts the first task.
pub(crate) fn spawn<K: Kernel>(
    kernel: &mut K,
    event: &Event<'_>,
    head: &TaskHead,
) -> Replayed<Task<K::Tracee>> {
    let tracee = kernel.spawn().map_err(|source| Place { event, call: None }.failed(source))?;
    Ok(Task {
        id: event.task.0,
        tid: head.tid,
        tgid: head.tgid,
        former_tid: None,
        is_leader: head.tid == head.tgid,
        tracee,
        call: None,
        restart: None,
        may_be_forced: false,
        has_image: false,
        lacks: None,
        image_place: None,
        begins_at: None,
        exit_message: None,
        exit_status: None,
        since_ns: event.t_ns,
        space: Rc::new(RefCell::default()),
        ended: None,
    })
}

/// Starts a task that the task of the step has made. Its first stop has its registers.
pub(crate) fn clone<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    head: &TaskHead,
    ids: Vec<u32>,
) -> Replayed<Task<K::Tracee>> {
    let known = step.task.call.as_ref().and_then(|open| open.known);
    let Some((Known { thread_area, .. }, flags)) =
        known.and_then(|known| Some((known, known.clone?)))
    else {
        return Err(step.bad("its maker is in no call that makes a task"));
    };
    if flags.untraced() {
        return Err(step.bad("a task made with CLONE_UNTRACED is in no log"));
    }
    if !step.task.has_image {
        return Err(step.bad("its maker has executed no program yet"));
    }
    ids::of_child(step, head, ids)?;
    let begins_at = step.task.call.as_ref().and_then(begins_at);
    let shares = flags.memory();
    let called = step.target().inject_any(Call::clone(shares))?;
    called.value("clone").map_err(|source| step.failed(source))?;
    let Some(child) = called.child else {
        return Err(step.bad("the kernel did not report the task that clone made"));
    };
    let adopted = step
        .kernel
        .adopt(child)
        .map_err(|lost| begun(Place { event: step.event, call: None }, lost))?;
    let task = Task {
        id: step.event.task.0,
        tid: head.tid,
        tgid: head.tgid,
        former_tid: None,
        is_leader: head.tid == head.tgid,
        tracee: adopted,
        call: None,
        restart: None,
        may_be_forced: false,
        has_image: true,
        lacks: Some(Lack::Registers),
        image_place: None,
        begins_at,
        exit_message: None,
        exit_status: None,
        since_ns: step.event.t_ns,
        space: match shares {
            true => Rc::clone(&step.task.space),
            false => Rc::new(RefCell::new(step.task.space.borrow().clone())),
        },
        ended: None,
    };
    prepare(step, task, thread_area)
}

/// Returns where the task begins that a call makes: at the place of the call, on the stack that the
/// call names, if it names one.
fn begins_at(open: &OpenCall) -> Option<Pointers> {
    let Known { abi, row, .. } = open.known?;
    let args = abi.args(&open.args);
    let stack = (row.kind == CallKind::Clone).then(|| args[1]).filter(|&stack| stack != 0);
    Some((open.place.0, stack.or(open.place.1)))
}

/// Gives a new task what it inherits. It starts in the page of the stub: it gets the registers of
/// its maker, and the new entry of the segment table (set_thread_area(2)) besides the inherited
/// ones.
fn prepare<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    mut task: Task<K::Tracee>,
    thread_area: Option<u64>,
) -> Replayed<Task<K::Tracee>> {
    let registers = step.task.tracee.registers().map_err(|source| step.failed(source))?;
    task.tracee.set_registers(&registers).map_err(|source| step.failed(source))?;
    if let Some(at) = thread_area {
        let area = read_thread_area(step, at)?;
        task.tracee.set_thread_area(&area).map_err(|source| step.failed(source))?;
    }
    Ok(task)
}

fn begun(place: Place<'_>, lost: Lost) -> Halt {
    match lost {
        Lost::Gone(status) => {
            place.bad(format!("the new task ended at once (wait status {:#x})", status.0))
        }
        Lost::Failed(source) => place.failed(source),
    }
}
