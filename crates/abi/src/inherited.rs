//! What a call may change of the state that a new task has from its maker, and a new program from
//! the program before it (fork(2), execve(2)).

use linux_raw_sys::prctl as p;

use crate::arch::Abi;
use crate::bytes::word_at;
use crate::desc::{CallKind, Row};

/// Parts of the inherited state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inherited(u8);

impl Inherited {
    /// User and group ids, capabilities, no_new_privs and the seccomp mode.
    pub const CREDENTIALS: Self = Self(1);
    /// Working directory and root.
    pub const PLACES: Self = Self(2);
    /// The umask.
    pub const UMASK: Self = Self(4);
    /// The personality.
    pub const PERSONALITY: Self = Self(8);
    /// Which signals are ignored.
    pub const SIGNALS: Self = Self(16);

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it has all of `part`.
    #[must_use]
    pub const fn contains(self, part: Self) -> bool {
        self.0 & part.0 == part.0
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Returns what a call may change if it succeeds.
#[must_use]
pub fn may_change(abi: Abi, row: &Row, args: &[u64; 6]) -> Inherited {
    match row.kind {
        CallKind::SetCreds | CallKind::Seccomp => Inherited::CREDENTIALS,
        CallKind::Prctl if !keeps_credentials(abi.args(args)[0]) => Inherited::CREDENTIALS,
        // A user namespace gives capabilities, a mount namespace has its own root.
        CallKind::Namespace => Inherited::CREDENTIALS.and(Inherited::PLACES),
        CallKind::Chdir | CallKind::Fchdir | CallKind::Chroot | CallKind::Mount => {
            Inherited::PLACES
        }
        CallKind::Umask => Inherited::UMASK,
        CallKind::SigAction => Inherited::SIGNALS,
        _ if row.arg("personality").is_some() => Inherited::PERSONALITY,
        _ => Inherited::default(),
    }
}

/// Whether a prctl option is known to change no credentials.
fn keeps_credentials(option: u64) -> bool {
    [
        p::PR_SET_NAME,
        p::PR_GET_NAME,
        p::PR_SET_PDEATHSIG,
        p::PR_GET_PDEATHSIG,
        p::PR_GET_DUMPABLE,
        p::PR_SET_CHILD_SUBREAPER,
        p::PR_SET_THP_DISABLE,
        p::PR_SET_VMA,
        p::PR_CAPBSET_READ,
        p::PR_GET_SECCOMP,
        p::PR_GET_SECUREBITS,
        p::PR_GET_KEEPCAPS,
        p::PR_GET_NO_NEW_PRIVS,
    ]
    .contains(&u32::try_from(option & 0xffff_ffff).unwrap_or(0))
}

/// Returns which signal a call that changes a signal's action makes ignored, or not ignored.
/// `Some(None)`: it changes no action. `None`: unknown, since its structure was not captured.
#[must_use]
pub fn ignores(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    structure: Option<&[u8]>,
) -> Option<Option<(u32, bool)>> {
    /// `SIG_IGN` (include/uapi/asm-generic/signal-defs.h).
    const IGNORE: u64 = 1;
    let args = abi.args(args);
    let signal = u32::try_from(args[0] & 0xffff_ffff).ok()?;
    // signal(sig, handler) of i386 has the handler in a register. The structures begin with it.
    let handler = match row.arg("act") {
        None => args[1] & 0xffff_ffff,
        Some(_) if args[1] == 0 => return Some(None),
        Some(_) => word_at(abi, structure?, 0)?,
    };
    Some(Some((signal, handler == IGNORE)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::row_named;

    #[test]
    fn calls_change_what_they_are_for() {
        for (name, first, changed) in [
            ("setuid", 0, Inherited::CREDENTIALS),
            ("capset", 0, Inherited::CREDENTIALS),
            ("seccomp", 0, Inherited::CREDENTIALS),
            ("prctl", p::PR_SET_NO_NEW_PRIVS, Inherited::CREDENTIALS),
            ("prctl", p::PR_SET_SECCOMP, Inherited::CREDENTIALS),
            ("prctl", p::PR_SET_NAME, Inherited::default()),
            ("chdir", 0, Inherited::PLACES),
            ("chroot", 0, Inherited::PLACES),
            ("pivot_root", 0, Inherited::PLACES),
            ("umask", 0, Inherited::UMASK),
            ("personality", 0, Inherited::PERSONALITY),
            ("rt_sigaction", 0, Inherited::SIGNALS),
            ("getuid", 0, Inherited::default()),
            ("read", 0, Inherited::default()),
        ] {
            let row = row_named(Abi::X86_64, name).unwrap();
            let args = [first.into(), 0, 0, 0, 0, 0];
            assert_eq!(may_change(Abi::X86_64, row, &args), changed, "{name}");
        }
        let row = row_named(Abi::X86_64, "unshare").unwrap();
        let both = may_change(Abi::X86_64, row, &[0; 6]);
        assert!(both.contains(Inherited::CREDENTIALS) && both.contains(Inherited::PLACES));
        assert!(!both.contains(Inherited::UMASK));
    }

    #[test]
    fn ignored_signals_are_in_registers_or_memory() {
        let row = |name| row_named(Abi::I386, name).unwrap();
        let act = |bytes| ignores(Abi::I386, row("rt_sigaction"), &[13, 9, 0, 8, 0, 0], bytes);
        assert_eq!(act(Some(&[1, 0, 0, 0])), Some(Some((13, true))));
        assert_eq!(act(Some(&[0, 0, 0, 0])), Some(Some((13, false))));
        assert_eq!(act(None), None);
        let none = ignores(Abi::I386, row("rt_sigaction"), &[13, 0, 9, 8, 0, 0], None);
        assert_eq!(none, Some(None));
        assert_eq!(
            ignores(Abi::I386, row("signal"), &[2, 1, 0, 0, 0, 0], None),
            Some(Some((2, true)))
        );
    }
}
