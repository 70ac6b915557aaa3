//! Names of signals and of the codes in a `siginfo_t`.

use linux_raw_sys::general::*;

use crate::arch::Abi;
use crate::bytes::u32_at;
use crate::consts::signal::SIGNALS;
use crate::layout::Layout;

/// The first real-time signal of the kernel. The C library uses the first two itself.
const RT_FIRST: i32 = 32;
/// The last signal.
const RT_LAST: i32 = 64;

#[rustfmt::skip]
static REAL_TIME: [&str; 33] = [
    "SIGRTMIN", "SIGRT_1", "SIGRT_2", "SIGRT_3", "SIGRT_4", "SIGRT_5", "SIGRT_6", "SIGRT_7",
    "SIGRT_8", "SIGRT_9", "SIGRT_10",
    "SIGRT_11", "SIGRT_12", "SIGRT_13", "SIGRT_14", "SIGRT_15", "SIGRT_16", "SIGRT_17", "SIGRT_18",
    "SIGRT_19", "SIGRT_20",
    "SIGRT_21", "SIGRT_22", "SIGRT_23", "SIGRT_24", "SIGRT_25", "SIGRT_26", "SIGRT_27", "SIGRT_28",
    "SIGRT_29", "SIGRT_30",
    "SIGRT_31", "SIGRT_32",
];

/// Returns the name of a signal, such as `SIGSEGV`. Real-time signals count from 32, the kernel's
/// first: `SIGRTMIN`, `SIGRT_1`, ...
#[must_use]
pub fn signal_name(signal: i32) -> Option<&'static str> {
    if (RT_FIRST..=RT_LAST).contains(&signal) {
        return REAL_TIME.get(usize::try_from(signal - RT_FIRST).ok()?).copied();
    }
    let number = u64::try_from(signal).ok()?;
    SIGNALS.items.iter().find(|(_, n)| *n == number).map(|(name, _)| *name)
}

/// Returns the number of a signal by name, with or without `SIG`.
#[must_use]
pub fn signal_number(name: &str) -> Option<i32> {
    (1..=RT_LAST).find(|n| {
        signal_name(*n)
            .is_some_and(|known| known == name || known.strip_prefix("SIG") == Some(name))
    })
}

/// Returns how many bytes of a `siginfo_t` the kernel reads from a program, given its first bytes
/// (kernel/signal.c): 48 if signal and code define its contents, else all 128. 32-bit callers
/// always pass all.
pub(crate) fn siginfo_input_len(abi: Abi, head: &[u8]) -> u32 {
    /// `sizeof(struct kernel_siginfo)`, which no exported header defines.
    const KERNEL_SIGINFO: u32 = 48;
    let field = |at| u32_at(head, at).map(u32::cast_signed);
    let (Some(signal), Some(code)) = (field(0), field(8)) else { return KERNEL_SIGINFO };
    if abi.word() == 8 && has_layout(signal, code) {
        KERNEL_SIGINFO
    } else {
        Layout::SigInfo.size(abi)
    }
}

/// Whether the kernel knows the contents of a siginfo with this signal and code.
fn has_layout(signal: i32, code: i32) -> bool {
    let most = match u32::try_from(signal).unwrap_or(0) {
        SIGILL => NSIGILL,
        SIGFPE => NSIGFPE,
        SIGSEGV => NSIGSEGV,
        SIGBUS => NSIGBUS,
        SIGTRAP => NSIGTRAP,
        SIGCHLD => NSIGCHLD,
        SIGSYS => NSIGSYS,
        _ => NSIGPOLL,
    };
    match u32::try_from(code) {
        Ok(SI_USER | SI_KERNEL) => true,
        Ok(code) => code <= most,
        Err(_) => code >= SI_DETHREAD || code == SI_ASYNCNL,
    }
}

/// Returns the name of an `si_code`. Positive codes depend on the signal.
#[must_use]
pub fn code_name(signal: i32, code: i32) -> Option<&'static str> {
    let find = |list: &[(&'static str, i64)]| {
        list.iter().find(|(_, n)| *n == i64::from(code)).map(|(name, _)| *name)
    };
    if let Some(name) = find(ANY) {
        return Some(name);
    }
    let signal = u32::try_from(signal).ok()?;
    find(match signal {
        SIGILL => ILL,
        SIGFPE => FPE,
        SIGSEGV => SEGV,
        SIGBUS => BUS,
        SIGTRAP => TRAP,
        SIGCHLD => CLD,
        SIGIO => POLL,
        SIGSYS => SYS,
        _ => return None,
    })
}

macro_rules! codes {
    ($($list:ident: $($name:ident)*;)*) => {
        $(static $list: &[(&str, i64)] = &[$((stringify!($name), $name as i64)),*];)*
    };
}

codes! {
    ANY: SI_USER SI_KERNEL SI_QUEUE SI_TIMER SI_MESGQ SI_ASYNCIO SI_SIGIO SI_TKILL SI_DETHREAD
    SI_ASYNCNL;
    ILL: ILL_ILLOPC ILL_ILLOPN ILL_ILLADR ILL_ILLTRP ILL_PRVOPC ILL_PRVREG ILL_COPROC ILL_BADSTK
    ILL_BADIADDR;
    FPE: FPE_INTDIV FPE_INTOVF FPE_FLTDIV FPE_FLTOVF FPE_FLTUND FPE_FLTRES FPE_FLTINV FPE_FLTSUB
    FPE_FLTUNK FPE_CONDTRAP;
    SEGV: SEGV_MAPERR SEGV_ACCERR SEGV_BNDERR SEGV_PKUERR SEGV_ACCADI SEGV_ADIDERR SEGV_ADIPERR
    SEGV_MTEAERR SEGV_MTESERR
        SEGV_CPERR;
    BUS: BUS_ADRALN BUS_ADRERR BUS_OBJERR BUS_MCEERR_AR BUS_MCEERR_AO;
    TRAP: TRAP_BRKPT TRAP_TRACE TRAP_BRANCH TRAP_HWBKPT TRAP_UNK TRAP_PERF;
    CLD: CLD_EXITED CLD_KILLED CLD_DUMPED CLD_TRAPPED CLD_STOPPED CLD_CONTINUED;
    POLL: POLL_IN POLL_OUT POLL_MSG POLL_ERR POLL_PRI POLL_HUP;
    SYS: SYS_SECCOMP SYS_USER_DISPATCH;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_has_a_name() {
        assert_eq!(signal_name(11), Some("SIGSEGV"));
        assert_eq!(signal_name(32), Some("SIGRTMIN"));
        assert_eq!(signal_name(33), Some("SIGRT_1"));
        assert_eq!(signal_name(64), Some("SIGRT_32"));
        assert_eq!((signal_name(0), signal_name(65), signal_name(-1)), (None, None, None));
        for n in 1..=64 {
            assert_eq!(signal_name(n).and_then(signal_number), Some(n));
        }
        assert_eq!(signal_number("KILL"), Some(9));
    }

    #[test]
    fn codes_depend_on_the_signal() {
        assert_eq!(code_name(11, 1), Some("SEGV_MAPERR"));
        assert_eq!(code_name(17, 1), Some("CLD_EXITED"));
        assert_eq!(code_name(10, 0), Some("SI_USER"));
        assert_eq!(code_name(10, -6), Some("SI_TKILL"));
        assert_eq!(code_name(11, 99), None);
    }
}
