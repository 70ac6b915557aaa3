//! The replay loop: takes the events of the log in order, and repeats or compares each.
//!
//! [`Engine`] knows the tasks and takes the events from the log, whose order is the schedule: one
//! task runs at a time, from one of its events to its next. Each part of the engine has its own
//! state: [`Calls`] compares entries, [`Runner`] runs a task to its next stop, an `AddressSpace`
//! repeats what was mapped, [`Tasks`] finds the task of an event. They get a [`Step`]: one event,
//! its task, and what the task runs on.
//!
//! Nothing of the log may pass unseen. An event that names an unknown task, a
//! stop that cannot be here, a part that does not belong to such a stop: each is an error that says
//! which event it is. What may pass without a comparison says why where it passes.

mod address_space;
mod births;
mod calls;
mod ends;
mod exit;
mod facts;
mod guard;
mod halt;
mod ids;
mod limits;
mod parts;
mod places;
mod resize;
mod run;
mod signals;
mod state;
mod step;
mod stop_info;
mod stops;
mod summary;
mod target;
mod task;
mod tasks;

#[cfg(test)]
mod tests;

pub(crate) use halt::Halt;
pub(crate) use task::Task;

use crate::error::Error;
use crate::file_pool::FilePool;
use crate::kernel::Kernel;
use crate::options::Options;
use crate::outcome::Observer;
use calls::Calls;
use ends::{Ends, ends_otherwise};
use guard::Guard;
use halt::Replayed;
use ids::Unfit;
use resize::resize;
use run::Runner;
use step::Step;
use sysreel_format::{
    Altering, Body, Event, Gap, GapReason, Gone, GoneHow, Item, Log, Note, NoteCode, Origin,
    ReadAt, Renamed, Stop, Task as NewTask, TaskId, Unrecorded,
};
use target::Place;
use task::Lack;
use tasks::{Found, Tasks};

/// The ordinal of the first task.
const FIRST: TaskId = TaskId(0);

/// The process that the recorder started, of which the program's wait status is.
#[derive(Debug)]
struct Main {
    /// Its leader: the first task, or a thread that took its place and its tid by an execve.
    task: TaskId,
    tid: u32,
    status: Option<u32>,
}

/// How the loop ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// At the end of the log.
    Finished { events: u64, calls: u64, status: Option<u32> },
    /// After the last event that was asked for.
    Stopped { event: u64 },
}

/// Replays the events of a log.
pub(crate) struct Engine<'l, K: Kernel, S> {
    log: &'l Log<S>,
    until: Option<u64>,
    kernel: K,
    file_pool: FilePool,
    runner: Runner,
    calls: Calls,
    tasks: Tasks<K::Tracee>,
    /// Whether any task has begun.
    has_begun: bool,
    main: Main,
    /// Why the recorder expects that this replay may differ.
    differing: Vec<String>,
    ends: Ends,
}

