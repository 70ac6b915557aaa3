//! Calls that change what a process is: ids, groups, capabilities, limits, signals, locks.

mod locks;

pub use locks::{LockChange, LockKind, lock_change};

use linux_raw_sys::general as g;
use linux_raw_sys::prctl as p;
use linux_raw_sys::ptrace::{SECCOMP_MODE_FILTER, SECCOMP_MODE_STRICT, SECCOMP_SET_MODE_STRICT};

use crate::arch::Abi;
use crate::bytes::{u32_at, u64_at, word_at};
use crate::desc::{ArgKind, CallKind, Row};
use crate::seccomp::{installs_seccomp, reaches_all_threads};

/// User ids or group ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    /// User ids.
    User,
    /// Group ids.
    Group,
}

/// Which ids a call sets. `None` leaves one as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdChange {
    /// The effective id, with privileges also the others: setuid(2).
    Effective(u32),
    /// Real and effective id: setreuid(2).
    RealEffective([Option<u32>; 2]),
    /// Real, effective and saved id: setresuid(2).
    Each([Option<u32>; 3]),
    /// The id for access to files, which the call sets or not without saying so: setfsuid(2).
    FileSystem(u32),
}

/// A change of an attribute of the calling task or its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeChange {
    /// User or group ids.
    Ids(IdKind, IdChange),
    /// The supplementary groups: this many, in memory of argument 1, of so many bytes each.
    Groups {
        /// How many.
        count: u64,
        /// The size of an id.
        size: u8,
    },
    /// Effective, permitted and inheritable capabilities, in memory of argument 1.
    Capabilities,
    /// A capability leaves the bounding set.
    BoundingDrop(u32),
    /// A capability enters or leaves the ambient set.
    Ambient(u32, bool),
    /// The ambient set becomes empty.
    AmbientClear,
    /// execve(2) no longer adds privileges.
    NoNewPrivs,
    /// The mode of seccomp.
    Seccomp {
        /// As in /proc/PID/status.
        mode: u32,
        /// Whether all threads get it.
        all_threads: bool,
    },
    /// A limit, in memory of an argument.
    Limit {
        /// Of which process; 0 is the caller.
        pid: u32,
        /// The number of the resource.
        resource: u32,
        /// The argument.
        argument: u8,
        /// The size of a value.
        size: u8,
    },
}

