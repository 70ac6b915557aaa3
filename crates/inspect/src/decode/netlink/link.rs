//! Attributes of links, bridges and multicast groups (linux/if_link.h, linux/if_bridge.h).

use sysreel_abi::consts::{link as frames, netlink_link as c, socket};

use super::super::fields::Fields;
use super::super::shape::{self, Field, Shape, Table};
use super::super::view::View;
use super::Chunk;
use super::attributes;
use crate::text;
use Shape::*;

/// AF_BRIDGE (include/linux/socket.h).
const BRIDGE_FAMILY: u64 = 7;
/// AF_INET6, whose attributes of the protocol are those of IPv6.
const INET6_FAMILY: u64 = 10;

const fn table(
    types: &'static sysreel_abi::Constants,
    forms: &'static [(&'static str, Shape)],
) -> Table {
    Table { types: Some(types), forms, others: Raw, write: attributes::write }
}

const U8: Shape = Number(1);
const U16: Shape = Number(2);
const U32: Shape = Number(4);
const U64: Shape = Number(8);

/// Names of counters, which have 32 bits in one structure and 64 in another.
macro_rules! counters {
    ($size:literal: $($name:literal $at:literal),*) => {
        &[$(($name, $at * $size, Number($size))),*]
    };
}
macro_rules! link_counters {
    ($size:literal $(, $more:literal $more_at:literal)*) => {
        counters!($size: "rx_packets" 0, "tx_packets" 1, "rx_bytes" 2, "tx_bytes" 3, "rx_errors" 4,
            "tx_errors" 5, "rx_dropped" 6, "tx_dropped" 7, "multicast" 8, "collisions" 9,
            "rx_length_errors" 10, "rx_over_errors" 11, "rx_crc_errors" 12, "rx_frame_errors" 13,
            "rx_fifo_errors" 14, "rx_missed_errors" 15, "tx_aborted_errors" 16,
            "tx_carrier_errors" 17, "tx_fifo_errors" 18, "tx_heartbeat_errors" 19,
            "tx_window_errors" 20, "rx_compressed" 21, "tx_compressed" 22, "?rx_nohandler" 23
            $(, $more $more_at)*)
    };
}
const COUNTERS: &[Field] = link_counters!(4);
const WIDE_COUNTERS: &[Field] = link_counters!(8, "?rx_otherhost_dropped" 24);

