//! Reads and sets the registers of a stopped task.

use crate::raw::ptrace;
use crate::{Error, Result, Stop};

/// The register set of the extended state: x87, SSE, AVX and later extensions (elf.h).
pub const NT_X86_XSTATE: u32 = 0x202;

/// The size of a `struct user_desc` in bytes (asm/ldt.h).
pub const THREAD_AREA: usize = 16;

/// The number of words in `struct user_regs_struct`.
#[cfg(target_arch = "x86_64")]
const WORDS: usize = size_of::<libc::user_regs_struct>() / 8;
#[cfg(not(target_arch = "x86_64"))]
const WORDS: usize = 27;

/// The general registers in the layout of `struct user_regs_struct`, for tasks of any word size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registers {
    words: [u64; WORDS],
}

/// The index of a register in the struct, in words.
macro_rules! at {
    ($register:ident) => {{
        #[cfg(target_arch = "x86_64")]
        let at = std::mem::offset_of!(libc::user_regs_struct, $register) / 8;
        #[cfg(not(target_arch = "x86_64"))]
        let at = 0;
        at
    }};
}

macro_rules! named {
    ($($register:ident)*) => { [$((stringify!($register), at!($register))),*] };
}

mod page;

/// The registers in the order in which differences are reported: those that a program computes with
/// first.
const NAMES: [(&str, usize); 27] = named!(
    rip rsp rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15
    orig_rax eflags fs_base gs_base cs ss ds es fs gs
);

/// The code and stack segments of 64-bit programs (__USER_CS and __USER_DS,
/// arch/x86/include/asm/segment.h).
const USER_CS: u64 = 0x33;
const USER_SS: u64 = 0x2b;

impl Registers {
    /// The size in bytes.
    pub const LEN: usize = WORDS * 8;

    /// Restores registers from [`Registers::to_bytes`]. `None` when the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Registers> {
        let bytes: &[u8; Self::LEN] = bytes.try_into().ok()?;
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().ok()?);
        }
        Some(Registers { words })
    }

    /// Returns the registers as bytes, in the layout of the struct.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(&self.words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The instruction pointer.
    pub fn ip(&self) -> u64 {
        self.words[at!(rip)]
    }

    /// The number of the call that the task is in, or `None` outside of a call.
    pub fn open_call(&self) -> Option<u64> {
        let nr = self.words[at!(orig_rax)];
        (nr.cast_signed() >= 0).then_some(nr)
    }

    /// The stack pointer.
    pub fn sp(&self) -> u64 {
        self.words[at!(rsp)]
    }

    /// The register that holds a call's result.
    pub fn result(&self) -> u64 {
        self.words[at!(rax)]
    }

    /// Whether both are the same state of a program. Ignores orig_rax, which says how the kernel
    /// was entered, and the flag that lets an instruction at a breakpoint execute (RF).
    pub fn same_user_state(&self, other: &Registers) -> bool {
        const RESUME_FLAG: u64 = 1 << 16;
        let without = |registers: &Registers| {
            let mut words = registers.words;
            words[at!(orig_rax)] = 0;
            words[at!(eflags)] &= !RESUME_FLAG;
            words
        };
        without(self) == without(other)
    }

    /// Returns the first register that differs from `other` at the entry of the same call: its name
    /// and both values. Ignores flags that only a tracer sets (RF, TF).
    pub fn first_difference(&self, other: &Registers) -> Option<(&'static str, u64, u64)> {
        const TRACER_FLAGS: u64 = 1 << 16 | 1 << 8;
        NAMES.iter().find_map(|&(name, at)| {
            let ignored = if at == at!(eflags) { TRACER_FLAGS } else { 0 };
            let (own, others) = (*self.words.get(at)?, *other.words.get(at)?);
            (own & !ignored != others & !ignored).then_some((name, own, others))
        })
    }

    /// The frame pointer, in programs that use one.
    pub fn frame(&self) -> u64 {
        self.words[at!(rbp)]
    }

    /// Whether the code segment is that of 64-bit programs.
    pub fn in_64_bits(&self) -> bool {
        self.words[at!(cs)] == USER_CS
    }

    /// Moves back to the call instruction, which is `len` bytes long, to make call `nr`: the same
    /// call, or the one that continues it.
    pub fn repeat_call(&mut self, len: u64, nr: u64) {
        self.words[at!(rip)] = self.words[at!(rip)].wrapping_sub(len);
        self.words[at!(rax)] = nr;
        self.forget_call();
    }

    /// Sets the instruction pointer.
    pub fn set_ip(&mut self, ip: u64) {
        self.words[at!(rip)] = ip;
    }

    /// Sets the second argument of a 64-bit call.
    pub fn set_second_argument(&mut self, value: u64) {
        self.words[at!(rsi)] = value;
    }

    /// Sets the stack pointer.
    pub fn set_sp(&mut self, sp: u64) {
        self.words[at!(rsp)] = sp;
    }

    /// Sets the result of a call, which is then not restarted.
    pub fn set_result(&mut self, result: u64) {
        self.words[at!(rax)] = result;
        self.forget_call();
    }

    /// Sets the base of the FS segment, which thread-local storage uses.
    pub fn set_fs_base(&mut self, base: u64) {
        self.words[at!(fs_base)] = base;
    }

    /// Sets the base of the GS segment.
    pub fn set_gs_base(&mut self, base: u64) {
        self.words[at!(gs_base)] = base;
    }

    /// Sets the results of rdtsc, or of rdtscp with `processor`, and moves past the instruction.
    pub fn set_time_stamp(&mut self, opcode_len: u64, stamp: u64, processor: Option<u32>) {
        self.words[at!(rax)] = stamp & 0xffff_ffff;
        self.words[at!(rdx)] = stamp >> 32;
        if let Some(processor) = processor {
            self.words[at!(rcx)] = processor.into();
        }
        self.words[at!(rip)] = self.words[at!(rip)].wrapping_add(opcode_len);
    }

    /// Sets orig_rax to -1. The kernel restarts an interrupted call by the number in orig_rax; -1
    /// means that there is none (arch/x86/kernel/signal.c).
    pub fn forget_call(&mut self) {
        self.words[at!(orig_rax)] = u64::MAX;
    }

    /// Makes the task, once resumed, execute the `syscall` instruction at `point` as a 64-bit call.
    pub(crate) fn enter(&mut self, point: u64, nr: i64, args: [u64; 6]) {
        let places = [at!(rdi), at!(rsi), at!(rdx), at!(r10), at!(r8), at!(r9)];
        for (place, arg) in places.into_iter().zip(args) {
            self.words[place] = arg;
        }
        self.words[at!(rax)] = nr.cast_unsigned();
        self.words[at!(rip)] = point;
        // A 32-bit task runs as a 64-bit one during the call.
        self.words[at!(cs)] = USER_CS;
        self.words[at!(ss)] = USER_SS;
        self.forget_call();
    }
}

