//! What all rules have in common.

use serde::Serialize;
use sysreel_inspect::calls::{Call, Item};
use sysreel_inspect::visible::visible_bytes;

/// Something that was noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Warning {
    /// The rule: `repeated-open`, `tiny-read`, ...
    pub rule: String,
    /// The program; empty if the log does not name it.
    pub exe: String,
    /// The process in which it happened first.
    pub pid: u32,
    /// What it is about: a file, an error.
    pub object: String,
    /// How often it happened.
    pub count: u64,
    /// The number of the first event.
    pub event: u64,
    /// What was noticed, in a sentence.
    pub message: String,
}

/// A rule.
pub(super) trait Rule {
    /// Takes an item of the log that is selected.
    fn item(&mut self, item: &Item<'_>);

    /// Returns what it has noticed.
    fn finish(self: Box<Self>) -> Vec<Warning>;
}

/// A count, and where it began.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) count: u64,
    pid: u32,
    event: u64,
}

impl Seen {
    pub(super) fn add(&mut self, call: &Call<'_>) {
        if self.count == 0 {
            (self.pid, self.event) = (call.task().tgid(), call.number());
        }
        self.count = self.count.saturating_add(1);
    }

    pub(super) fn warning(
        &self,
        rule: &str,
        (exe, object): (String, String),
        message: String,
    ) -> Warning {
        let Self { count, pid, event } = *self;
        Warning { rule: rule.to_owned(), exe, pid, object, count, event, message }
    }
}

/// Returns the program that a call's task runs; empty if the log does not name it.
pub(super) fn exe(call: &Call<'_>) -> String {
    call.task().program().map(visible_bytes).unwrap_or_default()
}
