//! A task as something that calls are injected into, and the place in the log for messages.

use super::guard::Guard;
use super::halt::Halt;
use crate::error::Error;
use crate::file_pool::FilePool;
use crate::kernel::{Kernel, Tracee};
use std::io;
use sysreel_format::Event;
use sysreel_sys::{Call, Called, Lost, Tid};

/// A place in the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'e> {
    pub(crate) event: &'e Event<'e>,
    /// The call that the task is in, as far as the table knows it.
    pub(crate) call: Option<&'static str>,
}

impl Place<'_> {
    /// The event is not one that can be replayed here.
    pub(crate) fn bad(self, why: impl Into<String>) -> Halt {
        let (event, task) = (self.event.number, self.event.task.0);
        Halt::Failed(Error::BadEvent { event, task, call: self.call, why: why.into() })
    }

    /// The pool refuses what the event maps.
    pub(crate) fn pool(self, error: Error) -> Halt {
        match error {
            Error::NotReplayable(why) => self.bad(why),
            error => error.into(),
        }
    }

    pub(crate) fn failed(self, source: sysreel_sys::Error) -> Halt {
        Halt::Failed(Error::System { event: self.event.number, source })
    }

    pub(crate) fn io_failed(self, what: String, tid: Tid, source: io::Error) -> Halt {
        self.failed(sysreel_sys::Error::Call { what, tid: Some(tid), source })
    }

    pub(crate) fn lost(self, lost: Lost) -> Halt {
        match lost {
            Lost::Failed(source) => self.failed(source),
            Lost::Gone(status) => self.bad(format!(
                "the task was killed from outside or by its seccomp filter (wait status {:#x})",
                status.0
            )),
        }
    }
}

/// A stopped task, and the memory that it maps in place of files.
pub(crate) struct Target<'s, K: Kernel> {
    pub(crate) kernel: &'s mut K,
    pub(crate) tracee: &'s mut K::Tracee,
    pub(crate) file_pool: &'s mut FilePool,
    pub(crate) place: Place<'s>,
}

impl<K: Kernel> Target<'_, K> {
    /// Injects a call into the task, and checks that it has succeeded.
    pub(crate) fn inject(&mut self, what: &str, call: Call) -> Result<u64, Halt> {
        let called = self.inject_any(call)?;
        called.value(what).map_err(|source| self.place.failed(source))
    }

    /// Injects a call into the task, whatever its result.
    pub(crate) fn inject_any(&mut self, call: Call) -> Result<Called, Halt> {
        let guard = Guard::new(self.kernel, self.file_pool);
        if let Some(why) = guard.refuses(call) {
            return Err(self.bad(why));
        }
        // Signals that arrive meanwhile come from outside: those of the recording are in the log.
        self.kernel.call(self.tracee, call).map_err(|lost| self.place.lost(lost))
    }

    pub(crate) fn bad(&self, why: impl Into<String>) -> Halt {
        self.place.bad(why)
    }

    pub(crate) fn io_failed(&self, what: &str, source: io::Error) -> Halt {
        self.place.io_failed(what.to_owned(), self.tracee.tid(), source)
    }
}
