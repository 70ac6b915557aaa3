//! Constants in the addresses of rare socket families, with their numbers.

use super::uapi::lists;

lists! {
    /// Ports of virtual machines.
    "linux/vm_sockets.h" VSOCK_PORT "" 32: VMADDR_PORT_ANY = 0xffffffff;
    /// Flags of addresses of virtual machines.
    "linux/vm_sockets.h" VSOCK_FLAGS "VMADDR_FLAG_" 32: VMADDR_FLAG_TO_HOST = 1;
    /// Nodes of Qualcomm's inter-processor router.
    "linux/qrtr.h" QRTR_NODE "" 32: QRTR_NODE_BCAST = 0xffffffff;
    /// Ports of Qualcomm's inter-processor router.
    "linux/qrtr.h" QRTR_PORT "" 32: QRTR_PORT_CTRL = 0xfffffffe;
    /// Flags of XDP sockets.
    "linux/if_xdp.h" XDP "XDP_" 32:
        XDP_SHARED_UMEM = 1, XDP_COPY = 2, XDP_ZEROCOPY = 4, XDP_USE_NEED_WAKEUP = 8;
    /// Networks of management components.
    "linux/mctp.h" MCTP_NET "" 32: MCTP_NET_ANY = 0;
    /// Addresses of management components.
    "linux/mctp.h" MCTP_ADDRESS "" 32: MCTP_ADDR_NULL = 0, MCTP_ADDR_ANY = 0xff;
    /// Protocols of near-field communication.
    "linux/nfc.h" NFC_PROTOCOL "NFC_PROTO_" 32:
        NFC_PROTO_JEWEL = 1, NFC_PROTO_MIFARE = 2, NFC_PROTO_FELICA = 3, NFC_PROTO_ISO14443 = 4,
        NFC_PROTO_NFC_DEP = 5, NFC_PROTO_ISO14443_B = 6, NFC_PROTO_ISO15693 = 7;
    /// Access points of near-field communication [net/nfc/llcp.h].
    "" LLCP_SAP "" 32:
        LLCP_SAP_SDP = 1, LLCP_SAP_IP = 2, LLCP_SAP_OBEX = 3, LLCP_SAP_SNEP = 4,
        LLCP_SAP_MAX = 0xff;
    /// Features of ciphers [include/linux/crypto.h].
    "" CRYPTO_ALG "CRYPTO_ALG_" 32: CRYPTO_ALG_KERN_DRIVER_ONLY = 0x1000;
    /// Kinds of low-rate radio addresses [include/net/af_ieee802154.h].
    "" RADIO_ADDRESS "IEEE802154_ADDR_" 32:
        IEEE802154_ADDR_NONE = 0, IEEE802154_ADDR_SHORT = 2, IEEE802154_ADDR_LONG = 3;
    /// Low-rate radio networks [include/net/af_ieee802154.h].
    "" RADIO_NETWORK "" 32: IEEE802154_PANID_BROADCAST = 0xffff;
    /// Short low-rate radio addresses [include/net/af_ieee802154.h].
    "" RADIO_SHORT "" 32:
        IEEE802154_ADDR_UNDEF = 0xfffe, IEEE802154_ADDR_BROADCAST = 0xffff;
    /// Types of the socket that carries another one [include/linux/net.h].
    "" TRANSPORT_TYPE "SOCK_" 32:
        SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3, SOCK_RDM = 4, SOCK_SEQPACKET = 5,
        SOCK_DCCP = 6, SOCK_PACKET = 10;
    /// Services of the Andrew file system [fs/afs/afs_cm.h, afs_vl.h, protocol_yfs.h].
    "" RXRPC_SERVICE "???_SERVICE" 32:
        CM_SERVICE = 1, VL_SERVICE = 52, YFS_FS_SERVICE = 2500, YFS_CM_SERVICE = 2501,
        YFS_VL_SERVICE = 2503;
}
