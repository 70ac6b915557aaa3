//! Replays stops, by their kind.

use super::calls::Calls;
use super::ends::Ends;
use super::exit::exit;
use super::facts::{At, Facts};
use super::halt::Replayed;
use super::ids;
use super::parts;
use super::places;
use super::signals::signal;
use super::step::Step;
use super::target::Place;
use super::task::Lack;
use crate::divergence::Field;
use crate::kernel::Kernel;
use crate::outcome::Observer;
use sysreel_abi::CallKind;
use sysreel_format::syscall_info::{self, MERGED, Op, What};
use sysreel_format::{Layout, ReadAt, Stop};
use sysreel_sys::memory::ESRCH;
use sysreel_sys::{Event, StopKind, WaitStatus};

/// Replays a stop of a task.
pub(crate) fn stop<K: Kernel, S: ReadAt, O: Observer + ?Sized>(
    step: &mut Step<'_, K, S>,
    calls: &mut Calls,
    ends: &mut Ends,
    stop: &Stop<'_>,
    observer: &mut O,
) -> Replayed {
    let status = WaitStatus(stop.wait_status.cast_signed());
    if !status.is_stopped() {
        return Err(step.bad(format!("its wait status {:#x} is not that of a stop", status.0)));
    }
    match step.task.lacks {
        None | Some(Lack::Registers) => {}
        Some(_) if is_of_ending_task(stop) => {}
        Some(lack) => {
            return Err(step.bad(format!("the task cannot stop again: {}", lack.describe())));
        }
    }
    if stop.info_ret == -ESRCH {
        return dying(step, stop);
    }
    if stop.layout != Layout::MERGED || stop.info.is_empty() {
        let (layout, answer) = (stop.layout.0, stop.info_ret);
        return Err(step.bad(format!(
            "the kernel's struct is missing or of another layout (layout {layout}, answer {answer})"
        )));
    }
    match StopKind::of(status) {
        StopKind::Syscall => match syscall_info::op(stop.info) {
            Some(Op::ENTRY) => calls.entry(step, stop),
            Some(Op::EXIT) => exit(step, stop, observer),
            // The task was killed and is already in its next stop.
            Some(Op::NONE) => dying(step, stop),
            op => {
                let op = op.map_or(0, |op| op.0);
                Err(step.bad(format!("op {op} at a syscall stop, neither entry nor exit")))
            }
        },
        StopKind::Signal(_) if !step.task.has_image => before_image(step, stop),
        StopKind::Signal(number) => signal(step, stop, number),
        StopKind::Group(_) => group_stop(step, stop),
        StopKind::Event(event) => self::event(step, ends, stop, event),
    }
}

/// Whether a stop can come after the recorder has lost sight of a task.
pub(crate) fn is_of_ending_task(stop: &Stop<'_>) -> bool {
    let kind = StopKind::of(WaitStatus(stop.wait_status.cast_signed()));
    stop.info_ret == -ESRCH || kind == StopKind::Event(Event::EXIT)
}

/// A task of unknown state can only be seen to end. Of its memory nothing is replayed; what of it
/// others share is in the hands of its process, which was killed.
pub(crate) fn of_orphan(event: &sysreel_format::Event<'_>, stop: &Stop<'_>) -> Replayed {
    let place = Place { event, call: None };
    let kind = StopKind::of(WaitStatus(stop.wait_status.cast_signed()));
    let at = match kind {
        _ if stop.info_ret == -ESRCH => At::Bare,
        StopKind::Event(Event::EXIT | Event::STOP) => At::Event,
        _ => {
            let why =
                "the task was made by one that was killed, so its beginning is not in the log";
            return Err(place.bad(why));
        }
    };
    Facts::read(place, stop, at).map(drop)
}

/// A stop that the task had left already, because it was being killed. What it did on its way there
/// is not known and reached nobody; it only ends.
fn dying<K: Kernel, S: ReadAt>(step: &mut Step<'_, K, S>, stop: &Stop<'_>) -> Replayed {
    Facts::read(step.place(), stop, At::Bare)?;
    step.task.lacks.get_or_insert(Lack::Answer);
    Ok(())
}

/// Before its first program a task is a fork of the recorder, whose code differs from run to run:
/// see [`Calls::entry`]. Its signals come from outside and have no handler.
fn before_image<K: Kernel, S: ReadAt>(step: &mut Step<'_, K, S>, stop: &Stop<'_>) -> Replayed {
    let facts = Facts::read(step.place(), stop, At::Signal)?;
    if facts.registers.is_some() || facts.regions > 0 || facts.time_stamp.is_some() {
        return Err(step.bad("a signal changes a task before its first program"));
    }
    Ok(())
}

/// The program does not notice a group stop: the signal that caused it has its own stop.
fn group_stop<K: Kernel, S: ReadAt>(step: &mut Step<'_, K, S>, stop: &Stop<'_>) -> Replayed {
    Facts::read(step.place(), stop, At::Bare)?;
    match step.task.has_image && step.task.lacks.is_none() {
        true => places::run_to(step, stop),
        // A fork of the recorder, or a task whose registers the log does not have.
        false => Ok(()),
    }
}

