//! Memory that a call changes without describing it as an argument's memory: new mappings, and
//! address ranges that it names.

use std::ops::Range;

use linux_raw_sys::general as g;

use crate::arch::Abi;
use crate::bytes::{u32_at, u64_at, word_at};
use crate::consts::ipc::IOCB_READ;
use crate::desc::{CallKind, Len, Mem, Row, Total};
use crate::special::ioctl::Request;

/// Returns the length in bytes that a call maps at the address it returns; it replaces what was
/// mapped there. `None` for calls that map nothing. `structure` is what the first argument points
/// to, as captured at the entry; the old mmap of i386 has its arguments there.
#[must_use]
pub fn mapped_len(abi: Abi, row: &Row, args: &[u64; 6], structure: Option<&[u8]>) -> Option<u64> {
    let name = match row.kind {
        CallKind::Mmap => "len",
        CallKind::Mremap => "new_len",
        _ => return None,
    };
    match row.arg(name).or_else(|| row.arg("size")) {
        Some(at) => abi.args(args).get(at).copied(),
        // struct mmap_arg_struct: address, length, ...
        None => u32_at(structure?, 4).map(u64::from),
    }
}

/// Returns the address ranges that a call names in its memory and whose bytes it may change.
///
/// They are in iovec arrays of another process ([`Total::None`]), which can be the caller itself
/// (process_vm_writev, process_madvise), and in requests of userfaultfd, which fill pages
/// (ioctl_userfaultfd(2)). `bytes` returns what an argument points to, as captured at the entry.
pub fn named_ranges<'m>(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    bytes: impl Fn(u8) -> Option<&'m [u8]>,
) -> Vec<Range<u64>> {
    let word = usize::from(abi.word());
    let mut ranges = Vec::new();
    let mut add = |start: Option<u64>, len: Option<u64>| {
        if let (Some(start), Some(len)) = (start, len) {
            ranges.push(start..start.saturating_add(len));
        }
    };
    for (i, arg) in (0u8..).zip(row.args) {
        let Some(mem) = arg.mem.map(Mem::without_fault) else { continue };
        if matches!(mem.len, Len::Iov { total: Total::None, .. }) {
            for pair in bytes(i).unwrap_or(&[]).chunks_exact(2 * word) {
                add(word_at(abi, pair, 0), word_at(abi, pair, word));
            }
        }
    }
    let request = Request::decode(u32::try_from(abi.args(args)[1] & 0xffff_ffff).unwrap_or(0));
    if row.kind == CallKind::Ioctl
        && u32::from(request.group) == g::UFFDIO
        && let Some(structure) = bytes(2)
    {
        match request.number.into() {
            // struct uffdio_copy and uffdio_move: destination, source, length.
            g::_UFFDIO_COPY | g::_UFFDIO_MOVE => add(u64_at(structure, 0), u64_at(structure, 16)),
            // Their structures start with a struct uffdio_range.
            g::_UFFDIO_ZEROPAGE | g::_UFFDIO_CONTINUE | g::_UFFDIO_POISON => {
                add(u64_at(structure, 0), u64_at(structure, 8));
            }
            _ => {}
        }
    }
    ranges
}

/// Returns the memory that io_submit lets the kernel write, during the call or later. `iocb`
/// returns an element by argument and ordinal, as captured at the entry. The buffers of vectored
/// reads are not included.
pub fn async_read_buffers<'m>(
    row: &Row,
    iocb: impl Fn(u8, u32) -> Option<&'m [u8]>,
) -> Vec<Range<u64>> {
    // linux/aio_abi.h: opcode at 16, buffer at 24, length at 32.
    let list = (0u8..).zip(row.args).find(|(_, arg)| {
        matches!(arg.mem.map(Mem::without_fault), Some(Mem { len: Len::Iocbs(_), .. }))
    });
    let Some((arg, _)) = list else { return Vec::new() };
    let buffers = (0..).map_while(|i| iocb(arg, i)).filter_map(|bytes| {
        let start = u64_at(bytes, 24)?;
        let reads = u64::from(u32_at(bytes, 16)? & 0xffff) == IOCB_READ;
        reads.then_some(start..start.saturating_add(u64_at(bytes, 32)?))
    });
    buffers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::row_named;
    use linux_raw_sys::ioctl::{UFFDIO_COPY, UFFDIO_ZEROPAGE};

    #[test]
    fn each_mapping_call_has_a_length() {
        let args = [1, 2, 3, 4, 5, 6];
        let length =
            |abi, name| mapped_len(abi, row_named(abi, name).unwrap(), &args, Some(&[9; 24]));
        assert_eq!(length(Abi::X86_64, "mmap"), Some(2));
        assert_eq!(length(Abi::I386, "mmap2"), Some(2));
        assert_eq!(length(Abi::I386, "mmap"), Some(0x0909_0909));
        assert_eq!(length(Abi::X86_64, "mremap"), Some(3));
        assert_eq!(length(Abi::X86_64, "map_shadow_stack"), Some(2));
        assert_eq!(length(Abi::X86_64, "munmap"), None);
    }

    #[test]
    fn io_submit_names_the_buffers_of_its_reads() {
        let iocb =
            |opcode: u64| [0, 0, opcode, 0x1000, 0x20, 0, 0, 0].map(u64::to_le_bytes).concat();
        let list = [iocb(0), iocb(1), iocb(0)];
        let row = |name| row_named(Abi::X86_64, name).unwrap();
        let element =
            |arg: u8, i: u32| (arg == 2).then(|| list.get(i as usize).map(Vec::as_slice)).flatten();
        assert_eq!(async_read_buffers(row("io_submit"), element), [0x1000..0x1020, 0x1000..0x1020]);
        assert_eq!(async_read_buffers(row("io_getevents"), element), []);
    }

    #[test]
    fn ranges_that_are_named_in_memory_are_found() {
        let words =
            |numbers: [u64; 4]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let named = |name, request: u32, bytes: &[u8]| {
            let row = row_named(Abi::X86_64, name).unwrap();
            named_ranges(Abi::X86_64, row, &[0, request.into(), 0, 0, 0, 0], |_| Some(bytes))
        };
        let array = words([0x1000, 0x10, u64::MAX, 2]);
        assert_eq!(named("process_vm_writev", 0, &array), [0x1000..0x1010, u64::MAX..u64::MAX]);
        assert_eq!(named("writev", 0, &array), []);
        let copy = words([0x7000, 0x9000, 0x1000, 0]);
        assert_eq!(named("ioctl", UFFDIO_COPY, &copy), vec![0x7000..0x8000]);
        assert_eq!(
            named("ioctl", UFFDIO_ZEROPAGE, &words([0x7000, 0x2000, 0, 0])),
            vec![0x7000..0x9000]
        );
        assert_eq!(named("ioctl", UFFDIO_COPY, &copy[..20]), []);
        assert_eq!(named("ioctl", linux_raw_sys::ioctl::FIONREAD, &copy), []);
    }
}
