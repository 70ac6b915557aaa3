//! The signal frame from which rt_sigreturn(2) and sigreturn(2) take the signal mask. Neither has
//! arguments: the kernel finds the frame by the stack pointer.

use super::request::{Memory, RegionRequest};
use crate::arch::Abi;
use crate::desc::{CallKind, Dir, Row};

/// The argument of a region that belongs to none.
pub const NO_ARGUMENT: u8 = 255;

/// Plans the memory of the signal mask that a sigreturn restores, at its entry: regions of no
/// argument, in two words for i386's sigreturn. Adds nothing for other calls. Call it after
/// [`at_entry`](super::at_entry), with the stack pointer.
pub fn signal_mask(
    abi: Abi,
    row: &Row,
    stack_pointer: u64,
    requests: &mut Vec<RegionRequest>,
    memory: &mut dyn Memory,
) {
    if row.kind != CallKind::SigReturn {
        return;
    }
    let from = requests.len();
    for (index, &(offset, asked)) in (0..).zip(places(abi, row)) {
        requests.push(RegionRequest {
            arg: NO_ARGUMENT,
            dir: Dir::In,
            role: 0,
            index,
            address: stack_pointer.wrapping_add(offset).max(1),
            asked,
            string: false,
            words: 0,
            store: true,
        });
    }
    memory.fetch(requests.get(from..).unwrap_or_default());
}

/// Returns where the mask is: bytes above the stack pointer, and lengths.
fn places(abi: Abi, row: &Row) -> &'static [(u64, u64)] {
    match abi {
        // The return address is popped; ucontext: flags, link, stack, registers (arch/x86/include/
        // uapi/asm/ucontext.h).
        Abi::X86_64 => &[(8 + 8 + 24 + 256, 8)],
        Abi::X32 => &[(4 + 4 + 12 + 4 + 256, 8)],
        // The signal, two pointers, siginfo, then ucontext (arch/x86/include/asm/sigframe.h).
        Abi::I386 if row.name == "rt_sigreturn" => &[(12 + 128 + 4 + 4 + 12 + 88, 8)],
        // The signal is popped too. The first word is in the registers, the second after the
        // floating-point state.
        Abi::I386 => &[(80, 4), (88 + 624, 4)],
        // siginfo, then ucontext: flags, link, stack (arch/arm64/kernel/signal.c).
        Abi::Aarch64 => &[(128 + 8 + 8 + 24, 8)],
    }
}
