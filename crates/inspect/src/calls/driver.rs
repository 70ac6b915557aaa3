//! The state machine that turns events into items. It alone decides where a call begins and ends.
//!
//! An event is read in three steps. [`Driver::begin`] applies what precedes its items and queues
//! them, [`Driver::take`] and [`Driver::item`] yield them, and [`Driver::end`] applies the rest: a
//! call is seen in the state in which it did its work.

use sysreel_abi::{ArgKind, AuditArch, CallKind};
use sysreel_format::{
    Body, Completeness, Event, MetaCodec, NeedsParts, Part, Parts, ProcessSnapshot, SnapshotKind,
    TaskHead, TaskId,
};

use super::ended::Ended;
use super::item::{Damaged, Item, Lost, STOPPED, Signal};
use crate::findings::Findings;
use crate::regions::{Buffers, LazyRegions};
use crate::state::{Follow, OpenCall, ResolvedCall, Tracker};
use sysreel_format::syscall_info::{self, Call, Offsets, Outcome, What};

/// PTRACE_EVENT_EXIT (include/uapi/linux/ptrace.h), in the third byte of a wait status.
const EVENT_EXIT: u32 = 6;

/// Whether what is asked of a call without memory is in its memory all the same: the arguments of
/// i386's socketcall(2) and ipc(2), and the bytes of sendmmsg(2) and recvmmsg(2).
pub(crate) fn needs_parts(arch: u32, nr: u64) -> bool {
    sysreel_abi::row(AuditArch(arch), nr).is_some_and(|row| {
        row.kind == CallKind::Multiplexed
            || row.args.iter().any(|arg| matches!(arg.kind, ArgKind::Mmsg))
    })
}

/// An item of the current event, without what it borrows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Damage(Damaged),
    /// The call in [`Driver::ended`].
    Call(Ended, Option<Outcome>),
    Entered,
    ExitOnly(Outcome),
    /// A stop that is neither an entry nor an exit.
    Stop,
    Exec,
    /// The body of an event that is not a stop.
    Body,
    Altered,
}

/// What is applied after the items of an event.
#[derive(Clone, Copy, Debug, Default)]
enum After {
    #[default]
    Nothing,
    Call(Outcome),
    Gone,
}

/// Turns events into items, and keeps the state.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(super) tracker: Tracker,
    with_entries: bool,
    /// Whether the memory that calls read is kept until they end.
    keeps_memory: bool,
    /// Whether the parts of stops need not be read.
    without_parts: bool,
    /// The items of the current event that were not yielded yet.
    queue: [Option<Step>; 4],
    after: After,
    /// The call that ends with the current event.
    pub(super) ended: Option<Box<OpenCall>>,
    /// The memory captured at the current event.
    pub(super) exit: LazyRegions,
    /// The snapshot of the current event.
    pub(super) found: Option<ProcessSnapshot>,
    /// What is wrong with the current event.
    pub(super) error: Option<sysreel_format::Error>,
}

impl Driver {
    pub(crate) fn new(follow: Follow, with_entries: bool) -> Self {
        Self {
            tracker: Tracker::new(follow),
            with_entries,
            keeps_memory: true,
            without_parts: false,
            queue: [None; 4],
            after: After::Nothing,
            ended: None,
            exit: LazyRegions::default(),
            found: None,
            error: None,
        }
    }

    /// Creates a driver of calls of which only names, times and results are asked. It follows
    /// nothing and keeps no memory but the arguments of socketcall(2) and ipc(2).
    pub(crate) fn for_counting(with_entries: bool) -> Self {
        Self { keeps_memory: false, ..Self::new(Follow::default(), with_entries) }
    }

    /// Needs only the parts of stops that [`needs_parts`] asks for.
    pub(crate) fn without_parts(self) -> Self {
        Self { keeps_memory: false, without_parts: true, ..self }
    }

    /// Returns which calls need the parts of their stops; `None`: all.
    pub(crate) fn parts_needed(&self) -> Option<NeedsParts> {
        self.without_parts.then_some(needs_parts as NeedsParts)
    }

    /// Takes over what the log lacks.
    pub(crate) fn set_completeness(&mut self, completeness: Completeness) {
        self.tracker.set_completeness(completeness);
    }

    pub(crate) fn state(&self) -> &Tracker {
        &self.tracker
    }

    /// Says what a task is, where the events that tell it were not read.
    pub(crate) fn assume_task(&mut self, id: TaskId, head: &TaskHead) {
        if id != TaskId::NONE {
            self.tracker.appear(id, head);
        }
    }

