//! Messages of rtnetlink(7): structures and attributes by type (linux/rtnetlink.h).

use sysreel_abi::consts::netlink_route as c;
use sysreel_abi::consts::{link, netlink_link as l, socket};

use super::super::fields::Fields;
use super::super::shape::{self, Field, Shape, Table};
use super::super::value;
use super::super::view::View;
use super::attributes::{self, structure};
use super::hops::{address4, address6, routing_family, via};
use super::{Chunk, link as links};
use crate::text;
use Shape::*;
use sysreel_abi::ArgKind;

const FAMILY: Shape = Enum(1, &socket::FAMILY);

/// A structure with its size and the attributes after it, and the types of the messages that have
/// it, without `RTM_NEW`, `RTM_DEL`, `RTM_GET` and `RTM_SET`.
struct Message {
    objects: &'static [&'static str],
    size: usize,
    fields: &'static [Field],
    table: Option<&'static Table>,
}

const LINK: &[Field] = &[
    ("ifi_family", 0, FAMILY),
    ("ifi_type", 2, Enum(2, &link::HARDWARE_TYPE)),
    ("ifi_index", 4, Interface),
    ("ifi_flags", 8, Flags(4, &l::INTERFACE_FLAGS)),
    ("ifi_change", 12, Hex(4)),
];
const ADDRESS: &[Field] = &[
    ("ifa_family", 0, FAMILY),
    ("ifa_prefixlen", 1, Number(1)),
    ("ifa_flags", 2, Flags(1, &c::ADDRESS_FLAGS)),
    ("ifa_scope", 3, Named(1, &c::ROUTE_SCOPE)),
    ("ifa_index", 4, Interface),
];
const ROUTE: &[Field] = &[
    ("rtm_family", 0, FAMILY),
    ("rtm_dst_len", 1, Number(1)),
    ("rtm_src_len", 2, Number(1)),
    ("rtm_tos", 3, Flags(1, &c::TYPE_OF_SERVICE)),
    ("rtm_table", 4, Named(1, &c::ROUTE_TABLE)),
    ("rtm_protocol", 5, Enum(1, &c::ROUTE_PROTOCOL)),
    ("rtm_scope", 6, Named(1, &c::ROUTE_SCOPE)),
    ("rtm_type", 7, Enum(1, &c::ROUTE_TYPE)),
    ("rtm_flags", 8, Flags(4, &c::ROUTE_FLAGS)),
];
const RULE: &[Field] = &[
    ("family", 0, FAMILY),
    ("dst_len", 1, Number(1)),
    ("src_len", 2, Number(1)),
    ("tos", 3, Flags(1, &c::TYPE_OF_SERVICE)),
    ("table", 4, Named(1, &c::ROUTE_TABLE)),
    ("action", 7, Enum(1, &c::RULE_ACTION)),
    ("flags", 8, Flags(4, &c::RULE_FLAGS)),
];
const NEIGHBOR: &[Field] = &[
    ("ndm_family", 0, FAMILY),
    ("ndm_ifindex", 4, Interface),
    ("ndm_state", 8, Flags(2, &c::NEIGHBOR_STATE)),
    ("ndm_flags", 10, Flags(1, &c::NEIGHBOR_FLAGS)),
    ("ndm_type", 11, Enum(1, &c::ROUTE_TYPE)),
];
const TRAFFIC: &[Field] = &[
    ("tcm_family", 0, FAMILY),
    ("tcm_ifindex", 4, Interface),
    ("tcm_handle", 8, Number(4)),
    ("tcm_parent", 12, Number(4)),
    ("tcm_info", 16, Number(4)),
];
const LABEL: &[Field] = &[
    ("ifal_family", 0, FAMILY),
    ("ifal_prefixlen", 2, Number(1)),
    ("ifal_flags", 3, Number(1)),
    ("ifal_index", 4, Interface),
    ("ifal_seq", 8, Number(4)),
];
const STATS: &[Field] = &[
    ("family", 0, FAMILY),
    ("_pad1", 1, Hex(1)),
    ("_pad2", 2, Hex(2)),
    ("ifindex", 4, Interface),
    ("filter_mask", 8, Bits(4, &l::LINK_STATS, "1<<IFLA_STATS_")),
];
const NEXT_HOP: &[Field] = &[
    ("nh_family", 0, FAMILY),
    ("nh_scope", 1, Named(1, &c::ROUTE_SCOPE)),
    ("nh_protocol", 2, Enum(1, &c::ROUTE_PROTOCOL)),
    ("_resvd", 3, Hex(1)),
    ("nh_flags", 4, Flags(4, &c::NEXT_HOP_FLAGS)),
];

