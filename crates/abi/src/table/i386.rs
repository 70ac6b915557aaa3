//! What only 32-bit x86 has: calls of its own, 64-bit values in two arguments, and old meanings of
//! names that other ABIs use for newer calls.

use super::rows;
use crate::consts::{
    clock as c, file as f, ipc as i, memory as m, open, process as p, signal as s, socket,
};
use crate::desc::*;
use crate::layout::Layout::*;

const FILE: Classes = Classes::FILE;
const FD_: Classes = Classes::FILE.and(Classes::DESC);
const DESC: Classes = Classes::DESC;
const CLK: Classes = Classes::CLOCK;
const CRED: Classes = Classes::CREDS;
const SIG: Classes = Classes::SIGNAL;
const MEM: Classes = Classes::MEMORY;
const PROC: Classes = Classes::PROCESS;
const NET: Classes = Classes::NETWORK.and(Classes::DESC);
const IPC: Classes = Classes::IPC;
const SYS: Classes = Classes::SYSTEM;

/// See the same constants in `poll.rs` and `clock.rs`.
const POLLED: When = When::SuccessOr(&[EINTR, ENOMEM, ERESTARTNOHAND, ERESTART_RESTARTBLOCK]);
const CUT_SHORT: When = When::Errno(&[EINTR, ERESTART_RESTARTBLOCK]);

/// struct sel_arg_struct: how many descriptors, three sets of them, the time that is left.
const SELECTED: &[Link] =
    &[fds(4), fds(8), fds(12), Link { when: When::Always, len: LinkLen::Bytes(8), ..fds(16) }];

