//! `ndjson`: each row as a JSON object on a line of its own. docs/schemas/export-1.json describes
//! it.

use std::io::{self, Write};

use sysreel_inspect::visible::json;

use crate::exporter::Exporter;
use crate::row::Row;

/// Writes JSON lines.
pub(crate) struct Ndjson<'o> {
    out: &'o mut dyn Write,
}

impl<'o> Ndjson<'o> {
    pub(crate) fn new(out: &'o mut dyn Write) -> Self {
        Self { out }
    }
}

impl Exporter for Ndjson<'_> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        writeln!(self.out, "{}", json(row)?)
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}
