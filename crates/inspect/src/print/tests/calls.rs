//! How arguments and results look, family by family.

use expect_test::{Expect, expect};
use sysreel_abi::Abi;
use sysreel_format::{BlobNumber, Data, Direction, Name, RegionFlags, RegionHead, Role};

use crate::print::{FdStyle, HexStrings, Options};
use crate::story::{Story, entry_info};

const A: u64 = 0x1000;
const B: u64 = 0x2000;

fn check(story: &Story, expected: Expect) {
    expected.assert_eq(&story.text(&Options::default()));
}

fn le(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn le32(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn region(arg: u8, dir: Direction, bytes: &[u8], asked: u64, errno: u32, flags: RegionFlags) -> RegionHead {
    RegionHead {
        arg,
        dir,
        role: Role::DIRECT,
        flags,
        index: 0,
        address: A,
        asked,
        got: bytes.len() as u64,
        errno,
    }
}

#[test]
fn strings_and_buffers() {
    let mut story = Story::new();
    story.call("write", [1, A, 9, 0, 0, 0], &[(1, 0, 0, b"a\x1b\n\x01z\xff\x001\0")], 9, &[]);
    story.call("write", [1, A, 40, 0, 0, 0], &[(1, 0, 0, &[b'x'; 40])], 40, &[]);
    story.call("write", [1, A, 0, 0, 0, 0], &[], 0, &[]);
    story.call("write", [1, 0, 10, 0, 0, 0], &[], -14, &[]);
    story.call("read", [3, A, 100, 0, 0, 0], &[], 0, &[]);
    story.call(
        "chdir",
        [A, 0, 0, 0, 0, 0],
        &[(0, 0, 0, b"/a/very/long/path/that/is/never/cut/in/any/way\0")],
        0,
        &[],
    );
    story.call("getrandom", [A, 4, 0, 0, 0, 0], &[], 4, &[(0, 0, 0, b"abcd")]);
    check(
        &story,
        expect![[r#"
        write(1, "a\33\n\1z\377\0001\0", 9)     = 9
        write(1, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"..., 40) = 40
        write(1, "", 0)                         = 0
        write(1, NULL, 10)                      = -1 EFAULT (Bad address)
        read(3, "", 100)                        = 0
        chdir("/a/very/long/path/that/is/never/cut/in/any/way") = 0
        getrandom("\x61\x62\x63\x64", 4, 0)     = 4
    "#]],
    );
}

#[test]
fn memory_that_is_not_all_there() {
    let mut story = Story::new();
    let info = entry_info(Abi::X86_64.arch(), 1, [1, A, 100, 0, 0, 0]);
    let cut = RegionFlags::CUT;
    for (bytes, asked, errno, flags) in [
        (&b"abc"[..], 100, 0, cut),
        (b"abc", 100, 14, RegionFlags::default()),
        (b"", 100, 14, RegionFlags::default()),
    ] {
        story.stop(0, 0x857f, &info, |buf| {
            buf.region(&region(1, Direction::IN, bytes, asked, errno, flags), Data::Inline(bytes));
        });
        story.exit(0, Abi::X86_64, 100, &[]);
    }
    check(
        &story,
        expect![[r#"
        write(1, "abc"..., 100)                 = 100
        write(1, 0x1000, 100)                   = 100
        write(1, 0x1000, 100)                   = 100
    "#]],
    );
    expect![[r#"
        --- sysreel: task 100 of process 100 appears (attached) ---
        write(1, "abc"..., 100)                 = 100
        write(1, 0x1000 /* unreadable: EFAULT */, 100) = 100
        write(1, 0x1000 /* unreadable: EFAULT */, 100) = 100
    "#]]
    .assert_eq(&story.text(&Options { verbose: true, ..Options::default() }));
}

#[test]
fn buffers_that_stand_apart() {
    let mut story = Story::new();
    story.blobs.insert(5, b"first ".repeat(60));
    let info = entry_info(Abi::X86_64.arch(), 1, [1, A, 360, 0, 0, 0]);
    for number in [5, 6] {
        story.stop(0, 0x857f, &info, |buf| {
            let head =
                RegionHead { got: 360, ..region(1, Direction::IN, b"", 360, 0, RegionFlags::default()) };
            buf.region(&head, Data::Blobs(&[BlobNumber(number)]));
        });
        story.exit(0, Abi::X86_64, 360, &[]);
    }
    check(
        &story,
        expect![[r#"
        write(1, "first first first first first fi"..., 360) = 360
        write(1, 0x1000 /* lost with a damaged block */, 360) = 360
    "#]],
    );
    assert_eq!(story.printed(&Options::default()).1.lost_buffers, 1);
}

#[test]
fn files() {
    let mut story = Story::new();
    let name = (1u8, 0u8, 0u32, &b"/etc/\x1bpasswd\0"[..]);
    story.call("openat", [u64::MAX - 99, A, 0o2000000, 0, 0, 0], &[name], 3, &[]);
    story.call("openat", [u64::MAX - 99, A, 0o102, 0o644, 0, 0], &[name], -2, &[]);
    let mut stat = vec![0u8; 144];
    stat[24..28].copy_from_slice(&0o100644u32.to_le_bytes());
    stat[48..56].copy_from_slice(&33699u64.to_le_bytes());
    story.call("fstat", [3, A, 0, 0, 0, 0], &[], 0, &[(1, 0, 0, &stat)]);
    stat[24..28].copy_from_slice(&0o20666u32.to_le_bytes());
    stat[40..48].copy_from_slice(&0x103u64.to_le_bytes());
    story.call("fstat", [3, A, 0, 0, 0, 0], &[], 0, &[(1, 0, 0, &stat)]);
    story.call("lseek", [3, 0, 2, 0, 0, 0], &[], i64::MAX, &[]);
    story.call("fcntl", [3, 3, 0, 0, 0, 0], &[], 0o100002, &[]);
    story.call("fcntl", [3, 1, 0, 0, 0, 0], &[], 1, &[]);
    story.call("pipe2", [A, 0, 0, 0, 0, 0], &[], 0, &[(0, 0, 0, &le32(&[3, 4]))]);
    story.call("umask", [0o22, 0, 0, 0, 0, 0], &[], 0o22, &[]);
    let entry = [&le(&[7, 8])[..], &[24, 0, 8, b'a', b'b', 0, 0, 0]].concat();
    story.call("getdents64", [3, A, 100, 0, 0, 0], &[], 48, &[(1, 0, 0, &entry.repeat(2))]);
    check(
        &story,
        expect![[r#"
        openat(AT_FDCWD, "/etc/\33passwd", O_RDONLY|O_CLOEXEC) = 3
        openat(AT_FDCWD, "/etc/\33passwd", O_RDWR|O_CREAT, 0644) = -1 ENOENT (No such file or directory)
        fstat(3, {st_mode=S_IFREG|0644, st_size=33699, ...}) = 0
        fstat(3, {st_mode=S_IFCHR|0666, st_rdev=makedev(0x1, 0x3), ...}) = 0
        lseek(3, 0, SEEK_END)                   = 9223372036854775807
        fcntl(3, F_GETFL)                       = 0x8002 (flags O_RDWR|O_LARGEFILE)
        fcntl(3, F_GETFD)                       = 0x1 (flags FD_CLOEXEC)
        pipe2([3, 4], 0)                        = 0
        umask(022)                              = 022
        getdents64(3, 0x1000 /* 2 entries */, 100) = 48
    "#]],
    );
    expect![[r#"
        --- sysreel: task 100 of process 100 appears (attached) ---
        openat(AT_FDCWD, "/etc/\33passwd", O_RDONLY|O_CLOEXEC) = 3
        openat(AT_FDCWD, "/etc/\33passwd", O_RDWR|O_CREAT, 0644) = -1 ENOENT (No such file or directory)
        fstat(3, {st_dev=makedev(0, 0), st_ino=0, st_mode=S_IFREG|0644, st_nlink=0, st_uid=0, st_gid=0, st_blksize=0, st_blocks=0, st_size=33699, st_atime=0, st_atime_nsec=0, st_mtime=0, st_mtime_nsec=0, st_ctime=0, st_ctime_nsec=0}) = 0
        fstat(3, {st_dev=makedev(0, 0), st_ino=0, st_mode=S_IFCHR|0666, st_nlink=0, st_uid=0, st_gid=0, st_blksize=0, st_blocks=0, st_rdev=makedev(0x1, 0x3), st_atime=0, st_atime_nsec=0, st_mtime=0, st_mtime_nsec=0, st_ctime=0, st_ctime_nsec=0}) = 0
        lseek(3, 0, SEEK_END)                   = 9223372036854775807
        fcntl(3, F_GETFL)                       = 0x8002 (flags O_RDWR|O_LARGEFILE)
        fcntl(3, F_GETFD)                       = 0x1 (flags FD_CLOEXEC)
        pipe2([3, 4], 0)                        = 0
        umask(022)                              = 022
        getdents64(3, [{d_ino=7, d_off=8, d_reclen=24, d_type=DT_REG, d_name="ab"}, {d_ino=7, d_off=8, d_reclen=24, d_type=DT_REG, d_name="ab"}], 100) = 48
    "#]].assert_eq(&story.text(&Options { verbose: true, ..Options::default() }));
}

#[test]
fn names_of_descriptors() {
    let mut story = Story::new();
    let local = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let peer = [2, 0, 0x13, 0x88, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    story.entry(0, Abi::X86_64, "accept", [3, 0, 0, 0, 0, 0], &[]);
    story.stop(0, 0x857f, &crate::story::exit_info(Abi::X86_64.arch(), 4, 0), |buf| {
        buf.name(&Name {
            fd: 4,
            mode: 0o140777,
            dev: 0,
            ino: 9,
            rdev: 0,
            link: b"socket:[9]\x1b>",
            local: &local,
            peer: &peer,
        });
    });
    story.call("dup", [4, 0, 0, 0, 0, 0], &[], 5, &[]);
    story.call("close", [4, 0, 0, 0, 0, 0], &[], 0, &[]);
    story.call("fsync", [4, 0, 0, 0, 0, 0], &[], -9, &[]);
    expect![[r#"
        accept(3, NULL, NULL)                   = 4<socket:[9]\33\>>
        dup(4<socket:[9]\33\>>)                 = 5
        close(4<socket:[9]\33\>>)               = 0
        fsync(4)                                = -1 EBADF (Bad file descriptor)
    "#]]
    .assert_eq(&story.text(&Options { fds: FdStyle::Path, ..Options::default() }));
    expect![[r#"
        accept(3, NULL, NULL)                   = 4<INET:[127.0.0.1:80->127.0.0.1:5000]>
        dup(4<INET:[127.0.0.1:80->127.0.0.1:5000]>) = 5
        close(4<INET:[127.0.0.1:80->127.0.0.1:5000]>) = 0
        fsync(4)                                = -1 EBADF (Bad file descriptor)
    "#]]
    .assert_eq(&story.text(&Options { fds: FdStyle::Detail, ..Options::default() }));
}

#[test]
fn sockets() {
    let mut story = Story::new();
    story.call("socket", [2, 0o2000001, 6, 0, 0, 0], &[], 3, &[]);
    let unix = [&[1, 0][..], b"/tmp/x\0junk"].concat();
    story.call("connect", [3, A, 110, 0, 0, 0], &[(1, 0, 0, &unix)], -2, &[]);
    story.call("connect", [3, A, 8, 0, 0, 0], &[(1, 0, 0, b"\x01\0\0name\x1b")], 0, &[]);
    let inet = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    story.call("bind", [3, A, 16, 0, 0, 0], &[(1, 0, 0, &inet)], 0, &[]);
    let mut inet6 = vec![10, 0, 0, 80, 0, 0, 0, 0];
    inet6.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    let (before, after) = (le32(&[128]), le32(&[28]));
    story.call(
        "accept",
        [3, A, B, 0, 0, 0],
        &[(2, 0, 0, &before)],
        4,
        &[(1, 0, 0, &inet6), (2, 0, 0, &after)],
    );
    let netlink = [&[16, 0, 0, 0][..], &le32(&[0, 0])].concat();
    story.call("bind", [3, A, 12, 0, 0, 0], &[(1, 0, 0, &netlink)], 0, &[]);
    story.call("setsockopt", [3, 1, 2, A, 4, 0], &[(3, 0, 0, &le32(&[1]))], 0, &[]);
    let iov = le(&[0x5000, 3, 0x6000, 4]);
    let message = le(&[0, 0, 0x7000, 2, 0, 0, 0]);
    story.call(
        "sendmsg",
        [3, A, 0x4000, 0, 0, 0],
        &[(1, 0, 0, &message), (1, 1, 1, &iov), (1, 2, 0, b"abc"), (1, 2, 1, b"defg")],
        7,
        &[],
    );
    story.call(
        "writev",
        [1, A, 2, 0, 0, 0],
        &[(1, 0, 0, &iov), (1, 1, 0, b"abc"), (1, 1, 1, b"defg")],
        7,
        &[],
    );
    story.call("readv", [0, A, 2, 0, 0, 0], &[(1, 0, 0, &iov)], 3, &[(1, 1, 0, b"abc")]);
    let rights = [&le(&[20])[..], &le32(&[1, 1, 7]), &[0; 4]].concat();
    let message = le(&[0, 0, 0x7000, 1, 0x8000, 24, 0]);
    let one = le(&[0x5000, 1]);
    story.call(
        "recvmsg",
        [3, A, 0, 0, 0, 0],
        &[(1, 0, 0, &message), (1, 1, 1, &one)],
        1,
        &[(1, 0, 0, &message), (1, 1, 2, &rights), (1, 2, 0, b"z")],
    );
    check(
        &story,
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
    let mut story = Story::new();
    let before = [&le32(&[3])[..], &[1, 0, 0, 0], &le32(&[u32::MAX]), &[0; 4]].concat();
    let after = [&le32(&[3])[..], &[1, 0, 1, 0], &le32(&[u32::MAX]), &[0; 4]].concat();
    story.call("poll", [A, 2, 100, 0, 0, 0], &[(0, 0, 0, &before)], 1, &[(0, 0, 0, &after)]);
    story.call("poll", [A, 2, 100, 0, 0, 0], &[(0, 0, 0, &before)], 0, &[(0, 0, 0, &before)]);
    let (set, none, time) = ([0x28u8, 0, 0, 0, 0, 0, 0, 0], [0u8; 8], le(&[1, 5000]));
    story.call(
        "pselect6",
        [6, A, 0, B, 0x3000, 0],
        &[(1, 0, 0, &set), (3, 0, 0, &set), (4, 0, 0, &time)],
        1,
        &[(1, 0, 0, &set), (3, 0, 0, &none), (4, 0, 0, &time)],
    );
    let event = [&le32(&[1])[..], &le(&[3])].concat();
    story.call("epoll_wait", [5, A, 1, u64::MAX, 0, 0], &[], 1, &[(1, 0, 0, &event)]);
    story.call("epoll_wait", [5, A, 1, 0, 0, 0], &[], 0, &[]);
    story.call("epoll_ctl", [5, 1, 3, A, 0, 0], &[(3, 0, 0, &event)], 0, &[]);
    check(
        &story,
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
    let mut story = Story::new();
    story.call("wait4", [u64::MAX, A, 0, 0, 0, 0], &[], 101, &[(1, 0, 0, &le32(&[0x300]))]);
    story.call("wait4", [u64::MAX, A, 0, 0, 0, 0], &[], 101, &[(1, 0, 0, &le32(&[0x8b]))]);
    story.call("wait4", [u64::MAX, A, 0, 0, 0, 0], &[], 101, &[(1, 0, 0, &le32(&[0x137f]))]);
    let action = le(&[0x5000, 0x1400_0000, 0x6000, 1 << 16 | 1 << 9]);
    story.call(
        "rt_sigaction",
        [10, A, B, 8, 0, 0],
        &[(1, 0, 0, &action)],
        0,
        &[(2, 0, 0, &le(&[0, 0, 0, 0]))],
    );
    let all_but = le(&[!(3 << 31)]);
    story.call("rt_sigprocmask", [0, A, B, 8, 0, 0], &[(1, 0, 0, &all_but)], 0, &[(2, 0, 0, &le(&[0]))]);
    story.call("prlimit64", [0, 3, 0, A, 0, 0], &[], 0, &[(3, 0, 0, &le(&[8192 * 1024, u64::MAX]))]);
    story.call("sched_getaffinity", [0, 128, A, 0, 0, 0], &[], 8, &[(2, 0, 0, &le(&[5]))]);
    story.call("clone", [0x0120_0011, 0, 0, A, 0, 0], &[], 101, &[]);
    let clone3 = le(&[0x3d0f00, 0, A, B, 0, 0x5000, 0x9000, 0x7000, 0, 0, 0]);
    story.call("clone3", [A, 88, 0, 0, 0, 0], &[(0, 0, 0, &clone3)], 102, &[(0, 1, 1, &le32(&[102]))]);
    story.call("futex", [A, 128, 2, 0, 0, 0], &[(0, 0, 0, &le32(&[2]))], -11, &[]);
    story.call("futex", [A, 137 | 256, 2, 0, 0, 0xffff_ffff], &[(0, 0, 0, &le32(&[2]))], 0, &[]);
    story.call("futex", [A, 129, 1, 9, 9, 9], &[(0, 0, 0, &le32(&[2]))], 1, &[]);
    story.call(
        "getresuid",
        [A, B, 0x3000, 0, 0, 0],
        &[],
        0,
        &[(0, 0, 0, &le32(&[0])), (1, 0, 0, &le32(&[1])), (2, 0, 0, &le32(&[u32::MAX]))],
    );
    story.call("setresuid", [0xffff_ffff, 0, 0xffff_ffff, 0, 0, 0], &[], 0, &[]);
    story.call("prctl", [15, A, 0, 0, 0, 0], &[(1, 0, 0, b"hello\0")], 0, &[]);
    check(
        &story,
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

#[test]
fn time_and_the_machine() {
    let mut story = Story::new();
    story.call("clock_gettime", [0, A, 0, 0, 0, 0], &[], 0, &[(1, 0, 0, &le(&[1_795_467_886, 5]))]);
    story.call("time", [0; 6], &[], 1_795_467_886, &[]);
    story.call("nanosleep", [A, B, 0, 0, 0, 0], &[(0, 0, 0, &le(&[1, 2]))], 0, &[]);
    story.call("setitimer", [0, A, 0, 0, 0, 0], &[(1, 0, 0, &le(&[0, 0, 0, 3000]))], 0, &[]);
    let names: Vec<u8> = ["Linux", "vm", "6.1", "#1", "x86_64", "(none)"]
        .iter()
        .flat_map(|name| {
            let mut bytes = name.as_bytes().to_vec();
            bytes.resize(65, 0);
            bytes
        })
        .collect();
    story.call("uname", [A, 0, 0, 0, 0, 0], &[], 0, &[(0, 0, 0, &names)]);
    let size: Vec<u8> = [24u16, 80, 0, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
    story.call("ioctl", [0, 0x5413, A, 0, 0, 0], &[], 0, &[(2, 0, 0, &size)]);
    story.call("ioctl", [0, 0x5401, A, 0, 0, 0], &[], -25, &[]);
    story.call("mmap", [0, 8192, 3, 0x22, 0xffff_ffff, 0], &[], 0x7f00_0000_1000, &[]);
    story.call("brk", [0; 6], &[], 0x5555_0000, &[]);
    check(
        &story,
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
    let i386 = |name: &str, args, memory: &[crate::story::Bytes<'_>], rval| {
        let mut story = Story::new();
        story.entry(0, Abi::I386, name, args, &[]).exit(0, Abi::I386, rval, memory);
        story.text(&Options { hex: HexStrings::Never, ..Options::default() })
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
