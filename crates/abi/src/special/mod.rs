//! Arguments whose meaning depends on a command: which memory `ioctl(fd, TCGETS, p)` concerns is known only once
//! the request is. Each such call has a small table in a file of its own.

use crate::arch::Abi;
use crate::desc::{Mem, Special};

/// The memory of an argument, decided by the values of the others.
pub(crate) fn memory(_id: Special, _abi: Abi, _args: &[u64; 6], _arg: usize) -> Option<Mem> {
    None
}
