//! `systemd`: a drop-in for a service (systemd.exec(5)) that allows the calls of logs.

use std::io::{self, Write};

use sysreel_inspect::abi::Abi;

use crate::allowed::{Allowed, abi_names};
use crate::exporter::Exporter;
use crate::row::Row;

/// How many calls are in a line.
const IN_LINE: usize = 8;

/// Writes a drop-in.
pub(crate) struct Systemd<'o> {
    out: &'o mut dyn Write,
    allowed: Allowed,
}

impl<'o> Systemd<'o> {
    pub(crate) fn new(out: &'o mut dyn Write) -> Self {
        Self { out, allowed: Allowed::default() }
    }
}

impl Exporter for Systemd<'_> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.allowed.add(row);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        let found = self.allowed.finish();
        let name = |seen: &&str| {
            let abi = Abi::ALL.into_iter().map(abi_names).find(|(name, _)| name == seen);
            abi.map(|(_, name)| name)
        };
        let abis: Vec<_> = found.abis.iter().filter_map(name).collect();
        writeln!(self.out, "[Service]")?;
        if !abis.is_empty() {
            writeln!(self.out, "SystemCallArchitectures={}", abis.join(" "))?;
        }
        writeln!(self.out, "SystemCallErrorNumber=EPERM")?;
        for names in found.allowed.chunks(IN_LINE) {
            writeln!(self.out, "SystemCallFilter={}", names.join(" "))?;
        }
        if !found.unknown.is_empty() {
            writeln!(self.out, "# No kernel of a log knew these:")?;
            for names in found.unknown.chunks(IN_LINE) {
                writeln!(self.out, "SystemCallFilter={}", names.join(" "))?;
            }
        }
        Ok(found.remarks)
    }
}
