//! Signals.

use super::rows;
use crate::consts::signal as s;
use crate::desc::*;
use crate::layout::Layout::*;

const SIG: Classes = Classes::SIGNAL;
const PROC: Classes = Classes::SIGNAL.and(Classes::PROCESS);
const DESC: Classes = Classes::SIGNAL.and(Classes::DESC);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    rt_sigaction(sig: SIGNAL, act: input(of(SigAction)), oact: out(of(SigAction)),
        sigsetsize: SIZE)                         -> INT,    emulate(SIG).act(Act::SigAction);
    rt_sigprocmask(how: one_of(&s::SIG_HOW),
        nset: kind(Kind::Struct(SigSet), input(arg("sigsetsize"))),
        oset: kind(Kind::Struct(SigSet), out(arg("sigsetsize"))), sigsetsize: SIZE)
                                                  -> INT,    apart(SIG).act(Act::SigMask);
    rt_sigpending(uset: kind(Kind::Struct(SigSet), out(arg("sigsetsize"))), sigsetsize: SIZE)
                                                  -> INT,    emulate(SIG);
    rt_sigsuspend(unewset: kind(Kind::Struct(SigSet), input(arg("sigsetsize"))), sigsetsize: SIZE)
                                                  -> INT,    apart(SIG).act(Act::SigMask);
    rt_sigtimedwait(uthese: kind(Kind::Struct(SigSet), input(arg("sigsetsize"))),
        uinfo: out(of(SigInfo)), uts: input(of(Timespec)), sigsetsize: SIZE)
                                                  -> SIGNAL, emulate(SIG);
    rt_sigqueueinfo(pid: PID, sig: SIGNAL, uinfo: input(Len::SigInfo))
                                                  -> INT,    emulate(PROC).act(Act::Kill);
    rt_tgsigqueueinfo(tgid: PID, pid: PID, sig: SIGNAL, uinfo: input(Len::SigInfo))
                                                  -> INT,    emulate(PROC).act(Act::Kill);
    rt_sigreturn()                                -> LONG,   execute(SIG).act(Act::SigReturn);
    sigaltstack(uss: input(of(SigStack)), uoss: out(of(SigStack))) -> INT,    execute(SIG);
    kill(pid: PID, sig: SIGNAL)                   -> INT,    emulate(PROC).act(Act::Kill);
    tkill(pid: PID, sig: SIGNAL)                  -> INT,    emulate(PROC).act(Act::Kill);
    tgkill(tgid: PID, pid: PID, sig: SIGNAL)      -> INT,    emulate(PROC).act(Act::Kill);
    pidfd_send_signal(pidfd: FD, sig: SIGNAL, info: input(Len::SigInfo), flags: HEX32)
                                                  -> INT,    emulate(PROC.and(DESC)).act(Act::Kill);
    pause()                                       -> INT,    emulate(SIG);
    signalfd(ufd: FD, user_mask: kind(Kind::Struct(SigSet), input(arg("sizemask"))),
        sizemask: SIZE)                        -> FD,     emulate(DESC).makes(RET).act(Act::MakeFd);
    signalfd4(ufd: FD, user_mask: kind(Kind::Struct(SigSet), input(arg("sizemask"))),
        sizemask: SIZE, flags: flags(&s::SIGNALFD))
                                               -> FD,     emulate(DESC).makes(RET).act(Act::MakeFd);
};
