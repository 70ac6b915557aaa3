//! Processes and threads: how they start, end, wait and are scheduled.

use super::rows::rows;
use crate::consts::{open, process as p, uapi};
use crate::desc::*;
use crate::layout::Layout::*;

const PROC: Classes = Classes::PROCESS;
const DESC: Classes = Classes::PROCESS.and(Classes::DESC);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    execve(filename: PATH, argv: input(Len::CStrVec), envp: input(Len::CStrVec))
                                  -> INT,   execute(PROC.and(Classes::FILE)).kind(CallKind::Exec);
    execveat(fd: DIRFD, filename: PATH, argv: input(Len::CStrVec), envp: input(Len::CStrVec),
        flags: flags(&open::AT_EXEC))
                                  -> INT,   execute(DESC.and(Classes::FILE)).kind(CallKind::Exec);
    fork()                        -> PID,   execute(PROC).kind(CallKind::Fork);
    vfork()                       -> PID,   execute(PROC).kind(CallKind::Vfork);
    clone(clone_flags: flags(&p::CLONE), newsp: ADDR, parent_tidptr: special(Special::CloneTid),
        child_tidptr: PTR, tls: HEX)
                                  -> PID,   execute(PROC).makes(Makes::Clone).kind(CallKind::Clone);
    clone3(uargs: input(clone_args("size")), size: SIZE)
                                -> PID,   execute(PROC).makes(Makes::Clone3).kind(CallKind::Clone3);
    exit(error_code: INT)         -> NEVER, execute(PROC).kind(CallKind::Exit);
    exit_group(error_code: INT)   -> NEVER, execute(PROC).kind(CallKind::ExitGroup);
    wait4(upid: PID, stat_addr: when(When::Nonzero, kind(ArgKind::WaitStatus, out(of(Int)))),
        options: flags(&p::WAIT), ru: when(When::Nonzero, out(of(Rusage))))
                                  -> PID,   apart(PROC).kind(CallKind::Wait);
    // kernel/exit.c fills infop up to si_status (no times) on every result, and ru if it found a
    // child.
    waitid(which: one_of(&p::WAIT_ID), upid: PID, infop: always(out(of(WaitInfo))),
        options: flags(&p::WAIT), ru: unless_empty("infop", out(of(Rusage))))
                                      -> INT,               apart(PROC).kind(CallKind::Wait);
    getpid()                          -> PID,               emulate(PROC).fast();
    gettid()                          -> PID,               emulate(PROC).fast();
    getppid()                         -> PID,               emulate(PROC).fast();
    getpgrp()                         -> PID,               emulate(PROC).fast();
    getpgid(pid: PID)                 -> PID,               emulate(PROC).fast();
    setpgid(pid: PID, pgid: PID)      -> INT,               emulate(PROC);
    getsid(pid: PID)                  -> PID,               emulate(PROC).fast();
    setsid()                          -> PID,               emulate(PROC);
    set_tid_address(tidptr: PTR)      -> PID,               apart(PROC);
    set_robust_list(head: input(of(RobustListHead)), len: SIZE) -> INT,               apart(PROC);
    get_robust_list(pid: PID, head_ptr: out(of(Word)), len_ptr: out(of(SizeT)))
                                      -> INT,               emulate(PROC);
    rseq(rseq: inout(arg("rseq_len")), rseq_len: UINT, flags: flags(&p::RSEQ), sig: HEX32)
                                      -> INT,               apart(PROC).kind(CallKind::Rseq);
    getrusage(who: one_of(&p::RUSAGE), ru: out(of(Rusage))) -> INT,            emulate(PROC).fast();
    times(tbuf: out(of(Tms)))         -> LONG,              emulate(PROC.and(Classes::CLOCK));
    getrlimit(resource: one_of(&p::RLIMIT), rlim: out(of(Rlimit)))
                                      -> INT,               emulate(PROC);
    setrlimit(resource: one_of(&p::RLIMIT), rlim: input(of(Rlimit)))
                                      -> INT,               emulate(PROC);
    prlimit64(pid: PID, resource: one_of(&p::RLIMIT), new_rlim: input(of(Rlimit64)),
        old_rlim: out(of(Rlimit64)))  -> INT,               emulate(PROC);
    getpriority(which: one_of(&p::PRIORITY), who: special(Special::Who))
                                      -> INT,               emulate(PROC);
    setpriority(which: one_of(&p::PRIORITY), who: special(Special::Who), niceval: INT)
                                      -> INT,               emulate(PROC);
    ioprio_get(which: one_of(&uapi::IOPRIO_WHO), who: special(Special::IoWho))
                                      -> IO_PRIORITY,       emulate(PROC);
    ioprio_set(which: one_of(&uapi::IOPRIO_WHO), who: special(Special::IoWho),
        ioprio: IO_PRIORITY)
                                      -> INT,               emulate(PROC);
    sched_yield()                     -> INT,               emulate(PROC).fast();
    sched_getscheduler(pid: PID)      -> one_of(&p::SCHED), emulate(PROC);
    sched_setscheduler(pid: PID, policy: flags(&p::SCHED_SET), param: input(of(SchedParam)))
                                      -> INT,               emulate(PROC);
    sched_getparam(pid: PID, param: out(of(SchedParam))) -> INT,               emulate(PROC);
    sched_setparam(pid: PID, param: input(of(SchedParam))) -> INT,               emulate(PROC);
    sched_getattr(pid: PID, uattr: kind(ArgKind::Struct(SchedAttr), out(arg("usize"))),
        usize: UINT, flags: UINT)     -> INT,               emulate(PROC);
    sched_setattr(pid: PID,
        uattr: when(When::Errno(&[E2BIG]),
            kind(ArgKind::Struct(SchedAttr), inout(self_sized(0, 0, 48, 4096)))),
        flags: UINT)                  -> INT,               emulate(PROC);
    sched_get_priority_max(policy: one_of(&p::SCHED)) -> INT,               emulate(PROC);
    sched_get_priority_min(policy: one_of(&p::SCHED)) -> INT,               emulate(PROC);
    sched_rr_get_interval(pid: PID, interval: out(of(Timespec)))
                                      -> INT,               emulate(PROC.and(Classes::CLOCK));
    sched_getaffinity(pid: PID, len: UINT, user_mask_ptr: kind(ArgKind::Bits, out(ret("len"))))
                                    -> SIZE,              emulate(PROC).kind(CallKind::GetAffinity);
    sched_setaffinity(pid: PID, len: UINT, user_mask_ptr: kind(ArgKind::Bits, input(arg("len"))))
                                    -> INT,               emulate(PROC).kind(CallKind::SetAffinity);
    getcpu(cpup: out(of(U32)), nodep: out(of(U32)), unused: PTR)
                                      -> INT,               emulate(PROC).fast();
    prctl(option: one_of(&p::PRCTL), arg2: special(Special::Prctl), arg3: special(Special::Prctl),
        arg4: special(Special::Prctl), arg5: special(Special::Prctl))
                                      -> INT,               apart(PROC).kind(CallKind::Prctl);
    arch_prctl(option: one_of(&p::ARCH_PRCTL), arg2: special(Special::ArchPrctl))
                                      -> INT,               execute(PROC).kind(CallKind::ArchState);
    personality(personality: flags(&p::PERSONALITY)) -> HEX,               apart(PROC);
    unshare(unshare_flags: flags(&p::UNSHARE))
                                      -> INT,               emulate(PROC).kind(CallKind::Namespace);
    setns(fd: FD, flags: flags(&p::SETNS))
                                      -> INT,               emulate(DESC).kind(CallKind::Namespace);
    pidfd_open(pid: PID, flags: flags(&p::PIDFD))
                              -> FD,                emulate(DESC).makes(RET).kind(CallKind::MakeFd);
    pidfd_getfd(pidfd: FD, fd: INT, flags: HEX32)
                              -> FD,                emulate(DESC).makes(RET).kind(CallKind::MakeFd);
    kcmp(pid1: PID, pid2: PID, r#type: one_of(&p::KCMP), idx1: special(Special::Kcmp),
        idx2: special(Special::Kcmp))
                                      -> INT,               emulate(PROC);
    ptrace(request: one_of(&p::PTRACE), pid: PID, addr: special(Special::Ptrace),
        data: special(Special::Ptrace)) -> LONG,              refuse(PROC).kind(CallKind::Ptrace);
    restart_syscall()                 -> INT,               apart(PROC).kind(CallKind::Restart);
};
