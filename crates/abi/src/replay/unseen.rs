//! What calls do that their results do not show.

use super::low;
use crate::arch::Abi;
use crate::desc::{CallKind, Replay, Row};
use linux_raw_sys::general::RLIMIT_STACK;

/// Where a call finds a resource limit that it sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The address of the soft limit.
    pub at: u64,
    /// Its length in bytes.
    pub len: usize,
}

/// Returns the limit of the stack that a call sets for the calling process `tgid`: the kernel lets
/// the stack grow so far (getrlimit(2), `RLIMIT_STACK`).
#[must_use]
pub fn stack_limit(abi: Abi, row: &Row, args: &[u64; 6], tgid: u32) -> Option<Limit> {
    let args = abi.args(args);
    let arg = |name: &str| row.arg(name).and_then(|at| args.get(at).copied());
    if low(arg("resource")?) != RLIMIT_STACK {
        return None;
    }
    // prlimit64 has another process or 0, and 64-bit limits in every ABI.
    let (at, len) = match (arg("pid"), arg("new_rlim")) {
        (Some(pid), Some(at)) => {
            let is_own = low(pid) == 0 || low(pid) == tgid;
            (at, is_own.then_some(size_of::<u64>())?)
        }
        // Not getrlimit, which writes there.
        _ => (arg("rlim").filter(|_| reads(row, "rlim"))?, usize::from(abi.word())),
    };
    (at != 0).then_some(Limit { at, len })
}

fn reads(row: &Row, name: &str) -> bool {
    let arg = row.arg(name).and_then(|at| row.args.get(at));
    arg.and_then(|arg| arg.mem).is_some_and(|mem| !mem.dir.comes_out())
}

/// Returns the address of memory that a call may write to in a way that the table does not know.
#[must_use]
pub fn may_write_unseen(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<u64> {
    let args = abi.args(args);
    let is_unknown = row.kind == CallKind::Ioctl && crate::special::ioctl::is_unknown(args[1]);
    (is_unknown && args[2] != 0).then_some(args[2])
}

/// Returns what a call writes through a pointer in what its argument points to, if the table does
/// not have that: for a message.
/// `nested`: whether the region of what the argument points to has a pointer that was followed.
#[must_use]
pub fn unseen_output(abi: Abi, row: &Row, args: &[u64; 6], nested: bool) -> Option<&'static str> {
    /// `IPPROTO_IP` and `IPPROTO_IPV6` (linux/in.h, linux/in6.h).
    const LEVELS: [u32; 2] = [0, 41];
    /// `IPT_SO_SET_REPLACE` and that of IPv6, of ARP and of bridges
    /// (linux/netfilter_ipv4/ip_tables.h and its siblings).
    const REPLACE: [u32; 3] = [64, 96, 128];
    let args = abi.args(args);
    if row.kind == CallKind::Ioctl && crate::special::ioctl::is_ethtool(low(args[1])) && !nested {
        return Some("what the table does not have, by a command of SIOCETHTOOL");
    }
    let sets =
        row.arg("optname").is_some() && row.arg("optval").is_some() && row.arg("level").is_some();
    let is_input =
        row.arg("optlen").and_then(|at| row.args.get(at)).is_some_and(|arg| arg.mem.is_none());
    (sets && is_input && LEVELS.contains(&low(args[1])) && REPLACE.contains(&low(args[2])))
        .then_some("the counters of replaced packet filter rules")
}

/// Whether the user is told that a call was answered instead of made: it changes what the program
/// does. Every program of some C libraries tries rseq and clone3.
#[must_use]
pub fn is_told(row: &Row) -> bool {
    row.kind == CallKind::Ptrace
        || row.replay == Replay::Refuse && !matches!(row.kind, CallKind::Rseq | CallKind::Clone3)
}

/// Returns the address at which a call that waits for a signal stores its siginfo
/// (rt_sigtimedwait(2)); 0 for none.
#[must_use]
pub fn waited_siginfo(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<u64> {
    (row.arg("uthese").is_some() && row.arg("uts").is_some())
        .then(|| row.arg("uinfo").and_then(|at| abi.args(args).get(at).copied()))?
}
