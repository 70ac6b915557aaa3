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
    /// Says why memory is not shown (`-vv`).
    pub explains: bool,
    /// Which strings to show in hexadecimal (`-x`, `-xx`).
    pub hex: HexStrings,
    /// How to show flags and constants (`-X`).
    pub constants: Constants,
    /// How far arguments are decoded (`-e raw=`, `-e verbose=`).
    pub arguments: Arguments,
}

impl Default for Style {
    /// As strace does without options.
    fn default() -> Self {
        Self {
            string_limit: 32,
            fds: FdStyle::Number,
            verbose: false,
            explains: false,
            hex: HexStrings::Never,
            constants: Constants::Abbrev,
            arguments: Arguments::Decoded,
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
    /// The addresses of sockets, and the paths of other files if asked for.
    Sockets {
        /// Whether other files show their paths.
        path: bool,
    },
    /// The numbers of devices, and the paths of other files if asked for.
    Devices {
        /// Whether other files show their paths.
        path: bool,
    },
}

impl FdStyle {
    /// Whether sockets show their addresses.
    pub(crate) fn shows_sockets(self) -> bool {
        matches!(self, Self::Detail | Self::Sockets { .. })
    }

    /// Whether devices show their numbers.
    pub(crate) fn shows_devices(self) -> bool {
        matches!(self, Self::Detail | Self::Devices { .. })
    }

    /// Whether files show their paths.
    pub(crate) fn shows_paths(self) -> bool {
        match self {
            Self::Number => false,
            Self::Path | Self::Detail => true,
            Self::Sockets { path } | Self::Devices { path } => path,
        }
    }
}

/// How far arguments are decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arguments {
    /// All that is known of them.
    #[default]
    Decoded,
    /// Structures as their addresses, everything else as usual.
    Addresses,
    /// The registers in hexadecimal, and the result too.
    Raw,
}

/// How flags and constants are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Constants {
    /// By name, and as a number only what has none: `PROT_READ|0x10`.
    #[default]
    Abbrev,
    /// As numbers: `0x11`.
    Raw,
    /// As numbers, with names in a comment: `0x11 /* PROT_READ|0x10 */`.
    Verbose,
}

/// Which strings to show in hexadecimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HexStrings {
    /// None: unprintable bytes become C escapes.
    #[default]
    Never,
    /// Strings with a byte that is neither printable ASCII nor white space.
    NonAscii,
    /// Only such bytes, in any string.
    NonAsciiBytes,
    /// All strings.
    Always,
}
