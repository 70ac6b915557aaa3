//! The facts of items that are no calls.

use std::ops::ControlFlow;

use sysreel_abi::Classes;
use sysreel_abi::filter::{Answer, Facts, Field, FieldRef, Known, Place, Process, Value};
use sysreel_format::SourceId;

use super::context::Context;
use super::fields;
use crate::calls::{Item, Task};

/// A signal, the begin or end of a task, or another event of a task.
pub(super) struct EventFacts<'a> {
    task: Task<'a>,
    number: u64,
    t_ns: u64,
    signal: Option<u32>,
    source: SourceId,
    context: &'a Context,
}

impl<'a> EventFacts<'a> {
    /// Returns `None` for calls, and for items that tell of the log and not of the program.
    pub(super) fn of(item: &Item<'a>, context: &'a Context) -> Option<Self> {
        let (task, signal) = match item {
            Item::ExitOnly(at) => (at.task, None),
            Item::Signal(at) => (at.task, Some(at.what.number)),
            Item::Stop(at) => (at.task, None),
            Item::TaskStart(at) => (at.task, None),
            Item::Renamed(at) => (at.task, None),
            Item::Exec(exec) => (exec.task, None),
            Item::TaskEnd(at) => (at.task, None),
            Item::Altered(at) => (at.task, None),
            Item::Mark(at) => (at.task, None),
            _ => return None,
        };
        let event = item.event()?;
        let (number, t_ns, source) = (event.number, event.t_ns, event.source);
        Some(Self { task, number, t_ns, signal, source, context })
    }
}

impl Facts for EventFacts<'_> {
    fn values(
        &self,
        field: &FieldRef,
        each: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
    ) -> Known {
        if field.field == Field::Signal {
            if let Some(signal) = self.signal {
                let _ = each(Value::Number(signal.into()));
            }
            return Known::Yes;
        }
        if field.field == Field::Source {
            return fields::source(self.source, each);
        }
        let at = (self.number, self.t_ns);
        fields::of_task(self.task, at, self.context, field, each).unwrap_or(Known::Yes)
    }

    fn is_called(&self, _: &str) -> Answer {
        Answer::No
    }

    fn has_classes(&self, _: Classes) -> Answer {
        Answer::No
    }

    fn is_under(&self, process: &Process) -> Answer {
        fields::is_under(self.task, self.context, process)
    }

    fn has_passed(&self, place: &Place) -> Answer {
        self.context.has_come(place, self.number, self.t_ns, true)
    }

    fn is_behind(&self, place: &Place) -> Answer {
        self.context.has_come(place, self.number, self.t_ns, false)
    }
}
