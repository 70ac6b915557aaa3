//! Markdown for the summary of a GitHub step. A summary above 1 MiB is not shown at all.

use std::fmt::Write as _;

use super::fold::folded;
use super::lines::{consequence_line, headline, how_often, line, top_consequences, with_spaces};
use crate::diff::report::Difference;
use crate::diff::rule::Severity;
use crate::diff::verdict::Verdict;
use crate::visible::visible;

/// The most bytes of a step summary.
pub const LIMIT: usize = 1 << 20;
/// Room for the line that says how much was left out.
const CLOSING: usize = 200;

/// Formats a verdict in at most `limit` bytes and counts the lines that do not fit.
#[must_use]
pub fn markdown(verdict: &Verdict, limit: usize) -> String {
    let verdict = &*folded(verdict);
    let mut page = Page { text: String::new(), limit: limit.saturating_sub(CLOSING), left_out: 0 };
    let is_compared = verdict.report.incomparable.is_empty() && verdict.report.is_whole();
    let mark = if verdict.passes() && is_compared { "✅" } else { "❌" };
    let [a, b] = &verdict.report.sides;
    page.push(&format!(
        "### {mark} sysreel: {}\n\n{} → {}\n\n",
        headline(verdict),
        code(&a.log),
        code(&b.log)
    ));
    for why in &verdict.report.incomparable {
        page.push(&format!("> not comparable: {}\n\n", escaped(why)));
    }
    for what in &verdict.report.unseen {
        page.push(&format!("> not compared: {}\n\n", escaped(what)));
    }
    for side in verdict.report.sides.iter().filter(|side| !side.whole) {
        page.push(&format!("> {} is not whole\n\n", code(&side.log)));
    }
    for severity in Severity::ALL.into_iter().rev() {
        let differences: Vec<&Difference> = verdict
            .report
            .differences
            .iter()
            .filter(|difference| difference.gravest() == severity)
            .collect();
        let summary = format!("{severity} ({})", differences.len());
        page.section(&summary, severity >= verdict.gate, differences.into_iter().map(row));
    }
    let unstable = verdict.unstable.iter().map(|unstable| {
        let difference = &unstable.difference;
        format!(
            "- {}: {} {}\n",
            how_often(unstable),
            code(&with_spaces(&difference.role)),
            code(&line(difference))
        )
    });
    page.section(&format!("unstable ({})", verdict.unstable.len()), false, unstable);
    let excepted = verdict.excepted.iter().map(|excepted| {
        format!(
            "- {} {} ({}): {}\n",
            excepted.kind,
            excepted.count,
            code(&excepted.place),
            escaped(&excepted.reason)
        )
    });
    page.section(&format!("taken out by the policy ({})", verdict.excepted.len()), false, excepted);
    let made_up = &verdict.report.made_up;
    let pairs = made_up.iter().map(|[a, b]| format!("- {} ~ {}\n", code(a), code(b)));
    page.section(&format!("names taken as made up ({})", made_up.len()), false, pairs);
    let noise = verdict.noise.iter().map(|noise| format!("- {}\n", code(noise)));
    page.section(&format!("learned noise ({})", verdict.noise.len()), false, noise);
    let notices = verdict.notices.iter().map(|notice| format!("- {}\n", escaped(notice)));
    page.section(&format!("about the policy ({})", verdict.notices.len()), true, notices);
    if page.left_out > 0 {
        _ = write!(
            page.text,
            "\n{} lines had no room here: the other formats have them.\n",
            page.left_out
        );
    }
    page.text
}

struct Page {
    text: String,
    limit: usize,
    left_out: usize,
}

impl Page {
    fn push(&mut self, block: &str) {
        match self.text.len() + block.len() <= self.limit {
            true => self.text.push_str(block),
            false => self.left_out += 1,
        }
    }

    fn section(&mut self, summary: &str, open: bool, rows: impl ExactSizeIterator<Item = String>) {
        const END: &str = "\n</details>\n\n";
        if rows.len() == 0 {
            return;
        }
        let open = if open { " open" } else { "" };
        let head = format!("<details{open}><summary>{summary}</summary>\n\n");
        if self.text.len() + head.len() + END.len() > self.limit {
            self.left_out += rows.len();
            return;
        }
        self.text.push_str(&head);
        self.limit -= END.len();
        rows.for_each(|row| self.push(&row));
        self.limit += END.len();
        self.text.push_str(END);
    }
}

fn row(difference: &Difference) -> String {
    /// How many consequences are listed; the others are counted.
    const MOST: usize = 20;
    /// How many are shown without a click.
    const OPEN: usize = 5;
    let mut row = format!(
        "- `{}` {} {}\n",
        difference.rule,
        code(&with_spaces(&difference.process)),
        code(&line(difference))
    );
    for line in &difference.content {
        _ = writeln!(row, "  - {}", code(line));
    }
    let (follow, more) = top_consequences(difference, MOST);
    let mut list = String::new();
    for follow in &follow {
        _ = writeln!(list, "  - so {}", code(&consequence_line(follow)));
    }
    if more > 0 {
        _ = writeln!(list, "  - and {more} more that follow");
    }
    // A long list would push the other differences out of sight.
    match follow.len() {
        0..=OPEN => row + &list,
        n => {
            let summary = format!("{} that follow", n + more);
            row + &format!("  <details><summary>{summary}</summary>\n\n{list}\n  </details>\n")
        }
    }
}

/// Formats text as code, in more backticks than it has in a row.
fn code(text: &str) -> String {
    let text = visible(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 || text.is_empty() { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '&' | '~' | '$' | '!'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
