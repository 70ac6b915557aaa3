//! ptrace as a traced program may call it: what data points to, by request.

use linux_raw_sys::ptrace as p;

use super::{Call, Meaning};
use crate::desc::{Dir, Kind};
use crate::layout::Layout;

/// ptrace(request, pid, addr, data).
pub(super) fn data(call: &Call) -> Meaning {
    match u32::try_from(call.command(0)).unwrap_or(u32::MAX) {
        p::PTRACE_PEEKTEXT | p::PTRACE_PEEKDATA | p::PTRACE_PEEKUSR => Meaning::fixed(Dir::Out, Layout::Word),
        p::PTRACE_GETEVENTMSG => Meaning::fixed(Dir::Out, Layout::Word),
        p::PTRACE_GETSIGINFO => Meaning::fixed(Dir::Out, Layout::SigInfo),
        p::PTRACE_SETSIGINFO => Meaning::fixed(Dir::In, Layout::SigInfo),
        p::PTRACE_GETSIGMASK => Meaning::counted(Dir::Out, Layout::Byte, 2),
        p::PTRACE_SETSIGMASK => Meaning::counted(Dir::In, Layout::Byte, 2),
        p::PTRACE_GETREGSET => Meaning::fixed(Dir::InOut, Layout::Iovec),
        p::PTRACE_SETREGSET => Meaning::fixed(Dir::In, Layout::Iovec),
        p::PTRACE_GET_SYSCALL_INFO => Meaning::returned(2),
        p::PTRACE_SET_SYSCALL_INFO => Meaning::counted(Dir::In, Layout::Byte, 2),
        p::PTRACE_PEEKSIGINFO => {
            let len = crate::desc::Len::Ret { each: Layout::SigInfo, cap: None };
            Meaning::memory(Kind::Array(Layout::SigInfo), Dir::Out, len)
        }
        p::PTRACE_CONT | p::PTRACE_SYSCALL | p::PTRACE_SINGLESTEP | p::PTRACE_DETACH => {
            Meaning::value(Kind::Signal)
        }
        _ => Meaning::value(Kind::Hex),
    }
}