#[rustfmt::skip]
pub(super) static LINK: Table = table(&c::LINK, &[
    ("IFLA_ADDRESS", Hardware), ("IFLA_BROADCAST", Hardware), ("IFLA_IFNAME", Text),
    ("IFLA_MTU", U32), ("IFLA_LINK", U32), ("IFLA_QDISC", Text), ("IFLA_STATS", Members(COUNTERS)),
    ("IFLA_MASTER", U32), ("IFLA_PROTINFO", Call(protocol)), ("IFLA_TXQLEN", U32),
    ("IFLA_MAP", Members(&[("mem_start", 0, Hex(8)), ("mem_end", 8, Hex(8)),
        ("base_addr", 16, Hex(8)), ("irq", 24, U16), ("dma", 26, U8), ("port", 27, U8)])),
    ("IFLA_WEIGHT", U32), ("IFLA_OPERSTATE", U8), ("IFLA_LINKMODE", U8),
    ("IFLA_LINKINFO", Call(info)), ("IFLA_NET_NS_PID", U32), ("IFLA_IFALIAS", Text),
    ("IFLA_NUM_VF", U32), ("IFLA_VFINFO_LIST", Nested(&VF_LIST)),
    ("IFLA_STATS64", Members(WIDE_COUNTERS)), ("IFLA_VF_PORTS", Nested(&VF_PORTS)),
    ("IFLA_PORT_SELF", Nested(&PORT)), ("IFLA_AF_SPEC", Call(of_family)), ("IFLA_GROUP", U32),
    ("IFLA_NET_NS_FD", Fd), ("IFLA_EXT_MASK",
        Flags(4, &sysreel_abi::consts::netlink_route::LINK_FILTER)),
    ("IFLA_PROMISCUITY", U32), ("IFLA_NUM_TX_QUEUES", U32), ("IFLA_NUM_RX_QUEUES", U32),
    ("IFLA_CARRIER", U8), ("IFLA_CARRIER_CHANGES", U32), ("IFLA_LINK_NETNSID", Signed(4)),
    ("IFLA_PHYS_PORT_NAME", Text), ("IFLA_PROTO_DOWN", U8), ("IFLA_GSO_MAX_SEGS", U32),
    ("IFLA_GSO_MAX_SIZE", U32), ("IFLA_XDP", Nested(&XDP)), ("IFLA_EVENT", Enum(4, &c::LINK_EVENT)),
    ("IFLA_NEW_NETNSID", Signed(4)), ("IFLA_TARGET_NETNSID", Signed(4)),
    ("IFLA_CARRIER_UP_COUNT", U32), ("IFLA_CARRIER_DOWN_COUNT", U32),
    ("IFLA_NEW_IFINDEX", Interface), ("IFLA_MIN_MTU", U32), ("IFLA_MAX_MTU", U32),
    ("IFLA_PROP_LIST", Nested(&PROPERTIES)), ("IFLA_ALT_IFNAME", Text),
    ("IFLA_PERM_ADDRESS", Hardware), ("IFLA_PROTO_DOWN_REASON", Nested(&DOWN)),
    ("IFLA_PARENT_DEV_NAME", Text), ("IFLA_PARENT_DEV_BUS_NAME", Text),
    ("IFLA_GRO_MAX_SIZE", U32), ("IFLA_TSO_MAX_SIZE", U32), ("IFLA_TSO_MAX_SEGS", U32),
    ("IFLA_ALLMULTI", U32),
]);
static PROPERTIES: Table = table(&c::LINK, &[("IFLA_ALT_IFNAME", Text)]);
static DOWN: Table = table(
    &c::LINK_DOWN,
    &[("IFLA_PROTO_DOWN_REASON_MASK", Hex(4)), ("IFLA_PROTO_DOWN_REASON_VALUE", Hex(4))],
);
#[rustfmt::skip]
static XDP: Table = table(&c::LINK_XDP, &[
    ("IFLA_XDP_FD", Fd), ("IFLA_XDP_ATTACHED", Enum(1, &c::XDP_ATTACHED)),
    ("IFLA_XDP_FLAGS", Flags(4, &c::XDP_FLAGS)), ("IFLA_XDP_PROG_ID", U32),
    ("IFLA_XDP_DRV_PROG_ID", U32), ("IFLA_XDP_SKB_PROG_ID", U32), ("IFLA_XDP_HW_PROG_ID", U32),
    ("IFLA_XDP_EXPECTED_FD", Fd),
]);
#[rustfmt::skip]
static PORT: Table = table(&c::LINK_PORT, &[
    ("IFLA_PORT_VF", U32), ("IFLA_PORT_PROFILE", Text),
    ("IFLA_PORT_VSI_TYPE", Members(&[("vsi_mgr_id", 0, U8), ("vsi_type_id", 1, Quoted(3)),
        ("vsi_type_version", 4, U8), ("_pad", 5, Quoted(3))])),
]);
static VF_PORTS: Table = table(&c::LINK_VF_PORT, &[("IFLA_VF_PORT", Nested(&PORT))]);
static VF_LIST: Table = table(&c::LINK_VF_LIST, &[("IFLA_VF_INFO", Nested(&VF))]);
const SETTING: Shape = Members(&[("vf", 0, U32), ("setting", 4, U32)]);
const GUID: Shape = Members(&[("vf", 0, U32), ("guid", 8, Hex(8))]);
#[rustfmt::skip]
static VF: Table = table(&c::LINK_VF, &[
    ("IFLA_VF_MAC", Members(&[("vf", 0, U32), ("mac", 4, Octets(32))])),
    ("IFLA_VF_VLAN", Members(&[("vf", 0, U32), ("vlan", 4, U32), ("qos", 8, U32)])),
    ("IFLA_VF_TX_RATE", Members(&[("vf", 0, U32), ("rate", 4, U32)])),
    ("IFLA_VF_SPOOFCHK", SETTING), ("IFLA_VF_RSS_QUERY_EN", SETTING), ("IFLA_VF_TRUST", SETTING),
    ("IFLA_VF_LINK_STATE", Members(&[("vf", 0, U32),
        ("link_state", 4, Enum(4, &c::VF_LINK_STATE))])),
    ("IFLA_VF_RATE", Members(&[("vf", 0, U32), ("min_tx_rate", 4, U32), ("max_tx_rate", 8, U32)])),
    ("IFLA_VF_STATS", Nested(&VF_STATS)), ("IFLA_VF_IB_NODE_GUID", GUID),
    ("IFLA_VF_IB_PORT_GUID", GUID), ("IFLA_VF_VLAN_LIST", Nested(&VF_VLANS)),
    ("IFLA_VF_BROADCAST", Members(&[("broadcast", 0, Octets(32))])),
]);
static VF_STATS: Table =
    Table { others: U64, ..table(&c::LINK_VF_STATS, &[("IFLA_VF_STATS_PAD", Raw)]) };
