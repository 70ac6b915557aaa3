//! getsockopt and setsockopt: the value, by level and option. Most values are as long as the length
//! argument says; some count in other units, pass a request in the buffer of the answer, or contain
//! pointers.

use linux_raw_sys::if_packet as packet;
use linux_raw_sys::net as n;

use super::meaning::{Call, Meaning, at};
use crate::consts::unpackaged as u;
use crate::desc::{ArgKind, Dir, Len};
use crate::layout::Layout;

/// getsockopt(fd, level, optname, optval, optlen).
pub(super) fn get(call: &Call) -> Meaning {
    let (level, option) = names(call);
    let (dir, each) = match (level, option) {
        // Its length counts instructions (socket(7), sk_get_filter).
        (n::SOL_SOCKET, n::SO_GET_FILTER) => (Dir::Out, Layout::SockFilter),
        (n::SOL_IP, o) if TABLES.contains(&o.into()) => (Dir::InOut, Layout::Byte),
        _ if READS_BUFFER.contains(&(level, option)) || READS_BUFFER_LEVELS.contains(&level) => {
            (Dir::InOut, Layout::Byte)
        }
        _ => (Dir::Out, Layout::Byte),
    };
    let kind = if each == Layout::Byte { ArgKind::Buf } else { ArgKind::Array(each) };
    Meaning::memory(kind, dir, Len::Deref { count: at(4), each })
}

/// setsockopt(fd, level, optname, optval, optlen).
pub(super) fn set(call: &Call) -> Meaning {
    let whole = call.command(4) >= Layout::SockFprog.size(call.abi).into();
    match names(call) {
        (n::SOL_SOCKET, n::SO_ATTACH_FILTER | n::SO_ATTACH_REUSEPORT_CBPF) if whole => {
            Meaning::memory(ArgKind::Struct(Layout::SockFprog), Dir::In, Len::Fprog)
        }
        _ => Meaning::counted(Dir::In, Layout::Byte, 4),
    }
}

fn names(call: &Call) -> (u32, u32) {
    let name = |arg| u32::try_from(call.command(arg)).unwrap_or(u32::MAX);
    (name(1), name(2))
}

/// Options whose buffer is read as well: it contains the request.
#[rustfmt::skip]
static READS_BUFFER: &[(u32, u32)] = &[
    (n::SOL_TCP, n::TCP_ZEROCOPY_RECEIVE), (n::SOL_TCP, n::TCP_AO_GET_KEYS),
    (n::SOL_IP, n::IP_MSFILTER), (n::SOL_IP, n::MCAST_MSFILTER),
    (n::SOL_IPV6, n::MCAST_MSFILTER), (n::SOL_IPV6, n::IPV6_FLOWLABEL_MGR),
    (n::SOL_PACKET, packet::PACKET_HDRLEN),
];

/// Options of packet filter tables: the buffer names a table or an extension.
const TABLES: std::ops::RangeInclusive<u64> = u::IPT_SO_GET_INFO..=u::IPT_SO_GET_REVISION_TARGET;

/// Levels at which most options read their buffer: it names an association or holds structure
/// sizes.
static READS_BUFFER_LEVELS: &[u32] = &[n::SOL_SCTP, n::SOL_MPTCP];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Abi;
    use crate::desc::Mem;

    fn memory(level: u32, option: u32, set: bool) -> Option<Mem> {
        let call = Call { abi: Abi::X86_64, args: [3, level.into(), option.into(), 0x1000, 16, 0] };
        if set { super::set(&call).mem } else { get(&call).mem }
    }

    #[test]
    fn options_with_unusual_lengths_are_known() {
        let filter = memory(n::SOL_SOCKET, n::SO_GET_FILTER, false).unwrap();
        assert!(matches!(filter.len, Len::Deref { each: Layout::SockFilter, .. }));
        assert_eq!(memory(n::SOL_SOCKET, n::SO_TYPE, false).unwrap().dir, Dir::Out);
        assert_eq!(memory(n::SOL_TCP, n::TCP_ZEROCOPY_RECEIVE, false).unwrap().dir, Dir::InOut);
        assert_eq!(memory(n::SOL_SOCKET, n::SO_ATTACH_FILTER, true).unwrap().len, Len::Fprog);
        assert!(matches!(
            memory(n::SOL_TCP, n::SO_ATTACH_FILTER, true).unwrap().len,
            Len::Arg { .. }
        ));
    }
}
