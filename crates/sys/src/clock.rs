//! The kernel's clocks, in nanoseconds.

/// CLOCK_MONOTONIC: what every stop carries. Answered by the vdso, without a system call.
pub fn monotonic_ns() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// CLOCK_REALTIME, to tie monotonic times to the calendar.
pub fn realtime_ns() -> u64 {
    read(libc::CLOCK_REALTIME)
}

/// CLOCK_BOOTTIME, which goes on through suspend.
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
    // SAFETY: clock_gettime(2) writes one timespec; these clocks exist on every kernel that has GET_SYSCALL_INFO.
    unsafe { libc::clock_gettime(clock, &mut time) };
    nanoseconds(&time)
}

fn nanoseconds(time: &libc::timespec) -> u64 {
    time.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec.cast_unsigned())
}
