//! For programs. docs/diff.schema.json describes it; its `schema` says which version that is.

use std::io::{self, Write};

use crate::diff::verdict::Verdict;
use crate::visible::write_json_pretty;

pub(super) fn json(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    #[derive(serde::Serialize)]
    struct Document<'v> {
        #[serde(flatten)]
        verdict: &'v Verdict,
        /// How many differences fail.
        failing: usize,
        passes: bool,
    }
    let document =
        Document { verdict, failing: verdict.failing().count(), passes: verdict.passes() };
    write_json_pretty(&document, out)?;
    out.write_all(b"\n")
}
