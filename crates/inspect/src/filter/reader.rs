//! Reads fields of calls, for tables by field.

use std::ops::ControlFlow;

use sysreel_abi::filter::{Facts, Field, FieldKind, FieldRef, Known, Value};
use sysreel_abi::signal_name;

use super::call::CallFacts;
use super::context::Context;
use super::{needs_memory, needs_processes};
use crate::calls::{Call, Errno, Item};
use crate::log_file::LogFile;
use crate::state::Follow;
use crate::visible::visible_bytes;

/// Reads fields of the filter language from the calls of a log.
#[derive(Debug)]
pub struct FieldReader {
    fields: Vec<FieldRef>,
    context: Context,
}

impl FieldReader {
    /// Creates a reader of these fields for a log.
    #[must_use]
    pub fn new(fields: Vec<FieldRef>, file: &LogFile) -> Self {
        let log = file.log();
        let context = Context {
            start_ns: log.meta().monotonic_ns,
            completeness: log.header().completeness,
            ..Context::for_fields(&fields, false)
        };
        Self { fields, context }
    }

    /// Returns the fields.
    #[must_use]
    pub fn fields(&self) -> &[FieldRef] {
        &self.fields
    }

    /// Returns what has to be followed for them.
    #[must_use]
    pub fn follow(&self) -> Follow {
        let processes = self.fields.iter().any(|field| needs_processes(field.field));
        Follow { processes, ..Follow::default() }
    }

    /// Whether they need memory of calls.
    #[must_use]
    pub fn asks_for_memory(&self) -> bool {
        self.fields.iter().any(|field| needs_memory(field.field))
    }

    /// Takes note of an item. Every item must be noted, before it is asked for.
    pub fn note(&mut self, item: &Item<'_>) {
        self.context.note(item);
    }

    /// Returns the value of a field that is a number, such as `bytes`; `None` if the call has none.
    #[must_use]
    pub fn number(&self, call: &Call<'_>, field: &FieldRef) -> Option<i128> {
        let mut found = None;
        CallFacts::new(call, &self.context, true).values(field, &mut |value| {
            if let Value::Number(number) = value {
                found = Some(number);
            }
            ControlFlow::Break(())
        });
        found
    }

    /// Passes the values of a field of a call that has ended, as they would be written in a filter:
    /// `openat`, `ENOENT`, `/etc/passwd`. Returns whether the log has all of them.
    pub fn values(&self, call: &Call<'_>, field: &FieldRef, each: &mut dyn FnMut(&str)) -> bool {
        // Of calls that others make, the name of the outer one is left out: each call counts once.
        if field.field == Field::Call {
            each(&call.name());
            return true;
        }
        if field.field == Field::Arg {
            match call.args().get(&field.arg) {
                Some(arg) => each(&arg.text()),
                None => return true,
            }
            return true;
        }
        let facts = CallFacts::new(call, &self.context, true);
        let known = facts.values(field, &mut |value| {
            each(&text(field.field.kind(), &value));
            ControlFlow::Continue(())
        });
        known == Known::Yes
    }
}

/// Returns a value as a filter would have it.
fn text(kind: FieldKind, value: &Value<'_>) -> String {
    match value {
        Value::Number(number) | Value::Argument(number, ..) => match kind {
            FieldKind::Errno => match i32::try_from(*number) {
                Ok(errno) => Errno(errno).to_string(),
                Err(_) => number.to_string(),
            },
            FieldKind::Signal => {
                let name = i32::try_from(*number).ok().and_then(signal_name);
                name.map_or_else(|| number.to_string(), str::to_owned)
            }
            FieldKind::Flag => if *number == 0 { "no" } else { "yes" }.to_owned(),
            FieldKind::Time => format!("{number}ns"),
            _ => number.to_string(),
        },
        Value::Text(bytes) => visible_bytes(bytes),
        Value::Cut(bytes) => format!("{}...", visible_bytes(bytes)),
        Value::Address(address) => address.to_string(),
    }
}
