//! How values of calls are written.

/// How arguments and results look. The options of strace are in parentheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// The most bytes of a string or buffer to show (`-s`). Paths are never cut.
    pub string_limit: usize,
    /// What to show of file descriptors (`-y`, `-yy`).
    pub fds: FdStyle,
    /// Shows structures and lists in full (`-v`).
    pub verbose: bool,
    /// Which strings to show in hexadecimal (`-x`, `-xx`).
    pub hex: HexStrings,
    /// Shows flags and constants as numbers (`-X raw`).
    pub raw_constants: bool,
}

impl Default for Style {
    /// As strace does without options.
    fn default() -> Self {
        Self {
            string_limit: 32,
            fds: FdStyle::Number,
            verbose: false,
            hex: HexStrings::Never,
            raw_constants: false,
        }
    }
}

/// What to show of a file descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FdStyle {
    /// The number alone.
    #[default]
    Number,
    /// Its path, or the text of its link in /proc: `3</etc/passwd>`.
    Path,
    /// The addresses of a socket and the number of a device too:
    /// `3<TCP:[127.0.0.1:80->127.0.0.1:5000]>`.
    Detail,
}

/// Which strings to show in hexadecimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HexStrings {
    /// None: unprintable bytes become C escapes.
    #[default]
    Never,
    /// Strings with a byte that is neither printable ASCII nor white space.
    NonAscii,
    /// All strings.
    Always,
}
