//! Sockets, waiting, processes, time and other families of calls.

use expect_test::expect;
use sysreel_abi::Abi;

use super::calls::{A, B, check, le, le32};
use crate::print::{HexStrings, Options};
use crate::testing::LogBuilder;

#[test]
fn sockets() {
    let mut log = LogBuilder::new();
    log.call("socket", [2, 0o2000001, 6, 0, 0, 0], &[], 3, &[]);
    let unix = [&[1, 0][..], b"/tmp/x\0junk"].concat();
    log.call("connect", [3, A, 110, 0, 0, 0], &[(1, 0, 0, &unix)], -2, &[]);
    log.call("connect", [3, A, 8, 0, 0, 0], &[(1, 0, 0, b"\x01\0\0name\x1b")], 0, &[]);
    let inet = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    log.call("bind", [3, A, 16, 0, 0, 0], &[(1, 0, 0, &inet)], 0, &[]);
    let mut inet6 = vec![10, 0, 0, 80, 0, 0, 0, 0];
    inet6.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    let (before, after) = (le32(&[128]), le32(&[28]));
    log.call(
        "accept",
        [3, A, B, 0, 0, 0],
        &[(2, 0, 0, &before)],
        4,
        &[(1, 0, 0, &inet6), (2, 0, 0, &after)],
    );
    let netlink = [&[16, 0, 0, 0][..], &le32(&[0, 0])].concat();
    log.call("bind", [3, A, 12, 0, 0, 0], &[(1, 0, 0, &netlink)], 0, &[]);
    log.call("setsockopt", [3, 1, 2, A, 4, 0], &[(3, 0, 0, &le32(&[1]))], 0, &[]);
    let iov = le(&[0x5000, 3, 0x6000, 4]);
    let message = le(&[0, 0, 0x7000, 2, 0, 0, 0]);
    log.call(
        "sendmsg",
        [3, A, 0x4000, 0, 0, 0],
        &[(1, 0, 0, &message), (1, 1, 1, &iov), (1, 2, 0, b"abc"), (1, 2, 1, b"defg")],
        7,
        &[],
    );
    log.call(
        "writev",
        [1, A, 2, 0, 0, 0],
        &[(1, 0, 0, &iov), (1, 1, 0, b"abc"), (1, 1, 1, b"defg")],
        7,
        &[],
    );
    log.call("readv", [0, A, 2, 0, 0, 0], &[(1, 0, 0, &iov)], 3, &[(1, 1, 0, b"abc")]);
    let rights = [&le(&[20])[..], &le32(&[1, 1, 7]), &[0; 4]].concat();
    let message = le(&[0, 0, 0x7000, 1, 0x8000, 24, 0]);
    let one = le(&[0x5000, 1]);
    log.call(
        "recvmsg",
        [3, A, 0, 0, 0, 0],
        &[(1, 0, 0, &message), (1, 1, 1, &one)],
        1,
        &[(1, 0, 0, &message), (1, 1, 2, &rights), (1, 2, 0, b"z")],
    );
    check(
        &log,
        expect![[r#"
        socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = 3
        connect(3, {sa_family=AF_UNIX, sun_path="/tmp/x"}, 110) = -1 ENOENT (No such file or directory)
        connect(3, {sa_family=AF_UNIX, sun_path=@"name\33"}, 8) = 0
        bind(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
        accept(3, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, [128 => 28]) = 4
        bind(3, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 0
        setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
        sendmsg(3, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="abc", iov_len=3}, {iov_base="defg", iov_len=4}], msg_iovlen=2, msg_controllen=0, msg_flags=0}, MSG_NOSIGNAL) = 7
        writev(1, [{iov_base="abc", iov_len=3}, {iov_base="defg", iov_len=4}], 2) = 7
        readv(0, [{iov_base="abc", iov_len=3}, {iov_base="", iov_len=4}], 2) = 3
        recvmsg(3, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="z", iov_len=1}], msg_iovlen=1, msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[7]}], msg_controllen=24, msg_flags=0}, 0) = 1
    "#]],
    );
}

