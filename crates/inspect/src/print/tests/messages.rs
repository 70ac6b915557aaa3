//! Messages of netlink sockets, addresses of rare families, requests of drivers, and IPC and
//! signals of 32-bit programs. The bytes are laid out as the headers of the kernel say.

use expect_test::expect;
use sysreel_abi::Abi;

use super::calls::{A, check, le, le32};
use crate::print::Options;
use crate::testing::{Bytes, LogBuilder};

fn le16(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A `struct nlmsghdr` with its payload.
fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(16 + payload.len()).unwrap();
    [&le32(&[len])[..], &le16(&[kind, flags]), &le32(&[7, 0]), payload].concat()
}

fn netlink(log: &mut LogBuilder, protocol: u64, fd: i64) {
    log.call("socket", [16, 3, protocol, 0, 0, 0], &[], fd, &[]);
}

fn send(log: &mut LogBuilder, fd: u64, bytes: &[u8]) {
    let len = bytes.len() as u64;
    let rval = i64::try_from(len).unwrap();
    log.call("sendto", [fd, A, len, 0, 0, 0], &[(1, 0, 0, bytes)], rval, &[]);
}

#[test]
fn netlink_messages() {
    let mut log = LogBuilder::new();
    netlink(&mut log, 0, 3);
    // RTM_GETLINK with a struct ifinfomsg and IFLA_IFNAME.
    let link = [&[0_u8, 0][..], &le16(&[1]), &le32(&[1, 0x41, 0])].concat();
    let name = [&le16(&[7, 3])[..], b"lo\0\0"].concat();
    send(&mut log, 3, &message(18, 1, &[link, name].concat()));
    // NLMSG_ERROR with ENODEV and the header of the request.
    let failed = [&le32(&[0xffff_ffed])[..], &message(18, 1, &[])].concat();
    send(&mut log, 3, &message(2, 0, &failed));
    // Two messages: RTM_GETROUTE with RTA_DST, and NLMSG_DONE.
    let route = [&[2, 32, 0, 0, 254, 3, 0, 1][..], &le32(&[0])].concat();
    let target = [&le16(&[8, 1])[..], &[10, 0, 0, 1]].concat();
    let both = [message(26, 0x301, &[route, target].concat()), message(3, 2, &le32(&[0]))].concat();
    send(&mut log, 3, &both);
    // NETLINK_KOBJECT_UEVENT.
    netlink(&mut log, 15, 4);
    send(&mut log, 4, b"add@/devices/x\0ACTION=add\0");
    // Not followed any more: the descriptor was closed and is another socket now.
    log.call("close", [3, 0, 0, 0, 0, 0], &[], 0, &[]);
    log.call("socket", [1, 1, 0, 0, 0, 0], &[], 3, &[]);
    send(&mut log, 3, &message(18, 1, &[]));
    // A copy of a descriptor is the same socket.
    netlink(&mut log, 0, 5);
    log.call("dup2", [5, 6, 0, 0, 0, 0], &[], 6, &[]);
    send(&mut log, 6, &message(3, 0, &[]));
    // Too short for a header.
    send(&mut log, 6, &le32(&[16, 1]));
    check(
        &log,
        expect![[r#"
        socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) = 3
        sendto(3, [{nlmsg_len=40, nlmsg_type=RTM_GETLINK, nlmsg_flags=NLM_F_REQUEST, nlmsg_seq=7, nlmsg_pid=0}, {ifi_family=AF_UNSPEC, ifi_type=ARPHRD_ETHER, ifi_index=if_nametoindex("lo"), ifi_flags=IFF_UP|IFF_RUNNING, ifi_change=0}, [{nla_len=7, nla_type=IFLA_IFNAME}, "lo"]], 40, 0, NULL, 0) = 40
        sendto(3, [{nlmsg_len=36, nlmsg_type=NLMSG_ERROR, nlmsg_flags=0, nlmsg_seq=7, nlmsg_pid=0}, {error=-ENODEV, msg={nlmsg_len=16, nlmsg_type=RTM_GETLINK, nlmsg_flags=NLM_F_REQUEST, nlmsg_seq=7, nlmsg_pid=0}}], 36, 0, NULL, 0) = 36
        sendto(3, [[{nlmsg_len=36, nlmsg_type=RTM_GETROUTE, nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP, nlmsg_seq=7, nlmsg_pid=0}, {rtm_family=AF_INET, rtm_dst_len=32, rtm_src_len=0, rtm_tos=0, rtm_table=RT_TABLE_MAIN, rtm_protocol=RTPROT_BOOT, rtm_scope=RT_SCOPE_UNIVERSE, rtm_type=RTN_UNICAST, rtm_flags=0}, [{nla_len=8, nla_type=RTA_DST}, inet_addr("10.0.0.1")]], [{nlmsg_len=20, nlmsg_type=NLMSG_DONE, nlmsg_flags=NLM_F_MULTI, nlmsg_seq=7, nlmsg_pid=0}, 0]], 56, 0, NULL, 0) = 56
        socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT) = 4
        sendto(4, "add@/devices/x\0ACTION=add\0", 26, 0, NULL, 0) = 26
        close(3)                                = 0
        socket(AF_UNIX, SOCK_STREAM, 0)         = 3
        sendto(3, "\20\0\0\0\22\0\1\0\7\0\0\0\0\0\0\0", 16, 0, NULL, 0) = 16
        socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) = 5
        dup2(5, 6)                              = 6
        sendto(6, {nlmsg_len=16, nlmsg_type=NLMSG_DONE, nlmsg_flags=0, nlmsg_seq=7, nlmsg_pid=0}, 16, 0, NULL, 0) = 16
        sendto(6, "\x10\x00\x00\x00\x01\x00\x00\x00", 8, 0, NULL, 0) = 8
    "#]],
    );
}

