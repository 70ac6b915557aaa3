//! Whether this process adopts orphans.

/// Whether this process is the first of its PID namespace, as a container's entry point is.
pub fn is_init() -> bool {
    std::process::id() == 1
}

/// Whether the kernel gives orphans to this process: it is the first of its PID namespace, or a
/// subreaper (prctl(2), PR_SET_CHILD_SUBREAPER).
pub fn gets_orphans() -> bool {
    let mut subreaper: libc::c_int = 0;
    // SAFETY: PR_GET_CHILD_SUBREAPER writes one int to its second argument (prctl(2)).
    let answer = unsafe { libc::prctl(libc::PR_GET_CHILD_SUBREAPER, &raw mut subreaper) };
    is_init() || (answer == 0 && subreaper != 0)
}
