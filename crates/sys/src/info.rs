//! The struct of PTRACE_GET_SYSCALL_INFO, as the kernel wrote it.

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
        self.bytes().first().map(|&op| Op(op))
    }

    /// AUDIT_ARCH_* of the stop.
    pub fn arch(&self) -> u32 {
        u32::from_ne_bytes(self.field(4))
    }

    /// The instruction pointer and the stack pointer.
    pub fn place(&self) -> (u64, u64) {
        (u64::from_ne_bytes(self.field(8)), u64::from_ne_bytes(self.field(16)))
    }

    /// `nr` and `args` of an entry or seccomp stop.
    pub fn call(&self) -> Option<(u64, [u64; 6])> {
        let is_call = matches!(self.op()?, Op::ENTRY | Op::SECCOMP) && self.bytes().len() >= 80;
        is_call.then(|| {
            (
                u64::from_ne_bytes(self.field(24)),
                std::array::from_fn(|i| u64::from_ne_bytes(self.field(32 + 8 * i))),
            )
        })
    }

    /// The data of the filter's return value, in a seccomp stop.
    pub fn ret_data(&self) -> Option<u32> {
        let is_seccomp = self.op()? == Op::SECCOMP && self.bytes().len() >= 84;
        is_seccomp.then(|| u32::from_ne_bytes(self.field(80)))
    }

    /// `rval` and `is_error` of an exit stop.
    pub fn result(&self) -> Option<(i64, bool)> {
        let is_exit = self.op()? == Op::EXIT && self.bytes().len() >= 33;
        is_exit.then(|| (i64::from_ne_bytes(self.field(24)), self.bytes[32] != 0))
    }

    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        std::array::from_fn(|i| self.bytes[at + i])
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

/// PTRACE_SYSCALL_INFO_*: the kind of syscall stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op(pub u8);

impl Op {
    /// Not in a syscall stop.
    pub const NONE: Op = Op(libc::PTRACE_SYSCALL_INFO_NONE);
    /// At the entry of a system call.
    pub const ENTRY: Op = Op(libc::PTRACE_SYSCALL_INFO_ENTRY);
    /// At the exit of a system call.
    pub const EXIT: Op = Op(libc::PTRACE_SYSCALL_INFO_EXIT);
    /// In the stop of a seccomp filter that returned RET_TRACE.
    pub const SECCOMP: Op = Op(libc::PTRACE_SYSCALL_INFO_SECCOMP);
}
