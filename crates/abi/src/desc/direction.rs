//! The direction of memory, the results on which it is written, and the sibling argument that holds
//! its length.

/// The direction of memory. A captured region is `In` (read at the entry stop, as the kernel found
/// it) or `Out` (read at the exit stop, as the kernel left it); `InOut` memory is captured at both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dir {
    /// The kernel reads it.
    In,
    /// The kernel writes it.
    Out,
    /// Both.
    InOut,
}

impl Dir {
    /// Whether it is captured at the entry stop.
    #[must_use]
    pub const fn goes_in(self) -> bool {
        matches!(self, Self::In | Self::InOut)
    }

    /// Whether it is captured at the exit stop.
    #[must_use]
    pub const fn comes_out(self) -> bool {
        matches!(self, Self::Out | Self::InOut)
    }
}

/// On which results the kernel has written the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// On success.
    Success,
    /// On every result.
    Always,
    /// Only on these error numbers (nanosleep's remaining time).
    Errno(&'static [u16]),
    /// On success and on these error numbers.
    SuccessOr(&'static [u16]),
    /// On success with a result other than 0. wait4 with WNOHANG writes nothing if it finds no
    /// child.
    Nonzero,
    /// On success, if the siginfo that the sibling points to is not empty. That depends on memory,
    /// not on the result, so the recorder captures it on every success and readers look at the
    /// siginfo.
    UnlessEmpty(Sibling),
}

impl When {
    /// Whether a call with this result may have written the memory.
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
            Self::UnlessEmpty(_) => !is_error,
        }
    }
}

/// Another argument of the same call. Its position is resolved at compile time; naming an argument
/// that the row does not have is a compile error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sibling {
    /// Its name.
    pub name: &'static str,
    /// Its position, 0 to 5.
    pub index: u8,
}
