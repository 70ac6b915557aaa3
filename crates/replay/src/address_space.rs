//! Repeats what calls did to an address space, at the recorded addresses.

use crate::file_pool::FilePool;
use crate::task::Task;
use std::collections::HashMap;
use sysreel_abi::replay::{AddressSpaceOp, changes_memory};
use sysreel_format::{Log, Mapped, MappedFile, MappedFlags, ReadAt};
use sysreel_sys::remote::Call;
use sysreel_sys::stub::GATE;
use sysreel_sys::{Error, Lost, Tracer, memory, process};

const PAGE: u64 = 4096;
const READ_WRITE: u32 = 3;

/// State of an address space besides its mappings.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressSpace {
    /// The lengths of attached System V shared memory segments, by start address.
    pub(crate) segments: HashMap<u64, u64>,
    /// The program break, once brk(2) has returned it.
    program_break: Option<u64>,
}

/// Injects a call into the task; the program does not notice.
///
/// # Errors
/// When the task is gone, or the call fails.
pub(crate) fn inject(
    tracer: &Tracer,
    task: &mut Task,
    what: &str,
    call: Call,
) -> Result<u64, Lost> {
    Ok(tracer.call_in(&mut task.stop, GATE, call)?.value(what)?)
}

/// Makes a recorded mapping.
///
/// # Errors
/// When the task is gone, a call fails, or the contents cannot be read.
pub(crate) fn map_recorded<S: ReadAt>(
    tracer: &Tracer,
    task: &mut Task,
    file_pool: &mut FilePool,
    log: &Log<S>,
    mapped: &Mapped<'_>,
    file: Option<&MappedFile<'_>>,
) -> Result<(), Fault> {
    let head = &mapped.head;
    let (address, prot) = (head.start, head.prot);
    if !head.flags.contains(MappedFlags::FILE) {
        let grows_down = head.flags.contains(MappedFlags::GROWS_DOWN);
        inject(tracer, task, "mmap", Call::Anonymous { address, len: head.len, prot, grows_down })?;
        return Ok(());
    }
    let shared = head.flags.contains(MappedFlags::SHARED);
    let filled = head.filled.next_multiple_of(PAGE).min(head.len);
    // Also when nothing is mapped here: other mappings of a shared file may show these contents.
    let offset = match file {
        _ if !shared && filled == 0 => 0,
        Some(file) if !shared => file_pool.place_file(head, file)?,
        _ => file_pool.place(log, mapped, shared)?,
    };
    if filled > 0 {
        let call = Call::File { address, len: filled, prot, fd: file_pool.fd(), offset, shared };
        inject(tracer, task, "mmap", call)?;
    }
    // Pages past the end of the file raise SIGBUS, as in the recording.
    if filled < head.len {
        let (address, len) = (address + filled, head.len - filled);
        inject(
            tracer,
            task,
            "mmap",
            Call::File { address, len, prot, fd: file_pool.empty_fd(), offset: 0, shared: false },
        )?;
    }
    Ok(())
}

