//! Arguments and results of each family of calls.

use expect_test::{Expect, expect};
use sysreel_abi::Abi;
use sysreel_format::{
    BlobNumber, Data, Direction, EventKind, MetaCodec, Name, ProcessSnapshot, RegionFlags,
    RegionHead, Role, SnapshotKind,
};

use crate::print::{FdStyle, Options};
use crate::testing::{LogBuilder, entry_info, exit_info};

pub(super) const A: u64 = 0x1000;
pub(super) const B: u64 = 0x2000;

pub(super) fn check(log: &LogBuilder, expected: Expect) {
    expected.assert_eq(&log.text(&Options::default()));
}

pub(super) fn le(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

pub(super) fn le32(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn region(
    arg: u8,
    dir: Direction,
    bytes: &[u8],
    asked: u64,
    errno: u32,
    flags: RegionFlags,
) -> RegionHead {
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
    let mut log = LogBuilder::new();
    log.call("write", [1, A, 9, 0, 0, 0], &[(1, 0, 0, b"a\x1b\n\x01z\xff\x001\0")], 9, &[]);
    log.call("write", [1, A, 40, 0, 0, 0], &[(1, 0, 0, &[b'x'; 40])], 40, &[]);
    log.call("write", [1, A, 0, 0, 0, 0], &[], 0, &[]);
    log.call("write", [1, 0, 10, 0, 0, 0], &[], -14, &[]);
    log.call("read", [3, A, 100, 0, 0, 0], &[], 0, &[]);
    log.call(
        "chdir",
        [A, 0, 0, 0, 0, 0],
        &[(0, 0, 0, b"/a/very/long/path/that/is/never/cut/in/any/way\0")],
        0,
        &[],
    );
    log.call("getrandom", [A, 4, 0, 0, 0, 0], &[], 4, &[(0, 0, 0, b"abcd")]);
    check(
        &log,
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
fn partly_readable_memory() {
    let mut log = LogBuilder::new();
    let info = entry_info(Abi::X86_64.arch(), 1, [1, A, 100, 0, 0, 0]);
    let cut = RegionFlags::CUT;
    for (bytes, asked, errno, flags) in [
        (&b"abc"[..], 100, 0, cut),
        (b"abc", 100, 14, RegionFlags::default()),
        (b"", 100, 14, RegionFlags::default()),
    ] {
        log.stop(0, 0x857f, &info, |buf| {
            buf.region(&region(1, Direction::IN, bytes, asked, errno, flags), Data::Inline(bytes));
        });
        log.exit(0, Abi::X86_64, 100, &[]);
    }
    check(
        &log,
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
    .assert_eq(&log.text(&Options { verbose: true, everything: true, ..Options::default() }));
}

#[test]
fn buffers_in_blobs() {
    let mut log = LogBuilder::new();
    log.blobs.insert(5, b"first ".repeat(60));
    let info = entry_info(Abi::X86_64.arch(), 1, [1, A, 360, 0, 0, 0]);
    for number in [5, 6] {
        log.stop(0, 0x857f, &info, |buf| {
            let head = RegionHead {
                got: 360,
                ..region(1, Direction::IN, b"", 360, 0, RegionFlags::default())
            };
            buf.region(&head, Data::Blobs(&[BlobNumber(number)]));
        });
        log.exit(0, Abi::X86_64, 360, &[]);
    }
    check(
        &log,
        expect![[r#"
        write(1, "first first first first first fi"..., 360) = 360
        write(1, 0x1000 /* lost with a damaged block */, 360) = 360
    "#]],
    );
    assert_eq!(log.printed(&Options::default()).1.lost_buffers, 1);
}

#[test]
fn files() {
    let mut log = LogBuilder::new();
    let name = (1u8, 0u8, 0u32, &b"/etc/\x1bpasswd\0"[..]);
    log.call("openat", [u64::MAX - 99, A, 0o2000000, 0, 0, 0], &[name], 3, &[]);
    log.call("openat", [u64::MAX - 99, A, 0o102, 0o644, 0, 0], &[name], -2, &[]);
    let mut stat = vec![0u8; 144];
    stat[24..28].copy_from_slice(&0o100644u32.to_le_bytes());
    stat[48..56].copy_from_slice(&33699u64.to_le_bytes());
    log.call("fstat", [3, A, 0, 0, 0, 0], &[], 0, &[(1, 0, 0, &stat)]);
    stat[24..28].copy_from_slice(&0o20666u32.to_le_bytes());
    stat[40..48].copy_from_slice(&0x103u64.to_le_bytes());
    log.call("fstat", [3, A, 0, 0, 0, 0], &[], 0, &[(1, 0, 0, &stat)]);
    log.call("lseek", [3, 0, 2, 0, 0, 0], &[], i64::MAX, &[]);
    log.call("fcntl", [3, 3, 0, 0, 0, 0], &[], 0o100002, &[]);
    log.call("fcntl", [3, 1, 0, 0, 0, 0], &[], 1, &[]);
    log.call("pipe2", [A, 0, 0, 0, 0, 0], &[], 0, &[(0, 0, 0, &le32(&[3, 4]))]);
    log.call("umask", [0o22, 0, 0, 0, 0, 0], &[], 0o22, &[]);
    let entry = [&le(&[7, 8])[..], &[24, 0, 8, b'a', b'b', 0, 0, 0]].concat();
    log.call("getdents64", [3, A, 100, 0, 0, 0], &[], 48, &[(1, 0, 0, &entry.repeat(2))]);
    check(
        &log,
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
    "#]].assert_eq(&log.text(&Options { verbose: true, everything: true, ..Options::default() }));
}

#[test]
fn names_of_descriptors() {
    let mut log = LogBuilder::new();
    let local = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let peer = [2, 0, 0x13, 0x88, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    log.entry(0, Abi::X86_64, "accept", [3, 0, 0, 0, 0, 0], &[]);
    log.stop(0, 0x857f, &crate::testing::exit_info(Abi::X86_64.arch(), 4, 0), |buf| {
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
    log.call("dup", [4, 0, 0, 0, 0, 0], &[], 5, &[]);
    log.call("close", [4, 0, 0, 0, 0, 0], &[], 0, &[]);
    log.call("fsync", [4, 0, 0, 0, 0, 0], &[], -9, &[]);
    expect![[r#"
        accept(3, NULL, NULL)                   = 4<socket:[9]\33\76>
        dup(4<socket:[9]\33\76>)                = 5<socket:[9]\33\76>
        close(4<socket:[9]\33\76>)              = 0
        fsync(4)                                = -1 EBADF (Bad file descriptor)
    "#]]
    .assert_eq(&log.text(&Options { fds: FdStyle::Path, ..Options::default() }));
    expect![[r#"
        accept(3, NULL, NULL)                   = 4<INET:[127.0.0.1:80->127.0.0.1:5000]>
        dup(4<INET:[127.0.0.1:80->127.0.0.1:5000]>) = 5<INET:[127.0.0.1:80->127.0.0.1:5000]>
        close(4<INET:[127.0.0.1:80->127.0.0.1:5000]>) = 0
        fsync(4)                                = -1 EBADF (Bad file descriptor)
    "#]]
    .assert_eq(&log.text(&Options { fds: FdStyle::Detail, ..Options::default() }));
}

#[test]
fn the_working_directory_has_a_name() {
    let mut log = LogBuilder::new();
    let snapshot = ProcessSnapshot { cwd: b"/srv/x".to_vec(), ..ProcessSnapshot::default() };
    let bytes = snapshot.to_bytes().unwrap();
    log.event(EventKind::SNAPSHOT, 0, |buf| buf.snapshot(SnapshotKind::PROCESS, 1, &bytes));
    let cwd = u64::from((-100i32).cast_unsigned());
    let open = |log: &mut LogBuilder, rval| {
        log.call("openat", [cwd, A, 0, 0, 0, 0], &[(1, 0, 0, b"f\0")], rval, &[]);
    };
    open(&mut log, -2);
    log.call("chdir", [A, 0, 0, 0, 0, 0], &[(0, 0, 0, b"../y/./z\0")], 0, &[]);
    open(&mut log, -2);
    log.call("chdir", [A, 0, 0, 0, 0, 0], &[(0, 0, 0, b"/no\0")], -2, &[]);
    open(&mut log, -2);
    log.call("fchdir", [9, 0, 0, 0, 0, 0], &[], 0, &[]);
    open(&mut log, -2);
    expect![[r#"
        openat(AT_FDCWD</srv/x>, "f", O_RDONLY) = -1 ENOENT (No such file or directory)
        chdir("../y/./z")                       = 0
        openat(AT_FDCWD</srv/y/z>, "f", O_RDONLY) = -1 ENOENT (No such file or directory)
        chdir("/no")                            = -1 ENOENT (No such file or directory)
        openat(AT_FDCWD</srv/y/z>, "f", O_RDONLY) = -1 ENOENT (No such file or directory)
        fchdir(9)                               = 0
        openat(AT_FDCWD, "f", O_RDONLY)         = -1 ENOENT (No such file or directory)
    "#]]
    .assert_eq(&log.text(&Options { fds: FdStyle::Path, ..Options::default() }));
}

#[test]
fn descriptors_have_the_name_of_the_moment() {
    let mut log = LogBuilder::new();
    let opened = |log: &mut LogBuilder, fd: i32, link: &'static [u8]| {
        log.entry(0, Abi::X86_64, "open", [A, 0, 0, 0, 0, 0], &[(0, 0, 0, b"/w/d/f\0")]);
        let info = exit_info(Abi::X86_64.arch(), fd.into(), 0);
        let ino = u64::from(fd.cast_unsigned());
        let (mode, local, peer) = (0o100_600, &[][..], &[][..]);
        log.stop(0, 0x857f, &info, |buf| {
            buf.name(&Name { fd, mode, dev: 1, ino, rdev: 0, link, local, peer });
        });
    };
    opened(&mut log, 3, b"/w/d/f");
    opened(&mut log, 4, b"/memfd:x (deleted)");
    let renamed = [(0, 0, 0, &b"/w/d\0"[..]), (1, 0, 0, &b"/w/e\0"[..])];
    log.call("rename", [A, A, 0, 0, 0, 0], &renamed, 0, &[]);
    log.call("fsync", [3, 0, 0, 0, 0, 0], &[], 0, &[]);
    log.call("unlink", [A, 0, 0, 0, 0, 0], &[(0, 0, 0, b"/w/e/f\0")], 0, &[]);
    log.call("fsync", [3, 0, 0, 0, 0, 0], &[], 0, &[]);
    expect![[r#"
        open("/w/d/f", O_RDONLY)                = 3</w/d/f>
        open("/w/d/f", O_RDONLY)                = 4</memfd:x>(deleted)
        rename("/w/d", "/w/e")                  = 0
        fsync(3</w/e/f>)                        = 0
        unlink("/w/e/f")                        = 0
        fsync(3</w/e/f>(deleted))               = 0
    "#]]
    .assert_eq(&log.text(&Options { fds: FdStyle::Path, ..Options::default() }));
}

#[test]
fn unix_sockets_have_the_inodes_that_the_log_shows() {
    let mut log = LogBuilder::new();
    let name = |fd: i32, local: &'static [u8], peer: &'static [u8]| Name {
        fd,
        mode: 0o140_777,
        dev: 8,
        ino: 70 + u64::from(fd.cast_unsigned()),
        rdev: 0,
        link: b"socket:[7]",
        local,
        peer,
    };
    let info = exit_info(Abi::X86_64.arch(), 0, 0);
    log.entry(0, Abi::X86_64, "socketpair", [1, 1, 0, A, 0, 0], &[]);
    log.stop(0, 0x857f, &info, |buf| {
        let head = RegionHead {
            arg: 3,
            dir: Direction::OUT,
            role: Role::DIRECT,
            flags: RegionFlags::default(),
            index: 0,
            address: A,
            asked: 8,
            got: 8,
            errno: 0,
        };
        buf.region(&head, Data::Inline(&[3, 0, 0, 0, 4, 0, 0, 0]));
        buf.name(&name(3, &[1, 0], &[1, 0]));
        buf.name(&name(4, &[1, 0], &[1, 0]));
    });
    log.call("shutdown", [4, 2, 0, 0, 0, 0], &[], 0, &[]);
    let info = exit_info(Abi::X86_64.arch(), 5, 0);
    log.entry(0, Abi::X86_64, "socket", [1, 2, 0, 0, 0, 0], &[]);
    log.stop(0, 0x857f, &info, |buf| buf.name(&name(5, &[1, 0], &[])));
    let info = exit_info(Abi::X86_64.arch(), 0, 0);
    log.entry(0, Abi::X86_64, "bind", [5, A, 110, 0, 0, 0], &[(1, 0, 0, b"\x01\0/run/x\0")]);
    log.stop(0, 0x857f, &info, |buf| buf.name(&name(5, b"\x01\0/run/x\0", &[])));
    log.call("listen", [5, 1, 0, 0, 0, 0], &[], 0, &[]);
    expect![[r#"
        socketpair(AF_UNIX, SOCK_STREAM, 0, [3<UNIX-STREAM:[73->74]>, 4<UNIX-STREAM:[74->73]>]) = 0
        shutdown(4<UNIX-STREAM:[74->73]>, SHUT_RDWR) = 0
        socket(AF_UNIX, SOCK_DGRAM, 0)          = 5<UNIX-DGRAM:[75]>
        bind(5<UNIX-DGRAM:[75]>, {sa_family=AF_UNIX, sun_path="/run/x"}, 110) = 0
        listen(5<UNIX-DGRAM:[75,"/run/x"]>, 1)  = 0
    "#]]
    .assert_eq(&log.text(&Options { fds: FdStyle::Detail, ..Options::default() }));
}
