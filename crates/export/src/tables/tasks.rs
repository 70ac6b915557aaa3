//! The table of tasks: `parquet-tasks` and `arrow-tasks`, and `tasks` of `sqlite`. docs/export.md
//! has the columns.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::columns::{Cell, Columns, Sink, Table, short};
use super::commands::Commands;
use super::container::Container;
use super::signed;
use crate::exporter::Exporter;
use crate::row::{Row, TaskEndRow, TaskStartRow};

/// The name and version of the columns, in the metadata of the file.
pub(super) const SCHEMA: &str = "sysreel/export-parquet-tasks/1";
const ARROW_SCHEMA: &str = "sysreel/export-arrow-tasks/1";

/// The columns, in the order of the cells of a row.
pub(super) const MESSAGE: &str = "message task {
    required binary log (STRING);
    required int32 task;
    required int32 pid;
    required int32 tid;
    optional int32 parent;
    required binary origin (STRING);
    optional binary command (STRING);
    required int64 start (TIMESTAMP(MICROS,true));
    required int64 start_ns;
    optional int64 end_ns;
    optional binary how (STRING);
    optional int32 status;
    optional binary signal (STRING);
    optional int64 utime_ns;
    optional int64 stime_ns;
}";

/// Makes the rows of the tasks of a log: of each when it ends.
#[derive(Debug, Default)]
pub(super) struct Living {
    /// The name of the log.
    log: String,
    commands: Commands,
    /// The tasks that live, by their ordinals.
    tasks: BTreeMap<u32, TaskStartRow>,
}

impl Living {
    /// Adds a task, with how it ended if it did.
    fn task(
        &self,
        (task, start): (u32, &TaskStartRow),
        end: Option<&TaskEndRow>,
        to: &mut impl Sink,
    ) -> io::Result<()> {
        to.row([
            Cell::Text(Some(&self.log)),
            Cell::Short(Some(short(task))),
            Cell::Short(Some(short(start.who.pid))),
            Cell::Short(Some(short(start.who.tid))),
            Cell::Short(start.parent.map(short)),
            Cell::Text(Some(start.origin)),
            Cell::Shared(self.commands.of(task)),
            Cell::Long(Some(start.unix_us)),
            Cell::Long(Some(signed(start.start_ns))),
            Cell::Long(end.map(|end| signed(end.start_ns))),
            Cell::Text(end.map(|end| end.how)),
            Cell::Short(end.and_then(|end| end.status).map(i32::from)),
            Cell::Text(end.and_then(|end| end.signal.as_deref())),
            Cell::Long(end.map(|end| signed(end.utime_ns))),
            Cell::Long(end.map(|end| signed(end.stime_ns))),
        ])
    }

    /// Takes note of a row, and adds the tasks that it ends.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn row(&mut self, row: &Row<'_>, to: &mut impl Sink) -> io::Result<()> {
        self.commands.add(row);
        match row {
            Row::Log(log) => {
                self.log.clone_from(&log.log);
                self.commands = Commands::default();
            }
            Row::TaskStart(row) => {
                if let Some(task) = row.who.task {
                    self.tasks.insert(task, row.clone());
                }
            }
            Row::Renamed(row) => {
                let living = row.who.task.and_then(|task| self.tasks.get_mut(&task));
                if let Some(living) = living {
                    living.who.tid = row.who.tid;
                }
            }
            Row::TaskEnd(row) => {
                if let Some(task) = row.who.task
                    && let Some(start) = self.tasks.remove(&task)
                {
                    self.task((task, &start), Some(row), to)?;
                }
            }
            Row::End(_) => {
                for (task, start) in std::mem::take(&mut self.tasks) {
                    self.task((task, &start), None, to)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Writes a file.
pub(crate) struct Tasks {
    columns: Columns,
    living: Living,
}

impl Tasks {
    pub(crate) fn new(path: &Path, container: Container) -> io::Result<Self> {
        let schema = container.schema([SCHEMA, ARROW_SCHEMA]);
        let table = Table { message: MESSAGE, schema, growing: &[] };
        Ok(Self { columns: container.create(path, &table)?, living: Living::default() })
    }
}

impl Exporter for Tasks {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.unselected(row)
    }

    /// A filter is about calls: the table has all tasks.
    fn unselected(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.living.row(row, &mut self.columns)
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        self.columns.finish()?;
        Ok(Vec::new())
    }
}
