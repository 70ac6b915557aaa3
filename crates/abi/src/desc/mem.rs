//! The memory that an argument points to: its direction, its length, and when it is written.

use super::{Count, Dir, PointerField, Sibling, When};
use crate::layout::Layout;

/// The memory an argument points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mem {
    /// Its direction.
    pub dir: Dir,
    /// On which results the kernel has written it. Irrelevant for memory that the kernel reads.
    pub when: When,
    /// Its length.
    pub len: Len,
}

impl Mem {
    /// Returns the memory as the table has it, without a seeded fault.
    #[must_use]
    pub fn without_fault(self) -> Self {
        if let Len::Seeded(seeded) = self.len { seeded.mem } else { self }
    }

    /// Returns the seeded fault.
    #[inline]
    pub(crate) fn fault(self) -> Option<Fault> {
        if let Len::Seeded(seeded) = self.len { Some(seeded.fault) } else { None }
    }

    /// Returns the sub-table that describes it, if it depends on a command.
    #[must_use]
    pub fn special(self) -> Option<Special> {
        if let Len::Special(id) = self.without_fault().len { Some(id) } else { None }
    }
}

/// The length of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Len {
    /// One structure.
    Fixed(Layout),
    /// A fixed number of structures.
    Several {
        /// Number of structures.
        n: u8,
        /// The structure.
        each: Layout,
    },
    /// A number of bytes fixed by the interface.
    Bytes(u32),
    /// As many elements as the sibling says.
    Arg {
        /// Number of elements.
        count: Sibling,
        /// The element.
        each: Layout,
    },
    /// As many elements as the result says, at most as many as the sibling says: recvfrom with
    /// `MSG_TRUNC` and getxattr with size 0 return more than they write.
    Ret {
        /// The element.
        each: Layout,
        /// Maximum number of elements.
        cap: Option<Sibling>,
    },
    /// As many elements as the 32-bit word at the sibling's address says. At the exit stop, the
    /// smaller of its values at entry and exit.
    Deref {
        /// Points to the number of elements.
        count: Sibling,
        /// The element.
        each: Layout,
    },
    /// Bit set of as many bits as the sibling says, rounded up to whole words.
    Bits(Sibling),
    /// Bit set of memory nodes: one bit less than the sibling says, rounded up to whole words.
    Nodes(Sibling),
    /// Bytes up to and including a NUL.
    CStr,
    /// Pointers to strings, up to a null pointer.
    CStrVec,
    /// Array of `iovec`.
    Iov {
        /// Number of elements.
        count: Sibling,
        /// What limits the buffers.
        total: Total,
    },
    /// A `msghdr`, or an array of `mmsghdr`.
    Msg {
        /// Number of elements of the array.
        many: Option<Sibling>,
    },
    /// A structure that states its own size.
    SelfSized {
        /// Offset of the 32-bit size field.
        at: u8,
        /// Bytes that the field does not count.
        plus: u8,
        /// Size if the field is 0: that of the structure's first version.
        least: u16,
        /// Largest size that is accepted; the kernel refuses more than a page.
        most: u16,
    },
    /// A structure followed by an array, whose length is in a 32-bit field of the structure.
    Tailed {
        /// Size of the structure in bytes.
        head: u16,
        /// Offset of the field.
        at: u8,
        /// Size of an element in bytes.
        each: u8,
    },
    /// A `clone_args` and what it points to.
    CloneArgs(Sibling),
    /// Array of pointers to `iocb`.
    Iocbs(Sibling),
    /// A structure of pointer and length, and the bytes it points to (pselect6's signal mask).
    Pointed,
    /// An `xattr_args` of as many bytes as the sibling says, and the value it points to. The kernel
    /// reads the value with [`Dir::In`], and writes as much as the result says with [`Dir::InOut`].
    XattrArgs(Sibling),
    /// A `sock_fprog` and its BPF instructions.
    Fprog,
    /// A System V message: a long, and as many bytes as the sibling says at the entry, as the
    /// result says at the exit.
    MsgBuf(Sibling),
    /// As many bytes as the result says if the sibling has room for all of them, else none.
    RetWhole(Sibling),
    /// Capability sets, as many as the version in the header implies. The sibling points to the
    /// header.
    CapData(Sibling),
    /// A `siginfo_t` that the kernel reads: its first 48 bytes, and the rest only if signal and
    /// code do not define its contents.
    SigInfo,
    /// One `old_linux_dirent` of i386's readdir: a header, and a name whose length, without its
    /// NUL, is in the header.
    OldDirent,
    /// 16-bit numbers, one for each semaphore of the System V set whose id is the sibling.
    Semaphores(Sibling),
    /// One or more structures with pointers in them.
    PointerFields {
        /// Number of structures.
        count: Count,
        /// The structure; [`Layout::Byte`] for a single one of as many bytes as `count` says.
        each: Layout,
        /// The pointers.
        pointers: &'static [PointerField],
    },
    /// One byte per page; the sibling is the length of the range.
    Pages(Sibling),
    /// Depends on a command argument.
    Special(Special),
    /// Memory of a row with a seeded fault. The table contains none.
    Seeded(&'static Seeded),
}

