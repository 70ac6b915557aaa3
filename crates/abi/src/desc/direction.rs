//! Who writes memory, on which results, and which argument says how long it is.

/// The direction of memory. A captured region is `In` (as the kernel found it, taken at the entry)
/// or `Out` (as the kernel left it, taken at the exit); `InOut` memory is captured at both stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dir {
    /// The program wrote it for the kernel.
    In,
    /// The kernel writes it for the program.
    Out,
    /// Both.
    InOut,
}

impl Dir {
    /// Whether it is captured at the entry.
    #[must_use]
    pub const fn goes_in(self) -> bool {
        matches!(self, Self::In | Self::InOut)
    }

    /// Whether it is captured at the exit.
    #[must_use]
    pub const fn comes_out(self) -> bool {
        matches!(self, Self::Out | Self::InOut)
    }
}

/// On which results the kernel has written the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// When the call succeeded.
    Success,
    /// Whatever the result.
    Always,
    /// Only when it failed with one of these error numbers (nanosleep's remaining time).
    Errno(&'static [u16]),
    /// When it succeeded, and when it failed with one of these.
    SuccessOr(&'static [u16]),
    /// When it succeeded and its result is not 0: wait4 with WNOHANG that finds nobody writes
    /// nothing.
    Nonzero,
    /// When it succeeded and the siginfo that the sibling points to is not empty. Its memory says
    /// so, not its result: so it is captured whenever the call succeeds, and readers look.
    Told(Sibling),
}

impl When {
    /// Whether memory is written by a call that ended like this.
    #[must_use]
    pub fn applies(self, rval: i64, is_error: bool) -> bool {
        let failed_with =
            |list: &[u16]| is_error && list.iter().any(|e| i64::from(*e) == rval.wrapping_neg());
        match self {
            Self::Success => !is_error,
            Self::Always => true,
            Self::Errno(list) => failed_with(list),
            Self::SuccessOr(list) => !is_error || failed_with(list),
            Self::Nonzero => !is_error && rval != 0,
            Self::Told(_) => !is_error,
        }
    }
}

/// Another argument of the same call. Its position is found when the table is compiled; a name that
/// the row does not have is a compile error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sibling {
    /// Its name.
    pub name: &'static str,
    /// Its position, 0 to 5.
    pub index: u8,
}
