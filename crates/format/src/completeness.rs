//! The completeness word, which says what a log lacks, and the reasons for dropped events.

use std::fmt;

macro_rules! bits {
    ($(#[$doc:meta])* $ty:ident($int:ty) { $($(#[$vdoc:meta])* $name:ident = $bit:expr,
        $text:expr;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $ty(pub $int);

        impl $ty {
            $($(#[$vdoc])* pub const $name: Self = Self(1 << $bit);)*

            /// Returns the names of the known bits that are set, in order.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                [$(($ty::$name, $text)),*].into_iter().filter(move |(bit,
                    _)| self.contains(*bit)).map(|(_, n)| n)
            }

            /// Returns the bits without a name.
            pub const fn unknown(self) -> $int {
                self.0 & !(0 $(| $ty::$name.0)*)
            }

            /// Whether all bits of `other` are set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether no bit is set.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Sets the bits of `other`.
            pub fn insert(&mut self, other: Self) {
                self.0 |= other.0;
            }

            /// Returns the union of both.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl fmt::Display for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut comma = "";
                for name in self.names() {
                    write!(f, "{comma}{name}")?;
                    comma = ", ";
                }
                if self.unknown() != 0 {
                    write!(f, "{comma}{:#x}", self.unknown())?;
                }
                Ok(())
            }
        }
    };
}

bits! {
    /// What the log lacks. No bit set: everything that the format can hold is there.
    Completeness(u64) {
        /// Buffers were cut at a capture limit.
        CAPTURE_LIMIT = 0, "capture limit";
        /// No memory was captured, only the syscall structs.
        STRUCTS_ONLY = 1, "structs only";
        /// Some system calls were filtered out.
        FILTERED = 2, "filtered";
        /// io_uring was in use: its operations cause no stops.
        IO_URING = 3, "io_uring";
        /// A task was created with CLONE_UNTRACED and not followed.
        UNTRACED_CLONE = 4, "untraced clone";
        /// An execve did not gain its privileges because of the recording, or made memory
        /// unreadable.
        LOST_PRIVILEGES = 5, "lost privileges";
        /// Events were dropped.
        LOST_EVENTS = 6, "lost events";
        /// Some memory could not be read.
        UNREADABLE_MEMORY = 7, "unreadable memory";
        /// The names of file descriptors were not recorded.
        NO_NAMES = 8, "no names";
        /// The recorder attached to running tasks: what they did before is not in the log.
        ATTACHED = 9, "attached";
        /// The recorder detached from tasks before they ended.
        DETACHED = 10, "detached";
        /// A system call without a row in the table was made: its memory was not captured.
        ROWLESS = 11, "rowless";
        /// The program did something that no replay can repeat; notes say what.
        NOT_REPLAYABLE = 12, "not replayable";
        /// Tasks were not recorded for part of their lives; UNRECORDED events mark the gaps.
        UNRECORDED = 13, "unrecorded";
    }
}

bits! {
    /// Why events were dropped.
    DropReasons(u32) {
        /// The disk was full.
        DISK_FULL = 0, "disk full";
        /// Writing failed for another reason.
        WRITE_ERROR = 1, "write error";
        /// An event was too large for the log.
        TOO_LARGE = 2, "too large";
        /// The recorder could not keep up.
        OVERRUN = 3, "overrun";
        /// Numbers were skipped without an explanation.
        UNEXPLAINED = 4, "unexplained";
        /// Another program overwrote them in the tail before they were written to the log.
        TAIL_DAMAGED = 5, "tail overwritten";
    }
}

#[cfg(test)]
mod tests {
    use super::Completeness;

    #[test]
    fn unnamed_bits_are_displayed_in_hex() {
        let word = Completeness(1 << 40).with(Completeness::FILTERED).with(Completeness::ATTACHED);
        assert_eq!(word.to_string(), "filtered, attached, 0x10000000000");
        assert_eq!(Completeness::default().to_string(), "");
    }
}
