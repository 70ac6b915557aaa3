//! The state this process was started with, before Rust's runtime changed it.
//!
//! Before `main`, std ignores SIGPIPE and opens /dev/null on closed standard descriptors
//! (library/std/src/sys/pal/unix: `reset_sigpipe`, `sanitize_standard_fds`). A recorded program
//! must start as it would without a recorder, so a constructor that runs earlier notes both, and
//! the child undoes them.

use std::sync::atomic::{AtomicBool, Ordering};

static SIGPIPE_IGNORED: AtomicBool = AtomicBool::new(false);
static CLOSED: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];

// SAFETY: the C runtime calls the functions of .init_array once, before main and single-threaded
// (System V gABI, "Initialization and Termination Functions"); `note` uses only async-signal-safe
// calls and atomics.
#[used]
#[unsafe(link_section = ".init_array")]
static NOTE: extern "C" fn() = note;

extern "C" fn note() {
    for (fd, closed) in (0..).zip(&CLOSED) {
        // SAFETY: fcntl(F_GETFD) takes numbers only.
        closed.store(unsafe { libc::fcntl(fd, libc::F_GETFD) } == -1, Ordering::Relaxed);
    }
    // SAFETY: all-zero bytes are a valid sigaction; sigaction(2) with a null new action only reads.
    let ignored = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGPIPE, std::ptr::null(), &mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    };
    SIGPIPE_IGNORED.store(ignored, Ordering::Relaxed);
}

/// Whether SIGPIPE was ignored when this process started.
pub(crate) fn sigpipe_was_ignored() -> bool {
    SIGPIPE_IGNORED.load(Ordering::Relaxed)
}

/// Whether this standard descriptor was closed when this process started.
pub fn was_closed(fd: usize) -> bool {
    CLOSED.get(fd).is_some_and(|closed| closed.load(Ordering::Relaxed))
}
