//! What a log cannot show: the completeness word, and the reasons for which events were dropped.

use std::fmt;

macro_rules! bits {
    ($(#[$doc:meta])* $ty:ident($int:ty) { $($(#[$vdoc:meta])* $name:ident = $bit:expr,
        $text:expr;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $ty(pub $int);

        impl $ty {
            $($(#[$vdoc])* pub const $name: Self = Self(1 << $bit);)*

            /// The names of the known bits that are set, in order.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                [$(($ty::$name, $text)),*].into_iter().filter(move |(bit,
                    _)| self.contains(*bit)).map(|(_, n)| n)
            }

            /// The bits that have no name.
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

            /// Both sets of bits.
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
    /// What the log cannot show. No bit set: everything that the format can hold is there.
    Completeness(u64) {
        /// Buffers were cut at a capture limit.
        CAPTURE_LIMIT = 0, "capture limit";
        /// No memory was captured, only the syscall structs.
        STRUCTS_ONLY = 1, "structs only";
        /// Some system calls were filtered out.
        FILTERED = 2, "filtered";
        /// io_uring was in use: its operations make no stop.
        IO_URING = 3, "io_uring";
        /// A task was made with CLONE_UNTRACED, so it was not followed.
        UNTRACED_CLONE = 4, "untraced clone";
        /// An execve did not get its privileges because of the recording, or memory became
        /// unreadable for it.
        LOST_PRIVILEGES = 5, "lost privileges";
        /// Events were dropped.
        LOST_EVENTS = 6, "lost events";
        /// Some memory could not be read.
        UNREADABLE_MEMORY = 7, "unreadable memory";
        /// Names of file descriptors were left out.
        NO_NAMES = 8, "no names";
        /// Tasks were attached to while they ran: what came before is not there.
        ATTACHED = 9, "attached";
        /// Tasks were let go before they ended.
        DETACHED = 10, "detached";
        /// A system call that the table does not know was seen: its memory was not captured.
        ROWLESS = 11, "rowless";
        /// A replayable recording met something that no replay can repeat; notes say what.
        NOT_REPLAYABLE = 12, "not replayable";
        /// Tasks were not recorded for a part of their lives: UNRECORDED events say from where to
        /// where.
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
        /// Numbers were skipped without a word.
        UNEXPLAINED = 4, "unexplained";
        /// Another program changed them in the tail before they were written.
        TAIL_DAMAGED = 5, "tail overwritten";
    }
}

#[cfg(test)]
mod tests {
    use super::Completeness;

    #[test]
    fn bits_without_a_name_are_shown() {
        let word = Completeness(1 << 40).with(Completeness::FILTERED).with(Completeness::ATTACHED);
        assert_eq!(word.to_string(), "filtered, attached, 0x10000000000");
        assert_eq!(Completeness::default().to_string(), "");
    }
}