/// A program may send errors in errors, and routes in routes, as deep as its buffer is long.
#[test]
fn messages_within_messages_end() {
    const LEN: usize = 64 << 10;
    let mut errors = Vec::new();
    for left in (0..LEN / 20).rev() {
        errors.extend(le32(&[u32::try_from(16 + 20 * left).unwrap()]));
        errors.extend(le16(&[2, 0]));
        errors.extend(le32(&[7, 0, 0xffff_ffed]));
    }
    // RTA_MULTIPATH in a next hop of RTA_MULTIPATH.
    let mut routes = [&[2, 0, 0, 0, 254, 3, 0, 1][..], &le32(&[0])].concat();
    for left in (0..LEN / 12).rev() {
        let len = u16::try_from((12 * (left + 1)).min(0xfffc)).unwrap();
        routes.extend(le16(&[len, 9, len - 4, 0]));
        routes.extend(le32(&[0]));
    }
    let mut log = LogBuilder::new();
    netlink(&mut log, 0, 3);
    send(&mut log, 3, &errors);
    send(&mut log, 3, &message(24, 1, &routes));
    let shown = log.text(&Options::default());
    assert!(shown.matches("nlmsg_type=NLMSG_ERROR").count() == 17, "{shown}");
    assert!(shown.matches("RTA_MULTIPATH").count() == 16, "{shown}");
}

