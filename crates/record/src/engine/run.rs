//! The loop of the engine.

use super::attaching::Attaching;
use super::calls::Calls;
use super::capture::Capture;
use super::context::{At, Context};
use super::detach::Ending;
use super::due::{Arrival, Arrived, Due};
use super::handover::Handover;
use super::hook::{Birth, Detach, StopHook};
use super::job::Job;
use super::lifecycle::{NewTask, add_attached_task, add_task, remove_task, remove_vanished};
use super::log::Log;
use super::made::record_made;
use super::messages::{Message, TracingEnd};
use super::newborns::Newborns;
use super::peers::Peers;
use super::program::Program;
use super::scheduler::Scheduler;
use super::snapshot::Snapshots;
use super::task::{Slot, Tasks};
use crate::error::Error;
use crate::options::Options;
use crate::progress::Progress;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use sysreel_format::{Completeness, GoneHow, Origin, TaskId};
use sysreel_sys::signals::{self, Termination};
use sysreel_sys::waiting::Purpose;
use sysreel_sys::{
    Report, Signal, Stop, SyscallInfo, Tid, Tracer, WaitStatus, clock, init, process,
};

/// A recording: the tasks of one tracer thread, in one log.
pub(crate) struct Engine<S, H> {
    pub(super) cx: Context,
    pub(super) scheduler: S,
    pub(super) hooks: H,
    pub(super) calls: Calls,
    pub(super) newborns: Newborns,
    /// Processes that are being attached to.
    pub(super) attaching: Attaching,
    /// Tasks that other programs trace.
    pub(super) handover: Handover,
    pub(super) program: Program,
    /// Set when the recording ends before all of its tasks.
    pub(super) ending: Option<Ending>,
    /// Requests to end the recording, which one of several tracers gets.
    pub(super) termination: Option<Termination>,
}

/// The parts of an engine that do not follow from the options alone.
pub(crate) struct Parts {
    pub(crate) tracer: Tracer,
    pub(crate) log: Log,
    /// Whether processes were attached to.
    pub(crate) has_attached: bool,
    /// The spawned program.
    pub(crate) program: Option<Tid>,
    pub(crate) termination: Option<Termination>,
    pub(crate) attaching: Attaching,
    /// This tracer among others, if there are several.
    pub(crate) peers: Option<Peers>,
}

/// What is known when the recording is over.
pub(crate) struct Ended<H> {
    pub(crate) log: Log,
    pub(crate) hooks: H,
    /// The wait status of the spawned program.
    pub(crate) status: Option<WaitStatus>,
    /// The signal that ended the recording before its tasks.
    pub(crate) signal: Option<Signal>,
    /// The number of tasks that were handed over to other tracers.
    pub(crate) handed_over: usize,
    /// What checks of snapshots have found.
    pub(crate) wrong_snapshots: Vec<String>,
}

impl<S: Scheduler, H: StopHook> Engine<S, H> {
    /// Returns the engine of a recording before its first event.
    pub(crate) fn new(options: &Options, parts: Parts, scheduler: S, hooks: H) -> Engine<S, H> {
        // The others do not see the calls by which the tasks they get may have changed namespaces.
        let is_first = parts.termination.is_some();
        Engine {
            cx: Context {
                tracer: parts.tracer,
                tasks: Tasks::default(),
                due: Due::default(),
                snapshots: Snapshots::new(
                    options.names,
                    !parts.has_attached && is_first,
                    !parts.has_attached && options.only.is_none(),
                    options.check_snapshots,
                ),
                log: parts.log,
                at: At { slot: Slot::FIRST, tid: 0, id: TaskId::NONE, t_ns: 0 },
                info: SyscallInfo::new(),
                capture: Capture::new(options.whole_limit()),
                missing: Completeness::default(),
                is_ending: false,
                peers: parts.peers,
            },
            scheduler,
            hooks,
            calls: Calls::new(options.rows),
            newborns: Newborns::new(),
            attaching: parts.attaching,
            handover: Handover::new(options.refuse_tracers),
            program: Program {
                tid: parts.program,
                status: None,
                job: Job::new(options.front),
                until_exit: options.until_exit || init::is_init(),
            },
            ending: None,
            termination: parts.termination,
        }
    }

    /// Returns counters for another thread.
    pub(crate) fn progress(&self) -> &Arc<Progress> {
        &self.cx.log.progress
    }

    /// Sets what to do before the shell is shown that the program has stopped.
    pub(crate) fn before_stop(&mut self, tidy_up: Box<dyn Fn()>) {
        self.program.job.before_stop(tidy_up);
    }

