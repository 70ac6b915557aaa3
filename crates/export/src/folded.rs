//! `folded`: a line for each stack, as scripts for flame graphs read it: frames with semicolons
//! between them, a blank, and a number.

use std::io::{self, Write};

use crate::blocked::Blocked;
use crate::exporter::Exporter;
use crate::row::Row;

/// Writes stacks.
pub(crate) struct Folded<'o> {
    out: &'o mut dyn Write,
    blocked: Blocked,
}

impl<'o> Folded<'o> {
    pub(crate) fn new(out: &'o mut dyn Write) -> Self {
        Self { out, blocked: Blocked::new() }
    }
}

impl Exporter for Folded<'_> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.blocked.add(row);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        let (stacks, remarks) = self.blocked.finish();
        for (stack, ns) in stacks {
            // The format has no escape: a semicolon becomes one of our own.
            let frames: Vec<_> = stack.iter().map(|frame| frame.replace(';', "\\x3b")).collect();
            writeln!(self.out, "{} {ns}", frames.join(";"))?;
        }
        Ok(remarks)
    }
}
