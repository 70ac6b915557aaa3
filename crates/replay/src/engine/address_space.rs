//! Repeats what calls did to an address space, at the recorded addresses.

use super::halt::Replayed;
use super::target::Target;
use crate::file_pool::FilePool;
use crate::kernel::{Kernel, Tracee};
use std::collections::HashMap;
use sysreel_abi::replay::{AddressSpaceOp, changes_memory};
use sysreel_format::{Log, Mapped, MappedFile, MappedFlags, ReadAt};
use sysreel_sys::memory;
use sysreel_sys::remote::Call;
use sysreel_sys::stub;

const PAGE: u64 = 4096;
const READ_WRITE: u32 = 3;

/// State of an address space besides its mappings.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressSpace {
    /// The lengths of attached System V shared memory segments, by start address.
    segments: HashMap<u64, u64>,
    /// The program break, once brk(2) has returned it.
    program_break: Option<u64>,
}

impl AddressSpace {
    /// Notes that a System V shared memory segment is attached.
    pub(crate) fn attach(&mut self, start: u64, len: u64) {
        self.segments.insert(start, len);
    }

    /// Makes a recorded mapping.
    ///
    /// # Errors
    /// When the task is gone, a call fails, or the contents cannot be read.
    pub(crate) fn map<K: Kernel, S: ReadAt>(
        &mut self,
        target: &mut Target<'_, K>,
        log: &Log<S>,
        mapped: &Mapped<'_>,
        file: Option<&MappedFile<'_>>,
    ) -> Replayed {
        let head = &mapped.head;
        let (address, len, prot) = (head.start, head.len, head.prot);
        let shared = head.flags.contains(MappedFlags::SHARED);
        if !head.flags.contains(MappedFlags::FILE) {
            let grows_down = head.flags.contains(MappedFlags::GROWS_DOWN);
            return map_anonymous(target, address, len, prot, shared, grows_down);
        }
        let Some(filled) = pages(head.filled).map(|filled| filled.min(len)) else {
            return Err(target.bad("the mapping is longer than all memory"));
        };
        // Also when nothing is mapped here: other mappings of a shared file may show these
        // contents.
        let offset = match file {
            Some(file) if !shared && filled > 0 => {
                target.file_pool.place_file(head, file).map_err(|why| target.place.pool(why))?
            }
            _ => {
                let placed = target.file_pool.place(log, mapped, shared);
                placed.map_err(|why| target.place.pool(why))?
            }
        };
        if filled > 0 {
            let fd = target.file_pool.fd();
            let call = Call::File { address, len: filled, prot, fd, offset, shared };
            map_at(target, address, call)?;
        }
        // Pages past the end of the file raise SIGBUS, as in the recording.
        if filled < len {
            let fd = target.file_pool.empty_fd();
            let offset = target.file_pool.offset_behind_end(head, filled);
            let offset = offset.map_err(|why| target.place.pool(why))?;
            let (address, len) = (address.wrapping_add(filled), len - filled);
            let call = Call::File { address, len, prot, fd, offset, shared };
            map_at(target, address, call)?;
        }
        Ok(())
    }

    /// Makes the mappings of a file, whose window of the pool starts at `window`, end where the
    /// file now ends: behind it they show the empty file, and before it the pool.
    ///
    /// # Errors
    /// When the task is gone, or a call fails.
    pub(crate) fn resize<K: Kernel>(
        target: &mut Target<'_, K>,
        window: u64,
        file_len: u64,
    ) -> Replayed {
        let Some(end) = pages(file_len).and_then(|len| window.checked_add(len)) else {
            return Err(target.bad("the file is longer than all memory"));
        };
        let mappings = target.tracee.mappings();
        let mappings =
            mappings.map_err(|source| target.io_failed("read the maps of a task", source))?;
        let (pool, empty) = (target.file_pool.inode(), target.file_pool.empty_inode());
        for mapping in mappings {
            if !FilePool::is_in_window(window, mapping.offset) {
                continue;
            }
            let (from, to) =
                (mapping.offset, mapping.offset.saturating_add(mapping.end - mapping.start));
            let (range, fd) = match mapping.inode {
                inode if inode == pool => (from.max(end)..to, target.file_pool.empty_fd()),
                inode if inode == empty => (from..to.min(end), target.file_pool.fd()),
                _ => continue,
            };
            if range.is_empty() {
                continue;
            }
            let address = mapping.start + (range.start - from);
            let (len, prot, offset) = (range.end - range.start, mapping.protection(), range.start);
            let shared = mapping.permissions[3] == b's';
            map_at(target, address, Call::File { address, len, prot, fd, offset, shared })?;
        }
        Ok(())
    }

