//! Properties of a call: its classes, what it does, which descriptors it makes, and how it is
//! replayed.

use std::ops::BitOr;

use super::Sibling;

/// A set of classes of calls, used by filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Classes(pub u16);

impl Classes {
    /// No class.
    pub const NONE: Self = Self(0);
    /// Files: contents, names, attributes.
    pub const FILE: Self = Self(1);
    /// Sockets.
    pub const NETWORK: Self = Self(1 << 1);
    /// Processes and threads: creation, exit, waiting, scheduling.
    pub const PROCESS: Self = Self(1 << 2);
    /// The address space.
    pub const MEMORY: Self = Self(1 << 3);
    /// Signals.
    pub const SIGNAL: Self = Self(1 << 4);
    /// Inter-process communication: futexes, System V and POSIX IPC, pipes.
    pub const IPC: Self = Self(1 << 5);
    /// Clocks and timers.
    pub const CLOCK: Self = Self(1 << 6);
    /// Users, groups, capabilities, keys, security policy.
    pub const CREDS: Self = Self(1 << 7);
    /// Calls that take or return a file descriptor.
    pub const DESC: Self = Self(1 << 8);
    /// The whole machine: mounts, modules, names, limits.
    pub const SYSTEM: Self = Self(1 << 9);

    /// All classes with their names.
    pub const ALL: [(&'static str, Self); 10] = [
        ("file", Self::FILE),
        ("network", Self::NETWORK),
        ("process", Self::PROCESS),
        ("memory", Self::MEMORY),
        ("signal", Self::SIGNAL),
        ("ipc", Self::IPC),
        ("clock", Self::CLOCK),
        ("creds", Self::CREDS),
        ("desc", Self::DESC),
        ("system", Self::SYSTEM),
    ];

    /// Whether this set has all classes of `other`.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether this set has any class of `other`.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns the union; usable in constants, unlike `|`.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the names of the classes in this set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter(move |(_, c)| self.contains(*c)).map(|(n, _)| n)
    }

    /// Returns the class of a name. `net` is strace's alias of `network`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = if name == "net" { "network" } else { name };
        Self::ALL.into_iter().find(|(n, _)| *n == name).map(|(_, c)| c)
    }
}

impl BitOr for Classes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}

/// How a replayer handles a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replay {
    /// Answer it from the log: with its result and the memory it wrote.
    Emulate,
    /// Make the call and force its recorded outcome: it changes the address space or makes tasks.
    Execute,
    /// Handled by code of its own in the replayer.
    Special,
    /// Not replayable: vetoed or flagged while recording.
    Refuse,
}

/// The file descriptors that a successful call makes. See [`crate::fds::makes_fd`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Makes {
    /// None.
    None,
    /// The result.
    Ret,
    /// Two, in the array that the sibling points to.
    Pair(Sibling),
    /// The result, if the command duplicates a descriptor.
    Fcntl,
    /// The result, if the request opens something.
    Ioctl,
    /// A pidfd, stored through the parent tid pointer if the flags ask for it.
    Clone,
    /// A pidfd, stored through a pointer in the argument structure.
    Clone3,
    /// The result, if the flags ask for a listener.
    Seccomp,
    /// The result, if the command makes an object.
    Bpf,
    /// Those of the multiplexed call.
    Socketcall,
}

