//! The protocols of netlink sockets, which say what their messages are. They are followed even
//! where descriptors are not, because most programs have none: the cost is a look at the kind of
//! each call.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use sysreel_abi::CallKind;
use sysreel_format::syscall_info::Outcome;

use super::open_call::OpenCall;
use super::resolved_call::ResolvedCall;

/// AF_NETLINK (include/linux/socket.h).
const NETLINK: u64 = 16;
/// F_DUPFD and F_DUPFD_CLOEXEC (linux/fcntl.h).
const DUPLICATES: [u64; 2] = [0, 1030];

/// The protocol of each netlink socket, by tgid and descriptor.
#[derive(Debug, Default)]
pub(super) struct NetlinkSockets {
    protocols: HashMap<(u32, i32), u64, RandomState>,
}

impl NetlinkSockets {
    /// Returns the protocol of a socket.
    pub(super) fn protocol(&self, tgid: u32, fd: i32) -> Option<u64> {
        self.protocols.get(&(tgid, fd)).copied()
    }

    /// Copies the sockets of a process to its child.
    pub(super) fn inherit(&mut self, parent: u32, child: u32) {
        if self.protocols.is_empty() || parent == child {
            return;
        }
        let of_parent = self.protocols.iter().filter(|((tgid, _), _)| *tgid == parent);
        let copies: Vec<_> = of_parent.map(|((_, fd), of)| ((child, *fd), *of)).collect();
        self.protocols.extend(copies);
    }

    /// Forgets the sockets of a process that has ended.
    pub(super) fn forget(&mut self, tgid: u32) {
        if !self.protocols.is_empty() {
            self.protocols.retain(|(of, _), _| *of != tgid);
        }
    }

    /// Applies a call that has ended.
    pub(super) fn apply(&mut self, tgid: u32, open: &OpenCall, outcome: Outcome) {
        let Some(row) = open.row else { return };
        let may_make_one = matches!(row.kind, CallKind::Socket | CallKind::Multiplexed);
        if outcome.failed() || self.protocols.is_empty() && !may_make_one {
            return;
        }
        let Some(call) = ResolvedCall::resolve(open) else { return };
        let (Ok(fd), first) = (i32::try_from(outcome.rval), call.fd(0)) else { return };
        match call.row.kind {
            CallKind::Socket if call.args[0] & 0xffff_ffff == NETLINK => {
                self.protocols.insert((tgid, fd), call.args[2] & 0xffff_ffff);
            }
            CallKind::Close => {
                self.protocols.retain(|key, _| Some(*key) != first.map(|fd| (tgid, fd)));
            }
            CallKind::Fcntl if !DUPLICATES.contains(&(call.args[1] & 0xffff_ffff)) => {}
            _ if call.makes_fds() => {
                let copied = matches!(call.row.kind, CallKind::Fcntl | CallKind::DupTo)
                    || call.row.name == "dup";
                let protocol = first.filter(|_| copied).and_then(|fd| self.protocol(tgid, fd));
                match protocol {
                    Some(protocol) => self.protocols.insert((tgid, fd), protocol),
                    None => self.protocols.remove(&(tgid, fd)),
                };
            }
            _ => {}
        }
    }
}
