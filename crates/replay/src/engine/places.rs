//! Compares the instruction and stack pointer, which the kernel's struct has for every kind of
//! stop.

use super::halt::Replayed;
use super::run::Reached;
use super::step::Step;
use super::stop_info::address;
use super::task::Pointers;
use crate::divergence::Field;
use crate::kernel::{Kernel, Tracee};
use sysreel_format::Stop;
use sysreel_format::syscall_info::MERGED;
use sysreel_sys::remote::SYSCALL;
use sysreel_sys::signals;

/// How often a task may come to the instruction of a stop with another stack pointer.
pub(crate) const MAX_VISITS: u32 = 1_000_000;

/// Returns the recorded instruction and stack pointer.
pub(crate) fn recorded(stop: &Stop<'_>) -> Pointers {
    let info = MERGED.decode(stop.info);
    (info.ip, info.sp)
}

/// Compares the place of a stop.
pub(crate) fn compare<K: Kernel, S>(
    step: &Step<'_, K, S>,
    recorded: Pointers,
    actual: Pointers,
) -> Replayed {
    for (field, recorded, actual) in [
        (Field::InstructionPointer, recorded.0, actual.0),
        (Field::StackPointer, recorded.1, actual.1),
    ] {
        if recorded.is_none() || recorded != actual {
            return Err(step.diverged(field, address(recorded), address(actual)));
        }
    }
    Ok(())
}

/// Compares where a task is that has executed nothing since its last stop.
pub(crate) fn compare_boundary<K: Kernel, S>(step: &Step<'_, K, S>, stop: &Stop<'_>) -> Replayed {
    let (here, recorded) = (here(step)?, recorded(stop));
    match step.task.restart.is_some() && recorded == before_call(here) {
        true => Ok(()),
        false => compare(step, recorded, here),
    }
}

/// Runs a task to the place of a stop that something outside of the program has caused, a signal
/// or a stop of its process. It may be at any instruction; the task passes it on its way to its
/// next stop, or has executed nothing since the last.
pub(crate) fn run_to<K: Kernel, S>(step: &mut Step<'_, K, S>, stop: &Stop<'_>) -> Replayed {
    let (here, recorded) = (here(step)?, recorded(stop));
    // In a call a task executes nothing, nor does it before the kernel makes one again.
    if recorded == here || step.task.call.is_some() || step.task.restart.is_some() {
        return compare_boundary(step, stop);
    }
    let (Some(ip), Some(_)) = recorded else { return compare(step, recorded, here) };
    set_breakpoint(step, Some(ip))?;
    let mut budget = step.budget();
    for _ in 0..MAX_VISITS {
        match step.run_within(&mut budget)? {
            Reached::Signal(signals::SIGTRAP, info) if signals::is_hardware_breakpoint(&info) => {}
            other => {
                let place = format!("a stop at {ip:#x}, between two instructions");
                return Err(step.stopped_elsewhere(place, &other));
            }
        }
        if self::here(step)? == recorded {
            return set_breakpoint(step, None);
        }
    }
    let actual = format!("a task that passed {ip:#x} {MAX_VISITS} times with other stack pointers");
    Err(step.diverged(Field::StackPointer, address(recorded.1), actual))
}

fn here<K: Kernel, S>(step: &Step<'_, K, S>) -> Replayed<Pointers> {
    let here = step.task.tracee.registers().map_err(|source| step.failed(source))?;
    Ok((Some(here.ip()), Some(here.sp())))
}

/// Where a task is once the kernel has decided to make its call again. A signal may come between
/// that and the call.
fn before_call((ip, sp): Pointers) -> Pointers {
    (ip.map(|ip| ip.wrapping_sub(SYSCALL.len() as u64)), sp)
}

pub(crate) fn set_breakpoint<K: Kernel, S>(step: &mut Step<'_, K, S>, ip: Option<u64>) -> Replayed {
    step.task.tracee.set_breakpoint(ip).map_err(|source| step.failed(source))
}
