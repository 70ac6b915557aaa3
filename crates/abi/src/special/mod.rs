//! Arguments whose meaning depends on a command: which memory `ioctl(fd, TCGETS, p)` concerns is
//! known only once the request is. Each such call has a small table in a file of its own.

pub(crate) mod bpf;
mod fcntl;
mod futex;
mod io_uring;
pub(crate) mod ioctl;
mod ipc;
mod kernel;
mod keyctl;
mod prctl;
mod ptrace;
mod sockopt;

use crate::arch::Abi;
use crate::desc::{ArgKind, Dir, Len, Mem, Sibling, Special, When};
use crate::layout::Layout;

/// What an argument is, once the command is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meaning {
    pub(crate) kind: ArgKind,
    pub(crate) mem: Option<Mem>,
}

/// A call whose command is being looked at.
pub(crate) struct Call {
    pub(crate) abi: Abi,
    pub(crate) args: [u64; 6],
}

/// What argument number `arg` is, decided by the values of the others.
pub(crate) fn meaning(id: Special, abi: Abi, args: &[u64; 6], arg: usize) -> Meaning {
    let call = Call { abi, args: *args };
    match id {
        Special::Ioctl => ioctl::argument(&call),
        Special::Fcntl => fcntl::argument(&call),
        Special::Prctl => prctl::argument(&call, arg),
        Special::ArchPrctl => prctl::arch_argument(&call),
        Special::Futex => futex::argument(&call, arg, Layout::Timespec),
        Special::FutexTime64 => futex::argument(&call, arg, Layout::Timespec64),
        Special::CloneTid => kernel::clone_tid(&call),
        Special::CloneTls => kernel::clone_tls(&call),
        Special::Semctl => ipc::semaphore_control(&call),
        Special::Msgctl => ipc::message_control(&call),
        Special::Shmctl => ipc::memory_control(&call),
        Special::Ipc => ipc::multiplexed(&call, arg),
        Special::Socketcall => ipc::socketcall(&call),
        Special::Quota => kernel::quota(&call, arg),
        Special::Ptrace => ptrace::argument(&call, arg),
        Special::ModifyLdt => kernel::modify_ldt(&call),
        Special::Bpf => bpf::attribute(&call),
        Special::CapHeader => kernel::cap_header(&call),
        Special::Landlock => kernel::landlock_rule(&call),
        Special::Seccomp => kernel::seccomp(&call),
        Special::Keyctl => keyctl::argument(&call, arg),
        Special::IoUring => io_uring::argument(&call, arg),
        Special::Syslog => kernel::syslog(&call),
        Special::GetSockOpt => sockopt::get(&call),
        Special::SetSockOpt => sockopt::set(&call),
        Special::Sysfs => kernel::sysfs(&call, arg),
        Special::Fsconfig => kernel::fsconfig(&call),
    }
}

/// The memory of an argument, decided by the values of the others.
pub(crate) fn memory(id: Special, abi: Abi, args: &[u64; 6], arg: usize) -> Option<Mem> {
    meaning(id, abi, args, arg).mem
}

/// What the result of fcntl or prctl is, where it depends on the command.
pub(crate) fn result(id: Special, abi: Abi, args: &[u64; 6]) -> Option<ArgKind> {
    let call = Call { abi, args: *args };
    match id {
        Special::Fcntl => fcntl::result(&call),
        _ => None,
    }
}

impl Call {
    /// The low 32 bits of an argument: commands are ints.
    pub(crate) fn command(&self, arg: usize) -> u64 {
        self.args.get(arg).copied().unwrap_or(0) & 0xffff_ffff
    }
}

impl Meaning {
    /// A plain value.
    pub(crate) const fn value(kind: ArgKind) -> Self {
        Self { kind, mem: None }
    }

    /// One structure.
    pub(crate) const fn fixed(dir: Dir, layout: Layout) -> Self {
        Self::memory(ArgKind::Struct(layout), dir, Len::Fixed(layout))
    }

    /// So many bytes.
    pub(crate) const fn bytes(dir: Dir, n: u32) -> Self {
        Self::memory(ArgKind::Buf, dir, Len::Bytes(n))
    }

    /// A string that goes in.
    pub(crate) const fn string() -> Self {
        Self::memory(ArgKind::Str, Dir::In, Len::CStr)
    }

    /// As many elements as another argument says.
    pub(crate) const fn counted(dir: Dir, each: Layout, by: u8) -> Self {
        let kind = if matches!(each, Layout::Byte) { ArgKind::Buf } else { ArgKind::Array(each) };
        Self::memory(kind, dir, Len::Arg { count: at(by), each })
    }

    /// As many bytes as the result says, another argument being the limit.
    pub(crate) const fn returned(by: u8) -> Self {
        Self::memory(ArgKind::Buf, Dir::Out, Len::Ret { each: Layout::Byte, cap: Some(at(by)) })
    }

    /// The same memory, written on other results than success.
    pub(crate) const fn when(self, when: When) -> Self {
        match self.mem {
            Some(mem) => Self { mem: Some(Mem { when, ..mem }), ..self },
            None => self,
        }
    }

    pub(crate) const fn memory(kind: ArgKind, dir: Dir, len: Len) -> Self {
        Self { kind, mem: Some(Mem { dir, when: When::Success, len }) }
    }
}

/// The argument at a position, by which it is found when only the position is known.
pub(crate) const fn at(index: u8) -> Sibling {
    Sibling { name: "", index }
}
