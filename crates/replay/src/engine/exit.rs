//! Replays the exits of system calls: gives the task the recorded result, memory and registers.

use super::facts::{At, Facts};
use super::halt::Replayed;
use super::ids;
use super::limits;
use super::parts;
use super::places;
use super::step::Step;
use super::stop_info::address;
use super::task::{Echo, Lack, OpenCall, Restart};
use crate::divergence::Field;
use crate::kernel::{Kernel, Tracee};
use crate::outcome::Observer;
use std::cell::RefCell;
use std::rc::Rc;
use sysreel_abi::replay::AddressSpaceOp;
use sysreel_abi::{AuditArch, CallKind, errno};
use sysreel_format::syscall_info::{Info, MERGED, Outcome, What};
use sysreel_format::{ReadAt, Stop};
use sysreel_sys::regs::THREAD_AREA;

/// The values that say that a call has failed (include/linux/err.h, IS_ERR_VALUE).
const ERRORS: std::ops::RangeInclusive<i64> = -4095..=-1;

const PAGE: u64 = 4096;

/// How much output is passed on at once, in bytes: the log may state any length.
const ECHO_PIECE: usize = 1 << 20;

/// Gives the task the recorded result, memory and registers of the call.
pub(crate) fn exit<K: Kernel, S: ReadAt, O: Observer + ?Sized>(
    step: &mut Step<'_, K, S>,
    stop: &Stop<'_>,
    observer: &mut O,
) -> Replayed {
    let facts = Facts::read(step.place(), stop, At::Exit)?;
    let recorded = MERGED.decode(stop.info);
    let What::Exit(outcome) = recorded.what else {
        return Err(step.bad("the struct of the exit has no result"));
    };
    // On x86 the kernel derives one from the other (arch/x86/include/asm/syscall.h,
    // syscall_get_error).
    if outcome.failed() != ERRORS.contains(&outcome.rval) {
        let (rval, flag) = (outcome.rval, outcome.is_error);
        return Err(step.bad(format!("the result is {rval}, and is_error is {flag}")));
    }
    // A new task does not report the end of the call that made it: when its first stop ends, the
    // kernel has passed the place of that report (kernel/entry/common.c, Linux 6.18).
    let Some(open) = step.task.call.clone() else {
        return Err(step.bad("a call ends that has not begun"));
    };
    let kind = open.known.map(|known| known.row.kind);
    let is_skipped = is_skipped(&open, outcome);
    let succeeded = !outcome.failed() && open.vetoed.is_none() && !is_skipped;
    let is_exec = succeeded && kind == Some(CallKind::Exec);
    if is_exec {
        compare_image_place(step, &recorded, &facts)?;
        new_image(step, stop)?;
    } else if step.task.has_image {
        check_place(step, &open, &recorded, &facts)?;
        if facts.has_altered_memory {
            return Err(step.bad("the recorder changed memory at the exit of this call"));
        }
        let value = result(step, &open, outcome, &facts)?;
        let returned = succeeded.then(|| outcome.rval.cast_unsigned());
        check_mappings(step, &open, returned, &facts)?;
        if succeeded {
            ids::result(step, &open, value)?;
            echo(step, open.echo.as_ref(), outcome.rval, observer)?;
            change_address_space(step, &open, outcome.rval.cast_unsigned(), &facts)?;
            limits::set_stack_limit(step, &open)?;
        } else if outcome.failed() && open.vetoed.is_none() {
            change_in_part(step, &open, outcome.rval)?;
        }
        step.task.restart = errno::is_restart(value).then_some(Restart {
            arch: open.arch,
            nr: open.nr,
            by_block: errno::is_restart_block(value),
        });
        let set = step.task.tracee.set_result(value.cast_unsigned());
        set.map_err(|source| step.failed(source))?;
        parts::repeat(step, stop)?;
        if succeeded {
            set_thread_area(step, &open)?;
        }
    }
    step.task.call = None;
    // One that fails when the old program is gone already ends in a SIGSEGV.
    step.task.may_be_forced = kind == Some(CallKind::Exec) && outcome.failed();
    Ok(())
}

