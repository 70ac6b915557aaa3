//! Files: names, contents, file descriptors.

use super::rows;
use crate::consts::{file as f, memory, open};
use crate::desc::*;
use crate::layout::Layout::*;

const FILE: Classes = Classes::FILE;
const DESC: Classes = Classes::FILE.and(Classes::DESC);
const PLAIN: Classes = Classes::DESC;
const PIPE: Classes = Classes::DESC.and(Classes::IPC);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    read(fd: FD, buf: out(ret("count")), count: SIZE)        -> SIZE, emulate(DESC).act(Act::Read);
    write(fd: FD, buf: input(arg("count")), count: SIZE)     -> SIZE, emulate(DESC).act(Act::Write);
    pread64(fd: FD, buf: out(ret("count")), count: SIZE, pos: OFF)
                                                             -> SIZE, emulate(DESC).act(Act::Read);
    pwrite64(fd: FD, buf: input(arg("count")), count: SIZE, pos: OFF)
                                                             -> SIZE, emulate(DESC).act(Act::Write);
    readv(fd: FD, vec: out(iov("vlen", Total::Ret)), vlen: ULONG)
                                                             -> SIZE, emulate(DESC).act(Act::Read);
    writev(fd: FD, vec: input(iov("vlen", Total::Own)), vlen: ULONG)
                                                             -> SIZE, emulate(DESC).act(Act::Write);
    preadv(fd: FD, vec: out(iov("vlen", Total::Ret)), vlen: ULONG, pos_l: HALF, pos_h: HALF)
                                                             -> SIZE, emulate(DESC).act(Act::Read);
    pwritev(fd: FD, vec: input(iov("vlen", Total::Own)), vlen: ULONG, pos_l: HALF, pos_h: HALF)
                                                             -> SIZE, emulate(DESC).act(Act::Write);
    preadv2(fd: FD, vec: out(iov("vlen", Total::Ret)), vlen: ULONG, pos_l: HALF, pos_h: HALF,
        flags: flags(&f::RWF))                               -> SIZE, emulate(DESC).act(Act::Read);
    pwritev2(fd: FD, vec: input(iov("vlen", Total::Own)), vlen: ULONG, pos_l: HALF, pos_h: HALF,
        flags: flags(&f::RWF))                               -> SIZE, emulate(DESC).act(Act::Write);
    readahead(fd: FD, offset: OFF, count: SIZE)              -> INT,  emulate(DESC);
    lseek(fd: FD, offset: OFF, whence: one_of(&f::SEEK))     -> OFF,  emulate(DESC).act(Act::Seek);
    sendfile(out_fd: FD, in_fd: FD, offset: inout(of(OffT)), count: SIZE)
                                       -> SIZE, emulate(DESC.and(Classes::NETWORK)).act(Act::Write);
    copy_file_range(fd_in: FD, off_in: inout(of(Loff)), fd_out: FD, off_out: inout(of(Loff)),
        len: SIZE, flags: HEX32)                             -> SIZE, emulate(DESC).act(Act::Write);
    splice(fd_in: FD, off_in: inout(of(Loff)), fd_out: FD, off_out: inout(of(Loff)), len: SIZE,
        flags: flags(&f::SPLICE))                            -> SIZE, emulate(PIPE).act(Act::Write);
    tee(fdin: FD, fdout: FD, len: SIZE, flags: flags(&f::SPLICE))
                                                             -> SIZE, emulate(PIPE).act(Act::Write);
    vmsplice(fd: FD, uiov: input(iov("nr_segs", Total::Own)), nr_segs: ULONG,
        flags: flags(&f::SPLICE))                            -> SIZE, apart(PIPE).act(Act::Write);

    open(filename: PATH, flags: flags(&open::OPEN), mode: MODE)
                                         -> FD,  emulate(DESC).makes(RET).act(Act::Open);
    openat(dfd: DIRFD, filename: PATH, flags: flags(&open::OPEN), mode: MODE)
                                         -> FD,  emulate(DESC).makes(RET).act(Act::Open);
    openat2(dfd: DIRFD, filename: PATH, how: kind(Kind::Struct(OpenHow), input(arg("usize"))),
        usize: SIZE)                     -> FD,  emulate(DESC).makes(RET).act(Act::Open);
    creat(pathname: PATH, mode: MODE)    -> FD,  emulate(DESC).makes(RET).act(Act::Open);
    open_by_handle_at(mountdirfd: DIRFD,
        handle: kind(Kind::Struct(FileHandle), input(self_sized(0, 8, 8, 128))),
        flags: flags(&open::OPEN))       -> FD,  emulate(DESC).makes(RET).act(Act::Open);
    name_to_handle_at(dfd: DIRFD, name: PATH,
        handle: when(When::SuccessOr(&[EOVERFLOW]),
            kind(Kind::Struct(FileHandle), inout(self_sized(0, 8, 8, 128)))),
        mnt_id: when(When::SuccessOr(&[EOVERFLOW]), out(of(Int))), flag: flags(&open::AT_HANDLE))
                                         -> INT, emulate(DESC);
    close(fd: FD)                        -> INT, emulate(PLAIN).act(Act::Close);
    close_range(fd: FD, max_fd: UINT, flags: flags(&f::CLOSE_RANGE))
                                         -> INT, emulate(PLAIN).act(Act::CloseRange);
    dup(fildes: FD)                      -> FD,  emulate(PLAIN).makes(RET).act(Act::Dup);
    dup2(oldfd: FD, newfd: FD)           -> FD,  emulate(PLAIN).makes(RET).act(Act::DupTo);
    dup3(oldfd: FD, newfd: FD, flags: flags(&open::CREATE))
                                         -> FD,  emulate(PLAIN).makes(RET).act(Act::DupTo);
    fcntl(fd: FD, cmd: one_of(&f::FCNTL), arg: special(Special::Fcntl))
                                         -> INT, emulate(PLAIN).makes(Makes::Fcntl).act(Act::Fcntl);
    ioctl(fd: FD, cmd: IOCTL, arg: special(Special::Ioctl))
                                         -> INT, emulate(PLAIN).makes(Makes::Ioctl).act(Act::Ioctl);
    flock(fd: FD, cmd: flags(&f::FLOCK)) -> INT, emulate(DESC).act(Act::Lock);
    pipe(fildes: out(Len::Bytes(8)))     -> INT, emulate(PIPE).makes(pair("fildes")).act(Act::Pair);
    pipe2(fildes: out(Len::Bytes(8)), flags: flags(&open::CREATE))
                                         -> INT, emulate(PIPE).makes(pair("fildes")).act(Act::Pair);
    memfd_create(uname: STR, flags: flags(&f::MEMFD))
                             -> FD,  emulate(DESC.and(Classes::MEMORY)).makes(RET).act(Act::MakeFd);
    memfd_secret(flags: flags(&open::CREATE))
                              -> FD,  refuse(DESC.and(Classes::MEMORY)).makes(RET).act(Act::MakeFd);

    stat(filename: PATH, statbuf: out(of(Stat)))           -> INT,  emulate(FILE).act(Act::Stat);
    lstat(filename: PATH, statbuf: out(of(Stat)))          -> INT,  emulate(FILE).act(Act::Stat);
    fstat(fd: FD, statbuf: out(of(Stat)))                  -> INT,  emulate(DESC).act(Act::Stat);
    newfstatat(dfd: DIRFD, filename: PATH, statbuf: out(of(Stat)), flag: flags(&open::AT_STAT))
                                                           -> INT,  emulate(DESC).act(Act::Stat);
    statx(dfd: DIRFD, filename: PATH, flags: flags(&open::AT_STAT), mask: flags(&f::STATX),
        buffer: out(of(Statx)))                            -> INT,  emulate(DESC).act(Act::Stat);
    statfs(pathname: PATH, buf: out(of(Statfs)))           -> INT,  emulate(FILE);
    fstatfs(fd: FD, buf: out(of(Statfs)))                  -> INT,  emulate(DESC);
    ustat(dev: DEV, ubuf: out(of(Ustat)))                  -> INT,  emulate(FILE);
    access(filename: PATH, mode: flags(&open::ACCESS))     -> INT,  emulate(FILE).act(Act::Access);
    faccessat(dfd: DIRFD, filename: PATH, mode: flags(&open::ACCESS))
                                                           -> INT,  emulate(DESC).act(Act::Access);
    faccessat2(dfd: DIRFD, filename: PATH, mode: flags(&open::ACCESS),
        flags: flags(&open::AT_ACCESS))                    -> INT,  emulate(DESC).act(Act::Access);
    readlink(path: PATH, buf: kind(Kind::Path, out(ret("bufsiz"))), bufsiz: INT)
                                                          -> SIZE, emulate(FILE).act(Act::ReadLink);
    readlinkat(dfd: DIRFD, pathname: PATH, buf: kind(Kind::Path, out(ret("bufsiz"))), bufsiz: INT)
                                                          -> SIZE, emulate(DESC).act(Act::ReadLink);
    getdents(fd: FD, dirent: out(ret("count")), count: UINT)
                                                           -> SIZE, emulate(DESC).act(Act::ReadDir);
    getdents64(fd: FD, dirent: out(ret("count")), count: UINT)
                                                           -> SIZE, emulate(DESC).act(Act::ReadDir);
    file_getattr(dfd: DIRFD, filename: PATH,
        ufattr: kind(Kind::Struct(FileAttr), out(arg("usize"))), usize: SIZE,
        at_flags: flags(&open::AT))                        -> INT,  emulate(DESC).act(Act::Stat);
    file_setattr(dfd: DIRFD, filename: PATH,
        ufattr: kind(Kind::Struct(FileAttr), input(arg("usize"))), usize: SIZE,
        at_flags: flags(&open::AT))                        -> INT,  emulate(DESC);

    lookup_dcookie(cookie64: HEX, buf: kind(Kind::Path, out(ret("len"))), len: SIZE)
                                                            -> SIZE, emulate(FILE);
    getcwd(buf: kind(Kind::Path, out(ret("size"))), size: SIZE) -> SIZE, emulate(FILE);
    chdir(filename: PATH)                                   -> INT,  emulate(FILE).act(Act::Chdir);
    fchdir(fd: FD)                                          -> INT,  emulate(DESC).act(Act::Fchdir);
    chroot(filename: PATH)                                  -> INT,  emulate(FILE).act(Act::Chroot);
    umask(mask: MODE)                                       -> MODE, emulate(FILE).act(Act::Umask);
    mkdir(pathname: PATH, mode: MODE)                       -> INT,  emulate(FILE).act(Act::Mkdir);
    mkdirat(dfd: DIRFD, pathname: PATH, mode: MODE)         -> INT,  emulate(DESC).act(Act::Mkdir);
    rmdir(pathname: PATH)                                   -> INT,  emulate(FILE).act(Act::Rmdir);
    mknod(filename: PATH, mode: FILE_MODE, dev: DEV)        -> INT,  emulate(FILE).act(Act::Mknod);
    mknodat(dfd: DIRFD, filename: PATH, mode: FILE_MODE, dev: DEV)
                                                            -> INT,  emulate(DESC).act(Act::Mknod);
    unlink(pathname: PATH)                                  -> INT,  emulate(FILE).act(Act::Unlink);
    unlinkat(dfd: DIRFD, pathname: PATH, flag: flags(&open::AT_UNLINK))
                                                            -> INT,  emulate(DESC).act(Act::Unlink);
    rename(oldname: PATH, newname: PATH)                    -> INT,  emulate(FILE).act(Act::Rename);
    renameat(olddfd: DIRFD, oldname: PATH, newdfd: DIRFD, newname: PATH)
                                                            -> INT,  emulate(DESC).act(Act::Rename);
    renameat2(olddfd: DIRFD, oldname: PATH, newdfd: DIRFD, newname: PATH, flags: flags(&f::RENAME))
                                                            -> INT,  emulate(DESC).act(Act::Rename);
    link(oldname: PATH, newname: PATH)                      -> INT,  emulate(FILE).act(Act::Link);
    linkat(olddfd: DIRFD, oldname: PATH, newdfd: DIRFD, newname: PATH, flags: flags(&open::AT))
                                                            -> INT,  emulate(DESC).act(Act::Link);
    symlink(oldname: PATH, newname: PATH)                  -> INT,  emulate(FILE).act(Act::Symlink);
    symlinkat(oldname: PATH, newdfd: DIRFD, newname: PATH) -> INT,  emulate(DESC).act(Act::Symlink);
    chmod(filename: PATH, mode: MODE)                       -> INT,  emulate(FILE).act(Act::Chmod);
    fchmod(fd: FD, mode: MODE)                              -> INT,  emulate(DESC).act(Act::Chmod);
    fchmodat(dfd: DIRFD, filename: PATH, mode: MODE)        -> INT,  emulate(DESC).act(Act::Chmod);
    fchmodat2(dfd: DIRFD, filename: PATH, mode: MODE, flags: flags(&open::AT))
                                                            -> INT,  emulate(DESC).act(Act::Chmod);
    chown(filename: PATH, user: UID, group: GID)            -> INT,  emulate(FILE).act(Act::Chown);
    lchown(filename: PATH, user: UID, group: GID)           -> INT,  emulate(FILE).act(Act::Chown);
    fchown(fd: FD, user: UID, group: GID)                   -> INT,  emulate(DESC).act(Act::Chown);
    fchownat(dfd: DIRFD, filename: PATH, user: UID, group: GID, flag: flags(&open::AT))
                                                            -> INT,  emulate(DESC).act(Act::Chown);
    truncate(path: PATH, length: OFF)                     -> INT,  emulate(FILE).act(Act::Truncate);
    ftruncate(fd: FD, length: OFF)                        -> INT,  emulate(DESC).act(Act::Truncate);
    fallocate(fd: FD, mode: flags(&f::FALLOCATE), offset: OFF, len: OFF)
                                                          -> INT,  emulate(DESC).act(Act::Truncate);
    fadvise64(fd: FD, offset: OFF, len: SIZE, advice: one_of(&f::FADVISE)) -> INT,  emulate(DESC);
    utime(filename: PATH, times: input(of(Utimbuf)))        -> INT,  emulate(FILE).act(Act::Utime);
    utimes(filename: PATH, utimes: input(TIMEVALS))         -> INT,  emulate(FILE).act(Act::Utime);
    futimesat(dfd: DIRFD, filename: PATH, utimes: input(TIMEVALS))
                                                            -> INT,  emulate(DESC).act(Act::Utime);
    utimensat(dfd: DIRFD, filename: PATH, utimes: input(TIMESPECS), flags: flags(&open::AT))
                                                            -> INT,  emulate(DESC).act(Act::Utime);

    sync()                                            -> INT, emulate(Classes::FILE).act(Act::Sync);
    syncfs(fd: FD)                                    -> INT, emulate(DESC).act(Act::Sync);
    fsync(fd: FD)                                     -> INT, emulate(DESC).act(Act::Sync);
    fdatasync(fd: FD)                                 -> INT, emulate(DESC).act(Act::Sync);
    sync_file_range(fd: FD, offset: OFF, nbytes: OFF, flags: flags(&f::SYNC_RANGE))
                                                      -> INT, emulate(DESC).act(Act::Sync);
    cachestat(fd: FD, cstat_range: input(of(CachestatRange)), cstat: out(of(Cachestat)),
        flags: HEX32)                                 -> INT, emulate(DESC);

    inotify_init()                                -> FD,  emulate(DESC).makes(RET).act(Act::MakeFd);
    inotify_init1(flags: flags(&f::INOTIFY_INIT)) -> FD,  emulate(DESC).makes(RET).act(Act::MakeFd);
    inotify_add_watch(fd: FD, pathname: PATH, mask: flags(&f::INOTIFY)) -> INT, emulate(DESC);
    inotify_rm_watch(fd: FD, wd: INT)             -> INT, emulate(DESC);
    fanotify_init(flags: flags(&f::FANOTIFY), event_f_flags: flags(&open::OPEN))
                                                  -> FD,  refuse(DESC).makes(RET).act(Act::MakeFd);
    fanotify_mark(fanotify_fd: FD, flags: flags(&f::FANOTIFY_MARK), mask: HEX, dfd: DIRFD,
        pathname: PATH)                           -> INT, refuse(DESC);
    userfaultfd(flags: flags(&memory::USERFAULTFD))
                             -> FD,  refuse(PLAIN.and(Classes::MEMORY)).makes(RET).act(Act::MakeFd);
};
