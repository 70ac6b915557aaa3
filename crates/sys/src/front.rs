//! Job control: on a terminal, the recorder is two processes.
//!
//! A recorder on a terminal has two conflicting roles. To the shell it is the job: it must stop
//! when the program stops, and only then. To the kernel it is the tracer: while it is stopped,
//! every stop of every tracee waits. So the process started by the shell stays in the program's
//! process group as the front, and a child of it traces.
//!
//! The tracer forks the program while it is still a member of that group, then starts a session of
//! its own (setsid(2)). There it gets neither the terminal's keys nor SIGTTIN and SIGTTOU. And the
//! kernel considers the program's group orphaned (setpgid(2)) exactly when it would without a
//! recorder, because a parent in another session does not count (kernel/exit.c,
//! `will_become_orphaned_pgrp`, Linux 6.18). This matters because the terminal's stop signals have
//! no effect in an orphaned group: a program that is its session's leader (xterm -e, ssh -t, tmux)
//! cannot be stopped by Ctrl-Z, since no shell would continue it.

use crate::raw::{check, die_with, own_pid};
use crate::signals::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, ignore, is_ignored, sigset, wake_up};
use crate::{Error, Result, Signal, StopKind, Tid, WaitStatus, process};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// The signals with which the terminal stops a job. Without SIGSTOP, which cannot be blocked or
/// ignored.
const STOPPING: [Signal; 3] = [Signal(libc::SIGTSTP), Signal(libc::SIGTTIN), Signal(libc::SIGTTOU)];

/// How long a continued front waits for the program to be continued too.
///
/// A shell continues the whole group, so the program follows soon. Only `kill -CONT` of the front
/// alone takes this long.
static GRACE: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 300_000_000 };

/// The signal mask this process was started with, once [`split`] has changed it.
static MASK: OnceLock<libc::sigset_t> = OnceLock::new();

/// The role of this process.
#[derive(Debug)]
pub enum Role {
    /// The only process: there is no controlling terminal.
    Alone,
    /// The process that traces.
    Tracer(Front),
    /// The process that the shell waits for. It only runs [`Watch::until_end`].
    Front(Watch),
}

/// The state that both processes share, in memory that both map.
#[derive(Debug)]
struct Shared {
    /// The signal that stopped the program; 0 while it runs.
    stopped_by: AtomicI32,
    /// The program's pid; 0 without a program.
    program: AtomicI32,
    /// Whether its process group had the terminal when it was stopped.
    had_terminal: AtomicBool,
    /// Whether the tracer has finished the recording.
    finished: AtomicBool,
}

impl Shared {
    fn new() -> Result<&'static Shared> {
        let len = size_of::<Shared>();
        // SAFETY: a new anonymous mapping overlaps no other (mmap(2)). It is zeroed, which is a
        // valid value of each field, page-aligned, and never unmapped.
        unsafe {
            let (access, kind) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
            let base = libc::mmap(std::ptr::null_mut(), len, access, kind, -1, 0);
            if base == libc::MAP_FAILED {
                return Err(Error::last("mmap", None));
            }
            Ok(&*base.cast::<Shared>())
        }
    }
}