#[rustfmt::skip]
static VF_VLANS: Table = table(&c::LINK_VF_VLAN, &[
    ("IFLA_VF_VLAN_INFO", Members(&[("vf", 0, U32), ("vlan", 4, U32), ("qos", 8, U32),
        ("vlan_proto", 12, Protocol(&frames::ETHER_PROTOCOL)), ("", 14, Padding(2))])),
]);
const BRIDGE_ID: Shape = Members(&[("prio", 0, Sequence(&Number(1), 2)), ("addr", 2, Octets(6))]);
#[rustfmt::skip]
static BRIDGE_PORT: Table = Table { others: U8, ..table(&c::BRIDGE_PORT, &[
    ("IFLA_BRPORT_UNSPEC", Raw), ("IFLA_BRPORT_FLUSH", Raw), ("IFLA_BRPORT_PAD", Raw),
    ("IFLA_BRPORT_PRIORITY", U16), ("IFLA_BRPORT_COST", U32), ("IFLA_BRPORT_ROOT_ID", BRIDGE_ID),
    ("IFLA_BRPORT_BRIDGE_ID", BRIDGE_ID), ("IFLA_BRPORT_DESIGNATED_PORT", U16),
    ("IFLA_BRPORT_DESIGNATED_COST", U16), ("IFLA_BRPORT_ID", U16), ("IFLA_BRPORT_NO", U16),
    ("IFLA_BRPORT_MESSAGE_AGE_TIMER", Centiseconds),
    ("IFLA_BRPORT_FORWARD_DELAY_TIMER", Centiseconds),
    ("IFLA_BRPORT_HOLD_TIMER", Centiseconds), ("IFLA_BRPORT_GROUP_FWD_MASK", Hex(2)),
    ("IFLA_BRPORT_BACKUP_PORT", Interface), ("IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT", U32),
    ("IFLA_BRPORT_MCAST_EHT_HOSTS_CNT", U32),
]) };
#[rustfmt::skip]
static BRIDGE: Table = table(&c::BRIDGE, &[
    ("IFLA_BR_FORWARD_DELAY", Centiseconds), ("IFLA_BR_HELLO_TIME", Centiseconds),
    ("IFLA_BR_MAX_AGE", Centiseconds),
    ("IFLA_BR_AGEING_TIME", Centiseconds), ("IFLA_BR_STP_STATE", U32), ("IFLA_BR_PRIORITY", U16),
    ("IFLA_BR_VLAN_FILTERING", U8), ("IFLA_BR_VLAN_PROTOCOL", Protocol(&frames::ETHER_PROTOCOL)),
    ("IFLA_BR_GROUP_FWD_MASK", Hex(2)), ("IFLA_BR_ROOT_ID", BRIDGE_ID),
    ("IFLA_BR_BRIDGE_ID", BRIDGE_ID), ("IFLA_BR_ROOT_PORT", U16), ("IFLA_BR_ROOT_PATH_COST", U32),
    ("IFLA_BR_TOPOLOGY_CHANGE", U8), ("IFLA_BR_TOPOLOGY_CHANGE_DETECTED", U8),
    ("IFLA_BR_HELLO_TIMER", Centiseconds), ("IFLA_BR_TCN_TIMER", Centiseconds),
    ("IFLA_BR_TOPOLOGY_CHANGE_TIMER", Centiseconds), ("IFLA_BR_GC_TIMER", Centiseconds),
    ("IFLA_BR_GROUP_ADDR", Hardware), ("IFLA_BR_MCAST_ROUTER", U8),
    ("IFLA_BR_MCAST_SNOOPING", U8), ("IFLA_BR_MCAST_QUERY_USE_IFADDR", U8),
    ("IFLA_BR_MCAST_QUERIER", U8), ("IFLA_BR_MCAST_HASH_ELASTICITY", U32),
    ("IFLA_BR_MCAST_HASH_MAX", U32), ("IFLA_BR_MCAST_LAST_MEMBER_CNT", U32),
    ("IFLA_BR_MCAST_STARTUP_QUERY_CNT", U32), ("IFLA_BR_MCAST_LAST_MEMBER_INTVL", Centiseconds),
    ("IFLA_BR_MCAST_MEMBERSHIP_INTVL", Centiseconds), ("IFLA_BR_MCAST_QUERIER_INTVL", Centiseconds),
    ("IFLA_BR_MCAST_QUERY_INTVL", Centiseconds),
    ("IFLA_BR_MCAST_QUERY_RESPONSE_INTVL", Centiseconds),
    ("IFLA_BR_MCAST_STARTUP_QUERY_INTVL", Centiseconds), ("IFLA_BR_NF_CALL_IPTABLES", U8),
    ("IFLA_BR_NF_CALL_IP6TABLES", U8), ("IFLA_BR_NF_CALL_ARPTABLES", U8),
    ("IFLA_BR_VLAN_DEFAULT_PVID", U16), ("IFLA_BR_VLAN_STATS_ENABLED", U8),
    ("IFLA_BR_MCAST_STATS_ENABLED", U8), ("IFLA_BR_MCAST_IGMP_VERSION", U8),
    ("IFLA_BR_MCAST_MLD_VERSION", U8), ("IFLA_BR_VLAN_STATS_PER_PORT", U8),
]);
#[rustfmt::skip]
static TUN: Table = table(&c::TUN, &[
    ("IFLA_TUN_OWNER", Uid), ("IFLA_TUN_GROUP", Uid), ("IFLA_TUN_TYPE", U8), ("IFLA_TUN_PI", U8),
    ("IFLA_TUN_VNET_HDR", U8), ("IFLA_TUN_PERSIST", U8), ("IFLA_TUN_MULTI_QUEUE", U8),
    ("IFLA_TUN_NUM_QUEUES", U32), ("IFLA_TUN_NUM_DISABLED_QUEUES", U32),
]);
#[rustfmt::skip]
static INET6: Table = table(&c::LINK_INET6, &[
    ("IFLA_INET6_FLAGS", Flags(4, &c::INET6_FLAGS)),
    ("IFLA_INET6_CONF", Indexed(&Signed(4), &c::SETTINGS)),
    ("IFLA_INET6_STATS", Indexed(&Number(8), &c::IP_COUNTERS)),
    ("IFLA_INET6_CACHEINFO", Members(&[("max_reasm_len", 0, U32), ("tstamp", 4, U32),
        ("reachable_time", 8, U32), ("retrans_time", 12, U32)])),
    ("IFLA_INET6_ICMP6STATS", Indexed(&Number(8), &c::ICMP_COUNTERS)),
    ("IFLA_INET6_TOKEN", Call(token)),
    ("IFLA_INET6_ADDR_GEN_MODE", Enum(1, &c::ADDRESS_GENERATION)), ("IFLA_INET6_RA_MTU", U32),
]);
static MCTP: Table = table(&c::LINK_MCTP, &[("IFLA_MCTP_NET", U32)]);
static INET: Table = table(&c::LINK_INET, &[]);
#[rustfmt::skip]
static OF_FAMILY: Table = table(&socket::FAMILY, &[
    ("AF_INET", Nested(&INET)), ("AF_INET6", Nested(&INET6)), ("AF_MCTP", Nested(&MCTP)),
]);
#[rustfmt::skip]
static OF_BRIDGE: Table = table(&c::BRIDGE_LINK, &[
    ("IFLA_BRIDGE_FLAGS", Flags(2, &c::BRIDGE_FLAGS)),
    ("IFLA_BRIDGE_MODE", Enum(2, &c::BRIDGE_MODE)),
    ("IFLA_BRIDGE_VLAN_INFO", Members(&[("flags", 0, Flags(2, &c::BRIDGE_VLAN)), ("vid", 2, U16)])),
    ("IFLA_BRIDGE_VLAN_TUNNEL_INFO", Nested(&TUNNEL)),
]);
#[rustfmt::skip]
static TUNNEL: Table = table(&c::BRIDGE_TUNNEL, &[
    ("IFLA_BRIDGE_VLAN_TUNNEL_ID", U32), ("IFLA_BRIDGE_VLAN_TUNNEL_VID", U16),
    ("IFLA_BRIDGE_VLAN_TUNNEL_FLAGS", Flags(2, &c::BRIDGE_VLAN)),
]);
pub(super) static STATS: Table =
    table(&c::LINK_STATS, &[("IFLA_STATS_LINK_64", Members(WIDE_COUNTERS))]);
