//! Calls that a stopped task makes for its tracer, and nobody else sees.

use crate::clock;
use crate::info::SyscallInfo;
use crate::{
    Died, Error, Event, Report, Result, Resume, Signal, Stop, StopKind, Tid, Tracer, WaitStatus,
};
use std::time::Duration;

/// Where a `syscall` instruction lies in the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InjectionPoint(pub u64);

/// The instruction.
pub const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// Its result: a value, or minus an errno.
    pub result: i64,
    /// The task that it made.
    pub child: Option<Tid>,
    /// Signals that came meanwhile and were withheld.
    pub signals: Vec<Signal>,
}

/// Why a call did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The task ended, and was reaped.
    #[error("the task ended")]
    Gone(WaitStatus),
    /// Something else.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Called {
    /// The value, if it is one.
    pub fn value(&self, what: &str) -> Result<u64> {
        match self.result {
            errno @ -4095..=-1 => {
                let errno = i32::try_from(-errno).unwrap_or(libc::EIO);
                Err(Error::io(what, std::io::Error::from_raw_os_error(errno)))
            }
            value => Ok(value.cast_unsigned()),
        }
    }
}

/// Calls by name: what record and replay have tasks do for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// munmap(2).
    Munmap {
        /// Where.
        address: u64,
        /// How much.
        len: u64,
    },
    /// Memory of no file.
    Anonymous {
        /// Where.
        address: u64,
        /// How much.
        len: u64,
        /// PROT_*.
        prot: u32,
        /// As a stack does.
        grows_down: bool,
    },
    /// A stretch of a file.
    File {
        /// Where.
        address: u64,
        /// How much.
        len: u64,
        /// PROT_*.
        prot: u32,
        /// Its descriptor in the task.
        fd: i32,
        /// Where in it.
        offset: u64,
        /// Writes go to the file.
        shared: bool,
    },
    /// Any of those that take numbers only, by its 64-bit number.
    Plain(i64, [u64; 6]),
}

impl Call {
    /// mprotect(2).
    pub fn mprotect(address: u64, len: u64, prot: u64) -> Call {
        Call::Plain(libc::SYS_mprotect, [address, len, prot, 0, 0, 0])
    }

    /// madvise(2).
    pub fn madvise(address: u64, len: u64, advice: u64) -> Call {
        Call::Plain(libc::SYS_madvise, [address, len, advice, 0, 0, 0])
    }

    /// mremap(2) to a place that is given; `keep` leaves the old mapping (MREMAP_DONTUNMAP).
    pub fn mremap(from: u64, old_len: u64, new_len: u64, to: u64, keep: bool) -> Call {
        let mut flags = libc::MREMAP_MAYMOVE;
        if from != to {
            flags |= libc::MREMAP_FIXED;
        }
        if keep {
            flags |= libc::MREMAP_DONTUNMAP;
        }
        let flags = u64::from(flags.cast_unsigned());
        Call::Plain(libc::SYS_mremap, [from, old_len, new_len, flags, to, 0])
    }

    /// prctl(2) PR_SET_TSC: from here on the instructions that read the time-stamp counter stop
    /// with SIGSEGV.
    pub fn trap_time_stamps() -> Call {
        let option = libc::PR_SET_TSC.cast_unsigned();
        let trap = libc::PR_TSC_SIGSEGV.cast_unsigned();
        Call::Plain(libc::SYS_prctl, [option.into(), trap.into(), 0, 0, 0, 0])
    }

    /// prctl(2) PR_SET_TSC: the instructions that read the time-stamp counter work again.
    pub fn read_time_stamps() -> Call {
        let option = libc::PR_SET_TSC.cast_unsigned();
        let enable = libc::PR_TSC_ENABLE.cast_unsigned();
        Call::Plain(libc::SYS_prctl, [option.into(), enable.into(), 0, 0, 0, 0])
    }

    /// clone(2) of a task that has the maker's parent, and its memory or a copy of it.
    pub fn clone(shares_memory: bool) -> Call {
        let memory = if shares_memory { libc::CLONE_VM } else { 0 };
        let flags = u64::from((libc::CLONE_PARENT | memory).cast_unsigned());
        Call::Plain(libc::SYS_clone, [flags, 0, 0, 0, 0, 0])
    }

    fn words(self) -> (i64, [u64; 6]) {
        match self {
            Call::Anonymous { address, len, prot, grows_down } => {
                let grows_down = if grows_down { libc::MAP_GROWSDOWN } else { 0 };
                let flags =
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | grows_down;
                (libc::SYS_mmap, [address, len, prot.into(), fixed(flags), u64::MAX, 0])
            }
            Call::File { address, len, prot, fd, offset, shared } => {
                let kind =
                    if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE | libc::MAP_NORESERVE };
                let fd = i64::from(fd).cast_unsigned();
                (libc::SYS_mmap, [address, len, prot.into(), fixed(kind), fd, offset])
            }
            Call::Munmap { address, len } => (libc::SYS_munmap, [address, len, 0, 0, 0, 0]),
            Call::Plain(nr, args) => (nr, args),
        }
    }
}

