//! Calls whose arguments depend on a command or on a size.

use expect_test::expect;

use super::calls::{A, check, le, le32};
use crate::print::{Constants, FdSet, Options};
use crate::testing::LogBuilder;

#[test]
fn structures_may_be_longer_than_the_known_ones() {
    let mut log = LogBuilder::new();
    // The flags are O_WRONLY|O_CREAT, and 8 bytes follow the three members.
    let how = le(&[0x41, 0o640, 1, 0xff]);
    log.call("openat2", [3, A, A, 32, 0, 0], &[(1, 0, 0, b"f\0"), (2, 0, 0, &how)], -7, &[]);
    log.call("openat2", [3, A, A, 24, 0, 0], &[(1, 0, 0, b"f\0"), (2, 0, 0, &how[..24])], 4, &[]);
    log.call("landlock_create_ruleset", [A, 8, 0, 0, 0, 0], &[(0, 0, 0, &le(&[5]))], 3, &[]);
    check(
        &log,
        expect![[r#"
            openat2(3, "f", {flags=O_WRONLY|O_CREAT, mode=0640, resolve=RESOLVE_NO_XDEV, /* bytes 24..31 */ "\xff\x00\x00\x00\x00\x00\x00\x00"}, 32) = -1 E2BIG (Argument list too long)
            openat2(3, "f", {flags=O_WRONLY|O_CREAT, mode=0640, resolve=RESOLVE_NO_XDEV}, 24) = 4
            landlock_create_ruleset({handled_access_fs=LANDLOCK_ACCESS_FS_EXECUTE|LANDLOCK_ACCESS_FS_READ_FILE}, 8, 0) = 3
        "#]],
    );
}

#[test]
fn commands_decide_about_arguments() {
    let mut log = LogBuilder::new();
    // Q_QUOTAOFF and Q_GETFMT (linux/quota.h) are above the type of the quota.
    log.call("quotactl", [0x8000_0301, A, 7, A, 0, 0], &[(1, 0, 0, b"/dev/x\0")], -3, &[]);
    let format = le32(&[4]);
    log.call(
        "quotactl",
        [0x8000_0400, A, 7, A, 0, 0],
        &[(1, 0, 0, b"/dev/x\0")],
        0,
        &[(3, 0, 0, &format)],
    );
    log.call("reboot", [0xfee1_dead, 672_274_793, 0, A, 0, 0], &[], -1, &[]);
    log.call("kcmp", [1, 2, 1, 3, 4, 0], &[], 0, &[]);
    log.call("swapon", [A, 0x8005, 0, 0, 0, 0], &[(0, 0, 0, b"s\0")], 0, &[]);
    log.call("ioprio_set", [1, 0, 2 << 13 | 4, 0, 0, 0], &[], 0, &[]);
    log.call("fanotify_init", [5, 0, 0, 0, 0, 0], &[], 3, &[]);
    let map = le32(&[2, 4, 8, 1]);
    log.call("bpf", [0, A, 16, 0, 0, 0], &[(1, 0, 0, &map)], 3, &[]);
    check(
        &log,
        expect![[r#"
            quotactl(QCMD(Q_QUOTAOFF, GRPQUOTA), "/dev/x") = -1 ESRCH (No such process)
            quotactl(QCMD(Q_GETFMT, USRQUOTA), "/dev/x", [QFMT_VFS_V1]) = 0
            reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF) = -1 EPERM (Operation not permitted)
            kcmp(1, 2, KCMP_VM)                     = 0
            swapon("s", SWAP_FLAG_PREFER|5)         = 0
            ioprio_set(IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4)) = 0
            fanotify_init(FAN_CLASS_CONTENT|FAN_CLOEXEC, O_RDONLY) = 3
            bpf(BPF_MAP_CREATE, {map_type=BPF_MAP_TYPE_ARRAY, key_size=4, value_size=8, max_entries=1}, 16) = 3
        "#]],
    );
}

#[test]
fn values_of_socket_options() {
    let mut log = LogBuilder::new();
    let mut get = |level, option, value: &[u8], asked: u32| {
        let (before, after) = (le32(&[asked]), le32(&[u32::try_from(value.len()).unwrap()]));
        log.call(
            "getsockopt",
            [3, level, option, A, A, 0],
            &[(4, 0, 0, &before)],
            0,
            &[(3, 0, 0, value), (4, 0, 0, &after)],
        );
    };
    // SO_ERROR, SO_LINGER, SO_PEERCRED of SOL_SOCKET.
    get(1, 4, &le32(&[111]), 4);
    get(1, 13, &le32(&[1, 5]), 8);
    get(1, 17, &le32(&[9, 0])[..7], 7);
    get(1, 2, &[1, 0, 0], 3);
    let group = [224, 0, 0, 3, 127, 0, 0, 1];
    log.call("setsockopt", [3, 0, 35, A, 8, 0], &[(3, 0, 0, &group)], 0, &[]);
    log.call("setsockopt", [3, 0, 35, A, 7, 0], &[(3, 0, 0, &group[..7])], -22, &[]);
    check(
        &log,
        expect![[r#"
            getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0
            getsockopt(3, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=5}, [8]) = 0
            getsockopt(3, SOL_SOCKET, SO_PEERCRED, {pid=9, uid="\x00\x00\x00"}, [7]) = 0
            getsockopt(3, SOL_SOCKET, SO_REUSEADDR, "\x01\x00\x00", [3]) = 0
            setsockopt(3, SOL_IP, IP_ADD_MEMBERSHIP, {imr_multiaddr=inet_addr("224.0.0.3"), imr_interface=inet_addr("127.0.0.1")}, 8) = 0
            setsockopt(3, SOL_IP, IP_ADD_MEMBERSHIP, 0x1000, 7) = -1 EINVAL (Invalid argument)
        "#]],
    );
}

#[test]
fn constants_have_three_styles() {
    let mut log = LogBuilder::new();
    log.call("openat", [-100i64 as u64, A, 0x80000, 0, 0, 0], &[(1, 0, 0, b"f\0")], 3, &[]);
    log.call("kill", [1, 9, 0, 0, 0, 0], &[], 0, &[]);
    log.call("fanotify_init", [5, 0, 0, 0, 0, 0], &[], 3, &[]);
    let text = |constants| log.text(&Options { constants, column: 0, ..Options::default() });
    expect![[r#"
        openat(-100, "f", 0x80000) = 3
        kill(1, 9) = 0
        fanotify_init(0x4|0x1, 0) = 3
    "#]]
    .assert_eq(&text(Constants::Raw));
    expect![[r#"
        openat(-100 /* AT_FDCWD */, "f", 0x80000 /* O_RDONLY|O_CLOEXEC */) = 3
        kill(1, 9 /* SIGKILL */) = 0
        fanotify_init(0x4 /* FAN_CLASS_CONTENT */|0x1 /* FAN_CLOEXEC */, 0 /* O_RDONLY */) = 3
    "#]]
    .assert_eq(&text(Constants::Verbose));
}

#[test]
fn dumps_show_what_chosen_descriptors_move() {
    let mut log = LogBuilder::new();
    log.call("write", [1, A, 2, 0, 0, 0], &[(1, 0, 0, b"hi")], 2, &[]);
    log.call("write", [2, A, 2, 0, 0, 0], &[(1, 0, 0, b"no")], 2, &[]);
    log.call("read", [0, A, 9, 0, 0, 0], &[], -9, &[]);
    let options = Options {
        dump_read: FdSet { fds: vec![], inverted: true },
        dump_write: FdSet { fds: vec![1], inverted: false },
        ..Options::default()
    };
    expect![[r#"
        write(1, "hi", 2)                       = 2
         | 00000  68 69                                             hi               |
        write(2, "no", 2)                       = 2
        read(0, 0x1000, 9)                      = -1 EBADF (Bad file descriptor)
    "#]]
    .assert_eq(&log.text(&options));
}