    /// Says what the first descriptor among the arguments of the open call of a task refers to,
    /// unless the call makes descriptors, which the log names.
    pub(crate) fn assume_file(&mut self, id: TaskId, link: &[u8]) {
        let open = self.tracker.task(id).and_then(|task| task.open.as_deref());
        let Some(call) = open.and_then(ResolvedCall::resolve).filter(|call| !call.makes_fds())
        else {
            return;
        };
        let is_fd = |kind| matches!(kind, ArgKind::Fd | ArgKind::DirFd);
        let fds = call.row.args.iter().enumerate().filter(|(_, arg)| is_fd(arg.kind));
        let fd = fds.filter_map(|(at, _)| call.fd(at)).find(|fd| *fd >= 0);
        if let Some(fd) = fd {
            self.tracker.assume_fd(id, fd, link);
        }
    }

    #[cfg(test)]
    pub(crate) fn into_state(self) -> Tracker {
        self.tracker
    }

    pub(super) fn set_without_parts(&mut self) {
        (self.keeps_memory, self.without_parts) = (false, true);
    }

    pub(super) fn set_with_entries(&mut self) {
        self.with_entries = true;
    }

    /// Calls `each` for the items of an event or hole.
    pub(crate) fn feed<E>(
        &mut self,
        item: &sysreel_format::Item<'_>,
        buffers: &dyn Buffers,
        mut each: impl FnMut(Item<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let event = match item {
            sysreel_format::Item::Event(event) => event,
            sysreel_format::Item::Missing(missing) => {
                return each(Item::Lost(Lost::Hole(*missing)));
            }
        };
        self.begin(event, buffers);
        while let Some(step) = self.take() {
            each(self.item(step, event, buffers))?;
        }
        self.end(event, buffers);
        Ok(())
    }

    /// Calls `each` for the calls that are open at the end of the log.
    pub(crate) fn feed_end<E>(
        &self,
        buffers: &dyn Buffers,
        mut each: impl FnMut(Item<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let open = self.open_at_end();
        open.into_iter().filter_map(|task| self.unfinished(task, buffers)).try_for_each(&mut each)
    }

    /// Applies what precedes the items of an event, and queues them.
    pub(super) fn begin(&mut self, event: &Event<'_>, buffers: &dyn Buffers) {
        match event.decode() {
            Ok(Body::Stop(stop)) => self.stop(event, &stop, buffers),
            Ok(Body::Task(task)) => {
                if let Some(error) = task.parts.filter_map(Result::err).next() {
                    self.damaged(Damaged::Part, error);
                }
                self.tracker.appear(event.task, &task.head);
                self.push(Step::Body);
            }
            Ok(Body::Gone(gone)) => {
                self.abandon(event.task, gone.how == sysreel_format::GoneHow::DETACHED);
                self.push(Step::Body);
                self.after = After::Gone;
            }
            Ok(Body::Renamed(renamed)) => {
                self.tracker.renamed(event.task, &renamed);
                self.push(Step::Body);
            }
            Ok(Body::Snapshot { what: SnapshotKind::PROCESS, bytes, .. }) => {
                match ProcessSnapshot::from_bytes(bytes) {
                    Ok(snapshot) => {
                        self.tracker.apply_found(event, &snapshot, buffers);
                        self.found = Some(snapshot);
                        self.push(Step::Exec);
                    }
                    Err(error) => self.damaged(Damaged::Snapshot, error),
                }
            }
            Ok(_) => self.push(Step::Body),
            Err(error) => self.damaged(Damaged::Event, error),
        }
    }

    /// Counts the current event. Call it between [`Self::begin`] and [`Self::end`].
    pub(super) fn count(&self, event: &Event<'_>, findings: &mut Findings) {
        findings.event(event, self.error.as_ref());
    }

    /// Returns the next item of the current event, for [`Self::item`].
    pub(super) fn take(&mut self) -> Option<Step> {
        self.queue.iter_mut().find_map(Option::take)
    }

    /// Whether the current event has no items left and changes nothing more.
    pub(super) fn is_done(&self) -> bool {
        !self.applies_more() && self.queue.iter().all(Option::is_none)
    }

    /// Whether [`Self::apply_rest`] has something to apply.
    pub(super) fn applies_more(&self) -> bool {
        !matches!(self.after, After::Nothing)
    }

    /// Applies the rest of an event.
    pub(super) fn apply_rest(&mut self, event: &Event<'_>, buffers: &dyn Buffers) {
        match std::mem::take(&mut self.after) {
            After::Nothing => {}
            After::Call(outcome) => {
                if let (Some(open), Ok(Body::Stop(stop))) = (&self.ended, event.decode()) {
                    let (task, number) = (event.task, event.number);
                    self.tracker.apply_call(task, number, open, outcome, stop.parts, buffers);
                }
            }
            After::Gone => drop(self.tracker.gone(event.task)),
        }
    }

    /// Leaves the current event.
    pub(super) fn leave(&mut self) {
        if let Some(open) = self.ended.take() {
            self.tracker.recycle(open);
        }
        self.error = None;
        self.found = None;
    }

    /// Applies the rest of an event and leaves it.
    pub(super) fn end(&mut self, event: &Event<'_>, buffers: &dyn Buffers) {
        self.apply_rest(event, buffers);
        self.leave();
    }

    /// Returns the tasks with a call that is open.
    pub(super) fn open_at_end(&self) -> Vec<TaskId> {
        let open = self.tracker.tasks().filter(|(_, task)| task.open.is_some());
        let mut open: Vec<TaskId> = open.map(|(id, _)| id).collect();
        open.sort_unstable();
        open
    }

    fn push(&mut self, step: Step) {
        if let Some(place) = self.queue.iter_mut().find(|place| place.is_none()) {
            *place = Some(step);
        }
    }

    fn damaged(&mut self, what: Damaged, error: sysreel_format::Error) {
        self.error = Some(error);
        self.push(Step::Damage(what));
    }

    fn stop(&mut self, event: &Event<'_>, stop: &sysreel_format::Stop<'_>, buffers: &dyn Buffers) {
        let (what, arch) = match Offsets::of_layout(stop.layout) {
            Some(offsets) => (offsets.what(stop.info), syscall_info::arch(stop.info)),
            None => (What::Unknown, None),
        };
        let (mut was_altered, mut has_names, mut has_regions) = (false, false, false);
        self.exit.reset();
        for part in stop.parts {
            match part {
                Ok(Part::Region(_)) => has_regions = true,
                Ok(Part::Name(_)) => has_names = true,
                Ok(part) => was_altered |= matches!(part, Part::Altered(_)),
                Err(error) => self.damaged(Damaged::Part, error),
            }
        }
        let keeps_memory = has_regions && (self.keeps_memory || arch == Some(AuditArch::I386.0));
        let memory = keeps_memory.then_some(stop.parts);
        match (what, arch) {
            (What::Entry(call), Some(arch)) => self.enter(event, (arch, call), memory),
            // A seccomp stop without an entry stop before it begins the call.
            (What::Seccomp(call, _), Some(arch)) if !self.is_in_call(event.task) => {
                self.enter(event, (arch, call), memory);
            }
            (What::Exit(outcome), _) => {
                self.exit(event, outcome, (stop.parts, has_names), buffers);
            }
            _ => {
                if stop.wait_status >> 16 == EVENT_EXIT && stop.wait_status & 0xff == STOPPED {
                    self.abandon(event.task, false);
                }
                if let Some(signal) = Signal::of(stop) {
                    self.tracker.apply_signal(event.task, signal.number);
                }
                self.push(Step::Stop);
            }
        }
        if was_altered {
            self.push(Step::Altered);
        }
    }

    fn enter(&mut self, event: &Event<'_>, (arch, call): (u32, Call), memory: Option<Parts<'_>>) {
        self.ended = self.tracker.enter(event, AuditArch(arch), call, memory);
        if self.ended.is_some() {
            self.push(Step::Call(Ended::Unfinished, None));
        }
        if self.with_entries {
            self.push(Step::Entered);
        }
    }

    fn is_in_call(&self, id: TaskId) -> bool {
        self.tracker.task(id).is_some_and(|task| task.open.is_some())
    }

    fn exit(
        &mut self,
        event: &Event<'_>,
        outcome: Outcome,
        (parts, has_names): (Parts<'_>, bool),
        buffers: &dyn Buffers,
    ) {
        let Some(open) = self.tracker.leave(event.task, outcome) else {
            return self.push(Step::ExitOnly(outcome));
        };
        if self.tracker.follows_processes()
            && let Some(call) = ResolvedCall::resolve(&open)
            && (has_names || self.tracker.is_changed_by(&call))
        {
            // Descriptors that a call closes are there with it, and those that it makes too.
            if call.makes_fds() {
                let (task, number) = (event.task, event.number);
                self.tracker.apply_call(task, number, &open, outcome, parts, buffers);
            } else {
                self.after = After::Call(outcome);
            }
        }
        self.ended = Some(open);
        self.push(Step::Call(Ended::of(outcome), Some(outcome)));
    }

    /// Ends the open call of a task that does not return from it.
    fn abandon(&mut self, id: TaskId, detached: bool) {
        self.ended = self.tracker.abandon(id);
        let Some(open) = &self.ended else { return };
        let ended = match open.row.map(|row| row.kind) {
            _ if detached => Ended::Detached,
            Some(CallKind::Exit | CallKind::ExitGroup) => Ended::Exited,
            _ => Ended::Killed,
        };
        self.push(Step::Call(ended, None));
    }
}