/// Forks the tracer if this process has a controlling terminal. Call it before any thread is
/// started.
///
/// Process 1 of a PID namespace stays alone: no shell waits for it, and it must reap orphans.
///
/// # Errors
/// The errno of fork(2), mmap(2), sigaction(2) or setting the signal mask.
pub fn split(with_command: bool) -> Result<Role> {
    if own_pid() == 1 || !process::has_terminal() {
        return Ok(Role::Alone);
    }
    let (shared, front) = (Shared::new()?, own_pid());
    let watched = watched(with_command);
    let set = sigset(&watched);
    let before = change_mask(libc::SIG_BLOCK, &with_signals(set, &STOPPING))?;
    let before = *MASK.get_or_init(|| before);
    let children = reset_sigchld()?;
    // SAFETY: fork(2) of a process with one thread: the child may do anything the parent may.
    let pid = check(unsafe { libc::fork() }).map_err(|e| Error::io("fork", e))?;
    if pid != 0 {
        if with_command {
            ignore(&[SIGINT, SIGQUIT]);
            ignore(&STOPPING);
        }
        // In one step: a SIGCHLD that is neither blocked nor handled is discarded.
        change_mask(libc::SIG_SETMASK, &with_signals(before, &watched))?;
        return Ok(Role::Front(Watch { tracer: pid, shared, set }));
    }
    // SAFETY: the tracer dies with the front, as a single-process recorder does. sigaction(2) reads
    // the previous action.
    unsafe {
        die_with(front);
        libc::sigaction(libc::SIGCHLD, &children, std::ptr::null_mut());
    }
    change_mask(libc::SIG_SETMASK, &with_signals(before, &STOPPING))?;
    Ok(Role::Tracer(Front { pid: front, shared }))
}

/// The signals that the front waits for: requests to end the recording, unless they were ignored
/// from the start, and notifications from the tracer.
fn watched(with_command: bool) -> Vec<Signal> {
    let keys = if with_command { &[][..] } else { &[SIGINT, SIGQUIT] };
    let asking =
        [SIGTERM, SIGHUP].iter().chain(keys).copied().filter(|&signal| !is_ignored(signal));
    asking.chain([Signal(libc::SIGCHLD), Signal(wake_up())]).collect()
}

/// Returns the set with `signals` added.
fn with_signals(mut set: libc::sigset_t, signals: &[Signal]) -> libc::sigset_t {
    for signal in signals {
        // SAFETY: sigaddset(3) writes to an initialised set.
        unsafe { libc::sigaddset(&mut set, signal.0) };
    }
    set
}

/// Changes the signal mask of this thread and returns the previous one.
fn change_mask(how: i32, set: &libc::sigset_t) -> Result<libc::sigset_t> {
    // SAFETY: pthread_sigmask(3) reads one set and writes the other; zeroed is a valid set.
    unsafe {
        let mut before: libc::sigset_t = std::mem::zeroed();
        match libc::pthread_sigmask(how, set, &mut before) {
            0 => Ok(before),
            errno => Err(Error::io("pthread_sigmask", io::Error::from_raw_os_error(errno))),
        }
    }
}

/// Resets SIGCHLD to its default and returns the previous action. A process that ignores SIGCHLD
/// cannot wait for the ends of its children (wait(2), "NOTES").
fn reset_sigchld() -> Result<libc::sigaction> {
    // SAFETY: zeroed is a valid sigaction with the default disposition; sigaction(2) reads one and
    // writes the other.
    unsafe {
        let default: libc::sigaction = std::mem::zeroed();
        let mut before: libc::sigaction = std::mem::zeroed();
        check(libc::sigaction(libc::SIGCHLD, &default, &mut before))
            .map_err(|e| Error::io("sigaction", e))?;
        Ok(before)
    }
}

/// Whether this is the signal stop of a job-control signal of the terminal.
pub(crate) fn is_job_control_stop(kind: StopKind) -> bool {
    matches!(kind, StopKind::Signal(signal) if STOPPING.contains(&signal))
}

/// Restores the signal mask that this process was started with, in a child before its execve.
///
/// # Safety
/// For a child between fork and execve: makes one async-signal-safe call.
pub(crate) unsafe fn restore_mask() {
    if let Some(mask) = MASK.get() {
        // SAFETY: sigprocmask(2) reads one set.
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
    }
}

/// The tracer's handle to the front.
#[derive(Debug, Clone, Copy)]
pub struct Front {
    pid: Tid,
    shared: &'static Shared,
}