#[rustfmt::skip]
const MESSAGES: &[Message] = &[
    Message { objects: &["LINK"], size: 16, fields: LINK, table: Some(&links::LINK) },
    Message { objects: &["ADDR", "MULTICAST", "ANYCAST"], size: 8, fields: ADDRESS,
        table: Some(&ADDRESSES) },
    Message { objects: &["ROUTE"], size: 12, fields: ROUTE, table: Some(&ROUTES) },
    Message { objects: &["RULE"], size: 12, fields: RULE, table: Some(&RULES) },
    Message { objects: &["NEIGH"], size: 12, fields: NEIGHBOR, table: Some(&NEIGHBORS) },
    Message { objects: &["NEIGHTBL"], size: 4, fields: &[("ndtm_family", 0, FAMILY)],
        table: Some(&NEIGHBOR_TABLES) },
    Message { objects: &["QDISC", "TCLASS", "TFILTER", "CHAIN"], size: 20, fields: TRAFFIC,
        table: Some(&TRAFFIC_CONTROL) },
    Message { objects: &["ACTION"], size: 4, fields: &[("tca_family", 0, FAMILY)],
        table: Some(&ACTIONS) },
    Message { objects: &["ADDRLABEL"], size: 12, fields: LABEL, table: Some(&LABELS) },
    Message { objects: &["DCB"], size: 4,
        fields: &[("dcb_family", 0, FAMILY), ("cmd", 1, Enum(1, &c::DCB_COMMAND))],
        table: Some(&DCB) },
    Message { objects: &["NETCONF"], size: 1, fields: &[("ncm_family", 0, FAMILY)],
        table: Some(&CONFIGURATIONS) },
    Message { objects: &["MDB"], size: 8,
        fields: &[("family", 0, FAMILY), ("ifindex", 4, Interface)],
        table: Some(&links::MULTICAST) },
    Message { objects: &["NSID"], size: 1, fields: &[("rtgen_family", 0, FAMILY)],
        table: Some(&NAMESPACES) },
    Message { objects: &["CACHEREPORT"], size: 1,
        fields: &[("rtgen_family", 0, Call(routing_family))], table: None },
    Message { objects: &["STATS"], size: 12, fields: STATS, table: Some(&links::STATS) },
    Message { objects: &["NEXTHOP"], size: 8, fields: NEXT_HOP, table: Some(&NEXT_HOPS) },
];

/// Writes the payload of a message.
pub(super) fn payload(view: &View<'_>, kind: u64, chunk: Chunk<'_>, out: &mut String) {
    let name = c::ROUTE_MESSAGE.items.iter().find(|(_, known)| *known == kind);
    let object = name.and_then(|(name, _)| name.get("RTM_NEW".len()..));
    let known = object.and_then(|object| MESSAGES.iter().find(|m| m.objects.contains(&object)));
    if let Some(message) = known {
        let family = Fields::new(view.abi, chunk.bytes).u8(0);
        let table = match (message.objects, family) {
            (["CACHEREPORT"], 128) => Some(&REPORTS),
            (["CACHEREPORT"], 129) => Some(&REPORTS6),
            _ => message.table,
        };
        return structure(view, message.fields, message.size, table, chunk, out);
    }
    if !chunk.has(1) {
        return text::pointer(out, chunk.address);
    }
    out.push_str("{family=");
    let family = Fields::new(view.abi, chunk.bytes).u8(0);
    value::constant(view, ArgKind::Enum(&socket::FAMILY), family, out);
    if chunk.len > 1 {
        out.push_str(", data=");
        chunk.from(1).raw(view, out);
    }
    out.push('}');
}

const fn table(
    types: &'static sysreel_abi::Constants,
    forms: &'static [(&'static str, Shape)],
) -> Table {
    Table { types: Some(types), forms, others: Raw, write: attributes::write }
}

