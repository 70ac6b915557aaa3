//! GitHub workflow commands: one line each, shown as annotations of the run. GitHub shows ten of a
//! kind per step, so no more are written.

use super::fold::folded;
use super::lines::{headline, line, with_spaces};
use crate::diff::report::Difference;
use crate::diff::rule::Severity;
use crate::diff::verdict::Verdict;
use crate::visible::{defuse_old_commands, visible};

/// The most annotations that one step can have.
pub const MOST: usize = 10;

/// Returns annotations for the gravest failing differences. The last one counts those left out.
#[must_use]
pub fn annotations(verdict: &Verdict) -> String {
    let verdict = &*folded(verdict);
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
        let text = data(&format!("{}: {}", with_spaces(&difference.process), line(difference)));
        out += &format!("::{kind} title={title}::{text}\n");
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

/// Escapes the text of a command for the runner (actions/toolkit, command.ts).
fn data(text: &str) -> String {
    defuse_old_commands(&visible(text)).replace('%', "%25")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
