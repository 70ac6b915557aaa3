//! prctl and arch_prctl: their arguments, by option.

use linux_raw_sys::prctl as p;
use linux_raw_sys::ptrace::{SECCOMP_MODE_FILTER, SECCOMP_MODE_STRICT};

use super::meaning::{Call, Meaning, at};
use crate::consts::{control as c, security, unpackaged as u};
use crate::desc::{ArgKind, Constants, Dir, Len};
use crate::layout::Layout;

/// What an option takes after itself, and what it returns.
struct Operation {
    option: u32,
    takes: &'static [Meaning],
    returns: Option<ArgKind>,
}

/// TASK_COMM_LEN: PR_GET_NAME always writes this many bytes.
const COMM: u32 = 16;

const HEX: Meaning = Meaning::value(ArgKind::Hex);
const ULONG: Meaning = Meaning::value(ArgKind::Ulong);
const PTR: Meaning = Meaning::value(ArgKind::Ptr);
const INT_OUT: Meaning = Meaning::fixed(Dir::Out, Layout::Int);

const fn flags(list: &'static Constants) -> Meaning {
    Meaning::value(ArgKind::Flags(list))
}

const fn one_of(list: &'static Constants) -> Meaning {
    Meaning::value(ArgKind::Enum(list))
}

const fn takes(option: u32, takes: &'static [Meaning]) -> Operation {
    Operation { option, takes, returns: None }
}

const fn returns(option: u32, takes: &'static [Meaning], kind: ArgKind) -> Operation {
    Operation { option, takes, returns: Some(kind) }
}

