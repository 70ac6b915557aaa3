//! The loop of the engine.

use super::attaching::Attaching;
use super::away::Why;
use super::calls::Calls;
use super::capture::Capture;
use super::context::{At, Context};
use super::detach::{Ending, detach};
use super::due::{Arrival, Arrived, Due, Passed};
use super::handover::{Handover, Request};
use super::hook::{Birth, Detach, StopHook};
use super::init_crash::{is_unkillable_crash, prepare_crash};
use super::job::Job;
use super::lifecycle::{
    NewTask, Snapshots, add_attached_task, add_task, change_identity, remove_task,
};
use super::log::Log;
use super::namespaces::Namespaces;
use super::newborns::Newborns;
use super::program::Program;
use super::restart::restart_original;
use super::scheduler::Scheduler;
use super::stop::{Next, Recorded, begins_call, is_tracing_call, record_passed, record_stop};
use super::task::{Slot, Tasks};
use crate::error::Error;
use crate::options::Options;
use crate::outcome::Progress;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use sysreel_format::{Completeness, GoneHow, Origin, TaskId};
use sysreel_sys::signals::{self, Termination};
use sysreel_sys::waiting::Purpose;
use sysreel_sys::{
    Event, Report, Resume, Signal, Stop, StopKind, SyscallInfo, Tid, Tracer, WaitStatus, clock,
    init, process,
};

/// A recording: the tasks of one tracer thread, in one log.
pub(crate) struct Engine<S, H> {
    cx: Context,
    scheduler: S,
    hooks: H,
    calls: Calls,
    snapshots: Snapshots,
    newborns: Newborns,
    /// Processes that are being attached to.
    attaching: Attaching,
    /// Tasks that other programs trace.
    handover: Handover,
    program: Program,
    /// Set when the recording ends before all of its tasks.
    ending: Option<Ending>,
    termination: Termination,
    progress: Arc<Progress>,
}

/// The parts of an engine that do not follow from the options alone.
pub(crate) struct Parts {
    pub(crate) tracer: Tracer,
    pub(crate) log: Log,
    /// Whether processes were attached to.
    pub(crate) has_attached: bool,
    /// The spawned program.
    pub(crate) program: Option<Tid>,
    pub(crate) termination: Termination,
    pub(crate) attaching: Attaching,
    pub(crate) progress: Arc<Progress>,
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
}

impl<S: Scheduler, H: StopHook> Engine<S, H> {
    /// Returns the engine of a recording before its first event.
    pub(crate) fn new(options: &Options, parts: Parts, scheduler: S, hooks: H) -> Engine<S, H> {
        Engine {
            cx: Context {
                tracer: parts.tracer,
                tasks: Tasks::default(),
                due: Due::default(),
                namespaces: Namespaces::new(!parts.has_attached),
                log: parts.log,
                at: At { slot: Slot::FIRST, tid: 0, id: TaskId::NONE, t_ns: 0 },
                info: SyscallInfo::new(),
                capture: Capture::new(options.whole_limit()),
                missing: Completeness::default(),
                is_ending: false,
            },
            scheduler,
            hooks,
            calls: Calls::new(options.rows),
            snapshots: Snapshots { names: options.names },
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
            progress: parts.progress,
        }
    }