#[rustfmt::skip]
pub(super) static MULTICAST: Table = table(&c::MULTICAST, &[
    ("MDBA_MDB", Nested(&GROUPS)), ("MDBA_ROUTER", Nested(&ROUTERS)),
]);
static GROUPS: Table = table(&c::MULTICAST_GROUP, &[("MDBA_MDB_ENTRY", Nested(&ENTRIES))]);
static ENTRIES: Table =
    table(&c::MULTICAST_ENTRY, &[("MDBA_MDB_ENTRY_INFO", With(&Members(ENTRY), &MEMBER))]);
static MEMBER: Table = table(&c::MULTICAST_MEMBER, &[("MDBA_MDB_EATTR_TIMER", Centiseconds)]);
/// struct br_mdb_entry, whose address is followed by its protocol.
const ENTRY: &[Field] = &[
    ("ifindex", 0, Interface),
    ("state", 4, Enum(1, &c::MULTICAST_STATE)),
    ("flags", 5, Flags(1, &c::MULTICAST_FLAGS)),
    ("vid", 6, U16),
    ("addr", 8, Group),
];
static ROUTERS: Table =
    table(&c::MULTICAST_ROUTER, &[("MDBA_ROUTER_PORT", With(&Interface, &ROUTER_PORT))]);
#[rustfmt::skip]
static ROUTER_PORT: Table = table(&c::ROUTER_PORT, &[
    ("MDBA_ROUTER_PATTR_TIMER", Centiseconds),
    ("MDBA_ROUTER_PATTR_TYPE", Enum(1, &c::ROUTER_TYPE)),
    ("MDBA_ROUTER_PATTR_INET_TIMER", Centiseconds),
    ("MDBA_ROUTER_PATTR_INET6_TIMER", Centiseconds),
]);
static INFO: Table = table(&c::LINK_INFO, &[("IFLA_INFO_KIND", Text), SLAVE]);
#[rustfmt::skip]
static BRIDGE_INFO: Table = table(&c::LINK_INFO, &[
    ("IFLA_INFO_KIND", Text), ("IFLA_INFO_DATA", Nested(&BRIDGE)), SLAVE,
]);
#[rustfmt::skip]
static TUN_INFO: Table = table(&c::LINK_INFO, &[
    ("IFLA_INFO_KIND", Text), ("IFLA_INFO_DATA", Nested(&TUN)), SLAVE,
]);
#[rustfmt::skip]
static PORT_INFO: Table = table(&c::LINK_INFO, &[
    ("IFLA_INFO_KIND", Text), ("IFLA_INFO_SLAVE_DATA", Nested(&BRIDGE_PORT)), SLAVE,
]);
const SLAVE: (&str, Shape) = ("IFLA_INFO_SLAVE_KIND", Text);