/// Flags of a mapping that lies exactly where it is told to.
fn fixed(flags: i32) -> u64 {
    (flags | libc::MAP_FIXED).cast_unsigned().into()
}

impl Tracer {
    /// Makes a stopped task make a call through `gate`; afterwards it stands as it stood, with the
    /// same registers.
    pub fn call_in(
        &self,
        stop: &mut Stop,
        point: InjectionPoint,
        call: Call,
    ) -> Result<Called, Lost> {
        let before = stop.general()?;
        let called = self.call_and_stay(stop, point, call)?;
        stop.set_general(&before)?;
        Ok(called)
    }

    /// Lets a task go on to its next stop, and waits for it.
    pub fn go_on(&self, stop: &mut Stop, how: Resume, signal: Signal) -> Result<(), Lost> {
        stop.resume_in_place(how, signal);
        self.wait_in_place(stop)
    }

    /// As [`Tracer::go_on`]. Whenever a [`Ticker`](crate::signals::Ticker) wakes this thread it is
    /// asked whether to wait on; if not, the task is stopped where it is: an EVENT_STOP, unless it
    /// comes to another stop by itself.
    pub fn go_on_while(
        &self,
        stop: &mut Stop,
        how: Resume,
        signal: Signal,
        mut wait_on: impl FnMut() -> bool,
    ) -> Result<(), Lost> {
        let tid = stop.tid();
        stop.resume_in_place(how, signal);
        loop {
            match self.wait_once_for(tid)? {
                Report::Stopped(next) => {
                    *stop = next;
                    return Ok(());
                }
                Report::Gone { status, .. } => return Err(Lost::Gone(status)),
                // If it died, the next wait tells.
                Report::Interrupted if !wait_on() => _ = self.interrupt(tid),
                Report::Interrupted => {}
                Report::NoTasks => {
                    return Err(
                        Error::Unsupported(format!("task {tid} could not be waited for")).into()
                    );
                }
            }
        }
    }

    /// As [`Tracer::go_on`], for some time; answers whether a stop came in it. If not, the task
    /// runs, and the next must be waited for.
    pub fn go_on_for(&self, stop: &mut Stop, how: Resume, time: Duration) -> Result<bool, Lost> {
        const LOOK_EVERY: Duration = Duration::from_micros(100);
        stop.resume_in_place(how, Signal::NONE);
        let begun = clock::monotonic_ns();
        while u128::from(clock::monotonic_ns().saturating_sub(begun)) < time.as_nanos() {
            match self.poll_for(stop.tid())? {
                Some(Report::Stopped(next)) => {
                    *stop = next;
                    return Ok(true);
                }
                Some(Report::Gone { status, .. }) => return Err(Lost::Gone(status)),
                Some(Report::Interrupted | Report::NoTasks) | None => {
                    std::thread::sleep(LOOK_EVERY)
                }
            }
        }
        Ok(false)
    }

    /// Waits for the next stop of a task that runs.
    pub fn wait_in_place(&self, stop: &mut Stop) -> Result<(), Lost> {
        let tid = stop.tid();
        match self.wait_for(tid)? {
            Report::Stopped(next) => *stop = next,
            Report::Gone { status, .. } => return Err(Lost::Gone(status)),
            Report::Interrupted | Report::NoTasks => {
                return Err(
                    Error::Unsupported(format!("task {tid} could not be waited for")).into()
                );
            }
        }
        Ok(())
    }

    /// As [`Tracer::call_in`]; the task has the registers that the call left.
    pub(crate) fn call_and_stay(
        &self,
        stop: &mut Stop,
        point: InjectionPoint,
        call: Call,
    ) -> Result<Called, Lost> {
        let (nr, args) = call.words();
        let mut registers = stop.general()?;
        registers.enter(point.0, nr, args);
        stop.set_general(&registers)?;
        let tid = stop.tid();
        let mut called = Called { result: 0, child: None, signals: Vec::new() };
        let mut info = SyscallInfo::new();
        let mut entered = false;
        loop {
            self.go_on(stop, Resume::ToNextSyscall, Signal::NONE)?;
            match stop.kind() {
                StopKind::Syscall => {
                    stop.syscall_info(&mut info).map_err(|Died| died(tid))?;
                    match info.result() {
                        None => entered = true,
                        // A task that stood in an emulated call has an exit stop of that one first.
                        Some(_) if !entered => {}
                        Some((result, _)) => {
                            called.result = result;
                            return Ok(called);
                        }
                    }
                }
                StopKind::Event(Event::FORK | Event::VFORK | Event::CLONE) => {
                    let child = stop.event_message().map_err(|Died| died(tid))?;
                    called.child = Tid::try_from(child).ok();
                }
                StopKind::Signal(signal) => called.signals.push(signal),
                StopKind::Event(_) | StopKind::Group(_) => {}
            }
        }
    }
}

pub(crate) fn died(tid: Tid) -> Error {
    Error::Call {
        what: "a call for the tracer".into(),
        tid: Some(tid),
        source: std::io::Error::from_raw_os_error(libc::ESRCH),
    }
}
