//! Signals.

use super::rows::rows;
use crate::consts::signal as s;
use crate::desc::*;
use crate::layout::Layout::*;

const SIG: Classes = Classes::SIGNAL;
const PROC: Classes = Classes::SIGNAL.and(Classes::PROCESS);
const DESC: Classes = Classes::SIGNAL.and(Classes::DESC);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    rt_sigaction(sig: SIGNAL, act: input(of(SigAction)), oact: out(of(SigAction)),
        sigsetsize: SIZE)                   -> INT,    emulate(SIG).kind(CallKind::SigAction);
    rt_sigprocmask(how: one_of(&s::SIG_HOW),
        nset: kind(ArgKind::Struct(SigSet), input(arg("sigsetsize"))),
        oset: kind(ArgKind::Struct(SigSet), out(arg("sigsetsize"))), sigsetsize: SIZE)
                                            -> INT,    apart(SIG).kind(CallKind::SigMask);
    rt_sigpending(uset: kind(ArgKind::Struct(SigSet), out(arg("sigsetsize"))), sigsetsize: SIZE)
                                            -> INT,    emulate(SIG);
    rt_sigsuspend(unewset: kind(ArgKind::Struct(SigSet), input(arg("sigsetsize"))),
        sigsetsize: SIZE)                   -> INT,    apart(SIG).kind(CallKind::SigMask);
    rt_sigtimedwait(uthese: kind(ArgKind::Struct(SigSet), input(arg("sigsetsize"))),
        uinfo: out(of(SigInfo)), uts: input(of(Timespec)), sigsetsize: SIZE)
                                            -> SIGNAL, emulate(SIG);
    rt_sigqueueinfo(pid: PID, sig: SIGNAL, uinfo: input(Len::SigInfo))
                                            -> INT,    emulate(PROC).kind(CallKind::Kill);
    rt_tgsigqueueinfo(tgid: PID, pid: PID, sig: SIGNAL, uinfo: input(Len::SigInfo))
                                            -> INT,    emulate(PROC).kind(CallKind::Kill);
    rt_sigreturn()                          -> LONG,   execute(SIG).kind(CallKind::SigReturn);
    sigaltstack(uss: input(of(SigStack)), uoss: out(of(SigStack))) -> INT,    execute(SIG);
    kill(pid: PID, sig: SIGNAL)             -> INT,    emulate(PROC).kind(CallKind::Kill);
    tkill(pid: PID, sig: SIGNAL)            -> INT,    emulate(PROC).kind(CallKind::Kill);
    tgkill(tgid: PID, pid: PID, sig: SIGNAL) -> INT,    emulate(PROC).kind(CallKind::Kill);
    pidfd_send_signal(pidfd: FD, sig: SIGNAL, info: input(Len::SigInfo), flags: HEX32)
                                            -> INT,    emulate(PROC.and(DESC)).kind(CallKind::Kill);
    pause()                                 -> INT,    emulate(SIG);
    signalfd(ufd: FD, user_mask: kind(ArgKind::Struct(SigSet), input(arg("sizemask"))),
        sizemask: SIZE)                  -> FD,     emulate(DESC).makes(RET).kind(CallKind::MakeFd);
    signalfd4(ufd: FD, user_mask: kind(ArgKind::Struct(SigSet), input(arg("sizemask"))),
        sizemask: SIZE, flags: flags(&s::SIGNALFD))
                                         -> FD,     emulate(DESC).makes(RET).kind(CallKind::MakeFd);
};
