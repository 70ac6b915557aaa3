//! Calls with a single argument that depends on a command.

use linux_raw_sys::general as g;
use linux_raw_sys::ptrace as p;

use super::meaning::{Call, Meaning};
use crate::consts::{security, uapi, unpackaged as u};
use crate::desc::{ArgKind, Dir, EINVAL, Len, When};
use crate::layout::Layout;

/// clone: the kernel writes the new tid, or a pidfd, through the parent tid pointer if the flags
/// ask for it.
pub(super) fn clone_tid(call: &Call) -> Meaning {
    if call.args[0] & u64::from(g::CLONE_PARENT_SETTID | g::CLONE_PIDFD) != 0 {
        Meaning::fixed(Dir::Out, Layout::Int)
    } else {
        Meaning::value(ArgKind::Ptr)
    }
}

/// clone of i386: an entry of the segment table, where other architectures take an address
/// (arch/x86/kernel/tls.c).
pub(super) fn clone_tls(call: &Call) -> Meaning {
    if call.args[0] & u64::from(g::CLONE_SETTLS) != 0 {
        Meaning::fixed(Dir::In, Layout::UserDesc)
    } else {
        Meaning::value(ArgKind::Hex)
    }
}

/// capget(header, dataptr): an unknown version is not an error if `dataptr` is null.
pub(super) fn cap_header(call: &Call) -> Meaning {
    let known = Meaning::fixed(Dir::InOut, Layout::CapHeader);
    let when = if call.args[1] == 0 { When::SuccessOr(&[EINVAL]) } else { When::Errno(&[EINVAL]) };
    known.when(when)
}

/// landlock_add_rule(ruleset_fd, rule_type, rule_attr, flags): the rule of a path is packed, that
/// of a port has two 64-bit numbers.
pub(super) fn landlock_rule(call: &Call) -> Meaning {
    match call.command(1) {
        u::LANDLOCK_RULE_PATH_BENEATH => Meaning::fixed(Dir::In, Layout::LandlockPathBeneath),
        u::LANDLOCK_RULE_NET_PORT => Meaning::fixed(Dir::In, Layout::LandlockNetPort),
        _ => Meaning::value(ArgKind::Ptr),
    }
}

/// getpriority(which, who).
pub(super) fn who(call: &Call) -> Meaning {
    Meaning::value(match call.command(0) {
        which if which == u64::from(g::PRIO_USER) => ArgKind::Uid,
        _ => ArgKind::Pid,
    })
}

/// `ioprio_get(which, who)`.
pub(super) fn io_who(call: &Call) -> Meaning {
    Meaning::value(if call.command(0) == u::IOPRIO_WHO_USER { ArgKind::Uid } else { ArgKind::Pid })
}

/// kcmp(pid1, pid2, type, idx1, idx2): only for files are there descriptors; the second one of
/// `KCMP_EPOLL_TFD` is a pointer.
pub(super) fn compared(call: &Call, arg: usize) -> Meaning {
    Meaning::value(match (call.command(2), arg) {
        (u::KCMP_FILE, _) | (u::KCMP_EPOLL_TFD, 3) => ArgKind::Fd,
        (u::KCMP_EPOLL_TFD, _) => return Meaning::fixed(Dir::In, Layout::KcmpEpollSlot),
        _ => ArgKind::Hex,
    })
}

/// seccomp(op, flags, uargs).
pub(super) fn seccomp(call: &Call, arg: usize) -> Meaning {
    match u32::try_from(call.command(0)).unwrap_or(u32::MAX) {
        p::SECCOMP_SET_MODE_FILTER if arg == 1 => {
            Meaning::value(ArgKind::Flags(&security::SECCOMP_FILTER))
        }
        _ if arg == 1 => Meaning::value(ArgKind::Hex32),
        p::SECCOMP_SET_MODE_FILTER => {
            Meaning::memory(ArgKind::Struct(Layout::SockFprog), Dir::In, Len::Fprog)
        }
        p::SECCOMP_GET_ACTION_AVAIL => Meaning::fixed(Dir::In, Layout::SeccompAction),
        p::SECCOMP_GET_NOTIF_SIZES => Meaning::fixed(Dir::Out, Layout::SeccompNotifSizes),
        _ => Meaning::value(ArgKind::Hex),
    }
}

/// modify_ldt(func, ptr, bytecount): 0 and 2 read the table and the default one, 1 and 0x11 write
/// an entry. The functions have no names (arch/x86/kernel/ldt.c).
pub(super) fn modify_ldt(call: &Call) -> Meaning {
    match call.command(0) {
        0 | 2 => Meaning::returned(2),
        1 | 0x11 => Meaning {
            kind: ArgKind::Struct(Layout::UserDesc),
            ..Meaning::counted(Dir::In, Layout::Byte, 2)
        },
        // The kernel looks at neither, but an entry is meant.
        _ if call.command(2) == Layout::UserDesc.size(call.abi).into() => {
            Meaning::fixed(Dir::In, Layout::UserDesc)
        }
        _ => Meaning::value(ArgKind::Ptr),
    }
}

/// reboot(magic1, magic2, cmd, arg): only LINUX_REBOOT_CMD_RESTART2 has an argument.
pub(super) fn reboot(call: &Call) -> Meaning {
    if call.command(2) == u64::from(g::LINUX_REBOOT_CMD_RESTART2) {
        Meaning::string()
    } else {
        Meaning::value(ArgKind::Ptr)
    }
}

