//! What a call is about, what it does, what it makes, and what a replayer may do with it.

use std::ops::BitOr;

use super::Sibling;

/// A set of classes, for filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Classes(pub u16);

impl Classes {
    /// No class.
    pub const NONE: Self = Self(0);
    /// Files: contents, names, attributes.
    pub const FILE: Self = Self(1);
    /// Sockets.
    pub const NETWORK: Self = Self(1 << 1);
    /// Processes and threads: making, ending, waiting, scheduling.
    pub const PROCESS: Self = Self(1 << 2);
    /// The address space.
    pub const MEMORY: Self = Self(1 << 3);
    /// Signals.
    pub const SIGNAL: Self = Self(1 << 4);
    /// Communication between processes: futexes, System V and POSIX ipc, pipes.
    pub const IPC: Self = Self(1 << 5);
    /// Clocks and timers.
    pub const CLOCK: Self = Self(1 << 6);
    /// Users, groups, capabilities, keys, security policy.
    pub const CREDS: Self = Self(1 << 7);
    /// Takes or returns a file descriptor.
    pub const DESC: Self = Self(1 << 8);
    /// The whole machine: mounts, modules, names, limits.
    pub const SYSTEM: Self = Self(1 << 9);

    /// Every class with its name.
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

    /// Whether all classes of `other` are in here.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any class of `other` is in here.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets together; usable in constants.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The names of the classes in here.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter(move |(_, c)| self.contains(*c)).map(|(n, _)| n)
    }

    /// The class of that name; `net` is strace's other word for `network`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
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

/// What a replayer may do with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replay {
    /// Answer it from the log: result and written memory.
    Emulate,
    /// Really make it, forced to the recorded outcome: it shapes the address space or makes tasks.
    Execute,
    /// Needs code of its own in the replayer.
    Special,
    /// Cannot be replayed; vetoed or flagged at record time.
    Refuse,
}

/// Which file descriptors a successful call makes. See [`crate::fds::makes_fd`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Makes {
    /// None.
    None,
    /// The result is one.
    Ret,
    /// The sibling points to two.
    Pair(Sibling),
    /// The result, when the command duplicates an fd.
    Fcntl,
    /// The result, when the request is one that opens something.
    Ioctl,
    /// A pidfd through the parent tid pointer, when the flags say so.
    Clone,
    /// A pidfd through a pointer in the argument structure.
    Clone3,
    /// The result, when a listener was asked for.
    Seccomp,
    /// The result, when the command is one that makes an object.
    Bpf,
    /// An fd may be the result of the multiplexed call.
    Socketcall,
}

/// What a call does, so that nobody outside this crate compares names or numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallKind {
    /// Nothing that anyone follows.
    Other,
    /// Replaces the program. Its exit stop may report another architecture than its entry stop.
    Exec,
    /// Makes a task: fork.
    Fork,
    /// Makes a task: vfork.
    Vfork,
    /// Makes a task, by flags in the first argument.
    Clone,
    /// Makes a task, by flags in a structure.
    Clone3,
    /// Ends a thread.
    Exit,
    /// Ends a process.
    ExitGroup,
    /// Waits for a child.
    Wait,
    /// Returns from a signal handler: the result is the restored register.
    SigReturn,
    /// Continues an interrupted call. Its registers still hold that call's arguments, so the memory
    /// of its exit is that of the row whose exit said -516.
    Restart,
    /// Sends a signal.
    Kill,
    /// Changes what a signal does.
    SigAction,
    /// Changes the signal mask.
    SigMask,
    /// Makes an `io_uring`, through which calls are made that no stop shows.
    IoUringSetup,
    /// Waits for, or submits to, an `io_uring`.
    IoUringEnter,
    /// Makes a socket.
    Socket,
    /// Names a socket.
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
    /// May install a seccomp filter, change dumpability or the name of a thread: by option.
    Prctl,
    /// Opens or makes a file: something with a name or a handle.
    Open,
    /// Makes a file descriptor for something without a name: an eventfd, an epoll set, a pidfd, a
    /// memfd.
    MakeFd,
    /// Reads from an fd.
    Read,
    /// Writes to an fd.
    Write,
    /// Moves the offset of an fd.
    Seek,
    /// Closes one fd.
    Close,
    /// Closes a range of fds.
    CloseRange,
    /// Duplicates an fd; the first argument is the old one.
    Dup,
    /// Duplicates an fd to a given number, closing what was there.
    DupTo,
    /// May duplicate an fd or change its flags: by command.
    Fcntl,
    /// Controls a device: by request.
    Ioctl,
    /// Makes a pipe or a socket pair.
    Pair,
    /// Changes the working directory to a path.
    Chdir,
    /// Changes the working directory to an fd.
    Fchdir,
    /// Changes the root directory.
    Chroot,
    /// Asks for the attributes of a file.
    Stat,
    /// Asks whether a file may be accessed.
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
    /// Changes the length.
    Truncate,
    /// Changes the times of a file.
    Utime,
    /// Changes an extended attribute.
    SetXattr,
    /// Flushes to the disk.
    Sync,
    /// Locks a file.
    Lock,
    /// Changes mounts.
    Mount,
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
    /// Waits for events on fds.
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
    /// Changes the thread's segment base or other state of the CPU.
    ArchState,
    /// Debugs another process.
    Ptrace,
    /// Several calls behind one number (i386).
    Multiplexed,
}

impl CallKind {
    /// Does a call of this kind make a task?
    #[must_use]
    pub const fn makes_task(self) -> bool {
        matches!(self, CallKind::Fork | CallKind::Vfork | CallKind::Clone | CallKind::Clone3)
    }
}
