//! Filters items of a log: what the fields of the filter language are for a call and for other
//! items.
//!
//! The language is that of [`sysreel_abi::filter`]; docs/filter.md describes it. A [`Matcher`]
//! takes the items of a log in order, because some fields need what came before: who started whom,
//! and marks.

#![deny(clippy::arithmetic_side_effects)]

mod ancestors;
mod call;
mod context;
mod event;
mod fields;
mod paths;
mod reader;
mod threads;

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use sysreel_abi::filter::{Answer, Facts, Field, Known};
use sysreel_abi::{AuditArch, CallKind, Filter};

use crate::calls::{Call, Driver, Item};
use crate::log_file::LogFile;
use crate::state::Follow;
use call::CallFacts;
use context::Context;
use event::EventFacts;

pub use reader::FieldReader;

/// The most calls by number of which the answer is remembered: a hostile log may hold any number.
const MAX_REMEMBERED: usize = 10_000;

/// Applies a filter to the items of a log.
#[derive(Debug)]
pub struct Matcher {
    filter: Filter,
    context: Context,
    /// The answers for calls of which only the number is known.
    by_number: HashMap<(AuditArch, u64), Answer, RandomState>,
    /// The number of items that the log does not tell enough about, by field.
    not_recorded: BTreeMap<String, u64>,
    /// Whether any call or other item of a task has matched.
    has_matched: bool,
}

impl Matcher {
    /// Creates a matcher for a log in which nothing is missing and that starts at time 0.
    #[must_use]
    pub fn new(filter: Filter) -> Self {
        Self {
            context: Context::for_fields(&filter.fields(), filter.asks_for_ancestors()),
            filter,
            by_number: HashMap::default(),
            not_recorded: BTreeMap::new(),
            has_matched: false,
        }
    }

    /// Takes over from a log when it starts, and what it lacks.
    #[must_use]
    pub fn for_log(mut self, file: &LogFile) -> Self {
        let log = file.log();
        self.context.start_ns = log.meta().monotonic_ns;
        self.context.completeness = log.header().completeness;
        self
    }

    /// Returns the filter.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Returns what has to be followed for it.
    #[must_use]
    pub fn follow(filter: &Filter) -> Follow {
        let processes = filter.fields().iter().any(|asked| needs_processes(asked.field));
        Follow { processes, ..Follow::default() }
    }

    /// Whether a filter asks for memory of calls.
    #[must_use]
    pub fn asks_for_memory(filter: &Filter) -> bool {
        filter.fields().iter().any(|asked| needs_memory(asked.field))
    }

    /// Returns a driver of the items that these filters need.
    pub(crate) fn driver(filters: &[Filter], follow: Follow, with_entries: bool) -> Driver {
        let processes = filters.iter().any(|filter| Self::follow(filter).processes);
        let follow = Follow { processes: processes || follow.processes, ..follow };
        let memory = filters.iter().any(Self::asks_for_memory);
        match follow == Follow::default() && !memory {
            true => Driver::for_counting(with_entries).without_parts(),
            false => Driver::new(follow, with_entries),
        }
    }

    /// Takes note of an item. Every item must be noted, before it is asked for.
    pub fn note(&mut self, item: &Item<'_>) {
        self.context.note(item);
    }

    /// Answers for a call that begins. A call of which the answer is unknown is asked again when it
    /// ends.
    pub fn entered(&mut self, call: &Call<'_>) -> Answer {
        let answer = match self.by_number(call) {
            Answer::Unknown => self.filter.answer(&CallFacts::new(call, &self.context, false)),
            answer => answer,
        };
        self.has_matched |= answer == Answer::Yes;
        answer
    }

    /// Whether the filter matches a call that has ended.
    pub fn matches(&mut self, call: &Call<'_>) -> bool {
        match self.by_number(call) {
            Answer::Unknown => {}
            answer => {
                self.has_matched |= answer == Answer::Yes;
                return answer == Answer::Yes;
            }
        }
        let facts = CallFacts::new(call, &self.context, true);
        let answer = self.filter.answer(&facts);
        if answer == Answer::Unknown {
            note_unknown(&self.filter, &facts, &mut self.not_recorded);
        }
        self.has_matched |= answer == Answer::Yes;
        answer == Answer::Yes
    }

    /// Whether the filter matches an item that is no call. A list of calls says nothing about
    /// these, so it matches. What the recorder and the reader say of the log itself always matches.
    pub fn matches_item(&mut self, item: &Item<'_>) -> bool {
        if self.filter.is_list() {
            return true;
        }
        let Some(facts) = EventFacts::of(item, &self.context) else { return true };
        let answer = self.filter.answer(&facts);
        if answer == Answer::Unknown {
            note_unknown(&self.filter, &facts, &mut self.not_recorded);
        }
        self.has_matched |= answer == Answer::Yes;
        answer == Answer::Yes
    }

    /// Whether a call, or another item of a task, has matched since the beginning or the last
    /// [`Self::forget_matches`].
    #[must_use]
    pub fn has_matched(&self) -> bool {
        self.has_matched
    }

    /// Forgets that anything has matched: it was before the part that is wanted.
    pub fn forget_matches(&mut self) {
        self.has_matched = false;
    }

    /// Returns the fields that the log does not have for some items, so that the filter has no
    /// answer for them, and how many these are.
    #[must_use]
    pub fn not_recorded(&self) -> &BTreeMap<String, u64> {
        &self.not_recorded
    }

    /// Answers by the number of the call, if that is enough.
    fn by_number(&mut self, call: &Call<'_>) -> Answer {
        let open = call.open();
        let key = (open.arch, open.call.nr);
        if let Some(answer) = self.by_number.get(&key) {
            return *answer;
        }
        let row = open.row;
        let answer = match row {
            // What it makes is in its arguments.
            Some(row) if row.kind == CallKind::Multiplexed => Answer::Unknown,
            _ => self.filter.answer_by_number(call.known_name(), row, None, open.abi),
        };
        if self.by_number.len() < MAX_REMEMBERED {
            self.by_number.insert(key, answer);
        }
        answer
    }
}

/// Whether processes must be followed for a field.
fn needs_processes(field: Field) -> bool {
    matches!(
        field,
        Field::Path
            | Field::Comm
            | Field::FdPath
            | Field::FdKind
            | Field::NetPeer
            | Field::NetLocal
            | Field::NetPort
    )
}

/// Whether memory of calls must be kept for a field.
fn needs_memory(field: Field) -> bool {
    needs_processes(field)
        || matches!(field, Field::Arg | Field::Env | Field::Data | Field::Fd | Field::PathWritten)
}

/// Counts the fields that have no answer.
fn note_unknown(filter: &Filter, facts: &dyn Facts, counts: &mut BTreeMap<String, u64>) {
    let mut fields: Vec<String> = filter
        .fields()
        .iter()
        .filter(|field| {
            facts.values(field, &mut |_| std::ops::ControlFlow::Continue(())) == Known::No
        })
        .map(ToString::to_string)
        .collect();
    if fields.is_empty() {
        fields.push("under".to_owned());
    }
    for field in fields {
        let count = counts.entry(field).or_insert(0);
        *count = count.saturating_add(1);
    }
}