/// Writes what a link is, whose kind says what its data are.
fn info(view: &View<'_>, family: u64, chunk: Chunk<'_>, out: &mut String) {
    /// IFLA_INFO_KIND and IFLA_INFO_SLAVE_KIND.
    const KINDS: [u64; 2] = [1, 4];
    let kind = |wanted: u64| {
        let mut rest = chunk.bytes;
        loop {
            let f = Fields::new(view.abi, rest);
            let len = usize::try_from(f.u16(0)).unwrap_or(0);
            if len < 4 || rest.len() < 4 {
                return None;
            }
            if f.u16(2) == wanted {
                return rest.get(4..len).map(text::until_nul);
            }
            rest = rest.get(len.next_multiple_of(4)..)?;
        }
    };
    let table = match (kind(KINDS[0]), kind(KINDS[1])) {
        (Some(b"bridge"), _) => &BRIDGE_INFO,
        (Some(b"tun"), _) => &TUN_INFO,
        (_, Some(b"bridge")) => &PORT_INFO,
        _ => &INFO,
    };
    attributes::write(view, family, table, chunk, out);
}

/// Writes attributes of the protocol of a link.
fn protocol(view: &View<'_>, family: u64, chunk: Chunk<'_>, out: &mut String) {
    match family {
        BRIDGE_FAMILY => attributes::write(view, family, &BRIDGE_PORT, chunk, out),
        INET6_FAMILY => attributes::write(view, family, &INET6, chunk, out),
        _ => chunk.raw(view, out),
    }
}

/// Writes attributes of an address family.
fn of_family(view: &View<'_>, family: u64, chunk: Chunk<'_>, out: &mut String) {
    let table = if family == BRIDGE_FAMILY { &OF_BRIDGE } else { &OF_FAMILY };
    attributes::write(view, family, table, chunk, out);
}

fn token(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    shape::write(view, INET6_FAMILY, Address, chunk, out);
}
