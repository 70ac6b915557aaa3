//! Messages of sock_diag(7), whose first byte is the address family.

use sysreel_abi::consts::{families, link, netlink_diag as c, socket};

use super::super::fields::Fields;
use super::super::shape::{Field, Shape, Table};
use super::super::value;
use super::super::view::View;
use super::Chunk;
use super::attributes::{self, structure};
use crate::text;
use Shape::*;
use sysreel_abi::ArgKind;

const FAMILY: Shape = Enum(1, &socket::FAMILY);
const KIND: Shape = Enum(1, &families::TRANSPORT_TYPE);
const STATE: Shape = Enum(1, &c::TCP_STATE);
const STATES: Shape = Bits(4, &c::TCP_STATE, "1<<TCP_");
const U8: Shape = Number(1);
const U32: Shape = Number(4);

const fn table(
    types: &'static sysreel_abi::Constants,
    forms: &'static [(&'static str, Shape)],
) -> Table {
    Table { types: Some(types), forms, others: Raw, write: attributes::write }
}

const UNIX_REQUEST: &[Field] = &[
    ("sdiag_family", 0, FAMILY),
    ("sdiag_protocol", 1, U8),
    ("udiag_states", 4, STATES),
    ("udiag_ino", 8, U32),
    ("udiag_show", 12, Flags(4, &c::UNIX_SHOW)),
    ("udiag_cookie", 16, Cookie),
];
const UNIX: &[Field] = &[
    ("udiag_family", 0, FAMILY),
    ("udiag_type", 1, KIND),
    ("udiag_state", 2, STATE),
    ("udiag_ino", 4, U32),
    ("udiag_cookie", 8, Cookie),
];
/// struct inet_diag_sockid.
const SOCKET: Shape = Members(&[
    ("idiag_sport", 0, Port),
    ("idiag_dport", 2, Port),
    ("idiag_src", 4, RoomyAddress),
    ("idiag_dst", 20, RoomyAddress),
    ("idiag_if", 36, Interface),
    ("idiag_cookie", 40, Cookie),
]);
const INET_REQUEST: &[Field] = &[
    ("sdiag_family", 0, FAMILY),
    ("sdiag_protocol", 1, Enum(1, &socket::PROTOCOL)),
    ("idiag_ext", 2, Shifted(1, &c::INET, "1<<(INET_DIAG_")),
    ("idiag_states", 4, STATES),
    ("id", 8, SOCKET),
];
/// struct inet_diag_req, which requests of TCPDIAG_GETSOCK have.
const OLD_INET_REQUEST: &[Field] = &[
    ("idiag_family", 0, FAMILY),
    ("idiag_src_len", 1, U8),
    ("idiag_dst_len", 2, U8),
    ("idiag_ext", 3, Shifted(1, &c::INET, "1<<(INET_DIAG_")),
    ("id", 4, SOCKET),
    ("idiag_states", 52, STATES),
    ("idiag_dbs", 56, U32),
];
const INET: &[Field] = &[
    ("idiag_family", 0, FAMILY),
    ("idiag_state", 1, STATE),
    ("idiag_timer", 2, U8),
    ("idiag_retrans", 3, U8),
    ("id", 4, SOCKET),
    ("idiag_expires", 52, U32),
    ("idiag_rqueue", 56, U32),
    ("idiag_wqueue", 60, U32),
    ("idiag_uid", 64, U32),
    ("idiag_inode", 68, U32),
];
const NETLINK_REQUEST: &[Field] = &[
    ("sdiag_family", 0, FAMILY),
    ("sdiag_protocol", 1, Enum(1, &socket::NETLINK)),
    ("ndiag_ino", 4, U32),
    ("ndiag_show", 8, Flags(4, &c::NETLINK_SHOW)),
    ("ndiag_cookie", 12, Cookie),
];
const NETLINK: &[Field] = &[
    ("ndiag_family", 0, FAMILY),
    ("ndiag_type", 1, KIND),
    ("ndiag_protocol", 2, Enum(1, &socket::NETLINK)),
    ("ndiag_state", 3, Enum(1, &c::NETLINK_STATE)),
    ("ndiag_portid", 4, U32),
    ("ndiag_dst_portid", 8, U32),
    ("ndiag_dst_group", 12, U32),
    ("ndiag_ino", 16, U32),
    ("ndiag_cookie", 20, Cookie),
];
const PACKET_REQUEST: &[Field] = &[
    ("sdiag_family", 0, FAMILY),
    ("sdiag_protocol", 1, Enum(1, &link::ETHER_PROTOCOL)),
    ("pdiag_ino", 4, U32),
    ("pdiag_show", 8, Flags(4, &c::PACKET_SHOW)),
    ("pdiag_cookie", 12, Cookie),
];
const PACKET: &[Field] = &[
    ("pdiag_family", 0, FAMILY),
    ("pdiag_type", 1, KIND),
    ("pdiag_num", 2, Enum(2, &link::ETHER_PROTOCOL)),
    ("pdiag_ino", 4, U32),
    ("pdiag_cookie", 8, Cookie),
];

