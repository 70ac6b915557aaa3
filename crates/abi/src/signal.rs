//! Signal numbers and the reasons a `siginfo_t` gives.

/// The name of a signal.
#[must_use]
pub fn signal_name(_signal: i32) -> Option<&'static str> {
    None
}
