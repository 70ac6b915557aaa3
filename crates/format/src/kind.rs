//! The enumerations and flags of the format, as newtypes and not enums, so that an unknown value is
//! kept and prints as its number.

use std::fmt;

/// Declares a newtype over an integer with named values, `name()`, and a Display that falls back to
/// the number.
macro_rules! numbers {
    ($(#[$doc:meta])* $ty:ident($int:ty) { $($(#[$vdoc:meta])* $name:ident = $value:expr,
        $text:expr;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $ty(pub $int);

        impl $ty {
            $($(#[$vdoc])* pub const $name: Self = Self($value);)*

            /// Returns the name of a known value.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{}", self.0),
                }
            }
        }
    };
}

/// A task: its ordinal of appearance in the log. Never reused, unlike tids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub u32);

impl TaskId {
    /// No task: the recorder itself, or an unknown parent.
    pub const NONE: Self = Self(u32::MAX);
}

/// A blob: its ordinal over the whole log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobNumber(pub u64);

impl fmt::Display for BlobNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

numbers! {
    /// The contents of a block.
    BlockKind(u16) {
        /// Event rows.
        EVENTS = 1, "events";
        /// Buffers that events refer to.
        BLOBS = 2, "blobs";
        /// Metadata known at the start: exactly one, the first block.
        META = 3, "meta";
        /// A part of the index.
        CHECKPOINT = 4, "checkpoint";
        /// The last block: the rest of the index, the summary, the final completeness word.
        FOOTER = 5, "footer";
    }
}

numbers! {
    /// What an event reports.
    EventKind(u16) {
        /// One wait report of a stopped task.
        STOP = 1, "stop";
        /// A task appears.
        TASK = 2, "task";
        /// A task is gone.
        GONE = 3, "gone";
        /// A task changed its tid: an execve from a thread that is not the leader.
        RENAMED = 4, "renamed";
        /// State of a process that cannot be derived later.
        SNAPSHOT = 5, "snapshot";
        /// The clocks, read together.
        CLOCK = 6, "clock";
        /// Events are missing here, and the recorder counted them.
        LOSS = 7, "loss";
        /// A message of the recorder.
        NOTE = 8, "note";
        /// The recorder changed something outside a stop.
        ALTERED = 9, "altered";
        /// A mark set by the user.
        MARK = 10, "mark";
        /// A gap in the recording of a task begins or ends.
        UNRECORDED = 11, "unrecorded";
    }
}

numbers! {
    /// The source of an event.
    SourceId(u8) {
        /// The recorder itself.
        RECORDER = 0, "recorder";
        /// The kernel, at a ptrace stop.
        KERNEL = 1, "kernel";
        /// Code inside the recorded process.
        IN_PROCESS = 2, "in-process";
    }
}

numbers! {
    /// The contents of a part of an event.
    PartKind(u16) {
        /// Captured memory.
        REGION = 1, "region";
        /// A `siginfo_t`, as the kernel wrote it.
        SIGINFO = 2, "siginfo";
        /// The event message that `PTRACE_GETEVENTMSG` returned.
        EVENT_MESSAGE = 3, "event message";
        /// The open file of a descriptor.
        NAME = 4, "name";
        /// A register set.
        REGISTERS = 5, "registers";
        /// Something the recorder changed.
        ALTERED = 6, "altered";
        /// The tid in each pid namespace.
        NS_PIDS = 7, "namespace pids";
        /// A mapping that was made in the task's address space.
        MAPPED = 8, "mapped";
        /// The call writes to the recorder's own standard output or standard error.
        ECHO = 9, "echo";
        /// Registers and checksums of memory at the entry of a call.
        STATE = 10, "state";
        /// The file with the contents of the mapping in the part before.
        FILE = 11, "file";
        /// Where a path of a call leads.
        PATH = 12, "path";
    }
}

numbers! {
    /// The layout of a syscall info struct ([`crate::syscall_info`]).
    Layout(u8) {
        /// No bytes.
        NONE = 0, "none";
        /// `struct ptrace_syscall_info` of Linux 5.3 and later.
        MERGED = 1, "merged";
        /// The struct of the fourth proposal (November 2018), with a frame pointer at entry and
        /// seccomp stops.
        PROPOSAL_V4 = 2, "v4";
    }
}

numbers! {
    /// How a task entered the log.
    Origin(u16) {
        /// The recorder started it.
        SPAWNED = 1, "spawned";
        /// The recorder attached to it.
        ATTACHED = 2, "attached";
        /// By fork.
        FORK = 3, "fork";
        /// By vfork.
        VFORK = 4, "vfork";
        /// By clone, as a process.
        CLONE = 5, "clone";
        /// By clone, as a thread of the same process.
        THREAD = 6, "thread";
        /// Not known.
        UNKNOWN = 7, "unknown";
    }
}

numbers! {
    /// How a task left the log.
    GoneHow(u16) {
        /// wait(2) reported its end.
        REAPED = 1, "reaped";
        /// An execve in another thread of the process ended it.
        SUPERSEDED = 2, "superseded";
        /// It disappeared without a wait report.
        VANISHED = 3, "vanished";
        /// The recorder detached from it.
        DETACHED = 4, "detached";
    }
}

numbers! {
    /// Whether a gap in the recording of a task begins or ends.
    Gap(u16) {
        /// The task is not recorded from here on.
        BEGINS = 1, "begins";
        /// The task is recorded again from here on.
        ENDS = 2, "ends";
    }
}

numbers! {
    /// Why a task is not recorded for a while.
    GapReason(u16) {
        /// Another program traces it; a task has one tracer at a time (ptrace(2)).
        TRACED = 1, "traced by another program";
        /// It is the init of a PID namespace and crashes, which the kernel allows only while it is
        /// untraced.
        INIT_CRASH = 2, "crash of an init";
    }
}

numbers! {
    /// Whether memory was captured before the call or after it.
    Direction(u8) {
        /// Read before the call.
        IN = 1, "in";
        /// Read after the call.
        OUT = 2, "out";
    }
}

numbers! {
    /// The number of pointers between the argument and the region.
    Role(u8) {
        /// The argument points to it.
        DIRECT = 0, "direct";
        /// A pointer in the first level points to it.
        POINTED = 1, "pointed";
        /// One level further.
        DEEPER = 2, "deeper";
    }
}

numbers! {
    /// What the recorder changed in a task.
    Altering(u16) {
        /// A call was vetoed.
        CALL_VETOED = 1, "call vetoed";
        /// The affinity mask.
        AFFINITY = 2, "affinity mask";
        /// A register.
        REGISTER = 3, "register";
        /// The answer to a seccomp stop.
        SECCOMP_ANSWER = 4, "seccomp answer";
        /// A return value.
        RETURN_VALUE = 5, "return value";
        /// Memory.
        MEMORY = 6, "memory";
        /// A seccomp filter was installed before the program started: its instructions.
        SECCOMP_FILTER = 7, "seccomp filter";
        /// no_new_privs was set before the program started, which the filter requires.
        NO_NEW_PRIVS = 8, "no_new_privs";
        /// The SIGSEGV of an instruction that reads the time-stamp counter: the instruction was
        /// emulated.
        TIME_STAMP = 9, "time stamp";
        /// A signal, held back until the task's next call.
        SIGNAL_HELD = 10, "signal held";
        /// A task that only waited for others was stopped to let them run.
        PREEMPTED = 11, "preempted";
        /// Nothing was changed: a call has written memory, and is not over.
        EARLY_WRITE = 12, "early write";
    }
}

numbers! {
    /// The struct in a snapshot.
    SnapshotKind(u16) {
        /// A [`crate::ProcessSnapshot`].
        PROCESS = 1, "process";
        /// A [`crate::Determinism`]: the recording can be replayed, on a machine with these
        /// properties.
        DETERMINISM = 2, "envelope";
    }
}

numbers! {
    /// The subject of a note.
    NoteCode(u16) {
        /// A task was created that the recorder does not follow.
        UNTRACED_CLONE = 1, "untraced clone";
        /// An execve ignored its set-user-ID bit, or made memory unreadable.
        LOST_PRIVILEGES = 2, "lost privileges";
        /// The recorder stops before the program ends.
        STOPPING = 3, "recorder stopping";
        /// A system call without a row in the table was made.
        NO_ROW = 4, "no row";
        /// io_uring is in use: its operations cause no stops.
        IO_URING = 5, "io_uring";
        /// Anything else, described by the text.
        OTHER = 6, "other";
        /// A finding of an audit, or its summary.
        AUDIT = 7, "audit";
        /// Something that no replay can repeat, described by the text.
        NOT_REPLAYABLE = 8, "not replayable";
        /// Something by which a replay may differ, described by the text.
        MAY_DIFFER = 9, "may differ";
    }
}

numbers! {
    /// The severity of a note.
    Severity(u16) {
        /// Information.
        INFO = 1, "info";
        /// The log is less complete than expected.
        WARNING = 2, "warning";
        /// Something failed.
        ERROR = 3, "error";
    }
}

/// Flags of a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RegionFlags(pub u8);

impl RegionFlags {
    /// Cut at the capture limit.
    pub const CUT: Self = Self(1);
    /// A string, read up to its zero byte.
    pub const STRING: Self = Self(2);
    /// The data are blob numbers. [`crate::EventBuf::region`] sets and clears this flag.
    pub const BLOBS: Self = Self(4);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the union of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the bits that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Flags of a mapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MappedFlags(pub u32);

impl MappedFlags {
    /// Shared: other mappings of the same file see writes to it.
    pub const SHARED: Self = Self(1);
    /// It grows down when touched, as a stack does.
    pub const GROWS_DOWN: Self = Self(2);
    /// It maps a file, whose contents are in the blobs.
    pub const FILE: Self = Self(4);
    /// The file has a hole there: there are no blobs, and the contents are zeros.
    pub const HOLE: Self = Self(8);
    /// The file now ends at the offset. The part has no length and no contents.
    pub const RESIZED: Self = Self(16);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the union of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Flags of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventFlags(pub u8);

impl EventFlags {
    /// A reader that does not know the kind of the event must refuse the log.
    pub const MUST_UNDERSTAND: Self = Self(1);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}