/// syslog(type, buf, len): types 2, 3 and 4 read into the buffer, the others ignore it. Their names
/// are in include/linux/syslog.h, which is not exported.
pub(super) fn syslog(call: &Call) -> Meaning {
    match call.command(0) {
        2..=4 => Meaning::returned(2),
        _ => Meaning::value(ArgKind::Ptr),
    }
}

/// sysfs(option, arg1, arg2): 1 returns the index of a file system name, 2 the name of an index, 3
/// their number. The options have no names (fs/filesystems.c).
pub(super) fn sysfs(call: &Call, arg: usize) -> Meaning {
    match (call.command(0), arg) {
        (1, 1) => Meaning::string(),
        (2, 2) => Meaning::memory(ArgKind::Str, Dir::Out, Len::CStr),
        _ => Meaning::value(ArgKind::Uint),
    }
}

/// fsconfig(fd, cmd, key, value, aux).
pub(super) fn fsconfig(call: &Call) -> Meaning {
    match call.command(1) {
        u::FSCONFIG_SET_STRING => Meaning::string(),
        u::FSCONFIG_SET_PATH | u::FSCONFIG_SET_PATH_EMPTY => {
            Meaning::memory(ArgKind::Path, Dir::In, Len::CStr)
        }
        u::FSCONFIG_SET_BINARY => Meaning::counted(Dir::In, Layout::Byte, 4),
        _ => Meaning::value(ArgKind::Ptr),
    }
}

/// quotactl(cmd, special, id, addr) and quotactl_fd(fd, cmd, id, addr). The command is above the
/// low byte. If argument 0 holds none, the call is quotactl_fd.
pub(super) fn quota(call: &Call, arg: usize) -> Meaning {
    let is_known = |command: u64| uapi::QUOTA.items.iter().any(|(_, known)| *known == command);
    let own = call.command(0) >> 8;
    let command = if is_known(own) { own } else { call.command(1) >> 8 };
    let name = uapi::QUOTA.items.iter().find(|(_, known)| *known == command);
    let fixed = Meaning::fixed;
    match (arg, name.map_or("", |(name, _)| *name)) {
        (2, "Q_QUOTAON") => Meaning::value(ArgKind::Enum(&uapi::QUOTA_FORMAT)),
        (2, _) => Meaning::value(ArgKind::Uid),
        (_, "Q_QUOTAON") => Meaning::memory(ArgKind::Path, Dir::In, Len::CStr),
        (_, "Q_GETFMT") => fixed(Dir::Out, Layout::QuotaFormat),
        (_, "Q_GETINFO") => fixed(Dir::Out, Layout::DqInfo),
        (_, "Q_SETINFO") => fixed(Dir::In, Layout::DqInfo),
        (_, "Q_GETQUOTA") => fixed(Dir::Out, Layout::DqBlk),
        (_, "Q_GETNEXTQUOTA") => fixed(Dir::Out, Layout::NextDqBlk),
        (_, "Q_SETQUOTA") => fixed(Dir::In, Layout::DqBlk),
        (_, "Q_XGETQUOTA" | "Q_XGETNEXTQUOTA") => fixed(Dir::Out, Layout::FsDiskQuota),
        (_, "Q_XSETQLIM") => fixed(Dir::In, Layout::FsDiskQuota),
        (_, "Q_XQUOTAON" | "Q_XQUOTAOFF") => fixed(Dir::In, Layout::XfsQuotaFlags),
        (_, "Q_XQUOTARM") => fixed(Dir::In, Layout::XfsQuotaType),
        (_, "Q_XGETQSTAT") => fixed(Dir::Out, Layout::FsQuotaStat),
        (_, "Q_XGETQSTATV") => fixed(Dir::Out, Layout::FsQuotaStatv),
        _ => Meaning::value(ArgKind::Ptr),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Abi;
    use crate::number::row_named;

    #[test]
    fn numbers_that_the_kernel_deals_have_kinds_of_their_own() {
        let kind = |name, args: &[u64], at| {
            let mut all = [0; 6];
            all[..args.len()].copy_from_slice(args);
            row_named(Abi::X86_64, name).unwrap().meaning(Abi::X86_64, &all, at).unwrap().0
        };
        let user = u64::from(g::PRIO_USER);
        assert!(matches!(kind("getpriority", &[0, 7], 1), ArgKind::Pid));
        assert!(matches!(kind("setpriority", &[user, 7], 1), ArgKind::Uid));
        assert!(matches!(kind("ioprio_get", &[user, 7], 1), ArgKind::Pid));
        assert!(matches!(kind("ioprio_set", &[u::IOPRIO_WHO_USER, 7], 1), ArgKind::Uid));
        assert!(matches!(kind("kcmp", &[1, 2, u::KCMP_FILE, 3, 4], 4), ArgKind::Fd));
        let slot = kind("kcmp", &[1, 2, u::KCMP_EPOLL_TFD, 3, 4], 4);
        assert!(matches!(slot, ArgKind::Struct(Layout::KcmpEpollSlot)));
        // A leftover of other code.
        assert!(matches!(kind("kcmp", &[1, 2, u::KCMP_VM, 3, 4], 3), ArgKind::Hex));
        assert!(matches!(kind("io_submit", &[], 0), ArgKind::Handle));
        assert!(matches!(kind("shmat", &[], 0), ArgKind::IpcId));
        assert!(matches!(kind("keyctl", &[u::KEYCTL_REVOKE], 1), ArgKind::KeySerial));
        assert!(matches!(kind("keyctl", &[u::KEYCTL_SET_REQKEY_KEYRING], 1), ArgKind::Enum(_)));
    }
}
