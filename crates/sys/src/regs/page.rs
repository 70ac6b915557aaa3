//! The registers that a thread in the page of [`fast`](crate::fast) gets back.

use super::Registers;

impl Registers {
    /// Sets the arguments of a 64-bit call.
    pub(crate) fn set_arguments(&mut self, args: [u64; 6]) {
        let places = [at!(rdi), at!(rsi), at!(rdx), at!(r10), at!(r8), at!(r9)];
        for (place, arg) in places.into_iter().zip(args) {
            self.words[place] = arg;
        }
    }

    /// Sets the number of a call that is still to be made.
    pub(crate) fn set_call_number(&mut self, nr: u64) {
        self.words[at!(rax)] = nr;
        self.forget_call();
    }

    /// Sets the flags.
    pub(crate) fn set_flags(&mut self, flags: u64) {
        self.words[at!(eflags)] = flags;
    }

    /// Sets what `syscall` leaves in the registers that it overwrites: the address after it, and
    /// the flags.
    pub(crate) fn set_clobbered(&mut self, ip: u64, flags: u64) {
        self.words[at!(rcx)] = ip;
        self.words[at!(r11)] = flags;
    }

    /// Sets the address that `syscall` leaves in a register.
    pub fn set_clobbered_ip(&mut self, ip: u64) {
        self.words[at!(rcx)] = ip;
    }

    /// Takes over the call that the task is in, and its result.
    pub fn take_call(&mut self, from: &Registers) {
        for at in [at!(rax), at!(orig_rax)] {
            self.words[at] = from.words[at];
        }
    }

    /// The register in which a stub passes its description.
    pub(crate) fn description(&self) -> u64 {
        self.words[at!(r11)]
    }

    /// The base of the GS segment.
    pub fn gs_base(&self) -> u64 {
        self.words[at!(gs_base)]
    }
}
