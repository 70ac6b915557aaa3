//! How calls change a table of file descriptors, apart from the descriptors that they make
//! ([`makes_fd`](crate::makes_fd())).

use linux_raw_sys::errno::EBADF;
use linux_raw_sys::general as g;
use linux_raw_sys::ioctl::{FIOCLEX, FIONCLEX};
use linux_raw_sys::net;

use crate::arch::Abi;
use crate::bytes::u64_at;
use crate::consts::open;
use crate::consts::unpackaged as u;
use crate::desc::{ArgKind, CallKind, Makes, Row};
use crate::special::ioctl;

/// What a call did to descriptors that existed before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FdEffect {
    /// Nothing.
    None,
    /// Closed those of them that were open, from the first to the last.
    Close(i32, i32),
    /// Set or cleared the flag close-on-exec of those that are open, from the first to the last.
    CloseOnExec(i32, i32, bool),
    /// May have made descriptors that neither result nor memory of the call show.
    Unknown,
}

/// Returns what a call did that ended with `rval`.
#[must_use]
pub fn fd_effect(abi: Abi, row: &Row, args: &[u64; 6], rval: i64, is_error: bool) -> FdEffect {
    let args = abi.args(args);
    let int = |at: usize| args.get(at).copied().unwrap_or(0) & 0xffff_ffff;
    let fd = |at: usize| i32::try_from(int(at)).unwrap_or(i32::MAX);
    match row.kind {
        // The descriptor is closed even if writing back failed (close(2)).
        CallKind::Close if rval != -i64::from(EBADF) => FdEffect::Close(fd(0), fd(0)),
        CallKind::Close => FdEffect::None,
        _ if is_error => FdEffect::None,
        CallKind::CloseRange if int(2) & u::CLOSE_RANGE_CLOEXEC != 0 => {
            FdEffect::CloseOnExec(fd(0), fd(1), true)
        }
        CallKind::CloseRange => FdEffect::Close(fd(0), fd(1)),
        CallKind::Fcntl if int(1) == u64::from(g::F_SETFD) => {
            FdEffect::CloseOnExec(fd(0), fd(0), int(2) & u64::from(g::FD_CLOEXEC) != 0)
        }
        CallKind::Ioctl => match u32::try_from(int(1)).unwrap_or(0) {
            FIOCLEX => FdEffect::CloseOnExec(fd(0), fd(0), true),
            FIONCLEX => FdEffect::CloseOnExec(fd(0), fd(0), false),
            request if ioctl::makes_fd(request.into()) || makes_no_fd(request) => FdEffect::None,
            _ => FdEffect::Unknown,
        },
        // SO_PEERPIDFD and SCTP_SOCKOPT_PEELOFF return a descriptor in memory.
        _ if row.arg("optname").is_some() && !is_plain_option(int(1), int(2)) => FdEffect::Unknown,
        // One of its calls receives messages.
        _ if row.makes == Makes::Socketcall => FdEffect::Unknown,
        _ => FdEffect::None,
    }
}

/// Whether the requests of this one's type make no descriptors, as far as [`ioctl::makes_fd`] does
/// not name them: terminals, file systems and sockets.
fn makes_no_fd(request: u32) -> bool {
    /// SIOCGSKNS returns the network namespace of a socket (include/uapi/linux/sockios.h).
    const NAMESPACE_OF_SOCKET: u32 = 0x894c;
    let kind = request >> g::_IOC_TYPESHIFT & g::_IOC_TYPEMASK;
    // 'T', 'f', 'X', block devices, sockets, btrfs and FICLONE
    // (Documentation/userspace-api/ioctl/ioctl-number.rst).
    matches!(kind, 0x54 | 0x66 | 0x58 | 0x12 | 0x89 | 0x94) && request != NAMESPACE_OF_SOCKET
}

fn is_plain_option(level: u64, option: u64) -> bool {
    /// Linux 6.5; include/uapi/asm-generic/socket.h.
    const PEER_PIDFD: u64 = 77;
    let of_sockets = level == u64::from(net::SOL_SOCKET);
    (of_sockets && option != PEER_PIDFD)
        || [net::IPPROTO_IP, net::IPPROTO_TCP, net::IPPROTO_UDP, net::IPPROTO_IPV6]
            .iter()
            .any(|protocol| *protocol as u64 == level)
}

/// Whether the flags of a descriptor, as fdinfo shows them (proc(5)), contain O_CLOEXEC.
#[must_use]
pub fn has_close_on_exec(flags: u64) -> bool {
    flags & u64::from(g::O_CLOEXEC) != 0
}