/// Replays the stop of a ptrace event. In the replay nothing causes one; what it did to the program
/// is in its parts, and the events after it.
fn event<K: Kernel, S: ReadAt>(
    step: &mut Step<'_, K, S>,
    ends: &mut Ends,
    stop: &Stop<'_>,
    event: Event,
) -> Replayed {
    let facts = Facts::read(step.place(), stop, At::Event)?;
    let Ok(message) = facts.message.map(u32::try_from).transpose() else {
        return Err(step.bad("the message of a ptrace event that is no id or status"));
    };
    match event {
        Event::FORK | Event::VFORK | Event::CLONE => ids::announce(step, event, message)?,
        Event::VFORK_DONE => ids::vfork_done(step, message)?,
        Event::EXEC if is_in_exec(step) => {
            ids::executes(step, message)?;
            // The registers are those of the new program: its exit has them.
            step.task.image_place = Some(places::recorded(stop));
        }
        // The message is the data of the filter's answer, which nothing but the recorder got.
        Event::SECCOMP if step.task.call.is_some() => compare_filtered_call(step, stop)?,
        Event::EXIT => {
            // Without a message the task was being killed: its end has the status.
            if let Some(status) = message {
                ends.exits(step.task, status).map_err(|why| step.bad(why))?;
            }
        }
        // The kernel has no message for it.
        Event::STOP => own_stop(step, stop, &facts)?,
        _ => {
            let why = format!("ptrace event {} outside of a call that causes it", event.0);
            return Err(step.bad(why));
        }
    }
    if event != Event::STOP {
        compare_place_in_call(step, stop, event)?;
    }
    parts::repeat(step, stop)?;
    if event == Event::EXIT {
        step.task.lacks = Some(Lack::Life);
    } else if message.is_none() && event != Event::STOP {
        // The recorder could not read it: the task was being killed.
        step.task.lacks = Some(Lack::Answer);
    }
    Ok(())
}

fn is_in_exec<K: Kernel, S>(step: &Step<'_, K, S>) -> bool {
    let open = step.task.call.as_ref().filter(|open| open.vetoed.is_none());
    open.and_then(|open| open.known).is_some_and(|known| known.row.kind == CallKind::Exec)
}

/// Compares where a task is at an event of its call: where the call began.
fn compare_place_in_call<K: Kernel, S>(
    step: &Step<'_, K, S>,
    stop: &Stop<'_>,
    event: Event,
) -> Replayed {
    let Some(open) = &step.task.call else {
        // The exit of a task that something outside has killed, at any instruction. A signal that
        // killed it has its own stop.
        return Ok(());
    };
    let moves = open.known.is_some_and(|known| {
        matches!(known.row.kind, CallKind::Exec) || known.row.name.ends_with("sigreturn")
    });
    match event {
        // At the first the kernel has set the registers of the new program; the exit has them. A
        // task may be killed once such a call has set them.
        Event::EXEC | Event::EXIT if moves => Ok(()),
        _ => places::compare(step, places::recorded(stop), open.place),
    }
}

/// Compares the place of a stop that the recorder or SIGCONT has caused, or of the first stop of a
/// task.
fn own_stop<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    stop: &Stop<'_>,
    facts: &Facts<'_>,
) -> Replayed {
    let begins_at = step.task.begins_at.take();
    match facts.registers {
        Some(registers) => {
            let place = (Some(registers.ip()), Some(registers.sp()));
            places::compare(step, places::recorded(stop), place)?;
            match begins_at {
                Some(begins_at) => places::compare(step, place, begins_at),
                None => Err(step.bad("registers at a stop that is not the first of a task")),
            }
        }
        None if step.task.has_image && step.task.lacks.is_none() => places::run_to(step, stop),
        // A fork of the recorder, or a task whose registers the log does not have.
        None => Ok(()),
    }
}

/// Compares the call at the stop of a seccomp filter with the entry before it.
fn compare_filtered_call<K: Kernel, S>(step: &Step<'_, K, S>, stop: &Stop<'_>) -> Replayed {
    let What::Seccomp(call, _) = MERGED.decode(stop.info).what else {
        return Err(step.bad("the struct of a filter's stop has no call"));
    };
    let Some(open) = &step.task.call else { return Err(step.bad("a filter without a call")) };
    let args = call.args.into_iter().zip(open.args);
    let differs = args.zip(0..).find(|((recorded, entered), _)| recorded != entered);
    let (field, recorded, entered) = match differs {
        _ if call.nr != open.nr => (Field::Number, call.nr, open.nr),
        Some(((recorded, entered), argument)) => (Field::Argument(argument), recorded, entered),
        None => return Ok(()),
    };
    Err(step.diverged(field, format!("{recorded:#x}"), format!("{entered:#x}")))
}
