//! GitHub's workflow commands: a line each, shown as an annotation of the run. Ten of a kind are
//! shown for a step, so no more are written.

use super::{headline, line, with_spaces};
use crate::diff::report::Difference;
use crate::diff::rule::Severity;
use crate::diff::verdict::Verdict;
use crate::visible::{defuse_old_commands, visible};

/// The most annotations of a step.
pub const MOST: usize = 10;

/// The gravest differences that fail. The last annotation counts the others.
#[must_use]
pub fn annotations(verdict: &Verdict) -> String {
    let failing: Vec<&Difference> =
        if verdict.passes() { Vec::new() } else { verdict.failing().collect() };
    let shown = if failing.len() > MOST { MOST - 1 } else { failing.len() };
    let mut out = String::new();
    for difference in failing.iter().take(shown) {
        let kind = match difference.gravest() {
            Severity::Error => "error",
            Severity::Warn => "warning",
            Severity::Note | Severity::Info => "notice",
        };
        let title = property(&format!("sysreel: {}", difference.rule));
        let said = data(&format!("{}: {}", with_spaces(&difference.process), line(difference)));
        out += &format!("::{kind} title={title}::{said}\n");
    }
    if shown < failing.len() {
        let more = failing.len() - shown;
        out += &format!(
            "::error title=sysreel::{}\n",
            data(&format!("{}, {more} of them not shown here", headline(verdict)))
        );
    }
    out
}

/// As the runner reads it back (actions/toolkit, command.ts).
fn data(text: &str) -> String {
    defuse_old_commands(&visible(text)).replace('%', "%25")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
