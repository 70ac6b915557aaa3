//! What a call does with a socket: connects in the background, timeouts, peeks.

use linux_raw_sys::{general, net};

use crate::desc::{CallKind, Row};

/// Whether a connect has started and continues in the background.
#[must_use]
pub fn in_progress(rval: i64, is_error: bool) -> bool {
    is_error && rval.wrapping_neg() == i64::from(linux_raw_sys::errno::EINPROGRESS)
}

/// Whether the error of a read or write is that of a connect that continued in the background.
#[must_use]
pub fn ends_connect(errno: u16) -> bool {
    use linux_raw_sys::errno as e;
    [e::ECONNREFUSED, e::ETIMEDOUT, e::EHOSTUNREACH, e::ENETUNREACH, e::ECONNRESET]
        .contains(&errno.into())
}

/// Whether a repeated connect finds the first one in progress.
#[must_use]
pub fn still_connecting(errno: u16) -> bool {
    use linux_raw_sys::errno as e;
    [e::EALREADY, e::EINPROGRESS].contains(&errno.into())
}

/// Whether a repeated connect finds the first one completed.
#[must_use]
pub fn has_connected(errno: u16) -> bool {
    errno == 0 || u32::from(errno) == linux_raw_sys::errno::EISCONN
}

/// Whether a call reads the outcome of a connect in the background: getsockopt(2) with SO_ERROR,
/// see EINPROGRESS in connect(2).
#[must_use]
pub fn reads_socket_error(row: &Row, args: &[u64; 6]) -> bool {
    let option = |at: usize| args.get(at).map_or(0, |value| value & 0xffff_ffff);
    row.name == "getsockopt"
        && option(1) == u64::from(net::SOL_SOCKET)
        && option(2) == u64::from(net::SO_ERROR)
}

/// Whether a call gives a socket a timeout for reads or writes, or takes it away: setsockopt(2)
/// with SO_RCVTIMEO or SO_SNDTIMEO (socket(7)).
#[must_use]
pub fn sets_socket_timeout(row: &Row, args: &[u64; 6]) -> bool {
    let option = |at: usize| args.get(at).map_or(0, |value| value & 0xffff_ffff);
    let names =
        [net::SO_RCVTIMEO_OLD, net::SO_SNDTIMEO_OLD, net::SO_RCVTIMEO_NEW, net::SO_SNDTIMEO_NEW];
    row.name == "setsockopt"
        && option(1) == u64::from(net::SOL_SOCKET)
        && names.iter().any(|name| option(2) == u64::from(*name))
}

/// Whether a call leaves what it reads in the socket: recv(2) with MSG_PEEK.
#[must_use]
pub fn peeks(row: &Row, args: &[u64; 6]) -> bool {
    let flags = row.arg("flags").and_then(|at| args.get(at)).copied().unwrap_or(0);
    row.kind == CallKind::Receive && flags & u64::from(net::MSG_PEEK) != 0
}

/// Whether the events of a `struct pollfd` ask whether it can be read (poll(2)).
#[must_use]
pub const fn polls_for_input(events: u16) -> bool {
    events as u32 & general::POLLIN != 0
}
