//! Which memory of a program changes although its call announces nothing there: what is mapped anew, and what it names as if
//! it were another process's.

use std::ops::Range;

use crate::arch::Abi;
use crate::desc::{Act, Len, Row, Total};

/// How many bytes the call maps at the address that it answers: what was there before is gone, whatever it was. `None`
/// for calls that map nothing. `structure` is what the first argument points to, as captured at the entry (the old
/// mmap of i386 has its arguments there).
#[must_use]
pub fn mapped(abi: Abi, row: &Row, args: &[u64; 6], structure: Option<&[u8]>) -> Option<u64> {
    let name = match row.act {
        Act::Mmap => "len",
        Act::Mremap => "new_len",
        _ => return None,
    };
    match row.arg(name).or_else(|| row.arg("size")) {
        Some(at) => abi.args(args).get(at).copied(),
        // struct mmap_arg_struct: address, length, ...
        None => Some(u32::from_le_bytes(structure?.get(4..8)?.try_into().ok()?).into()),
    }
}

/// The ranges of addresses in the iovec arrays of memory that is not the caller's ([`Total::None`]). It is the caller's when
/// that names itself: process_vm_writev writes to it, process_madvise gives it back. `array` is what an argument points to, as
/// captured at the entry.
pub fn named_ranges<'m>(
    abi: Abi,
    row: &Row,
    array: impl Fn(u8) -> Option<&'m [u8]>,
) -> impl Iterator<Item = Range<u64>> {
    let word = usize::from(abi.word());
    let number =
        move |bytes: &[u8]| bytes.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let named = |arg: &crate::desc::Arg| {
        arg.mem.is_some_and(|mem| matches!(mem.len, Len::Iov { total: Total::None, .. }))
    };
    let arrays = (0u8..).zip(row.args).filter(move |(_, arg)| named(arg));
    arrays.filter_map(move |(i, _)| array(i)).flat_map(move |bytes| {
        bytes.chunks_exact(2 * word).map(move |pair| {
            let (start, len) = pair.split_at(word);
            number(start)..number(start).saturating_add(number(len))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::row_named;

    #[test]
    fn every_call_that_maps_says_how_much() {
        let args = [1, 2, 3, 4, 5, 6];
        let length = |abi, name| mapped(abi, row_named(abi, name).unwrap(), &args, Some(&[9; 24]));
        assert_eq!(length(Abi::X86_64, "mmap"), Some(2));
        assert_eq!(length(Abi::I386, "mmap2"), Some(2));
        assert_eq!(length(Abi::I386, "mmap"), Some(0x0909_0909));
        assert_eq!(length(Abi::X86_64, "mremap"), Some(3));
        assert_eq!(length(Abi::X86_64, "map_shadow_stack"), Some(2));
        assert_eq!(length(Abi::X86_64, "munmap"), None);
    }

    #[test]
    fn only_memory_that_is_said_to_be_another_s_is_named() {
        let row = row_named(Abi::X86_64, "process_vm_writev").unwrap();
        let array: Vec<u8> = [0x1000u64, 0x10, u64::MAX, 2].iter().flat_map(|n| n.to_le_bytes()).collect();
        let ranges: Vec<_> = named_ranges(Abi::X86_64, row, |_| Some(&array)).collect();
        assert_eq!(ranges, [0x1000..0x1010, u64::MAX..u64::MAX]);
        let row = row_named(Abi::X86_64, "writev").unwrap();
        assert_eq!(named_ranges(Abi::X86_64, row, |_| Some(&array)).count(), 0);
    }
}