impl Front {
    /// Leaves the process group of the job, once the program was forked into it.
    ///
    /// # Errors
    /// The errno of setsid(2) or of setting the signal mask.
    pub fn leave_group(&self, program: Option<Tid>) -> Result<()> {
        self.shared.program.store(program.unwrap_or(0), Ordering::Release);
        // SAFETY: setsid(2) takes nothing. The caller is not a group leader: it was forked into its
        // parent's group.
        check(unsafe { libc::setsid() }).map_err(|e| Error::io("setsid", e))?;
        // A pending stop signal of the terminal is discarded here: the new process group is
        // orphaned (setpgid(2)). Only these were blocked by `split`.
        let Some(before) = MASK.get() else { return Ok(()) };
        // SAFETY: sigismember(3) reads an initialised set.
        let was_blocked = |signal: &Signal| unsafe { libc::sigismember(before, signal.0) == 1 };
        let ours: Vec<Signal> = STOPPING.into_iter().filter(|one| !was_blocked(one)).collect();
        change_mask(libc::SIG_UNBLOCK, &sigset(&ours)).map(drop)
    }

    /// Stops the front because `signal` stopped the program, so that the shell sees the job stop.
    /// Calls `tidy_up` first.
    pub fn stop_by(&self, Signal(signal): Signal, tidy_up: impl FnOnce()) {
        let program = self.shared.program.load(Ordering::Acquire);
        self.shared.had_terminal.store(process::in_foreground(program), Ordering::Release);
        self.shared.stopped_by.store(signal, Ordering::Release);
        tidy_up();
        // SIGSTOP is sent from here because the front could not take it back; sent from here, the
        // kernel orders it with the SIGCONT of `go_on`. The front sends the other signals to
        // itself, because it must restore their default action first.
        let signal = if signal == libc::SIGSTOP { signal } else { wake_up() };
        crate::signals::send(self.pid, Signal(signal));
    }

    /// Continues the front: the program runs again, or has ended.
    pub fn go_on(&self) {
        self.shared.stopped_by.store(0, Ordering::Release);
        // The store comes first: a front that is about to stop checks the number, or this SIGCONT
        // cancels its stop.
        crate::signals::send(self.pid, Signal(libc::SIGCONT));
    }

    /// Marks the recording as complete.
    pub fn finished(&self) {
        self.shared.finished.store(true, Ordering::Release);
    }

    /// Whether the job is running in the foreground of its terminal.
    pub fn in_foreground(&self) -> bool {
        self.shared.stopped_by.load(Ordering::Acquire) == 0 && process::in_foreground(self.pid)
    }
}

/// The front's handle to the tracer.
#[derive(Debug)]
pub struct Watch {
    tracer: Tid,
    shared: &'static Shared,
    set: libc::sigset_t,
}

/// How a tracer ended.
#[derive(Debug, Clone, Copy)]
pub struct TracerEnd {
    /// Its process id.
    pub pid: Tid,
    /// Its wait status.
    pub status: WaitStatus,
    /// Whether it had finished the recording.
    pub finished: bool,
}

impl Watch {
    /// Stops when the program stops and passes on requests to end the recording, until the tracer
    /// has ended.
    ///
    /// # Errors
    /// The errno of waitpid(2) or of setting the signal mask.
    pub fn until_end(self) -> Result<TracerEnd> {
        loop {
            match self.next_signal() {
                Some(libc::SIGCHLD) => {
                    if let Some(status) = self.ended()? {
                        let finished = self.shared.finished.load(Ordering::Acquire);
                        return Ok(TracerEnd { pid: self.tracer, status, finished });
                    }
                }
                Some(signal) if signal == wake_up() => {
                    self.stop()?;
                    self.hand_over();
                }
                Some(signal) => crate::signals::send(self.tracer, Signal(signal)),
                None => self.continue_program(),
            }
        }
    }

