//! Repeats what a stop recorded: writes memory and registers, and makes mappings.

use super::guard::Guard;
use super::halt::Replayed;
use super::step::Step;
use super::target::Place;
use super::task::{Lack, Task};
use crate::kernel::{Kernel, Tracee};
use std::rc::Rc;
use sysreel_abi::replay::AddressSpaceOp;
use sysreel_format::{
    Altered, Altering, Direction, Event, Mapped, MappedFile, MappedFlags, Part, ReadAt, Stop,
};
use sysreel_sys::Registers;
use sysreel_sys::regs::NT_X86_XSTATE;
use sysreel_sys::stop::NT_PRSTATUS;

/// Writes what the stop recorded, in the order of its parts: registers, outgoing regions, altered
/// values and mappings. The parts have been checked ([`Facts`](super::facts::Facts)).
pub(crate) fn repeat<K: Kernel, S: ReadAt>(step: &mut Step<'_, K, S>, stop: &Stop<'_>) -> Replayed {
    let mut parts = stop.parts.peekable();
    while let Some(part) = parts.next() {
        match part? {
            Part::Registers { regset: NT_PRSTATUS, bytes } => {
                let Some(registers) = Registers::from_bytes(bytes) else {
                    return Err(step.bad("malformed registers"));
                };
                let set = step.task.tracee.set_registers(&registers);
                set.map_err(|source| step.failed(source))?;
                step.task.restart = None;
                step.task.lacks = step.task.lacks.filter(|lack| *lack != Lack::Registers);
            }
            Part::Registers { regset: NT_X86_XSTATE, bytes } => {
                let set = step.task.tracee.set_extended(bytes);
                set.map_err(|source| step.failed(source))?;
            }
            Part::Region(region) if region.head.dir == Direction::OUT => {
                let bytes = step.log.region_bytes(&region)?;
                step.write(region.head.address, &bytes)?;
            }
            Part::Altered(altered) if altered.what == Altering::AFFINITY => {
                write_affinity(step, &altered)?;
            }
            Part::Mapped(mapped) => {
                let file = match parts.peek() {
                    Some(Ok(Part::File(file))) => Some(*file),
                    _ => None,
                };
                map(step, &mapped, file.as_ref())?;
            }
            // What else a stop may have is compared, is repeated by other parts, or is not visible
            // to the program: Facts knows.
            _ => {}
        }
    }
    Ok(())
}

/// Writes the affinity mask that the recorder showed to the program.
fn write_affinity<K: Kernel, S>(step: &mut Step<'_, K, S>, altered: &Altered<'_>) -> Replayed {
    let address =
        step.task.call.as_ref().and_then(|open| {
            open.known?.abi.args(&open.args).get(usize::from(altered.arg)).copied()
        });
    match address {
        Some(address) => step.write(address, altered.given),
        None => Err(step.bad("an affinity mask for no argument of a known call")),
    }
}

/// Writes what a call has written that is not over.
pub(crate) fn early_write<T: Tracee>(
    guard: Guard,
    event: &Event<'_>,
    task: &mut Task<T>,
    altered: &Altered<'_>,
) -> Replayed {
    let place = Place { event, call: task.call_name() };
    let address = altered.kernel.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    let (Some(address), Some(_)) = (address, &task.call) else {
        return Err(place.bad("a call wrote memory, and it is not known where, or which"));
    };
    if let Some(why) = guard.refuses_range(address, altered.given.len() as u64) {
        return Err(place.bad(why));
    }
    let written = task.tracee.write(address, altered.given);
    written.map_err(|source| {
        place.io_failed(format!("write to {address:#x}"), task.tracee.tid(), source)
    })
}

fn map<K: Kernel, S: ReadAt>(
    step: &mut Step<'_, K, S>,
    mapped: &Mapped<'_>,
    file: Option<&MappedFile<'_>>,
) -> Replayed {
    if mapped.head.len == 0 && mapped.head.flags.contains(MappedFlags::FILE) {
        let changed = step.file_pool.change(step.log, mapped);
        return changed.map_err(|why| step.target().place.pool(why));
    }
    let op = step.task.call.as_ref().and_then(|open| open.known?.address_space_op);
    let space = Rc::clone(&step.task.space);
    let mut space = space.borrow_mut();
    if matches!(op, Some(AddressSpaceOp::Attach { .. })) {
        space.attach(mapped.head.start, mapped.head.len);
    }
    let log = step.log;
    space.map(&mut step.target(), log, mapped, file)
}
