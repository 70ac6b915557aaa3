//! Numbers the operations of both runs.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::diff::effect::Op;
use crate::diff::resource::Resource;
use crate::diff::run::stream::Stream;
use crate::diff::run::{Operation, Run, result};

/// Common numbers for the operations of both runs.
pub(super) struct Tokens {
    /// The token of each operation, by its index in its own run.
    by_run: [Vec<u32>; 2],
    /// The operations by token.
    pub(super) operations: Vec<NamedOperation>,
    /// The least token that has the same operation and resource, with any result.
    families: Vec<u32>,
}

/// An operation by name, comparable across runs.
#[derive(Clone, Debug)]
pub(super) struct NamedOperation {
    pub(super) role: String,
    pub(super) op: Op,
    /// Whether it opens a file for the operation.
    pub(super) opens: bool,
    pub(super) resource: Resource,
    pub(super) result: String,
}

impl NamedOperation {
    pub(super) fn text(&self) -> String {
        let op = match self.op {
            Op::Call => String::new(),
            op if self.opens => format!("open to {op}"),
            op => op.to_string(),
        };
        // Some have no resource: `fork`.
        let resource =
            if self.resource == Resource::none() { "" } else { &self.resource.to_string() };
        let result = if self.result == "ok" { "" } else { &self.result };
        let words = [&op, resource, result].into_iter().filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    }
}

/// The identity of an operation.
type Key = (String, Op, bool, Resource, u16);

impl Tokens {
    /// Numbers the operations in the order of their names, so that exchanging the runs changes
    /// nothing.
    pub(super) fn new(a: &Run, b: &Run) -> Self {
        let keys = [a, b].map(|run| {
            let key = |(role, operation): &(_, Operation)| -> Key {
                (
                    run.name(*role).to_owned(),
                    operation.op,
                    operation.opens,
                    run.resource(operation),
                    operation.errno,
                )
            };
            run.streams.operations.iter().map(key).collect::<Vec<_>>()
        });
        let mut all: Vec<&Key> = keys.iter().flatten().collect();
        all.sort_unstable();
        all.dedup();
        let operations = all.iter().map(|(role, op, opens, resource, errno)| NamedOperation {
            role: role.clone(),
            op: *op,
            opens: *opens,
            resource: resource.clone(),
            result: result(*errno),
        });
        let operations = operations.collect();
        // Operations with the same name are adjacent, as the result is compared last.
        let mut families = Vec::with_capacity(all.len());
        for (at, key) in (0u32..).zip(&all) {
            let same = at.checked_sub(1).and_then(|before| {
                let before = usize::try_from(before).ok()?;
                let (one, other) = (all.get(before)?, key);
                let same = (&one.0, one.1, one.2, &one.3) == (&other.0, other.1, other.2, &other.3);
                same.then(|| families.get(before).copied())?
            });
            families.push(same.unwrap_or(at));
        }
        let ids: HashMap<&Key, u32, RandomState> = all.iter().copied().zip(0..).collect();
        let by_run = [0, 1].map(|side| {
            keys[side].iter().map(|key| ids.get(key).copied().unwrap_or(u32::MAX)).collect()
        });
        Self { by_run, operations, families }
    }

    pub(super) fn stream(&self, side: usize, stream: &Stream) -> Vec<u32> {
        stream.steps.iter().map(|step| self.token(side, step.operation)).collect()
    }

    /// Returns the token of an operation of one run.
    pub(super) fn token(&self, side: usize, operation: u32) -> u32 {
        usize::try_from(operation)
            .ok()
            .and_then(|at| self.by_run[side].get(at))
            .copied()
            .unwrap_or(u32::MAX)
    }

    /// Returns a number shared by operations that differ only in their result.
    pub(super) fn family(&self, token: u32) -> u32 {
        usize::try_from(token).ok().and_then(|at| self.families.get(at)).copied().unwrap_or(token)
    }

    pub(super) fn operation(&self, token: u32) -> Option<&NamedOperation> {
        self.operations.get(usize::try_from(token).ok()?)
    }
}