#[rustfmt::skip]
static UNIX_TABLE: Table = table(&c::UNIX, &[
    ("UNIX_DIAG_NAME", Text),
    ("UNIX_DIAG_VFS", Members(&[("udiag_vfs_dev", 4, Device), ("udiag_vfs_ino", 0, U32)])),
    ("UNIX_DIAG_PEER", U32), ("UNIX_DIAG_ICONS", Array(&Number(4))),
    ("UNIX_DIAG_RQLEN", Members(&[("udiag_rqueue", 0, U32), ("udiag_wqueue", 4, U32)])),
    ("UNIX_DIAG_MEMINFO", MEMORY), ("UNIX_DIAG_SHUTDOWN", U8), ("UNIX_DIAG_UID", Uid),
]);
const MEMORY: Shape = Indexed(&Number(4), &c::MEMORY);
#[rustfmt::skip]
static INET_TABLE: Table = table(&c::INET, &[
    ("INET_DIAG_MEMINFO", Members(&[("idiag_rmem", 0, U32), ("idiag_wmem", 4, U32),
        ("idiag_fmem", 8, U32), ("idiag_tmem", 12, U32)])),
    ("INET_DIAG_VEGASINFO", Members(&[("tcpv_enabled", 0, U32), ("tcpv_rttcnt", 4, U32),
        ("tcpv_rtt", 8, U32), ("tcpv_minrtt", 12, U32)])),
    ("INET_DIAG_CONG", Text), ("INET_DIAG_TOS", U8), ("INET_DIAG_TCLASS", U8),
    ("INET_DIAG_SKMEMINFO", MEMORY), ("INET_DIAG_SHUTDOWN", Commented(1, &c::SHUT)),
    ("INET_DIAG_DCTCPINFO", Members(&[("dctcp_enabled", 0, Number(2)),
        ("dctcp_ce_state", 2, Number(2)), ("dctcp_alpha", 4, U32), ("dctcp_ab_ecn", 8, U32),
        ("dctcp_ab_tot", 12, U32)])),
    ("INET_DIAG_PROTOCOL", Enum(1, &socket::PROTOCOL)), ("INET_DIAG_SKV6ONLY", U8),
    ("INET_DIAG_MARK", U32),
    ("INET_DIAG_BBRINFO", Members(&[("bbr_bw_lo", 0, Hex(4)), ("bbr_bw_hi", 4, Hex(4)),
        ("bbr_min_rtt", 8, U32), ("bbr_pacing_gain", 12, U32), ("bbr_cwnd_gain", 16, U32)])),
    ("INET_DIAG_CLASS_ID", U32), ("INET_DIAG_CGROUP_ID", Number(8)),
]);
static INET_REQUEST_TABLE: Table =
    table(&c::INET_REQUEST, &[("INET_DIAG_REQ_PROTOCOL", Enum(4, &socket::PROTOCOL))]);
#[rustfmt::skip]
static NETLINK_TABLE: Table = table(&c::NETLINK, &[
    ("NETLINK_DIAG_MEMINFO", MEMORY), ("NETLINK_DIAG_GROUPS", Array(&Hex(8))),
    ("NETLINK_DIAG_RX_RING", RING), ("NETLINK_DIAG_TX_RING", RING),
    ("NETLINK_DIAG_FLAGS", Flags(4, &c::NETLINK_DIAG_FLAGS)),
]);
#[rustfmt::skip]
const RING: Shape = Members(&[("ndr_block_size", 0, U32), ("ndr_block_nr", 4, U32),
    ("ndr_frame_size", 8, U32), ("ndr_frame_nr", 12, U32)]);
