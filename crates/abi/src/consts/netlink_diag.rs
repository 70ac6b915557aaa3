//! Constants of sock_diag(7).

use linux_raw_sys::netlink::*;

use super::list;
use super::uapi::lists;

list! { /// States of netlink sockets.
NETLINK_STATE "NETLINK_" 32:
NETLINK_UNCONNECTED NETLINK_CONNECTED }

lists! {
    /// Messages of sock_diag.
    "linux/sock_diag.h" DIAG_MESSAGE "SOCK_DIAG_" 32:
        SOCK_DIAG_BY_FAMILY = 0x14, SOCK_DESTROY = 0x15;
    /// Old messages of sock_diag.
    "linux/inet_diag.h" OLD_DIAG_MESSAGE "SOCK_DIAG_" 32:
        TCPDIAG_GETSOCK = 0x12, DCCPDIAG_GETSOCK = 0x13;
    /// Attributes of Unix sockets.
    "linux/unix_diag.h" UNIX "UNIX_DIAG_" 32:
        UNIX_DIAG_NAME = 0, UNIX_DIAG_VFS = 1, UNIX_DIAG_PEER = 2, UNIX_DIAG_ICONS = 3,
        UNIX_DIAG_RQLEN = 4, UNIX_DIAG_MEMINFO = 5, UNIX_DIAG_SHUTDOWN = 6, UNIX_DIAG_UID = 7;
    /// What is asked of Unix sockets.
    "linux/unix_diag.h" UNIX_SHOW "UDIAG_SHOW_" 32:
        UDIAG_SHOW_NAME = 1, UDIAG_SHOW_VFS = 2, UDIAG_SHOW_PEER = 4, UDIAG_SHOW_ICONS = 8,
        UDIAG_SHOW_RQLEN = 0x10, UDIAG_SHOW_MEMINFO = 0x20, UDIAG_SHOW_UID = 0x40;
    /// Attributes of internet sockets.
    "linux/inet_diag.h" INET "INET_DIAG_" 32:
        INET_DIAG_NONE = 0, INET_DIAG_MEMINFO = 1, INET_DIAG_INFO = 2, INET_DIAG_VEGASINFO = 3,
        INET_DIAG_CONG = 4, INET_DIAG_TOS = 5, INET_DIAG_TCLASS = 6, INET_DIAG_SKMEMINFO = 7,
        INET_DIAG_SHUTDOWN = 8, INET_DIAG_DCTCPINFO = 9, INET_DIAG_PROTOCOL = 0xa,
        INET_DIAG_SKV6ONLY = 0xb, INET_DIAG_LOCALS = 0xc, INET_DIAG_PEERS = 0xd,
        INET_DIAG_PAD = 0xe, INET_DIAG_MARK = 0xf, INET_DIAG_BBRINFO = 0x10,
        INET_DIAG_CLASS_ID = 0x11, INET_DIAG_MD5SIG = 0x12, INET_DIAG_ULP_INFO = 0x13,
        INET_DIAG_SK_BPF_STORAGES = 0x14, INET_DIAG_CGROUP_ID = 0x15, INET_DIAG_SOCKOPT = 0x16;
    /// Attributes of requests for internet sockets.
    "linux/inet_diag.h" INET_REQUEST "INET_DIAG_REQ_" 32:
        INET_DIAG_REQ_NONE = 0, INET_DIAG_REQ_BYTECODE = 1, INET_DIAG_REQ_SK_BPF_STORAGES = 2,
        INET_DIAG_REQ_PROTOCOL = 3;
    /// Instructions of filters.
    "linux/inet_diag.h" INET_BYTECODE "INET_DIAG_BC_" 32:
        INET_DIAG_BC_NOP = 0, INET_DIAG_BC_JMP = 1, INET_DIAG_BC_S_GE = 2, INET_DIAG_BC_S_LE = 3,
        INET_DIAG_BC_D_GE = 4, INET_DIAG_BC_D_LE = 5, INET_DIAG_BC_AUTO = 6,
        INET_DIAG_BC_S_COND = 7, INET_DIAG_BC_D_COND = 8, INET_DIAG_BC_DEV_COND = 9,
        INET_DIAG_BC_MARK_COND = 0xa, INET_DIAG_BC_S_EQ = 0xb, INET_DIAG_BC_D_EQ = 0xc,
        INET_DIAG_BC_CGROUP_COND = 0xd;
    /// Memory of sockets.
    "linux/sock_diag.h" MEMORY "SK_MEMINFO_" 32:
        SK_MEMINFO_RMEM_ALLOC = 0, SK_MEMINFO_RCVBUF = 1, SK_MEMINFO_WMEM_ALLOC = 2,
        SK_MEMINFO_SNDBUF = 3, SK_MEMINFO_FWD_ALLOC = 4, SK_MEMINFO_WMEM_QUEUED = 5,
        SK_MEMINFO_OPTMEM = 6, SK_MEMINFO_BACKLOG = 7, SK_MEMINFO_DROPS = 8, SK_MEMINFO_VARS = 9;
    /// Attributes of netlink sockets.
    "linux/netlink_diag.h" NETLINK "NETLINK_DIAG_" 32:
        NETLINK_DIAG_MEMINFO = 0, NETLINK_DIAG_GROUPS = 1, NETLINK_DIAG_RX_RING = 2,
        NETLINK_DIAG_TX_RING = 3, NETLINK_DIAG_FLAGS = 4;
    /// What is asked of netlink sockets.
    "linux/netlink_diag.h" NETLINK_SHOW "NDIAG_SHOW_" 32:
        NDIAG_SHOW_MEMINFO = 1, NDIAG_SHOW_GROUPS = 2, NDIAG_SHOW_RING_CFG = 4,
        NDIAG_SHOW_FLAGS = 8;
    /// Flags of netlink sockets.
    "linux/netlink_diag.h" NETLINK_DIAG_FLAGS "NDIAG_FLAG_" 32:
        NDIAG_FLAG_CB_RUNNING = 1, NDIAG_FLAG_PKTINFO = 2, NDIAG_FLAG_BROADCAST_ERROR = 4,
        NDIAG_FLAG_NO_ENOBUFS = 8, NDIAG_FLAG_LISTEN_ALL_NSID = 0x10, NDIAG_FLAG_CAP_ACK = 0x20;
    /// Attributes of packet sockets.
    "linux/packet_diag.h" PACKET "PACKET_DIAG_" 32:
        PACKET_DIAG_INFO = 0, PACKET_DIAG_MCLIST = 1, PACKET_DIAG_RX_RING = 2,
        PACKET_DIAG_TX_RING = 3, PACKET_DIAG_FANOUT = 4, PACKET_DIAG_UID = 5,
        PACKET_DIAG_MEMINFO = 6, PACKET_DIAG_FILTER = 7;
    /// What is asked of packet sockets.
    "linux/packet_diag.h" PACKET_SHOW "PACKET_SHOW_" 32:
        PACKET_SHOW_INFO = 1, PACKET_SHOW_MCLIST = 2, PACKET_SHOW_RING_CFG = 4,
        PACKET_SHOW_FANOUT = 8, PACKET_SHOW_MEMINFO = 0x10, PACKET_SHOW_FILTER = 0x20;
    /// Flags of packet sockets.
    "linux/packet_diag.h" PACKET_FLAGS "PDI_" 32:
        PDI_RUNNING = 1, PDI_AUXDATA = 2, PDI_ORIGDEV = 4, PDI_VNETHDR = 8, PDI_LOSS = 0x10;
    /// Attributes of SMC sockets.
    "linux/smc_diag.h" SMC "SMC_DIAG_" 32:
        SMC_DIAG_NONE = 0, SMC_DIAG_CONNINFO = 1, SMC_DIAG_LGRINFO = 2, SMC_DIAG_SHUTDOWN = 3,
        SMC_DIAG_DMBINFO = 4, SMC_DIAG_FALLBACK = 5;
    /// States of TCP connections.
    "netinet/tcp.h" TCP_STATE "TCP_" 32:
        TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_SYN_RECV = 3, TCP_FIN_WAIT1 = 4,
        TCP_FIN_WAIT2 = 5, TCP_TIME_WAIT = 6, TCP_CLOSE = 7, TCP_CLOSE_WAIT = 8, TCP_LAST_ACK = 9,
        TCP_LISTEN = 0xa, TCP_CLOSING = 0xb;
    /// Versions of rings of packet sockets.
    "linux/if_packet.h" PACKET_VERSION "TPACKET_" 32:
        TPACKET_V1 = 0, TPACKET_V2 = 1, TPACKET_V3 = 2;
    /// Directions that a socket has shut down [include/net/sock.h].
    "" SHUT "???_SHUTDOWN" 32: RCV_SHUTDOWN = 1, SEND_SHUTDOWN = 2;
}
