//! Schedules tasks: of each group ([`Groups`](super::Groups)) one at a time executes instructions,
//! so that the order of its events is the order in which its memory changed.
//!
//! A task has the turn from where it is resumed into its program to its next stop, and keeps it in
//! calls that change the address space or write to the recorder's own output ([`CallTurn`]). Other
//! calls may block, so they run while other tasks have the turn. Reports of other tasks of the
//! group are queued until the turn is free.
//!
//! A task whose calls keep the turn has to give it up after a number of calls or some time: it is
//! held at the end of a call until the others have had theirs.

use crate::engine::{Arrival, CallTurn, Context, Polls, Scheduler, TurnGroup};
use crate::error::Error;
use sysreel_abi::replay::EarlyWrite;
use sysreel_format::Altering;
use sysreel_sys::info::Op;
use sysreel_sys::memory::{self, Transfer};
use sysreel_sys::signals::Ticker;
use sysreel_sys::{Event, Resume, Signal, Stop, StopKind, Tid, clock, process};

/// How often a task is polled that is about to end or to sleep, before it is taken to be waiting
/// for something.
const MAX_POLLS: u32 = 10_000;
/// How many calls a task may make without giving up its turn while others want it.
const MAX_CALLS: u32 = 100;
/// How long a task may keep its turn while others want it, in nanoseconds.
pub(super) const TIME_SLICE_NS: u64 = 50_000_000;

/// Lets one task of each group run at a time.
#[derive(Debug, Default)]
pub(crate) struct TurnScheduler {
    /// The tasks that have the turn of their group: the only ones that may execute instructions.
    turns: Vec<Turn>,
    /// The turn of the task whose report is being handled.
    former: Option<Turn>,
    /// Tasks that stay in their stops until it is their turn.
    held: Vec<Held>,
    /// The task that writes to the recorder's output.
    writer: Option<Tid>,
    polls: Polls,
    /// Wakes the tracer while others wait for the turn.
    pub(super) ticker: Option<Ticker>,
    /// Whether a task was preempted where a replay cannot preempt it.
    pub(super) has_given_up: bool,
}

/// The turn of a task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) tid: Tid,
    /// When it last began to execute instructions, in nanoseconds of CLOCK_MONOTONIC.
    pub(super) begun_ns: u64,
    /// When it got the turn, or was last found to be entitled to it.
    pub(super) since_ns: u64,
    /// The calls that it has made since then.
    calls: u32,
    watch: Watch,
}

/// What the tracer has to wait for before another task of the group runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    Nothing,
    /// The task is about to end: the kernel makes its last changes to memory that others share.
    End,
    /// Its call writes memory before it sleeps.
    Sleep(EarlyWrite),
}

/// A task that stays in its stop.
#[derive(Debug)]
pub(super) struct Held {
    stop: Stop,
    how: Resume,
    /// From when on it goes before reports that arrive later.
    from_ns: u64,
    /// It is about to write to the recorder's output.
    writes: bool,
}

impl Scheduler for TurnScheduler {
    /// Takes the oldest report of a task whose group waits for no other task. Reports that must
    /// wait stay queued. While the recorder detaches there are no turns.
    fn pick(&mut self, cx: &mut Context) -> Option<Arrival> {
        self.watch(cx);
        self.drop_stale_held(cx);
        self.former = None;
        // The ends of threads, which were reported before that of their leader, go first.
        while let Some(tid) = cx.due.gone().find(|&tid| self.has_turn(tid)) {
            self.end_turn(tid);
        }
        loop {
            if cx.is_ending {
                self.turns.clear();
                return cx.due.take();
            }
            while let Some(at) = self.next_held(cx) {
                self.resume_held(at);
            }
            let next = cx.due.iter().find(|(_, arrival)| self.may_go(cx, arrival.tid()));
            if let Some((at, arrival)) = next {
                let tid = arrival.tid();
                self.former = tid.and_then(|tid| self.take_turn(tid));
                self.writer = self.writer.filter(|_| self.writer != tid);
                return cx.due.take_at(at);
            }
            // Ones that will report nothing more.
            let before = self.turns.len();
            self.turns.retain(|turn| !is_dead_leader(cx, turn.tid));
            if self.turns.len() == before {
                return None;
            }
        }
    }

    fn before_wait(&mut self, cx: &mut Context) {
        self.update_ticker(cx);
    }

    fn arrived(&mut self, cx: &mut Context) -> Result<(), Error> {
        self.polls.arrived(cx)
    }

    fn interrupted(&mut self, cx: &mut Context) {
        self.check_time_slices(cx);
    }

