//! Options of prctl(2), operations of keyctl(2) and requests of ioctl(2). The oracle is strace 6.1
//! with a program that makes these calls.

use expect_test::expect;

use super::calls::{A, check, le, le32};
use crate::print::{Constants, Options};
use crate::testing::LogBuilder;

const NO_FD: u64 = u64::MAX;

#[test]
fn options_of_prctl() {
    let mut log = LogBuilder::new();
    log.call("prctl", [4, 1, 0, 0, 0, 0], &[], 0, &[]);
    log.call("prctl", [3, 0, 0, 0, 0, 0], &[], 1, &[]);
    log.call("prctl", [1, 10, 0, 0, 0, 0], &[], 0, &[]);
    log.call("prctl", [2, A, 0, 0, 0, 0], &[], 0, &[(1, 0, 0, &le32(&[10]))]);
    log.call("prctl", [15, A, 0, 0, 0, 0], &[(1, 0, 0, b"a name of a task\0")], 0, &[]);
    log.call("prctl", [26, 9, 0, 0, 0, 0], &[], -22, &[]);
    log.call("prctl", [25, A, 0, 0, 0, 0], &[], 0, &[(1, 0, 0, &le32(&[1]))]);
    log.call("prctl", [47, 1, 7, 0, 0, 0], &[], 0, &[]);
    log.call("prctl", [33, 1, 1, 0, 0, 0], &[], 0, &[]);
    log.call("prctl", [34, 0, 0, 0, 0, 0], &[], 1, &[]);
    log.call("prctl", [50, 0x20040, 0, 0, 0, 0], &[], -22, &[]);
    log.call("prctl", [55, 0x1d, 0, 0, 0, 0], &[], -22, &[]);
    log.call("prctl", [62, 0, 0, 1, 0, 0], &[], -22, &[]);
    log.call("prctl", [0x5356_4d41, 0, 4096, 8192, A, 0], &[(4, 0, 0, b"heap\0")], -22, &[]);
    log.call("prctl", [54, 5, 0, 0, 0, 0], &[], -22, &[]);
    log.call("prctl", [28, 1 << 32 | 0x20, 0, 0, 0, 0], &[], -1, &[]);
    check(
        &log,
        expect![[r#"
            prctl(PR_SET_DUMPABLE, SUID_DUMP_USER)  = 0
            prctl(PR_GET_DUMPABLE)                  = 1 (SUID_DUMP_USER)
            prctl(PR_SET_PDEATHSIG, SIGUSR1)        = 0
            prctl(PR_GET_PDEATHSIG, [SIGUSR1])      = 0
            prctl(PR_SET_NAME, "a name of a tas"...) = 0
            prctl(PR_SET_TSC, 0x9 /* PR_TSC_??? */) = -1 EINVAL (Invalid argument)
            prctl(PR_GET_TSC, [PR_TSC_ENABLE])      = 0
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_SETUID, 0, 0) = 0
            prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0) = 0
            prctl(PR_MCE_KILL_GET, 0, 0, 0, 0)      = 1 (PR_MCE_KILL_EARLY)
            prctl(PR_SVE_SET_VL, PR_SVE_VL_INHERIT|0x40) = -1 EINVAL (Invalid argument)
            prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE|PR_MTE_TCF_ASYNC|0x3<<PR_MTE_TAG_SHIFT, 0, 0, 0) = -1 EINVAL (Invalid argument)
            prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, 0, 0x1 /* PIDTYPE_TGID */, NULL) = -1 EINVAL (Invalid argument)
            prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x1000, 8192, "heap") = -1 EINVAL (Invalid argument)
            prctl(PR_PAC_RESET_KEYS, PR_PAC_APIAKEY|PR_PAC_APDAKEY, 0, 0, 0) = -1 EINVAL (Invalid argument)
            prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED|0x100000000) = -1 EPERM (Operation not permitted)
        "#]],
    );
}

