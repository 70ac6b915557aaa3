//! Job control: two processes where a shell would otherwise have one to wait for.
//!
//! On a terminal a recorder has to be two things that exclude each other. To the shell it is the
//! job: it must stop when the program stops and only then. To the kernel it is the tracer: while it
//! is stopped, every stop of every tracee waits. So the process that the shell has started stays in
//! front of the recording, in the process group of the program, and a child of it traces.
//!
//! The tracer forks the program while it is still a member of that group, and then leaves for a
//! session of its own (setsid(2)). The keys of the terminal no longer reach it, nor do SIGTTIN and
//! SIGTTOU. And the kernel finds the group of the program orphaned (setpgid(2)) exactly where it
//! would be without a recorder: a parent in another session does not count (kernel/exit.c,
//! `will_become_orphaned_pgrp`, Linux 6.18). It matters, because the terminal's stop signals do
//! nothing in an orphaned group: a program that is the leader of its session (xterm -e, ssh -t,
//! tmux) cannot be stopped by Ctrl-Z, for nobody would continue it.

use crate::raw::{check, die_with, own_pid};
use crate::signals::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, ignore, is_ignored, set_of, wake_up};
use crate::{Error, Result, Signal, StopKind, Tid, WaitStatus, process};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// What the terminal sends to stop a job. SIGSTOP is not among them: it cannot be blocked or
/// ignored.
const STOPPING: [Signal; 3] = [Signal(libc::SIGTSTP), Signal(libc::SIGTTIN), Signal(libc::SIGTTOU)];

/// How long a front that was continued waits for the news that the program was continued too.
///
/// A shell continues the whole group, so the news is on its way. Only `kill -CONT` of the front
/// alone takes this long.
static GRACE: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 300_000_000 };

/// The signal mask that this process was started with, once [`split`] has changed it.
static MASK: OnceLock<libc::sigset_t> = OnceLock::new();

/// Which of the two processes this is.
#[derive(Debug)]
pub enum Role {
    /// There is one process only, for no terminal controls it.
    Alone,
    /// The one that traces.
    Tracer(Front),
    /// The one that the shell waits for. It has nothing to do but [`Watch::until_end`].
    Front(Watch),
}

/// What the two processes tell each other, in memory that both map.
#[derive(Debug)]
struct Shared {
    /// The signal that has stopped the program; 0 while it runs.
    stopped_by: AtomicI32,
    /// The program; 0 without one.
    program: AtomicI32,
    /// Did its process group have the terminal when it was stopped?
    had_terminal: AtomicBool,
    /// Has the tracer done all that it had to do?
    finished: AtomicBool,
}