#[rustfmt::skip]
static PACKET_TABLE: Table = table(&c::PACKET, &[
    ("PACKET_DIAG_INFO", Members(&[("pdi_index", 0, Interface),
        ("pdi_version", 4, Enum(4, &c::PACKET_VERSION)),
        ("pdi_reserve", 8, U32), ("pdi_copy_thresh", 12, U32), ("pdi_tstamp", 16, U32),
        ("pdi_flags", 20, Flags(4, &c::PACKET_FLAGS))])),
    ("PACKET_DIAG_MCLIST", Array(&Members(&[("pdmc_index", 0, Interface), ("pdmc_count", 4, U32),
        ("pdmc_type", 8, Number(2)), ("pdmc_alen", 10, Number(2)),
        ("pdmc_addr", 12, CountedBytes(10, 32))]))),
    ("PACKET_DIAG_FILTER", Array(&Instruction)),
    ("PACKET_DIAG_RX_RING", PACKET_RING), ("PACKET_DIAG_TX_RING", PACKET_RING),
    ("PACKET_DIAG_FANOUT", U32), ("PACKET_DIAG_UID", Uid), ("PACKET_DIAG_MEMINFO", MEMORY),
]);
#[rustfmt::skip]
const PACKET_RING: Shape = Members(&[("pdr_block_size", 0, U32), ("pdr_block_nr", 4, U32),
    ("pdr_frame_size", 8, U32), ("pdr_frame_nr", 12, U32), ("pdr_retire_tmo", 16, U32),
    ("pdr_sizeof_priv", 20, U32), ("pdr_features", 24, U32)]);

/// A family with the structures of requests and answers, and the attributes after them.
struct Family {
    numbers: &'static [u64],
    request: (&'static [Field], usize, Option<&'static Table>),
    answer: (&'static [Field], usize, &'static Table),
}

/// By address family (include/linux/socket.h).
#[rustfmt::skip]
const FAMILIES: &[Family] = &[
    Family { numbers: &[1], request: (UNIX_REQUEST, 24, None), answer: (UNIX, 16, &UNIX_TABLE) },
    Family { numbers: &[2, 10], request: (INET_REQUEST, 56, Some(&INET_REQUEST_TABLE)),
        answer: (INET, 72, &INET_TABLE) },
    Family { numbers: &[16], request: (NETLINK_REQUEST, 20, None),
        answer: (NETLINK, 28, &NETLINK_TABLE) },
    Family { numbers: &[17], request: (PACKET_REQUEST, 20, None),
        answer: (PACKET, 16, &PACKET_TABLE) },
];

/// Writes the payload of a message. What is sent asks, what is received answers.
pub(super) fn payload(
    view: &View<'_>,
    kind: u64,
    is_request: bool,
    chunk: Chunk<'_>,
    out: &mut String,
) {
    if !chunk.has(1) {
        return text::pointer(out, chunk.address);
    }
    let family = Fields::new(view.abi, chunk.bytes).u8(0);
    let is_old = c::OLD_DIAG_MESSAGE.items.iter().any(|(_, known)| *known == kind);
    match FAMILIES.iter().find(|known| known.numbers.contains(&family)) {
        Some(_) if is_old && is_request => {
            structure(view, OLD_INET_REQUEST, 60, Some(&INET_REQUEST_TABLE), chunk, out);
        }
        Some(Family { request: (fields, size, table), .. }) if is_request => {
            structure(view, fields, *size, *table, chunk, out);
        }
        Some(Family { answer: (fields, size, table), .. }) => {
            structure(view, fields, *size, Some(table), chunk, out);
        }
        None => {
            out.push_str("{family=");
            value::constant(view, ArgKind::Enum(&socket::FAMILY), family, out);
            if chunk.len > 1 {
                out.push_str(", data=");
                chunk.from(1).raw(view, out);
            }
            out.push('}');
        }
    }
}
