//! The table of calls: `parquet` and `arrow`, and `calls` of `sqlite`. docs/export.md has the
//! columns.

use std::io;
use std::path::Path;

use super::columns::{Cell, Columns, Sink, Table, short};
use super::commands::Commands;
use super::container::Container;
use super::signed;
use crate::class_lists::ClassLists;
use crate::exporter::Exporter;
use crate::row::{CallRow, Row};

/// The name and version of the columns, in the metadata of the file.
pub(super) const SCHEMA: &str = "sysreel/export-parquet/1";
const ARROW_SCHEMA: &str = "sysreel/export-arrow/1";

/// The columns, in the order of the cells of a row.
pub(super) const MESSAGE: &str = "message call {
    required binary log (STRING);
    required int64 event;
    optional int64 exit_event;
    optional int32 task;
    required int32 pid;
    required int32 tid;
    optional binary exe (STRING);
    optional binary command (STRING);
    required int64 start (TIMESTAMP(MICROS,true));
    required int64 start_ns;
    optional int64 duration_ns;
    required binary call (STRING);
    required binary class (STRING);
    required binary args (STRING);
    required binary outcome (STRING);
    optional int64 result;
    optional binary errno (STRING);
    optional int32 fd;
    optional binary file (STRING);
    optional binary path (STRING);
    optional binary path2 (STRING);
    optional binary peer (STRING);
    optional int64 bytes;
}";

/// Columns that grow from row to row.
const GROWING: &[&str] = &["event", "exit_event", "start", "start_ns"];

/// Makes the rows of the calls of a log.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// The name of the log.
    log: String,
    commands: Commands,
    classes: ClassLists,
}

impl Calls {
    /// Takes note of a row other than that of a call.
    pub(super) fn note(&mut self, row: &Row<'_>) {
        if let Row::Log(log) = row {
            self.log.clone_from(&log.log);
            self.commands = Commands::default();
        }
        self.commands.add(row);
    }

    /// Adds the row of a call.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn row(&mut self, row: &CallRow<'_>, to: &mut impl Sink) -> io::Result<()> {
        let command = row.who.task.and_then(|task| self.commands.of(task));
        to.row([
            Cell::Text(Some(&self.log)),
            Cell::Long(Some(signed(row.event))),
            Cell::Long(row.exit_event.map(signed)),
            Cell::Short(row.who.task.map(short)),
            Cell::Short(Some(short(row.who.pid))),
            Cell::Short(Some(short(row.who.tid))),
            Cell::Text(row.exe.as_deref()),
            Cell::Shared(command),
            Cell::Long(Some(row.unix_us)),
            Cell::Long(Some(signed(row.start_ns))),
            Cell::Long(row.duration_ns.map(signed)),
            Cell::Text(Some(&row.call)),
            Cell::Text(Some(self.classes.of(row.class))),
            Cell::Text(Some(&row.args.line())),
            Cell::Text(Some(row.outcome.name())),
            Cell::Long(row.result),
            Cell::Text(row.errno.as_deref()),
            Cell::Short(row.fd),
            Cell::Text(row.file.as_deref()),
            Cell::Text(row.path.as_deref()),
            Cell::Text(row.path2.as_deref()),
            Cell::Text(row.peer.as_deref()),
            Cell::Long(row.bytes.map(signed)),
        ])
    }
}

/// Writes a file.
pub(crate) struct Parquet {
    columns: Columns,
    calls: Calls,
}

impl Parquet {
    pub(crate) fn new(path: &Path, container: Container) -> io::Result<Self> {
        let schema = container.schema([SCHEMA, ARROW_SCHEMA]);
        let table = Table { message: MESSAGE, schema, growing: GROWING };
        Ok(Self { columns: container.create(path, &table)?, calls: Calls::default() })
    }
}

impl Exporter for Parquet {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        match row {
            Row::Call(row) => self.calls.row(row, &mut self.columns),
            row => self.unselected(row),
        }
    }

    fn unselected(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.calls.note(row);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        self.columns.finish()?;
        Ok(Vec::new())
    }
}
