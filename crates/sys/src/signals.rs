//! The recorder's signals: requests to stop it, and those meant for the program.

mod siginfo;

pub use siginfo::{
    is_forced_by_kernel, is_from_instruction, is_from_kernel, is_hardware_breakpoint,
};

use crate::raw::check;
use crate::stop::SIGINFO;
use crate::{Error, Result, Signal, Tid};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

/// Ctrl-C.
pub const SIGINT: Signal = Signal(libc::SIGINT);
/// Ctrl-\\.
pub const SIGQUIT: Signal = Signal(libc::SIGQUIT);
/// A request to terminate.
pub const SIGTERM: Signal = Signal(libc::SIGTERM);
/// User-defined.
pub const SIGUSR1: Signal = Signal(libc::SIGUSR1);
/// User-defined.
pub const SIGUSR2: Signal = Signal(libc::SIGUSR2);
/// A timer has expired.
pub const SIGALRM: Signal = Signal(libc::SIGALRM);
/// The terminal was resized.
pub const SIGWINCH: Signal = Signal(libc::SIGWINCH);
/// Ends a process; cannot be caught.
pub const SIGKILL: Signal = Signal(libc::SIGKILL);
/// A write would exceed RLIMIT_FSIZE.
pub const SIGXFSZ: Signal = Signal(libc::SIGXFSZ);
/// A breakpoint or a single step.
pub const SIGTRAP: Signal = Signal(libc::SIGTRAP);
/// A call that a seccomp filter rejects with a signal.
pub const SIGSYS: Signal = Signal(libc::SIGSYS);
/// A child has ended, stopped or gone on.
pub const SIGCHLD: Signal = Signal(libc::SIGCHLD);
/// An access to memory without a page.
pub const SIGBUS: Signal = Signal(libc::SIGBUS);
/// An invalid memory access.
pub const SIGSEGV: Signal = Signal(libc::SIGSEGV);
/// The terminal was closed.
pub const SIGHUP: Signal = Signal(libc::SIGHUP);

/// Keeps signals pending until [`Termination::watch`] takes them, but not those that this process
/// was started to ignore. Call it after the program was forked, which would inherit the mask.
///
/// # Errors
/// The errno of setting the mask.
pub fn hold(signals: &[Signal]) -> Result<()> {
    let heeded: Vec<Signal> =
        signals.iter().copied().filter(|&signal| !is_ignored(signal)).collect();
    block(&heeded).map(drop)
}

/// Delivers requests to terminate to a tracer that is blocked in wait4, without a race.
///
/// wait4 cannot wait for signals and tracees at once, and a flag set by a handler is missed when
/// the handler runs just before wait4 blocks. So the signals are blocked and a thread takes them
/// with sigwait(3); it then interrupts the tracer's wait repeatedly until the tracer acknowledges.
#[derive(Debug)]
#[cfg_attr(feature = "fake", derive(Clone))]
pub struct Termination {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    requested: AtomicI32,
    acknowledged: AtomicBool,
}

impl Termination {
    /// Watches for `signals` on behalf of the calling thread, the tracer. Call it before other
    /// threads are started, so that they inherit the mask, and after the program was spawned, so
    /// that it does not.
    ///
    /// Without `keys`, signals that the terminal sends for Ctrl-C and the like are ignored: the
    /// program gets them too.
    ///
    /// Signals that this process was started to ignore (nohup(1), `trap '' HUP`) stay ignored. If
    /// they were blocked they would be kept for sigwait (kernel/signal.c, `sig_ignored`).
    ///
    /// # Errors
    /// The errno of setting the mask or the handler, or of starting the thread.
    pub fn watch(signals: &[Signal], keys: bool) -> Result<Termination> {
        let heeded: Vec<Signal> =
            signals.iter().copied().filter(|&signal| !is_ignored(signal)).collect();
        let set = block(&heeded)?;
        catch_wake_up()?;
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let tracer = Waker::for_this_thread();
        std::thread::Builder::new()
            .name("termination".into())
            .spawn(move || {
                loop {
                    // SAFETY: zeroed is a valid siginfo_t; `set` was filled by sigaddset, and
                    // sigwaitinfo(2) writes one siginfo_t.
                    let (signal, code) = unsafe {
                        let mut info: libc::siginfo_t = std::mem::zeroed();
                        (libc::sigwaitinfo(&set, &mut info), info.si_code)
                    };
                    if signal < 0 || (!keys && code == libc::SI_KERNEL) {
                        continue;
                    }
                    theirs.acknowledged.store(false, Ordering::Release);
                    theirs.requested.store(signal, Ordering::Release);
                    while !theirs.acknowledged.load(Ordering::Acquire) {
                        tracer.wake();
                        std::thread::park_timeout(Duration::from_millis(5));
                    }
                }
            })
            .map_err(|e| Error::io("start a thread", e))?;
        Ok(Termination { shared })
    }