    /// Repeats what a successful call with this first argument did. File mappings are made from the
    /// MAPPED part of the event.
    ///
    /// # Errors
    /// When the task is gone, or a call fails.
    pub(crate) fn apply<K: Kernel>(
        &mut self,
        target: &mut Target<'_, K>,
        op: AddressSpaceOp,
        argument: u64,
        result: u64,
    ) -> Replayed {
        match op {
            AddressSpaceOp::Map { len, prot, shared, anonymous: true, grows_down, .. } => {
                map_anonymous(target, result, len, prot, shared, grows_down)
            }
            AddressSpaceOp::Unmap { start, len } => unmap(target, start, len),
            AddressSpaceOp::Protect { start, len, prot } => {
                target.inject("mprotect", Call::mprotect(start, len, prot.into())).map(drop)
            }
            AddressSpaceOp::Remap { start, old_len, new_len, keeps } => {
                Move { start, old_len, new_len, to: result, keeps }.make(target)
            }
            AddressSpaceOp::Advise { start, len, advice } if changes_memory(advice) => {
                target.inject("madvise", Call::madvise(start, len, advice.into())).map(drop)
            }
            AddressSpaceOp::Detach { start } => match self.segments.remove(&start) {
                Some(len) => unmap(target, start, len),
                None => Err(target.bad(format!("no shared memory was attached at {start:#x}"))),
            },
            AddressSpaceOp::Break => self.move_program_break(target, argument, result),
            AddressSpaceOp::Base { fs, base } => set_base(target, fs, base),
            AddressSpaceOp::Unknown => {
                Err(target.bad("the table does not know what the call did to the address space"))
            }
            // Made from the MAPPED part, which the exit must have.
            AddressSpaceOp::Map { anonymous: false, .. } | AddressSpaceOp::Attach { .. } => Ok(()),
            // Other advice shows in no memory.
            AddressSpaceOp::Advise { .. } => Ok(()),
            // Set once the memory of the exit is written.
            AddressSpaceOp::ThreadArea { .. } => Ok(()),
        }
    }

    /// Repeats a call that has failed because nothing is mapped in a part of its range: it has
    /// changed the rest (madvise(2), mprotect(2), ENOMEM).
    ///
    /// # Errors
    /// When the task is gone, or the call does not fail in the same way.
    pub(crate) fn apply_failed<K: Kernel>(
        &self,
        target: &mut Target<'_, K>,
        op: AddressSpaceOp,
        result: i64,
    ) -> Replayed {
        let call = match op {
            _ if result != -i64::from(memory::ENOMEM) => return Ok(()),
            AddressSpaceOp::Advise { start, len, advice } if changes_memory(advice) => {
                Call::madvise(start, len, advice.into())
            }
            AddressSpaceOp::Protect { start, len, prot } => Call::mprotect(start, len, prot.into()),
            _ => return Ok(()),
        };
        // A range that wraps around is refused as a whole.
        if let Call::Plain(_, [start, len, ..]) = call
            && pages(len).and_then(|len| start.checked_add(len)).is_none()
        {
            return Ok(());
        }
        match target.inject_any(call)?.result {
            again if again == result => Ok(()),
            again => {
                Err(target.bad(format!("the call failed with {result}, and now with {again}")))
            }
        }
    }

    /// Moves the program break. The kernel would choose where the data segment starts, so the
    /// replay uses anonymous mappings instead of brk(2).
    fn move_program_break<K: Kernel>(
        &mut self,
        target: &mut Target<'_, K>,
        asked: u64,
        end: u64,
    ) -> Replayed {
        let before = match self.program_break.replace(end) {
            Some(before) => before,
            // A call that asks for no break, or gets none, returns the present one.
            None if asked != end => end,
            None => return Err(target.bad("the first brk moved a program break not known before")),
        };
        let (Some(before), Some(after)) = (pages(before), pages(end)) else {
            return Err(target.bad("the program break is outside of all memory"));
        };
        if after > before {
            map_anonymous(target, before, after - before, READ_WRITE, false, false)
        } else if after < before {
            unmap(target, after, before - after)
        } else {
            Ok(())
        }
    }
}

