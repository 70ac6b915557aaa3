//! The loop: every event of the log in its order, done again or compared.

use crate::address_space::{AddressSpace, Fault};
use crate::backtrace::Frame;
use crate::divergence::Divergence;
use crate::error::Error;
use crate::file_pool::FilePool;
use crate::machine;
use crate::memory::Memory;
use crate::suited::{read_files, refuse_what_cannot, suits};
use crate::task::Task;
use serde::Serialize;
use std::collections::HashMap;
use std::time::Duration;
use sysreel_format::{Body, Event, Item, Log, ReadAt, TaskId};
use sysreel_sys::clock::WithoutTimeStamps;
use sysreel_sys::signals::Ticker;
use sysreel_sys::stub::{GATE, Stub};
use sysreel_sys::{Call, Lost, Report, SyscallInfo, Tracer};

/// How much is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The entry of every call, the memory that it reads, and what the log tells of the state of
    /// tasks.
    Every,
    /// The entry of every call, and the registers that the log tells of.
    Fast,
}

/// How long a task may compute without a call when nothing else is said.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How many times longer than in the recording it may compute.
pub const LONGER: u32 = 20;
/// How often it is looked at.
const TICK: Duration = Duration::from_millis(200);

/// How a replay is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// How much is compared.
    pub check: Check,
    /// The last event to replay.
    pub until: Option<u64>,
    /// Go on although this machine is another.
    pub force: bool,
    /// How long a task may compute without a call that was recorded, or [`LONGER`] times as long as
    /// it did then, if that is more.
    pub patience: Duration,
}

impl Default for Options {
    /// Everything is compared, to the end, on a machine like that of the recording.
    fn default() -> Options {
        Options { check: Check::Every, until: None, force: false, patience: PATIENCE }
    }
}

/// Who watches a replay. Whoever reads a clock must do so in
/// [`sysreel_sys::clock::with_time_stamps`].
pub trait Observer {
    /// That event was replayed.
    fn replayed(&mut self, event: &Event<'_>);
    /// The program writes to what was the recorder's standard output (1) or standard error (2).
    fn output(&mut self, to: u32, bytes: &[u8]);
}

/// How a replay ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// At the end of the log, without a difference.
    Identical {
        /// How many events there were.
        events: u64,
        /// How many of them were system calls that were compared.
        calls: u64,
        /// The wait status of the program's end, if the log has it.
        status: Option<u32>,
    },
    /// Where it was told to.
    Stopped {
        /// The last event that was replayed.
        event: u64,
        /// Where each task stands.
        tasks: Vec<Position>,
    },
    /// At the first difference.
    Diverged(Box<Divergence>),
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Position {
    /// The task, as the log numbers them.
    pub task: u32,
    /// Its instruction pointer.
    pub ip: u64,
    /// Its calls, the innermost first.
    pub backtrace: Vec<Frame>,
}

/// A replay that is ready to run. Bound to its thread, as every tracee is.
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

/// Why the loop ends before the log.
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
    /// Looks whether the log can be replayed here.
    ///
    /// # Errors
    /// When it was not recorded for it, has met what no replay can repeat (before `until`), or this
    /// machine is another.
    pub fn prepare(log: &'l Log<S>, options: Options) -> Result<Replay<'l, S>, Error> {
        let determinism = suits(log, options.until, options.force)?;
        refuse_what_cannot(log, options.until)?;
        machine::share_cpu(determinism.cpu);
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

    /// Replays the log to its end, or to the first difference.
    ///
    /// # Errors
    /// When the log cannot be read, or the kernel refuses what a replay needs.
    pub fn run(mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        // What the program does without, its tracer does without too: that is cheaper for both.
        let without = WithoutTimeStamps::begin();
        let ticker = Ticker::every(TICK).map_err(|source| Error::System { event: 0, source })?;
        ticker.tick(true);
        let outcome = self.events(observer);
        drop((ticker, without));
        let outcome = outcome.map_err(|halt| self.with_backtrace(halt));
        for (_, task) in self.tasks.drain() {
            // They die with their tracer anyway.
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

    fn events(&mut self, observer: &mut dyn Observer) -> Result<Outcome, Halt> {
        let mut events = self.log.events();
        let mut last = 0;
        while let Some(item) = events.next()? {
            let event = match item {
                Item::Event(event) => event,
                Item::Missing(missing) => {
                    return Err(Error::NotReplayable(missing.to_string()).into());
                }
            };
            self.event(&event, observer)?;
            if let Some(task) = self.tasks.get_mut(&event.task.0) {
                task.since_ns = event.t_ns;
            }
            last = event.number;
            observer.replayed(&event);
            // Before the next one is read, which a recording that was not finished may not have.
            if self.options.until.is_some_and(|until| last >= until) {
                return Ok(Outcome::Stopped { event: last, tasks: self.position(last) });
            }
        }
        Ok(Outcome::Identical { events: last + 1, calls: self.calls, status: self.status })
    }

    /// Where every task stands after an event.
    fn position(&mut self, event: u64) -> Vec<Position> {
        let mut tasks: Vec<u32> = self.tasks.keys().copied().collect();
        tasks.sort_unstable();
        let stands = |task| {
            let ip = self
                .tasks
                .get(&task)
                .and_then(|task| task.stop.general().ok())
                .map_or(0, |r| r.ip());
            Position { task, ip, backtrace: self.backtrace(task, event) }
        };
        tasks.into_iter().map(stands).collect()
    }

    fn event(&mut self, event: &Event<'_>, observer: &mut dyn Observer) -> Result<(), Halt> {
        match event.decode()? {
            Body::Task(task) => self.appears(event, task.head.parent),
            Body::Stop(stop) => self.stop(event, &stop, observer),
            Body::Gone(gone) => {
                if event.task == TaskId(0) {
                    self.status = Some(gone.wait_status);
                }
                let Some(task) = self.tasks.remove(&event.task.0) else { return Ok(()) };
                self.tracer.end(task.stop).map_err(|source| failed(event, source))
            }
            Body::Loss(_) => {
                Err(Error::NotReplayable("events were lost while it was recorded".into()).into())
            }
            _ => Ok(()),
        }
    }

    /// A task begins: the first as a stub, others by their makers.
    fn appears(&mut self, event: &Event<'_>, parent: TaskId) -> Result<(), Halt> {
        let has_image = self.tasks.get(&parent.0).is_some_and(|maker| maker.has_image);
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
                    return Err(Error::NotReplayable(
                        "a task that was made again ended at once".into(),
                    )
                    .into());
                };
                // It shall begin as its maker stands, and not in the page of the stub.
                let registers = maker.stop.general().map_err(|source| failed(event, source))?;
                stop.set_general(&registers).map_err(|source| failed(event, source))?;
                // The entries of its maker it has already.
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
            memory: Memory::of(tid),
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
                "the task of event {} was killed from outside, or by its fence (wait status {:#x})",
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