#[test]
fn waiting_for_descriptors() {
    let mut log = LogBuilder::new();
    let before = [&le32(&[3])[..], &[1, 0, 0, 0], &le32(&[u32::MAX]), &[0; 4]].concat();
    let after = [&le32(&[3])[..], &[1, 0, 1, 0], &le32(&[u32::MAX]), &[0; 4]].concat();
    log.call("poll", [A, 2, 100, 0, 0, 0], &[(0, 0, 0, &before)], 1, &[(0, 0, 0, &after)]);
    log.call("poll", [A, 2, 100, 0, 0, 0], &[(0, 0, 0, &before)], 0, &[(0, 0, 0, &before)]);
    let (set, none, time) = ([0x28u8, 0, 0, 0, 0, 0, 0, 0], [0u8; 8], le(&[1, 5000]));
    log.call(
        "pselect6",
        [6, A, 0, B, 0x3000, 0],
        &[(1, 0, 0, &set), (3, 0, 0, &set), (4, 0, 0, &time)],
        1,
        &[(1, 0, 0, &set), (3, 0, 0, &none), (4, 0, 0, &time)],
    );
    let event = [&le32(&[1])[..], &le(&[3])].concat();
    log.call("epoll_wait", [5, A, 1, u64::MAX, 0, 0], &[], 1, &[(1, 0, 0, &event)]);
    log.call("epoll_wait", [5, A, 1, 0, 0, 0], &[], 0, &[]);
    log.call("epoll_ctl", [5, 1, 3, A, 0, 0], &[(3, 0, 0, &event)], 0, &[]);
    check(
        &log,
        expect![[r#"
        poll([{fd=3, events=POLLIN}, {fd=-1}], 2, 100) = 1 ([{fd=3, revents=POLLIN}])
        poll([{fd=3, events=POLLIN}, {fd=-1}], 2, 100) = 0 (Timeout)
        pselect6(6, [3 5], NULL, [3 5], {tv_sec=1, tv_nsec=5000}, NULL) = 1 (in [3 5], left {tv_sec=1, tv_nsec=5000})
        epoll_wait(5, [{events=EPOLLIN, data={u32=3, u64=3}}], 1, -1) = 1
        epoll_wait(5, [], 1, 0)                 = 0
        epoll_ctl(5, EPOLL_CTL_ADD, 3, {events=EPOLLIN, data={u32=3, u64=3}}) = 0
    "#]],
    );
}

#[test]
fn processes_and_signals() {
    let mut log = LogBuilder::new();
    log.call("wait4", [u64::MAX, A, 0, 0, 0, 0], &[], 101, &[(1, 0, 0, &le32(&[0x300]))]);
    log.call("wait4", [u64::MAX, A, 0, 0, 0, 0], &[], 101, &[(1, 0, 0, &le32(&[0x8b]))]);
    log.call("wait4", [u64::MAX, A, 0, 0, 0, 0], &[], 101, &[(1, 0, 0, &le32(&[0x137f]))]);
    let action = le(&[0x5000, 0x1400_0000, 0x6000, 1 << 16 | 1 << 9]);
    log.call(
        "rt_sigaction",
        [10, A, B, 8, 0, 0],
        &[(1, 0, 0, &action)],
        0,
        &[(2, 0, 0, &le(&[0, 0, 0, 0]))],
    );
    let all_but = le(&[!(3 << 31)]);
    log.call(
        "rt_sigprocmask",
        [0, A, B, 8, 0, 0],
        &[(1, 0, 0, &all_but)],
        0,
        &[(2, 0, 0, &le(&[0]))],
    );
    log.call("prlimit64", [0, 3, 0, A, 0, 0], &[], 0, &[(3, 0, 0, &le(&[8192 * 1024, u64::MAX]))]);
    log.call("sched_getaffinity", [0, 128, A, 0, 0, 0], &[], 8, &[(2, 0, 0, &le(&[5]))]);
    log.call("clone", [0x0120_0011, 0, 0, A, 0, 0], &[], 101, &[]);
    let clone3 = le(&[0x3d0f00, 0, A, B, 0, 0x5000, 0x9000, 0x7000, 0, 0, 0]);
    log.call(
        "clone3",
        [A, 88, 0, 0, 0, 0],
        &[(0, 0, 0, &clone3)],
        102,
        &[(0, 1, 1, &le32(&[102]))],
    );
    log.call("futex", [A, 128, 2, 0, 0, 0], &[(0, 0, 0, &le32(&[2]))], -11, &[]);
    log.call("futex", [A, 137 | 256, 2, 0, 0, 0xffff_ffff], &[(0, 0, 0, &le32(&[2]))], 0, &[]);
    log.call("futex", [A, 129, 1, 9, 9, 9], &[(0, 0, 0, &le32(&[2]))], 1, &[]);
    log.call(
        "getresuid",
        [A, B, 0x3000, 0, 0, 0],
        &[],
        0,
        &[(0, 0, 0, &le32(&[0])), (1, 0, 0, &le32(&[1])), (2, 0, 0, &le32(&[u32::MAX]))],
    );
    log.call("setresuid", [0xffff_ffff, 0, 0xffff_ffff, 0, 0, 0], &[], 0, &[]);
    log.call("prctl", [15, A, 0, 0, 0, 0], &[(1, 0, 0, b"hello\0")], 0, &[]);
    check(
        &log,
        expect![[r#"
        wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 101
        wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}], 0, NULL) = 101
        wait4(-1, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], 0, NULL) = 101
        rt_sigaction(SIGUSR1, {sa_handler=0x5000, sa_mask=[USR1 CHLD], sa_flags=SA_RESTORER|SA_RESTART, sa_restorer=0x6000}, {sa_handler=SIG_DFL, sa_mask=[], sa_flags=0}, 8) = 0
        rt_sigprocmask(SIG_BLOCK, ~[RTMIN RT_1], [], 8) = 0
        prlimit64(0, RLIMIT_STACK, NULL, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}) = 0
        sched_getaffinity(0, 128, [0 2])        = 8
        clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x1000) = 101
        clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM|CLONE_SETTLS|CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID, child_tid=0x1000, parent_tid=0x2000, exit_signal=0, stack=0x5000, stack_size=0x9000, tls=0x7000} => {parent_tid=[102]}, 88) = 102
        futex(0x1000, FUTEX_WAIT_PRIVATE, 2, NULL) = -1 EAGAIN (Resource temporarily unavailable)
        futex(0x1000, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 2, NULL, FUTEX_BITSET_MATCH_ANY) = 0
        futex(0x1000, FUTEX_WAKE_PRIVATE, 1)    = 1
        getresuid([0], [1], [-1])               = 0
        setresuid(-1, 0, -1)                    = 0
        prctl(PR_SET_NAME, "hello")             = 0
    "#]],
    );
}

