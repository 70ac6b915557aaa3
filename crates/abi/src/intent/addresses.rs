//! Addresses of sockets.

use std::net::{IpAddr, SocketAddr};

use linux_raw_sys::net;

use crate::desc::{CallKind, Row};

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
