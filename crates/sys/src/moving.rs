//! Moves a newborn task from one tracer thread to another.
//!
//! A tracee belongs to the thread that attached to it, and a child to the tracer of its parent
//! (ptrace(2)). Between the detach by one thread and the attach by another the task runs. So it is
//! made to call pause(2) meanwhile, with all signals blocked: it executes no instruction of its
//! own. Neither the task nor its parent can tell afterwards.
//!
//! Only a stop before the first instruction of a task will do: there the instruction before the
//! instruction pointer is the one that made the call, and no call is open.

use crate::memory::Window;
use crate::process;
use crate::{Event, Registers, Stop, Tid};

/// The instruction `syscall` of x86-64.
const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// A task between two tracers: it waits in pause(2).
#[derive(Debug)]
pub struct Parked {
    tid: Tid,
    registers: Registers,
    mask: u64,
}

impl Parked {
    /// The task.
    pub fn tid(&self) -> Tid {
        self.tid
    }

    /// Makes the task what it was before it was parked, at its first stop since.
    pub(crate) fn restore(&self, stop: &Stop) {
        // A task that dies now reports its end later, and needs no registers there.
        if stop.status().event() != Event::EXIT {
            _ = stop.set_general(&self.registers);
            _ = stop.swap_signal_mask(self.mask);
        }
    }
}

impl Stop {
    /// Detaches from a task at its first stop so that another thread can take it over with
    /// [`Tracer::take_over`](crate::Tracer::take_over). Returns the stop if the task cannot be
    /// moved: it may not be attached to, has other seccomp filters than `own`, which may forbid
    /// pause(2), or was not made by `syscall`.
    ///
    /// # Errors
    /// The stop, unchanged.
    pub fn park(self, own: Filters) -> std::result::Result<Parked, Stop> {
        match self.prepare_to_park(own) {
            Some(parked) => {
                self.detach(crate::Signal::NONE);
                Ok(parked)
            }
            None => Err(self),
        }
    }

    fn prepare_to_park(&self, own: Filters) -> Option<Parked> {
        let tid = self.tid();
        let registers = self.general().ok().filter(Registers::in_64_bits)?;
        let before = registers.ip().wrapping_sub(SYSCALL.len() as u64);
        // Opening the memory asks for the same permission as an attach (fs/proc/base.c,
        // `mem_open`).
        let mut instruction = [0; SYSCALL.len()];
        let got = Window::open(tid).ok()?.read(before, &mut instruction);
        if got < instruction.len() || instruction != SYSCALL || Filters::of(tid) != Some(own) {
            return None;
        }
        let mask = self.swap_signal_mask(u64::MAX).ok()?;
        let mut pausing = registers;
        pausing.repeat_call(SYSCALL.len() as u64, libc::SYS_pause.cast_unsigned());
        if self.set_general(&pausing).is_err() {
            _ = self.swap_signal_mask(mask);
            return None;
        }
        Some(Parked { tid, registers, mask })
    }
}

/// The seccomp filters of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filters {
    mode: u32,
    count: u32,
}

impl Filters {
    /// Returns those of this process. A program that it starts inherits them.
    pub fn of_this_process() -> Filters {
        let own = Tid::try_from(std::process::id()).ok().and_then(Filters::of);
        // Without /proc nothing can be compared, so nothing may be equal.
        own.unwrap_or(Filters { mode: u32::MAX, count: 0 })
    }

    fn of(tid: Tid) -> Option<Filters> {
        let status = process::Status::read(tid).ok()?;
        Some(Filters { mode: status.seccomp, count: status.seccomp_filters })
    }
}
