//! The small numbers of the format: newtypes, never enums, so that an unknown value survives and
//! prints as itself.

use std::fmt;

/// Declares a newtype over an integer with named values, `name()` and a Display that falls back to
/// the number.
macro_rules! numbers {
    ($(#[$doc:meta])* $ty:ident($int:ty) { $($(#[$vdoc:meta])* $name:ident = $value:expr,
        $text:expr;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $ty(pub $int);

        impl $ty {
            $($(#[$vdoc])* pub const $name: Self = Self($value);)*

            /// The name of a known value.
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

/// A task of the log: its ordinal of appearance, never reused (tids are recycled by the kernel).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub u32);

impl TaskId {
    /// No task: the recorder itself, or an unknown parent.
    pub const NONE: Self = Self(u32::MAX);
}

/// A blob of the log: the ordinal of the buffer part, counted over the whole log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobNumber(pub u64);

impl fmt::Display for BlobNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

numbers! {
    /// What a block holds.
    BlockKind(u16) {
        /// Event rows.
        EVENTS = 1, "events";
        /// Buffers that events refer to.
        BLOBS = 2, "blobs";
        /// What is known at the start: exactly one, the first block.
        META = 3, "meta";
        /// A piece of the index.
        CHECKPOINT = 4, "checkpoint";
        /// The end: the rest of the index, the summary, the final completeness.
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
        /// State that cannot be derived later.
        SNAPSHOT = 5, "snapshot";
        /// The clocks, read together.
        CLOCK = 6, "clock";
        /// Events are known to be missing here.
        LOSS = 7, "loss";
        /// The recorder says something.
        NOTE = 8, "note";
        /// The recorder changed something, outside a stop.
        ALTERED = 9, "altered";
        /// A mark that the user set.
        MARK = 10, "mark";
        /// A task is not recorded from here on, or is again.
        UNRECORDED = 11, "unrecorded";
    }
}

numbers! {
    /// Who says so.
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
    /// What a part of an event holds.
    PartKind(u16) {
        /// Captured memory.
        REGION = 1, "region";
        /// A `siginfo_t` as the kernel gave it.
        SIGINFO = 2, "siginfo";
        /// The answer to `PTRACE_GETEVENTMSG`.
        EVENT_MESSAGE = 3, "event message";
        /// What a file descriptor stands for.
        NAME = 4, "name";
        /// A register set.
        REGISTERS = 5, "registers";
        /// Something the recorder changed.
        ALTERED = 6, "altered";
        /// The tid in each pid namespace.
        NS_PIDS = 7, "namespace pids";
        /// What was mapped into the task's address space.
        MAPPED = 8, "mapped";
        /// This call writes to where the recorder's own output goes.
        ECHO = 9, "echo";
        /// What the task is at the entry of a call.
        STATE = 10, "state";
        /// Which file has the contents of the mapping before it.
        FILE = 11, "file";
    }
}

numbers! {
    /// Which form the bytes of a syscall info struct have.
    Layout(u8) {
        /// There are no bytes.
        NONE = 0, "none";
        /// `struct ptrace_syscall_info` of Linux 5.3 and later.
        MERGED = 1, "merged";
        /// The struct of the fourth proposal (November 2018), with a frame pointer in entry and
        /// seccomp.
        PROPOSAL_V4 = 2, "v4";
    }
}

numbers! {
    /// How a task came to be in the log.
    Origin(u16) {
        /// The recorder started it.
        SPAWNED = 1, "spawned";
        /// The recorder attached to it.
        ATTACHED = 2, "attached";
        /// By fork.
        FORK = 3, "fork";
        /// By vfork.
        VFORK = 4, "vfork";
        /// By clone, as a process of its own.
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
        /// wait reported its end.
        REAPED = 1, "reaped";
        /// Another thread's execve took its place.
        SUPERSEDED = 2, "superseded";
        /// It vanished without a report.
        VANISHED = 3, "vanished";
        /// The recorder let it go.
        DETACHED = 4, "detached";
    }
}

numbers! {
    /// Where a part of a task's life that is not in the log begins or ends.
    Gap(u16) {
        /// From here on the task is not recorded.
        BEGINS = 1, "begins";
        /// From here on it is recorded again.
        ENDS = 2, "ends";
    }
}

numbers! {
    /// Why a task is not recorded for a while.
    GapReason(u16) {
        /// Another program traces it, and a task has one tracer at a time (ptrace(2)).
        TRACED = 1, "traced by another program";
        /// It is the first process of a PID namespace and crashes, which the kernel lets only an
        /// untraced one do.
        INIT_CRASH = 2, "crash of an init";
    }
}

numbers! {
    /// Whether captured memory went into the call or came out of it.
    Direction(u8) {
        /// Read before the call.
        IN = 1, "in";
        /// Read after the call.
        OUT = 2, "out";
    }
}

numbers! {
    /// How many pointers lie between the argument and the region.
    Role(u8) {
        /// What the argument points to.
        DIRECT = 0, "direct";
        /// What is pointed to from there.
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
        /// A seccomp filter was put on the program before it began: its instructions.
        SECCOMP_FILTER = 7, "seccomp filter";
        /// no_new_privs was set on the program before it began, which the filter needs.
        NO_NEW_PRIVS = 8, "no_new_privs";
        /// The signal of an instruction that asks for the time, which was answered instead.
        TIME_STAMP = 9, "time stamp";
        /// A signal, which waits for the task's next call.
        SIGNAL_HELD = 10, "signal held";
        /// The turn of a task that did nothing but wait for others.
        PREEMPTED = 11, "preempted";
    }
}

numbers! {
    /// Which struct a snapshot holds.
    SnapshotKind(u16) {
        /// A [`crate::ProcessSnapshot`].
        PROCESS = 1, "process";
        /// An [`crate::Determinism`]: this recording can be replayed, on such a machine.
        DETERMINISM = 2, "envelope";
    }
}

numbers! {
    /// What a note is about.
    NoteCode(u16) {
        /// A task was made that the recorder does not follow.
        UNTRACED_CLONE = 1, "untraced clone";
        /// An execve lost its set-user-ID effect, or memory became unreadable.
        LOST_PRIVILEGES = 2, "lost privileges";
        /// The recorder stops before the program ends.
        STOPPING = 3, "recorder stopping";
        /// A system call without a row in the table was seen.
        NO_ROW = 4, "no row";
        /// io_uring is in use: what it does makes no stop.
        IO_URING = 5, "io_uring";
        /// Anything else: the text says it.
        OTHER = 6, "other";
        /// What an audit found, or its summary.
        AUDIT = 7, "audit";
        /// Something that no replay can repeat: the text says what.
        NOT_REPLAYABLE = 8, "not replayable";
    }
}

numbers! {
    /// How much a note matters.
    Severity(u16) {
        /// Good to know.
        INFO = 1, "info";
        /// The log shows less than one may think.
        WARNING = 2, "warning";
        /// Something failed.
        ERROR = 3, "error";
    }
}

/// Properties of a region, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RegionFlags(pub u8);

impl RegionFlags {
    /// Fewer bytes than asked for, because of the capture limit.
    pub const CUT: Self = Self(1);
    /// A string, read up to its zero byte.
    pub const STRING: Self = Self(2);
    /// The data are blob numbers. Set and cleared by [`crate::EventBuf::region`] itself.
    pub const BLOBS: Self = Self(4);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of bits.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These bits without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Properties of a mapping, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MappedFlags(pub u32);

impl MappedFlags {
    /// Writes are seen by everybody who has mapped the same.
    pub const SHARED: Self = Self(1);
    /// It grows down as it is touched: a stack.
    pub const GROWS_DOWN: Self = Self(2);
    /// It has the contents of a file, which the blobs hold.
    pub const FILE: Self = Self(4);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of bits.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Properties of an event, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventFlags(pub u8);

impl EventFlags {
    /// A reader that does not know the event's kind must not go on.
    pub const MUST_UNDERSTAND: Self = Self(1);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}