    /// Returns counters for another thread.
    pub(crate) fn progress(&self) -> &Arc<Progress> {
        &self.progress
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
        for &tid in attached {
            add_attached_task(cx, hooks, tid);
        }
        let Some(stop) = spawned else { return };
        let (tid, t_ns) = (stop.tid(), clock::monotonic_ns());
        let pids = &process::Status::read(tid).unwrap_or_default().namespace_ids;
        cx.namespaces.set_spawned_ids(pids);
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
        while self.has_work() {
            let Arrival { what, t_ns } = self.next()?;
            match what {
                Arrived::Report(Report::Stopped(stop)) => self.on_stop(stop, t_ns)?,
                Arrived::Report(Report::Gone { tid, status }) => self.on_gone(tid, status, t_ns),
                Arrived::Report(Report::Interrupted) => {
                    self.scheduler.interrupted(&mut self.cx);
                    if self.handover.has_away() {
                        self.handover.check(&mut self.cx, &mut self.hooks);
                    }
                }
                Arrived::Report(Report::NoTasks) => break,
                Arrived::Passed(passed) => self.on_passed(&passed, t_ns),
            }
            self.hooks.tick(&mut self.cx);
            if let Some(signal) = self.termination.requested() {
                self.end_requested(signal);
            }
            if let Some(ending) = &mut self.ending {
                ending.enforce_deadline(&mut self.cx, &mut self.hooks);
            }
            self.progress.events.store(self.cx.log.sink.next_event(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Ends the recording.
    pub(crate) fn end(mut self) -> Ended<H> {
        self.handover.record_ends(&mut self.cx, &mut self.hooks);
        self.hooks.end(&mut self.cx);
        self.cx.log.clock_event();
        Ended {
            log: self.cx.log,
            hooks: self.hooks,
            status: self.program.status,
            signal: self.ending.and_then(|ending| ending.signal),
            handed_over: self.handover.count(),
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

    /// Returns the next report.
    fn next(&mut self) -> Result<Arrival, Error> {
        loop {
            let Engine { cx, hooks, .. } = self;
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

    fn on_stop(&mut self, stop: Stop, t_ns: u64) -> Result<(), Error> {
        let Engine { cx, hooks, .. } = self;
        // After an execve by another thread the report comes under the leader's id, which the
        // recorder may never have traced.
        if stop.kind() == StopKind::Event(Event::EXEC) {
            change_identity(cx, hooks, &stop, t_ns);
        }
        match cx.tasks.slot(stop.tid()) {
            Some(slot) => self.handle(stop, slot, t_ns),
            None => {
                self.newborns.park(cx, hooks, stop, t_ns);
                Ok(())
            }
        }
    }

    fn on_passed(&mut self, passed: &Passed, t_ns: u64) {
        if let Some(slot) = self.cx.tasks.slot(passed.tid) {
            self.cx.enter(slot, t_ns);
            record_passed(&mut self.cx, passed);
        }
    }

    /// Records the stop of a known task and lets the task continue.
    fn handle(&mut self, mut stop: Stop, slot: Slot, t_ns: u64) -> Result<(), Error> {
        let recorded = self.record(&mut stop, slot, t_ns);
        let Engine { cx, hooks, .. } = self;
        let deliver = match recorded.next {
            Next::Resume(signal) => signal,
            Next::Swallow => {
                self.scheduler.resumes(cx, stop.kind());
                stop.resume(hooks.resume(slot), Signal::NONE);
                return Ok(());
            }
            Next::Again => {
                cx.due.push_first(Report::Stopped(stop), clock::monotonic_ns());
                return Ok(());
            }
            Next::Left => {
                stop.discard();
                return Ok(());
            }
        };
        let in_call = begins_call(cx, stop.kind());
        if let Some(ending) = self.ending.as_ref().filter(|ending| ending.is_detaching()) {
            if ending.detaches_at(stop.kind(), in_call, hooks.can_detach()) {
                detach(cx, hooks, stop);
                return Ok(());
            }
            // Each stop clears a pending interrupt (kernel/signal.c, `ptrace_stop`).
            _ = cx.tracer.interrupt(stop.tid());
        }
        if is_unkillable_crash(cx, &stop, deliver) {
            prepare_crash(cx, &stop);
            self.handover.let_go(cx, hooks, stop, Why::Crashing, 0);
            return Ok(());
        }
        if let Some(stop) = self.follow_tracing_call(stop, in_call, &recorded)? {
            self.resume(stop, slot, in_call, deliver);
        }
        Ok(())
    }

    /// Records a stop, and what it says of other tasks.
    fn record(&mut self, stop: &mut Stop, slot: Slot, t_ns: u64) -> Recorded {
        let Engine { cx, hooks, handover, .. } = self;
        cx.enter(slot, t_ns);
        let answer = |cx: &mut Context, stop: &Stop| handover.give_answer(cx, stop);
        let recorded = record_stop(cx, hooks, &mut self.calls, stop, answer);
        match recorded.event {
            Some((event @ (Event::FORK | Event::VFORK | Event::CLONE), message)) => {
                if let Some(task) = cx.tasks.at_mut(slot) {
                    task.making = false;
                }
                if let Ok(child) = Tid::try_from(message) {
                    self.newborns.child_reported(cx, hooks, child, event);
                }
            }
            Some((Event::EXEC, _)) => self.snapshots.new_image(cx, hooks),
            _ => {}
        }
        if let Some(task) = cx.tasks.at_mut(slot).filter(|task| !task.captured)
            && !matches!(recorded.next, Next::Left | Next::Swallow)
        {
            task.captured = true;
            self.first_stop_at_attach(stop, slot);
        }
        recorded
    }

    /// Records the state of an attached process once, at the first stop of any of its threads.
    fn first_stop_at_attach(&mut self, stop: &Stop, slot: Slot) {
        let Engine { cx, hooks, newborns, handover, .. } = self;
        let Some(tgid) = cx.tasks.at(slot).map(|task| task.tgid) else { return };
        let is_first = !cx
            .tasks
            .iter()
            .any(|(other, task)| other != slot && task.tgid == tgid && task.captured);
        if is_first {
            self.snapshots.record(cx, slot, clock::monotonic_ns());
        }
        let is_known = |tid: Tid| newborns.is_parked(tid) || handover.is_away(tid);
        self.attaching.first_stop(cx, hooks, tgid, is_known);
        restart_original(cx, stop);
    }

    /// Does what a call needs that begins or ends tracing of another task. Returns the stop unless
    /// its task was detached.
    fn follow_tracing_call(
        &mut self,
        stop: Stop,
        in_call: bool,
        recorded: &Recorded,
    ) -> Result<Option<Stop>, Error> {
        let Engine { cx, hooks, handover, .. } = self;
        if handover.has_away()
            && let Some(exit) = &recorded.exit
        {
            handover.tracing_call_ends(cx, hooks, exit);
        }
        // In other stops the call may still be open: a task killed in it comes to its exit event.
        if !in_call || !is_tracing_call(cx) {
            return Ok(Some(stop));
        }
        match handover.request(cx, hooks, &stop) {
            Request::Nothing => Ok(Some(stop)),
            Request::GiveCaller { to } => {
                handover.let_caller_go(cx, hooks, stop, to);
                Ok(None)
            }
            Request::Give(target) => {
                let at = cx.at;
                let given = self.hand_over(target, at.tid);
                self.cx.at = at;
                given.map(|()| Some(stop))
            }
        }
    }

    /// Detaches `target`, to which `tracer`, in its entry stop, is about to attach.
    fn hand_over(&mut self, target: Tid, tracer: Tid) -> Result<(), Error> {
        while let Some((mut stop, t_ns)) = self.cx.bring_to_stop(target)? {
            let Some(slot) = self.cx.tasks.slot(target) else {
                stop.discard();
                return Ok(());
            };
            let recorded = self.record(&mut stop, slot, t_ns);
            let Engine { cx, hooks, handover, .. } = self;
            let deliver = match recorded.next {
                Next::Resume(deliver) => deliver,
                Next::Swallow => Signal::NONE,
                Next::Again => {
                    cx.due.push_first(Report::Stopped(stop), t_ns);
                    continue;
                }
                Next::Left => {
                    stop.discard();
                    return Ok(());
                }
            };
            let is_ending = stop.kind() == StopKind::Event(Event::EXIT);
            // As at the end of a recording, a task is not detached where a call begins.
            if !is_ending && !begins_call(cx, stop.kind()) {
                handover.let_go_with(cx, hooks, stop, deliver, Why::Attaching(tracer), tracer);
                return Ok(());
            }
            if !is_ending {
                _ = cx.tracer.interrupt(target);
            }
            stop.resume(Resume::ToNextSyscall, Signal::NONE);
            if is_ending {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Resumes the task of the current stop, which is about to continue in user code or in a call.
    fn resume(&mut self, stop: Stop, slot: Slot, in_call: bool, deliver: Signal) {
        let Engine { cx, hooks, program, .. } = self;
        let (tid, kind) = (stop.tid(), stop.kind());
        hooks.before_resume(cx, !in_call);
        self.scheduler.resumes(cx, kind);
        let how = hooks.resume(slot);
        match kind {
            StopKind::Signal(_) => stop.resume(how, deliver),
            StopKind::Syscall => stop.resume(how, Signal::NONE),
            StopKind::Event(_) => {
                stop.resume(how, Signal::NONE);
                program.job.continued(tid);
            }
            StopKind::Group(signal) => {
                stop.listen();
                if cx.tasks.at(slot).is_some_and(|task| program.is(task.tgid)) {
                    program.job.program_stopped(tid, signal);
                }
            }
        }
    }

    /// Handles the end of a task that was reaped.
    fn on_gone(&mut self, tid: Tid, status: WaitStatus, t_ns: u64) {
        let Engine { cx, hooks, program, newborns, handover, .. } = self;
        if program.is(tid) {
            program.status = Some(status);
        }
        program.job.continued(tid);
        if !handover.reaped_away(cx, tid, status, t_ns) {
            if cx.tasks.slot(tid).is_none() && !newborns.ended(cx, hooks, tid, status, t_ns) {
                return;
            }
            if let Some(slot) = cx.tasks.slot(tid) {
                remove_task(cx, hooks, slot, status, GoneHow::REAPED, t_ns);
            }
            if handover.has_away() {
                handover.tracer_has_ended(cx, hooks, tid);
            }
        }
        if program.is(tid) {
            self.program_has_ended();
        }
    }

    /// Handles a signal that asks the recorder to end.
    fn end_requested(&mut self, signal: Signal) {
        let Engine { cx, hooks, .. } = self;
        let program = self.program.tid.filter(|&program| cx.tasks.get(program).is_some());
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
            Detach::Anywhere | Detach::AtInterrupt(_) => self.begin_detaching(Some(signal)),
        }
    }

    /// Handles the end of the program: processes it left running are let go.
    fn program_has_ended(&mut self) {
        let Engine { cx, hooks, .. } = self;
        if !self.program.until_exit || cx.tasks.is_empty() {
            return;
        }
        match hooks.can_detach() {
            Detach::Nowhere(why) => {
                let ending = Ending::request_leftover(cx, why);
                self.ending.get_or_insert(ending);
            }
            Detach::Anywhere | Detach::AtInterrupt(_) => self.begin_detaching(None),
        }
    }

    fn begin_detaching(&mut self, signal: Option<Signal>) {
        let Engine { cx, hooks, .. } = self;
        if self.ending.is_none() {
            self.ending = Some(Ending::detach_all(cx, hooks, signal));
            self.scheduler.release(cx);
            self.newborns.adopt_all(cx, hooks);
        }
    }
}
