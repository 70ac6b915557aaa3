//! Streams: the operations of each task in order. Consecutive parts of one transfer are one step.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use sysreel_format::TaskId;

use super::content::Content;
use super::names::NameId;
use super::operation::{Making, Operation};
use crate::diff::effect::Op;
use crate::state::ProcessId;

/// A step in the stream of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The event that ended its first call.
    pub(crate) event: u64,
    /// The operation, an index into [`Streams::operations`].
    pub(crate) operation: u32,
    /// The arguments, an index into [`Streams::details`]; 0 below level `fields`.
    pub(crate) detail: u32,
    /// The number of calls, without failed attempts.
    pub(crate) calls: u32,
    /// The number of bytes read or written.
    pub(crate) bytes: u64,
}

/// The steps of one task.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) process: ProcessId,
    pub(crate) steps: Vec<Step>,
    /// The number of failed attempts that were repeated, by operation.
    pub(crate) retries: BTreeMap<u32, u64>,
}

/// An operation and the role that did it.
pub(crate) type RoleOperation = (NameId, Operation);

/// The streams of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams {
    pub(crate) all: Vec<Stream>,
    /// Roles and operations, by number.
    pub(crate) operations: Vec<RoleOperation>,
    ids: HashMap<RoleOperation, u32, RandomState>,
    /// The texts of arguments, by number; the first is empty.
    pub(crate) details: Vec<String>,
    by_task: HashMap<TaskId, usize, RandomState>,
    /// The bytes written by each process to each resource.
    pub(crate) contents: BTreeMap<(ProcessId, NameId), Content>,
    /// The number of each signal a process received, and the event of the first.
    pub(crate) signals: BTreeMap<(ProcessId, u32), (u64, u64)>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct NewStep {
    pub(crate) task: TaskId,
    pub(crate) process: ProcessId,
    pub(crate) role: NameId,
    pub(crate) operation: Operation,
    pub(crate) event: u64,
    pub(crate) detail: u32,
    pub(crate) bytes: u64,
}

impl Streams {
    pub(crate) fn with_details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    fn stream(&mut self, task: TaskId, process: ProcessId) -> &mut Stream {
        let all = &mut self.all;
        let at = *self.by_task.entry(task).or_insert_with(|| {
            all.push(Stream { process, steps: Vec::new(), retries: BTreeMap::new() });
            all.len().saturating_sub(1)
        });
        &mut all[at]
    }

    pub(crate) fn step(&mut self, new: &NewStep) {
        let operation = self.id((new.role, new.operation));
        let stream = self.stream(new.task, new.process);
        match stream.steps.last_mut() {
            Some(last) if last.operation == operation && joins(new.operation) => {
                last.calls = last.calls.saturating_add(1);
                last.bytes = last.bytes.saturating_add(new.bytes);
            }
            _ => stream.steps.push(Step {
                event: new.event,
                operation,
                detail: new.detail,
                calls: 1,
                bytes: new.bytes,
            }),
        }
    }

    /// Replaces the operation of the step at an event, when its true result becomes known.
    pub(crate) fn amend(&mut self, task: TaskId, event: u64, operation: RoleOperation) {
        let operation = self.id(operation);
        let Some(stream) = self.by_task.get(&task).and_then(|at| self.all.get_mut(*at)) else {
            return;
        };
        if let Ok(at) = stream.steps.binary_search_by_key(&event, |step| step.event)
            && let Some(step) = stream.steps.get_mut(at)
        {
            step.operation = operation;
        }
    }

    /// Counts a failed attempt that will be repeated.
    pub(crate) fn retry(&mut self, task: TaskId, process: ProcessId, operation: RoleOperation) {
        let operation = self.id(operation);
        let retries = self.stream(task, process).retries.entry(operation).or_default();
        *retries = retries.saturating_add(1);
    }

    fn id(&mut self, (role, operation): RoleOperation) -> u32 {
        let key = (
            role,
            Operation {
                effect: false,
                makes: Making::Nothing,
                requested: NameId::default(),
                ..operation
            },
        );
        let operations = &mut self.operations;
        *self.ids.entry(key).or_insert_with(|| {
            operations.push(key);
            u32::try_from(operations.len().saturating_sub(1)).unwrap_or(u32::MAX)
        })
    }
}

/// Whether consecutive operations of this kind are parts of one transfer.
pub(crate) fn joins(operation: Operation) -> bool {
    operation.errno == 0
        && !operation.opens
        && matches!(operation.op, Op::Read | Op::Write | Op::List | Op::Receive | Op::Send)
}
