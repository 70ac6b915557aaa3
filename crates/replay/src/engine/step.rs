//! What the parts of the engine have in hand while one event of one task is replayed.

use super::guard::Guard;
use super::halt::{Halt, Replayed};
use super::run::{Reached, Runner};
use super::target::{Place, Target};
use super::task::Task;
use crate::divergence::{Divergence, Field};
use crate::file_pool::FilePool;
use crate::kernel::{Budget, Kernel, Tracee};
use std::io;
use sysreel_format::{Event, Log};
use sysreel_sys::Lost;

/// One event, its task, and what the task runs on.
pub(crate) struct Step<'s, K: Kernel, S> {
    pub(crate) event: &'s Event<'s>,
    pub(crate) log: &'s Log<S>,
    pub(crate) kernel: &'s mut K,
    pub(crate) file_pool: &'s mut FilePool,
    pub(crate) runner: &'s mut Runner,
    pub(crate) task: &'s mut Task<K::Tracee>,
}

impl<K: Kernel, S> Step<'_, K, S> {
    /// Runs the task to where it stops by itself.
    pub(crate) fn run(&mut self) -> Replayed<Reached> {
        let mut budget = self.budget();
        self.run_within(&mut budget)
    }

    /// Returns how long the task may run until this event.
    pub(crate) fn budget(&self) -> Budget {
        self.runner.budget(self.task, self.event.t_ns)
    }

    /// Runs the task to where it stops by itself, within what is left of the budget.
    pub(crate) fn run_within(&mut self, budget: &mut Budget) -> Replayed<Reached> {
        if let Some(lacks) = self.task.lacks {
            return Err(self.bad(format!("the task cannot run on: {}", lacks.describe())));
        }
        self.runner.run(self.kernel, self.task, budget).map_err(|source| self.failed(source))
    }

    /// Returns the task as something that calls are injected into.
    pub(crate) fn target(&mut self) -> Target<'_, K> {
        Target {
            place: Place { event: self.event, call: self.task.call_name() },
            kernel: self.kernel,
            tracee: &mut self.task.tracee,
            file_pool: self.file_pool,
        }
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place { event: self.event, call: self.task.call_name() }
    }

    /// Writes to the memory of the task.
    pub(crate) fn write(&mut self, address: u64, bytes: &[u8]) -> Replayed {
        let guard = Guard::new(self.kernel, self.file_pool);
        if let Some(why) = guard.refuses_range(address, bytes.len() as u64) {
            return Err(self.bad(why));
        }
        self.task.tracee.write(address, bytes).map_err(|source| {
            self.io_failed(format!("write of {} bytes to {address:#x}", bytes.len()), source)
        })
    }

    /// The event is not one that can be replayed here.
    pub(crate) fn bad(&self, why: impl Into<String>) -> Halt {
        self.place().bad(why)
    }

    pub(crate) fn failed(&self, source: sysreel_sys::Error) -> Halt {
        self.place().failed(source)
    }

    pub(crate) fn io_failed(&self, what: String, source: io::Error) -> Halt {
        self.place().io_failed(what, self.task.tracee.tid(), source)
    }

    pub(crate) fn lost(&self, lost: Lost) -> Halt {
        self.place().lost(lost)
    }

    pub(crate) fn diverged(&self, field: Field, recorded: String, actual: String) -> Halt {
        Halt::Diverged(Box::new(Divergence {
            event: self.event.number,
            task: self.task.id,
            field,
            recorded,
            actual,
            ip: self.task.ip(),
            backtrace: Vec::new(),
            likely: Divergence::likely(field),
        }))
    }

    /// The task has stopped elsewhere than in the recording.
    pub(crate) fn stopped_elsewhere(&self, recorded: String, reached: &Reached) -> Halt {
        self.diverged(Field::Stop, recorded, reached.describe(self.runner.info()))
    }
}

impl<T: Tracee> Task<T> {
    /// Returns the instruction pointer for a message; 0 for a task that has ended.
    pub(crate) fn ip(&self) -> u64 {
        match self.ended {
            Some(_) => 0,
            None => self.tracee.registers().map_or(0, |registers| registers.ip()),
        }
    }
}
