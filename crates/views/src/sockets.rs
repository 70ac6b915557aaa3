//! Addresses of sockets as text.

use std::net::SocketAddr;

use sysreel_inspect::abi::intent::{self, Family};
use sysreel_inspect::calls::{Call, SockAddr};
use sysreel_inspect::state::OpenFile;
use sysreel_inspect::visible::visible_bytes;

use crate::text::CUT;

/// Returns an address as text: `127.0.0.1:80`, `[::1]:80`, a path, `@name` for an abstract one;
/// `None` for none and for unknown families.
#[must_use]
pub fn address(sockaddr: &[u8]) -> Option<String> {
    if let Some(address) = internet(sockaddr) {
        return Some(address.to_string());
    }
    match Family::from_sockaddr(sockaddr) {
        Family::Unix => match sockaddr.get(2..).unwrap_or_default() {
            [] => None,
            [0, name @ ..] => Some(format!("@{}", visible_bytes(name))),
            path => {
                let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
                Some(visible_bytes(&path[..end]))
            }
        },
        Family::Netlink => Some("netlink".to_owned()),
        _ => None,
    }
}

/// Returns an address that a call passes, as [`address`]. One of which the log has only the
/// beginning ends with `...`.
#[must_use]
pub fn passed(sockaddr: &SockAddr<'_>) -> Option<String> {
    let text = address(sockaddr)?;
    Some(if sockaddr.is_cut() { text + CUT } else { text })
}

/// Returns an internet address. One of IPv4 within IPv6 is shown as that of IPv4.
#[must_use]
pub fn internet(sockaddr: &[u8]) -> Option<SocketAddr> {
    let address = intent::internet_address(sockaddr)?;
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

/// The protocol family of a socket with its type: `tcp`, `udp`, `unix`, `netlink`.
#[must_use]
pub fn protocol(sockaddr: &[u8], socket_type: u8) -> Option<&'static str> {
    // SOCK_STREAM, SOCK_DGRAM (include/linux/net.h); unknown for a socket from before the log.
    Some(match (Family::from_sockaddr(sockaddr), socket_type) {
        (Family::Inet | Family::Inet6, 1) => "tcp",
        (Family::Inet | Family::Inet6, 2) => "udp",
        (Family::Inet | Family::Inet6, _) => "ip",
        (Family::Unix, _) => "unix",
        (Family::Netlink, _) => "netlink",
        _ => return None,
    })
}

/// Returns the ends of a socket: `tcp 127.0.0.1:5000 -> 127.0.0.1:80`; `None` for other files and
/// for sockets without addresses.
#[must_use]
pub fn ends(file: &OpenFile) -> Option<String> {
    let (local, peer) = (file.local.borrow(), file.peer.borrow());
    let known = if peer.len() > 2 { &peer } else { &local };
    let protocol = protocol(known, file.socket_type.get())?;
    // The address of a socket that has none yet says nothing.
    let own = address(&local).filter(|text| !is_any(text));
    let text = match (own, address(&peer)) {
        (Some(local), Some(peer)) => format!("{protocol} {local} -> {peer}"),
        (Some(local), None) => format!("{protocol} {local}"),
        (None, Some(peer)) => format!("{protocol} -> {peer}"),
        (None, None) => return None,
    };
    Some(text)
}

/// Whether an address is that of a socket which has none yet.
#[must_use]
pub(crate) fn is_any(address: &str) -> bool {
    address == "0.0.0.0:0" || address == "[::]:0"
}

/// Returns the name of a file for people: the ends of a socket, or the path.
#[must_use]
pub fn file_name(file: &OpenFile) -> String {
    ends(file).unwrap_or_else(|| {
        let name = file.name();
        let removed = if name.is_removed { " (deleted)" } else { "" };
        visible_bytes(&name.path) + removed
    })
}

/// Whether a call leaves what it reads in the socket.
#[must_use]
pub fn peeks(call: &Call<'_>) -> bool {
    let args = std::array::from_fn(|at| call.args().raw(at).unwrap_or(0));
    call.row().is_some_and(|row| intent::peeks(row, &args))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_are_text() {
        let v4 = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(address(&v4).as_deref(), Some("127.0.0.1:80"));
        let mut mapped = vec![10, 0, 0x1f, 0x90, 0, 0, 0, 0];
        mapped.extend([0; 10]);
        mapped.extend([0xff, 0xff, 10, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(address(&mapped).as_deref(), Some("10.0.0.1:8080"));
        assert_eq!(address(b"\x01\0/run/x\0rest").as_deref(), Some("/run/x"));
        assert_eq!(address(b"\x01\0\0name\n").as_deref(), Some("@name\\n"));
        assert_eq!(address(b"\x01\0"), None);
        assert_eq!(address(b"\x02\0"), None);
        assert_eq!(address(b""), None);
    }
}
