//! What all views have in common.

use std::io::{self, Write};

use serde::Serialize;
use sysreel_inspect::{Findings, Required};

use crate::page::Page;

/// The result of a view.
pub trait View: Serialize {
    /// The name of the view and the version of its JSON, such as `sysreel/stat/1`. The version
    /// increases when a field is removed or changes its meaning; new fields do not change it.
    const SCHEMA: &'static str;

    /// What it requires of a log. Without that, it says less than what happened.
    const REQUIRED: Required = Required::NOTHING;

    /// Writes a table for people.
    ///
    /// # Errors
    /// When `out` cannot be written.
    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()>;

    /// Whether a selection left nothing of what the view lists. A view in which an empty list is an
    /// answer does not say so.
    fn is_empty(&self) -> bool {
        false
    }
}

/// A view as JSON: its fields after those that all views have.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Document<'a, V> {
    schema: &'static str,
    /// Whether nothing of the log is missing.
    complete: bool,
    /// What is missing or damaged, a sentence each.
    missing: Vec<String>,
    #[serde(flatten)]
    view: &'a V,
}

/// Returns a view as a document to serialize, with what is missing in the log.
#[must_use]
pub fn document<'a, V: View>(view: &'a V, findings: &Findings) -> Document<'a, V> {
    let missing = findings.sentences();
    Document { schema: V::SCHEMA, complete: findings.is_whole(), missing, view }
}