/// Repeats what a successful call did. File mappings are made from the MAPPED part of the event.
///
/// # Errors
/// When the task is gone, or a call fails.
pub(crate) fn apply_op(
    tracer: &Tracer,
    task: &mut Task,
    space: &mut AddressSpace,
    file_pool: &mut FilePool,
    op: AddressSpaceOp,
    result: u64,
) -> Result<(), Lost> {
    let (what, call) = match op {
        AddressSpaceOp::Map { len, prot, shared: false, anonymous: true, grows_down, .. } => (
            "mmap",
            Call::Anonymous { address: result, len: len.next_multiple_of(PAGE), prot, grows_down },
        ),
        AddressSpaceOp::Map { len, prot, shared: true, anonymous: true, .. } => {
            let (len, fd) = (len.next_multiple_of(PAGE), file_pool.fd());
            let offset = file_pool.reserve(len);
            ("mmap", Call::File { address: result, len, prot, fd, offset, shared: true })
        }
        AddressSpaceOp::Unmap { start, len } => {
            ("munmap", Call::Munmap { address: start, len: len.next_multiple_of(PAGE) })
        }
        AddressSpaceOp::Protect { start, len, prot } => {
            ("mprotect", Call::mprotect(start, len, prot.into()))
        }
        AddressSpaceOp::Remap { start, old_len, new_len, keeps } => {
            return remap(tracer, task, start, old_len, new_len, result, keeps);
        }
        AddressSpaceOp::Advise { start, len, advice } if changes_memory(advice) => {
            ("madvise", Call::madvise(start, len, advice.into()))
        }
        AddressSpaceOp::Detach { start } => {
            let len = space.segments.remove(&start).unwrap_or(0);
            ("munmap", Call::Munmap { address: start, len })
        }
        AddressSpaceOp::Break => return move_program_break(tracer, task, space, result),
        AddressSpaceOp::Base { fs, base } => {
            let mut registers = task.stop.general()?;
            if fs {
                registers.set_fs_base(base)
            } else {
                registers.set_gs_base(base)
            }
            return Ok(task.stop.set_general(&registers)?);
        }
        AddressSpaceOp::Map { .. }
        | AddressSpaceOp::Attach { .. }
        | AddressSpaceOp::Advise { .. }
        | AddressSpaceOp::ThreadArea { .. }
        | AddressSpaceOp::Unknown => return Ok(()),
    };
    inject(tracer, task, what, call).map(drop)
}

/// Repeats mremap(2). A mapping that reaches past the end of its file is two mappings here, and
/// mremap(2) moves only one (EFAULT): then each is moved on its own.
fn remap(
    tracer: &Tracer,
    task: &mut Task,
    start: u64,
    old_len: u64,
    new_len: u64,
    to: u64,
    keeps: bool,
) -> Result<(), Lost> {
    let move_all = Call::mremap(start, old_len, new_len, to, keeps);
    let called = tracer.call_in(&mut task.stop, GATE, move_all)?;
    if called.result != -i64::from(memory::EFAULT) {
        called.value("mremap")?;
        return Ok(());
    }
    let (old_len, new_len) = (old_len.next_multiple_of(PAGE), new_len.next_multiple_of(PAGE));
    let end = start + old_len.min(new_len);
    if end < start + old_len {
        inject(tracer, task, "munmap", Call::Munmap { address: end, len: start + old_len - end })?;
    }
    // The log has the contents of the new part.
    if start == to {
        return Ok(());
    }
    let mappings = process::mappings(task.tid).map_err(|source| Error::Call {
        what: "read the maps of a task".into(),
        tid: Some(task.tid),
        source,
    })?;
    for mapping in mappings {
        let (from, end) = (mapping.start.max(start), mapping.end.min(end));
        if from < end {
            let len = end - from;
            inject(
                tracer,
                task,
                "mremap",
                Call::mremap(from, len, len, to + (from - start), keeps),
            )?;
        }
    }
    Ok(())
}

/// Moves the program break. The kernel would choose where the data segment starts, so the replay
/// uses anonymous mappings instead of brk(2).
fn move_program_break(
    tracer: &Tracer,
    task: &mut Task,
    space: &mut AddressSpace,
    end: u64,
) -> Result<(), Lost> {
    let before = space.program_break.replace(end).unwrap_or(end).next_multiple_of(PAGE);
    let after = end.next_multiple_of(PAGE);
    if after > before {
        let len = after - before;
        let call = Call::Anonymous { address: before, len, prot: READ_WRITE, grows_down: false };
        inject(tracer, task, "mmap", call)?;
    } else if after < before {
        inject(tracer, task, "munmap", Call::Munmap { address: after, len: before - after })?;
    }
    Ok(())
}

/// Why a mapping failed: the task, or the log.
#[derive(Debug)]
pub(crate) enum Fault {
    Lost(Lost),
    Log(crate::error::Error),
}

impl From<Lost> for Fault {
    fn from(lost: Lost) -> Fault {
        Fault::Lost(lost)
    }
}

impl From<crate::error::Error> for Fault {
    fn from(error: crate::error::Error) -> Fault {
        Fault::Log(error)
    }
}
