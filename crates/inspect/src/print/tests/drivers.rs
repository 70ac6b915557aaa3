//! Requests of drivers on both ABIs, and calls whose memory depends on a command. The layouts are
//! those of the kernel's headers, the oracle of the text is strace 6.1.

use expect_test::expect;
use sysreel_abi::Abi::{self, I386, X86_64};

use super::calls::{A, B, check, le, le32};
use crate::print::Options;
use crate::testing::LogBuilder;

fn words16(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// Bytes with this text first, as long as an array of characters in a structure.
fn name(text: &str, len: usize) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(len, 0);
    bytes
}

fn put(log: &mut LogBuilder, abi: Abi, request: u64, memory: &[u8]) {
    let args = [3, request, A, 0, 0, 0];
    log.entry(0, abi, "ioctl", args, &[(2, 0, 0, memory)]).exit(0, abi, -25, &[]);
}

fn get(log: &mut LogBuilder, abi: Abi, request: u64, rval: i64, memory: &[u8]) {
    let args = [3, request, A, 0, 0, 0];
    log.entry(0, abi, "ioctl", args, &[]).exit(0, abi, rval, &[(2, 0, 0, memory)]);
}

#[test]
fn one_table_serves_both_word_sizes() {
    let mut log = LogBuilder::new();
    // struct ff_effect: FF_PERIODIC of FF_SINE; the pointer at the end makes 48 or 44 bytes.
    let head = words16(&[0x51, 0xffff, 0x4000, 1, 2, 3, 4, 0]);
    let wave = words16(&[0x5a, 10, 20, 0xffff, 5, 6, 7, 8, 9, 0]);
    put(&mut log, X86_64, 0x4030_4580, &[&head[..], &wave, &le32(&[0]), &le(&[B])].concat());
    put(&mut log, I386, 0x402c_4580, &[&head[..], &wave, &le32(&[0, 0x2000])].concat());
    // struct mtd_oob_buf: 16 or 12 bytes.
    put(&mut log, X86_64, 0xc010_4d03, &[le32(&[8, 0]), le(&[B])].concat());
    put(&mut log, I386, 0xc00c_4d03, &le32(&[8, 0, 0x2000]));
    // struct hd_geometry: `start` is a word after four bytes.
    get(&mut log, X86_64, 0x301, 0, &[&[255, 63, 1, 2, 0, 0, 0, 0][..], &le(&[2048])].concat());
    get(&mut log, I386, 0x301, 0, &[&[255, 63, 1, 2][..], &le32(&[2048])].concat());
    // The number of the one ABI names nothing on the other.
    put(&mut log, I386, 0x4030_4580, &[0; 48]);
    check(
        &log,
        expect![[r#"
        ioctl(3, EVIOCSFF, {type=FF_PERIODIC, id=-1, direction=16384, ...}) = -1 ENOTTY (Inappropriate ioctl for device)
        [ Process PID=100 runs in 32 bit mode. ]
        ioctl(3, EVIOCSFF, {type=FF_PERIODIC, id=-1, direction=16384, ...}) = -1 ENOTTY (Inappropriate ioctl for device)
        [ Process PID=100 runs in 64 bit mode. ]
        ioctl(3, MEMWRITEOOB, {start=0x8, length=0, ptr=0x2000}) = -1 ENOTTY (Inappropriate ioctl for device)
        [ Process PID=100 runs in 32 bit mode. ]
        ioctl(3, MEMWRITEOOB, {start=0x8, length=0, ptr=0x2000}) = -1 ENOTTY (Inappropriate ioctl for device)
        [ Process PID=100 runs in 64 bit mode. ]
        ioctl(3, HDIO_GETGEO, {heads=255, sectors=63, cylinders=513, start=2048}) = 0
        [ Process PID=100 runs in 32 bit mode. ]
        ioctl(3, HDIO_GETGEO, {heads=255, sectors=63, cylinders=513, start=2048}) = 0
        ioctl(3, EVIOCSFF, {type=0 /* FF_??? */, id=0, direction=0, ...}) = -1 ENOTTY (Inappropriate ioctl for device)
    "#]],
    );
}

#[test]
fn input_devices() {
    let mut log = LogBuilder::new();
    // EVIOCGNAME(16), EVIOCGBIT(EV_KEY, 8), EVIOCGKEY(8), EVIOCGABS(ABS_X), EVIOCGID.
    get(&mut log, X86_64, 0x8010_4506, 4, b"kbd\0");
    get(&mut log, X86_64, 0x8008_4521, 8, &le(&[1 << 1 | 1 << 30]));
    get(&mut log, X86_64, 0x8008_4518, 8, &[0; 8]);
    get(&mut log, X86_64, 0x8018_4540, 0, &le32(&[1, 0, 255, 2, 3, 4]));
    get(&mut log, X86_64, 0x8008_4502, 0, &words16(&[3, 0x46d, 0xc077, 0x111]));
    check(
        &log,
        expect![[r#"
        ioctl(3, EVIOCGNAME(16), "kbd")         = 4
        ioctl(3, EVIOCGBIT(EV_KEY, 8), [KEY_ESC KEY_A]) = 8
        ioctl(3, EVIOCGKEY(8), [])              = 8
        ioctl(3, EVIOCGABS(ABS_X), {value=1, minimum=0, ...}) = 0
        ioctl(3, EVIOCGID, {bustype=3, vendor=1133, product=49271, version=273}) = 0
    "#]],
    );
}

#[test]
fn structures_of_devices() {
    let mut log = LogBuilder::new();
    // KDSKBENT, UBI_IOCATT, GPIO_GET_CHIPINFO_IOCTL, PTP_CLOCK_GETCAPS, LOOP_GET_STATUS64.
    put(&mut log, X86_64, 0x4b47, &[1, 30, 0x61, 0x0b]);
    let mut attach = le32(&[5, 7, 2048, 20]);
    attach.resize(24, 0);
    put(&mut log, X86_64, 0x4018_6f40, &attach);
    let chip = [name("gpiochip0", 32), name("pinctrl", 32), le32(&[54])].concat();
    get(&mut log, X86_64, 0x8044_b401, 0, &chip);
    let mut caps = le32(&[1_000_000, 1, 2, 3, 1, 4, 0, 0]);
    caps.resize(80, 0);
    get(&mut log, X86_64, 0x8050_3d01, 0, &caps);
    let status = [le(&[0x801, 42, 0x1f00, 512, 4096]), le32(&[3, 0, 0, 4])].concat();
    let status = [status, name("/img", 64), name("", 64), name("", 32), le(&[0, 0])].concat();
    get(&mut log, X86_64, 0x4c05, 0, &status);
    // SIOCGIFCONF with no buffer.
    let args = [3, 0x8912, A, 0, 0, 0];
    let (before, after) = ([le32(&[0, 0]), le(&[0])].concat(), [le32(&[80, 0]), le(&[0])].concat());
    log.call("ioctl", args, &[(2, 0, 0, &before)], 0, &[(2, 0, 0, &after)]);
    check(
        &log,
        expect![[r#"
        ioctl(3, KDSKBENT, {kb_table=K_SHIFTTAB, kb_index=30, kb_value=0xb61 /* K(KT_LETTER, 'a') */}) = -1 ENOTTY (Inappropriate ioctl for device)
        ioctl(3, UBI_IOCATT, {ubi_num=5, mtd_num=7, vid_hdr_offset=2048, max_beb_per1024=20}) = -1 ENOTTY (Inappropriate ioctl for device)
        ioctl(3, GPIO_GET_CHIPINFO_IOCTL, {name="gpiochip0", label="pinctrl", lines=54}) = 0
        ioctl(3, PTP_CLOCK_GETCAPS, {max_adj=1000000, n_alarm=1, n_ext_ts=2, n_per_out=3, pps=1, n_pins=4, cross_timestamping=0}) = 0
        ioctl(3, LOOP_GET_STATUS64, {lo_offset=0x200, lo_number=3, lo_flags=LO_FLAGS_AUTOCLEAR, lo_file_name="/img", ...}) = 0
        ioctl(3, SIOCGIFCONF, {ifc_len=80 /* 2 * sizeof(struct ifreq) */, ifc_buf=NULL}) = 0
    "#]],
    );
}

#[test]
fn memory_by_the_command() {
    let mut log = LogBuilder::new();
    log.call("keyctl", [19, 5, 30, 127, u64::MAX, 0], &[], -1, &[]);
    let set = &[(2, 0, 0, &b"source\0"[..]), (3, 0, 0, b"/dev/sda\0")];
    log.call("fsconfig", [3, 1, A, B, 0, 0], set, 0, &[]);
    log.call("fsconfig", [3, 0, A, 0, 0, 0], &[(2, 0, 0, b"ro\0")], 0, &[]);
    log.call("fsconfig", [3, 6, 0, 0, 0, 0], &[], -22, &[]);
    // struct msqid64_ds: the owner, the mode and msg_qbytes are what IPC_SET reads.
    let mut queue = le32(&[0, 1000, 100, 0, 0, 0o644, 0, 0]);
    queue.resize(88, 0);
    queue.extend(le(&[16384]));
    queue.resize(120, 0);
    log.call("msgctl", [7, 1, A, 0, 0, 0], &[(2, 0, 0, &queue)], 0, &[]);
    // IORING_SETUP_CQSIZE and IORING_SETUP_CLAMP.
    let mut ring = le32(&[0, 64, 0x18]);
    ring.resize(120, 0);
    log.call("io_uring_setup", [8, A, 0, 0, 0, 0], &[(1, 0, 0, &ring)], -1, &[]);
    let descriptors = le32(&[4, u32::MAX]);
    log.call("io_uring_register", [5, 2, A, 2, 0, 0], &[(2, 0, 0, &descriptors)], 0, &[]);
    check(
        &log,
        expect![[r#"
        keyctl(KEYCTL_REJECT, 5, 30, EKEYEXPIRED, KEY_SPEC_THREAD_KEYRING) = -1 EPERM (Operation not permitted)
        fsconfig(3, FSCONFIG_SET_STRING, "source", "/dev/sda", 0) = 0
        fsconfig(3, FSCONFIG_SET_FLAG, "ro", NULL, 0) = 0
        fsconfig(3, FSCONFIG_CMD_CREATE, NULL, NULL, 0) = -1 EINVAL (Invalid argument)
        msgctl(7, IPC_SET, {msg_perm={uid=1000, gid=100, mode=0644}, msg_qbytes=16384}) = 0
        io_uring_setup(8, {flags=IORING_SETUP_CQSIZE|IORING_SETUP_CLAMP, sq_thread_cpu=0, sq_thread_idle=0}) = -1 EPERM (Operation not permitted)
        io_uring_register(5, IORING_REGISTER_FILES, [4, -1], 2) = 0
    "#]],
    );
    expect![[r#"
        keyctl(KEYCTL_REJECT, 5, 30, EKEYEXPIRED, KEY_SPEC_THREAD_KEYRING) = -1 EPERM (Operation not permitted)
        fsconfig(3, FSCONFIG_SET_STRING, "source", "/dev/sda", 0) = 0
        fsconfig(3, FSCONFIG_SET_FLAG, "ro", NULL, 0) = 0
        fsconfig(3, FSCONFIG_CMD_CREATE, NULL, NULL, 0) = -1 EINVAL (Invalid argument)
        msgctl(7, IPC_SET, {msg_perm={uid=1000, gid=100, mode=0644}, msg_qbytes=16384}) = 0
        io_uring_setup(8, {flags=IORING_SETUP_CQSIZE|IORING_SETUP_CLAMP, sq_thread_cpu=0, sq_thread_idle=0}) = -1 EPERM (Operation not permitted)
        io_uring_register(5, IORING_REGISTER_FILES, [4, -1], 2) = 0
    "#]].assert_eq(&log.text(&Options { verbose: true, ..Options::default() }));
}