    /// Records the first events and resumes or interrupts the initial tasks.
    pub(crate) fn begin(&mut self, attached: &[Tid], spawned: Option<Stop>) {
        let Engine { cx, hooks, .. } = self;
        cx.log.clock_event();
        hooks.begin(cx);
        for tid in super::attaching::parents_first(attached) {
            add_attached_task(cx, hooks, tid);
        }
        let Some(stop) = spawned else { return };
        let (tid, t_ns) = (stop.tid(), clock::monotonic_ns());
        let pids = &process::Status::read(tid).unwrap_or_default().namespace_ids;
        cx.snapshots.namespaces.set_spawned_ids(pids);
        cx.snapshots.spawned(tid);
        let memory = cx.tasks.new_memory();
        let (parent, origin) = (TaskId::NONE, Origin::SPAWNED);
        let slot = add_task(cx, &NewTask { tid, tgid: tid, parent, origin, t_ns, pids });
        if let Some(task) = cx.tasks.at_mut(slot) {
            task.memory = memory;
            task.captured = true;
        }
        hooks.task_begins(cx, slot, Birth::Spawned);
        hooks.program_begins(cx);
        if hooks.can_detach() == Detach::Anywhere {
            // Otherwise the program dies with the recorder: without a tracer its filter or its
            // trapped time-stamp counter would make it fail. If it has died, wait reports it.
            _ = cx.tracer.clear_exitkill(&stop);
        }
        // The SIGSTOP that held it is suppressed; the program never sees it.
        stop.resume(hooks.resume(slot), Signal::NONE);
    }

    /// Follows every task to its end, or until asked to stop.
    ///
    /// # Errors
    /// When wait4(2) fails.
    pub(crate) fn run(&mut self) -> Result<(), Error> {
        _ = self.cx.peers.as_ref().map(Peers::begin);
        self.follow_tasks()
    }

    fn follow_tasks(&mut self) -> Result<(), Error> {
        loop {
            self.read_messages()?;
            let Engine { cx, hooks, newborns, .. } = self;
            if cx.tasks.is_empty() && cx.due.is_empty() && !newborns.is_empty() {
                // No maker is left that could report them.
                newborns.adopt_settled(cx, hooks);
            }
            if !self.has_work() && !self.finds_orphan()? {
                if !self.may_get_tasks() {
                    return Ok(());
                }
                self.look_for_request();
                continue;
            }
            let Arrival { what, t_ns } = self.next()?;
            match what {
                Arrived::Report(Report::Stopped(stop)) => self.on_stop(stop, t_ns)?,
                Arrived::Report(Report::Gone { tid, status }) => self.on_gone(tid, status, t_ns)?,
                Arrived::Report(Report::Interrupted) => {
                    self.scheduler.interrupted(&mut self.cx);
                    if self.handover.has_away() {
                        self.handover.check(&mut self.cx, &mut self.hooks);
                    }
                }
                // See `forget_tasks`.
                Arrived::Report(Report::NoTasks) if self.cx.peers.is_none() => return Ok(()),
                Arrived::Report(Report::NoTasks) => self.forget_tasks(),
                Arrived::Passed(passed) => self.on_passed(passed, t_ns),
            }
            self.hooks.tick(&mut self.cx);
            self.look_for_request();
            if let Some(ending) = &mut self.ending {
                ending.enforce_deadline(&mut self.cx, &mut self.hooks);
            }
            let log = &self.cx.log;
            log.progress.events.store(log.sink.next_event(), Ordering::Relaxed);
        }
    }

    fn look_for_request(&mut self) {
        if let Some(signal) = self.termination.as_ref().and_then(Termination::requested) {
            self.end_requested(signal);
        }
    }

    /// Ends the recording.
    pub(crate) fn end(mut self) -> Ended<H> {
        self.handover.record_ends(&mut self.cx, &mut self.hooks);
        self.hooks.end(&mut self.cx);
        if self.termination.is_some() {
            self.cx.log.clock_event();
        }
        Ended {
            log: self.cx.log,
            hooks: self.hooks,
            status: self.program.status,
            signal: self.ending.and_then(|ending| ending.signal),
            handed_over: self.handover.count(),
            wrong_snapshots: self.cx.snapshots.into_wrong(),
        }
    }

    fn has_work(&self) -> bool {
        let awaits_program = || {
            let is_away = self.program.tid.is_some_and(|program| self.handover.is_away(program));
            // Its end is reported in any case, as it is a child of this process.
            is_away && !self.cx.is_ending
        };
        let Context { tasks, due, .. } = &self.cx;
        !(tasks.is_empty() && due.is_empty()) || self.newborns.has_parked() || awaits_program()
    }

    /// When all tasks have ended: whether there is another one, of which no report has come yet. A
    /// maker that is killed in its call may have made a child that has not run so far.
    fn finds_orphan(&mut self) -> Result<bool, Error> {
        Ok(std::mem::take(&mut self.newborns.lost_maker) && self.cx.await_any()?)
    }