/// Whether execve closes the descriptors that a call made; `None` if the call does not show it.
/// `structure` returns the bytes captured for an argument, which hold the flags of openat2.
pub fn closes_on_exec<'m>(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    structure: impl Fn(u8) -> Option<&'m [u8]>,
) -> Option<bool> {
    let args = abi.args(args);
    let named = |name| row.arg(name).and_then(|at| args.get(at).copied());
    // SOCK_CLOEXEC has the same value (include/linux/net.h).
    let open_flag = |flags: u64| Some(has_close_on_exec(flags));
    match row.kind {
        CallKind::Open => match (row.arg("flags"), row.arg("how")) {
            (Some(at), _) => match row.args.get(at)?.kind {
                ArgKind::Flags(list) if std::ptr::eq(list, &open::OPEN) => {
                    open_flag(args.get(at).copied()?)
                }
                _ => None,
            },
            (_, Some(at)) => open_flag(u64_at(structure(u8::try_from(at).ok()?)?, 0)?),
            // creat.
            _ if row.arg("pathname").is_some() && row.arg("mode").is_some() => Some(false),
            _ => None,
        },
        CallKind::Socket => open_flag(args[1]),
        CallKind::Pair => open_flag(named("type").or(named("flags")).unwrap_or(0)),
        CallKind::Accept | CallKind::DupTo => open_flag(named("flags").unwrap_or(0)),
        CallKind::Dup => Some(false),
        CallKind::Fcntl => Some(args[1] & 0xffff_ffff == u64::from(g::F_DUPFD_CLOEXEC)),
        CallKind::Receive => Some(named("flags")? & u64::from(net::MSG_CMSG_CLOEXEC) != 0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::row_named;

    const ABI: Abi = Abi::X86_64;

    fn effect(name: &str, args: [u64; 3], rval: i64) -> FdEffect {
        let args = [args[0], args[1], args[2], 0, 0, 0];
        fd_effect(ABI, row_named(ABI, name).unwrap(), &args, rval, rval < 0)
    }

    #[test]
    fn descriptors_are_closed_even_if_close_fails() {
        assert_eq!(effect("close", [3, 0, 0], 0), FdEffect::Close(3, 3));
        assert_eq!(effect("close", [3, 0, 0], -5), FdEffect::Close(3, 3));
        assert_eq!(effect("close", [3, 0, 0], -9), FdEffect::None);
        let all = u64::from(u32::MAX);
        assert_eq!(effect("close_range", [3, all, 0], 0), FdEffect::Close(3, i32::MAX));
        assert_eq!(effect("close_range", [3, all, 0], -22), FdEffect::None);
        assert_eq!(effect("close_range", [3, 9, 4], 0), FdEffect::CloseOnExec(3, 9, true));
    }

    #[test]
    fn close_on_exec_is_set_and_cleared() {
        assert_eq!(effect("fcntl", [3, 2, 1], 0), FdEffect::CloseOnExec(3, 3, true));
        assert_eq!(effect("fcntl", [3, 2, 0], 0), FdEffect::CloseOnExec(3, 3, false));
        assert_eq!(effect("fcntl", [3, 4, 1], 0), FdEffect::None);
        assert_eq!(effect("ioctl", [3, 0x5451, 0], 0), FdEffect::CloseOnExec(3, 3, true));
        assert_eq!(effect("ioctl", [3, 0x5450, 0], 0), FdEffect::CloseOnExec(3, 3, false));
    }

    #[test]
    fn calls_that_may_make_hidden_descriptors_are_known() {
        assert_eq!(effect("ioctl", [3, 0x5401, 0], 0), FdEffect::None, "TCGETS");
        assert_eq!(effect("ioctl", [3, 0x894c, 0], 5), FdEffect::Unknown, "SIOCGSKNS");
        assert_eq!(effect("ioctl", [3, 0xc00c_642d, 0], 0), FdEffect::Unknown, "a DRM request");
        assert_eq!(effect("ioctl", [3, 0xc00c_642d, 0], -25), FdEffect::None);
        assert_eq!(effect("getsockopt", [3, 1, 4], 0), FdEffect::None, "SO_ERROR");
        assert_eq!(effect("getsockopt", [3, 1, 77], 0), FdEffect::Unknown, "SO_PEERPIDFD");
        assert_eq!(effect("getsockopt", [3, 132, 102], 0), FdEffect::Unknown, "SCTP peel off");
    }

    #[test]
    fn flags_say_whether_new_descriptors_stay() {
        let cloexec = u64::from(g::O_CLOEXEC);
        for (name, args, closed) in [
            ("openat", [0, 0, cloexec], Some(true)),
            ("openat", [0, 0, 0], Some(false)),
            ("open", [0, cloexec, 0], Some(true)),
            ("creat", [0, 0, 0], Some(false)),
            ("openat2", [0, 0, 0], Some(true)),
            ("open_tree", [0, 0, cloexec], None),
            ("socket", [1, cloexec | 1, 0], Some(true)),
            ("socketpair", [1, 1, 0], Some(false)),
            ("pipe", [0, 0, 0], Some(false)),
            ("pipe2", [0, cloexec, 0], Some(true)),
            ("accept", [3, 0, 0], Some(false)),
            ("dup", [3, 0, 0], Some(false)),
            ("dup2", [3, 4, 0], Some(false)),
            ("dup3", [3, 4, cloexec], Some(true)),
            ("fcntl", [3, 0, 0], Some(false)),
            ("fcntl", [3, 1030, 0], Some(true)),
            ("recvmsg", [3, 0, 0x4000_0000], Some(true)),
            ("recvmsg", [3, 0, 0], Some(false)),
            ("memfd_create", [0, 1, 0], None),
            ("mq_open", [0, cloexec, 0], None),
        ] {
            let args = [args[0], args[1], args[2], 0, 0, 0];
            let how = cloexec.to_le_bytes();
            let row = row_named(ABI, name).unwrap();
            assert_eq!(closes_on_exec(ABI, row, &args, |_| Some(&how)), closed, "{name}");
        }
    }
}
