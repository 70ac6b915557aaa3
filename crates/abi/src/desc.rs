//! The vocabulary in which the table describes a system call: what an argument is, which memory it
//! points to, how long that memory is and when the kernel has written it.

mod build;
mod class;
mod kind;
mod pointer_fields;
mod prototype;
mod siblings;

pub use class::{CallKind, Classes, Makes, Replay};
pub use kind::{ArgKind, Constants, Field, Override};
pub use pointer_fields::{Link, LinkLen, Many, Only};

pub(crate) use build::*;
pub(crate) use siblings::{plain, resolve, resolve_makes};

use crate::arch::Abi;
use crate::layout::Layout;
use crate::seed::Seeded;
use crate::special;

/// One system call.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The kernel's name for it, as in its system call table.
    pub name: &'static str,
    /// The arguments in order, at most six, named as the kernel names them.
    pub args: &'static [Arg],
    /// How the result is printed when the call succeeded.
    pub result: ArgKind,
    /// What the call is about, for filters.
    pub class: Classes,
    /// What a replayer may do with it.
    pub replay: Replay,
    /// Which file descriptors a successful call makes.
    pub makes: Makes,
    /// What the call does, for those who follow the state of a process.
    pub kind: CallKind,
}

impl Row {
    /// What argument number `i` is in a call with these arguments: its kind and memory with
    /// everything decided that depends on a command (ioctl, fcntl, prctl, futex, ...).
    #[must_use]
    pub fn meaning(&self, abi: Abi, args: &[u64; 6], i: usize) -> Option<(ArgKind, Option<Mem>)> {
        let arg = self.args.get(i)?;
        Some(match arg.mem.and_then(Mem::special) {
            Some(id) => {
                let meaning = special::meaning(id, abi, &abi.args(args), i);
                (meaning.kind, meaning.mem)
            }
            None => (arg.kind, arg.mem.map(Mem::right)),
        })
    }

    /// How the result of a call with these arguments is printed.
    #[must_use]
    pub fn result_kind(&self, abi: Abi, args: &[u64; 6]) -> ArgKind {
        let mut specials = self.args.iter().filter_map(|arg| arg.mem.and_then(Mem::special));
        specials
            .next()
            .and_then(|id| special::result(id, abi, &abi.args(args)))
            .unwrap_or(self.result)
    }

    /// Whether the call failed. modify_ldt answers its errors as ints without a sign, which are
    /// none to the kernel (arch/x86/kernel/ldt.c).
    #[must_use]
    pub fn failed(&self, rval: i64, is_error: bool) -> bool {
        let minus_errno = 0xffff_f001..=0xffff_ffff;
        is_error || matches!(self.result, ArgKind::Int) && minus_errno.contains(&rval)
    }

    /// The position of the argument called `name`.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<usize> {
        self.args.iter().position(|a| a.name == name)
    }
}

/// One argument.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// The kernel's name for it.
    pub name: &'static str,
    /// How it is printed: the value itself, or what it points to when [`Arg::mem`] is there.
    pub kind: ArgKind,
    /// The memory it points to.
    pub mem: Option<Mem>,
}

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
