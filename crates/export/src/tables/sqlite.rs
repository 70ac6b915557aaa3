//! `sqlite`: a database. docs/export.md has the tables.

use std::io;
use std::path::Path;

use rusqlite::{Connection, ToSql, params};
use sysreel_inspect::abi::CallKind;
use sysreel_inspect::abi::intent::Family;
use sysreel_inspect::format::Direction;
use sysreel_inspect::state::OpenFile;
use sysreel_inspect::visible::json;
use sysreel_views::{Bounded, sockets};

use super::signed;
use crate::class_lists::ClassLists;
use crate::exporter::Exporter;
use crate::row::{CallRow, ExecRow, Row, TaskEndRow};
use crate::rows;

/// The tables. `user_version` increases when a column is removed or changes its meaning.
const TABLES: &str = include_str!("tables.sql");
/// What makes joins fast, and is faster to build at the end.
const INDEXES: &str = "
    CREATE INDEX calls_by_time ON calls (log, start_ns);
    CREATE INDEX calls_by_name ON calls (call);
    CREATE INDEX calls_by_task ON calls (log, task);
    CREATE INDEX calls_by_path ON calls (path) WHERE path IS NOT NULL;
    CREATE INDEX calls_by_file ON calls (log, file_id) WHERE file_id IS NOT NULL;
    CREATE INDEX regions_by_call ON regions (log, event);
    COMMIT;
";

/// The most bytes of a buffer in a row. SQLite takes no longer ones (limits.html).
const LONGEST: usize = 1_000_000_000;

/// Writes a database.
pub(crate) struct Sqlite {
    connection: Connection,
    log: u32,
    data_limit: usize,
    /// The open files that are in the table, by their ordinals.
    files: Bounded<u64, bool>,
    classes: ClassLists,
}

impl Sqlite {
    pub(crate) fn new(path: &Path, data_limit: usize) -> io::Result<Self> {
        let connection = Connection::open(path).map_err(io::Error::other)?;
        // The file has its name only when it is complete, so nothing has to be undone.
        let settings = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;";
        connection.execute_batch(settings).map_err(io::Error::other)?;
        connection.execute_batch(TABLES).map_err(io::Error::other)?;
        let data_limit = data_limit.min(LONGEST);
        let (files, classes) = (Bounded::default(), ClassLists::default());
        Ok(Self { connection, log: 0, data_limit, files, classes })
    }

    fn run(&self, statement: &str, values: &[&dyn ToSql]) -> io::Result<()> {
        let prepared = self.connection.prepare_cached(statement);
        let done = prepared.and_then(|mut prepared| prepared.execute(values));
        done.map(drop).map_err(io::Error::other)
    }

    fn call(&mut self, row: &CallRow<'_>) -> io::Result<()> {
        let call = &row.source;
        let file = rows::subject(call).and_then(|(_, file)| file);
        if let Some(file) = &file {
            self.file(file, row)?;
        }
        let class = self.classes.of(row.class).to_owned();
        self.run(
            "INSERT INTO calls VALUES
             (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                self.log,
                signed(row.event),
                row.exit_event.map(signed),
                row.who.task,
                row.who.pid,
                row.who.tid,
                row.exe,
                signed(row.start_ns),
                row.unix_us,
                row.duration_ns.map(signed),
                row.call,
                class,
                row.args.line(),
                row.outcome.name(),
                row.result,
                row.errno,
                row.fd,
                file.map(|file| signed(file.serial)),
                row.path,
                row.path2,
                row.peer,
                row.bytes.map(signed),
            ],
        )?;
        self.regions(row)
    }

