//! Waiting for events on file descriptors.

use super::rows::rows;
use crate::consts::poll as p;
use crate::desc::*;
use crate::layout::Layout::*;

const DESC: Classes = Classes::DESC;

/// poll also writes its results back after a signal or on ENOMEM (do_sys_poll, fs/select.c).
const POLLED: When = When::SuccessOr(&[EINTR, ENOMEM, ERESTARTNOHAND, ERESTART_RESTARTBLOCK]);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    poll(ufds: when(POLLED, inout(args(PollFd, "nfds"))), nfds: UINT, timeout_msecs: INT)
                                            -> INT, emulate(DESC).kind(CallKind::Poll);
    ppoll(ufds: when(POLLED, inout(args(PollFd, "nfds"))), nfds: UINT,
        tsp: always(inout(of(Timespec))),
        sigmask: kind(ArgKind::Struct(SigSet), input(arg("sigsetsize"))), sigsetsize: SIZE)
                                            -> INT, emulate(DESC).kind(CallKind::Poll);
    select(n: INT, inp: fd_set("n"), outp: fd_set("n"), exp: fd_set("n"),
        tvp: always(inout(of(Timeval))))    -> INT, emulate(DESC).kind(CallKind::Poll);
    pselect6(n: INT, inp: fd_set("n"), outp: fd_set("n"), exp: fd_set("n"),
        tsp: always(inout(of(Timespec))), sig: input(Len::Pointed))
                                            -> INT, emulate(DESC).kind(CallKind::Poll);
    epoll_create(size: INT)                 -> FD,  emulate(DESC).makes(RET).kind(CallKind::MakeFd);
    epoll_create1(flags: flags(&p::EPOLL_CREATE))
                                            -> FD,  emulate(DESC).makes(RET).kind(CallKind::MakeFd);
    epoll_ctl(epfd: FD, op: one_of(&p::EPOLL_CTL), fd: FD, event: input(of(EpollEvent)))
                                            -> INT, emulate(DESC);
    epoll_wait(epfd: FD, events: out(rets(EpollEvent, "maxevents")), maxevents: INT, timeout: INT)
                                            -> INT, emulate(DESC).kind(CallKind::Poll);
    epoll_pwait(epfd: FD, events: out(rets(EpollEvent, "maxevents")), maxevents: INT, timeout: INT,
        sigmask: kind(ArgKind::Struct(SigSet), input(arg("sigsetsize"))), sigsetsize: SIZE)
                                            -> INT, emulate(DESC).kind(CallKind::Poll);
    epoll_pwait2(epfd: FD, events: out(rets(EpollEvent, "maxevents")), maxevents: INT,
        timeout: input(of(Timespec64)),
        sigmask: kind(ArgKind::Struct(SigSet), input(arg("sigsetsize"))), sigsetsize: SIZE)
                                            -> INT, emulate(DESC).kind(CallKind::Poll);
    eventfd(count: UINT)                    -> FD,  emulate(DESC).makes(RET).kind(CallKind::MakeFd);
    eventfd2(count: UINT, flags: flags(&p::EVENTFD))
                                            -> FD,  emulate(DESC).makes(RET).kind(CallKind::MakeFd);
};