impl Shared {
    fn new() -> Result<&'static Shared> {
        let len = size_of::<Shared>();
        // SAFETY: a new anonymous mapping overlaps nothing (mmap(2)). It is zeroed, which is a
        // valid value of each field, it is aligned to a page, and it is never unmapped.
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

/// Forks the tracer, if a terminal controls this process. To be called before any thread is
/// started.
///
/// Process 1 of a PID namespace stays alone: no shell waits for it, and it has orphans to wait for.
pub fn split(with_command: bool) -> Result<Role> {
    if own_pid() == 1 || !process::has_terminal() {
        return Ok(Role::Alone);
    }
    let (shared, front) = (Shared::new()?, own_pid());
    let watched = watched(with_command);
    let set = set_of(&watched);
    let before = mask(libc::SIG_BLOCK, &added(set, &STOPPING))?;
    let before = *MASK.get_or_init(|| before);
    let children = default_for_children()?;
    // SAFETY: fork(2) of a process with one thread: the child may do whatever the parent may.
    let pid = check(unsafe { libc::fork() }).map_err(|e| Error::io("fork", e))?;
    if pid != 0 {
        if with_command {
            ignore(&[SIGINT, SIGQUIT]);
            ignore(&STOPPING);
        }
        // In one step, for a SIGCHLD that is neither blocked nor handled is thrown away.
        mask(libc::SIG_SETMASK, &added(before, &watched))?;
        return Ok(Role::Front(Watch { tracer: pid, shared, set }));
    }
    // SAFETY: the tracer dies with the front, as a recorder of one process does. sigaction(2) reads
    // the action that was there before.
    unsafe {
        die_with(front);
        libc::sigaction(libc::SIGCHLD, &children, std::ptr::null_mut());
    }
    mask(libc::SIG_SETMASK, &added(before, &STOPPING))?;
    Ok(Role::Tracer(Front { pid: front, shared }))
}

/// The signals that the front takes one by one: those that ask the recording to end, unless they
/// were ignored from the start, and those that bring news of the tracer.
fn watched(with_command: bool) -> Vec<Signal> {
    let keys = if with_command { &[][..] } else { &[SIGINT, SIGQUIT] };
    let asking =
        [SIGTERM, SIGHUP].iter().chain(keys).copied().filter(|&signal| !is_ignored(signal));
    asking.chain([Signal(libc::SIGCHLD), Signal(wake_up())]).collect()
}

/// A set with more signals.
fn added(mut set: libc::sigset_t, signals: &[Signal]) -> libc::sigset_t {
    for signal in signals {
        // SAFETY: sigaddset(3) writes to a set that is initialised.
        unsafe { libc::sigaddset(&mut set, signal.0) };
    }
    set
}

/// Changes the signal mask of this thread; answers the one before.
fn mask(how: i32, set: &libc::sigset_t) -> Result<libc::sigset_t> {
    // SAFETY: pthread_sigmask(3) reads one set and writes the other; zeroed is a valid set.
    unsafe {
        let mut before: libc::sigset_t = std::mem::zeroed();
        match libc::pthread_sigmask(how, set, &mut before) {
            0 => Ok(before),
            errno => Err(Error::io("pthread_sigmask", io::Error::from_raw_os_error(errno))),
        }
    }
}

/// Whoever was started with SIGCHLD ignored learns nothing of how its children end (wait(2),
/// "NOTES"). Answers the action before.
fn default_for_children() -> Result<libc::sigaction> {
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

/// Is it the stop before a signal that the terminal sends to stop a job?
pub(crate) fn is_of_terminal(kind: StopKind) -> bool {
    matches!(kind, StopKind::Signal(signal) if STOPPING.contains(&signal))
}

/// In a child before its execve: it gets the signal mask that this process was started with.
///
/// # Safety
/// For a child between fork and execve: it makes one async-signal-safe call.
pub(crate) unsafe fn restore_mask() {
    if let Some(mask) = MASK.get() {
        // SAFETY: sigprocmask(2) reads one set.
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
    }
}

/// The tracer's view of the process in front of it.
#[derive(Debug, Clone, Copy)]
pub struct Front {
    pid: Tid,
    shared: &'static Shared,
}

impl Front {
    /// Leaves the process group of the job, once the program was forked into it.
    pub fn leave_group(&self, program: Option<Tid>) -> Result<()> {
        self.shared.program.store(program.unwrap_or(0), Ordering::Release);
        // SAFETY: setsid(2) takes nothing. The caller is no group leader: it was forked into the
        // group of its parent.
        check(unsafe { libc::setsid() }).map_err(|e| Error::io("setsid", e))?;
        // A stop signal of the terminal that came before is discarded here: the new process group
        // is orphaned (setpgid(2)).
        MASK.get().map_or(Ok(()), |before| mask(libc::SIG_SETMASK, before).map(drop))
    }

    /// The program was stopped by `signal`, so the front stops too, and the shell sees that.
    /// `tidy_up` runs before that.
    pub fn stop_by(&self, Signal(signal): Signal, tidy_up: impl FnOnce()) {
        let program = self.shared.program.load(Ordering::Acquire);
        self.shared.had_terminal.store(process::in_foreground(program), Ordering::Release);
        self.shared.stopped_by.store(signal, Ordering::Release);
        tidy_up();
        // SIGSTOP is sent from here, because the front could not take it back: the kernel then
        // orders it and the SIGCONT of `go_on`. The front gives itself the others, whose default
        // action it has to bring back first.
        let signal = if signal == libc::SIGSTOP { signal } else { wake_up() };
        crate::signals::send(self.pid, Signal(signal));
    }

    /// The program runs again, or has ended.
    pub fn go_on(&self) {
        self.shared.stopped_by.store(0, Ordering::Release);
        // The number comes first: a front that is about to stop looks at it, or has the signal
        // taken away by this one.
        crate::signals::send(self.pid, Signal(libc::SIGCONT));
    }

    /// Whatever comes now, the recording is complete.
    pub fn finished(&self) {
        self.shared.finished.store(true, Ordering::Release);
    }

    /// Is the job running in the foreground of its terminal?
    pub fn in_foreground(&self) -> bool {
        self.shared.stopped_by.load(Ordering::Acquire) == 0 && process::in_foreground(self.pid)
    }
}

/// The front's view of its tracer.
#[derive(Debug)]
pub struct Watch {
    tracer: Tid,
    shared: &'static Shared,
    set: libc::sigset_t,
}

/// How a tracer has ended.
#[derive(Debug, Clone, Copy)]
pub struct TracerEnd {
    /// Its process id.
    pub pid: Tid,
    /// Its wait status.
    pub status: WaitStatus,
    /// Had it done all that it had to do?
    pub finished: bool,
}

impl Watch {
    /// Stops when the program stops, passes on what asks the recording to end, until the tracer has
    /// ended.
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

    /// The next signal; `None` when this process runs for some time although the program is
    /// stopped.
    fn next_signal(&self) -> Option<i32> {
        loop {
            let stopped = self.shared.stopped_by.load(Ordering::Acquire) != 0;
            let grace = if stopped { &raw const GRACE } else { std::ptr::null() };
            // SAFETY: sigtimedwait(2) reads the set and, if it is given, the time; a null siginfo
            // is allowed.
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

    /// Stops this process by the signal that has stopped the program. Returns when it is continued.
    fn stop(&self) -> Result<()> {
        let signal = self.shared.stopped_by.load(Ordering::Acquire);
        if !STOPPING.contains(&Signal(signal)) {
            return Ok(()); // It runs again.
        }
        let set = set_of(&[Signal(signal)]);
        mask(libc::SIG_BLOCK, &set)?;
        // SAFETY: SIG_DFL needs no handler; kill(2) takes numbers.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::kill(libc::getpid(), signal);
        }
        // From here on a SIGCONT takes the pending signal away (signal(7)), so one that comes
        // before this process has stopped is not lost. One that came earlier shows in the number.
        if self.shared.stopped_by.load(Ordering::Acquire) == signal {
            mask(libc::SIG_UNBLOCK, &set)?;
        }
        ignore(&[Signal(signal)]);
        mask(libc::SIG_UNBLOCK, &set).map(drop)
    }

    /// This process was continued, with its group. A program that has made a group of its own, as
    /// an interactive shell does, is not among those: it gets what a shell gives a job, the
    /// terminal if the job is in the foreground, and SIGCONT.
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

    /// This process was continued alone: so is the program then.
    fn continue_program(&self) {
        let program = self.shared.program.load(Ordering::Acquire);
        if program != 0 && self.shared.stopped_by.load(Ordering::Acquire) != 0 {
            crate::signals::send(program, Signal(libc::SIGCONT));
        }
    }
}

/// Does this terminal collect lines and show what is typed? Programs that draw on the whole screen,
/// or read a password, turn that off.
pub fn shows_lines(terminal: impl AsFd) -> bool {
    // SAFETY: zeroed is a valid termios; tcgetattr(3) writes one.
    unsafe {
        let mut settings: libc::termios = std::mem::zeroed();
        let wanted = libc::ICANON | libc::ECHO;
        libc::tcgetattr(terminal.as_fd().as_raw_fd(), &mut settings) == 0
            && settings.c_lflag & wanted == wanted
    }
}