    fn regions(&self, row: &CallRow<'_>) -> io::Result<()> {
        for region in row.source.regions() {
            let direction = if region.direction() == Direction::IN { "in" } else { "out" };
            self.run(
                "INSERT INTO regions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                    self.log,
                    signed(row.event),
                    region.arg().and_then(|arg| i64::try_from(arg).ok()),
                    direction,
                    region.depth(),
                    region.index(),
                    region.address().cast_signed(),
                    signed(region.asked()),
                    signed(region.got()),
                    region.errno().map(|errno| errno.to_string()),
                    region.first(self.data_limit),
                ],
            )?;
        }
        Ok(())
    }

    /// Adds an open file, and what is known of a socket by now.
    fn file(&mut self, file: &OpenFile, row: &CallRow<'_>) -> io::Result<()> {
        let is_known = self.files.entry(&file.serial).map(|known| std::mem::replace(known, true));
        let id = signed(file.serial);
        if is_known != Some(true) {
            self.run(
                "INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
                params![
                    self.log,
                    id,
                    sockets::file_name(file),
                    file.mode,
                    signed(file.id.0),
                    signed(file.id.1),
                    signed(file.event),
                ],
            )?;
        }
        // These change the addresses.
        let kind = row.source.row().map(|row| row.kind);
        let connects = matches!(kind, Some(CallKind::Bind | CallKind::Connect | CallKind::Accept));
        if !file.is_socket() || is_known == Some(true) && !connects {
            return Ok(());
        }
        let (local, peer) = (file.local.borrow(), file.peer.borrow());
        let family = match Family::from_sockaddr(if peer.len() > 2 { &peer } else { &local }) {
            Family::Inet => "inet",
            Family::Inet6 => "inet6",
            Family::Unix => "unix",
            Family::Netlink => "netlink",
            Family::Other(_) => "other",
        };
        self.run(
            "INSERT OR REPLACE INTO sockets VALUES (?, ?, ?, ?, ?, ?)",
            params![
                self.log,
                id,
                family,
                file.socket_type.get(),
                sockets::address(&local),
                sockets::address(&peer),
            ],
        )
    }

    fn exec(&self, row: &ExecRow) -> io::Result<()> {
        self.run(
            "INSERT INTO programs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                self.log,
                signed(row.event),
                row.who.task,
                signed(row.start_ns),
                row.exe,
                json(&row.argv)?,
                row.cwd,
                row.attached,
            ],
        )
    }

    fn task_end(&self, row: &TaskEndRow) -> io::Result<()> {
        self.run(
            "UPDATE tasks SET end_ns = ?, how = ?, status = ?, signal = ?, utime_ns = ?,
             stime_ns = ? WHERE log = ? AND task = ?",
            params![
                signed(row.start_ns),
                row.how,
                row.status,
                row.signal,
                signed(row.utime_ns),
                signed(row.stime_ns),
                self.log,
                row.who.task,
            ],
        )
    }

    /// Adds the starts and ends of tasks, also of those that the filter does not select.
    fn life(&self, row: &Row<'_>) -> io::Result<()> {
        match row {
            Row::TaskStart(row) => self.run(
                "INSERT OR IGNORE INTO tasks (log, task, pid, tid, parent, origin, start_ns)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
                params![
                    self.log,
                    row.who.task,
                    row.who.pid,
                    row.who.tid,
                    row.parent,
                    row.origin,
                    signed(row.start_ns),
                ],
            ),
            Row::Renamed(row) => self.run(
                "UPDATE tasks SET tid = ? WHERE log = ? AND task = ?",
                params![row.who.tid, self.log, row.who.task],
            ),
            Row::Exec(row) => self.exec(row),
            Row::TaskEnd(row) => self.task_end(row),
            _ => Ok(()),
        }
    }
}

impl Exporter for Sqlite {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        match row {
            Row::Log(log) => {
                self.log = log.ordinal;
                self.files = Bounded::default();
                self.run(
                    "INSERT INTO logs (log, name, unix_us, monotonic_ns) VALUES (?, ?, ?, ?)",
                    params![log.ordinal, log.log, log.unix_us, signed(log.monotonic_ns)],
                )
            }
            Row::Call(row) => self.call(row),
            Row::Signal(row) => self.run(
                "INSERT INTO signals VALUES (?, ?, ?, ?, ?, ?)",
                params![
                    self.log,
                    signed(row.event),
                    row.who.task,
                    signed(row.start_ns),
                    row.unix_us,
                    row.signal,
                ],
            ),
            Row::End(end) => self.run(
                "UPDATE logs SET complete = ?, missing = ? WHERE log = ?",
                params![end.complete, end.missing.join("; "), self.log],
            ),
            other => self.life(other),
        }
    }

    fn unselected(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.life(row)
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        self.connection.execute_batch(INDEXES).map_err(io::Error::other)?;
        Ok(Vec::new())
    }
}