/// Returns the offset of a debug register in the user area.
fn debug_register(number: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    let first = std::mem::offset_of!(libc::user, u_debugreg);
    #[cfg(not(target_arch = "x86_64"))]
    let first = 0;
    first + 8 * number
}

/// The requests, in the type of libc's ptrace signature.
#[cfg(target_arch = "x86_64")]
const GETREGS: libc::c_uint = libc::PTRACE_GETREGS;
#[cfg(target_arch = "x86_64")]
const SETREGS: libc::c_uint = libc::PTRACE_SETREGS;
// Other architectures have no such request; an unknown one fails with EIO.
#[cfg(not(target_arch = "x86_64"))]
const GETREGS: libc::c_uint = u32::MAX;
#[cfg(not(target_arch = "x86_64"))]
const SETREGS: libc::c_uint = u32::MAX;

impl Stop {
    /// Returns the general registers (PTRACE_GETREGS).
    ///
    /// # Errors
    /// The errno of ptrace(2), mostly ESRCH when the task died.
    pub fn general(&self) -> Result<Registers> {
        let mut registers = Registers { words: [0; WORDS] };
        // SAFETY: GETREGS writes one user_regs_struct to data; `words` has its size, and any bytes
        // make valid words (ptrace(2)).
        unsafe { ptrace(GETREGS, self.tid(), 0, registers.words.as_mut_ptr() as usize) }
            .map_err(|source| self.failed("PTRACE_GETREGS", source))?;
        Ok(registers)
    }

    /// Sets the general registers (PTRACE_SETREGS).
    ///
    /// # Errors
    /// The errno of ptrace(2): ESRCH when the task died, EIO for a value that the kernel rejects.
    pub fn set_general(&self, registers: &Registers) -> Result<()> {
        // SAFETY: SETREGS reads one user_regs_struct from data; `words` has its size (ptrace(2)).
        // The kernel validates the values.
        unsafe { ptrace(SETREGS, self.tid(), 0, registers.words.as_ptr() as usize) }
            .map(drop)
            .map_err(|source| self.failed("PTRACE_SETREGS", source))
    }

    /// Sets the register of a call's result and no other, with one request instead of two.
    ///
    /// # Errors
    /// The errno of ptrace(2), mostly ESRCH when the task died.
    pub fn set_result(&self, result: u64) -> Result<()> {
        let at = at!(rax) * 8;
        let data = usize::try_from(result).unwrap_or(0);
        // SAFETY: POKEUSER writes the number in data at offset addr of the tracee's user area and
        // accesses no memory of this process (ptrace(2)).
        unsafe { ptrace(libc::PTRACE_POKEUSER, self.tid(), at, data) }
            .map(drop)
            .map_err(|source| self.failed("PTRACE_POKEUSER of rax", source))
    }

    /// Sets the register of a call's third argument, the same in every x86 ABI.
    ///
    /// # Errors
    /// The errno of ptrace(2), mostly ESRCH when the task died.
    pub fn set_third_argument(&self, value: u64) -> Result<()> {
        let at = at!(rdx) * 8;
        let data = usize::try_from(value).unwrap_or(0);
        // SAFETY: as in `set_result`.
        unsafe { ptrace(libc::PTRACE_POKEUSER, self.tid(), at, data) }
            .map(drop)
            .map_err(|source| self.failed("PTRACE_POKEUSER of rdx", source))
    }

