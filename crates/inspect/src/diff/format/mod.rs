//! Output formats of a verdict. A new format needs a module here, a variant of [`Format`] and a
//! line in [`Format::write`].

mod annotations;
mod findings;
mod fold;
mod json;
mod junit;
mod lines;
mod markdown;
#[cfg(test)]
mod tests;
mod text;
mod words;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

pub use annotations::{MOST as MOST_ANNOTATIONS, annotations};
pub use findings::{Finding, findings};
pub use markdown::{LIMIT as SUMMARY_LIMIT, markdown};

use super::verdict::Verdict;

/// Returns the line that sums a verdict up, the last one of the text format.
#[must_use]
pub fn headline(verdict: &Verdict) -> String {
    lines::headline(&fold::folded(verdict))
}

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