#[rustfmt::skip]
static OPERATIONS: &[Operation] = &[
    takes(p::PR_SET_PDEATHSIG, &[Meaning::value(ArgKind::Signal)]),
    takes(p::PR_GET_PDEATHSIG, &[INT_OUT]),
    takes(p::PR_SET_DUMPABLE, &[one_of(&c::DUMPABLE)]),
    returns(p::PR_GET_DUMPABLE, &[], ArgKind::Enum(&c::DUMPABLE)),
    takes(p::PR_SET_UNALIGN, &[flags(&c::UNALIGN)]),
    takes(p::PR_GET_UNALIGN, &[INT_OUT]),
    takes(p::PR_SET_KEEPCAPS, &[ULONG]),
    takes(p::PR_GET_KEEPCAPS, &[]),
    takes(p::PR_SET_FPEMU, &[flags(&c::FP_EMULATION)]),
    takes(p::PR_GET_FPEMU, &[INT_OUT]),
    takes(p::PR_SET_FPEXC, &[flags(&c::FP_EXCEPTION)]),
    takes(p::PR_GET_FPEXC, &[INT_OUT]),
    takes(p::PR_SET_TIMING, &[one_of(&c::TIMING)]),
    takes(p::PR_GET_TIMING, &[]),
    takes(p::PR_SET_NAME, &[Meaning::string()]),
    takes(p::PR_GET_NAME, &[Meaning::memory(ArgKind::Str, Dir::Out, Len::Bytes(COMM))]),
    takes(p::PR_SET_ENDIAN, &[one_of(&c::ENDIAN)]),
    takes(p::PR_GET_ENDIAN, &[INT_OUT]),
    takes(p::PR_GET_SECCOMP, &[]),
    takes(p::PR_CAPBSET_READ, &[one_of(&security::CAPABILITY)]),
    takes(p::PR_CAPBSET_DROP, &[one_of(&security::CAPABILITY)]),
    takes(p::PR_SET_TSC, &[one_of(&c::TIME_STAMP)]),
    takes(p::PR_GET_TSC, &[INT_OUT]),
    takes(p::PR_SET_SECUREBITS, &[flags(&c::SECUREBITS)]),
    returns(p::PR_GET_SECUREBITS, &[], ArgKind::Flags(&c::SECUREBITS)),
    takes(p::PR_SET_TIMERSLACK, &[Meaning::value(ArgKind::Long)]),
    takes(p::PR_GET_TIMERSLACK, &[]),
    takes(p::PR_TASK_PERF_EVENTS_DISABLE, &[]),
    takes(p::PR_TASK_PERF_EVENTS_ENABLE, &[]),
    takes(p::PR_MCE_KILL, &[one_of(&c::MCE_KILL), HEX, HEX, HEX]),
    returns(p::PR_MCE_KILL_GET, &[HEX, HEX, HEX, HEX], ArgKind::Enum(&c::MCE_KILL_POLICY)),
    takes(p::PR_SET_PTRACER, &[HEX]),
    takes(p::PR_SET_CHILD_SUBREAPER, &[ULONG]),
    takes(p::PR_GET_CHILD_SUBREAPER, &[INT_OUT]),
    takes(p::PR_SET_NO_NEW_PRIVS, &[ULONG, HEX, HEX, HEX]),
    takes(p::PR_GET_TID_ADDRESS, &[Meaning::fixed(Dir::Out, Layout::Word)]),
    takes(p::PR_SET_FP_MODE, &[flags(&c::FP_MODE)]),
    returns(p::PR_GET_FP_MODE, &[], ArgKind::Flags(&c::FP_MODE)),
    takes(p::PR_CAP_AMBIENT, &[one_of(&c::AMBIENT), HEX, HEX, HEX]),
    takes(p::PR_SVE_SET_VL, &[HEX]),
    takes(p::PR_SVE_GET_VL, &[]),
    takes(p::PR_SME_SET_VL, &[HEX]),
    takes(p::PR_SME_GET_VL, &[]),
    takes(p::PR_GET_SPECULATION_CTRL, &[one_of(&c::SPECULATION), HEX, HEX, HEX]),
    takes(p::PR_SET_SPECULATION_CTRL,
        &[one_of(&c::SPECULATION), one_of(&c::SPECULATION_SET), HEX, HEX]),
    takes(p::PR_PAC_RESET_KEYS, &[flags(&c::PAC_KEY), HEX, HEX, HEX]),
    takes(p::PR_PAC_SET_ENABLED_KEYS,
        &[flags(&c::PAC_SWITCHED_KEY), flags(&c::PAC_SWITCHED_KEY), HEX, HEX]),
    returns(p::PR_PAC_GET_ENABLED_KEYS, &[HEX, HEX, HEX, HEX],
        ArgKind::Flags(&c::PAC_SWITCHED_KEY)),
    takes(p::PR_SET_TAGGED_ADDR_CTRL, &[HEX, HEX, HEX, HEX]),
    takes(p::PR_SET_SYSCALL_USER_DISPATCH, &[one_of(&c::USER_DISPATCH), HEX, HEX, PTR]),
    takes(p::PR_SCHED_CORE,
        &[one_of(&c::SCHED_CORE), Meaning::value(ArgKind::Pid), one_of(&c::PID_TYPE), PTR]),
    takes(p::PR_GET_AUXV,
        &[Meaning::memory(ArgKind::Buf, Dir::Out,
            Len::Ret { each: Layout::Byte, cap: Some(at(2)) }),
            Meaning::value(ArgKind::Size), HEX, HEX]),
    takes(p::PR_SET_MM, &[one_of(&c::SET_MM), HEX, HEX, HEX]),
    takes(p::PR_SET_VMA, &[one_of(&c::SET_VMA), PTR, HEX, PTR]),
    takes(p::PR_SET_SECCOMP, &[one_of(&c::SECCOMP_MODE), HEX, HEX, HEX]),
];

fn operation(option: u64) -> Option<&'static Operation> {
    let option = option & 0xffff_ffff;
    OPERATIONS.iter().find(|one| u64::from(one.option) == option)
}

/// Returns how many arguments prctl takes with these values, with the option; `None` if the option
/// is unknown.
#[must_use]
pub fn count(args: &[u64; 6]) -> Option<usize> {
    let [option, mode, ..] = *args;
    if option & 0xffff_ffff == u64::from(p::PR_SET_SECCOMP) {
        return match u32::try_from(mode) {
            Ok(SECCOMP_MODE_STRICT) => Some(2),
            Ok(SECCOMP_MODE_FILTER) => Some(3),
            _ => None,
        };
    }
    operation(option).map(|one| one.takes.len() + 1)
}

