//! The replay loop: takes the events of the log in order, and repeats or compares each.

use crate::address_space::{AddressSpace, Fault};
use crate::divergence::Divergence;
use crate::error::Error;
use crate::file_pool::FilePool;
use crate::frame::Frame;
use crate::machine;
use crate::memory::Memory;
use crate::preconditions::{check_not_refused, check_replayable, read_files};
use crate::task::Task;
use serde::Serialize;
use std::collections::HashMap;
use std::time::Duration;
use sysreel_format::{Body, Event, Item, Log, ReadAt, TaskId};
use sysreel_sys::clock::WithoutTimeStamps;
use sysreel_sys::signals::Ticker;
use sysreel_sys::stub::{GATE, Stub};
use sysreel_sys::{Call, Lost, Report, SyscallInfo, Tracer};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The entry of every call, the memory that it reads, and the recorded state of tasks.
    Every,
    /// The entry of every call, and the recorded registers.
    Fast,
}

/// The default of [`Options::patience`].
pub const PATIENCE: Duration = Duration::from_secs(10);
/// A task may compute this many times as long as in the recording, if that is more than
/// [`Options::patience`].
pub const MAX_SLOWDOWN: u32 = 20;
/// How often the CPU time of a running task is checked.
const TICK: Duration = Duration::from_millis(200);

/// Options of a replay.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is compared.
    pub check: Check,
    /// The last event to replay; `None` for all.
    pub until: Option<u64>,
    /// Replay although this machine differs from that of the recording.
    pub force: bool,
    /// How long, in CPU time, a task may compute without making a call, or [`MAX_SLOWDOWN`] times
    /// as long as in the recording, if that is more.
    pub patience: Duration,
}

impl Default for Options {
    /// Compares everything, to the end of the log, on a machine like that of the recording.
    fn default() -> Options {
        Options { check: Check::Every, until: None, force: false, patience: PATIENCE }
    }
}

/// Receives the progress and the output of a replay. It must read clocks only inside
/// [`sysreel_sys::clock::with_time_stamps`].
pub trait Observer {
    /// Called after each replayed event.
    fn replayed(&mut self, event: &Event<'_>);
    /// Called when the program writes to what was the recorder's standard output (`to` is 1) or
    /// standard error (2).
    fn output(&mut self, to: u32, bytes: &[u8]);
}

/// How a replay ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The whole log was replayed without a difference.
    Identical {
        /// The number of events.
        events: u64,
        /// The number of system calls that were compared.
        calls: u64,
        /// The wait status of the program, if the log has its end.
        status: Option<u32>,
    },
    /// The replay reached [`Options::until`].
    Stopped {
        /// The last event that was replayed.
        event: u64,
        /// The position of each task.
        tasks: Vec<Position>,
    },
    /// The replay differs from the recording.
    Diverged(Box<Divergence>),
}

/// The position of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Position {
    /// The task, by its ordinal in the log.
    pub task: u32,
    /// Its instruction pointer.
    pub ip: u64,
    /// Its frames, innermost first.
    pub backtrace: Vec<Frame>,
}

/// A replay that is ready to run. It is bound to its thread, which is the tracer of the replayed
/// tasks.
pub struct Replay<'l, S> {
    pub(crate) log: &'l Log<S>,
    pub(crate) options: Options,
    pub(crate) tracer: Tracer,
    pub(crate) stub: Stub,
    pub(crate) file_pool: FilePool,
    pub(crate) address_spaces: Vec<AddressSpace>,
    pub(crate) tasks: HashMap<u32, Task>,
    pub(crate) info: SyscallInfo,
    pub(crate) calls: u64,
    status: Option<u32>,
}

/// Why the loop ends before the log does.
pub(crate) enum Halt {
    Diverged(Box<Divergence>),
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Failed(error)
    }
}

impl From<sysreel_format::Error> for Halt {
    fn from(error: sysreel_format::Error) -> Halt {
        Halt::Failed(error.into())
    }
}