/// What limits the buffers of an array of `iovec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// Their own lengths.
    Own,
    /// The result of the call.
    Ret,
    /// They belong to another process, or are address ranges: not captured.
    None,
}

/// An argument that depends on a command. Each has a sub-table in `special/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// The third argument of ioctl.
    Ioctl,
    /// The third argument of fcntl and fcntl64.
    Fcntl,
    /// An argument of prctl.
    Prctl,
    /// The second argument of `arch_prctl`.
    ArchPrctl,
    /// An argument of futex.
    Futex,
    /// An argument of futex_time64, whose timeout has 64 bits in 32-bit ABIs as well.
    FutexTime64,
    /// The parent tid pointer of clone.
    CloneTid,
    /// The thread-local storage that clone of i386 gives the new task.
    CloneTls,
    /// The last argument of semctl.
    Semctl,
    /// The last argument of msgctl.
    Msgctl,
    /// The last argument of shmctl.
    Shmctl,
    /// The addr argument of quotactl.
    Quota,
    /// The addr and data arguments of ptrace.
    Ptrace,
    /// The pointer of `modify_ldt`.
    ModifyLdt,
    /// The attribute of bpf.
    Bpf,
    /// The header of capget.
    CapHeader,
    /// The attribute of a Landlock rule.
    Landlock,
    /// The uargs argument of seccomp.
    Seccomp,
    /// An argument of keyctl.
    Keyctl,
    /// The who argument of getpriority and setpriority.
    Who,
    /// The who argument of `ioprio_get` and `ioprio_set`.
    IoWho,
    /// The idx arguments of kcmp.
    Kcmp,
    /// The arg argument of `io_uring_register` and argp of `io_uring_enter`.
    IoUring,
    /// The arg argument of reboot.
    Reboot,
    /// The buffer of syslog.
    Syslog,
    /// An argument of sysfs.
    Sysfs,
    /// The value argument of fsconfig.
    Fsconfig,
    /// The value of getsockopt.
    GetSockOpt,
    /// The value of setsockopt.
    SetSockOpt,
    /// The pointer array of i386's socketcall.
    Socketcall,
    /// The third and ptr arguments of i386's ipc.
    Ipc,
}

/// What is wrong with a seeded row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Memory that the kernel writes is announced as read only.
    Incoming,
    /// Memory that the kernel writes is announced one byte too short.
    Shorter,
    /// Memory is announced one byte too long.
    Longer,
    /// Memory that is written on success is announced for other results only.
    NotOnSuccess,
    /// Memory that is written on errors is announced for success only.
    NotOnError,
    /// Nothing is wrong: memory that the kernel writes is captured at the entry as well, at its
    /// maximum length, so that a log shows what the call changed.
    Before,
}

/// Correct memory and the fault seeded in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeded {
    pub(crate) mem: Mem,
    pub(crate) fault: Fault,
}
