//! Output formats of a verdict. A new format needs a module here, a variant of [`Format`] and a
//! line in [`Format::write`].

mod annotations;
mod json;
mod junit;
mod markdown;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

pub use annotations::{MOST as MOST_ANNOTATIONS, annotations};
pub use markdown::{LIMIT as SUMMARY_LIMIT, markdown};

use super::report::{Change, Difference};
use super::rule::{Rule, Severity};
use super::verdict::Verdict;

/// An output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    Text,
    /// JSON for programs: docs/diff.schema.json describes it.
    Json,
    /// JUnit XML for CI systems.
    Junit,
    /// Markdown for a step summary or a comment.
    Markdown,
    /// Text with workflow commands, which GitHub shows as annotations.
    Github,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Text, Self::Json, Self::Junit, Self::Markdown, Self::Github];

    /// Returns the name of the format on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Github => "github",
        }
    }

    /// Writes a verdict in this format.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn write(self, verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Text => text::text(verdict, false, out),
            Self::Json => json::json(verdict, out),
            Self::Junit => junit::junit(verdict, out),
            Self::Markdown => out.write_all(markdown(verdict, SUMMARY_LIMIT).as_bytes()),
            Self::Github => {
                text::text(verdict, true, out)?;
                out.write_all(annotations(verdict).as_bytes())
            }
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|format| format.name()).collect();
            format!("unknown format `{text}`: expected {}", names.join(", "))
        })
    }
}

/// Formats a difference: `+ read $WS/x`, `~ exit: 0 => 1`.
fn line(difference: &Difference) -> String {
    let sign = match difference.change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::Changed => '~',
    };
    let mut line = format!("{sign} {}", difference.what);
    match (&difference.before, &difference.after) {
        (Some(before), Some(after)) => line += &format!(": {before} => {after}"),
        (None, Some(after)) => line += &format!(" ({after})"),
        _ => {}
    }
    with_spaces(&line)
}

/// Formats a canonical name for people. Canonical names write a space as `\x20` because lines of
/// baselines and sequences of policies are split at spaces; people do not need that.
fn with_spaces(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        rest = match escape.strip_prefix("\\x20") {
            Some(after) => {
                out.push(' ');
                after
            }
            None => {
                // Copies the backslash and the next character, which may be an escaped backslash.
                let len = escape.chars().take(2).map(char::len_utf8).sum();
                out.push_str(&escape[..len]);
                &escape[len..]
            }
        };
    }
    out + rest
}

/// Returns at most `room` consequences of a difference, and how many are left out. Those about
/// secrets, the network and privileges come first, so that others cannot hide them, then the
/// gravest.
fn top_consequences(difference: &Difference, room: usize) -> (Vec<&Difference>, usize) {
    let sensitive = |rule: Rule| matches!(family(rule), "secret" | "net" | "privilege");
    let mut follow: Vec<&Difference> = difference.consequences.iter().collect();
    follow.sort_by_key(|follow| (!sensitive(follow.rule), std::cmp::Reverse(follow.gravest())));
    let more = follow.len().saturating_sub(room);
    follow.truncate(room);
    (follow, more)
}

/// Formats a consequence: `+ read /etc/shadow`, with its rule if it is a warning or an error.
fn consequence_line(difference: &Difference) -> String {
    match difference.severity {
        Severity::Warn | Severity::Error => format!("{} ({})", line(difference), difference.rule),
        Severity::Info | Severity::Note => line(difference),
    }
}

/// Returns the family of a rule: the first word of its id.
fn family(rule: Rule) -> &'static str {
    rule.id().split_once('.').map_or(rule.id(), |(family, _)| family)
}

/// Returns the summary line.
fn headline(verdict: &Verdict) -> String {
    let failing = verdict.failing().count();
    let gate = verdict.gate;
    let others = verdict.report.differences.len() - failing;
    let unstable = match verdict.unstable.len() {
        0 => String::new(),
        n => format!(", {n} unstable"),
    };
    let below = if others == 0 { String::new() } else { format!(", {others} below") };
    match (failing, verdict.passes()) {
        (0, _) => format!("no difference at or above {gate}{below}{unstable}"),
        (1, passes) => {
            format!(
                "1 difference at or above {gate}{}{below}{unstable}",
                tolerated(verdict, passes)
            )
        }
        (n, passes) => {
            format!(
                "{n} differences at or above {gate}{}{below}{unstable}",
                tolerated(verdict, passes)
            )
        }
    }
}

fn tolerated(verdict: &Verdict, passes: bool) -> String {
    if passes { format!(" ({} tolerated)", verdict.tolerated) } else { String::new() }
}