/// What a call does, so that other crates need not compare names or numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallKind {
    /// Anything that has no kind of its own.
    Other,
    /// Replaces the program. Its exit stop may report another architecture than its entry stop.
    Exec,
    /// Makes a task (fork).
    Fork,
    /// Makes a task (vfork).
    Vfork,
    /// Makes a task; the flags are in the first argument.
    Clone,
    /// Makes a task; the flags are in a structure.
    Clone3,
    /// Ends a thread.
    Exit,
    /// Ends a process.
    ExitGroup,
    /// Waits for a child.
    Wait,
    /// Returns from a signal handler. The result is the restored register.
    SigReturn,
    /// Continues an interrupted call. The registers still hold the arguments of that call, so the
    /// memory at the exit is described by its row: the row of the call that ended with -516.
    Restart,
    /// Sends a signal.
    Kill,
    /// Changes a signal's action.
    SigAction,
    /// Changes the signal mask.
    SigMask,
    /// Makes an `io_uring`. Operations submitted through it cause no syscall stops.
    IoUringSetup,
    /// Submits to or waits for an `io_uring`.
    IoUringEnter,
    /// Makes a socket.
    Socket,
    /// Binds a socket to an address.
    Bind,
    /// Connects a socket.
    Connect,
    /// Makes a socket listen.
    Listen,
    /// Accepts a connection.
    Accept,
    /// Sends to a socket.
    Send,
    /// Receives from a socket.
    Receive,
    /// Reads the CPU affinity mask.
    GetAffinity,
    /// Changes the CPU affinity mask.
    SetAffinity,
    /// Installs a seccomp filter or mode.
    Seccomp,
    /// Depending on the option, installs a seccomp filter, or changes the dumpable flag or a
    /// thread's name.
    Prctl,
    /// Opens or creates a file by name or handle.
    Open,
    /// Makes a file descriptor for an object without a name: an eventfd, an epoll set, a pidfd, a
    /// memfd.
    MakeFd,
    /// Reads from a descriptor.
    Read,
    /// Writes to a descriptor.
    Write,
    /// Moves the offset of a descriptor.
    Seek,
    /// Closes a descriptor.
    Close,
    /// Closes a range of descriptors.
    CloseRange,
    /// Duplicates a descriptor, the first argument.
    Dup,
    /// Duplicates a descriptor to a given number, which it closes first.
    DupTo,
    /// Depending on the command, duplicates a descriptor or changes its flags.
    Fcntl,
    /// Controls a device; depends on the request.
    Ioctl,
    /// Makes a pipe or a socket pair.
    Pair,
    /// Changes the working directory to a path.
    Chdir,
    /// Changes the working directory to a descriptor.
    Fchdir,
    /// Changes the root directory.
    Chroot,
    /// Reads the attributes of a file.
    Stat,
    /// Checks permission to access a file.
    Access,
    /// Reads a symbolic link.
    ReadLink,
    /// Lists a directory.
    ReadDir,
    /// Makes a directory.
    Mkdir,
    /// Removes a directory.
    Rmdir,
    /// Removes a name.
    Unlink,
    /// Renames.
    Rename,
    /// Makes a hard link.
    Link,
    /// Makes a symbolic link.
    Symlink,
    /// Makes a special file.
    Mknod,
    /// Changes permissions.
    Chmod,
    /// Changes the owner.
    Chown,
    /// Changes the length of a file.
    Truncate,
    /// Changes the times of a file.
    Utime,
    /// Changes an extended attribute.
    SetXattr,
    /// Flushes to disk.
    Sync,
    /// Locks a file.
    Lock,
    /// Changes mounts.
    Mount,
    /// Manages quotas.
    Quota,
    /// Changes the file creation mask.
    Umask,
    /// Maps memory.
    Mmap,
    /// Unmaps memory.
    Munmap,
    /// Moves or resizes a mapping.
    Mremap,
    /// Changes the protection of memory.
    Mprotect,
    /// Advises about memory.
    Madvise,
    /// Moves the program break.
    Brk,
    /// Attaches System V shared memory.
    Shmat,
    /// Detaches System V shared memory.
    Shmdt,
    /// Waits on or wakes a futex.
    Futex,
    /// Waits for events on descriptors.
    Poll,
    /// Sleeps.
    Sleep,
    /// Reads a clock.
    Clock,
    /// Reads random bytes.
    Random,
    /// Changes users, groups or capabilities.
    SetCreds,
    /// Changes namespaces.
    Namespace,
    /// Registers restartable sequences.
    Rseq,
    /// Changes the thread's segment base or other CPU state.
    ArchState,
    /// Traces another process.
    Ptrace,
    /// One of several calls that share a number (socketcall and ipc of i386).
    Multiplexed,
}

impl CallKind {
    /// Whether a call of this kind makes a task.
    #[must_use]
    pub const fn makes_task(self) -> bool {
        matches!(self, CallKind::Fork | CallKind::Vfork | CallKind::Clone | CallKind::Clone3)
    }
}
