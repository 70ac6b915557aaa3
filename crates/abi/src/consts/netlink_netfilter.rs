//! Constants of netfilter: names of its messages.

use super::uapi::lists;

lists! {
    /// Subsystems of netfilter.
    "linux/netfilter/nfnetlink.h" SUBSYSTEM "NFNL_SUBSYS_" 32:
        NFNL_SUBSYS_NONE = 0, NFNL_SUBSYS_CTNETLINK = 1, NFNL_SUBSYS_CTNETLINK_EXP = 2,
        NFNL_SUBSYS_QUEUE = 3, NFNL_SUBSYS_ULOG = 4, NFNL_SUBSYS_OSF = 5, NFNL_SUBSYS_IPSET = 6,
        NFNL_SUBSYS_ACCT = 7, NFNL_SUBSYS_CTNETLINK_TIMEOUT = 8, NFNL_SUBSYS_CTHELPER = 9,
        NFNL_SUBSYS_NFTABLES = 0xa, NFNL_SUBSYS_NFT_COMPAT = 0xb, NFNL_SUBSYS_HOOK = 0xc;
    /// Messages of connection tracking.
    "linux/netfilter/nfnetlink_conntrack.h" CONNTRACK "IPCTNL_MSG_CT_" 32:
        IPCTNL_MSG_CT_NEW = 0, IPCTNL_MSG_CT_GET = 1, IPCTNL_MSG_CT_DELETE = 2,
        IPCTNL_MSG_CT_GET_CTRZERO = 3, IPCTNL_MSG_CT_GET_STATS_CPU = 4,
        IPCTNL_MSG_CT_GET_STATS = 5, IPCTNL_MSG_CT_GET_DYING = 6,
        IPCTNL_MSG_CT_GET_UNCONFIRMED = 7;
    /// Messages of expectations.
    "linux/netfilter/nfnetlink_conntrack.h" EXPECTATIONS "IPCTNL_MSG_EXP_" 32:
        IPCTNL_MSG_EXP_NEW = 0, IPCTNL_MSG_EXP_GET = 1, IPCTNL_MSG_EXP_DELETE = 2,
        IPCTNL_MSG_EXP_GET_STATS_CPU = 3;
    /// Messages of queues.
    "linux/netfilter/nfnetlink_queue.h" QUEUE "NFQNL_MSG_" 32:
        NFQNL_MSG_PACKET = 0, NFQNL_MSG_VERDICT = 1, NFQNL_MSG_CONFIG = 2,
        NFQNL_MSG_VERDICT_BATCH = 3;
    /// Messages of logs.
    "linux/netfilter/nfnetlink_log.h" LOG "NFULNL_MSG_" 32:
        NFULNL_MSG_PACKET = 0, NFULNL_MSG_CONFIG = 1;
    /// Messages of fingerprints.
    "linux/netfilter/nfnetlink_osf.h" OSF "OSF_MSG_" 32:
        OSF_MSG_ADD = 0, OSF_MSG_REMOVE = 1;
    /// Messages of accounting.
    "linux/netfilter/nfnetlink_acct.h" ACCOUNTING "NFNL_MSG_ACCT_" 32:
        NFNL_MSG_ACCT_NEW = 0, NFNL_MSG_ACCT_GET = 1, NFNL_MSG_ACCT_GET_CTRZERO = 2,
        NFNL_MSG_ACCT_DEL = 3, NFNL_MSG_ACCT_OVERQUOTA = 4;
    /// Messages of timeouts.
    "linux/netfilter/nfnetlink_cttimeout.h" TIMEOUT "IPCTNL_MSG_TIMEOUT_" 32:
        IPCTNL_MSG_TIMEOUT_NEW = 0, IPCTNL_MSG_TIMEOUT_GET = 1, IPCTNL_MSG_TIMEOUT_DELETE = 2,
        IPCTNL_MSG_TIMEOUT_DEFAULT_SET = 3, IPCTNL_MSG_TIMEOUT_DEFAULT_GET = 4;
    /// Messages of helpers.
    "linux/netfilter/nfnetlink_cthelper.h" HELPER "NFNL_MSG_CTHELPER_" 32:
        NFNL_MSG_CTHELPER_NEW = 0, NFNL_MSG_CTHELPER_GET = 1, NFNL_MSG_CTHELPER_DEL = 2;
    /// Messages of nftables.
    "linux/netfilter/nf_tables.h" NFTABLES "NFT_MSG_" 32:
        NFT_MSG_NEWTABLE = 0, NFT_MSG_GETTABLE = 1, NFT_MSG_DELTABLE = 2, NFT_MSG_NEWCHAIN = 3,
        NFT_MSG_GETCHAIN = 4, NFT_MSG_DELCHAIN = 5, NFT_MSG_NEWRULE = 6, NFT_MSG_GETRULE = 7,
        NFT_MSG_DELRULE = 8, NFT_MSG_NEWSET = 9, NFT_MSG_GETSET = 0xa, NFT_MSG_DELSET = 0xb,
        NFT_MSG_NEWSETELEM = 0xc, NFT_MSG_GETSETELEM = 0xd, NFT_MSG_DELSETELEM = 0xe,
        NFT_MSG_NEWGEN = 0xf, NFT_MSG_GETGEN = 0x10, NFT_MSG_TRACE = 0x11, NFT_MSG_NEWOBJ = 0x12,
        NFT_MSG_GETOBJ = 0x13, NFT_MSG_DELOBJ = 0x14, NFT_MSG_GETOBJ_RESET = 0x15,
        NFT_MSG_NEWFLOWTABLE = 0x16, NFT_MSG_GETFLOWTABLE = 0x17, NFT_MSG_DELFLOWTABLE = 0x18;
    /// Messages of compatibility.
    "linux/netfilter/nf_tables_compat.h" COMPATIBILITY "NFNL_MSG_COMPAT_" 32:
        NFNL_MSG_COMPAT_GET = 0;
    /// Commands of IP sets.
    "linux/netfilter/ipset/ip_set.h" IPSET "IPSET_CMD_" 32:
        IPSET_CMD_NONE = 0, IPSET_CMD_PROTOCOL = 1, IPSET_CMD_CREATE = 2, IPSET_CMD_DESTROY = 3,
        IPSET_CMD_FLUSH = 4, IPSET_CMD_RENAME = 5, IPSET_CMD_SWAP = 6, IPSET_CMD_LIST = 7,
        IPSET_CMD_SAVE = 8, IPSET_CMD_ADD = 9, IPSET_CMD_DEL = 0xa, IPSET_CMD_TEST = 0xb,
        IPSET_CMD_HEADER = 0xc, IPSET_CMD_TYPE = 0xd, IPSET_CMD_GET_BYNAME = 0xe,
        IPSET_CMD_GET_BYINDEX = 0xf, IPSET_CMD_RESTORE = 0x10, IPSET_CMD_HELP = 0x11,
        IPSET_CMD_VERSION = 0x12, IPSET_CMD_QUIT = 0x13, IPSET_CMD_COMMIT = 0x14;
    /// Messages around a batch [NLMSG_MIN_TYPE and the next].
    "" BATCH "NFNL_MSG_BATCH_" 32:
        NFNL_MSG_BATCH_BEGIN = 0x10, NFNL_MSG_BATCH_END = 0x11;
}
