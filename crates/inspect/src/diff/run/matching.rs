//! The calls that match the filters of a policy.

use sysreel_abi::Filter;

use crate::calls::Item;
use crate::filter::Matcher;
use crate::log_file::LogFile;
use crate::state::ProcessId;

/// The most calls of which the event is noted, for each filter. More are only counted.
const MOST: usize = 100_000;

/// A call that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    /// The event of its entry.
    pub(crate) event: u64,
    pub(crate) process: ProcessId,
}

/// Notes the calls that match filters.
#[derive(Debug, Default)]
pub(super) struct Matching {
    matchers: Vec<Matcher>,
    /// For each filter its calls, and how many had no room.
    found: Vec<(Vec<Match>, u64)>,
}

impl Matching {
    pub(super) fn new(filters: &[Filter], file: &LogFile) -> Self {
        let matchers = filters.iter().map(|filter| Matcher::new(filter.clone()).for_log(file));
        Self { matchers: matchers.collect(), found: vec![Default::default(); filters.len()] }
    }

    pub(super) fn note(&mut self, item: &Item<'_>) {
        for (matcher, (found, more)) in self.matchers.iter_mut().zip(&mut self.found) {
            matcher.note(item);
            if let Item::Call(call) = item
                && call.task().has_run()
                && matcher.matches(call)
            {
                if found.len() < MOST {
                    found.push(Match { event: call.number(), process: call.process() });
                } else {
                    *more = more.saturating_add(1);
                }
            }
        }
    }

    /// Returns the fields that the log does not have for some calls, and how many these are.
    pub(super) fn not_recorded(&self) -> Vec<(String, u64)> {
        let fields = self.matchers.iter().flat_map(Matcher::not_recorded);
        fields.map(|(field, count)| (field.clone(), *count)).collect()
    }

    pub(super) fn finish(self) -> Vec<(Vec<Match>, u64)> {
        self.found
    }
}