const U32: Shape = Number(4);
const S32: Shape = Signed(4);

#[rustfmt::skip]
static ADDRESSES: Table = table(&c::ADDRESS, &[
    ("IFA_ADDRESS", Address), ("IFA_LOCAL", Address), ("IFA_LABEL", Text),
    ("IFA_BROADCAST", Address), ("IFA_ANYCAST", Address), ("IFA_MULTICAST", Address),
    ("IFA_CACHEINFO", Members(&[("ifa_prefered", 0, U32), ("ifa_valid", 4, U32),
        ("cstamp", 8, U32), ("tstamp", 12, U32)])),
    ("IFA_FLAGS", Flags(4, &c::ADDRESS_FLAGS)), ("IFA_RT_PRIORITY", U32),
    ("IFA_TARGET_NETNSID", S32), ("IFA_PROTO", Hex(1)),
]);
#[rustfmt::skip]
static ROUTES: Table = table(&c::ROUTE, &[
    ("RTA_DST", Address), ("RTA_SRC", Address), ("RTA_IIF", Interface), ("RTA_OIF", Interface),
    ("RTA_GATEWAY", Address), ("RTA_PRIORITY", U32), ("RTA_PREFSRC", Address),
    ("RTA_METRICS", Nested(&METRICS)), ("RTA_MULTIPATH", Call(multipath)),
    ("RTA_FLOW", U32), ("RTA_CACHEINFO", Members(&[("rta_clntref", 0, U32),
        ("rta_lastuse", 4, U32), ("rta_expires", 8, U32), ("rta_error", 12, U32),
        ("rta_used", 16, U32), ("rta_id", 20, Hex(4)), ("rta_ts", 24, U32),
        ("rta_tsage", 28, U32)])),
    ("RTA_TABLE", Named(4, &c::ROUTE_TABLE)), ("RTA_MARK", U32),
    ("RTA_MFC_STATS", Members(&[("mfcs_packets", 0, Number(8)), ("mfcs_bytes", 8, Number(8)),
        ("mfcs_wrong_if", 16, Number(8))])),
    ("RTA_VIA", Call(via)), ("RTA_NEWDST", Address), ("RTA_PREF", Number(1)),
    ("RTA_ENCAP_TYPE", Enum(2, &c::ENCAPSULATION)), ("RTA_EXPIRES", Number(8)),
    ("RTA_UID", Uid), ("RTA_TTL_PROPAGATE", Number(1)),
    ("RTA_IP_PROTO", Enum(1, &socket::PROTOCOL)),
    ("RTA_SPORT", Port), ("RTA_DPORT", Port), ("RTA_NH_ID", U32),
]);
static METRICS: Table =
    Table { others: U32, ..table(&c::ROUTE_METRICS, &[("RTAX_CC_ALGO", Text)]) };
#[rustfmt::skip]
static RULES: Table = table(&c::RULE, &[
    ("FRA_DST", Address), ("FRA_SRC", Address), ("FRA_IIFNAME", Text), ("FRA_GOTO", U32),
    ("FRA_PRIORITY", U32), ("FRA_FWMARK", U32), ("FRA_FLOW", U32), ("FRA_TUN_ID", Wide),
    ("FRA_SUPPRESS_IFGROUP", U32), ("FRA_SUPPRESS_PREFIXLEN", U32),
    ("FRA_TABLE", Named(4, &c::ROUTE_TABLE)), ("FRA_FWMASK", U32), ("FRA_OIFNAME", Text),
    ("FRA_UID_RANGE", Members(&[("start", 0, Uid), ("end", 4, Uid)])),
    ("FRA_PROTOCOL", Enum(1, &c::ROUTE_PROTOCOL)), ("FRA_IP_PROTO", Enum(1, &socket::PROTOCOL)),
    ("FRA_SPORT_RANGE", PORTS), ("FRA_DPORT_RANGE", PORTS),
]);
const PORTS: Shape = Members(&[("start", 0, Number(2)), ("end", 2, Number(2))]);
#[rustfmt::skip]
static NEIGHBORS: Table = table(&c::NEIGHBOR, &[
    ("NDA_DST", Address), ("NDA_LLADDR", Hardware),
    ("NDA_CACHEINFO", Members(&[("ndm_confirmed", 0, U32), ("ndm_used", 4, U32),
        ("ndm_updated", 8, U32), ("ndm_refcnt", 12, U32)])),
    ("NDA_PROBES", U32), ("NDA_VLAN", Number(2)), ("NDA_PORT", Port), ("NDA_VNI", U32),
    ("NDA_IFINDEX", Interface), ("NDA_MASTER", Interface), ("NDA_LINK_NETNSID", U32),
    ("NDA_SRC_VNI", U32), ("NDA_PROTOCOL", Enum(1, &c::ROUTE_PROTOCOL)), ("NDA_NH_ID", U32),
    ("NDA_FDB_EXT_ATTRS", Nested(&BRIDGE_ENTRIES)),
    ("NDA_FLAGS_EXT", Flags(4, &c::NEIGHBOR_FLAGS_EXT)),
    ("NDA_NDM_STATE_MASK", Flags(2, &c::NEIGHBOR_STATE)),
    ("NDA_NDM_FLAGS_MASK", Flags(1, &c::NEIGHBOR_FLAGS)),
]);
static BRIDGE_ENTRIES: Table =
    table(&c::BRIDGE_ENTRY, &[("NFEA_ACTIVITY_NOTIFY", Flags(1, &c::BRIDGE_NOTIFY))]);