/// The oracle is strace 6.1 with `stty -a` in a terminal.
#[test]
fn terminals() {
    let mut log = LogBuilder::new();
    let mut termios: Vec<u8> =
        [0x500_u32, 0x5, 0xbf, 0x8a3b].iter().flat_map(|word| word.to_le_bytes()).collect();
    termios
        .extend([0, 3, 0x1c, 0x7f, 0x15, 4, 0, 1, 0, 0x11, 0x13, 0x1a, 0, 0x12, 0xf, 0x17, 0x16]);
    termios.resize(36, 0);
    log.call("ioctl", [4, 0x5401, A, 0, 0, 0], &[], 0, &[(2, 0, 0, &termios)]);
    log.call("ioctl", [3, 0x8004_5430, A, 0, 0, 0], &[], 0, &[(2, 0, 0, &le32(&[7]))]);
    log.call("ioctl", [4, 0x540e, 1, 0, 0, 0], &[], 0, &[]);
    log.call("ioctl", [4, 0x540b, 2, 0, 0, 0], &[], 0, &[]);
    let text = log.text(&Options { verbose: true, ..Options::default() });
    expect![[r#"
        ioctl(4, TCGETS, {c_iflag=ICRNL|IXON, c_oflag=NL0|CR0|TAB0|BS0|VT0|FF0|OPOST|ONLCR, c_cflag=B38400|CS8|CREAD, c_lflag=ISIG|ICANON|ECHO|ECHOE|ECHOK|IEXTEN|ECHOCTL|ECHOKE, c_line=N_TTY, c_cc=[[VINTR]=0x3, [VQUIT]=0x1c, [VERASE]=0x7f, [VKILL]=0x15, [VEOF]=0x4, [VTIME]=0, [VMIN]=0x1, [VSWTC]=0, [VSTART]=0x11, [VSTOP]=0x13, [VSUSP]=0x1a, [VEOL]=0, [VREPRINT]=0x12, [VDISCARD]=0xf, [VWERASE]=0x17, [VLNEXT]=0x16, [VEOL2]=0, [17]=0, [18]=0]}) = 0
        ioctl(3, TIOCGPTN, [7])                 = 0
        ioctl(4, TIOCSCTTY, 1)                  = 0
        ioctl(4, TCFLSH, TCIOFLUSH)             = 0
    "#]]
    .assert_eq(&text);
}

/// `l_pid` and the third argument of F_DUPFD are strace's.
#[test]
fn fcntl_shows_what_the_kernel_reads_or_writes() {
    let mut log = LogBuilder::new();
    let lock = [&le32(&[0])[..], &[0; 4], &le(&[10, 1])[..], &le32(&[1234, 0])[..]].concat();
    log.call("fcntl", [3, 6, A, 0, 0, 0], &[(2, 0, 0, &lock)], 0, &[]);
    log.call("fcntl", [3, 5, A, 0, 0, 0], &[(2, 0, 0, &lock)], 0, &[(2, 0, 0, &lock)]);
    log.call("fcntl", [3, 1030, 10, 0, 0, 0], &[], 10, &[]);
    check(
        &log,
        expect![[r#"
            fcntl(3, F_SETLK, {l_type=F_RDLCK, l_whence=SEEK_SET, l_start=10, l_len=1}) = 0
            fcntl(3, F_GETLK, {l_type=F_RDLCK, l_whence=SEEK_SET, l_start=10, l_len=1, l_pid=1234}) = 0
            fcntl(3, F_DUPFD_CLOEXEC, 10)           = 10
        "#]],
    );
}

#[test]
fn time_and_the_machine() {
    let mut log = LogBuilder::new();
    log.call("clock_gettime", [0, A, 0, 0, 0, 0], &[], 0, &[(1, 0, 0, &le(&[1_795_467_886, 5]))]);
    log.call("time", [0; 6], &[], 1_795_467_886, &[]);
    log.call("nanosleep", [A, B, 0, 0, 0, 0], &[(0, 0, 0, &le(&[1, 2]))], 0, &[]);
    log.call("setitimer", [0, A, 0, 0, 0, 0], &[(1, 0, 0, &le(&[0, 0, 0, 3000]))], 0, &[]);
    let names: Vec<u8> = ["Linux", "vm", "6.1", "#1", "x86_64", "(none)"]
        .iter()
        .flat_map(|name| {
            let mut bytes = name.as_bytes().to_vec();
            bytes.resize(65, 0);
            bytes
        })
        .collect();
    log.call("uname", [A, 0, 0, 0, 0, 0], &[], 0, &[(0, 0, 0, &names)]);
    let size: Vec<u8> = [24u16, 80, 0, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
    log.call("ioctl", [0, 0x5413, A, 0, 0, 0], &[], 0, &[(2, 0, 0, &size)]);
    log.call("ioctl", [0, 0x5401, A, 0, 0, 0], &[], -25, &[]);
    log.call("mmap", [0, 8192, 3, 0x22, 0xffff_ffff, 0], &[], 0x7f00_0000_1000, &[]);
    log.call("brk", [0; 6], &[], 0x5555_0000, &[]);
    check(
        &log,
        expect![[r#"
        clock_gettime(CLOCK_REALTIME, {tv_sec=1795467886, tv_nsec=5}) = 0
        time(NULL)                              = 1795467886 (2026-11-23T21:04:46+0000)
        nanosleep({tv_sec=1, tv_nsec=2}, 0x2000) = 0
        setitimer(ITIMER_REAL, {it_interval={tv_sec=0, tv_usec=0}, it_value={tv_sec=0, tv_usec=3000}}, NULL) = 0
        uname({sysname="Linux", nodename="vm", ...}) = 0
        ioctl(0, TIOCGWINSZ, {ws_row=24, ws_col=80, ws_xpixel=0, ws_ypixel=0}) = 0
        ioctl(0, TCGETS, 0x1000)                = -1 ENOTTY (Inappropriate ioctl for device)
        mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000001000
        brk(NULL)                               = 0x55550000
    "#]],
    );
    let i386 = |name: &str, args, memory: &[crate::testing::Bytes<'_>], rval| {
        let mut log = LogBuilder::new();
        log.entry(0, Abi::I386, name, args, &[]).exit(0, Abi::I386, rval, memory);
        log.text(&Options { hex: HexStrings::Never, ..Options::default() })
    };
    let mut stat = vec![0u8; 96];
    stat[16..20].copy_from_slice(&0o40755u32.to_le_bytes());
    stat[44..52].copy_from_slice(&4096u64.to_le_bytes());
    expect![[r#"
        [ Process PID=100 runs in 32 bit mode. ]
        fstat64(3, {st_mode=S_IFDIR|0755, st_size=4096, ...}) = 0
    "#]]
    .assert_eq(&i386("fstat64", [3, A, 0, 0, 0, 0], &[(1, 0, 0, &stat)], 0));
    expect![[r#"
        [ Process PID=100 runs in 32 bit mode. ]
        clock_gettime(CLOCK_REALTIME, {tv_sec=1, tv_nsec=2}) = 0
    "#]]
    .assert_eq(&i386("clock_gettime", [0, A, 0, 0, 0, 0], &[(1, 0, 0, &le32(&[1, 2]))], 0));
}

#[test]
fn asynchronous_input_and_output() {
    let block = |data: u64, opcode: u16, fd: u32, rest: [u64; 3], flags: [u32; 2]| {
        let head = [&le(&[data, 0])[..], &opcode.to_le_bytes(), &[0, 0], &le32(&[fd])].concat();
        [&head[..], &le(&rest), &le(&[0]), &le32(&flags)].concat()
    };
    let writes = block(7, 1, 6, [A, 12, 0], [1, 5]);
    let reads = block(8, 0, 4, [B, 5, 0], [0, 0]);
    let polls = block(0, 5, 5, [0x2000, 0, 0], [0, 0]);
    let (both, one, three) = (le(&[A, B]), le(&[A]), le(&[A, B, 1]));
    let mut log = LogBuilder::new();
    let memory: &[crate::testing::Bytes<'_>] =
        &[(2, 0, 0, &both), (2, 1, 0, &writes), (2, 1, 1, &reads), (2, 2, 0, b"asynchronous")];
    log.call("io_submit", [A, 2, B, 0, 0, 0], memory, 2, &[]);
    log.call("io_submit", [A, 1, B, 0, 0, 0], &[(2, 0, 0, &one), (2, 1, 0, &polls)], 1, &[]);
    // The second pointer is invalid, and the third block is truncated.
    let memory: &[crate::testing::Bytes<'_>] =
        &[(2, 0, 0, &three), (2, 1, 0, &polls), (2, 1, 2, &polls[..60])];
    log.call("io_submit", [A, 3, B, 0, 0, 0], memory, 1, &[]);
    log.call("io_submit", [A, 1, B, 0, 0, 0], &[], -14, &[]);
    log.call("io_cancel", [A, B, A, 0, 0, 0], &[(1, 0, 0, &polls)], -115, &[]);
    check(
        &log,
        expect![[r#"
            io_submit(0x1000, 2, [{aio_data=0x7, aio_lio_opcode=IOCB_CMD_PWRITE, aio_fildes=6, aio_buf="asynchronous", aio_nbytes=12, aio_offset=0, aio_flags=IOCB_FLAG_RESFD, aio_resfd=5}, {aio_data=0x8, aio_lio_opcode=IOCB_CMD_PREAD, aio_fildes=4, aio_buf=0x2000, aio_nbytes=5, aio_offset=0}]) = 2
            io_submit(0x1000, 1, [{aio_data=0, aio_lio_opcode=IOCB_CMD_POLL, aio_fildes=5, aio_buf=POLLRDHUP}]) = 1
            io_submit(0x1000, 3, [{aio_data=0, aio_lio_opcode=IOCB_CMD_POLL, aio_fildes=5, aio_buf=POLLRDHUP}, 0x2000, 0x1]) = 1
            io_submit(0x1000, 1, 0x2000)            = -1 EFAULT (Bad address)
            io_cancel(0x1000, {aio_data=0, aio_lio_opcode=IOCB_CMD_POLL, aio_fildes=5}, 0x1000) = -1 EINPROGRESS (Operation now in progress)
        "#]],
    );
}

/// Peculiarities of i386: multiplexed calls, split numbers, 16-bit ids, 32-bit times.
#[test]
fn calls_of_32_bit_programs() {
    let mut log = LogBuilder::new();
    let mut call = |name,
                    args,
                    before: &[crate::testing::Bytes<'_>],
                    rval,
                    after: &[crate::testing::Bytes<'_>]| {
        log.entry(0, Abi::I386, name, args, before).exit(0, Abi::I386, rval, after);
    };
    let words = le32(&[4, 0x9000, 3, 0, 0, 0]);
    call("socketcall", [11, A, 0, 0, 0, 0], &[(1, 0, 0, &words), (1, 1, 0, b"abc")], 3, &[]);
    call("socketcall", [12, A, 0, 0, 0, 0], &[(1, 0, 0, &words)], 2, &[(1, 1, 0, b"xy")]);
    call("socketcall", [99, A, 0, 0, 0, 0], &[], -22, &[]);
    call("ipc", [2, 7, 1, 0o600, 0, 0], &[], 5, &[]);
    call("fallocate", [3, 0, 1, 2, u64::from(u32::MAX), u64::from(u32::MAX)], &[], -22, &[]);
    call("_llseek", [3, 2, 1, A, 0, 0], &[], 0, &[(3, 0, 0, &le(&[0x2_0000_0001]))]);
    call("setreuid", [0xffff_0001, 0x1_ffff, 0, 0, 0, 0], &[], 0, &[]);
    call("setreuid32", [0xffff_0001, 0xffff_ffff, 0, 0, 0, 0], &[], 0, &[]);
    call("nanosleep", [A, 0, 0, 0, 0, 0], &[(0, 0, 0, &le32(&[1, u32::MAX]))], -22, &[]);
    let map = le32(&[0, 8192, 3, 0x22, u32::MAX, 0]);
    call("mmap", [A, 0, 0, 0, 0, 0], &[(0, 0, 0, &map)], 0x5000, &[]);
    check(
        &log,
        expect![[r#"
            [ Process PID=100 runs in 32 bit mode. ]
            sendto(4, "abc", 3, 0, NULL, 0)         = 3
            recvfrom(4, "xy", 3, 0, NULL, NULL)     = 2
            socketcall(99, 0x1000)                  = -1 EINVAL (Invalid argument)
            semget(0x7, 1, 0600)                    = 5
            fallocate(3, 0, 8589934593, -1)         = -1 EINVAL (Invalid argument)
            _llseek(3, 8589934593, [8589934593], SEEK_SET) = 0
            setreuid(1, -1)                         = 0
            setreuid32(4294901761, -1)              = 0
            nanosleep({tv_sec=1, tv_nsec=4294967295}, NULL) = -1 EINVAL (Invalid argument)
            mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x5000
        "#]],
    );
    let only = |filter| {
        let only = Some(sysreel_abi::Filter::parse(filter).unwrap());
        log.text(&Options { only, ..Options::default() })
            .lines()
            .filter(|line| line.contains(" = "))
            .count()
    };
    assert_eq!(["sendto", "socketcall", "!recvfrom", "%network"].map(only), [1, 3, 9, 3]);
}

/// Logs of an older table hold memory that the kernel did not write.
#[test]
fn unwritten_memory_is_not_shown() {
    let mut log = LogBuilder::new();
    let (status, usage, info) = (le32(&[0x300]), [1; 144], [1; 128]);
    for result in [0, 55] {
        let regions = [(1, 0, 0, &status[..]), (3, 0, 0, &usage[..])];
        log.call("wait4", [55, A, 1, B, 0, 0], &[], result, &regions);
    }
    let nobody = [&le32(&[0, 0, 0, 0, 0, 0, 0])[..], &info[28..]].concat();
    let child = [&le32(&[17, 0, 1, 0, 55, 0, 3])[..], &info[28..]].concat();
    for found in [&nobody, &child] {
        let regions = [(2, 0, 0, &found[..]), (4, 0, 0, &usage[..])];
        log.call("waitid", [1, 55, A, 5, B, 0], &[], 0, &regions);
    }
    check(
        &log,
        expect![[r#"
        wait4(55, 0x1000, WNOHANG, 0x2000)      = 0
        wait4(55, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], WNOHANG, {ru_utime={tv_sec=72340172838076673, tv_usec=72340172838076673}, ru_stime={tv_sec=72340172838076673, tv_usec=72340172838076673}, ...}) = 55
        waitid(P_PID, 55, {}, WNOHANG|WEXITED, 0x2000) = 0
        waitid(P_PID, 55, {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=55, si_uid=0, si_status=3}, WNOHANG|WEXITED, {ru_utime={tv_sec=72340172838076673, tv_usec=72340172838076673}, ru_stime={tv_sec=72340172838076673, tv_usec=72340172838076673}, ...}) = 0
    "#]],
    );
}