    /// Returns the next signal, or `None` when this process has run for [`GRACE`] although the
    /// program is stopped.
    fn next_signal(&self) -> Option<i32> {
        loop {
            let stopped = self.shared.stopped_by.load(Ordering::Acquire) != 0;
            let grace = if stopped { &raw const GRACE } else { std::ptr::null() };
            // SAFETY: sigtimedwait(2) reads the set and, if given, the time; a null siginfo is
            // allowed.
            let signal = unsafe { libc::sigtimedwait(&self.set, std::ptr::null_mut(), grace) };
            match io::Error::last_os_error().raw_os_error() {
                _ if signal > 0 => return Some(signal),
                Some(libc::EAGAIN) => return None,
                // Stopped by SIGSTOP and continued (signal(7)).
                _ => self.hand_over(),
            }
        }
    }

    fn ended(&self) -> Result<Option<WaitStatus>> {
        let mut status = 0;
        // SAFETY: waitpid(2) writes one int.
        let pid = check(unsafe { libc::waitpid(self.tracer, &mut status, libc::WNOHANG) })
            .map_err(|e| Error::io("waitpid", e))?;
        Ok((pid == self.tracer).then_some(WaitStatus(status)))
    }

    /// Stops this process by the signal that stopped the program. Returns when it is continued.
    fn stop(&self) -> Result<()> {
        let signal = self.shared.stopped_by.load(Ordering::Acquire);
        if !STOPPING.contains(&Signal(signal)) {
            return Ok(()); // The program runs again.
        }
        let set = sigset(&[Signal(signal)]);
        change_mask(libc::SIG_BLOCK, &set)?;
        // SAFETY: SIG_DFL needs no handler; kill(2) takes numbers.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::kill(libc::getpid(), signal);
        }
        // From here on a SIGCONT cancels the pending signal (signal(7)), so one that comes before
        // this process has stopped is not lost. An earlier one has reset the number.
        if self.shared.stopped_by.load(Ordering::Acquire) == signal {
            change_mask(libc::SIG_UNBLOCK, &set)?;
        }
        ignore(&[Signal(signal)]);
        change_mask(libc::SIG_UNBLOCK, &set).map(drop)
    }

    /// Continues a program that has its own process group, as an interactive shell does, after this
    /// process and its group were continued. It gets what a shell gives a job: the terminal, if the
    /// job is in the foreground, and SIGCONT.
    fn hand_over(&self) {
        let program = self.shared.program.load(Ordering::Acquire);
        if program == 0 || self.shared.stopped_by.load(Ordering::Acquire) == 0 {
            return;
        }
        // SAFETY: getpgid(2), getpgrp(2) and kill(2) take numbers.
        let (group, own) = unsafe { (libc::getpgid(program), libc::getpgrp()) };
        if group <= 0 || group == own {
            return;
        }
        let had_terminal = self.shared.had_terminal.load(Ordering::Acquire);
        if had_terminal && let Ok(terminal) = File::open("/dev/tty") {
            // SAFETY: tcgetpgrp(3) and tcsetpgrp(3) take numbers. A front in the foreground may
            // give the terminal away.
            unsafe {
                if libc::tcgetpgrp(terminal.as_raw_fd()) == own {
                    libc::tcsetpgrp(terminal.as_raw_fd(), group);
                }
            }
        }
        crate::signals::send(-group, Signal(libc::SIGCONT));
    }

    /// Continues the program when this process was continued alone.
    fn continue_program(&self) {
        let program = self.shared.program.load(Ordering::Acquire);
        if program != 0 && self.shared.stopped_by.load(Ordering::Acquire) != 0 {
            crate::signals::send(program, Signal(libc::SIGCONT));
        }
    }
}

/// Whether the terminal is in line mode and echoes. Programs that draw on the whole screen or read
/// a password turn that off.
pub fn shows_lines(terminal: impl AsFd) -> bool {
    // SAFETY: zeroed is a valid termios; tcgetattr(3) writes one.
    unsafe {
        let mut settings: libc::termios = std::mem::zeroed();
        let wanted = libc::ICANON | libc::ECHO;
        libc::tcgetattr(terminal.as_fd().as_raw_fd(), &mut settings) == 0
            && settings.c_lflag & wanted == wanted
    }
}
