//! Sub-tables for arguments that depend on a command: the memory of `ioctl(fd, TCGETS, p)` is known
//! only once the request is. Each such call has a file.

pub(crate) mod bpf;
pub(crate) mod ethtool;
mod fcntl;
mod futex;
mod io_uring;
pub(crate) mod ioctl;
pub(crate) mod ipc;
mod kernel;
pub mod keyctl;
mod meaning;
pub mod prctl;
mod ptrace;
mod sockopt;

use crate::arch::Abi;
use crate::desc::{ArgKind, Mem, Row, Special};
use crate::layout::Layout;
use meaning::{Call, Meaning};

/// Returns what argument `arg` is, given the values of the others.
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
        Special::Seccomp => kernel::seccomp(&call, arg),
        Special::Keyctl => keyctl::argument(&call, arg),
        Special::Who => kernel::who(&call),
        Special::IoWho => kernel::io_who(&call),
        Special::Kcmp => kernel::compared(&call, arg),
        Special::IoUring => io_uring::argument(&call, arg),
        Special::Reboot => kernel::reboot(&call),
        Special::Syslog => kernel::syslog(&call),
        Special::GetSockOpt => sockopt::get(&call),
        Special::SetSockOpt => sockopt::set(&call),
        Special::Sysfs => kernel::sysfs(&call, arg),
        Special::Fsconfig => kernel::fsconfig(&call),
    }
}

/// Returns the memory of argument `arg`, given the values of the others.
pub(crate) fn memory(id: Special, abi: Abi, args: &[u64; 6], arg: usize) -> Option<Mem> {
    meaning(id, abi, args, arg).mem
}

/// Returns the kind of the result, if it depends on the command.
pub(crate) fn result(id: Special, abi: Abi, args: &[u64; 6]) -> Option<ArgKind> {
    let call = Call { abi, args: *args };
    match id {
        Special::Fcntl => fcntl::result(&call),
        Special::Ioctl => ioctl::result(&call),
        Special::Prctl => prctl::result(&call),
        Special::Bpf => bpf::makes_fd(call.command(0)).then_some(ArgKind::Fd),
        _ => None,
    }
}

impl Row {
    /// Returns kind and memory of argument `i` of a call with these arguments. Unlike
    /// [`Row::args`], resolves what depends on a command (ioctl, fcntl, prctl, futex, ...).
    #[must_use]
    pub fn meaning(&self, abi: Abi, args: &[u64; 6], i: usize) -> Option<(ArgKind, Option<Mem>)> {
        let arg = self.args.get(i)?;
        Some(match arg.mem.and_then(Mem::special) {
            Some(id) => {
                let decided = meaning(id, abi, &abi.args(args), i);
                (decided.kind, decided.mem)
            }
            None => (arg.kind, arg.mem.map(Mem::without_fault)),
        })
    }

    /// Returns the kind of the result of a call with these arguments.
    #[must_use]
    pub fn result_kind(&self, abi: Abi, args: &[u64; 6]) -> ArgKind {
        let mut specials = self.args.iter().filter_map(|arg| arg.mem.and_then(Mem::special));
        specials.next().and_then(|id| result(id, abi, &abi.args(args))).unwrap_or(self.result)
    }
}
