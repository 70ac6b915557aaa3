//! Finds a page for the stub that the recorded program never uses: a first pass over what the log
//! says of its mappings.

use std::collections::{BTreeMap, HashMap};
use sysreel_abi::replay::{AddressSpaceOp, address_space_op};
use sysreel_abi::{Abi, AuditArch, row};
use sysreel_format::syscall_info::{MERGED, What};
use sysreel_format::{
    Body, Item, Log, MappedFlags, MappedHead, Part, ReadAt, RegionData, Stop, TaskId,
};
use sysreel_sys::signals;
use sysreel_sys::stub::{LOWEST, PAGE_LEN};

/// The first address that is not tried. The kernel puts the stack of a new program above it.
const END: u64 = 0x7000_0000_0000;
/// How far a stack may grow down, in bytes.
const STACK: u64 = 1 << 30;
/// The most free ranges that are remembered: those with the lowest addresses.
const MOST_RANGES: usize = 4096;
/// The offset of the address in a siginfo_t of a fault, in bytes.
const FAULT_ADDRESS: usize = 16;

/// Returns the lowest page that the program does not use up to the event `until`; `None` if there
/// is none. What cannot be read is left to the replay, which says where it is.
pub(crate) fn find<S: ReadAt>(log: &Log<S>, until: Option<u64>) -> Option<u64> {
    let mut unused = Unused(BTreeMap::from([(LOWEST, END)]));
    let mut calls: HashMap<TaskId, (AddressSpaceOp, u64)> = HashMap::new();
    let mut lowest_break = u64::MAX;
    let mut events = log.events();
    while let Ok(Some(Item::Event(event))) = events.next() {
        if until.is_some_and(|until| event.number > until) {
            break;
        }
        let Ok(Body::Stop(stop)) = event.decode() else { continue };
        match MERGED.decode(stop.info).what {
            What::Entry(call) => {
                let arch = MERGED.decode(stop.info).arch.map(AuditArch);
                let op = arch.and_then(|arch| entered(arch, call.nr, &call.args, &stop));
                match op {
                    Some(op) => _ = calls.insert(event.task, (op, unused.enter(op))),
                    None => _ = calls.remove(&event.task),
                }
            }
            What::Exit(outcome) => {
                stop.parts.flatten().for_each(|part| unused.show(&part));
                if let Some((op, len)) = calls.remove(&event.task)
                    && !outcome.failed()
                {
                    let result = outcome.rval.cast_unsigned();
                    match op {
                        AddressSpaceOp::Break => {
                            lowest_break = lowest_break.min(result);
                            unused.remove(lowest_break, result - lowest_break);
                        }
                        _ => unused.remove(result, len),
                    }
                }
            }
            _ => stop.parts.flatten().for_each(|part| unused.show(&part)),
        }
    }
    unused.0.keys().next().copied()
}

/// Returns what a call does to the address space.
fn entered(arch: AuditArch, nr: u64, args: &[u64; 6], stop: &Stop<'_>) -> Option<AddressSpaceOp> {
    let (abi, row) = Abi::from_call(arch, nr).zip(row(arch, nr))?;
    match address_space_op(abi, row, args, None)? {
        // The old mmap of i386 has its arguments in memory.
        AddressSpaceOp::Unknown => {
            let structure = stop.parts.flatten().find_map(|part| match part {
                Part::Region(region) if region.head.arg == 0 => match region.data {
                    RegionData::Inline(bytes) => Some(bytes),
                    RegionData::Blobs(_) => None,
                },
                _ => None,
            });
            address_space_op(abi, row, args, structure)
        }
        op => Some(op),
    }
}

/// The ranges that the program does not use: their ends by their starts, in whole pages.
struct Unused(BTreeMap<u64, u64>);

impl Unused {
    /// Removes what a call with this effect uses. Returns the length of what it maps at the address
    /// that is its result.
    fn enter(&mut self, op: AddressSpaceOp) -> u64 {
        match op {
            AddressSpaceOp::Map { len, anonymous: true, .. } => len,
            AddressSpaceOp::Remap { start, old_len, new_len, .. } => {
                self.remove(start, old_len);
                new_len
            }
            // Also those that fail: they may have done a part.
            AddressSpaceOp::Protect { start, len, .. }
            | AddressSpaceOp::Advise { start, len, .. } => {
                self.remove(start, len);
                0
            }
            // What is unmapped needs not be mapped: Wine and browsers unmap vast ranges.
            _ => 0,
        }
    }

    /// Removes the memory that a part of a stop shows to be used.
    fn show(&mut self, part: &Part<'_>) {
        match part {
            Part::Mapped(mapped) => {
                let MappedHead { start, len, flags, .. } = mapped.head;
                let down = if flags.contains(MappedFlags::GROWS_DOWN) { STACK } else { 0 };
                let first = start.saturating_sub(down);
                self.remove(first, len.saturating_add(start - first));
            }
            // A program may rely on a fault.
            Part::Siginfo(bytes) if signals::is_from_instruction(bytes) => {
                let address = bytes.get(FAULT_ADDRESS..).and_then(<[u8]>::first_chunk);
                if let Some(address) = address {
                    self.remove(u64::from_le_bytes(*address), 1);
                }
            }
            _ => {}
        }
    }

    fn remove(&mut self, start: u64, len: u64) {
        // No mapping wraps around.
        let Some(end) =
            start.checked_add(len).and_then(|end| end.checked_next_multiple_of(PAGE_LEN))
        else {
            return;
        };
        let start = start - start % PAGE_LEN;
        let met = self.0.range(..end).rev().take_while(|(_, to)| **to > start);
        let met: Vec<(u64, u64)> = met.map(|(from, to)| (*from, *to)).collect();
        for (from, to) in met.into_iter().filter(|_| len > 0) {
            self.0.remove(&from);
            if from < start {
                self.0.insert(from, start);
            }
            if end < to {
                self.0.insert(end, to);
            }
        }
        if self.0.len() > MOST_RANGES {
            self.0.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_ranges_are_not_chosen() {
        let mut unused = Unused(BTreeMap::from([(LOWEST, END)]));
        let first = |unused: &Unused| unused.0.keys().next().copied();
        assert_eq!(first(&unused), Some(LOWEST));
        unused.remove(0, LOWEST);
        unused.remove(LOWEST, 0);
        assert_eq!(first(&unused), Some(LOWEST));
        unused.remove(LOWEST + 0x1000, 0x1000);
        unused.remove(LOWEST, 1);
        assert_eq!(first(&unused), Some(LOWEST + 0x2000));
        unused.remove(LOWEST + 0x2fff, 2);
        assert_eq!(first(&unused), Some(LOWEST + 0x4000));
        unused.remove(u64::MAX - 1, 100);
        unused.remove(0x1000, 0x10_0000);
        assert_eq!(first(&unused), Some(0x10_1000));
        for range in 0..10_000 {
            unused.remove(0x20_0000 + 0x2000 * range, 0x1000);
        }
        assert!(unused.0.len() <= MOST_RANGES);
        assert_eq!(first(&unused), Some(0x10_1000));
        unused.remove(0, u64::MAX - 0x1fff);
        assert_eq!(first(&unused), None);
    }
}
