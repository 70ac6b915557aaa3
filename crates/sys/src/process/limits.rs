//! Resource limits of processes (getrlimit(2)).

use crate::Tid;
use crate::raw::check;
use std::io;

/// Returns the soft and hard limits in the order of their RLIMIT_ numbers (getrlimit(2));
/// `u64::MAX` is unlimited.
pub fn limits(tid: Tid) -> Vec<(u64, u64)> {
    (0..16)
        .map_while(|resource| {
            let mut limit = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: prlimit64(2) with a null new limit only writes one rlimit64.
            let answer = unsafe {
                libc::syscall(
                    libc::SYS_prlimit64,
                    tid,
                    resource,
                    std::ptr::null::<libc::rlimit64>(),
                    &raw mut limit,
                )
            };
            (answer == 0).then_some((limit.rlim_cur, limit.rlim_max))
        })
        .collect()
}

/// Sets the soft limit of the stack of a process (RLIMIT_STACK) and keeps the hard one.
///
/// # Errors
/// The errno of prlimit64(2): EINVAL when it is above the hard limit.
pub fn set_stack_limit(tid: Tid, soft: u64) -> io::Result<()> {
    let mut limit = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: prlimit64(2) with a null new limit only writes one rlimit64.
    check(unsafe { libc::prlimit64(tid, libc::RLIMIT_STACK, std::ptr::null(), &raw mut limit) })?;
    limit.rlim_cur = soft;
    // SAFETY: prlimit64(2) with a null old limit only reads one rlimit64.
    check(unsafe {
        libc::prlimit64(tid, libc::RLIMIT_STACK, &raw const limit, std::ptr::null_mut())
    })
    .map(drop)
}