#[rustfmt::skip]
static NEIGHBOR_TABLES: Table = table(&c::NEIGHBOR_TABLE, &[
    ("NDTA_NAME", Text), ("NDTA_THRESH1", U32), ("NDTA_THRESH2", U32), ("NDTA_THRESH3", U32),
    ("NDTA_CONFIG", Members(&[("ndtc_key_len", 0, Number(2)), ("ndtc_entry_size", 2, Number(2)),
        ("ndtc_entries", 4, U32), ("ndtc_last_flush", 8, U32), ("ndtc_last_rand", 12, U32),
        ("ndtc_hash_rnd", 16, U32), ("ndtc_hash_mask", 20, Hex(4)),
        ("ndtc_hash_chain_gc", 24, U32), ("ndtc_proxy_qlen", 28, U32)])),
    ("NDTA_PARMS", Nested(&NEIGHBOR_PARAMETERS)),
    ("NDTA_STATS", Members(&[("ndts_allocs", 0, Number(8)), ("ndts_destroys", 8, Number(8)),
        ("ndts_hash_grows", 16, Number(8)), ("ndts_res_failed", 24, Number(8)),
        ("ndts_lookups", 32, Number(8)), ("ndts_hits", 40, Number(8)),
        ("ndts_rcv_probes_mcast", 48, Number(8)), ("ndts_rcv_probes_ucast", 56, Number(8)),
        ("ndts_periodic_gc_runs", 64, Number(8)), ("ndts_forced_gc_runs", 72, Number(8)),
        ("ndts_table_fulls", 80, Number(8))])),
    ("NDTA_GC_INTERVAL", Number(8)),
]);
#[rustfmt::skip]
static NEIGHBOR_PARAMETERS: Table = table(&c::NEIGHBOR_PARAMETERS, &[
    ("NDTPA_IFINDEX", Interface), ("NDTPA_REFCNT", U32), ("NDTPA_REACHABLE_TIME", Number(8)),
    ("NDTPA_BASE_REACHABLE_TIME", Number(8)), ("NDTPA_RETRANS_TIME", Number(8)),
    ("NDTPA_GC_STALETIME", Number(8)), ("NDTPA_DELAY_PROBE_TIME", Number(8)),
    ("NDTPA_QUEUE_LEN", U32), ("NDTPA_APP_PROBES", U32), ("NDTPA_UCAST_PROBES", U32),
    ("NDTPA_MCAST_PROBES", U32), ("NDTPA_ANYCAST_DELAY", Number(8)),
    ("NDTPA_PROXY_DELAY", Number(8)), ("NDTPA_PROXY_QLEN", U32), ("NDTPA_LOCKTIME", Number(8)),
    ("NDTPA_QUEUE_LENBYTES", U32), ("NDTPA_MCAST_REPROBES", U32),
    ("NDTPA_INTERVAL_PROBE_TIME_MS", Number(8)),
]);
#[rustfmt::skip]
static TRAFFIC_CONTROL: Table = table(&c::TRAFFIC, &[
    ("TCA_KIND", Text), ("TCA_FCNT", U32),
    ("TCA_STATS", Members(&[("bytes", 0, Number(8)), ("packets", 8, U32), ("drops", 12, U32),
        ("overlimits", 16, U32), ("bps", 20, U32), ("pps", 24, U32), ("qlen", 28, U32),
        ("backlog", 32, U32)])),
    ("TCA_RATE", Members(&[("interval", 0, Signed(1)), ("ewma_log", 1, Number(1))])),
    ("TCA_STATS2", Nested(&TRAFFIC_STATS)), ("TCA_STAB", Nested(&TRAFFIC_SIZES)),
    ("TCA_CHAIN", U32), ("TCA_HW_OFFLOAD", Number(1)), ("TCA_INGRESS_BLOCK", U32),
    ("TCA_EGRESS_BLOCK", U32),
]);
#[rustfmt::skip]
static TRAFFIC_STATS: Table = table(&c::TRAFFIC_STATS, &[
    ("TCA_STATS_BASIC", BASIC), ("TCA_STATS_BASIC_HW", BASIC),
    ("TCA_STATS_RATE_EST", Members(&[("bps", 0, U32), ("pps", 4, U32)])),
    ("TCA_STATS_QUEUE", Members(&[("qlen", 0, U32), ("backlog", 4, U32), ("drops", 8, U32),
        ("requeues", 12, U32), ("overlimits", 16, U32)])),
    ("TCA_STATS_RATE_EST64", Members(&[("bps", 0, Number(8)), ("pps", 8, Number(8))])),
    ("TCA_STATS_PKT64", Number(8)),
]);
const BASIC: Shape = Members(&[("bytes", 0, Number(8)), ("packets", 8, U32)]);
#[rustfmt::skip]
static TRAFFIC_SIZES: Table = table(&c::TRAFFIC_SIZES, &[
    ("TCA_STAB_BASE", Members(&[("cell_log", 0, Number(1)), ("size_log", 1, Number(1)),
        ("cell_align", 2, Signed(2)), ("overhead", 4, S32), ("linklayer", 8, U32),
        ("mpu", 12, U32), ("mtu", 16, U32), ("tsize", 20, U32)])),
    ("TCA_STAB_DATA", Array(&Number(2))),
]);
#[rustfmt::skip]
static ACTIONS: Table = table(&c::ACTIONS, &[
    ("TCA_ROOT_TAB", Nested(&ACTION_LIST)), ("TCA_ROOT_FLAGS", Flags(4, &c::ACTION_DUMP)),
    ("TCA_ROOT_COUNT", U32), ("TCA_ROOT_TIME_DELTA", U32),
]);
/// The types number the actions.
static ACTION_LIST: Table =
    Table { types: None, forms: &[], others: Nested(&ACTION), write: attributes::write };
