//! How a log is browsed.

/// How a log is browsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether colors are used. Nothing is told by color alone.
    pub color: bool,
    /// Whether a log that is being recorded is read on as it grows.
    pub follow: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { color: true, follow: false }
    }
}
