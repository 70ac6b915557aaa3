//! In-process recording: the parts that lie in a recorded process.
//!
//! The tracer maps a *page* ([`page()`]) and *rings* ([`Rings`]) into a process. A call site that
//! is patched jumps to a *stub* ([`Stub`]), which passes its description to the page. The page
//! makes the call and adds a record to the ring of its thread, whose slot GS points to. All else is
//! traced: the stub has a `syscall` of its own for it, which is not let pass by the filter.

pub mod calls;
mod code;
mod functions;
pub mod layout;
mod moved;
mod page;
mod rings;

pub use code::{CODE_AFTER, Patch, find_padding};
pub use functions::functions;
pub use layout::{PAGE, PAGE_LEN, RINGS, RINGS_LEN, SLOT, SLOTS};
pub use moved::{Inside, Left};
pub use page::Place;
pub use rings::{Copy, Record, Rings};

use layout as l;

/// The length of a stub in bytes.
pub const STUB: u64 = STUB_BYTES as u64;
const STUB_BYTES: usize = 64;
/// The length of a mapping of stubs.
pub const STUBS_LEN: u64 = 0x1_0000;
/// The offset of a stub's own `syscall`, and of the instruction after it.
const STUB_CALL: u64 = 14;
const STUB_AFTER: u64 = 16;
/// The offset of its description.
const STUB_DESCRIPTION: u64 = 40;

/// Whether processes of this machine can be recorded so, and times be taken from the time-stamp
/// counter (Intel SDM, "Invariant TSC"). The error says why not.
///
/// # Errors
/// What is missing.
pub fn check_machine() -> Result<(), &'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::__cpuid;
        let invariant =
            __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & 1 << 8 != 0;
        if invariant { Ok(()) } else { Err("the time-stamp counter of this CPU is not invariant") }
    }
    #[cfg(not(target_arch = "x86_64"))]
    Err("it exists for x86-64 only")
}

/// The time-stamp counter.
pub fn time_stamp() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: rdtsc exists on every x86-64 CPU, and reads nothing but the counter.
    unsafe {
        std::arch::x86_64::_rdtsc()
    }
    #[cfg(not(target_arch = "x86_64"))]
    0
}

/// Returns the contents of the page's mapping. `programs`, `commands` and `proofs` are as
/// [`layout`] says; what is too long is cut.
pub fn page(programs: &[u8], commands: &[u8], proofs: u64) -> Vec<u8> {
    let mut page = vec![0; usize::try_from(PAGE_LEN).unwrap_or(0)];
    let mut put = |at: u64, end: u64, bytes: &[u8]| {
        let (at, end) = (usize::try_from(at).unwrap_or(0), usize::try_from(end).unwrap_or(0));
        let len = bytes.len().min(end - at);
        page[at..at + len].copy_from_slice(&bytes[..len]);
    };
    put(0, l::PROGRAMS, page::code());
    put(l::PROGRAMS, l::COMMANDS, programs);
    put(l::COMMANDS, l::PROOFS, commands);
    put(l::PROOFS, l::NO_BLOCK, &proofs.to_le_bytes());
    page
}

/// A stub: where a patched site goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stub {
    /// Its address.
    pub at: u64,
    /// The address of the call site.
    pub site: u64,
}

impl Stub {
    /// Returns its code.
    pub fn bytes(&self) -> [u8; STUB_BYTES] {
        let mut code = [0xcc; STUB_BYTES];
        // lea description(%rip), %r11
        let description = u32::try_from(STUB_DESCRIPTION - 7).unwrap_or(0);
        code[..3].copy_from_slice(&[0x4c, 0x8d, 0x1d]);
        code[3..7].copy_from_slice(&description.to_le_bytes());
        // jmp *page(%rip); the address follows the description.
        let page = u32::try_from(STUB_DESCRIPTION + 16 - 13).unwrap_or(0);
        code[7..9].copy_from_slice(&[0xff, 0x25]);
        code[9..13].copy_from_slice(&page.to_le_bytes());
        code[14..16].copy_from_slice(&crate::remote::SYSCALL);
        // jmp *after(%rip)
        let after = u32::try_from(STUB_DESCRIPTION - 22).unwrap_or(0);
        code[16..18].copy_from_slice(&[0xff, 0x25]);
        code[18..22].copy_from_slice(&after.to_le_bytes());
        for (at, word) in
            [(40, self.after()), (48, self.at + STUB_CALL), (56, Place::Hook.address())]
        {
            code[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
        code
    }

    /// The address after the call site.
    pub fn after(&self) -> u64 {
        self.site + crate::remote::SYSCALL.len() as u64
    }

    /// The address after the stub's own call.
    pub fn after_own_call(&self) -> u64 {
        self.at + STUB_AFTER
    }

    /// Returns the stub that contains an address, as the start of it.
    pub fn start(mapping: u64, address: u64) -> u64 {
        mapping + (address - mapping) / STUB * STUB
    }
}

/// The calls that the filter lets pass: the addresses after the `syscall` instructions of the page,
/// which are what a filter sees.
pub fn passed() -> [u64; 2] {
    [Place::Call, Place::Own].map(|place| place.address() + crate::remote::SYSCALL.len() as u64)
}