    /// Gives the turn to the task if it will execute instructions or a call that keeps the turn.
    /// Holds it if it must wait for others.
    fn resumes(&mut self, cx: &mut Context, stop: Stop, how: Resume) -> Option<Stop> {
        if cx.is_ending {
            return Some(stop);
        }
        let (tid, asked) = (stop.tid(), cx.task().map_or(CallTurn::Shared, |task| task.turn));
        let begins_call = stop.kind() == StopKind::Syscall && cx.info.op() == Some(Op::ENTRY);
        let takes = match stop.kind() {
            StopKind::Syscall if begins_call => asked != CallTurn::Shared,
            StopKind::Syscall | StopKind::Signal(_) | StopKind::Event(Event::STOP) => true,
            StopKind::Event(Event::EXIT) => cx.tasks.is_watched(cx.at.slot),
            StopKind::Event(_) => asked != CallTurn::Shared,
            StopKind::Group(_) => false,
        };
        if !takes {
            return Some(stop);
        }
        let watch = match (stop.kind(), asked) {
            (StopKind::Event(Event::EXIT), _) => Watch::End,
            (_, CallTurn::KeptForWrite(write)) if begins_call => Watch::Sleep(write),
            _ => Watch::Nothing,
        };
        let mut turn = Turn { watch, ..self.continued(tid) };
        if stop.kind() == StopKind::Syscall {
            let writes = begins_call && asked == CallTurn::Output;
            // Its group has just grown, or the output is being written to.
            let must_wait = !self.may_go(cx, Some(tid))
                || writes && self.writer.is_some()
                || !begins_call && has_had_enough(&mut turn) && self.is_awaited_now(cx, tid);
            if must_wait {
                self.hold(Held { stop, how, from_ns: clock::monotonic_ns(), writes });
                return None;
            }
            if writes {
                self.writer = Some(tid);
            }
        }
        self.turns.push(turn);
        Some(stop)
    }

    fn release(&mut self, _cx: &mut Context) {
        for held in self.held.drain(..) {
            held.stop.resume(held.how, Signal::NONE);
        }
    }
}

impl TurnScheduler {
    /// Returns the turn of a task: its last one if no other task could run since, else a new one.
    fn continued(&self, tid: Tid) -> Turn {
        let now = clock::monotonic_ns();
        match self.former.filter(|former| former.tid == tid) {
            Some(former) => {
                Turn { begun_ns: now, calls: former.calls + 1, watch: Watch::Nothing, ..former }
            }
            None => Turn { tid, begun_ns: now, since_ns: now, calls: 0, watch: Watch::Nothing },
        }
    }

    /// Whether other tasks wait for this task's turn, those included whose reports were not taken
    /// from the kernel yet.
    fn is_awaited_now(&self, cx: &mut Context, tid: Tid) -> bool {
        // If wait4(2) fails, the next wait fails too.
        _ = cx.take_due();
        self.is_awaited(cx, tid)
    }

    /// The tasks that have turns.
    pub(super) fn turns(&self) -> &[Turn] {
        &self.turns
    }

    fn has_turn(&self, tid: Tid) -> bool {
        self.turns.iter().any(|turn| turn.tid == tid)
    }

    /// Takes the turn from a task. Returns it if it had one.
    pub(super) fn take_turn(&mut self, tid: Tid) -> Option<Turn> {
        let at = self.turns.iter().position(|turn| turn.tid == tid)?;
        Some(self.turns.swap_remove(at))
    }

    /// The task that has its turn goes on with it.
    pub(super) fn renew_turn(&mut self, tid: Tid) {
        if let Some(turn) = self.turns.iter_mut().find(|turn| turn.tid == tid) {
            (turn.since_ns, turn.calls) = (clock::monotonic_ns(), 0);
        }
    }

    /// The task blocks in its call, or has ended: others may run, and write to the output.
    pub(super) fn end_turn(&mut self, tid: Tid) {
        self.take_turn(tid);
        self.writer = self.writer.filter(|&writer| writer != tid);
    }

    pub(super) fn writes(&self, tid: Tid) -> bool {
        self.writer == Some(tid)
    }

    fn hold(&mut self, held: Held) {
        self.held.push(held);
    }

    /// Keeps a preempted task in its stop. Tasks that report within the next time slice go first.
    pub(super) fn preempt(&mut self, stop: Stop) {
        self.end_turn(stop.tid());
        let from_ns = clock::monotonic_ns().saturating_add(TIME_SLICE_NS);
        self.hold(Held { stop, how: Resume::ToNextSyscall, from_ns, writes: false });
    }

    /// Whether no other task of the task's group has the turn. What an unknown task reports
    /// concerns no group.
    fn may_go(&self, cx: &Context, tid: Option<Tid>) -> bool {
        let Some(group) = tid.and_then(|tid| group_of(cx, tid)) else { return true };
        let is_other = |turn: &Turn| Some(turn.tid) != tid && group_of(cx, turn.tid) == Some(group);
        !self.turns.iter().any(is_other)
    }

    /// Whether other tasks wait for this task's turn.
    pub(super) fn is_awaited(&self, cx: &Context, tid: Tid) -> bool {
        let group = group_of(cx, tid);
        let is_other = |other: Tid| other != tid && group_of(cx, other) == group;
        let reports = || cx.due.iter().filter_map(|(_, arrival)| arrival.tid());
        let waits_for_output = |held: &Held| held.writes && self.writes(tid);
        self.held.iter().any(|held| is_other(held.stop.tid()) || waits_for_output(held))
            || reports().any(is_other)
    }