/// Returns the length of the pages that hold `len` bytes.
fn pages(len: u64) -> Option<u64> {
    len.checked_next_multiple_of(PAGE)
}

/// Makes a mapping, and checks that it is where it must be.
fn map_at<K: Kernel>(target: &mut Target<'_, K>, address: u64, call: Call) -> Replayed {
    let at = target.inject("mmap", call)?;
    if at == address {
        return Ok(());
    }
    Err(target.bad(format!("the mapping of {address:#x} was made at {at:#x}")))
}

fn map_anonymous<K: Kernel>(
    target: &mut Target<'_, K>,
    address: u64,
    len: u64,
    prot: u32,
    shared: bool,
    grows_down: bool,
) -> Replayed {
    let Some(len) = pages(len) else {
        return Err(target.bad("the mapping is longer than all memory"));
    };
    let call = match shared {
        // What is shared with other tasks is in the pool, which they share.
        true => {
            let fd = target.file_pool.fd();
            let offset = target.file_pool.reserve(len).map_err(|why| target.place.pool(why))?;
            Call::File { address, len, prot, fd, offset, shared: true }
        }
        false => Call::Anonymous { address, len, prot, grows_down },
    };
    map_at(target, address, call)
}

fn unmap<K: Kernel>(target: &mut Target<'_, K>, address: u64, len: u64) -> Replayed {
    let Some(end) = pages(len).and_then(|len| address.checked_add(len)) else {
        return Err(target.bad("the unmapped range is longer than all memory"));
    };
    // What the program unmaps needs not be mapped, so the stub's page may be within.
    let stub = target.kernel.stub_page();
    for (from, to) in [(address, end.min(stub)), (address.max(stub + stub::PAGE_LEN), end)] {
        if from < to {
            target.inject("munmap", Call::Munmap { address: from, len: to - from })?;
        }
    }
    Ok(())
}

fn set_base<K: Kernel>(target: &mut Target<'_, K>, fs: bool, base: u64) -> Replayed {
    let tracee = &mut target.tracee;
    let set = tracee.registers().and_then(|mut registers| {
        match fs {
            true => registers.set_fs_base(base),
            false => registers.set_gs_base(base),
        }
        tracee.set_registers(&registers)
    });
    set.map_err(|source| target.place.failed(source))
}

/// A successful mremap(2).
struct Move {
    start: u64,
    old_len: u64,
    new_len: u64,
    to: u64,
    /// The old mapping stays, without its pages.
    keeps: bool,
}

impl Move {
    /// Repeats it. A mapping that reaches past the end of its file is two mappings here, and
    /// mremap(2) moves only one (EFAULT): then each is moved on its own.
    fn make<K: Kernel>(self, target: &mut Target<'_, K>) -> Replayed {
        let Move { start, old_len, new_len, to, keeps } = self;
        let called = target.inject_any(Call::mremap(start, old_len, new_len, to, keeps))?;
        if called.result != -i64::from(memory::EFAULT) {
            let at = called.value("mremap").map_err(|source| target.place.failed(source))?;
            return check_moved(target, to, at);
        }
        let end_of = |len: u64| start.checked_add(pages(len)?);
        let (Some(old_end), Some(end)) = (end_of(old_len), end_of(old_len.min(new_len))) else {
            return Err(target.bad("the moved range is outside of all memory"));
        };
        if end < old_end {
            unmap(target, end, old_end - end)?;
        }
        // The log has the contents of the new part.
        if start == to {
            return Ok(());
        }
        let mappings = target.tracee.mappings();
        let mappings =
            mappings.map_err(|source| target.io_failed("read the maps of a task", source))?;
        for mapping in mappings {
            let (from, end) = (mapping.start.max(start), mapping.end.min(end));
            if from < end {
                let (len, to) = (end - from, to.wrapping_add(from - start));
                let at = target.inject("mremap", Call::mremap(from, len, len, to, keeps))?;
                check_moved(target, to, at)?;
            }
        }
        Ok(())
    }
}

/// Checks that a mapping was moved to where it must be: one that grows in place may be moved
/// elsewhere by the kernel.
fn check_moved<K: Kernel>(target: &Target<'_, K>, to: u64, at: u64) -> Replayed {
    if at == to {
        return Ok(());
    }
    Err(target.bad(format!("the mapping for {to:#x} was moved to {at:#x}")))
}
