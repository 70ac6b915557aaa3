//! The calls that a task makes to get page, rings and stubs.

use super::{PAGE, PAGE_LEN, RINGS, RINGS_LEN, STUBS_LEN, layout::NO_BLOCK};
use crate::Call;

fn number(value: i32) -> u64 {
    value.cast_unsigned().into()
}

fn map_code(address: u64, len: u64) -> Call {
    let prot = number(libc::PROT_READ | libc::PROT_EXEC);
    let flags = number(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE);
    Call::Plain(libc::SYS_mmap, [address, len, prot, flags, u64::MAX, 0])
}

/// mmap(2) of the page. The result must be [`PAGE`].
pub fn map_page() -> Call {
    map_code(PAGE, PAGE_LEN)
}

/// mmap(2) of stubs at an address, which must be the result.
pub fn map_stubs(address: u64) -> Call {
    map_code(address, STUBS_LEN)
}

/// memfd_create(2) of a file for the rings. Its name is empty: the block without magic begins with
/// zeros.
pub fn make_file() -> Call {
    let flags = u64::from(libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING);
    Call::Plain(libc::SYS_memfd_create, [PAGE + NO_BLOCK, flags, 0, 0, 0, 0])
}

/// mmap(2) of the rings in a file. The result must be [`RINGS`].
pub fn map_rings(fd: i32) -> Call {
    let prot = number(libc::PROT_READ | libc::PROT_WRITE);
    let flags = number(libc::MAP_SHARED | libc::MAP_FIXED_NOREPLACE);
    Call::Plain(libc::SYS_mmap, [RINGS, RINGS_LEN, prot, flags, number(fd), 0])
}

/// close(2).
pub fn close(fd: i32) -> Call {
    Call::Plain(libc::SYS_close, [number(fd), 0, 0, 0, 0, 0])
}
