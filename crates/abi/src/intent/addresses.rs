//! Addresses of sockets.

use std::net::{IpAddr, SocketAddr};

use linux_raw_sys::net;

use crate::desc::{CallKind, Classes, Row};

/// The family of a socket address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
    /// Unix domain sockets.
    Unix,
    /// Messages between kernel and programs.
    Netlink,
    /// Any other.
    Other(u16),
}

impl Family {
    /// Returns the family of a `sockaddr`.
    #[must_use]
    pub fn from_sockaddr(sockaddr: &[u8]) -> Self {
        let number = sockaddr.get(..2).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        match u32::from(number) {
            net::AF_INET => Self::Inet,
            net::AF_INET6 => Self::Inet6,
            net::AF_UNIX => Self::Unix,
            net::AF_NETLINK => Self::Netlink,
            _ => Self::Other(number),
        }
    }
}

/// Whether the address that a call passes or receives is that of the socket itself, and not that of
/// the other end.
#[must_use]
pub fn names_itself(row: &Row) -> bool {
    row.kind == CallKind::Bind || row.name == "getsockname"
}

/// An end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketEnd {
    /// The socket itself.
    Own,
    /// What it is connected to.
    Peer,
}

/// Returns whose address the second argument of a call has, if the call succeeds, and whether the
/// call passes it; otherwise the call returns it. `None` for calls that tell of no end of the
/// socket in their first argument.
#[must_use]
pub fn tells_address(row: &Row) -> Option<(SocketEnd, bool)> {
    match (row.kind, row.name) {
        _ if !row.class.contains(Classes::NETWORK) => None,
        (CallKind::Bind, _) => Some((SocketEnd::Own, true)),
        (CallKind::Connect, _) => Some((SocketEnd::Peer, true)),
        (_, "getsockname") => Some((SocketEnd::Own, false)),
        (_, "getpeername") => Some((SocketEnd::Peer, false)),
        _ => None,
    }
}

/// Whether a `sockaddr` has a family.
#[must_use]
pub fn has_family(sockaddr: &[u8]) -> bool {
    Family::from_sockaddr(sockaddr) != Family::Other(0)
}

/// Whether a `sockaddr` is that of an internet socket which has no port yet.
#[must_use]
pub fn has_no_port(sockaddr: &[u8]) -> bool {
    internet_address(sockaddr).is_some_and(|address| address.port() == 0)
}

/// Returns the internet address in a `sockaddr`; `None` for other families.
#[must_use]
pub fn internet_address(sockaddr: &[u8]) -> Option<SocketAddr> {
    fn bytes<const N: usize>(sockaddr: &[u8], at: usize) -> Option<[u8; N]> {
        sockaddr.get(at..at + N)?.try_into().ok()
    }
    let port = u16::from_be_bytes(bytes(sockaddr, 2)?);
    let ip: IpAddr = match Family::from_sockaddr(sockaddr) {
        Family::Inet => bytes::<4>(sockaddr, 4)?.into(),
        Family::Inet6 => bytes::<16>(sockaddr, 8)?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}
