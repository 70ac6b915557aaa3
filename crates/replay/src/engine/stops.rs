//! Replays stops, by their kind.

use super::calls::Calls;
use super::exit::exit;
use super::facts::{At, Facts};
use super::halt::Replayed;
use super::parts;
use super::signals::signal;
use super::step::Step;
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
        // Before its first program the task is a fork of the recorder: see Calls::entry.
        _ if !step.task.has_image => Ok(()),
        StopKind::Signal(number) => signal(step, stop, number),
        // The program does not notice a group stop: the signal that caused it has its own stop.
        StopKind::Group(_) => Facts::read(step, stop, At::Bare).map(drop),
        StopKind::Event(event) => self::event(step, stop, event),
    }
}

/// Whether a stop can come after the recorder has lost sight of a task.
pub(crate) fn is_of_ending_task(stop: &Stop<'_>) -> bool {
    let kind = StopKind::of(WaitStatus(stop.wait_status.cast_signed()));
    stop.info_ret == -ESRCH || kind == StopKind::Event(Event::EXIT)
}

/// A stop that the task had left already, because it was being killed. What it did on its way there
/// is not known and reached nobody; it only ends.
fn dying<K: Kernel, S: ReadAt>(step: &mut Step<'_, K, S>, stop: &Stop<'_>) -> Replayed {
    Facts::read(step, stop, At::Bare)?;
    step.task.lacks.get_or_insert(Lack::Answer);
    Ok(())
}

/// Replays the stop of a ptrace event. In the replay nothing causes one; what it did to the program
/// is in its parts, and the events after it.
fn event<K: Kernel, S: ReadAt>(
    step: &mut Step<'_, K, S>,
    stop: &Stop<'_>,
    event: Event,
) -> Replayed {
    Facts::read(step, stop, At::Event)?;
    let open = step.task.call.as_ref();
    let known = open.and_then(|open| open.known);
    let belongs = match event {
        Event::FORK | Event::VFORK | Event::CLONE | Event::VFORK_DONE => {
            known.is_some_and(|known| known.clone.is_some())
        }
        Event::EXEC => known.is_some_and(|known| known.row.kind == CallKind::Exec),
        Event::SECCOMP => open.is_some(),
        Event::EXIT | Event::STOP => true,
        _ => false,
    };
    if !belongs {
        return Err(step.bad(format!("ptrace event {} outside of a call that causes it", event.0)));
    }
    if event == Event::SECCOMP {
        compare_filtered_call(step, stop)?;
    }
    parts::repeat(step, stop)?;
    if event == Event::EXIT {
        step.task.lacks = Some(Lack::Life);
    }
    Ok(())
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