#[test]
fn numbers_and_names_of_prctl_follow_the_style() {
    let mut log = LogBuilder::new();
    log.call("prctl", [3, 0, 0, 0, 0, 0], &[], 1, &[]);
    log.call("prctl", [62, 0, 0, 1, 0, 0], &[], -22, &[]);
    let text = log.text(&Options { constants: Constants::Raw, ..Options::default() });
    expect![[r#"
        prctl(0x3)                              = 1
        prctl(0x3e, 0, 0, 0x1, NULL)            = -1 EINVAL (Invalid argument)
    "#]]
    .assert_eq(&text);
    let text = log.text(&Options { constants: Constants::Verbose, ..Options::default() });
    expect![[r#"
        prctl(0x3 /* PR_GET_DUMPABLE */)        = 1 (SUID_DUMP_USER)
        prctl(0x3e /* PR_SCHED_CORE */, 0 /* PR_SCHED_CORE_GET */, 0, 0x1 /* PIDTYPE_TGID */, NULL) = -1 EINVAL (Invalid argument)
    "#]]
    .assert_eq(&text);
}

#[test]
fn options_of_arch_prctl_and_results_without_sign() {
    let mut log = LogBuilder::new();
    log.call("arch_prctl", [0x1021, A, 0, 0, 0, 0], &[], 0, &[(1, 0, 0, &le(&[0x600e7]))]);
    log.call("arch_prctl", [0x1004, A, 0, 0, 0, 0], &[], 0, &[(1, 0, 0, &le(&[0]))]);
    log.call("arch_prctl", [0x1011, 0, 0, 0, 0, 0], &[], 1, &[]);
    log.call("arch_prctl", [0x1023, 18, 0, 0, 0, 0], &[], 0, &[]);
    log.call("modify_ldt", [77, 0, 0, 0, 0, 0], &[], 0xffff_ffda, &[]);
    check(
        &log,
        expect![[r#"
            arch_prctl(ARCH_GET_XCOMP_SUPP, [0x600e7 /* XFEATURE_MASK_FPSSE|XFEATURE_MASK_YMM|XFEATURE_MASK_AVX512|XFEATURE_MASK_XTILE */]) = 0
            arch_prctl(ARCH_GET_GS, [NULL])         = 0
            arch_prctl(ARCH_GET_CPUID)              = 1
            arch_prctl(ARCH_REQ_XCOMP_PERM, 0x12 /* XFEATURE_XTILE_DATA */) = 0
            modify_ldt(77, NULL, 0)                 = 4294967258 ENOSYS (Function not implemented)
        "#]],
    );
}

#[test]
fn operations_of_keyctl_have_only_their_arguments() {
    let mut log = LogBuilder::new();
    log.call("keyctl", [5, NO_FD, 0x3f01_0000, 1, 2, 0], &[], 0, &[]);
    log.call("keyctl", [15, 5, 30, 0, 0, 0], &[], -22, &[]);
    log.call("keyctl", [4, 5, NO_FD, 7, 0, 0], &[], -22, &[]);
    log.call("keyctl", [18, 1, 2, 3, 4, 0], &[], -1, &[]);
    log.call("keyctl", [11, 5, A, 256, 9, 0], &[], 0, &[]);
    log.call("memfd_create", [A, 0x5400_0005, 0, 0, 0, 0], &[(0, 0, 0, b"x\0")], 3, &[]);
    check(
        &log,
        expect![[r#"
            keyctl(KEYCTL_SETPERM, KEY_SPEC_THREAD_KEYRING, KEY_POS_VIEW|KEY_POS_READ|KEY_POS_WRITE|KEY_POS_SEARCH|KEY_POS_LINK|KEY_POS_SETATTR|KEY_USR_VIEW) = 0
            keyctl(KEYCTL_SET_TIMEOUT, 5, 30)       = -1 EINVAL (Invalid argument)
            keyctl(KEYCTL_CHOWN, 5, -1, 7)          = -1 EINVAL (Invalid argument)
            keyctl(KEYCTL_SESSION_TO_PARENT)        = -1 EPERM (Operation not permitted)
            keyctl(KEYCTL_READ, 5, "", 256)         = 0
            memfd_create("x", MFD_CLOEXEC|MFD_HUGETLB|21<<MFD_HUGE_SHIFT) = 3
        "#]],
    );
}

#[test]
fn requests_of_drivers() {
    let mut log = LogBuilder::new();
    let mut request = |request, arg, memory: &[u8]| {
        let regions = [(2, 0, 0, memory)];
        let regions = if memory.is_empty() { &[][..] } else { &regions[..] };
        log.call("ioctl", [NO_FD, request, arg, 0, 0, 0], regions, -9, &[]);
    };
    request(0x5416, A, &le32(&[0x1e00_0002]));
    request(0xc020_660b, A, &[le(&[1, 2]), le32(&[3, 0, 0, 0])].concat());
    request(0x1261, 1, &[]);
    request(0x1277, A, &le(&[4096, 512]));
    request(0x4024_700a, A, &le32(&[1, 2, 3, 4, 5, 120, 1, 1, 1]));
    request(0xc004_5706, A, &le32(&[30]));
    request(0x4c07, 0, &[]);
    request(0x4c00, 5, &[]);
    request(0x2400, 1, &[]);
    request(0xab03, 0, &[]);
    // c_cflag: B9600, CS8, CREAD, and B4800 for input.
    let mut terminal = le32(&[0, 0, 0xc_00bd, 0]);
    terminal.resize(44, 0);
    request(0x402c_542b, A, &terminal);
    request(0x4004_6602, A, &le32(&[0x4000_0010]));
    request(0x8004_4002, 0, &[]);
    log.call("ioctl", [4, 0xb703, 0, 0, 0, 0], &[], 0x400_0000, &[]);
    check(
        &log,
        expect![[r#"
            ioctl(-1, TIOCMBIS, [TIOCM_DTR|0x1e000000]) = -1 EBADF (Bad file descriptor)
            ioctl(-1, FS_IOC_FIEMAP, {fm_start=1, fm_length=2, fm_flags=FIEMAP_FLAG_SYNC|FIEMAP_FLAG_XATTR, fm_extent_count=0}) = -1 EBADF (Bad file descriptor)
            ioctl(-1, BLKFLSBUF)                    = -1 EBADF (Bad file descriptor)
            ioctl(-1, BLKDISCARD, [4096, 512])      = -1 EBADF (Bad file descriptor)
            ioctl(-1, RTC_SET_TIME, {tm_sec=1, tm_min=2, tm_hour=3, tm_mday=4, tm_mon=5, tm_year=120, ...}) = -1 EBADF (Bad file descriptor)
            ioctl(-1, WDIOC_SETTIMEOUT, [30])       = -1 EBADF (Bad file descriptor)
            ioctl(-1, LOOP_SET_CAPACITY)            = -1 EBADF (Bad file descriptor)
            ioctl(-1, LOOP_SET_FD, 5)               = -1 EBADF (Bad file descriptor)
            ioctl(-1, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP) = -1 EBADF (Bad file descriptor)
            ioctl(-1, NBD_DO_IT)                    = -1 EBADF (Bad file descriptor)
            ioctl(-1, TCSETS2, {c_iflag=0, c_oflag=NL0|CR0|TAB0|BS0|VT0|FF0, c_cflag=B9600|B4800<<IBSHIFT|CS8|CREAD, c_lflag=0, ...}) = -1 EBADF (Bad file descriptor)
            ioctl(-1, FS_IOC32_SETFLAGS, [FS_IMMUTABLE_FL|FS_CASEFOLD_FL]) = -1 EBADF (Bad file descriptor)
            ioctl(-1, _IOC(_IOC_READ, 0x40, 0x2, 0x4), 0) = -1 EBADF (Bad file descriptor)
            ioctl(4, NS_GET_NSTYPE)                 = 67108864 (CLONE_NEWUTS)
        "#]],
    );
}