#[test]
fn addresses_of_rare_families() {
    let mut log = LogBuilder::new();
    let mut bind = |bytes: &[u8]| {
        log.call("bind", [3, A, bytes.len() as u64, 0, 0, 0], &[(1, 0, 0, bytes)], 0, &[]);
    };
    // AF_AX25 with the call sign "AB1CD-2", whose characters are shifted by 1.
    let sign: Vec<u8> = b"AB1CD ".iter().map(|c| c << 1).chain([2 << 1]).collect();
    bind(&[&[3, 0][..], &sign, &[0; 3], &le32(&[0])].concat());
    // AF_ALG.
    let mut cipher = vec![0; 88];
    cipher[..2].copy_from_slice(&[38, 0]);
    cipher[2..6].copy_from_slice(b"hash");
    cipher[24..30].copy_from_slice(b"sha256");
    bind(&cipher);
    // AF_QIPCRTR, AF_XDP and AF_NFC.
    bind(&[&le16(&[42, 0])[..], &le32(&[1, 2])].concat());
    bind(&[&le16(&[44, 1])[..], &le32(&[1, 2, 3])].concat());
    bind(&[&le16(&[39, 0])[..], &le32(&[1, 2, 1])].concat());
    check(
        &log,
        expect![[r#"
        bind(3, {sa_family=AF_AX25, sax25_call=AB1CD-2, sax25_ndigis=0}, 16) = 0
        bind(3, {sa_family=AF_ALG, salg_type="hash", salg_feat=0, salg_mask=0, salg_name="sha256"}, 88) = 0
        bind(3, {sa_family=AF_QIPCRTR, sq_node=0x1, sq_port=0x2}, 12) = 0
        bind(3, {sa_family=AF_XDP, sxdp_flags=XDP_SHARED_UMEM, sxdp_ifindex=if_nametoindex("lo"), sxdp_queue_id=2, sxdp_shared_umem_fd=3}, 16) = 0
        bind(3, {sa_family=AF_NFC, dev_idx=if_nametoindex("lo"), target_idx=0x2, nfc_protocol=NFC_PROTO_JEWEL}, 16) = 0
    "#]],
    );
}

#[test]
fn requests_with_structures() {
    let mut log = LogBuilder::new();
    let mut request = |number: u64, size: u64, way: u64, bytes: &[u8]| {
        let request = way << 30 | size << 16 | number;
        log.call("ioctl", [3, request, A, 0, 0, 0], &[(2, 0, 0, bytes)], -25, &[]);
    };
    // COUNTER_ADD_WATCH_IOCTL, a struct counter_watch.
    request(0x3e00, 6, 1, &[3, 1, 2, 4, 3, 5]);
    // FS_IOC_FSSETXATTR, a struct fsxattr.
    request(0x5820, 28, 1, &le32(&[1, 4096, 0, 7, 0, 0, 0]));
    // FITRIM, which the kernel also fills.
    request(0x5879, 24, 3, &le(&[16, 4096, 1]));
    // SECCOMP_IOCTL_NOTIF_SEND, a struct seccomp_notif_resp.
    let answer = [&le(&[9, 0])[..], &le32(&[0xffff_ffff, 1])].concat();
    request(0x2101, 24, 3, &answer);
    check(
        &log,
        expect![[r#"
        ioctl(3, COUNTER_ADD_WATCH_IOCTL, {component={type=COUNTER_COMPONENT_FUNCTION, scope=COUNTER_SCOPE_SIGNAL, parent=2, id=4}, event=COUNTER_EVENT_THRESHOLD, channel=5}) = -1 ENOTTY (Inappropriate ioctl for device)
        ioctl(3, FS_IOC_FSSETXATTR, {fsx_xflags=FS_XFLAG_REALTIME, fsx_extsize=4096, fsx_projid=0x7, fsx_cowextsize=0}) = -1 ENOTTY (Inappropriate ioctl for device)
        ioctl(3, FITRIM, {start=0x10, len=4096, minlen=1}) = -1 ENOTTY (Inappropriate ioctl for device)
        ioctl(3, SECCOMP_IOCTL_NOTIF_SEND, {id=0x9, val=0, error=-EPERM, flags=SECCOMP_USER_NOTIF_FLAG_CONTINUE}) = -1 ENOTTY (Inappropriate ioctl for device)
    "#]],
    );
}

#[test]
fn ipc_and_signals_of_32_bit_programs() {
    let mut log = LogBuilder::new();
    let mut call = |name, args, before: &[Bytes<'_>], rval| {
        log.entry(0, Abi::I386, name, args, before).exit(0, Abi::I386, rval, &[]);
    };
    // SIGINT is the second signal.
    call("ssetmask", [2, 0, 0, 0, 0, 0], &[], 4);
    call("signal", [2, 1, 0, 0, 0, 0], &[], 0);
    // semget(IPC_PRIVATE, 1, IPC_CREAT|0600), and an unknown call.
    call("ipc", [2, 0, 1, 0o1600, 0, 0], &[], 5);
    call("ipc", [99, 1, 2, 3, 4, 5], &[], -38);
    call("shmget", [0, 4096, 0o1600, 0, 0, 0], &[], 5);
    // IPC_RMID with IPC_64.
    call("msgctl", [5, 0x100, 0, 0, 0, 0], &[], 0);
    let text = [&le32(&[1])[..], b"abc"].concat();
    call("msgsnd", [5, A, 3, 0o4000, 0, 0], &[(1, 0, 0, &text)], 0);
    check(
        &log,
        expect![[r#"
        [ Process PID=100 runs in 32 bit mode. ]
        ssetmask([INT])                         = 0x4 (old mask [QUIT])
        signal(SIGINT, SIG_IGN)                 = 0 (SIG_DFL)
        semget(IPC_PRIVATE, 1, IPC_CREAT|0600)  = 5
        ipc(99, 1, 0x2, 0x3, 0x4, 0x5)          = -1 ENOSYS (Function not implemented)
        shmget(IPC_PRIVATE, 4096, IPC_CREAT|0600) = 5
        msgctl(5, IPC_64|IPC_RMID, NULL)        = 0
        msgsnd(5, {mtype=1, mtext="abc"}, 3, IPC_NOWAIT) = 0
    "#]],
    );
}
