//! How a log is browsed.

use std::io::{self, Write};
use std::path::Path;

/// Writes the contents of a file.
pub type Contents<'c> = &'c mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

/// How files are written. They appear when they are complete.
#[derive(Clone, Copy, Debug)]
pub struct Files {
    /// Writes a new file, which only its owner may read, as the log. Of one that could not be
    /// written, or whose name is taken, nothing is left.
    pub write: fn(&Path, Contents<'_>) -> io::Result<()>,
    /// Removes what is not complete: a signal ends the process.
    pub discard: fn(),
}

/// How a log is browsed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether colors are used. Nothing is told by color alone.
    pub color: bool,
    /// Whether a log that is being recorded is read on as it grows.
    pub follow: bool,
    /// How files are written.
    pub files: Files,
}

#[cfg(test)]
impl Default for Options {
    fn default() -> Self {
        let write = |path: &Path, contents: Contents<'_>| {
            let mut file = std::fs::File::create_new(path)?;
            contents(&mut file)
        };
        Self { color: true, follow: false, files: Files { write, discard: || () } }
    }
}