    /// Whether any task waits for the turn of another.
    pub(super) fn is_any_awaited(&self, cx: &Context) -> bool {
        !(self.turns.is_empty() || cx.due.is_empty() && self.held.is_empty())
    }

    /// The held task that goes next: its group's turn is free, and no report of the group came
    /// before it.
    fn next_held(&self, cx: &Context) -> Option<usize> {
        let is_next = |held: &&Held| {
            let tid = held.stop.tid();
            let group = group_of(cx, tid);
            let mut reports = cx.due.iter().map(|(_, arrival)| arrival);
            let goes_before = |arrival: &Arrival| {
                let of_group = arrival.tid().and_then(|tid| group_of(cx, tid)) == group;
                of_group && arrival.t_ns <= held.from_ns
            };
            self.may_go(cx, Some(tid))
                && !(held.writes && self.writer.is_some())
                && !reports.any(goes_before)
        };
        let (at, _) = self
            .held
            .iter()
            .enumerate()
            .filter(|(_, held)| is_next(held))
            .min_by_key(|(_, held)| held.from_ns)?;
        Some(at)
    }

    fn resume_held(&mut self, at: usize) {
        let Held { stop, how, writes, .. } = self.held.remove(at);
        if writes {
            self.writer = Some(stop.tid());
        }
        self.turns.push(self.continued(stop.tid()));
        stop.resume(how, Signal::NONE);
    }

    /// Drops the stops of held tasks that have reported since: SIGKILL ended those stops.
    fn drop_stale_held(&mut self, cx: &Context) {
        self.held.retain(|held| !cx.due.has(held.stop.tid()));
    }

    /// Waits until tasks have changed shared memory, before another task of the group runs.
    fn watch(&mut self, cx: &mut Context) {
        while let Some(turn) = self.turns.iter_mut().find(|turn| turn.watch != Watch::Nothing) {
            let (tid, watch) = (turn.tid, std::mem::replace(&mut turn.watch, Watch::Nothing));
            let is_quiet = |state: u8| state == b'Z' || state == b'S' && watch != Watch::End;
            if reports_soon(cx, tid, is_quiet) {
                continue;
            }
            if let Watch::Sleep(write) = watch {
                record_early_write(cx, tid, write);
            }
            self.end_turn(tid);
        }
    }
}

/// Waits for the report of a task. Returns false when there will be none for now, because of the
/// state of the task (proc(5)): it sleeps, or is the leader of its process and stays a zombie until
/// the other threads have ended.
fn reports_soon(cx: &mut Context, tid: Tid, is_quiet: impl Fn(u8) -> bool) -> bool {
    for _ in 0..MAX_POLLS {
        if cx.take_due().is_err() || cx.due.has(tid) {
            return true;
        }
        let state = process::Status::read(tid).map_or(b'Z', |status| status.state);
        if is_quiet(state) {
            // It may have reported in between.
            return cx.take_due().is_err() || cx.due.has(tid);
        }
        std::thread::yield_now();
    }
    false
}

/// Records the memory that an open call has written.
fn record_early_write(cx: &mut Context, tid: Tid, EarlyWrite { at, len }: EarlyWrite) {
    let mut bytes = vec![0; len];
    let mut transfer = [Transfer { address: at, len, ..Transfer::default() }];
    memory::read(tid, &mut bytes, &mut transfer);
    if let Some(id) = cx.tasks.get(tid).map(|task| task.id).filter(|_| transfer[0].got == len) {
        cx.log.altered_event(id, Altering::EARLY_WRITE, 0, &at.to_le_bytes(), &bytes);
    }
}

/// Whether the task has had its turn for so long that others are to be served now. If there are
/// none, it begins anew.
fn has_had_enough(turn: &mut Turn) -> bool {
    let now = clock::monotonic_ns();
    if turn.calls < MAX_CALLS && now.saturating_sub(turn.since_ns) < TIME_SLICE_NS {
        return false;
    }
    (turn.since_ns, turn.calls) = (now, 0);
    true
}

fn group_of(cx: &Context, tid: Tid) -> Option<TurnGroup> {
    cx.tasks.get(tid).map(|task| task.group)
}

/// Whether a leader has ended, so that its report waits for the ends of its threads. A task that is
/// killed at its exit event, after an execve of another thread has brought it there, does not
/// report that event (kernel/signal.c, `complete_signal`).
fn is_dead_leader(cx: &Context, tid: Tid) -> bool {
    let process = |tid: Tid| cx.tasks.get(tid).map(|task| task.tgid);
    cx.due.ending().any(|other| process(other) == Some(tid))
        && process::Status::read(tid).map_or(true, |status| status.state == b'Z')
}
