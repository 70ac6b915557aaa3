//! The signal mask and the siginfo of a stopped task.

use crate::raw::ptrace;
use crate::{Died, Stop};

const GETSIGMASK: libc::c_uint = linux_raw_sys::ptrace::PTRACE_GETSIGMASK;
const SETSIGMASK: libc::c_uint = linux_raw_sys::ptrace::PTRACE_SETSIGMASK;

impl Stop {
    /// Returns the mask of blocked signals (PTRACE_GETSIGMASK).
    ///
    /// # Errors
    /// [`Died`] when the task no longer exists.
    pub fn signal_mask(&self) -> Result<u64, Died> {
        let mut mask = 0u64;
        // SAFETY: GETSIGMASK writes `addr` bytes, the size of the kernel's sigset_t, to data
        // (ptrace(2)).
        unsafe { ptrace(GETSIGMASK, self.tid(), size_of::<u64>(), (&raw mut mask) as usize) }
            .map_err(|_| Died)?;
        Ok(mask)
    }

    /// Sets the mask of blocked signals (PTRACE_SETSIGMASK) and returns the previous one.
    ///
    /// # Errors
    /// [`Died`] when the task no longer exists.
    pub fn swap_signal_mask(&self, mask: u64) -> Result<u64, Died> {
        let before = self.signal_mask()?;
        // SAFETY: SETSIGMASK reads `addr` bytes from data (ptrace(2)).
        unsafe { ptrace(SETSIGMASK, self.tid(), size_of::<u64>(), (&raw const mask) as usize) }
            .map_err(|_| Died)?;
        Ok(before)
    }

    /// Replaces the siginfo of the signal that is about to be delivered (PTRACE_SETSIGINFO).
    ///
    /// # Errors
    /// [`Died`] when the task no longer exists.
    pub fn set_siginfo(&self, bytes: &[u8; crate::stop::SIGINFO]) -> Result<(), Died> {
        // SAFETY: SETSIGINFO reads one siginfo_t from data (ptrace(2)).
        unsafe { ptrace(libc::PTRACE_SETSIGINFO, self.tid(), 0, bytes.as_ptr() as usize) }
            .map(drop)
            .map_err(|_| Died)
    }
}
