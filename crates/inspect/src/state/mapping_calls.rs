//! The calls that change the address space of a task.

use std::rc::Rc;

use sysreel_abi::{CallKind, intent};
use sysreel_format::TaskId;

use super::maps::Place;
use super::open_call::OpenCall;
use super::resolved_call::ResolvedCall;
use super::tracker::Tracker;
use sysreel_format::syscall_info::Outcome;

impl Tracker {
    /// Returns what is mapped at an address of a task.
    #[must_use]
    pub fn place(&self, id: TaskId, address: u64) -> Option<Place> {
        self.context(id)?.space.borrow().at(address)
    }

    /// Applies a call to the address space.
    pub(super) fn apply_mapping(
        &mut self,
        id: TaskId,
        call: &ResolvedCall,
        open: &OpenCall,
        outcome: Outcome,
    ) {
        let structure = open.memory.find(0, call.role, 0).and_then(|region| region.inline());
        let len = sysreel_abi::mapped_len(call.abi, call.row, &call.args, structure);
        let address = outcome.rval.cast_unsigned();
        let [first, second, ..] = call.args;
        let file = match call.row.kind {
            CallKind::Mmap if intent::maps_file(call.abi, call.row, &call.args) => {
                let fd = call.row.arg("fd").and_then(|at| call.fd(at));
                fd.and_then(|fd| self.argument_file(id, open, fd)).map(|file| Rc::clone(&file.link))
            }
            _ => None,
        };
        let Some(context) = self.context(id) else { return };
        let mut space = context.space.borrow_mut();
        match (call.row.kind, len) {
            (CallKind::Mmap, Some(len)) => {
                let offset =
                    call.row.arg("off").and_then(|at| call.args.get(at)).copied().unwrap_or(0);
                let is_private = !intent::maps_shared(call.abi, call.row, &call.args);
                space.map((address, whole_pages(len)), file, offset, is_private);
            }
            (CallKind::Mremap, Some(len)) => {
                space.remap(first, whole_pages(second), address, whole_pages(len))
            }
            (CallKind::Munmap, _) => space.unmap(first, whole_pages(second)),
            (CallKind::Brk, _) => space.brk(address),
            _ => {}
        }
    }
}

/// Rounds up to whole pages: 4096 bytes on every machine whose logs can be read.
fn whole_pages(len: u64) -> u64 {
    len.checked_next_multiple_of(4096).unwrap_or(u64::MAX)
}