    /// Returns a watch that no signal reaches: [`Termination::request`] makes the requests.
    #[cfg(feature = "fake")]
    pub fn fake() -> Termination {
        Termination { shared: Arc::new(Shared::default()) }
    }

    /// Requests the end as a signal does.
    #[cfg(feature = "fake")]
    pub fn request(&self, signal: Signal) {
        self.shared.requested.store(signal.0, Ordering::Release);
    }

    /// Returns the signal that requests the end, once, and acknowledges it.
    pub fn requested(&self) -> Option<Signal> {
        if self.shared.requested.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let signal = self.shared.requested.swap(0, Ordering::AcqRel);
        self.shared.acknowledged.store(true, Ordering::Release);
        Some(Signal(signal))
    }
}

/// Wakes a tracer that is blocked in wait4 once a time has passed, repeatedly until it is dropped.
/// The wait returns [`Report::Interrupted`](crate::Report::Interrupted). [`Termination::watch`]
/// must have been called before.
#[derive(Debug)]
pub struct Alarm {
    over: Arc<AtomicBool>,
}

impl Alarm {
    /// Starts an alarm for the calling thread.
    ///
    /// # Errors
    /// The errno of starting a thread.
    pub fn after(time: Duration) -> Result<Alarm> {
        let over = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&over);
        let tracer = Waker::for_this_thread();
        std::thread::Builder::new()
            .name("alarm".into())
            .spawn(move || {
                std::thread::sleep(time);
                while !theirs.load(Ordering::Acquire) {
                    tracer.wake();
                    std::thread::sleep(Duration::from_millis(5));
                }
            })
            .map_err(|e| Error::io("start a thread", e))?;
        Ok(Alarm { over })
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
    }
}

/// Wakes a thread that is blocked in wait4, once. The wait returns
/// [`Report::Interrupted`](crate::Report::Interrupted). A wait that begins just afterwards is not
/// woken. [`Termination::watch`] must have been called before.
#[derive(Debug, Clone, Copy)]
pub struct Waker {
    process: Tid,
    thread: Tid,
}

impl Waker {
    /// Returns a waker of the calling thread.
    pub fn for_this_thread() -> Waker {
        // SAFETY: gettid(2) and getpid(2) cannot fail.
        let (process, thread) = unsafe { (libc::getpid(), libc::gettid()) };
        Waker { process, thread }
    }

    /// Sends the wake-up signal.
    pub fn wake(self) {
        // SAFETY: tgkill(2) takes numbers; the signal has a handler.
        unsafe { libc::syscall(libc::SYS_tgkill, self.process, self.thread, wake_up()) };
    }
}

/// Wakes a tracer that is blocked in wait4 at intervals, while switched on. The wait returns
/// [`Report::Interrupted`](crate::Report::Interrupted).
#[derive(Debug)]
pub struct Ticker {
    state: Arc<AtomicI32>,
}

const QUIET: i32 = 0;
const TICKING: i32 = 1;
const OVER: i32 = 2;

impl Ticker {
    /// Starts a ticker for the calling thread, switched off.
    ///
    /// # Errors
    /// The errno of setting the signal handler or starting the thread.
    pub fn every(time: Duration) -> Result<Ticker> {
        catch_wake_up()?;
        let state = Arc::new(AtomicI32::new(QUIET));
        let theirs = Arc::clone(&state);
        let tracer = Waker::for_this_thread();
        std::thread::Builder::new()
            .name("ticker".into())
            .spawn(move || {
                loop {
                    std::thread::sleep(time);
                    match theirs.load(Ordering::Acquire) {
                        TICKING => tracer.wake(),
                        OVER => return,
                        _ => {}
                    }
                }
            })
            .map_err(|e| Error::io("start a thread", e))?;
        Ok(Ticker { state })
    }

    /// Switches the ticks on or off.
    pub fn tick(&self, yes: bool) {
        self.state.store(if yes { TICKING } else { QUIET }, Ordering::Release);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.state.store(OVER, Ordering::Release);
    }
}

/// The largest frame, in bytes, that the kernel puts on a stack to call a signal handler
/// (getauxval(3), AT_MINSIGSTKSZ; Linux 5.14).
pub fn largest_frame() -> u64 {
    /// MINSIGSTKSZ before AVX-512.
    const SMALLEST: u64 = 2048;
    // SAFETY: getauxval(3) takes a number.
    unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) }.max(SMALLEST)
}