#[rustfmt::skip]
static ACTION: Table = table(&c::ACTION, &[
    ("TCA_ACT_KIND", Text), ("TCA_ACT_INDEX", U32), ("TCA_ACT_STATS", Nested(&TRAFFIC_STATS)),
    ("TCA_ACT_FLAGS", Flags(4, &c::ACTION_FLAGS)),
    ("TCA_ACT_HW_STATS", Flags(4, &c::ACTION_STATS)),
    ("TCA_ACT_USED_HW_STATS", Flags(4, &c::ACTION_STATS)), ("TCA_ACT_IN_HW_COUNT", U32),
]);
static LABELS: Table = table(&c::LABEL, &[("IFAL_ADDRESS", Address), ("IFAL_LABEL", U32)]);
static DCB: Table = table(&c::DCB, &[("DCB_ATTR_IFNAME", Text)]);
static CONFIGURATIONS: Table =
    Table { others: S32, ..table(&c::CONFIGURATION, &[("NETCONFA_IFINDEX", Interface)]) };
static NAMESPACES: Table = table(
    &c::NAMESPACE,
    &[
        ("NETNSA_NSID", S32),
        ("NETNSA_PID", U32),
        ("NETNSA_FD", Fd),
        ("NETNSA_TARGET_NSID", S32),
        ("NETNSA_CURRENT_NSID", S32),
    ],
);
#[rustfmt::skip]
static NEXT_HOPS: Table = table(&c::NEXT_HOP, &[
    ("NHA_ID", U32), ("NHA_GROUP", Array(&Members(&[("id", 0, U32), ("weight", 4, Number(1)),
        ("_resvd1", 5, Hex(1)), ("_resvd2", 6, Hex(2))]))),
    ("NHA_GROUP_TYPE", Enum(2, &c::NEXT_HOP_GROUP)), ("NHA_BLACKHOLE", U32),
    ("NHA_OIF", Interface), ("NHA_GATEWAY", Address),
    ("NHA_ENCAP_TYPE", Enum(2, &c::ENCAPSULATION)), ("NHA_GROUPS", U32),
    ("NHA_MASTER", Interface), ("NHA_FDB", U32), ("NHA_RES_GROUP", Nested(&RESILIENT)),
    ("NHA_RES_BUCKET", Nested(&BUCKET)),
]);
#[rustfmt::skip]
static RESILIENT: Table = table(&c::NEXT_HOP_RESILIENT, &[
    ("NHA_RES_GROUP_BUCKETS", Number(2)), ("NHA_RES_GROUP_IDLE_TIMER", Centiseconds),
    ("NHA_RES_GROUP_UNBALANCED_TIMER", Centiseconds),
    ("NHA_RES_GROUP_UNBALANCED_TIME", Centiseconds),
]);
#[rustfmt::skip]
static BUCKET: Table = table(&c::NEXT_HOP_BUCKET, &[
    ("NHA_RES_BUCKET_INDEX", Number(2)), ("NHA_RES_BUCKET_IDLE_TIME", Centiseconds),
    ("NHA_RES_BUCKET_NH_ID", U32),
]);

