//! The addresses of a socket, as they follow its descriptor.

use std::net::{Ipv4Addr, Ipv6Addr};

use sysreel_abi::Abi;

use super::fields::Fields;
use crate::state::FdName;
use crate::style::HexStrings;
use crate::text;

/// Address families (include/linux/socket.h).
pub(super) const UNIX: u64 = 1;
pub(super) const INET: u64 = 2;
pub(super) const INET6: u64 = 10;

/// Writes the ends of a socket: `TCP:[127.0.0.1:80->127.0.0.1:5000]`, with the family instead of
/// the protocol if the log does not show the socket(2) call. Returns false if there is nothing to
/// add to the link.
pub(super) fn socket_ends(abi: Abi, name: &FdName, out: &mut String) -> bool {
    let family = Fields::new(abi, &name.local).u16(0);
    // The usual protocols of SOCK_STREAM and SOCK_DGRAM (include/linux/net.h).
    let text = match (family, name.socket_type) {
        (INET, Some(1)) => "TCP:[",
        (INET, Some(2)) => "UDP:[",
        (INET, _) => "INET:[",
        (INET6, Some(1)) => "TCPv6:[",
        (INET6, Some(2)) => "UDPv6:[",
        (INET6, _) => "INET6:[",
        (UNIX, _) if name.local.len() > 2 || name.peer.len() > 2 => "UNIX:[",
        _ => return false,
    };
    out.push_str(text);
    endpoint(&name.local, out);
    if name.peer.len() > 2 {
        out.push_str("->");
        endpoint(&name.peer, out);
    }
    out.push(']');
    true
}

fn endpoint(bytes: &[u8], out: &mut String) {
    match bytes {
        [2, 0, _, _, _, ..] => {
            out.push_str(&v4(bytes, 4).to_string());
            out.push(':');
            text::dec(out, port_number(bytes));
        }
        [10, 0, _, _, _, ..] => {
            out.push('[');
            out.push_str(&v6(bytes, 8).to_string());
            out.push_str("]:");
            text::dec(out, port_number(bytes));
        }
        [_, _, 0, rest @ ..] => {
            out.push('@');
            text::quoted(out, rest, HexStrings::Never);
        }
        [_, _, rest @ ..] => text::quoted(out, text::until_nul(rest), HexStrings::Never),
        _ => {}
    }
}

pub(super) fn port_number(bytes: &[u8]) -> u64 {
    bytes.get(2..4).map_or(0, |p| p.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
}

pub(super) fn v4(bytes: &[u8], at: usize) -> Ipv4Addr {
    bytes
        .get(at..at + 4)
        .and_then(|b| <[u8; 4]>::try_from(b).ok())
        .map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from)
}

pub(super) fn v6(bytes: &[u8], at: usize) -> Ipv6Addr {
    bytes
        .get(at..at + 16)
        .and_then(|b| <[u8; 16]>::try_from(b).ok())
        .map_or(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from)
}
