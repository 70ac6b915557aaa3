//! The addresses of a socket, as they follow its descriptor.

use std::net::{Ipv4Addr, Ipv6Addr};

use sysreel_abi::Abi;

use super::fields::Fields;
use crate::state::OpenFile;
use crate::style::HexStrings;
use crate::text;

/// Address families (include/linux/socket.h).
pub(super) const UNIX: u64 = 1;
pub(super) const INET: u64 = 2;
pub(super) const INET6: u64 = 10;

/// Writes the ends of a socket: `TCP:[127.0.0.1:80->127.0.0.1:5000]`, with the family instead of
/// the protocol if the log does not show the socket(2) call. Returns false if there is nothing to
/// add to the link.
pub(super) fn socket_ends(abi: Abi, file: &OpenFile, out: &mut String) -> bool {
    let (local, peer) = (file.local.borrow(), file.peer.borrow());
    // The usual protocols of SOCK_STREAM and SOCK_DGRAM (include/linux/net.h).
    let text = match (Fields::new(abi, &local).u16(0), file.socket_type.get()) {
        (INET, 1) => "TCP:[",
        (INET, 2) => "UDP:[",
        (INET, _) => "INET:[",
        (INET6, 1) => "TCPv6:[",
        (INET6, 2) => "UDPv6:[",
        (INET6, _) => "INET6:[",
        (UNIX, _) => return unix_ends(file, &local, &peer, out),
        _ => return false,
    };
    out.push_str(text);
    endpoint(&local, out);
    if peer.len() > 2 {
        out.push_str("->");
        endpoint(&peer, out);
    }
    out.push(']');
    true
}

/// Writes the ends of a unix socket: `UNIX-STREAM:[57228->57224,"/run/socket"]`, the inodes of both
/// and its own address. The log has the inode of the peer only for a pair; otherwise the address of
/// the peer is shown instead.
fn unix_ends(file: &OpenFile, local: &[u8], peer: &[u8], out: &mut String) -> bool {
    // SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET (include/linux/net.h).
    let kind = match file.socket_type.get() {
        1 => "UNIX-STREAM:[",
        2 => "UNIX-DGRAM:[",
        5 => "UNIX-SEQPACKET:[",
        _ => "UNIX:[",
    };
    if file.id.1 == 0 && local.len() <= 2 && peer.len() <= 2 {
        return false;
    }
    out.push_str(kind);
    text::dec(out, file.id.1);
    match file.peer_inode.get() {
        0 if peer.len() > 2 => {
            out.push_str("->");
            endpoint(peer, out);
        }
        0 => {}
        inode => {
            out.push_str("->");
            text::dec(out, inode);
        }
    }
    if local.len() > 2 {
        out.push(',');
        endpoint(local, out);
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