    /// Sets the task's first hardware breakpoint, or removes it. SIGTRAP comes before the
    /// instruction executes (Intel SDM, "Debug registers").
    ///
    /// # Errors
    /// The errno of ptrace(2): ESRCH when the task died, EINVAL for an address outside user space.
    pub fn break_at(&self, ip: Option<u64>) -> Result<()> {
        // Bit 0 of DR7 enables the first breakpoint for this task. Its other bits stay 0: length
        // one byte, on execution.
        for (register, value) in [(7, 0), (0, ip.unwrap_or(0)), (7, u64::from(ip.is_some()))] {
            let data = usize::try_from(value).unwrap_or(0);
            // SAFETY: POKEUSER writes the number in data at offset addr of the tracee's user area
            // and accesses no memory of this process (ptrace(2)).
            unsafe { ptrace(libc::PTRACE_POKEUSER, self.tid(), debug_register(register), data) }
                .map_err(|source| self.failed("PTRACE_POKEUSER of a debug register", source))?;
        }
        Ok(())
    }

    /// Sets an entry of the task's segment table (PTRACE_SET_THREAD_AREA). The struct contains the
    /// entry's number. A 64-bit task has no call for it (arch/x86/kernel/ptrace.c, under
    /// IA32_EMULATION).
    ///
    /// # Errors
    /// The errno of ptrace(2): ESRCH when the task died, EIO on a kernel without the request.
    pub fn set_thread_area(&self, area: &[u8; THREAD_AREA]) -> Result<()> {
        let [a, b, c, d, ..] = *area;
        let entry = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        // SAFETY: the request takes an entry number as addr and reads one user_desc from data;
        // `area` has its size (ptrace(2)).
        unsafe { ptrace(SET_THREAD_AREA, self.tid(), entry, area.as_ptr() as usize) }
            .map(drop)
            .map_err(|source| self.failed("PTRACE_SET_THREAD_AREA", source))
    }

    /// Returns the extended state, in the size of the CPU (PTRACE_GETREGSET, NT_X86_XSTATE).
    ///
    /// # Errors
    /// The errno of ptrace(2), mostly ESRCH when the task died.
    pub fn extended(&self) -> Result<Vec<u8>> {
        // AMX alone takes 8 KiB.
        let mut bytes = vec![0u8; 16 << 10];
        let mut iov = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        let data = (&raw mut iov) as usize;
        // SAFETY: GETREGSET writes at most iov_len bytes to iov_base and sets iov_len to the length
        // written (ptrace(2)).
        unsafe { ptrace(libc::PTRACE_GETREGSET, self.tid(), NT_X86_XSTATE as usize, data) }
            .map_err(|source| self.failed("PTRACE_GETREGSET of the extended state", source))?;
        bytes.truncate(iov.iov_len);
        Ok(bytes)
    }

    /// Sets the extended state (PTRACE_SETREGSET, NT_X86_XSTATE).
    ///
    /// # Errors
    /// The errno of ptrace(2): ESRCH when the task died, EINVAL for a state that does not fit the
    /// CPU.
    pub fn set_extended(&self, bytes: &[u8]) -> Result<()> {
        let iov = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let data = (&raw const iov) as usize;
        // SAFETY: SETREGSET reads iov_len bytes from iov_base (ptrace(2)).
        unsafe { ptrace(libc::PTRACE_SETREGSET, self.tid(), NT_X86_XSTATE as usize, data) }
            .map(drop)
            .map_err(|source| self.failed("PTRACE_SETREGSET of the extended state", source))
    }

    fn failed(&self, what: &str, source: std::io::Error) -> Error {
        Error::Call { what: what.into(), tid: Some(self.tid()), source }
    }
}

#[cfg(target_arch = "x86_64")]
const SET_THREAD_AREA: libc::c_uint = linux_raw_sys::ptrace::PTRACE_SET_THREAD_AREA;
// Other architectures have no such request; an unknown one fails with EIO.
#[cfg(not(target_arch = "x86_64"))]
const SET_THREAD_AREA: libc::c_uint = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_survive_as_bytes() {
        let words = std::array::from_fn(|i| (i as u64) << 40 | 7);
        let registers = Registers { words };
        assert_eq!(Registers::from_bytes(&registers.to_bytes()), Some(registers));
        assert_eq!(Registers::from_bytes(&[0; 8]), None);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_time_stamp_has_two_halves() {
        let mut registers = Registers { words: [5; WORDS] };
        registers.set_time_stamp(3, 0x1_0000_0002, Some(9));
        assert_eq!(
            (registers.result(), registers.words[at!(rdx)], registers.words[at!(rcx)]),
            (2, 1, 9)
        );
        assert_eq!(registers.ip(), 8);
    }
}
