//! Headers of IP, TCP and UDP (RFC 791, 8200, 9293, 768).

use std::net::{IpAddr, SocketAddr};

/// Protocol numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Flags of TCP.
pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const PUSH: u8 = 8;
pub(super) const ACK: u8 = 16;

/// How much the receiver has room for: the most that the header can say.
const WINDOW: u16 = u16::MAX;

/// The two ends of a packet, of one family: see [`same_family`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ends {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

impl Ends {
    /// The ends of an answer.
    pub(super) fn reversed(self) -> Self {
        Self { from: self.to, to: self.from }
    }
}

/// Returns two addresses as addresses of one family: one that is not specified fits any, otherwise
/// an IPv4 address becomes one of IPv6.
pub(super) fn same_family(from: SocketAddr, to: SocketAddr) -> Ends {
    let fit = |one: SocketAddr, other: SocketAddr| match (one.ip(), other.ip()) {
        (IpAddr::V6(ip), IpAddr::V4(_)) if ip.is_unspecified() => {
            SocketAddr::new([0, 0, 0, 0].into(), one.port())
        }
        (IpAddr::V4(ip), IpAddr::V6(other)) if !other.is_unspecified() => {
            SocketAddr::new(ip.to_ipv6_mapped().into(), one.port())
        }
        _ => one,
    };
    Ends { from: fit(from, to), to: fit(to, from) }
}

/// Returns a packet with a TCP segment.
pub(super) fn tcp(ends: Ends, (seq, ack): (u32, u32), flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = ports(ends);
    segment.extend(seq.to_be_bytes());
    segment.extend(ack.to_be_bytes());
    // A header of five words.
    segment.extend([5 << 4, flags]);
    segment.extend(WINDOW.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend(payload);
    let sum = checksum(&[&pseudo_header(ends, TCP, segment.len()), &segment]);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    ip(ends, TCP, &segment)
}

/// Returns a packet with a UDP datagram.
pub(super) fn udp(ends: Ends, payload: &[u8]) -> Vec<u8> {
    let mut datagram = ports(ends);
    datagram.extend(length(payload.len() + 8).to_be_bytes());
    datagram.extend([0; 2]);
    datagram.extend(payload);
    let sum = checksum(&[&pseudo_header(ends, UDP, datagram.len()), &datagram]);
    // 0 would say that there is none.
    let sum = if sum == 0 { u16::MAX } else { sum };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    ip(ends, UDP, &datagram)
}

fn ports(ends: Ends) -> Vec<u8> {
    [ends.from.port().to_be_bytes(), ends.to.port().to_be_bytes()].concat()
}

fn length(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

fn ip(ends: Ends, protocol: u8, payload: &[u8]) -> Vec<u8> {
    /// As Linux sends packets.
    const HOPS: u8 = 64;
    let mut packet = match (ends.from.ip(), ends.to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            // Version 4, five words, not fragmented.
            let mut header = vec![0x45, 0];
            header.extend(length(payload.len() + 20).to_be_bytes());
            header.extend([0, 0, 0x40, 0, HOPS, protocol, 0, 0]);
            header.extend(from.octets());
            header.extend(to.octets());
            let sum = checksum(&[&header]);
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            header
        }
        (from, to) => {
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(length(payload.len()).to_be_bytes());
            header.extend([protocol, HOPS]);
            header.extend(octets(from));
            header.extend(octets(to));
            header
        }
    };
    packet.extend(payload);
    packet
}

fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// What the checksums of TCP and UDP cover besides their own bytes.
fn pseudo_header(ends: Ends, protocol: u8, len: usize) -> Vec<u8> {
    let len = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
    match (ends.from.ip(), ends.to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let addresses = [from.octets(), to.octets()].concat();
            [&addresses[..], &[0, protocol, len[2], len[3]]].concat()
        }
        (from, to) => [&octets(from)[..], &octets(to), &len, &[0, 0, 0, protocol]].concat(),
    }
}

/// The Internet checksum (RFC 1071) of parts of which all but the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let pairs = parts.iter().flat_map(|part| part.chunks(2));
    let words = pairs
        .map(|pair| u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])));
    let mut sum: u64 = words.sum();
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !((sum & 0xffff) as u16)
}

#[cfg(test)]
mod tests {
    use super::{checksum, same_family};

    /// The example of RFC 1071.
    #[test]
    fn checksums_are_as_specified() {
        assert_eq!(checksum(&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]), !0xddf2);
        assert_eq!(checksum(&[&[1, 2], &[3]]), !0x0402);
    }

    #[test]
    fn both_ends_are_of_one_family() {
        let ends = |from: &str, to: &str| {
            let ends = same_family(from.parse().unwrap(), to.parse().unwrap());
            format!("{} {}", ends.from, ends.to)
        };
        assert_eq!(ends("[::]:5", "1.2.3.4:80"), "0.0.0.0:5 1.2.3.4:80");
        assert_eq!(ends("1.2.3.4:80", "[::]:5"), "1.2.3.4:80 0.0.0.0:5");
        assert_eq!(ends("1.2.3.4:5", "[2001:db8::1]:80"), "[::ffff:1.2.3.4]:5 [2001:db8::1]:80");
        assert_eq!(ends("[::]:5", "[2001:db8::1]:80"), "[::]:5 [2001:db8::1]:80");
    }
}
