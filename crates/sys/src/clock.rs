//! The kernel's clocks, in nanoseconds.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set while clocks are read by system call, because the vdso reads the time-stamp counter.
static BY_CALL: AtomicBool = AtomicBool::new(false);

/// While it lives, this thread and the threads it starts cannot read the time-stamp counter
/// (prctl(2), PR_SET_TSC).
///
/// When a tracee has no time-stamp counter and a tracer on the same CPU has, the kernel writes a
/// control register at each switch between them (arch/x86/kernel/process.c, `__switch_to_xtra`),
/// which is expensive in a virtual machine. The thread must meanwhile take all times from this
/// module; [`std::time::Instant`] would end the process.
#[derive(Debug)]
pub struct WithoutTimeStamps {
    /// The setting belongs to the thread.
    not_send: PhantomData<*const ()>,
}

impl WithoutTimeStamps {
    /// Traps the counter from now on.
    pub fn begin() -> WithoutTimeStamps {
        BY_CALL.store(true, Ordering::Relaxed);
        set_time_stamps(libc::PR_TSC_SIGSEGV);
        WithoutTimeStamps { not_send: PhantomData }
    }
}

impl Drop for WithoutTimeStamps {
    fn drop(&mut self) {
        set_time_stamps(libc::PR_TSC_ENABLE);
        BY_CALL.store(false, Ordering::Relaxed);
    }
}

fn set_time_stamps(how: libc::c_int) {
    // SAFETY: prctl(2) with PR_SET_TSC takes numbers. Where it does not exist it fails and changes
    // nothing.
    unsafe { libc::prctl(libc::PR_SET_TSC, how) };
}

/// Runs `act` with the time-stamp counter enabled, for code that reads clocks by itself.
pub fn with_time_stamps<T>(act: impl FnOnce() -> T) -> T {
    if !BY_CALL.load(Ordering::Relaxed) {
        return act();
    }
    set_time_stamps(libc::PR_TSC_ENABLE);
    let done = act();
    set_time_stamps(libc::PR_TSC_SIGSEGV);
    done
}

/// CLOCK_MONOTONIC, the time of every stop. Read by the vdso, without a system call.
pub fn monotonic_ns() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// CLOCK_REALTIME, which ties monotonic times to the calendar.
pub fn realtime_ns() -> u64 {
    read(libc::CLOCK_REALTIME)
}

/// CLOCK_BOOTTIME, which includes suspend.
pub fn boottime_ns() -> u64 {
    read(libc::CLOCK_BOOTTIME)
}

/// The resolution of CLOCK_MONOTONIC, in nanoseconds.
pub fn resolution_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_getres(2) writes one timespec.
    unsafe { libc::clock_getres(libc::CLOCK_MONOTONIC, &mut time) };
    nanoseconds(&time)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime(2) writes one timespec; these clocks exist on every kernel that has
    // GET_SYSCALL_INFO.
    unsafe {
        if BY_CALL.load(Ordering::Relaxed) {
            libc::syscall(libc::SYS_clock_gettime, clock, &raw mut time);
        } else {
            libc::clock_gettime(clock, &mut time);
        }
    }
    nanoseconds(&time)
}

fn nanoseconds(time: &libc::timespec) -> u64 {
    time.tv_sec
        .cast_unsigned()
        .wrapping_mul(1_000_000_000)
        .wrapping_add(time.tv_nsec.cast_unsigned())
}
