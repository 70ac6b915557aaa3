//! JSON for programs. docs/diff.schema.json describes it; `schema` in the document is its version.

use std::io::{self, Write};

use crate::diff::verdict::Verdict;
use crate::visible::write_json_pretty;

pub(super) fn json(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    #[derive(serde::Serialize)]
    struct Document<'v> {
        #[serde(flatten)]
        verdict: &'v Verdict,
        /// The number of differences at or above the gate.
        failing: usize,
        passes: bool,
    }
    let document =
        Document { verdict, failing: verdict.failing().count(), passes: verdict.passes() };
    write_json_pretty(&document, out)?;
    out.write_all(b"\n")
}