#[rustfmt::skip]
static REPORTS: Table = table(&c::REPORT, &[
    ("IPMRA_CREPORT_MSGTYPE", Enum(1, &c::REPORTED)), ("IPMRA_CREPORT_VIF_ID", U32),
    ("IPMRA_CREPORT_SRC_ADDR", Call(address4)), ("IPMRA_CREPORT_DST_ADDR", Call(address4)),
    ("IPMRA_CREPORT_TABLE", U32),
]);
#[rustfmt::skip]
static REPORTS6: Table = table(&c::REPORT6, &[
    ("IP6MRA_CREPORT_MSGTYPE", Enum(1, &c::REPORTED6)), ("IP6MRA_CREPORT_MIF_ID", U32),
    ("IP6MRA_CREPORT_SRC_ADDR", Call(address6)), ("IP6MRA_CREPORT_DST_ADDR", Call(address6)),
]);

/// Writes the next hops of a route: each a `struct rtnexthop` with attributes of its own.
fn multipath(view: &View<'_>, family: u64, chunk: Chunk<'_>, out: &mut String) {
    const HOP: &[Field] = &[
        ("rtnh_len", 0, Number(2)),
        ("rtnh_flags", 2, Flags(1, &c::NEXT_HOP_FLAGS)),
        ("rtnh_hops", 3, Number(1)),
        ("rtnh_ifindex", 4, Interface),
    ];
    const SIZE: usize = 8;
    if chunk.need(view, SIZE, out).is_none() {
        return;
    }
    let mut rest = chunk;
    let length =
        |hop: Chunk<'_>| usize::try_from(Fields::new(view.abi, hop.bytes).u16(0)).unwrap_or(0);
    let many = length(chunk) >= SIZE && length(chunk).next_multiple_of(4) < chunk.len;
    out.push('[');
    loop {
        let len = length(rest);
        let attributes = rest.first(len).from(SIZE);
        let is_nested = many && attributes.len > 0;
        out.push_str(if is_nested { "[" } else { "" });
        shape::members(view, family, HOP, rest.first(SIZE), out);
        if attributes.len > 0 {
            out.push_str(", ");
            attributes::write(view, family, &ROUTES, attributes, out);
            out.push_str(if is_nested { "]" } else { "" });
        }
        let end = len.next_multiple_of(4);
        if len < SIZE || end >= rest.len {
            break;
        }
        rest = rest.from(end);
        out.push_str(", ");
        if !rest.has(SIZE) {
            attributes::unread(view, rest, SIZE, out);
            break;
        }
    }
    out.push(']');
}
