//! Memory that an argument points to: direction, length, and when it is written.

use super::{Dir, Link, Many, Sibling, When};
use crate::layout::Layout;

/// The memory an argument points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mem {
    /// Who writes it.
    pub dir: Dir,
    /// On which results the kernel has written it. Says nothing about what goes in.
    pub when: When,
    /// How long it is.
    pub len: Len,
}

impl Mem {
    /// The memory as the table has it.
    #[must_use]
    pub fn right(self) -> Self {
        if let Len::Seeded(seeded) = self.len { seeded.right } else { self }
    }

    /// What is wrong with it.
    #[inline]
    pub(crate) fn fault(self) -> Option<Fault> {
        if let Len::Seeded(seeded) = self.len { Some(seeded.fault) } else { None }
    }

    /// The sub-table that decides what it is.
    pub(crate) fn special(self) -> Option<Special> {
        if let Len::Special(id) = self.right().len { Some(id) } else { None }
    }
}

/// How long the memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Len {
    /// One structure.
    Fixed(Layout),
    /// A fixed number of structures.
    Several {
        /// How many.
        n: u8,
        /// One of them.
        each: Layout,
    },
    /// A number of bytes that is part of the interface.
    Bytes(u32),
    /// As many elements as the sibling says.
    Arg {
        /// Holds the number of elements.
        count: Sibling,
        /// One element.
        each: Layout,
    },
    /// As many elements as the result says, but not more than the sibling (recvfrom with
    /// `MSG_TRUNC` and getxattr with size 0 return more than they wrote).
    Ret {
        /// One element.
        each: Layout,
        /// Holds the number of elements there is room for.
        cap: Option<Sibling>,
    },
    /// As many elements as the 32-bit word that the sibling points to says: at the exit the smaller
    /// one of its values at entry and exit.
    Deref {
        /// Points to the number of elements.
        count: Sibling,
        /// One element.
        each: Layout,
    },
    /// A bit set of as many bits as the sibling says, in whole words.
    Bits(Sibling),
    /// A bit set of memory nodes: one bit less than the sibling says, in whole words.
    Nodes(Sibling),
    /// Bytes up to and with a NUL.
    CStr,
    /// Pointers up to a null pointer, each to a string.
    CStrVec,
    /// An array of `iovec`.
    Iov {
        /// Holds the number of elements.
        count: Sibling,
        /// What limits the bytes they point to.
        total: Total,
    },
    /// A `msghdr`, or an array of `mmsghdr`.
    Msg {
        /// Holds the number of elements of the array.
        many: Option<Sibling>,
    },
    /// A structure whose first bytes say how long it is.
    SelfSized {
        /// Offset of the 32-bit size field.
        at: u8,
        /// What the field does not count.
        plus: u8,
        /// The size if the field is 0, as the kernel's first version of the structure had it.
        least: u16,
        /// No size above this is believed: the kernel refuses more than a page.
        most: u16,
    },
    /// A structure and behind it an array, of which a 32-bit field of the structure says how long
    /// it is.
    Tailed {
        /// Bytes of the structure.
        head: u16,
        /// Offset of the field.
        at: u8,
        /// Bytes of an element.
        each: u8,
    },
    /// A `clone_args`, with what it points to.
    CloneArgs(Sibling),
    /// An array of pointers to `iocb`.
    Iocbs(Sibling),
    /// A pointer and a length in one structure, and the bytes it points to (pselect6's signal
    /// mask).
    Pointed,
    /// An `xattr_args` of as many bytes as the sibling says, and the value it points to: that goes
    /// in with [`Dir::In`] and comes out with [`Dir::InOut`], as long as the result says.
    XattrArgs(Sibling),
    /// A `sock_fprog` and its BPF instructions.
    Fprog,
    /// A long and then as many bytes as the sibling says on the way in, as the result says on the
    /// way out (a System V message).
    MsgBuf(Sibling),
    /// As many bytes as the result says if the sibling says that there is room for all of them,
    /// else none.
    RetWhole(Sibling),
    /// The sets of capabilities that the version says in the header which the sibling points to.
    CapData(Sibling),
    /// A `siginfo_t` that goes in: its first 48 bytes, and the rest only where signal and code say
    /// nothing about it.
    SigInfo,
    /// One `old_linux_dirent` of i386's readdir: a head, and a name as long as the head says, with
    /// its NUL.
    OldDirent,
    /// As many 16-bit numbers as the System V semaphore set has whose id is in the sibling.
    Semaphores(Sibling),
    /// One or more structures with pointers in them.
    PointerFields {
        /// How many.
        many: Many,
        /// One of them; [`Layout::Byte`] for a single one of as many bytes as `many` says.
        each: Layout,
        /// The pointers.
        links: &'static [Link],
    },
    /// One byte for every page of as many bytes as the sibling says.
    Pages(Sibling),
    /// Depends on the value of a command argument.
    Special(Special),
    /// Of a row with something wrong in it, which the table has none of.
    Seeded(&'static Seeded),
}

/// What limits the bytes that an array of `iovec` points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// Their own lengths.
    Own,
    /// The result of the call.
    Ret,
    /// They belong to another process, or are ranges of addresses: not captured.
    None,
}

/// Calls whose arguments depend on a command. Each has a table of its own in `special/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// The third argument of ioctl.
    Ioctl,
    /// The third argument of fcntl and fcntl64.
    Fcntl,
    /// The arguments of prctl.
    Prctl,
    /// The second argument of `arch_prctl`.
    ArchPrctl,
    /// The arguments of futex.
    Futex,
    /// The same where its time has 64 bits also in 32-bit ABIs.
    FutexTime64,
    /// What clone writes through its parent and child tid pointers.
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
    /// The data argument of ptrace.
    Ptrace,
    /// The pointer of `modify_ldt`.
    ModifyLdt,
    /// The attribute of bpf.
    Bpf,
    /// The header of capget.
    CapHeader,
    /// The attribute of a landlock rule.
    Landlock,
    /// The uargs argument of seccomp.
    Seccomp,
    /// The arguments of keyctl.
    Keyctl,
    /// The arg argument of `io_uring_register` and argp of `io_uring_enter`.
    IoUring,
    /// The buffer of syslog.
    Syslog,
    /// The arguments of sysfs.
    Sysfs,
    /// The value argument of fsconfig.
    Fsconfig,
    /// The value of getsockopt.
    GetSockOpt,
    /// The value of setsockopt.
    SetSockOpt,
    /// The pointer array of i386's socketcall.
    Socketcall,
    /// The pointer argument of i386's ipc.
    Ipc,
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Memory that comes out is announced as going in alone.
    Incoming,
    /// Memory that comes out is one byte longer than announced.
    Shorter,
    /// Memory is one byte shorter than announced.
    Longer,
    /// Memory that is written by a call that succeeds is announced for other results alone.
    NotOnSuccess,
    /// Memory that is written by a call that fails is announced for success alone.
    NotOnError,
    /// Nothing is wrong: memory that comes out is captured at the entry too, as long as it may
    /// become. So a log shows what a call has changed.
    Before,
}

/// The memory of a right row, and what is to be wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeded {
    pub(crate) right: Mem,
    pub(crate) fault: Fault,
}