    /// Returns the next report.
    fn next(&mut self) -> Result<Arrival, Error> {
        loop {
            let Engine { cx, hooks, .. } = self;
            // Before others, see `moves`.
            if cx.peers.is_some()
                && let Some(arrival) =
                    cx.due.take_end(|tid| cx.tasks.get(tid).is_some_and(|task| task.tgid == tid))
            {
                return Ok(arrival);
            }
            if let Some(arrival) = self.scheduler.pick(cx) {
                return Ok(arrival);
            }
            // The task that the scheduler waits for may be in an execve, which waits for the end of
            // a parked thread.
            if !self.newborns.is_empty() {
                let before = cx.due.len();
                cx.take_due()?;
                if cx.due.len() == before {
                    self.newborns.adopt_settled(cx, hooks);
                }
                if cx.due.len() > before {
                    continue;
                }
            }
            self.scheduler.before_wait(cx);
            match self.wait()? {
                report @ (Report::Interrupted | Report::NoTasks) => {
                    let t_ns = clock::monotonic_ns();
                    return Ok(Arrival { what: Arrived::Report(report), t_ns });
                }
                report => self.cx.due.push(report),
            }
            self.scheduler.arrived(&mut self.cx)?;
        }
    }

    /// Waits for the next report of any task. The watchdog is told when a certain task should
    /// report soon.
    fn wait(&self) -> Result<Report, Error> {
        let parked = self.newborns.any_parked().map(|(tid, since)| (Purpose::Parked, tid, since));
        let detach = || self.ending.as_ref().and_then(|ending| ending.awaited_detach(&self.cx));
        let tracer = &self.cx.tracer;
        let Some((purpose, tid, since_ns)) = parked.or_else(detach) else {
            return Ok(tracer.wait()?);
        };
        tracer.waiting().begin_at(purpose, tid, since_ns);
        let report = tracer.wait();
        tracer.waiting().end();
        Ok(report?)
    }

    /// Handles the end of a task that was reaped.
    fn on_gone(&mut self, tid: Tid, status: WaitStatus, t_ns: u64) -> Result<(), Error> {
        let Engine { cx, hooks, program, newborns, handover, .. } = self;
        let is_program = program.is(tid);
        if is_program {
            program.status = Some(status);
        }
        program.job.continued(tid);
        if !handover.reaped_away(cx, tid, status, t_ns) {
            let Some(slot) = cx.tasks.slot(tid) else {
                let what = Arrived::Report(Report::Gone { tid, status });
                newborns.keep(tid, Arrival { what, t_ns });
                return Ok(());
            };
            cx.enter(slot, t_ns);
            record_made(cx, hooks, &mut self.calls);
            let is_leader = cx.tasks.at(slot).is_some_and(|task| task.tgid == tid);
            if let Some(peers) = cx.peers.as_ref().filter(|_| is_leader) {
                // Its end is reported after those of its threads, which other tracers may follow.
                peers.await_others(tid, [tid, tid]);
            }
            newborns.lost_maker |= cx.tasks.at(slot).is_some_and(|task| task.making);
            remove_task(cx, hooks, slot, status, GoneHow::REAPED, t_ns);
            remove_vanished(cx, hooks, tid, t_ns);
            cx.snapshots.forget(tid);
            if handover.is_any_away(cx) {
                self.tracing_may_end(TracingEnd::Ended(tid))?;
            }
        }
        if is_program {
            self.program_has_ended();
        }
        Ok(())
    }

    /// Handles a signal that asks the recorder to end.
    fn end_requested(&mut self, signal: Signal) {
        let Engine { cx, hooks, .. } = self;
        let is_living = |&tid: &Tid| self.program.is(tid) && cx.tasks.get(tid).is_some();
        let program = self.program.tid.filter(is_living);
        // The signal to the init of a container is meant for the program it runs.
        if init::is_init()
            && let Some(program) = program
        {
            return signals::send(program, signal);
        }
        match hooks.can_detach() {
            Detach::Nowhere(_) => {
                let ending = Ending::request(cx, program, signal);
                self.ending.get_or_insert(ending);
            }
            Detach::Anywhere | Detach::AtInterrupt(_) => {
                _ = cx
                    .peers
                    .as_ref()
                    .map(|peers| peers.send_to_others(|| Message::LetGo(Some(signal))));
                self.begin_detaching(Some(signal));
            }
        }
    }

    /// Handles the end of the program: processes it left running are let go.
    fn program_has_ended(&mut self) {
        let Engine { cx, hooks, .. } = self;
        if !self.program.until_exit || cx.tasks.is_empty() && cx.peers.is_none() {
            return;
        }
        match hooks.can_detach() {
            Detach::Nowhere(why) => {
                let ending = Ending::request_leftover(cx, why);
                self.ending.get_or_insert(ending);
            }
            Detach::Anywhere | Detach::AtInterrupt(_) => {
                _ = cx.peers.as_ref().map(|peers| peers.send_to_others(|| Message::LetGo(None)));
                self.begin_detaching(None);
            }
        }
    }

    pub(super) fn begin_detaching(&mut self, signal: Option<Signal>) {
        let Engine { cx, hooks, .. } = self;
        if self.ending.is_none() {
            self.ending = Some(Ending::detach_all(cx, hooks, signal));
            self.scheduler.release(cx);
            self.newborns.adopt_all(cx, hooks);
        }
    }
}
