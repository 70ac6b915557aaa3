//! A replay from its preparation to its end.

use crate::backtrace::backtrace;
use crate::engine::{End, Engine, Halt, Task};
use crate::error::Error;
use crate::file_pool::FilePool;
use crate::kernel::{Kernel, Ptrace, Tracee};
use crate::machine;
use crate::options::{Options, PATIENCE};
use crate::outcome::{Observer, Outcome, Position};
use crate::preconditions::{check_not_refused, check_replayable, read_files};
use crate::stub_place;
use std::time::Duration;
use sysreel_format::{Log, ReadAt};
use sysreel_sys::clock::WithoutTimeStamps;
use sysreel_sys::signals::Ticker;

/// How often the CPU time of a running task is checked.
const TICK: Duration = Duration::from_millis(200);

/// A replay that is ready to run. It is bound to its thread, which is the tracer of the replayed
/// tasks.
pub struct Replay<'l, S> {
    log: &'l Log<S>,
    engine: Engine<'l, Ptrace, S>,
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
        // A log of unknown length is a pipe that was read to memory, or none.
        let room = FilePool::room_for(log.source().len().unwrap_or(0));
        let mut file_pool = FilePool::new(room).map_err(before_any_event)?;
        read_files(log, &mut file_pool, options.until)?;
        let Some(page) = stub_place::find(log, options.until) else {
            let why = "the mappings of the program leave no page to the replay";
            return Err(Error::NotReplayable(why.into()));
        };
        let patience = options.patience.unwrap_or(PATIENCE);
        let kernel = Ptrace::new(page, &file_pool.descriptors(), patience);
        let kernel = kernel.map_err(before_any_event)?;
        Ok(Replay { log, engine: Engine::new(log, kernel, file_pool, &options) })
    }

    /// Replays the log to its end or to the first difference.
    ///
    /// # Errors
    /// When the log cannot be read or does not make sense, or the kernel refuses an operation.
    pub fn run<O: Observer + ?Sized>(mut self, observer: &mut O) -> Result<Outcome, Error> {
        // A tracer without time-stamp counter makes task switches cheaper: the kernel then need not
        // flip CR4.TSD.
        let without = WithoutTimeStamps::begin();
        let ticker = Ticker::every(TICK).map_err(before_any_event)?;
        ticker.tick(true);
        let end = self.engine.run(observer);
        drop(without);
        let outcome = conclude(end, &mut self.engine, self.log);
        self.engine.end();
        // The ticks bound the waits until here.
        drop(ticker);
        outcome
    }
}

fn before_any_event(source: sysreel_sys::Error) -> Error {
    Error::System { event: 0, source }
}

/// Adds what the tasks show while they are still stopped.
fn conclude<K: Kernel, S: ReadAt>(
    end: Result<End, Halt>,
    engine: &mut Engine<'_, K, S>,
    log: &Log<S>,
) -> Result<Outcome, Error> {
    let differing = engine.differing().to_vec();
    let (mut tasks, file_pool) = engine.parts();
    match end {
        Ok(End::Finished { events, calls, status }) => {
            Ok(Outcome::Identical { events, calls, status })
        }
        Ok(End::Stopped { event }) => {
            let position = |task: &mut Task<K::Tracee>| {
                let registers = task.tracee.registers();
                let registers = registers.map_err(|source| Error::System { event, source })?;
                let backtrace = backtrace(&mut task.tracee, file_pool, log, event);
                Ok(Position { task: task.id, ip: registers.ip(), backtrace })
            };
            let tasks = tasks.map(position).collect::<Result<_, Error>>()?;
            Ok(Outcome::Stopped { event, tasks })
        }
        Err(Halt::Diverged(mut divergence)) => {
            divergence.likely.splice(0..0, differing);
            let task = tasks.find(|task| task.id == divergence.task && task.ended.is_none());
            if let Some(task) = task {
                divergence.backtrace =
                    backtrace(&mut task.tracee, file_pool, log, divergence.event);
            }
            Ok(Outcome::Diverged(divergence))
        }
        Err(Halt::Failed(error)) => Err(error),
    }
}