/// Returns how a call changes attributes if it succeeds.
#[must_use]
pub fn attribute_change(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<AttributeChange> {
    let values = abi.args(args);
    match row.kind {
        CallKind::SetCreds => creds(row, &values),
        CallKind::Seccomp | CallKind::Prctl if installs_seccomp(abi, row, args) => {
            let strict = match row.kind {
                CallKind::Seccomp => values[0] & 0xffff_ffff == u64::from(SECCOMP_SET_MODE_STRICT),
                _ => values[1] & 0xffff_ffff == u64::from(SECCOMP_MODE_STRICT),
            };
            let mode = if strict { SECCOMP_MODE_STRICT } else { SECCOMP_MODE_FILTER };
            let all_threads = reaches_all_threads(abi, row, args);
            Some(AttributeChange::Seccomp { mode, all_threads })
        }
        CallKind::Prctl => prctl(&values),
        CallKind::Other => limit(abi, row, &values),
        _ => None,
    }
}

fn creds(row: &Row, args: &[u64; 6]) -> Option<AttributeChange> {
    let short = row.args.first().is_some_and(|arg| matches!(arg.kind, ArgKind::ShortId));
    let id = |at: usize| {
        let value = args.get(at).copied().unwrap_or(0);
        let all = if short { 0xffff } else { 0xffff_ffff };
        u32::try_from(value & all).ok().filter(|_| value & all != all)
    };
    let plain = |at| id(at).unwrap_or(u32::MAX);
    let name = row.name.strip_suffix("32").unwrap_or(row.name);
    let kind = if name.ends_with("gid") { IdKind::Group } else { IdKind::User };
    Some(match name {
        "setuid" | "setgid" => AttributeChange::Ids(kind, IdChange::Effective(plain(0))),
        "setreuid" | "setregid" => {
            AttributeChange::Ids(kind, IdChange::RealEffective([id(0), id(1)]))
        }
        "setresuid" | "setresgid" => {
            AttributeChange::Ids(kind, IdChange::Each([id(0), id(1), id(2)]))
        }
        "setfsuid" | "setfsgid" => AttributeChange::Ids(kind, IdChange::FileSystem(plain(0))),
        "setgroups" => {
            let wide = !matches!(
                row.args.get(1).and_then(|arg| arg.mem).map(|mem| mem.len),
                Some(crate::desc::Len::Arg { each: crate::layout::Layout::Uid16, .. })
            );
            let size = if wide { 4 } else { 2 };
            AttributeChange::Groups { count: args[0] & 0xffff_ffff, size }
        }
        "capset" => AttributeChange::Capabilities,
        _ => return None,
    })
}

fn prctl(args: &[u64; 6]) -> Option<AttributeChange> {
    let [option, first, second, ..] = args.map(|arg| u32::try_from(arg & 0xffff_ffff).unwrap_or(0));
    Some(match (option, first) {
        (p::PR_CAPBSET_DROP, capability) => AttributeChange::BoundingDrop(capability),
        (p::PR_CAP_AMBIENT, p::PR_CAP_AMBIENT_RAISE) => AttributeChange::Ambient(second, true),
        (p::PR_CAP_AMBIENT, p::PR_CAP_AMBIENT_LOWER) => AttributeChange::Ambient(second, false),
        (p::PR_CAP_AMBIENT, p::PR_CAP_AMBIENT_CLEAR_ALL) => AttributeChange::AmbientClear,
        (p::PR_SET_NO_NEW_PRIVS, 1) => AttributeChange::NoNewPrivs,
        _ => return None,
    })
}

fn limit(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<AttributeChange> {
    let low = |at: usize| args.get(at).and_then(|arg| u32::try_from(arg & 0xffff_ffff).ok());
    match row.name {
        "setrlimit" => Some(AttributeChange::Limit {
            pid: 0,
            resource: low(0)?,
            argument: 1,
            size: if abi == Abi::I386 { 4 } else { 8 },
        }),
        "prlimit64" if args[2] != 0 => {
            Some(AttributeChange::Limit { pid: low(0)?, resource: low(1)?, argument: 2, size: 8 })
        }
        _ => None,
    }
}

/// Returns soft and hard limit from the memory of [`AttributeChange::Limit`].
#[must_use]
pub fn limit_values(size: u8, bytes: &[u8]) -> Option<(u64, u64)> {
    // 32-bit callers have a short "unlimited" (COMPAT_RLIM_INFINITY, include/linux/compat.h).
    let widened = |value| if value == u32::MAX { u64::MAX } else { u64::from(value) };
    match size {
        4 => Some((widened(u32_at(bytes, 0)?), widened(u32_at(bytes, 4)?))),
        _ => Some((u64_at(bytes, 0)?, u64_at(bytes, 8)?)),
    }
}

/// Returns effective, permitted and inheritable capabilities from the memory of capset: 32 bits of
/// each, then perhaps 32 more (capget(2)).
#[must_use]
pub fn capability_sets(bytes: &[u8]) -> Option<[u64; 3]> {
    let mut sets = [0; 3];
    for (set, at) in sets.iter_mut().zip([0, 4, 8]) {
        let high = u32_at(bytes, at + 12).unwrap_or(0);
        *set = u64::from(u32_at(bytes, at)?) | u64::from(high) << 32;
    }
    Some(sets)
}

/// What a signal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Its default action.
    Default,
    /// Nothing.
    Ignored,
    /// It runs a handler.
    Caught {
        /// Whether the disposition becomes the default when the handler runs (SA_RESETHAND).
        once: bool,
    },
}

/// Returns the signal and its new disposition. `action` is the memory of argument 1.
#[must_use]
pub fn signal_action(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    action: Option<&[u8]>,
) -> Option<(u32, Disposition)> {
    if row.kind != CallKind::SigAction {
        return None;
    }
    let args = abi.args(args);
    let signal = u32::try_from(args[0] & 0xffff_ffff).ok().filter(|n| (1..=64).contains(n))?;
    let word = usize::from(abi.word());
    let (handler, flags) = match (row.name, args[1]) {
        ("signal", handler) => (handler, u64::from(g::SA_RESETHAND)),
        (_, 0) => return None,
        // struct old_sigaction: handler, mask, flags.
        ("sigaction", _) => (word_at(abi, action?, 0)?, word_at(abi, action?, 2 * word)?),
        _ => (word_at(abi, action?, 0)?, word_at(abi, action?, word)?),
    };
    Some((
        signal,
        match handler {
            0 => Disposition::Default,
            // SIG_IGN (include/uapi/asm-generic/signal-defs.h).
            1 => Disposition::Ignored,
            _ => Disposition::Caught { once: flags & u64::from(g::SA_RESETHAND) != 0 },
        },
    ))
}

/// Returns the mask of blocked signals after a call, or what is known of it. `before` is the mask
/// before, `set` the memory of argument 1. Returns `None` if the call does not change the mask.
#[must_use]
pub fn signal_mask(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    before: Option<u64>,
    set: Option<&[u8]>,
) -> Option<Option<u64>> {
    // SIGKILL and SIGSTOP cannot be blocked.
    let unblockable = 1 << (g::SIGKILL - 1) | 1 << (g::SIGSTOP - 1);
    let args = abi.args(args);
    // The old calls change the first 32 signals only.
    let low = 0xffff_ffff;
    let (how, set, reach) = match row.name {
        "rt_sigprocmask" if args[1] == 0 => return None,
        "sigprocmask" if args[1] == 0 => return None,
        "rt_sigprocmask" => (args[0] & low, set.and_then(|set| u64_at(set, 0)), u64::MAX),
        "sigprocmask" => (args[0] & low, set.and_then(|set| u32_at(set, 0)).map(u64::from), low),
        "ssetmask" => (u64::from(g::SIG_SETMASK), Some(args[0] & low), low),
        _ => return None,
    };
    let Some(set) = set else { return Some(None) };
    let after = if how == u64::from(g::SIG_BLOCK) {
        before.map(|before| before | set)
    } else if how == u64::from(g::SIG_UNBLOCK) {
        before.map(|before| before & !set)
    } else if reach == u64::MAX {
        Some(set)
    } else {
        before.map(|before| before & !reach | set)
    };
    Some(after.map(|mask| mask & !unblockable))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::row_named;

    fn change(name: &str, args: [u64; 6]) -> Option<AttributeChange> {
        attribute_change(Abi::X86_64, row_named(Abi::X86_64, name).unwrap(), &args)
    }

    #[test]
    fn minus_one_leaves_an_id_as_it_is() {
        let none = 0xffff_ffff;
        assert_eq!(
            change("setresgid", [5, none, 6, 0, 0, 0]),
            Some(AttributeChange::Ids(IdKind::Group, IdChange::Each([Some(5), None, Some(6)])))
        );
        let row = row_named(Abi::I386, "setreuid").unwrap();
        assert_eq!(
            attribute_change(Abi::I386, row, &[0xffff, 7, 0, 0, 0, 0]),
            Some(AttributeChange::Ids(IdKind::User, IdChange::RealEffective([None, Some(7)])))
        );
        let groups = |abi| row_named(abi, "setgroups").unwrap();
        for (abi, size) in [(Abi::X86_64, 4), (Abi::I386, 2)] {
            assert_eq!(
                attribute_change(abi, groups(abi), &[3, 1, 0, 0, 0, 0]),
                Some(AttributeChange::Groups { count: 3, size })
            );
        }
        assert_eq!(change("getuid", [0; 6]), None);
    }

    #[test]
    fn limits_of_32_bits_are_widened() {
        let bytes = [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(limit_values(4, &bytes), Some((1, u64::MAX)));
        assert_eq!(limit_values(8, &bytes), None);
        assert_eq!(change("prlimit64", [0, 7, 0, 1, 0, 0]), None, "only reads");
    }

    #[test]
    fn masks_are_set_and_changed() {
        let row = row_named(Abi::X86_64, "rt_sigprocmask").unwrap();
        let mask = |how: u32, before, set: u64| {
            let args = [how.into(), 1, 0, 8, 0, 0];
            signal_mask(Abi::X86_64, row, &args, before, Some(&set.to_le_bytes()))
        };
        assert_eq!(mask(g::SIG_BLOCK, Some(1), 6), Some(Some(7)));
        assert_eq!(mask(g::SIG_UNBLOCK, Some(7), 2), Some(Some(5)));
        assert_eq!(mask(g::SIG_BLOCK, None, 6), Some(None));
        assert_eq!(mask(g::SIG_SETMASK, None, u64::MAX), Some(Some(!(1 << 8 | 1 << 18))));
        assert_eq!(signal_mask(Abi::X86_64, row, &[0; 6], Some(1), None), None, "only reads");
    }

    #[test]
    fn ranges_of_locks_are_bytes() {
        let row = row_named(Abi::X86_64, "fcntl").unwrap();
        let lock = |whence: u16, start: i64, len: i64| {
            let mut bytes = [1u16, whence].map(u16::to_le_bytes).concat();
            bytes.extend([0; 4]);
            bytes.extend([start, len].map(i64::to_le_bytes).concat());
            let args = [3, g::F_SETLK.into(), 1, 0, 0, 0];
            lock_change(Abi::X86_64, row, &args, Some(&bytes)).unwrap()
        };
        let exclusive = Some(true);
        let kind = LockKind::Record;
        assert_eq!(lock(0, 10, 5), LockChange { kind, exclusive, range: Some((10, 14)) });
        assert_eq!(lock(0, 10, 0).range, Some((10, u64::MAX)));
        assert_eq!((lock(0, 10, -4).range, lock(1, 10, 5).range), (Some((6, 9)), None));
    }
}
