//! The tracing thread: its options, and requests about tasks that need not be stopped.

use crate::moving::Parked;
use crate::raw::ptrace;
use crate::waiting::Waiting;
use crate::{Died, Error, Result, Stop, Tid, process};
use std::cell::RefCell;
use std::io;
use std::marker::PhantomData;
use std::time::Duration;

/// The tracing thread. A tracee belongs to the thread that attached to it (ptrace(2)), so the value
/// is neither `Send` nor `Sync`.
#[derive(Debug)]
pub struct Tracer {
    pub(crate) options: u32,
    /// Flags of wait4(2) besides __WALL.
    pub(crate) wait_flags: i32,
    waiting: Waiting,
    /// How long a task that is waited for may neither report nor run.
    pub(crate) patience: Option<Duration>,
    /// Tasks that were taken over and have not stopped since.
    parked: RefCell<Vec<Parked>>,
    not_send: PhantomData<*const ()>,
}

impl Tracer {
    /// Returns a tracer that follows every child and never kills its tracees.
    ///
    /// EXITKILL is not set: the program must outlive its recorder. VFORKDONE and SECCOMP are set
    /// because their stops belong in the log.
    pub fn following() -> Tracer {
        Tracer::with_options(
            libc::PTRACE_O_TRACESYSGOOD
                | libc::PTRACE_O_TRACEFORK
                | libc::PTRACE_O_TRACEVFORK
                | libc::PTRACE_O_TRACECLONE
                | libc::PTRACE_O_TRACEEXEC
                | libc::PTRACE_O_TRACEVFORKDONE
                | libc::PTRACE_O_TRACEEXIT
                | libc::PTRACE_O_TRACESECCOMP,
        )
    }

    /// Waits only for the children and tracees of this thread, as other threads of the process
    /// trace others (__WNOTHREAD).
    #[must_use]
    pub fn among_others(self) -> Tracer {
        Tracer { wait_flags: libc::__WNOTHREAD, ..self }
    }

    /// Whether other threads of the process trace others.
    pub(crate) fn is_among_others(&self) -> bool {
        self.wait_flags != 0
    }

    /// Returns a tracer with exactly these PTRACE_O_* options.
    pub(crate) fn with_options(options: i32) -> Tracer {
        Tracer {
            options: options.cast_unsigned(),
            wait_flags: 0,
            waiting: Waiting::default(),
            patience: None,
            parked: RefCell::default(),
            not_send: PhantomData,
        }
    }

    /// Bounds each wait for one task: it fails once the task has neither reported nor run for so
    /// long, as one that something outside has frozen. Only a
    /// [`Ticker`](crate::signals::Ticker) of this thread makes it look.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Tracer {
        Tracer { patience: Some(patience), ..self }
    }

    /// Returns what this tracer waits for at the moment, for a watchdog thread.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Makes a running task a tracee without stopping it (PTRACE_SEIZE).
    ///
    /// # Errors
    /// The errno of ptrace(2): EPERM when the task may not be traced or has a tracer, ESRCH when it
    /// does not exist.
    pub fn seize(&self, tid: Tid) -> io::Result<()> {
        // SAFETY: PTRACE_SEIZE accesses no memory: addr must be 0, data is the option word
        // (ptrace(2)).
        unsafe { ptrace(libc::PTRACE_SEIZE, tid, 0, self.options as usize) }.map(drop)
    }

    /// Like [`Tracer::seize`], with PTRACE_O_EXITKILL: the child dies with the tracer until
    /// [`Tracer::clear_exitkill`].
    pub(crate) fn seize_with_exitkill(&self, tid: Tid) -> io::Result<()> {
        let options = self.options as usize | libc::PTRACE_O_EXITKILL as usize;
        // SAFETY: as in `seize`.
        unsafe { ptrace(libc::PTRACE_SEIZE, tid, 0, options) }.map(drop)
    }

    /// Clears PTRACE_O_EXITKILL: from now on the spawned program outlives its tracer.
    ///
    /// # Errors
    /// [`Died`] when the task no longer exists.
    pub fn clear_exitkill(&self, stop: &Stop) -> Result<(), Died> {
        // SAFETY: PTRACE_SETOPTIONS takes the option word as data and no address.
        unsafe { ptrace(libc::PTRACE_SETOPTIONS, stop.tid(), 0, self.options as usize) }
            .map(drop)
            .map_err(|_| Died)
    }

    /// Asks a seized task to stop (PTRACE_INTERRUPT); it reports an EVENT_STOP soon after.
    ///
    /// # Errors
    /// [`Died`] when the task no longer exists (ESRCH).
    pub fn interrupt(&self, tid: Tid) -> Result<(), Died> {
        // SAFETY: PTRACE_INTERRUPT takes neither addr nor data.
        unsafe { ptrace(libc::PTRACE_INTERRUPT, tid, 0, 0) }.map(drop).map_err(|_| Died)
    }

    /// Attaches to a parked task, and requests a stop. At its next stop the task is as it was
    /// before it was parked. That is a PTRACE_EVENT_STOP, a group stop, or its exit event. Returns
    /// `false` if the task has ended while it had no tracer.
    ///
    /// # Errors
    /// The errno of ptrace(2), if the task lives.
    pub fn take_over(&self, parked: Parked) -> Result<bool> {
        let tid = parked.tid();
        if let Err(error) = self.seize(tid) {
            // The kernel refuses to attach to a task that is ending (kernel/ptrace.c,
            // `ptrace_attach`).
            let has_ended = process::Status::read(tid)
                .map_or(true, |status| matches!(status.state, b'Z' | b'X'));
            return if has_ended { Ok(false) } else { Err(Error::io("PTRACE_SEIZE", error)) };
        }
        // If it has ended, the wait reports that.
        _ = self.interrupt(tid);
        self.parked.borrow_mut().push(parked);
        Ok(true)
    }

    /// Restores a task that was taken over, at its first stop. Forgets it if it has ended.
    pub(crate) fn unpark(&self, tid: Tid, stop: Option<&Stop>) {
        let mut all = self.parked.borrow_mut();
        let Some(at) = all.iter().position(|parked| parked.tid() == tid) else { return };
        let parked = all.swap_remove(at);
        if let Some(stop) = stop {
            parked.restore(stop);
        }
    }
}
