//! ptrace called by a traced program: what addr and data point to, by request.

use linux_raw_sys::ptrace as p;

use super::meaning::{Call, Meaning};
use crate::arch::Abi;
use crate::consts::{process, uapi, unpackaged as u};
use crate::desc::{ArgKind, Condition, Count, Dir, Len, PointeeLen, PointerField, When};
use crate::layout::Layout;

/// Registers that an iovec points to. The kernel stores their size in the iovec.
const fn register_fields(dir: Dir) -> [PointerField; 1] {
    let len = PointeeLen::Word((8, 4));
    [PointerField {
        at: (0, 0),
        wide: false,
        condition: Condition::Always,
        dir,
        when: When::Success,
        len,
    }]
}

static REGISTERS_OUT: [PointerField; 1] = register_fields(Dir::Out);
static REGISTERS_IN: [PointerField; 1] = register_fields(Dir::In);

fn registers(dir: Dir, pointers: &'static [PointerField]) -> Meaning {
    let len = Len::PointerFields { count: Count::Fixed(1), each: Layout::Iovec, pointers };
    Meaning::memory(ArgKind::Struct(Layout::Iovec), dir, len)
}

/// ptrace(request, pid, addr, data).
pub(super) fn argument(call: &Call, arg: usize) -> Meaning {
    if arg == 2 {
        return match u32::try_from(call.command(0)) {
            Ok(p::PTRACE_PEEKSIGINFO) => Meaning::fixed(Dir::In, Layout::PtracePeekSiginfo),
            Ok(
                p::PTRACE_GETSIGMASK
                | p::PTRACE_SETSIGMASK
                | p::PTRACE_GET_SYSCALL_INFO
                | p::PTRACE_SET_SYSCALL_INFO
                | p::PTRACE_SECCOMP_GET_FILTER
                | p::PTRACE_SECCOMP_GET_METADATA
                | p::PTRACE_GET_RSEQ_CONFIGURATION,
            ) => Meaning::value(ArgKind::Ulong),
            Ok(p::PTRACE_GETREGSET | p::PTRACE_SETREGSET) => {
                Meaning::value(ArgKind::Enum(&uapi::REGISTER_SET))
            }
            _ => Meaning::value(ArgKind::Ptr),
        };
    }
    x86(call).unwrap_or_else(|| data(call))
}

/// Requests of x86 only: all registers at once (struct user_regs_struct and its kin, asm/user.h),
/// segments.
fn x86(call: &Call) -> Option<Meaning> {
    let narrow = call.abi == Abi::I386;
    let registers = |dir| Meaning::bytes(dir, if narrow { 68 } else { 216 });
    let floating = |dir| Meaning::bytes(dir, if narrow { 108 } else { 512 });
    Some(match call.command(0) {
        _ if call.abi == Abi::Aarch64 => return None,
        u::PTRACE_GETREGS => registers(Dir::Out),
        u::PTRACE_SETREGS => registers(Dir::In),
        u::PTRACE_GETFPREGS => floating(Dir::Out),
        u::PTRACE_SETFPREGS => floating(Dir::In),
        u::PTRACE_GETFPXREGS => Meaning::bytes(Dir::Out, 512),
        u::PTRACE_SETFPXREGS => Meaning::bytes(Dir::In, 512),
        u::PTRACE_SINGLEBLOCK | u::PTRACE_SYSEMU | u::PTRACE_SYSEMU_SINGLESTEP => {
            Meaning::value(ArgKind::Signal)
        }
        u::PTRACE_GET_THREAD_AREA => Meaning::fixed(Dir::Out, Layout::UserDesc),
        u::PTRACE_SET_THREAD_AREA => Meaning::fixed(Dir::In, Layout::UserDesc),
        _ => return None,
    })
}

/// A signal mask, whose size is the address.
fn mask(dir: Dir) -> Meaning {
    Meaning { kind: ArgKind::Struct(Layout::SigSet), ..Meaning::counted(dir, Layout::Byte, 2) }
}

fn data(call: &Call) -> Meaning {
    match u32::try_from(call.command(0)).unwrap_or(u32::MAX) {
        p::PTRACE_PEEKTEXT | p::PTRACE_PEEKDATA | p::PTRACE_PEEKUSR => {
            Meaning::fixed(Dir::Out, Layout::Word)
        }
        p::PTRACE_GETEVENTMSG => Meaning::fixed(Dir::Out, Layout::Word),
        p::PTRACE_GETSIGINFO => Meaning::fixed(Dir::Out, Layout::SigInfo),
        p::PTRACE_SETSIGINFO => Meaning::fixed(Dir::In, Layout::SigInfo),
        p::PTRACE_GETSIGMASK => mask(Dir::Out),
        p::PTRACE_SETSIGMASK => mask(Dir::In),
        p::PTRACE_GETREGSET => registers(Dir::InOut, &REGISTERS_OUT),
        p::PTRACE_SETREGSET => registers(Dir::In, &REGISTERS_IN),
        p::PTRACE_GET_SYSCALL_INFO => {
            Meaning { kind: ArgKind::Struct(Layout::PtraceSyscallInfo), ..Meaning::returned(2) }
        }
        p::PTRACE_GET_RSEQ_CONFIGURATION => Meaning::returned(2),
        p::PTRACE_SETOPTIONS | p::PTRACE_SEIZE => {
            Meaning::value(ArgKind::Flags(&process::PTRACE_OPTIONS))
        }
        p::PTRACE_SET_SYSCALL_INFO => Meaning::counted(Dir::In, Layout::Byte, 2),
        p::PTRACE_PEEKSIGINFO => {
            let len = crate::desc::Len::Ret { each: Layout::SigInfo, cap: None };
            Meaning::memory(ArgKind::Array(Layout::SigInfo), Dir::Out, len)
        }
        p::PTRACE_CONT | p::PTRACE_SYSCALL | p::PTRACE_SINGLESTEP | p::PTRACE_DETACH => {
            Meaning::value(ArgKind::Signal)
        }
        _ => Meaning::value(ArgKind::Ptr),
    }
}
