//! Clocks and timers.

use super::rows::rows;
use crate::consts::{clock as c, uapi};
use crate::desc::*;
use crate::layout::Layout::*;

const CLK: Classes = Classes::CLOCK;
const DESC: Classes = Classes::CLOCK.and(Classes::DESC);

/// A sleep interrupted by a signal writes the remaining time. Its exit stop reports the internal
/// result -516; the program gets -EINTR, or the call is restarted.
const CUT_SHORT: When = When::Errno(&[EINTR, ERESTART_RESTARTBLOCK]);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    time(tloc: out(of(TimeT)))                   -> LONG, emulate(CLK).kind(CallKind::Clock).fast();
    gettimeofday(tv: out(of(Timeval)), tz: out(of(Timezone)))
                                                 -> INT,  emulate(CLK).kind(CallKind::Clock).fast();
    settimeofday(tv: input(of(Timeval)), tz: input(of(Timezone))) -> INT,  emulate(CLK);
    clock_gettime(which_clock: CLOCK, tp: out(of(Timespec)))
                                                 -> INT,  emulate(CLK).kind(CallKind::Clock).fast();
    clock_settime(which_clock: CLOCK, tp: input(of(Timespec))) -> INT,  emulate(CLK);
    clock_getres(which_clock: CLOCK, tp: out(of(Timespec))) -> INT,  emulate(CLK).fast();
    clock_adjtime(which_clock: CLOCK, utx: inout(of(Timex)))
                                                        -> one_of(&uapi::TIME_STATE), emulate(CLK);
    adjtimex(txc_p: inout(of(Timex)))                   -> one_of(&uapi::TIME_STATE), emulate(CLK);
    nanosleep(rqtp: input(of(Timespec)), rmtp: when(CUT_SHORT, out(of(Timespec))))
                                                        -> INT,  emulate(CLK).kind(CallKind::Sleep);
    clock_nanosleep(which_clock: CLOCK, flags: flags(&c::TIMER), rqtp: input(of(Timespec)),
        rmtp: when(CUT_SHORT, out(of(Timespec))))       -> INT,  emulate(CLK).kind(CallKind::Sleep);
    alarm(seconds: UINT)                                -> UINT, emulate(CLK.and(Classes::SIGNAL));
    getitimer(which: one_of(&c::ITIMER), value: out(of(Itimerval))) -> INT,  emulate(CLK);
    setitimer(which: one_of(&c::ITIMER), value: input(of(Itimerval)), ovalue: out(of(Itimerval)))
                                                        -> INT,  emulate(CLK.and(Classes::SIGNAL));
    timer_create(which_clock: CLOCK, timer_event_spec: input(of(SigEvent)),
        created_timer_id: out(of(Int)))                 -> INT,  emulate(CLK.and(Classes::SIGNAL));
    timer_settime(timer_id: INT, flags: flags(&c::TIMER), new_setting: input(of(Itimerspec)),
        old_setting: out(of(Itimerspec)))               -> INT,  emulate(CLK);
    timer_gettime(timer_id: INT, setting: out(of(Itimerspec))) -> INT,  emulate(CLK);
    timer_getoverrun(timer_id: INT)                     -> INT,  emulate(CLK);
    timer_delete(timer_id: INT)                         -> INT,  emulate(CLK);
    timerfd_create(clockid: CLOCK, flags: flags(&c::TIMERFD))
                                           -> FD,   emulate(DESC).makes(RET).kind(CallKind::MakeFd);
    timerfd_settime(ufd: FD, flags: flags(&c::TIMERFD_SET), utmr: input(of(Itimerspec)),
        otmr: out(of(Itimerspec)))                      -> INT,  emulate(DESC);
    timerfd_gettime(ufd: FD, otmr: out(of(Itimerspec))) -> INT,  emulate(DESC);
};
