//! The bytes of PTRACE_GET_SYSCALL_INFO, as the kernel wrote them, in the merged layout.

pub use sysreel_format::syscall_info::Op;
use sysreel_format::syscall_info::{self, MERGED};

/// The size of the buffer in bytes. It exceeds the size of the struct (88 bytes, of which the
/// kernel reports at most 84), so that a longer struct of a later kernel is stored completely.
pub const CAPACITY: usize = 512;

/// The answer to a PTRACE_GET_SYSCALL_INFO request.
///
/// The kernel writes `min(available, CAPACITY)` bytes and leaves the rest of the buffer alone, so
/// the buffer is cleared first and the length is kept (measured on 6.18; ptrace(2)).
#[derive(Clone)]
pub struct SyscallInfo {
    returned: i32,
    bytes: [u8; CAPACITY],
}

impl SyscallInfo {
    /// Returns an empty buffer for [`Stop::syscall_info`](crate::Stop::syscall_info).
    pub const fn new() -> SyscallInfo {
        SyscallInfo { returned: 0, bytes: [0; CAPACITY] }
    }

    /// Returns the answer of a kernel that has written these bytes, for kernels of tests. Bytes
    /// beyond the capacity are cut.
    pub fn from_bytes(bytes: &[u8]) -> SyscallInfo {
        let mut info = SyscallInfo::new();
        let len = bytes.len().min(CAPACITY);
        info.bytes[..len].copy_from_slice(&bytes[..len]);
        info.returned = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        info
    }

    /// Replaces the answer by that of a kernel that has written these bytes, which fit.
    pub fn set_bytes(&mut self, bytes: &[u8]) {
        let len = bytes.len().min(CAPACITY);
        self.cleared()[..len].copy_from_slice(&bytes[..len]);
        self.returned = i32::try_from(len).unwrap_or(0);
    }

    /// Clears the buffer and returns it.
    pub(crate) fn cleared(&mut self) -> &mut [u8; CAPACITY] {
        let written = self.bytes().len();
        self.bytes[..written].fill(0);
        self.returned = 0;
        &mut self.bytes
    }

    pub(crate) fn set_returned(&mut self, returned: i32) {
        self.returned = returned;
    }

    /// The return value of the request: the length available in the kernel, which can exceed the
    /// length stored, or a negative errno.
    pub fn returned(&self) -> i32 {
        self.returned
    }

    /// The bytes that the kernel wrote.
    pub fn bytes(&self) -> &[u8] {
        let written = usize::try_from(self.returned).unwrap_or(0).min(CAPACITY);
        &self.bytes[..written]
    }

    /// The first byte, PTRACE_SYSCALL_INFO_*. `None` when the request failed.
    pub fn op(&self) -> Option<Op> {
        syscall_info::op(self.bytes())
    }

    /// AUDIT_ARCH_* of the stop.
    pub fn arch(&self) -> u32 {
        syscall_info::arch(self.bytes()).unwrap_or(0)
    }

    /// The instruction pointer and the stack pointer.
    pub fn place(&self) -> (u64, u64) {
        let info = MERGED.decode(self.bytes());
        (info.ip.unwrap_or(0), info.sp.unwrap_or(0))
    }

    /// `nr` and `args` of an entry or seccomp stop.
    pub fn call(&self) -> Option<(u64, [u64; 6])> {
        MERGED.call(self.bytes()).map(|call| (call.nr, call.args))
    }

    /// The data of the filter's return value, in a seccomp stop.
    pub fn ret_data(&self) -> Option<u32> {
        MERGED.ret_data(self.bytes())
    }

    /// `rval` and `is_error` of an exit stop.
    pub fn result(&self) -> Option<(i64, bool)> {
        MERGED.outcome(self.bytes()).map(|outcome| (outcome.rval, outcome.failed()))
    }
}

impl Default for SyscallInfo {
    fn default() -> Self {
        SyscallInfo::new()
    }
}

impl std::fmt::Debug for SyscallInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyscallInfo")
            .field("returned", &self.returned)
            .field("bytes", &self.bytes())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ops_are_those_of_libc() {
        assert_eq!(Op::NONE.0, libc::PTRACE_SYSCALL_INFO_NONE);
        assert_eq!(Op::ENTRY.0, libc::PTRACE_SYSCALL_INFO_ENTRY);
        assert_eq!(Op::EXIT.0, libc::PTRACE_SYSCALL_INFO_EXIT);
        assert_eq!(Op::SECCOMP.0, libc::PTRACE_SYSCALL_INFO_SECCOMP);
    }
}