/// Whether a filter of the program has skipped a call that shapes memory: the result is then the
/// number of the call (SECCOMP_RET_TRAP, seccomp(2)). No such call returns so little otherwise.
fn is_skipped(open: &OpenCall, outcome: Outcome) -> bool {
    let shapes = open
        .known
        .is_some_and(|known| known.address_space_op.is_some() || known.row.kind == CallKind::Exec);
    shapes && outcome.rval.cast_unsigned() == open.nr
}

/// Compares where the call ends with where it began, or with the registers that the log has.
fn check_place<K: Kernel, S>(
    step: &Step<'_, K, S>,
    open: &OpenCall,
    recorded: &Info,
    facts: &Facts<'_>,
) -> Replayed {
    let arch = recorded.arch.map(AuditArch);
    if arch != Some(open.arch) {
        let recorded = address(arch.map(|arch| arch.0.into()));
        return Err(step.diverged(Field::Arch, recorded, format!("{:#x}", open.arch.0)));
    }
    let (ip, sp) = match facts.registers {
        Some(registers) => (Some(registers.ip()), Some(registers.sp())),
        None => open.place,
    };
    places::compare(step, (recorded.ip, recorded.sp), (ip, sp))
}

/// Checks that the call can have made the mappings of the exit, and changed a file.
fn check_mappings<K: Kernel, S>(
    step: &Step<'_, K, S>,
    open: &OpenCall,
    result: Option<u64>,
    facts: &Facts<'_>,
) -> Replayed {
    let op = open.known.and_then(|known| known.address_space_op);
    // Where it maps, and how much. ipc(2) stores the address in memory, and the length of a segment
    // is not among the arguments of shmat(2) either.
    let range = result.zip(op).and_then(|(result, op)| match op {
        AddressSpaceOp::Map { len, anonymous: false, .. }
        | AddressSpaceOp::Remap { new_len: len, .. } => {
            Some((result, result.saturating_add(len.checked_next_multiple_of(PAGE)?)))
        }
        AddressSpaceOp::Attach { stored_at: None } => Some((result, u64::MAX)),
        AddressSpaceOp::Attach { stored_at: Some(_) } => Some((0, u64::MAX)),
        _ => None,
    });
    for &(start, len) in &facts.mapped {
        let end = start.saturating_add(len.checked_next_multiple_of(PAGE).unwrap_or(len));
        if !range.is_some_and(|(from, to)| from <= start && end <= to) {
            let why = format!("the call did not make the mapping {start:#x}+{len:#x}");
            return Err(step.bad(why));
        }
    }
    let may_change = result.is_some() && open.known.is_some_and(|known| known.changes_file);
    match facts.changes_file && !may_change {
        true => Err(step.bad("a mapped file changes at the exit of a call that changes none")),
        false => Ok(()),
    }
}

/// Compares where a new program begins with the event of the execve and the registers that the log
/// has. Its architecture may be another than that of the call.
fn compare_image_place<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    recorded: &Info,
    facts: &Facts<'_>,
) -> Replayed {
    let Some(place) = step.task.image_place.take() else {
        return Err(step.bad("an execve succeeds without its ptrace event"));
    };
    places::compare(step, (recorded.ip, recorded.sp), place)?;
    match facts.registers {
        Some(registers) => {
            places::compare(step, place, (Some(registers.ip()), Some(registers.sp())))
        }
        // The task was being killed: it cannot run on.
        None => Ok(()),
    }
}

/// Returns the result that the program got.
fn result<K: Kernel, S>(
    step: &Step<'_, K, S>,
    open: &OpenCall,
    outcome: Outcome,
    facts: &Facts<'_>,
) -> Replayed<i64> {
    let value = facts.result.unwrap_or(outcome.rval);
    match open.vetoed {
        Some(vetoed) if value != vetoed => Err(step.bad(format!(
            "the recorder answered the call with {vetoed}, and its result is {value}"
        ))),
        None if facts.result.is_some() => {
            Err(step.bad("the recorder changed the result of a call that it did not answer"))
        }
        _ => Ok(value),
    }
}

