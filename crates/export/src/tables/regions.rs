//! The table of captured memory: `parquet-regions` and `arrow-regions`, and `regions` of `sqlite`.
//! docs/export.md has the columns.

use std::fmt::Write;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};
use sysreel_inspect::calls::Region;
use sysreel_inspect::format::Direction;

use super::columns::{Cell, Columns, Sink, Table, short};
use super::container::Container;
use super::signed;
use crate::exporter::Exporter;
use crate::row::{CallRow, LogRow, Row};

/// The name and version of the columns, in the metadata of the file.
pub(super) const SCHEMA: &str = "sysreel/export-parquet-regions/1";
const ARROW_SCHEMA: &str = "sysreel/export-arrow-regions/1";

/// The columns, in the order of the cells of a row.
pub(super) const MESSAGE: &str = "message region {
    required binary log (STRING);
    required int64 event;
    optional int32 task;
    required binary call (STRING);
    required int64 start (TIMESTAMP(MICROS,true));
    required int64 start_ns;
    optional int32 arg;
    required binary direction (STRING);
    required int32 depth;
    required int32 idx;
    required int64 address;
    required int64 asked;
    required int64 got;
    required boolean is_cut;
    optional binary errno (STRING);
    optional binary sha256 (STRING);
}";

/// Makes the rows of the regions of a log.
#[derive(Debug, Default)]
pub(super) struct Captured {
    /// The name of the log.
    log: String,
    /// The digits of a hash.
    digits: String,
}

impl Captured {
    /// Begins another log.
    pub(super) fn begin(&mut self, log: &LogRow) {
        self.log.clone_from(&log.log);
    }

    /// Adds the row of a region of a call.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn row(
        &mut self,
        row: &CallRow<'_>,
        region: &Region<'_>,
        to: &mut impl Sink,
    ) -> io::Result<()> {
        let bytes = region.bytes();
        self.digits.clear();
        for byte in bytes.as_deref().map(Sha256::digest).iter().flatten() {
            _ = write!(self.digits, "{byte:02x}");
        }
        let direction = if region.direction() == Direction::IN { "in" } else { "out" };
        let errno = region.errno().map(|errno| errno.to_string());
        let arg = region.arg().and_then(|arg| i32::try_from(arg).ok());
        to.row([
            Cell::Text(Some(&self.log)),
            Cell::Long(Some(signed(row.event))),
            Cell::Short(row.who.task.map(short)),
            Cell::Text(Some(&row.call)),
            Cell::Long(Some(row.unix_us)),
            Cell::Long(Some(signed(row.start_ns))),
            Cell::Short(arg),
            Cell::Text(Some(direction)),
            Cell::Short(Some(region.depth().into())),
            Cell::Short(Some(short(region.index()))),
            Cell::Long(Some(region.address().cast_signed())),
            Cell::Long(Some(signed(region.asked()))),
            Cell::Long(Some(signed(region.got()))),
            Cell::Truth(region.is_cut()),
            Cell::Text(errno.as_deref()),
            Cell::Text(bytes.is_some().then_some(&self.digits)),
        ])
    }
}

/// Writes a file.
pub(crate) struct Regions {
    columns: Columns,
    captured: Captured,
}

impl Regions {
    pub(crate) fn new(path: &Path, container: Container) -> io::Result<Self> {
        let schema = container.schema([SCHEMA, ARROW_SCHEMA]);
        let table = Table { message: MESSAGE, schema, growing: &["event", "start", "start_ns"] };
        Ok(Self { columns: container.create(path, &table)?, captured: Captured::default() })
    }
}

impl Exporter for Regions {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        match row {
            Row::Log(log) => self.captured.begin(log),
            Row::Call(row) => {
                for region in row.source.regions() {
                    self.captured.row(row, &region, &mut self.columns)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        self.columns.finish()?;
        Ok(Vec::new())
    }
}