impl<'l, S: ReadAt> Replay<'l, S> {
    /// Checks that the log can be replayed here, and reads the files that it refers to.
    ///
    /// # Errors
    /// When the log was not recorded for replay, has an event before `until` that cannot be
    /// replayed, or was recorded on a different machine.
    pub fn prepare(log: &'l Log<S>, options: Options) -> Result<Replay<'l, S>, Error> {
        let determinism = check_replayable(log, options.until, options.force)?;
        check_not_refused(log, options.until)?;
        machine::pin_to_cpu(determinism.cpu);
        let failed = |source| Error::System { event: 0, source };
        let mut file_pool = FilePool::new().map_err(failed)?;
        read_files(log, &mut file_pool, options.until)?;
        Ok(Replay {
            log,
            options,
            tracer: Tracer::replaying(),
            file_pool,
            stub: Stub::new().map_err(failed)?,
            address_spaces: Vec::new(),
            tasks: HashMap::new(),
            info: SyscallInfo::new(),
            calls: 0,
            status: None,
        })
    }

    /// Replays the log to its end or to the first difference.
    ///
    /// # Errors
    /// When the log cannot be read, or the kernel refuses an operation.
    pub fn run(mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        // A tracer without time-stamp counter makes task switches cheaper: the kernel then need not
        // flip CR4.TSD.
        let without = WithoutTimeStamps::begin();
        let ticker = Ticker::every(TICK).map_err(|source| Error::System { event: 0, source })?;
        ticker.tick(true);
        let outcome = self.run_events(observer);
        drop((ticker, without));
        let outcome = outcome.map_err(|halt| self.with_backtrace(halt));
        for (_, task) in self.tasks.drain() {
            // Tasks that remain die with their tracer (PTRACE_O_EXITKILL).
            _ = self.tracer.end(task.stop);
        }
        match outcome {
            Ok(outcome) => Ok(outcome),
            Err(Halt::Diverged(divergence)) => Ok(Outcome::Diverged(divergence)),
            Err(Halt::Failed(error)) => Err(error),
        }
    }

    fn with_backtrace(&mut self, halt: Halt) -> Halt {
        match halt {
            Halt::Diverged(mut divergence) => {
                divergence.backtrace = self.backtrace(divergence.task, divergence.event);
                Halt::Diverged(divergence)
            }
            other => other,
        }
    }

    fn run_events(&mut self, observer: &mut dyn Observer) -> Result<Outcome, Halt> {
        let mut events = self.log.events();
        let mut last = 0;
        while let Some(item) = events.next()? {
            let event = match item {
                Item::Event(event) => event,
                Item::Missing(missing) => {
                    return Err(Error::NotReplayable(missing.to_string()).into());
                }
            };
            self.replay_event(&event, observer)?;
            if let Some(task) = self.tasks.get_mut(&event.task.0) {
                task.since_ns = event.t_ns;
            }
            last = event.number;
            observer.replayed(&event);
            // Before reading the next event, which an unfinished recording may not have.
            if self.options.until.is_some_and(|until| last >= until) {
                return Ok(Outcome::Stopped { event: last, tasks: self.positions(last) });
            }
        }
        Ok(Outcome::Identical { events: last + 1, calls: self.calls, status: self.status })
    }

    /// Returns the position of every task after an event.
    fn positions(&mut self, event: u64) -> Vec<Position> {
        let mut tasks: Vec<u32> = self.tasks.keys().copied().collect();
        tasks.sort_unstable();
        let position = |task| {
            let ip = self
                .tasks
                .get(&task)
                .and_then(|task| task.stop.general().ok())
                .map_or(0, |r| r.ip());
            Position { task, ip, backtrace: self.backtrace(task, event) }
        };
        tasks.into_iter().map(position).collect()
    }

    fn replay_event(&mut self, event: &Event<'_>, observer: &mut dyn Observer) -> Result<(), Halt> {
        match event.decode()? {
            Body::Task(task) => self.start_task(event, task.head.parent),
            Body::Stop(stop) => self.replay_stop(event, &stop, observer),
            Body::Gone(gone) => {
                if event.task == TaskId(0) {
                    self.status = Some(gone.wait_status);
                }
                let Some(task) = self.tasks.remove(&event.task.0) else { return Ok(()) };
                self.tracer.end(task.stop).map_err(|source| failed(event, source))
            }
            Body::Loss(_) => Err(Error::NotReplayable("the recording lost events".into()).into()),
            _ => Ok(()),
        }
    }

    /// Starts a task: the first as a stub, any other by a clone(2) of its parent.
    fn start_task(&mut self, event: &Event<'_>, parent: TaskId) -> Result<(), Halt> {
        let has_image = self.tasks.get(&parent.0).is_some_and(|task| task.has_image);
        let (stop, space) = match self.tasks.get_mut(&parent.0) {
            None => {
                let stop =
                    self.tracer.spawn_stub(&self.stub).map_err(|source| failed(event, source))?;
                self.address_spaces.push(AddressSpace::default());
                (stop, self.address_spaces.len() - 1)
            }
            Some(maker) => {
                let shares = maker.call.as_ref().is_some_and(|call| call.shares_memory);
                let made = self.tracer.call_in(&mut maker.stop, GATE, Call::clone(shares));
                let called = made.map_err(|lost| self::lost(event, lost))?;
                called.value("clone").map_err(|source| failed(event, source))?;
                let child = called.child.unwrap_or(0);
                let waited = self.tracer.wait_for(child).map_err(|source| failed(event, source))?;
                let Report::Stopped(stop) = waited else {
                    return Err(Error::NotReplayable(format!(
                        "event {}: the new task ended at once",
                        event.number
                    ))
                    .into());
                };
                // The clone starts in the page of the stub; give it the registers of its parent.
                let registers = maker.stop.general().map_err(|source| failed(event, source))?;
                stop.set_general(&registers).map_err(|source| failed(event, source))?;
                // It has inherited the TLS segments of its parent (set_thread_area(2)), but not the
                // new one.
                if let Some(at) = maker.call.as_ref().and_then(|call| call.thread_area) {
                    let area = maker.memory.thread_area(at);
                    stop.set_thread_area(&area).map_err(|source| failed(event, source))?;
                }
                let space = if shares {
                    maker.space
                } else {
                    self.address_spaces.push(self.address_spaces[maker.space].clone());
                    self.address_spaces.len() - 1
                };
                (stop, space)
            }
        };
        let tid = stop.tid();
        let task = Task {
            tid,
            stop,
            memory: Memory::new(tid),
            call: None,
            restarts: false,
            has_image,
            space,
            since_ns: event.t_ns,
        };
        self.tasks.insert(event.task.0, task);
        Ok(())
    }
}

pub(crate) fn failed(event: &Event<'_>, source: sysreel_sys::Error) -> Halt {
    Halt::Failed(Error::System { event: event.number, source })
}

pub(crate) fn lost(event: &Event<'_>, lost: Lost) -> Halt {
    match lost {
        Lost::Failed(source) => failed(event, source),
        Lost::Gone(status) => {
            let text = format!(
                "event {}: the task was killed from outside or by its seccomp filter (wait status \
                 {:#x})",
                event.number, status.0
            );
            Halt::Failed(Error::NotReplayable(text))
        }
    }
}

pub(crate) fn fault(event: &Event<'_>, fault: Fault) -> Halt {
    match fault {
        Fault::Lost(gone) => lost(event, gone),
        Fault::Log(error) => Halt::Failed(error),
    }
}
