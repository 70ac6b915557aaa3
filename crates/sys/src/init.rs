//! What this process is to orphans.

/// Is this process the first of its PID namespace, as the entry point of a container is?
pub fn is_init() -> bool {
    std::process::id() == 1
}

/// Are orphans given to this process: is it the first of its PID namespace, or a subreaper
/// (prctl(2), PR_SET_CHILD_SUBREAPER)?
pub fn gets_orphans() -> bool {
    let mut subreaper: libc::c_int = 0;
    // SAFETY: PR_GET_CHILD_SUBREAPER writes one int to its second argument (prctl(2)).
    let answer = unsafe { libc::prctl(libc::PR_GET_CHILD_SUBREAPER, &raw mut subreaper) };
    is_init() || (answer == 0 && subreaper != 0)
}
