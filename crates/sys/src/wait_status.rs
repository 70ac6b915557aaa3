//! The status word of wait4(2), and the signals and events in it.
//!
//! The raw status is kept because nix's `WaitStatus` cannot express a stop by a real-time signal.

/// The status word of wait4(2), undecoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitStatus(pub i32);

/// A signal number, real-time signals included. Any number is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(pub i32);

impl Signal {
    /// No signal: resumes a stop without delivering one.
    pub const NONE: Signal = Signal(0);
}

/// A PTRACE_EVENT_* number (`status >> 16`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event(pub i32);

impl Event {
    /// Before fork(2) returns in the parent.
    pub const FORK: Event = Event(libc::PTRACE_EVENT_FORK);
    /// Before vfork(2) returns in the parent, the child already running.
    pub const VFORK: Event = Event(libc::PTRACE_EVENT_VFORK);
    /// Before clone(2) returns in the parent.
    pub const CLONE: Event = Event(libc::PTRACE_EVENT_CLONE);
    /// In a successful execve(2), the new image in place.
    pub const EXEC: Event = Event(libc::PTRACE_EVENT_EXEC);
    /// The child of a vfork no longer uses its parent's memory.
    pub const VFORK_DONE: Event = Event(libc::PTRACE_EVENT_VFORK_DONE);
    /// The task is exiting; its registers can still be read.
    pub const EXIT: Event = Event(libc::PTRACE_EVENT_EXIT);
    /// A seccomp filter returned RET_TRACE.
    pub const SECCOMP: Event = Event(libc::PTRACE_EVENT_SECCOMP);
    /// The first stop of an auto-attached child, PTRACE_INTERRUPT, or a group stop of a seized
    /// task.
    pub const STOP: Event = Event(libc::PTRACE_EVENT_STOP);
}

impl WaitStatus {
    /// Whether this is a stop, as opposed to an end.
    pub fn is_stopped(self) -> bool {
        self.0 & 0xff == 0x7f
    }

    /// WSTOPSIG, including the 0x80 of PTRACE_O_TRACESYSGOOD.
    pub fn stop_signal(self) -> i32 {
        self.0 >> 8 & 0xff
    }

    /// The event number; 0 when the stop is not an event stop.
    pub fn event(self) -> Event {
        Event(self.0 >> 16)
    }

    /// Whether this is a syscall stop under PTRACE_O_TRACESYSGOOD.
    pub fn is_syscall_stop(self) -> bool {
        self.0 >> 8 == libc::SIGTRAP | 0x80
    }

    /// The exit status, when the task exited.
    pub fn exited(self) -> Option<i32> {
        (self.0 & 0x7f == 0).then_some(self.0 >> 8 & 0xff)
    }

    /// The signal that ended the task.
    pub fn killed(self) -> Option<Signal> {
        let signal = self.0 & 0x7f;
        (signal != 0 && signal != 0x7f).then_some(Signal(signal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_decode_as_the_macros_of_wait_2_do() {
        let syscall = WaitStatus((libc::SIGTRAP | 0x80) << 8 | 0x7f);
        assert!(syscall.is_stopped() && syscall.is_syscall_stop());
        let realtime = WaitStatus(35 << 8 | 0x7f);
        assert!(realtime.is_stopped() && !realtime.is_syscall_stop());
        assert_eq!(realtime.stop_signal(), 35);
        let event = WaitStatus((libc::PTRACE_EVENT_EXEC << 8 | libc::SIGTRAP) << 8 | 0x7f);
        assert_eq!(event.event(), Event::EXEC);
        assert!(!event.is_syscall_stop());
        assert_eq!(WaitStatus(7 << 8).exited(), Some(7));
        assert_eq!(WaitStatus(9).killed(), Some(Signal(9)));
        assert_eq!(WaitStatus(0x80 | 11).killed(), Some(Signal(11)));
        assert_eq!(WaitStatus(9).exited(), None);
    }
}
