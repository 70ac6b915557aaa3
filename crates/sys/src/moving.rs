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
use crate::{Error, Registers, Report, Result, Stop, Tid, Tracer, WaitStatus};
use std::sync::OnceLock;

/// The instruction `syscall` of x86-64.
const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// A task that was parked, at its new tracer.
#[derive(Debug)]
pub enum TakenOver {
    /// It is as it was before it was parked. The stop is that of the request to stop, a group stop,
    /// or its exit event.
    Stopped(Stop),
    /// It has ended, and was reaped.
    Gone(WaitStatus),
    /// It has ended while nobody traced it.
    Vanished,
}

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
}

impl Stop {
    /// Detaches from a task at its first stop so that another thread can take it over with
    /// [`Tracer::take_over`]. Returns the stop if the task cannot be moved: it may not be attached
    /// to, has a seccomp filter that may forbid pause(2), or was not made by `syscall`.
    ///
    /// # Errors
    /// The stop, unchanged.
    pub fn park(self) -> std::result::Result<Parked, Stop> {
        match self.prepare_to_park() {
            Some(parked) => {
                self.detach(crate::Signal::NONE);
                Ok(parked)
            }
            None => Err(self),
        }
    }

    fn prepare_to_park(&self) -> Option<Parked> {
        let tid = self.tid();
        let registers = self.general().ok().filter(Registers::in_64_bits)?;
        let before = registers.ip().wrapping_sub(SYSCALL.len() as u64);
        // Opening the memory asks for the same permission as an attach (fs/proc/base.c,
        // `mem_open`).
        let mut instruction = [0; SYSCALL.len()];
        let got = Window::open(tid).ok()?.read(before, &mut instruction);
        if got < instruction.len() || instruction != SYSCALL || has_own_filter(tid) {
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

/// Whether a task has other seccomp filters than this process, which may forbid pause(2).
fn has_own_filter(tid: Tid) -> bool {
    static OWN: OnceLock<(u32, u32)> = OnceLock::new();
    let filters = |tid| {
        let status = process::Status::read(tid).ok()?;
        Some((status.seccomp, status.seccomp_filters))
    };
    let own = OWN.get_or_init(|| {
        let own = Tid::try_from(std::process::id()).ok();
        own.and_then(filters).unwrap_or((u32::MAX, 0))
    });
    filters(tid) != Some(*own)
}

impl Tracer {
    /// Attaches to a parked task.
    ///
    /// # Errors
    /// The errno of ptrace(2) or wait4(2), but ESRCH.
    pub fn take_over(&self, parked: &Parked) -> Result<TakenOver> {
        let tid = parked.tid;
        if let Err(error) = self.seize(tid) {
            // The kernel refuses to attach to a task that is ending (kernel/ptrace.c,
            // `ptrace_attach`).
            let has_ended = process::Status::read(tid)
                .map_or(true, |status| matches!(status.state, b'Z' | b'X'));
            return match has_ended {
                true => Ok(TakenOver::Vanished),
                false => Err(Error::io("PTRACE_SEIZE", error)),
            };
        }
        // If it has ended, the wait reports that.
        _ = self.interrupt(tid);
        loop {
            match self.wait_for(tid)? {
                Report::Stopped(stop) => {
                    let is_end = stop.status().event() == crate::Event::EXIT;
                    if !is_end {
                        // A task that dies now reports its end later.
                        _ = stop.set_general(&parked.registers);
                        _ = stop.swap_signal_mask(parked.mask);
                    }
                    return Ok(TakenOver::Stopped(stop));
                }
                Report::Gone { status, .. } => return Ok(TakenOver::Gone(status)),
                Report::NoTasks => return Ok(TakenOver::Vanished),
                Report::Interrupted => {}
            }
        }
    }
}