impl<'l, K: Kernel, S: ReadAt> Engine<'l, K, S> {
    pub(crate) fn new(
        log: &'l Log<S>,
        kernel: K,
        file_pool: FilePool,
        options: &Options,
    ) -> Engine<'l, K, S> {
        Engine {
            log,
            until: options.until,
            kernel,
            file_pool,
            runner: Runner::new(options.patience),
            calls: Calls::new(options.check),
            tasks: Tasks::new(),
            has_begun: false,
            main: Main { task: FIRST, tid: 0, status: None },
            differing: Vec::new(),
            ends: Ends::default(),
        }
    }

    /// Replays the log to its end, to the last event that was asked for, or to the first
    /// difference. The tasks that there are then stay stopped.
    pub(crate) fn run<O: Observer + ?Sized>(&mut self, observer: &mut O) -> Replayed<End> {
        let mut events = self.log.events();
        let mut count = 0;
        while let Some(item) = events.next()? {
            let event = match item {
                Item::Event(event) => event,
                Item::Missing(missing) => {
                    return Err(Error::NotReplayable(missing.to_string()).into());
                }
            };
            self.replay(&event, observer)?;
            if let Found::Replayed(task) = self.tasks.find(event.task.0) {
                task.since_ns = event.t_ns;
            }
            count += 1;
            observer.replayed(&event);
            // Before reading the next event, which an unfinished recording may not have.
            if self.until.is_some_and(|until| event.number >= until) {
                return Ok(End::Stopped { event: event.number });
            }
        }
        self.finish(count)
    }

    /// Returns the tasks in the order of their ordinals, and the memory that they map.
    pub(crate) fn parts(&mut self) -> (impl Iterator<Item = &mut Task<K::Tracee>>, &FilePool) {
        (self.tasks.iter_mut(), &self.file_pool)
    }

    /// Returns why the recorder expects that the replay so far may differ.
    pub(crate) fn differing(&self) -> &[String] {
        &self.differing
    }

    /// Kills the tasks that remain.
    pub(crate) fn end(mut self) {
        for task in self.tasks.drain().filter(|task| task.ended.is_none()) {
            // A task that cannot be reaped dies with its tracer (PTRACE_O_EXITKILL).
            _ = self.kernel.end(task.tracee);
        }
    }

    /// Compares what the log says of itself with what was replayed.
    fn finish(&self, events: u64) -> Replayed<End> {
        if let Some(summary) = self.log.summary() {
            summary::compare(summary, events, self.main.status, self.tasks.first())?;
        }
        if !self.has_begun {
            return Err(Error::NotReplayable("it has no task".to_owned()).into());
        }
        let (calls, status) = (self.calls.compared(), self.main.status);
        Ok(End::Finished { events, calls, status })
    }

    fn replay<O: Observer + ?Sized>(&mut self, event: &Event<'_>, observer: &mut O) -> Replayed {
        let body = event.decode()?;
        // Also an event that only informs readers may be one of a task that is gone, not of one
        // that has never been there.
        let begins = matches!(body, Body::Task(_));
        if !begins && event.task != TaskId::NONE && !self.tasks.has_begun(event.task.0) {
            return Err(unknown(event));
        }
        match body {
            Body::Task(task) => self.begin(event, &task),
            Body::Stop(stop) => self.stop(event, &stop, observer),
            Body::Gone(gone) => self.gone(event, &gone),
            Body::Renamed(renamed) => self.renamed(event, &renamed),
            Body::Unrecorded(gap) => self.gap(event, &gap),
            Body::Loss(_) => Err(Error::NotReplayable("the recording lost events".into()).into()),
            Body::Note(note) if note.code == NoteCode::MAY_DIFFER => {
                self.differing.push(String::from_utf8_lossy(note.text).into_owned());
                Ok(())
            }
            Body::Note(note) => check_note(event, &note),
            // The recorder changes the CPU on which programs run, and shows them another mask.
            Body::Altered(altered) if altered.what == Altering::AFFINITY => Ok(()),
            Body::Altered(altered) if altered.what == Altering::EARLY_WRITE => {
                let guard = Guard::new(&self.kernel, &self.file_pool);
                match self.tasks.find(event.task.0) {
                    Found::Replayed(task) => parts::early_write(guard, event, task, &altered),
                    Found::Orphan | Found::Unknown => Err(unknown(event)),
                }
            }
            Body::Altered(altered) => {
                let why = format!("the recorder changed the program (kind {})", altered.what.0);
                Err(bad_event(event, why))
            }
            // They describe the recording to readers. Nothing in them reached the program.
            Body::Snapshot { .. } | Body::Clock(_) | Body::Mark(_) => Ok(()),
            // An event that must be understood is an error of the decoder (docs/format.md,
            // "Events").
            Body::Unknown(_) => Ok(()),
        }
    }

    fn begin(&mut self, event: &Event<'_>, new: &NewTask<'_>) -> Replayed {
        let head = &new.head;
        if self.tasks.has_begun(event.task.0) {
            return Err(bad_event(event, "the task has begun before"));
        }
        if self.tasks.has_tid(head.tid) {
            let why = format!("another task has its tid {} and is not gone", head.tid);
            return Err(bad_event(event, why));
        }
        let ids = ids::in_namespaces(new).map_err(|unfit| match unfit {
            Unfit::Bad(why) => bad_event(event, why),
            Unfit::Format(error) => error.into(),
        })?;
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        match head.origin {
            Origin::SPAWNED if is_first && event.task == FIRST => {
                if (head.parent, head.tgid) != (TaskId::NONE, head.tid) {
                    return Err(bad_event(event, "the first task has a maker, or is no process"));
                }
                self.main.tid = head.tid;
                let task = births::spawn(&mut self.kernel, event, head)?;
                self.tasks.insert(task);
            }
            Origin::FORK | Origin::VFORK | Origin::CLONE | Origin::THREAD => {
                let mut step = match self.tasks.find(head.parent.0) {
                    Found::Replayed(task) => Step {
                        event,
                        log: self.log,
                        kernel: &mut self.kernel,
                        file_pool: &mut self.file_pool,
                        runner: &mut self.runner,
                        task,
                    },
                    Found::Orphan | Found::Unknown => {
                        let why = format!("its maker, task {}, is not there", head.parent.0);
                        return Err(bad_event(event, why));
                    }
                };
                let task = births::clone(&mut step, head, ids)?;
                if !task.is_leader {
                    self.ends.note_thread(task.tgid);
                }
                self.tasks.insert(task);
            }
            // No call has announced it: its ids cannot be compared.
            Origin::UNKNOWN if !is_first => {
                self.ends.note_thread(head.tgid);
                self.tasks.insert_orphan(event.task.0, head.tid);
            }
            origin => {
                let why = format!("a replay cannot start a task of origin {}", origin.0);
                return Err(bad_event(event, why));
            }
        }
        Ok(())
    }

    fn stop<O: Observer + ?Sized>(
        &mut self,
        event: &Event<'_>,
        stop: &Stop<'_>,
        observer: &mut O,
    ) -> Replayed {
        let announced = match self.tasks.find(event.task.0) {
            Found::Replayed(task) => task.announced(),
            Found::Orphan => return stops::of_orphan(event, stop),
            Found::Unknown => return Err(unknown(event)),
        };
        if let Some(tid) = announced
            && !self.tasks.is_orphan(tid)
            && !stops::is_of_ending_task(stop)
        {
            let why = format!("it has announced task {tid}, which has not begun");
            return Err(bad_event(event, why));
        }
        let Found::Replayed(task) = self.tasks.find(event.task.0) else {
            return Err(unknown(event));
        };
        self.ends.note_stop(task.tgid, stop.wait_status);
        let mut step = Step {
            event,
            log: self.log,
            kernel: &mut self.kernel,
            file_pool: &mut self.file_pool,
            runner: &mut self.runner,
            task: &mut *task,
        };
        stops::stop(&mut step, &mut self.calls, &mut self.ends, stop, observer)?;
        let asked = task.exit_status.map(|status| (task.tgid, status));
        for (window, len) in self.file_pool.take_resized() {
            resize(&mut self.kernel, &mut self.file_pool, &mut self.tasks, event, window, len)?;
        }
        if let Some((tgid, status)) = asked {
            self.ends.note_exit(tgid, status);
            // Another thread may end the process with another status.
            if !self.tasks.is_alone(event.task.0, tgid)
                && let Found::Replayed(task) = self.tasks.find(event.task.0)
            {
                task.exit_status = None;
            }
        }
        Ok(())
    }

    fn gone(&mut self, event: &Event<'_>, gone: &Gone) -> Replayed {
        if event.task == self.main.task && gone.how != GoneHow::SUPERSEDED {
            self.main.status = Some(gone.wait_status);
        }
        let task = match self.tasks.remove(event.task.0) {
            Found::Replayed(task) => task,
            // Nothing is known of its life, and nothing of it was replayed.
            Found::Orphan => return Ok(()),
            Found::Unknown => return Err(unknown(event)),
        };
        let differs = ends_otherwise(&task, event, gone);
        let unfit = self.ends.gone(&task, gone);
        // The recorder may handle the ends of threads after that of their leader.
        if !self.tasks.has_process(task.tgid) {
            self.ends.forget(task.tgid);
        }
        self.kernel
            .end(task.tracee)
            .map_err(|source| Place { event, call: None }.failed(source))?;
        if let Some(divergence) = differs {
            return Err(Halt::Diverged(Box::new(divergence)));
        }
        unfit.map_err(|why| bad_event(event, why))
    }

    /// On execve, a thread gets the id of its process. Programs get ids from results and memory,
    /// which are in the log.
    fn renamed(&mut self, event: &Event<'_>, renamed: &Renamed) -> Replayed {
        if self.tasks.has_tid(renamed.new_tid) {
            let why = format!("the task that has the tid {} is not gone", renamed.new_tid);
            return Err(bad_event(event, why));
        }
        match self.tasks.find(event.task.0) {
            Found::Replayed(task) => {
                ids::renamed(task, renamed).map_err(|why| bad_event(event, why))?;
            }
            Found::Orphan => self.tasks.rename_orphan(event.task.0, renamed.new_tid),
            Found::Unknown => return Err(unknown(event)),
        }
        if renamed.new_tid == self.main.tid {
            self.main.task = event.task;
        }
        Ok(())
    }

    /// The recorder lets only the init of a PID namespace go, to its crash.
    fn gap(&mut self, event: &Event<'_>, gap: &Unrecorded) -> Replayed {
        match (self.tasks.find(event.task.0), gap.gap, gap.reason) {
            (Found::Unknown, ..) => Err(unknown(event)),
            (Found::Replayed(task), Gap::BEGINS, GapReason::INIT_CRASH) => {
                task.lacks = Some(Lack::Recorder);
                Ok(())
            }
            _ => Err(bad_event(event, "a part of the task's life was not recorded")),
        }
    }
}

fn unknown(event: &Event<'_>) -> Halt {
    bad_event(event, "the task has not begun, or is gone")
}

fn check_note(event: &Event<'_>, note: &Note<'_>) -> Replayed {
    match note.code {
        NoteCode::NOT_REPLAYABLE => Err(bad_event(event, String::from_utf8_lossy(note.text))),
        // Messages for people.
        _ => Ok(()),
    }
}

fn bad_event(event: &Event<'_>, why: impl Into<String>) -> Halt {
    Place { event, call: None }.bad(why)
}
