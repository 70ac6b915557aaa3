//! Calls of 32-bit x86 only: 64-bit values in two arguments, and old variants of calls whose names
//! mean newer calls in other ABIs.

use super::rows::rows;
use crate::consts::{
    clock as c, file as f, ipc as i, memory as m, open, process as p, signal as s, socket, uapi,
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

/// As in `poll.rs` and `clock.rs`.
const POLLED: When = When::SuccessOr(&[EINTR, ENOMEM, ERESTARTNOHAND, ERESTART_RESTARTBLOCK]);
const CUT_SHORT: When = When::Errno(&[EINTR, ERESTART_RESTARTBLOCK]);

/// struct sel_arg_struct: number of descriptors, three sets, pointer to the timeout.
const SELECTED: &[PointerField] = &[
    fds(4),
    fds(8),
    fds(12),
    PointerField { when: When::Always, len: PointeeLen::Bytes(8), ..fds(16) },
];

const fn fds(at: u8) -> PointerField {
    let len = PointeeLen::Bits((0, 0));
    PointerField {
        at: (at, at),
        wide: false,
        condition: Condition::Always,
        dir: Dir::InOut,
        when: When::Success,
        len,
    }
}

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    // Files.
    pread64(fd: FD, buf: out(ret("count")), count: SIZE, pos_l: HALF, pos_h: HALF)
                                                        -> SIZE, emulate(FD_).kind(CallKind::Read);
    pwrite64(fd: FD, buf: input(arg("count")), count: SIZE, pos_l: HALF, pos_h: HALF)
                                                        -> SIZE, emulate(FD_).kind(CallKind::Write);
    readahead(fd: FD, offset_l: HALF, offset_h: HALF, count: SIZE) -> INT,  emulate(FD_);
    _llseek(fd: FD, offset_high: HALF, offset_low: HALF, result: out(of(Loff)),
        whence: one_of(&f::SEEK))                       -> INT,  emulate(FD_).kind(CallKind::Seek);
    sendfile64(out_fd: FD, in_fd: FD, offset: inout(of(Loff)), count: SIZE)
                                  -> SIZE, emulate(FD_.and(Classes::NETWORK)).kind(CallKind::Write);
    fcntl64(fd: FD, cmd: one_of(&f::FCNTL), arg: special(Special::Fcntl))
                                   -> INT,  emulate(DESC).makes(Makes::Fcntl).kind(CallKind::Fcntl);
    oldstat(filename: PATH, statbuf: out(of(OldStat)))  -> INT,  emulate(FILE).kind(CallKind::Stat);
    oldlstat(filename: PATH, statbuf: out(of(OldStat))) -> INT,  emulate(FILE).kind(CallKind::Stat);
    oldfstat(fd: FD, statbuf: out(of(OldStat)))         -> INT,  emulate(FD_).kind(CallKind::Stat);
    stat64(filename: PATH, statbuf: out(of(Stat64)))    -> INT,  emulate(FILE).kind(CallKind::Stat);
    lstat64(filename: PATH, statbuf: out(of(Stat64)))   -> INT,  emulate(FILE).kind(CallKind::Stat);
    fstat64(fd: FD, statbuf: out(of(Stat64)))           -> INT,  emulate(FD_).kind(CallKind::Stat);
    fstatat64(dfd: DIRFD, filename: PATH, statbuf: out(of(Stat64)), flag: flags(&open::AT_STAT))
                                                        -> INT,  emulate(FD_).kind(CallKind::Stat);
    statfs64(pathname: PATH, sz: SIZE, buf: out(of(Statfs64))) -> INT,  emulate(FILE);
    fstatfs64(fd: FD, sz: SIZE, buf: out(of(Statfs64))) -> INT,  emulate(FD_);
    // One entry per call. At the end the result is 0 and nothing is written (fs/readdir.c).
    readdir(fd: FD, dirent: when(When::Nonzero, out(Len::OldDirent)), count: UINT)
                                                     -> INT,  emulate(FD_).kind(CallKind::ReadDir);
    truncate64(path: PATH, offset_low: HALF, offset_high: HALF)
                                                    -> INT,  emulate(FILE).kind(CallKind::Truncate);
    ftruncate64(fd: FD, offset_low: HALF, offset_high: HALF)
                                                     -> INT,  emulate(FD_).kind(CallKind::Truncate);
    fallocate(fd: FD, mode: flags(&f::FALLOCATE), offset_lo: HALF, offset_hi: HALF, len_lo: HALF,
        len_hi: HALF)                                -> INT,  emulate(FD_).kind(CallKind::Truncate);
    fadvise64(fd: FD, offset_lo: HALF, offset_hi: HALF, len: SIZE, advice: one_of(&f::FADVISE))
                                                     -> INT,  emulate(FD_);
    fadvise64_64(fd: FD, offset_low: HALF, offset_high: HALF, len_low: HALF, len_high: HALF,
        advice: one_of(&f::FADVISE))                 -> INT,  emulate(FD_);
    sync_file_range(fd: FD, off_low: HALF, off_hi: HALF, n_low: HALF, n_hi: HALF,
        flags: flags(&f::SYNC_RANGE))                -> INT,  emulate(FD_).kind(CallKind::Sync);
    fanotify_mark(fanotify_fd: FD, flags: flags(&f::FANOTIFY_MARK), mask_1: HALF, mask_2: HALF,
        dfd: MARKED_DIR, pathname: PATH)                  -> INT,  refuse(FD_);
    utimensat_time64(dfd: DIRFD, filename: PATH,
        utimes: input(Len::Several { n: 2, each: Timespec64 }), flags: flags(&open::AT))
                                                     -> INT,  emulate(FD_).kind(CallKind::Utime);
    lookup_dcookie(cookie_l: HALF, cookie_h: HALF, buf: kind(ArgKind::Path, out(ret("len"))),
        len: SIZE)                                   -> SIZE, emulate(FILE);
    umount(name: PATH)                        -> INT,  emulate(FILE.and(SYS)).kind(CallKind::Mount);
    chown32(filename: PATH, user: UID, group: GID)   -> INT,  emulate(FILE).kind(CallKind::Chown);
    lchown32(filename: PATH, user: UID, group: GID)  -> INT,  emulate(FILE).kind(CallKind::Chown);
    fchown32(fd: FD, user: UID, group: GID)          -> INT,  emulate(FD_).kind(CallKind::Chown);

    // Waiting.
    select(arg: input(pointer_fields(1, SelectArgs, SELECTED)))
                                                         -> INT, refuse(DESC).kind(CallKind::Poll);
    _newselect(n: INT, inp: fd_set("n"), outp: fd_set("n"), exp: fd_set("n"),
        tvp: always(inout(of(Timeval))))                 -> INT, emulate(DESC).kind(CallKind::Poll);
    pselect6_time64(n: INT, inp: fd_set("n"), outp: fd_set("n"), exp: fd_set("n"),
        tsp: always(inout(of(Timespec64))), sig: input(Len::Pointed))
                                                         -> INT, emulate(DESC).kind(CallKind::Poll);
    ppoll_time64(ufds: when(POLLED, inout(args(PollFd, "nfds"))), nfds: UINT,
        tsp: always(inout(of(Timespec64))),
        sigmask: kind(ArgKind::Struct(SigSet), input(arg("sigsetsize"))), sigsetsize: SIZE)
                                                         -> INT, emulate(DESC).kind(CallKind::Poll);
    io_pgetevents_time64(ctx_id: HANDLE, min_nr: LONG, nr: LONG, events: out(rets(IoEvent, "nr")),
        timeout: input(of(Timespec64)), usig: input(Len::Pointed)) -> INT, refuse(FD_);

    // Memory.
    mmap(arg: input(of(MmapArgs)))             -> ADDR, execute(MEM.and(DESC)).kind(CallKind::Mmap);
    mmap2(addr: ADDR, len: SIZE, prot: flags(&m::PROT), flags: flags(&m::MAP), fd: FD, pgoff: HEX)
                                               -> ADDR, execute(MEM.and(DESC)).kind(CallKind::Mmap);
    set_thread_area(u_info: inout(of(UserDesc))) -> INT,  execute(MEM).kind(CallKind::ArchState);
    get_thread_area(u_info: inout(of(UserDesc))) -> INT,  emulate(MEM);

    // Processes.
    clone(clone_flags: flags(&p::CLONE), newsp: ADDR, parent_tidptr: special(Special::CloneTid),
        tls: special(Special::CloneTls), child_tidptr: PTR)
                                    -> PID, execute(PROC).makes(Makes::Clone).kind(CallKind::Clone);
    waitpid(pid: PID, stat_addr: when(When::Nonzero, kind(ArgKind::WaitStatus, out(of(Int)))),
        options: flags(&p::WAIT))                          -> PID, apart(PROC).kind(CallKind::Wait);
    ugetrlimit(resource: one_of(&p::RLIMIT), rlim: out(of(Rlimit))) -> INT, emulate(PROC);
    nice(increment: INT)                                   -> INT, emulate(PROC);
    sched_rr_get_interval_time64(pid: PID, interval: out(of(Timespec64)))
                                                           -> INT, emulate(PROC.and(CLK));
    vm86(func: HEX, arg: PTR)                              -> INT, refuse(PROC);
    vm86old(arg: PTR)                                      -> INT, refuse(PROC);

    // Sockets and IPC.
    socketcall(call: one_of(&socket::SOCKETCALL), args: special(Special::Socketcall))
                           -> LONG, apart(NET).makes(Makes::Socketcall).kind(CallKind::Multiplexed);
    ipc(call: one_of(&i::IPC_CALL), first: INT, second: HEX, third: special(Special::Ipc),
        ptr: special(Special::Ipc), fifth: HEX) -> LONG, apart(IPC).kind(CallKind::Multiplexed);
    recvmmsg_time64(fd: FD, mmsg: inout(mmsg("vlen")), vlen: UINT, flags: flags(&socket::MSG),
        timeout: always(inout(of(Timespec64)))) -> INT,  emulate(NET).kind(CallKind::Receive);
    semtimedop_time64(semid: INT, tsops: input(args(SemBuf, "nsops")), nsops: UINT,
        timeout: input(of(Timespec64)))        -> INT,  emulate(IPC);
    futex_time64(uaddr: special(Special::FutexTime64), op: flags(&i::FUTEX), val: UINT,
        utime: special(Special::FutexTime64), uaddr2: special(Special::FutexTime64), val3: HEX32)
                                               -> INT,  emulate(IPC.and(MEM)).kind(CallKind::Futex);
    mq_timedsend_time64(mqdes: FD, u_msg_ptr: input(arg("msg_len")), msg_len: SIZE, msg_prio: UINT,
        u_abs_timeout: input(of(Timespec64)))  -> INT,  emulate(IPC.and(DESC));
    mq_timedreceive_time64(mqdes: FD, u_msg_ptr: out(ret("msg_len")), msg_len: SIZE,
        u_msg_prio: out(of(U32)), u_abs_timeout: input(of(Timespec64)))
                                               -> SIZE, emulate(IPC.and(DESC));

    // Signals.
    signal(sig: SIGNAL, handler: one_of(&uapi::SIGNAL_HANDLER))
                      -> one_of(&uapi::SIGNAL_HANDLER), emulate(SIG).kind(CallKind::SigAction);
    sigaction(sig: SIGNAL, act: input(of(OldSigAction)), oact: out(of(OldSigAction)))
                                                  -> INT,    emulate(SIG).kind(CallKind::SigAction);
    sigprocmask(how: one_of(&s::SIG_HOW), nset: input(of(OldSigSet)), oset: out(of(OldSigSet)))
                                                  -> INT,    apart(SIG).kind(CallKind::SigMask);
    sigpending(uset: out(of(OldSigSet)))          -> INT,    emulate(SIG);
    sigsuspend(unused1: INT, unused2: INT, mask: SIGNAL_MASK)
                                                  -> INT,    apart(SIG).kind(CallKind::SigMask);
    sigreturn()                                   -> LONG,   execute(SIG).kind(CallKind::SigReturn);
    sgetmask()                                    -> SIGNAL_MASK, emulate(SIG);
    ssetmask(newmask: SIGNAL_MASK)         -> SIGNAL_MASK,   apart(SIG).kind(CallKind::SigMask);
    rt_sigtimedwait_time64(uthese: kind(ArgKind::Struct(SigSet), input(arg("sigsetsize"))),
        uinfo: out(of(SigInfo)), uts: input(of(Timespec64)), sigsetsize: SIZE)
                                                  -> SIGNAL, emulate(SIG);

    // Clocks.
    stime(tptr: input(of(TimeT)))                        -> INT, emulate(CLK);
    clock_gettime64(which_clock: CLOCK, tp: out(of(Timespec64)))
                                                         -> INT, emulate(CLK).kind(CallKind::Clock);
    clock_settime64(which_clock: CLOCK, tp: input(of(Timespec64))) -> INT, emulate(CLK);
    clock_adjtime64(which_clock: CLOCK, utx: inout(of(Timex64))) -> INT, emulate(CLK);
    clock_getres_time64(which_clock: CLOCK, tp: out(of(Timespec64))) -> INT, emulate(CLK);
    clock_nanosleep_time64(which_clock: CLOCK, flags: flags(&c::TIMER),
        rqtp: input(of(Timespec64)), rmtp: when(CUT_SHORT, out(of(Timespec64))))
                                                         -> INT, emulate(CLK).kind(CallKind::Sleep);
    timer_gettime64(timer_id: INT, setting: out(of(Itimerspec64))) -> INT, emulate(CLK);
    timer_settime64(timer_id: INT, flags: flags(&c::TIMER), new_setting: input(of(Itimerspec64)),
        old_setting: out(of(Itimerspec64)))              -> INT, emulate(CLK);
    timerfd_gettime64(ufd: FD, otmr: out(of(Itimerspec64))) -> INT, emulate(CLK.and(DESC));
    timerfd_settime64(ufd: FD, flags: flags(&c::TIMERFD_SET), utmr: input(of(Itimerspec64)),
        otmr: out(of(Itimerspec64)))                     -> INT, emulate(CLK.and(DESC));

    // Users and groups. The old names have 16-bit ids.
    getresuid(ruidp: out(of(Uid16)), euidp: out(of(Uid16)), suidp: out(of(Uid16)))
                                                     -> INT, emulate(CRED);
    getresgid(rgidp: out(of(Uid16)), egidp: out(of(Uid16)), sgidp: out(of(Uid16)))
                                                     -> INT, emulate(CRED);
    getgroups(gidsetsize: INT, grouplist: out(rets(Uid16, "gidsetsize"))) -> INT, emulate(CRED);
    setgroups(gidsetsize: INT, grouplist: input(args(Uid16, "gidsetsize")))
                                                     -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setuid(uid: ID16)                                -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setgid(gid: ID16)                                -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setreuid(ruid: ID16, euid: ID16)                 -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setregid(rgid: ID16, egid: ID16)                 -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setresuid(ruid: ID16, euid: ID16, suid: ID16)    -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setresgid(rgid: ID16, egid: ID16, sgid: ID16)    -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setfsuid(uid: ID16)                              -> UID, emulate(CRED).kind(CallKind::SetCreds);
    setfsgid(gid: ID16)                              -> GID, emulate(CRED).kind(CallKind::SetCreds);
    chown(filename: PATH, user: ID16, group: ID16)   -> INT, emulate(FILE).kind(CallKind::Chown);
    lchown(filename: PATH, user: ID16, group: ID16)  -> INT, emulate(FILE).kind(CallKind::Chown);
    fchown(fd: FD, user: ID16, group: ID16)          -> INT, emulate(FD_).kind(CallKind::Chown);
    getuid32()                                       -> UID, emulate(CRED);
    geteuid32()                                      -> UID, emulate(CRED);
    getgid32()                                       -> GID, emulate(CRED);
    getegid32()                                      -> GID, emulate(CRED);
    setuid32(uid: UID)                               -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setgid32(gid: GID)                               -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setreuid32(ruid: UID, euid: UID)                 -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setregid32(rgid: GID, egid: GID)                 -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setresuid32(ruid: UID, euid: UID, suid: UID)     -> INT, emulate(CRED).kind(CallKind::SetCreds);
    setresgid32(rgid: GID, egid: GID, sgid: GID)     -> INT, emulate(CRED).kind(CallKind::SetCreds);
    getresuid32(ruidp: out(of(Uid)), euidp: out(of(Uid)), suidp: out(of(Uid)))
                                                     -> INT, emulate(CRED);
    getresgid32(rgidp: out(of(Uid)), egidp: out(of(Uid)), sgidp: out(of(Uid)))
                                                     -> INT, emulate(CRED);
    setfsuid32(uid: UID)                             -> UID, emulate(CRED).kind(CallKind::SetCreds);
    setfsgid32(gid: GID)                             -> GID, emulate(CRED).kind(CallKind::SetCreds);
    getgroups32(gidsetsize: INT, grouplist: out(rets(Uid, "gidsetsize"))) -> INT, emulate(CRED);
    setgroups32(gidsetsize: INT, grouplist: input(args(Uid, "gidsetsize")))
                                                     -> INT, emulate(CRED).kind(CallKind::SetCreds);

    // System.
    olduname(name: out(of(OldUtsName)))       -> INT, emulate(SYS);
    oldolduname(name: out(of(OldOldUtsName))) -> INT, emulate(SYS);
};
