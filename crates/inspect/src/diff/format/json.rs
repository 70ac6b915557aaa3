//! For programs. docs/diff.schema.json describes it; its `schema` says which version that is.

use std::io::{self, Write};

use crate::diff::verdict::Verdict;

pub(super) fn json(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    #[derive(serde::Serialize)]
    struct Document<'v> {
        #[serde(flatten)]
        verdict: &'v Verdict,
        /// How many differences fail.
        failing: usize,
        passes: bool,
    }
    let document = Document { verdict, failing: verdict.failing().count(), passes: verdict.passes() };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}