const fn fds(at: u8) -> Link {
    let len = LinkLen::Bits((0, 0));
    Link {
        at: (at, at),
        wide: false,
        only: Only::Always,
        dir: Dir::InOut,
        when: When::Success,
        len,
    }
}

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    // Files.
    pread64(fd: FD, buf: out(ret("count")), count: SIZE, pos_l: HALF, pos_h: HALF)
                                                              -> SIZE, emulate(FD_).act(Act::Read);
    pwrite64(fd: FD, buf: input(arg("count")), count: SIZE, pos_l: HALF, pos_h: HALF)
                                                              -> SIZE, emulate(FD_).act(Act::Write);
    readahead(fd: FD, offset_l: HALF, offset_h: HALF, count: SIZE) -> INT,  emulate(FD_);
    _llseek(fd: FD, offset_high: HALF, offset_low: HALF, result: out(of(Loff)),
        whence: one_of(&f::SEEK))                             -> INT,  emulate(FD_).act(Act::Seek);
    sendfile64(out_fd: FD, in_fd: FD, offset: inout(of(Loff)), count: SIZE)
                                        -> SIZE, emulate(FD_.and(Classes::NETWORK)).act(Act::Write);
    fcntl64(fd: FD, cmd: one_of(&f::FCNTL), arg: special(Special::Fcntl))
                                         -> INT,  emulate(DESC).makes(Makes::Fcntl).act(Act::Fcntl);
    oldstat(filename: PATH, statbuf: out(of(OldStat)))        -> INT,  emulate(FILE).act(Act::Stat);
    oldlstat(filename: PATH, statbuf: out(of(OldStat)))       -> INT,  emulate(FILE).act(Act::Stat);
    oldfstat(fd: FD, statbuf: out(of(OldStat)))               -> INT,  emulate(FD_).act(Act::Stat);
    stat64(filename: PATH, statbuf: out(of(Stat64)))          -> INT,  emulate(FILE).act(Act::Stat);
    lstat64(filename: PATH, statbuf: out(of(Stat64)))         -> INT,  emulate(FILE).act(Act::Stat);
    fstat64(fd: FD, statbuf: out(of(Stat64)))                 -> INT,  emulate(FD_).act(Act::Stat);
    fstatat64(dfd: DIRFD, filename: PATH, statbuf: out(of(Stat64)), flag: flags(&open::AT_STAT))
                                                              -> INT,  emulate(FD_).act(Act::Stat);
    statfs64(pathname: PATH, sz: SIZE, buf: out(of(Statfs64))) -> INT,  emulate(FILE);
    fstatfs64(fd: FD, sz: SIZE, buf: out(of(Statfs64)))       -> INT,  emulate(FD_);
    // One entry at a time; none, and nothing written, at the end (fs/readdir.c).
    readdir(fd: FD, dirent: when(When::Nonzero, out(Len::OldDirent)), count: UINT)
                                                           -> INT,  emulate(FD_).act(Act::ReadDir);
    truncate64(path: PATH, offset_low: HALF, offset_high: HALF)
                                                          -> INT,  emulate(FILE).act(Act::Truncate);
    ftruncate64(fd: FD, offset_low: HALF, offset_high: HALF)
                                                           -> INT,  emulate(FD_).act(Act::Truncate);
    fallocate(fd: FD, mode: flags(&f::FALLOCATE), offset_lo: HALF, offset_hi: HALF, len_lo: HALF,
        len_hi: HALF)                                      -> INT,  emulate(FD_).act(Act::Truncate);
    fadvise64(fd: FD, offset_lo: HALF, offset_hi: HALF, len: SIZE, advice: one_of(&f::FADVISE))
                                                           -> INT,  emulate(FD_);
    fadvise64_64(fd: FD, offset_low: HALF, offset_high: HALF, len_low: HALF, len_high: HALF,
        advice: one_of(&f::FADVISE))                       -> INT,  emulate(FD_);
    sync_file_range(fd: FD, off_low: HALF, off_hi: HALF, n_low: HALF, n_hi: HALF,
        flags: flags(&f::SYNC_RANGE))                      -> INT,  emulate(FD_).act(Act::Sync);
    fanotify_mark(fanotify_fd: FD, flags: flags(&f::FANOTIFY_MARK), mask_1: HALF, mask_2: HALF,
        dfd: DIRFD, pathname: PATH)                        -> INT,  refuse(FD_);
    utimensat_time64(dfd: DIRFD, filename: PATH,
        utimes: input(Len::Several { n: 2, each: Timespec64 }), flags: flags(&open::AT))
                                                           -> INT,  emulate(FD_).act(Act::Utime);
    lookup_dcookie(cookie_l: HALF, cookie_h: HALF, buf: kind(Kind::Path, out(ret("len"))),
        len: SIZE)                                         -> SIZE, emulate(FILE);
    umount(name: PATH)                              -> INT,  emulate(FILE.and(SYS)).act(Act::Mount);
    chown32(filename: PATH, user: UID, group: GID)         -> INT,  emulate(FILE).act(Act::Chown);
    lchown32(filename: PATH, user: UID, group: GID)        -> INT,  emulate(FILE).act(Act::Chown);
    fchown32(fd: FD, user: UID, group: GID)                -> INT,  emulate(FD_).act(Act::Chown);

    // Waiting.
    select(arg: input(linked(1, SelectArgs, SELECTED)))        -> INT, refuse(DESC).act(Act::Poll);
    _newselect(n: INT, inp: fd_set("n"), outp: fd_set("n"), exp: fd_set("n"),
        tvp: always(inout(of(Timeval))))                       -> INT, emulate(DESC).act(Act::Poll);
    pselect6_time64(n: INT, inp: fd_set("n"), outp: fd_set("n"), exp: fd_set("n"),
        tsp: always(inout(of(Timespec64))), sig: input(Len::Pointed))
                                                               -> INT, emulate(DESC).act(Act::Poll);
    ppoll_time64(ufds: when(POLLED, inout(args(PollFd, "nfds"))), nfds: UINT,
        tsp: always(inout(of(Timespec64))),
        sigmask: kind(Kind::Struct(SigSet), input(arg("sigsetsize"))), sigsetsize: SIZE)
                                                               -> INT, emulate(DESC).act(Act::Poll);
    io_pgetevents_time64(ctx_id: HEX, min_nr: LONG, nr: LONG, events: out(rets(IoEvent, "nr")),
        timeout: input(of(Timespec64)), usig: input(Len::Pointed)) -> INT, refuse(FD_);

    // Memory.
    mmap(arg: input(of(MmapArgs)))                   -> ADDR, execute(MEM.and(DESC)).act(Act::Mmap);
    mmap2(addr: ADDR, len: SIZE, prot: flags(&m::PROT), flags: flags(&m::MAP), fd: FD, pgoff: HEX)
                                                     -> ADDR, execute(MEM.and(DESC)).act(Act::Mmap);
    set_thread_area(u_info: inout(of(UserDesc)))     -> INT,  execute(MEM).act(Act::ArchState);
    get_thread_area(u_info: inout(of(UserDesc)))     -> INT,  emulate(MEM);

    // Processes.
    clone(clone_flags: flags(&p::CLONE), newsp: ADDR, parent_tidptr: special(Special::CloneTid),
        tls: special(Special::CloneTls), child_tidptr: PTR)
                                          -> PID, execute(PROC).makes(Makes::Clone).act(Act::Clone);
    waitpid(pid: PID, stat_addr: when(When::Nonzero, kind(Kind::WaitStatus, out(of(Int)))),
        options: flags(&p::WAIT))                                -> PID, apart(PROC).act(Act::Wait);
    ugetrlimit(resource: one_of(&p::RLIMIT), rlim: out(of(Rlimit))) -> INT, emulate(PROC);
    nice(increment: INT)                                         -> INT, emulate(PROC);
    sched_rr_get_interval_time64(pid: PID, interval: out(of(Timespec64)))
                                                                 -> INT, emulate(PROC.and(CLK));
    vm86(func: HEX, arg: PTR)                                    -> INT, refuse(PROC);
    vm86old(arg: PTR)                                            -> INT, refuse(PROC);

    // Sockets and ipc.
    socketcall(call: one_of(&socket::SOCKETCALL), args: special(Special::Socketcall))
                                 -> LONG, apart(NET).makes(Makes::Socketcall).act(Act::Multiplexed);
    ipc(call: one_of(&i::IPC_CALL), first: INT, second: HEX, third: special(Special::Ipc),
        ptr: special(Special::Ipc), fifth: HEX)      -> LONG, apart(IPC).act(Act::Multiplexed);
    recvmmsg_time64(fd: FD, mmsg: inout(mmsg("vlen")), vlen: UINT, flags: flags(&socket::MSG),
        timeout: always(inout(of(Timespec64))))      -> INT,  emulate(NET).act(Act::Receive);
    semtimedop_time64(semid: INT, tsops: input(args(SemBuf, "nsops")), nsops: UINT,
        timeout: input(of(Timespec64)))              -> INT,  emulate(IPC);
    futex_time64(uaddr: special(Special::FutexTime64), op: flags(&i::FUTEX), val: UINT,
        utime: special(Special::FutexTime64), uaddr2: special(Special::FutexTime64), val3: HEX32)
                                                     -> INT,  emulate(IPC.and(MEM)).act(Act::Futex);
    mq_timedsend_time64(mqdes: FD, u_msg_ptr: input(arg("msg_len")), msg_len: SIZE, msg_prio: UINT,
        u_abs_timeout: input(of(Timespec64)))        -> INT,  emulate(IPC.and(DESC));
    mq_timedreceive_time64(mqdes: FD, u_msg_ptr: out(ret("msg_len")), msg_len: SIZE,
        u_msg_prio: out(of(U32)), u_abs_timeout: input(of(Timespec64)))
                                                     -> SIZE, emulate(IPC.and(DESC));

    // Signals.
    signal(sig: SIGNAL, handler: ADDR)                  -> ADDR,   emulate(SIG).act(Act::SigAction);
    sigaction(sig: SIGNAL, act: input(of(OldSigAction)), oact: out(of(OldSigAction)))
                                                        -> INT,    emulate(SIG).act(Act::SigAction);
    sigprocmask(how: one_of(&s::SIG_HOW), nset: input(of(OldSigSet)), oset: out(of(OldSigSet)))
                                                        -> INT,    apart(SIG).act(Act::SigMask);
    sigpending(uset: out(of(OldSigSet)))                -> INT,    emulate(SIG);
    sigsuspend(unused1: INT, unused2: INT, mask: HEX)   -> INT,    apart(SIG).act(Act::SigMask);
    sigreturn()                                         -> LONG,   execute(SIG).act(Act::SigReturn);
    sgetmask()                                          -> HEX,    emulate(SIG);
    ssetmask(newmask: HEX)                              -> HEX,    apart(SIG).act(Act::SigMask);
    rt_sigtimedwait_time64(uthese: kind(Kind::Struct(SigSet), input(arg("sigsetsize"))),
        uinfo: out(of(SigInfo)), uts: input(of(Timespec64)), sigsetsize: SIZE)
                                                        -> SIGNAL, emulate(SIG);

    // Clocks.
    stime(tptr: input(of(TimeT)))                              -> INT, emulate(CLK);
    clock_gettime64(which_clock: CLOCK, tp: out(of(Timespec64)))
                                                               -> INT, emulate(CLK).act(Act::Clock);
    clock_settime64(which_clock: CLOCK, tp: input(of(Timespec64))) -> INT, emulate(CLK);
    clock_adjtime64(which_clock: CLOCK, utx: inout(of(Timex64))) -> INT, emulate(CLK);
    clock_getres_time64(which_clock: CLOCK, tp: out(of(Timespec64))) -> INT, emulate(CLK);
    clock_nanosleep_time64(which_clock: CLOCK, flags: flags(&c::TIMER),
        rqtp: input(of(Timespec64)), rmtp: when(CUT_SHORT, out(of(Timespec64))))
                                                               -> INT, emulate(CLK).act(Act::Sleep);
    timer_gettime64(timer_id: INT, setting: out(of(Itimerspec64))) -> INT, emulate(CLK);
    timer_settime64(timer_id: INT, flags: flags(&c::TIMER), new_setting: input(of(Itimerspec64)),
        old_setting: out(of(Itimerspec64)))                    -> INT, emulate(CLK);
    timerfd_gettime64(ufd: FD, otmr: out(of(Itimerspec64)))    -> INT, emulate(CLK.and(DESC));
    timerfd_settime64(ufd: FD, flags: flags(&c::TIMERFD_SET), utmr: input(of(Itimerspec64)),
        otmr: out(of(Itimerspec64)))                           -> INT, emulate(CLK.and(DESC));

    // Users and groups: the old names have 16 bits.
    getresuid(ruidp: out(of(Uid16)), euidp: out(of(Uid16)), suidp: out(of(Uid16)))
                                                           -> INT, emulate(CRED);
    getresgid(rgidp: out(of(Uid16)), egidp: out(of(Uid16)), sgidp: out(of(Uid16)))
                                                           -> INT, emulate(CRED);
    getgroups(gidsetsize: INT, grouplist: out(rets(Uid16, "gidsetsize"))) -> INT, emulate(CRED);
    setgroups(gidsetsize: INT, grouplist: input(args(Uid16, "gidsetsize")))
                                                           -> INT, emulate(CRED).act(Act::SetCreds);
    setuid(uid: ID16)                                      -> INT, emulate(CRED).act(Act::SetCreds);
    setgid(gid: ID16)                                      -> INT, emulate(CRED).act(Act::SetCreds);
    setreuid(ruid: ID16, euid: ID16)                       -> INT, emulate(CRED).act(Act::SetCreds);
    setregid(rgid: ID16, egid: ID16)                       -> INT, emulate(CRED).act(Act::SetCreds);
    setresuid(ruid: ID16, euid: ID16, suid: ID16)          -> INT, emulate(CRED).act(Act::SetCreds);
    setresgid(rgid: ID16, egid: ID16, sgid: ID16)          -> INT, emulate(CRED).act(Act::SetCreds);
    setfsuid(uid: ID16)                                    -> UID, emulate(CRED).act(Act::SetCreds);
    setfsgid(gid: ID16)                                    -> GID, emulate(CRED).act(Act::SetCreds);
    chown(filename: PATH, user: ID16, group: ID16)         -> INT, emulate(FILE).act(Act::Chown);
    lchown(filename: PATH, user: ID16, group: ID16)        -> INT, emulate(FILE).act(Act::Chown);
    fchown(fd: FD, user: ID16, group: ID16)                -> INT, emulate(FD_).act(Act::Chown);
    getuid32()                                             -> UID, emulate(CRED);
    geteuid32()                                            -> UID, emulate(CRED);
    getgid32()                                             -> GID, emulate(CRED);
    getegid32()                                            -> GID, emulate(CRED);
    setuid32(uid: UID)                                     -> INT, emulate(CRED).act(Act::SetCreds);
    setgid32(gid: GID)                                     -> INT, emulate(CRED).act(Act::SetCreds);
    setreuid32(ruid: UID, euid: UID)                       -> INT, emulate(CRED).act(Act::SetCreds);
    setregid32(rgid: GID, egid: GID)                       -> INT, emulate(CRED).act(Act::SetCreds);
    setresuid32(ruid: UID, euid: UID, suid: UID)           -> INT, emulate(CRED).act(Act::SetCreds);
    setresgid32(rgid: GID, egid: GID, sgid: GID)           -> INT, emulate(CRED).act(Act::SetCreds);
    getresuid32(ruidp: out(of(Uid)), euidp: out(of(Uid)), suidp: out(of(Uid)))
                                                           -> INT, emulate(CRED);
    getresgid32(rgidp: out(of(Uid)), egidp: out(of(Uid)), sgidp: out(of(Uid)))
                                                           -> INT, emulate(CRED);
    setfsuid32(uid: UID)                                   -> UID, emulate(CRED).act(Act::SetCreds);
    setfsgid32(gid: GID)                                   -> GID, emulate(CRED).act(Act::SetCreds);
    getgroups32(gidsetsize: INT, grouplist: out(rets(Uid, "gidsetsize"))) -> INT, emulate(CRED);
    setgroups32(gidsetsize: INT, grouplist: input(args(Uid, "gidsetsize")))
                                                           -> INT, emulate(CRED).act(Act::SetCreds);

    // The machine.
    olduname(name: out(of(OldUtsName)))       -> INT, emulate(SYS);
    oldolduname(name: out(of(OldOldUtsName))) -> INT, emulate(SYS);
};
