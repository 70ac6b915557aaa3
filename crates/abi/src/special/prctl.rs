//! prctl and arch_prctl: their arguments, by option.

use linux_raw_sys::prctl as p;
use linux_raw_sys::ptrace::SECCOMP_MODE_FILTER;

use super::meaning::{Call, Meaning, at};
use crate::consts::{security, unpackaged as u};
use crate::desc::{ArgKind, Dir, Len};
use crate::layout::Layout;

/// TASK_COMM_LEN: PR_GET_NAME always writes this many bytes.
const COMM: u32 = 16;

/// The option is argument 0.
pub(super) fn argument(call: &Call, arg: usize) -> Meaning {
    let option = u32::try_from(call.command(0)).unwrap_or(u32::MAX);
    let out = |layout| Meaning::fixed(Dir::Out, layout);
    match (arg, option) {
        (1, p::PR_SET_NAME) => Meaning::string(),
        (1, p::PR_GET_NAME) => Meaning::memory(ArgKind::Str, Dir::Out, Len::Bytes(COMM)),
        (
            1,
            p::PR_GET_PDEATHSIG
            | p::PR_GET_UNALIGN
            | p::PR_GET_FPEMU
            | p::PR_GET_FPEXC
            | p::PR_GET_ENDIAN
            | p::PR_GET_TSC
            | p::PR_GET_CHILD_SUBREAPER,
        ) => out(Layout::Int),
        (1, p::PR_GET_TID_ADDRESS) => out(Layout::Word),
        (1, p::PR_SET_PDEATHSIG) => Meaning::value(ArgKind::Signal),
        (1, p::PR_CAPBSET_READ | p::PR_CAPBSET_DROP) => {
            Meaning::value(ArgKind::Enum(&security::CAPABILITY))
        }
        (2, p::PR_CAP_AMBIENT) => Meaning::value(ArgKind::Enum(&security::CAPABILITY)),
        (1, p::PR_GET_AUXV) => Meaning::memory(
            ArgKind::Buf,
            Dir::Out,
            Len::Ret { each: Layout::Byte, cap: Some(at(2)) },
        ),
        (2, p::PR_GET_AUXV) => Meaning::value(ArgKind::Size),
        (2, p::PR_SET_SECCOMP) if call.command(1) == u64::from(SECCOMP_MODE_FILTER) => {
            Meaning::memory(ArgKind::Struct(Layout::SockFprog), Dir::In, Len::Fprog)
        }
        (2, p::PR_SET_MM) if call.command(1) == u64::from(p::PR_SET_MM_MAP) => {
            Meaning::fixed(Dir::In, Layout::PrctlMmMap)
        }
        (2, p::PR_SET_MM) if call.command(1) == u64::from(p::PR_SET_MM_AUXV) => {
            Meaning::counted(Dir::In, Layout::Byte, 3)
        }
        (2, p::PR_SET_MM) if call.command(1) == u64::from(p::PR_SET_MM_MAP_SIZE) => {
            out(Layout::U32)
        }
        (4, p::PR_SCHED_CORE) if call.command(1) == u64::from(p::PR_SCHED_CORE_GET) => {
            out(Layout::U64)
        }
        (4, p::PR_SET_VMA) => Meaning::string(),
        (
            1,
            p::PR_SET_DUMPABLE
            | p::PR_SET_KEEPCAPS
            | p::PR_SET_NO_NEW_PRIVS
            | p::PR_SET_CHILD_SUBREAPER
            | p::PR_SET_SECCOMP
            | p::PR_SET_TIMERSLACK,
        ) => Meaning::value(ArgKind::Ulong),
        _ => Meaning::value(ArgKind::Hex),
    }
}

/// The option is argument 0.
pub(super) fn arch_argument(call: &Call) -> Meaning {
    match call.command(0) {
        u::ARCH_GET_FS | u::ARCH_GET_GS => Meaning::fixed(Dir::Out, Layout::U64),
        u::ARCH_GET_UNTAG_MASK | u::ARCH_GET_MAX_TAG_BITS => Meaning::fixed(Dir::Out, Layout::Word),
        u::ARCH_GET_XCOMP_SUPP | u::ARCH_GET_XCOMP_PERM | u::ARCH_SHSTK_STATUS => {
            Meaning::fixed(Dir::Out, Layout::U64)
        }
        _ => Meaning::value(ArgKind::Addr),
    }
}
