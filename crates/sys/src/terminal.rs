//! The terminal that output goes to.

/// Returns the width of standard output in columns if it is a terminal.
#[must_use]
pub fn columns() -> Option<usize> {
    // SAFETY: all-zero bytes are a valid winsize, a struct of four integers.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: TIOCGWINSZ writes a winsize (ioctl_tty(2)), and `size` is one.
    let result = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &mut size) };
    // A terminal that does not know its size says 0.
    (result == 0 && size.ws_col > 0).then_some(usize::from(size.ws_col))
}
