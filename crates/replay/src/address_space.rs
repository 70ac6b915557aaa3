//! Address address_spaces: what calls did to them is done again, at the recorded addresses.

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

/// What the kernel keeps of an address space besides its mappings.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressSpace {
    /// Segments of System V shared memory, by where they begin: their lengths.
    pub(crate) segments: HashMap<u64, u64>,
    /// The end of the data segment, once it was asked for.
    end_of_data: Option<u64>,
}

/// Makes the task make a call of which nobody learns.
pub(crate) fn make(tracer: &Tracer, task: &mut Task, what: &str, call: Call) -> Result<u64, Lost> {
    Ok(tracer.call_in(&mut task.stop, GATE, call)?.value(what)?)
}

/// Maps what the log has mapped.
pub(crate) fn map<S: ReadAt>(
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
        make(tracer, task, "mmap", Call::Anonymous { address, len: head.len, prot, grows_down })?;
        return Ok(());
    }
    let shared = head.flags.contains(MappedFlags::SHARED);
    let there = head.filled.next_multiple_of(PAGE).min(head.len);
    // Also without a mapping here: others may have one.
    let offset = match file {
        _ if !shared && there == 0 => 0,
        Some(file) if !shared => file_pool.place_file(head, file)?,
        _ => file_pool.place(log, mapped, shared)?,
    };
    if there > 0 {
        let call = Call::File { address, len: there, prot, fd: file_pool.fd(), offset, shared };
        make(tracer, task, "mmap", call)?;
    }
    // What lies behind the end of the file cannot be touched: SIGBUS tells so.
    if there < head.len {
        let (address, len) = (address + there, head.len - there);
        make(
            tracer,
            task,
            "mmap",
            Call::File { address, len, prot, fd: file_pool.empty_fd(), offset: 0, shared: false },
        )?;
    }
    Ok(())
}

/// Does what a call has done. What it mapped of a file was done with its MAPPED part.
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
            let offset = file_pool.room(len);
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
        AddressSpaceOp::Break => return move_end_of_data(tracer, task, space, result),
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
    make(tracer, task, what, call).map(drop)
}

/// Moves memory. What was one mapping there may be two here, one of them for what lies behind the
/// end of a file, and no call moves both.
fn remap(
    tracer: &Tracer,
    task: &mut Task,
    start: u64,
    old_len: u64,
    new_len: u64,
    to: u64,
    keeps: bool,
) -> Result<(), Lost> {
    let whole = Call::mremap(start, old_len, new_len, to, keeps);
    let called = tracer.call_in(&mut task.stop, GATE, whole)?;
    if called.result != -i64::from(memory::EFAULT) {
        called.value("mremap")?;
        return Ok(());
    }
    let (old_len, new_len) = (old_len.next_multiple_of(PAGE), new_len.next_multiple_of(PAGE));
    let end = start + old_len.min(new_len);
    if end < start + old_len {
        make(tracer, task, "munmap", Call::Munmap { address: end, len: start + old_len - end })?;
    }
    // What it has grown by comes from the log.
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
            make(tracer, task, "mremap", Call::mremap(from, len, len, to + (from - start), keeps))?;
        }
    }
    Ok(())
}

/// The kernel would choose where the data segment begins; here it is memory like any other.
fn move_end_of_data(
    tracer: &Tracer,
    task: &mut Task,
    space: &mut AddressSpace,
    end: u64,
) -> Result<(), Lost> {
    let before = space.end_of_data.replace(end).unwrap_or(end).next_multiple_of(PAGE);
    let after = end.next_multiple_of(PAGE);
    if after > before {
        let len = after - before;
        let call = Call::Anonymous { address: before, len, prot: READ_WRITE, grows_down: false };
        make(tracer, task, "mmap", call)?;
    } else if after < before {
        make(tracer, task, "munmap", Call::Munmap { address: after, len: before - after })?;
    }
    Ok(())
}

/// What can go wrong with a mapping: the task, or the log.
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