/// The option is argument 0.
pub(super) fn argument(call: &Call, arg: usize) -> Meaning {
    if let Some(meaning) = by_mode(call, arg) {
        return meaning;
    }
    let known = operation(call.command(0)).and_then(|one| one.takes.get(arg.wrapping_sub(1)));
    known.copied().unwrap_or(HEX)
}

/// Arguments that depend on the second one as well.
fn by_mode(call: &Call, arg: usize) -> Option<Meaning> {
    let option = u32::try_from(call.command(0)).ok()?;
    let mode = u32::try_from(call.args.get(1).copied().unwrap_or(0)).ok()?;
    Some(match (option, mode, arg) {
        (p::PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 2) => {
            Meaning::memory(ArgKind::Struct(Layout::SockFprog), Dir::In, Len::Fprog)
        }
        (p::PR_SET_MM, p::PR_SET_MM_MAP, 2) => Meaning::fixed(Dir::In, Layout::PrctlMmMap),
        (p::PR_SET_MM, p::PR_SET_MM_AUXV, 2) => Meaning::counted(Dir::In, Layout::Byte, 3),
        (p::PR_SET_MM, p::PR_SET_MM_MAP_SIZE, 2) => Meaning::fixed(Dir::Out, Layout::U32),
        (p::PR_SCHED_CORE, p::PR_SCHED_CORE_GET, 4) => Meaning::fixed(Dir::Out, Layout::U64),
        (p::PR_SET_VMA, p::PR_SET_VMA_ANON_NAME, 3) => ULONG,
        (p::PR_SET_VMA, p::PR_SET_VMA_ANON_NAME, 4) => Meaning::string(),
        (p::PR_MCE_KILL, p::PR_MCE_KILL_SET, 2) => one_of(&c::MCE_KILL_POLICY),
        (
            p::PR_CAP_AMBIENT,
            p::PR_CAP_AMBIENT_IS_SET | p::PR_CAP_AMBIENT_RAISE | p::PR_CAP_AMBIENT_LOWER,
            2,
        ) => one_of(&security::CAPABILITY),
        _ => return None,
    })
}

/// The result of an option.
pub(super) fn result(call: &Call) -> Option<ArgKind> {
    operation(call.command(0)).and_then(|one| one.returns)
}

/// Returns what the number is that an option stores.
#[must_use]
pub fn stored(option: u64) -> Option<ArgKind> {
    Some(match u32::try_from(option & 0xffff_ffff).ok()? {
        p::PR_GET_PDEATHSIG => ArgKind::Signal,
        p::PR_GET_UNALIGN => ArgKind::Flags(&c::UNALIGN),
        p::PR_GET_FPEMU => ArgKind::Flags(&c::FP_EMULATION),
        p::PR_GET_FPEXC => ArgKind::Flags(&c::FP_EXCEPTION),
        p::PR_GET_ENDIAN => ArgKind::Enum(&c::ENDIAN),
        p::PR_GET_TSC => ArgKind::Enum(&c::TIME_STAMP),
        p::PR_SCHED_CORE => ArgKind::Hex,
        _ => return None,
    })
}

/// The option is argument 0.
pub(super) fn arch_argument(call: &Call) -> Meaning {
    match call.command(0) {
        u::ARCH_GET_FS | u::ARCH_GET_GS | u::ARCH_GET_UNTAG_MASK | u::ARCH_GET_MAX_TAG_BITS => {
            Meaning::fixed(Dir::Out, Layout::Word)
        }
        u::ARCH_GET_XCOMP_SUPP
        | u::ARCH_GET_XCOMP_PERM
        | u::ARCH_GET_XCOMP_GUEST_PERM
        | u::ARCH_SHSTK_STATUS => Meaning::fixed(Dir::Out, Layout::U64),
        u::ARCH_REQ_XCOMP_PERM | u::ARCH_REQ_XCOMP_GUEST_PERM => one_of(&c::XFEATURE_NUMBER),
        _ => HEX,
    }
}