/// A real-time signal with no other use in this process.
pub(crate) fn wake_up() -> i32 {
    libc::SIGRTMAX() - 2
}

pub(crate) fn sigset(signals: &[Signal]) -> libc::sigset_t {
    // SAFETY: sigemptyset(3) initialises the set; sigaddset(3) only writes to it.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        for signal in signals {
            libc::sigaddset(&mut set, signal.0);
        }
        set
    }
}

/// Blocks all signals in the calling thread, which is not to handle those of the process.
pub(crate) fn block_all() {
    // SAFETY: sigfillset(3) initialises the set; pthread_sigmask(3) reads it.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut set);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
    }
}

fn block(signals: &[Signal]) -> Result<libc::sigset_t> {
    let set = sigset(signals);
    // SAFETY: pthread_sigmask(3) reads one set.
    unsafe {
        match libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) {
            0 => Ok(set),
            errno => Err(Error::io("pthread_sigmask", std::io::Error::from_raw_os_error(errno))),
        }
    }
}

/// Installs a handler for the wake-up signal, without SA_RESTART so that wait4 fails with EINTR.
fn catch_wake_up() -> Result<()> {
    extern "C" fn nothing(_: i32) {}
    // SAFETY: zeroed is a valid sigaction; the handler does nothing and is async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(i32) as libc::sighandler_t;
        check(libc::sigaction(wake_up(), &action, std::ptr::null_mut()))
    }
    .map(drop)
    .map_err(|e| Error::io("sigaction", e))
}

/// Whether this process ignores a signal, as under nohup(1).
pub fn is_ignored(signal: Signal) -> bool {
    // SAFETY: zeroed is a valid sigaction; with a null new action sigaction(2) only reads.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal.0, std::ptr::null(), &mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}

/// Ignores signals in this process. The terminal sends Ctrl-C to the whole foreground group, but it
/// is meant for the program.
pub fn ignore(signals: &[Signal]) {
    for signal in signals {
        // SAFETY: SIG_IGN needs no handler.
        unsafe { libc::signal(signal.0, libc::SIG_IGN) };
    }
}

/// Stops the kernel from sending SIGCHLD for stops of children and tracees: a tracer that waits for
/// them does not need it, and each takes time (`do_notify_parent_cldstop`, kernel/signal.c).
/// SIGCHLD for their ends still comes.
pub fn disable_sigchld_for_stops() {
    // SAFETY: sigaction(2) reads and writes whole sigactions of this function, and the one set is
    // the one that was read.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(libc::SIGCHLD, std::ptr::null(), &mut action) == 0 {
            action.sa_flags |= libc::SA_NOCLDSTOP;
            libc::sigaction(libc::SIGCHLD, &action, std::ptr::null_mut());
        }
    }
}

/// Sends a signal to a process. Does nothing when it has ended.
pub fn send(pid: Tid, signal: Signal) {
    // SAFETY: kill(2) takes numbers.
    unsafe { libc::kill(pid, signal.0) };
}

/// Sends a signal to one task. Does nothing when it has died.
pub fn send_to_task(tid: Tid, signal: Signal) {
    // SAFETY: tkill(2) takes numbers.
    unsafe { libc::syscall(libc::SYS_tkill, tid, signal.0) };
}

/// Sends a suppressed signal again. The siginfo is preserved where the kernel lets a process send
/// it: signals of a queue, a timer or a message (rt_sigqueueinfo(2)). A signal from kill(2) or from
/// the kernel then appears to come from this process.
pub fn send_again(tgid: Tid, tid: Tid, signal: Signal, siginfo: &[u8; SIGINFO]) {
    // SAFETY: rt_tgsigqueueinfo(2) takes numbers and reads one siginfo_t; `siginfo` has its size.
    let answer = unsafe {
        libc::syscall(libc::SYS_rt_tgsigqueueinfo, tgid, tid, signal.0, siginfo.as_ptr())
    };
    if check(answer).is_err() {
        send_to_task(tid, signal);
    }
}

/// Ends this process by `signal`, as the recorded program ended, without a core file.
pub fn die_by(signal: Signal) -> ! {
    // SAFETY: all of these take numbers or a valid set; no code runs afterwards.
    unsafe {
        let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, &no_core);
        libc::signal(signal.0, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal.0);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
        libc::raise(signal.0);
        // A signal that does not end a process by default did not end the program either; shells
        // report 128 + n.
        libc::_exit(128 + signal.0)
    }
}