/// Passes on what the program wrote to the recorder's output, up to the `count` bytes that the call
/// took.
fn echo<K: Kernel, S, O: Observer + ?Sized>(
    step: &mut Step<'_, K, S>,
    echo: Option<&Echo>,
    count: i64,
    observer: &mut O,
) -> Replayed {
    let Some(Echo { to, buffers }) = echo else { return Ok(()) };
    let mut left = u64::try_from(count).unwrap_or(u64::MAX);
    let mut piece = Vec::new();
    for &(address, len) in buffers {
        let (len, mut done) = (len.min(left), 0);
        while done < len {
            piece.resize(usize::try_from(len - done).unwrap_or(ECHO_PIECE).min(ECHO_PIECE), 0);
            let got = step.task.tracee.read(address.wrapping_add(done), &mut piece);
            observer.output(*to, &piece[..got]);
            done += got as u64;
            if got < piece.len() {
                let field = Field::Buffer { argument: 1, offset: done };
                let recorded = format!("{len} bytes of output");
                let actual = "memory that cannot be read".to_owned();
                return Err(step.diverged(field, recorded, actual));
            }
        }
        left -= len;
    }
    match left {
        0 => Ok(()),
        left => Err(step.bad(format!("{left} of the {count} bytes of output are not in the log"))),
    }
}

/// Repeats what the call did to the address space. What it mapped of files is in the log.
fn change_address_space<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    open: &OpenCall,
    result: u64,
    facts: &Facts<'_>,
) -> Replayed {
    let Some(op) = open.known.and_then(|known| known.address_space_op) else { return Ok(()) };
    let is_mapped = match op {
        AddressSpaceOp::Map { anonymous: false, .. }
        | AddressSpaceOp::Attach { stored_at: None } => facts.is_mapped_at(result),
        // ipc(2) stores the address in memory.
        AddressSpaceOp::Attach { stored_at: Some(_) } => !facts.mapped.is_empty(),
        // The arguments say all of it: see `check_mappings`.
        _ => true,
    };
    if !is_mapped {
        return Err(step.bad("the log does not have what the call mapped"));
    }
    let space = Rc::clone(&step.task.space);
    let argument = open.known.map_or(0, |known| known.abi.args(&open.args)[0]);
    space.borrow_mut().apply(&mut step.target(), op, argument, result)
}

/// Repeats what a failed call did before it failed.
fn change_in_part<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    open: &OpenCall,
    result: i64,
) -> Replayed {
    let Some(op) = open.known.and_then(|known| known.address_space_op) else { return Ok(()) };
    let space = Rc::clone(&step.task.space);
    let space = space.borrow();
    space.apply_failed(&mut step.target(), op, result)
}

/// Sets the entry of the segment table that the call has set (i386). After its memory was written:
/// the kernel stored the number of the entry there.
fn set_thread_area<K: Kernel, S>(step: &mut Step<'_, K, S>, open: &OpenCall) -> Replayed {
    let Some(AddressSpaceOp::ThreadArea { at }) =
        open.known.and_then(|known| known.address_space_op)
    else {
        return Ok(());
    };
    let area = read_thread_area(step, at)?;
    step.task.tracee.set_thread_area(&area).map_err(|source| step.failed(source))
}

/// Reads a `struct user_desc` from the memory of the task.
pub(crate) fn read_thread_area<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    at: u64,
) -> Replayed<[u8; THREAD_AREA]> {
    let mut area = [0; THREAD_AREA];
    match step.task.tracee.read(at, &mut area) {
        THREAD_AREA => Ok(area),
        _ => Err(step.bad(format!("the struct user_desc at {at:#x} cannot be read"))),
    }
}

/// Replaces the program after an execve: the task becomes a stub, then gets the recorded mappings,
/// memory and registers.
fn new_image<K: Kernel, S: ReadAt>(step: &mut Step<'_, K, S>, stop: &Stop<'_>) -> Replayed {
    let stub = step.kernel.become_stub(&mut step.task.tracee);
    stub.map_err(|lost| step.lost(lost))?;
    let task = &mut *step.task;
    task.space = Rc::new(RefCell::default());
    task.has_image = true;
    task.restart = None;
    task.lacks = Some(Lack::Registers);
    // The log has mappings before their contents. Registers take effect when the task runs:
    // injected calls leave them alone.
    parts::repeat(step, stop)
}
