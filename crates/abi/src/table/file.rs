//! Files: names, contents, file descriptors.

use super::rows::rows;
use crate::consts::{file as f, memory, open, uapi};
use crate::desc::*;
use crate::layout::Layout::*;

const FILE: Classes = Classes::FILE;
const DESC: Classes = Classes::FILE.and(Classes::DESC);
const PLAIN: Classes = Classes::DESC;
const PIPE: Classes = Classes::DESC.and(Classes::IPC);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    read(fd: FD, buf: out(ret("count")), count: SIZE)
                                                 -> SIZE, emulate(DESC).kind(CallKind::Read).fast();
    write(fd: FD, buf: input(arg("count")), count: SIZE)
                                                       -> SIZE, emulate(DESC).kind(CallKind::Write);
    pread64(fd: FD, buf: out(ret("count")), count: SIZE, pos: OFF)
                                                 -> SIZE, emulate(DESC).kind(CallKind::Read).fast();
    pwrite64(fd: FD, buf: input(arg("count")), count: SIZE, pos: OFF)
                                                       -> SIZE, emulate(DESC).kind(CallKind::Write);
    readv(fd: FD, vec: out(iov("vlen", Total::Ret)), vlen: ULONG)
                                                       -> SIZE, emulate(DESC).kind(CallKind::Read);
    writev(fd: FD, vec: input(iov("vlen", Total::Own)), vlen: ULONG)
                                                       -> SIZE, emulate(DESC).kind(CallKind::Write);
    preadv(fd: FD, vec: out(iov("vlen", Total::Ret)), vlen: ULONG, pos_l: HALF, pos_h: HALF)
                                                       -> SIZE, emulate(DESC).kind(CallKind::Read);
    pwritev(fd: FD, vec: input(iov("vlen", Total::Own)), vlen: ULONG, pos_l: HALF, pos_h: HALF)
                                                       -> SIZE, emulate(DESC).kind(CallKind::Write);
    preadv2(fd: FD, vec: out(iov("vlen", Total::Ret)), vlen: ULONG, pos_l: HALF, pos_h: HALF,
        flags: flags(&f::RWF))                         -> SIZE, emulate(DESC).kind(CallKind::Read);
    pwritev2(fd: FD, vec: input(iov("vlen", Total::Own)), vlen: ULONG, pos_l: HALF, pos_h: HALF,
        flags: flags(&f::RWF))                         -> SIZE, emulate(DESC).kind(CallKind::Write);
    readahead(fd: FD, offset: OFF, count: SIZE)        -> INT,  emulate(DESC);
    lseek(fd: FD, offset: OFF, whence: one_of(&f::SEEK))
                                                 -> OFF,  emulate(DESC).kind(CallKind::Seek).fast();
    sendfile(out_fd: FD, in_fd: FD, offset: inout(of(OffT)), count: SIZE)
                                 -> SIZE, emulate(DESC.and(Classes::NETWORK)).kind(CallKind::Write);
    copy_file_range(fd_in: FD, off_in: inout(of(Loff)), fd_out: FD, off_out: inout(of(Loff)),
        len: SIZE, flags: HEX32)                       -> SIZE, emulate(DESC).kind(CallKind::Write);
    splice(fd_in: FD, off_in: inout(of(Loff)), fd_out: FD, off_out: inout(of(Loff)), len: SIZE,
        flags: flags(&f::SPLICE))                      -> SIZE, emulate(PIPE).kind(CallKind::Write);
    tee(fdin: FD, fdout: FD, len: SIZE, flags: flags(&f::SPLICE))
                                                       -> SIZE, emulate(PIPE).kind(CallKind::Write);
    vmsplice(fd: FD, uiov: input(iov("nr_segs", Total::Own)), nr_segs: ULONG,
        flags: flags(&f::SPLICE))                      -> SIZE, apart(PIPE).kind(CallKind::Write);

    open(filename: PATH, flags: flags(&open::OPEN), mode: MODE)
                                   -> FD,  emulate(DESC).makes(RET).kind(CallKind::Open).fast();
    openat(dfd: DIRFD, filename: PATH, flags: flags(&open::OPEN), mode: MODE)
                                   -> FD,  emulate(DESC).makes(RET).kind(CallKind::Open).fast();
    openat2(dfd: DIRFD, filename: PATH, how: kind(ArgKind::Struct(OpenHow), input(arg("usize"))),
        usize: SIZE)               -> FD,  emulate(DESC).makes(RET).kind(CallKind::Open);
    creat(pathname: PATH, mode: MODE) -> FD,  emulate(DESC).makes(RET).kind(CallKind::Open);
    open_by_handle_at(mountdirfd: DIRFD,
        handle: kind(ArgKind::Struct(FileHandle), input(self_sized(0, 8, 8, 128))),
        flags: flags(&open::OPEN)) -> FD,  emulate(DESC).makes(RET).kind(CallKind::Open);
    name_to_handle_at(dfd: DIRFD, name: PATH,
        handle: when(When::SuccessOr(&[EOVERFLOW]),
            kind(ArgKind::Struct(FileHandle), inout(self_sized(0, 8, 8, 128)))),
        mnt_id: when(When::SuccessOr(&[EOVERFLOW]), out(of(Int))), flag: flags(&open::AT_HANDLE))
                                   -> INT, emulate(DESC);
    close(fd: FD)                  -> INT, emulate(PLAIN).kind(CallKind::Close).fast();
    close_range(fd: FD, max_fd: UINT, flags: flags(&f::CLOSE_RANGE))
                                   -> INT, emulate(PLAIN).kind(CallKind::CloseRange);
    dup(fildes: FD)                -> FD,  emulate(PLAIN).makes(RET).kind(CallKind::Dup);
    dup2(oldfd: FD, newfd: FD)     -> FD,  emulate(PLAIN).makes(RET).kind(CallKind::DupTo);
    dup3(oldfd: FD, newfd: FD, flags: flags(&open::BITS))
                                   -> FD,  emulate(PLAIN).makes(RET).kind(CallKind::DupTo);
    fcntl(fd: FD, cmd: one_of(&f::FCNTL), arg: special(Special::Fcntl))
                            -> INT, emulate(PLAIN).makes(Makes::Fcntl).kind(CallKind::Fcntl).fast();
    ioctl(fd: FD, cmd: IOCTL, arg: special(Special::Ioctl))
                                   -> INT, emulate(PLAIN).makes(Makes::Ioctl).kind(CallKind::Ioctl);
    flock(fd: FD, cmd: flags(&f::FLOCK)) -> INT, emulate(DESC).kind(CallKind::Lock);
    pipe(fildes: out(Len::Bytes(8)))
                                   -> INT, emulate(PIPE).makes(pair("fildes")).kind(CallKind::Pair);
    pipe2(fildes: out(Len::Bytes(8)), flags: flags(&open::CREATE))
                                   -> INT, emulate(PIPE).makes(pair("fildes")).kind(CallKind::Pair);
    memfd_create(uname: STR, flags: flags(&f::MEMFD))
                       -> FD,  emulate(DESC.and(Classes::MEMORY)).makes(RET).kind(CallKind::MakeFd);
    memfd_secret(flags: flags(&open::SECRET))
                        -> FD,  refuse(DESC.and(Classes::MEMORY)).makes(RET).kind(CallKind::MakeFd);

    stat(filename: PATH, statbuf: out(of(Stat))) -> INT,  emulate(FILE).kind(CallKind::Stat).fast();
    lstat(filename: PATH, statbuf: out(of(Stat)))
                                                 -> INT,  emulate(FILE).kind(CallKind::Stat).fast();
    fstat(fd: FD, statbuf: out(of(Stat)))        -> INT,  emulate(DESC).kind(CallKind::Stat).fast();
    newfstatat(dfd: DIRFD, filename: PATH, statbuf: out(of(Stat)), flag: flags(&open::AT_STAT))
                                                 -> INT,  emulate(DESC).kind(CallKind::Stat).fast();
    statx(dfd: DIRFD, filename: PATH, flags: flags(&open::AT_STAT), mask: flags(&f::STATX),
        buffer: out(of(Statx)))                  -> INT,  emulate(DESC).kind(CallKind::Stat).fast();
    statfs(pathname: PATH, buf: out(of(Statfs)))     -> INT,  emulate(FILE).fast();
    fstatfs(fd: FD, buf: out(of(Statfs)))            -> INT,  emulate(DESC).fast();
    ustat(dev: DEV, ubuf: out(of(Ustat)))            -> INT,  emulate(FILE);
    access(filename: PATH, mode: flags(&open::ACCESS))
                                               -> INT,  emulate(FILE).kind(CallKind::Access).fast();
    faccessat(dfd: DIRFD, filename: PATH, mode: flags(&open::ACCESS))
                                               -> INT,  emulate(DESC).kind(CallKind::Access).fast();
    faccessat2(dfd: DIRFD, filename: PATH, mode: flags(&open::ACCESS),
        flags: flags(&open::AT_ACCESS))        -> INT,  emulate(DESC).kind(CallKind::Access).fast();
    readlink(path: PATH, buf: kind(ArgKind::Path, out(ret("bufsiz"))), bufsiz: INT)
                                             -> SIZE, emulate(FILE).kind(CallKind::ReadLink).fast();
    readlinkat(dfd: DIRFD, pathname: PATH, buf: kind(ArgKind::Path, out(ret("bufsiz"))),
        bufsiz: INT)                         -> SIZE, emulate(DESC).kind(CallKind::ReadLink).fast();
    getdents(fd: FD, dirent: out(ret("count")), count: UINT)
                                              -> SIZE, emulate(DESC).kind(CallKind::ReadDir).fast();
    getdents64(fd: FD, dirent: out(ret("count")), count: UINT)
                                              -> SIZE, emulate(DESC).kind(CallKind::ReadDir).fast();
    file_getattr(dfd: DIRFD, filename: PATH,
        ufattr: kind(ArgKind::Struct(FileAttr), out(arg("usize"))), usize: SIZE,
        at_flags: flags(&open::AT))                  -> INT,  emulate(DESC).kind(CallKind::Stat);
    file_setattr(dfd: DIRFD, filename: PATH,
        ufattr: kind(ArgKind::Struct(FileAttr), input(arg("usize"))), usize: SIZE,
        at_flags: flags(&open::AT))                  -> INT,  emulate(DESC);

    lookup_dcookie(cookie64: ULONG, buf: kind(ArgKind::Path, out(ret("len"))), len: SIZE)
                                                      -> SIZE, emulate(FILE);
    getcwd(buf: kind(ArgKind::Path, out(ret("size"))), size: SIZE) -> SIZE, emulate(FILE).fast();
    chdir(filename: PATH)                             -> INT,  emulate(FILE).kind(CallKind::Chdir);
    fchdir(fd: FD)                                    -> INT,  emulate(DESC).kind(CallKind::Fchdir);
    chroot(filename: PATH)                            -> INT,  emulate(FILE).kind(CallKind::Chroot);
    umask(mask: MODE)                           -> MODE, emulate(FILE).kind(CallKind::Umask).fast();
    mkdir(pathname: PATH, mode: MODE)                 -> INT,  emulate(FILE).kind(CallKind::Mkdir);
    mkdirat(dfd: DIRFD, pathname: PATH, mode: MODE)   -> INT,  emulate(DESC).kind(CallKind::Mkdir);
    rmdir(pathname: PATH)                             -> INT,  emulate(FILE).kind(CallKind::Rmdir);
    mknod(filename: PATH, mode: FILE_MODE, dev: DEV)  -> INT,  emulate(FILE).kind(CallKind::Mknod);
    mknodat(dfd: DIRFD, filename: PATH, mode: FILE_MODE, dev: DEV)
                                                      -> INT,  emulate(DESC).kind(CallKind::Mknod);
    unlink(pathname: PATH)                            -> INT,  emulate(FILE).kind(CallKind::Unlink);
    unlinkat(dfd: DIRFD, pathname: PATH, flag: flags(&open::AT))
                                                      -> INT,  emulate(DESC).kind(CallKind::Unlink);
    rename(oldname: PATH, newname: PATH)              -> INT,  emulate(FILE).kind(CallKind::Rename);
    renameat(olddfd: DIRFD, oldname: PATH, newdfd: DIRFD, newname: PATH)
                                                      -> INT,  emulate(DESC).kind(CallKind::Rename);
    renameat2(olddfd: DIRFD, oldname: PATH, newdfd: DIRFD, newname: PATH, flags: flags(&f::RENAME))
                                                      -> INT,  emulate(DESC).kind(CallKind::Rename);
    link(oldname: PATH, newname: PATH)                -> INT,  emulate(FILE).kind(CallKind::Link);
    linkat(olddfd: DIRFD, oldname: PATH, newdfd: DIRFD, newname: PATH, flags: flags(&open::AT))
                                                      -> INT,  emulate(DESC).kind(CallKind::Link);
    symlink(oldname: PATH, newname: PATH)            -> INT,  emulate(FILE).kind(CallKind::Symlink);
    symlinkat(oldname: PATH, newdfd: DIRFD, newname: PATH)
                                                     -> INT,  emulate(DESC).kind(CallKind::Symlink);
    chmod(filename: PATH, mode: MODE)                 -> INT,  emulate(FILE).kind(CallKind::Chmod);
    fchmod(fd: FD, mode: MODE)                        -> INT,  emulate(DESC).kind(CallKind::Chmod);
    fchmodat(dfd: DIRFD, filename: PATH, mode: MODE)  -> INT,  emulate(DESC).kind(CallKind::Chmod);
    fchmodat2(dfd: DIRFD, filename: PATH, mode: MODE, flags: flags(&open::AT))
                                                      -> INT,  emulate(DESC).kind(CallKind::Chmod);
    chown(filename: PATH, user: UID, group: GID)      -> INT,  emulate(FILE).kind(CallKind::Chown);
    lchown(filename: PATH, user: UID, group: GID)     -> INT,  emulate(FILE).kind(CallKind::Chown);
    fchown(fd: FD, user: UID, group: GID)             -> INT,  emulate(DESC).kind(CallKind::Chown);
    fchownat(dfd: DIRFD, filename: PATH, user: UID, group: GID, flag: flags(&open::AT))
                                                      -> INT,  emulate(DESC).kind(CallKind::Chown);
    truncate(path: PATH, length: OFF)               -> INT,  emulate(FILE).kind(CallKind::Truncate);
    ftruncate(fd: FD, length: OFF)                  -> INT,  emulate(DESC).kind(CallKind::Truncate);
    fallocate(fd: FD, mode: flags(&f::FALLOCATE), offset: OFF, len: OFF)
                                                    -> INT,  emulate(DESC).kind(CallKind::Truncate);
    fadvise64(fd: FD, offset: OFF, len: SIZE, advice: one_of(&f::FADVISE)) -> INT,  emulate(DESC);
    utime(filename: PATH, times: input(of(Utimbuf)))  -> INT,  emulate(FILE).kind(CallKind::Utime);
    utimes(filename: PATH, utimes: input(TIMEVALS))   -> INT,  emulate(FILE).kind(CallKind::Utime);
    futimesat(dfd: DIRFD, filename: PATH, utimes: input(TIMEVALS))
                                                      -> INT,  emulate(DESC).kind(CallKind::Utime);
    utimensat(dfd: DIRFD, filename: PATH, utimes: input(TIMESPECS), flags: flags(&open::AT))
                                                      -> INT,  emulate(DESC).kind(CallKind::Utime);

    sync()                                      -> INT, emulate(Classes::FILE).kind(CallKind::Sync);
    syncfs(fd: FD)                              -> INT, emulate(DESC).kind(CallKind::Sync);
    fsync(fd: FD)                               -> INT, emulate(DESC).kind(CallKind::Sync);
    fdatasync(fd: FD)                           -> INT, emulate(DESC).kind(CallKind::Sync);
    sync_file_range(fd: FD, offset: OFF, nbytes: OFF, flags: flags(&f::SYNC_RANGE))
                                                -> INT, emulate(DESC).kind(CallKind::Sync);
    cachestat(fd: FD, cstat_range: input(of(CachestatRange)), cstat: out(of(Cachestat)),
        flags: HEX32)                           -> INT, emulate(DESC);

    inotify_init()                          -> FD,  emulate(DESC).makes(RET).kind(CallKind::MakeFd);
    inotify_init1(flags: flags(&f::INOTIFY_INIT))
                                            -> FD,  emulate(DESC).makes(RET).kind(CallKind::MakeFd);
    inotify_add_watch(fd: FD, pathname: PATH, mask: flags(&f::INOTIFY)) -> INT, emulate(DESC);
    inotify_rm_watch(fd: FD, wd: INT)       -> INT, emulate(DESC);
    fanotify_init(flags: flags(&uapi::FANOTIFY), event_f_flags: flags(&open::OPEN))
                                            -> FD,  refuse(DESC).makes(RET).kind(CallKind::MakeFd);
    fanotify_mark(fanotify_fd: FD, flags: flags(&f::FANOTIFY_MARK),
        mask: flags(&uapi::FANOTIFY_MASK), dfd: MARKED_DIR,
        pathname: PATH)                     -> INT, refuse(DESC);
    userfaultfd(flags: flags(&memory::USERFAULTFD))
                       -> FD,  refuse(PLAIN.and(Classes::MEMORY)).makes(RET).kind(CallKind::MakeFd);
};
