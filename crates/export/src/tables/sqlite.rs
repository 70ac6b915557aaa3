//! `sqlite`: a database. docs/export.md has the tables.

use std::io;
use std::path::Path;

use rusqlite::{ToSql, params};
use sysreel_inspect::abi::CallKind;
use sysreel_inspect::abi::intent::Family;
use sysreel_inspect::state::OpenFile;
use sysreel_inspect::visible::json;
use sysreel_inspect::{Error, Findings, LogFile};
use sysreel_views::files::{self as paths, Files};
use sysreel_views::net::{self, Sockets};
use sysreel_views::{Bounded, collect, sockets as names};

use super::base::{Base, Definition, Shared};
use super::parquet::{self, Calls};
use super::regions::{self, Captured};
use super::tasks::{self, Living};
use super::{files, found, signed, sockets};
use crate::exporter::{Exporter, Needs};
use crate::options::Options;
use crate::pass;
use crate::row::{CallRow, ExecRow, LogRow, Row};
use crate::rows::{self, Rows};

/// The tables that only a database has. `user_version` increases when a column of any table is
/// removed or changes its meaning.
const TABLES: &str = include_str!("tables.sql");
/// What makes joins fast, and is faster to build at the end.
const INDEXES: &str = "
    CREATE INDEX calls_by_time ON calls (log, start_ns);
    CREATE INDEX calls_by_name ON calls (call);
    CREATE INDEX calls_by_task ON calls (log, task);
    CREATE INDEX calls_by_path ON calls (path) WHERE path IS NOT NULL;
    CREATE INDEX calls_by_file ON calls (log, file_id) WHERE file_id IS NOT NULL;
    CREATE INDEX regions_by_call ON regions (log, event);
    CREATE INDEX files_by_path ON files (path);
    CREATE INDEX sockets_by_socket ON sockets (log, socket);
    COMMIT;
";

/// The most bytes of a buffer in a row. SQLite takes no longer ones (limits.html).
const LONGEST: usize = 1_000_000_000;

/// Writes a file.
///
/// # Errors
/// When a log cannot be read or the file cannot be written.
pub(crate) fn write(
    path: &Path,
    logs: &[LogFile],
    options: &Options,
) -> Result<(Vec<Findings>, Vec<String>), Error> {
    let mut sqlite = Sqlite::new(path, options.string_limit).map_err(Error::Write)?;
    let exported = pass::rows(Needs::TABLE, logs, options, &mut sqlite)?;
    let mut remarks = exported.remarks;
    let wanted = paths::Options::default();
    for (ordinal, log) in logs.iter().enumerate() {
        let rows = Rows::new(log, ordinal, Needs::NOTHING, options.string_limit);
        let collector = (paths::collector(&wanted), net::each());
        // What is missing in the log has been found already.
        let ((found, used), _) = collect(log, &options.select, collector)?;
        let left_out = sqlite.found(&rows, &found, &used).map_err(Error::Write)?;
        remarks.extend(left_out.into_iter().filter_map(|left_out| found::remark(&rows, left_out)));
    }
    sqlite.base.batch(INDEXES).map_err(Error::Write)?;
    Ok((exported.findings, remarks))
}

/// A database, and what makes its rows.
struct Sqlite {
    base: Base,
    tables: Tables,
    data_limit: usize,
    calls: Calls,
    living: Living,
    captured: Captured,
    /// The open files that are in the table, by their ordinals.
    files: Bounded<u64, bool>,
}

/// The tables with the columns of the files of columns.
struct Tables {
    calls: Shared,
    tasks: Shared,
    files: Shared,
    sockets: Shared,
    regions: Shared,
}

impl Tables {
    fn create(base: &Base) -> io::Result<Self> {
        let event = Definition { columns: &["file_id INTEGER"], key: Some("log, event") };
        let task = Definition { key: Some("log, task"), ..Definition::default() };
        let path = Definition { key: Some("log, path, is_cut"), ..Definition::default() };
        let data = Definition { columns: &["data BLOB"], ..Definition::default() };
        Ok(Self {
            calls: base.table("calls", parquet::MESSAGE, event)?,
            tasks: base.table("tasks", tasks::MESSAGE, task)?,
            files: base.table("files", files::MESSAGE, path)?,
            sockets: base.table("sockets", sockets::MESSAGE, Definition::default())?,
            regions: base.table("regions", regions::MESSAGE, data)?,
        })
    }
}

impl Sqlite {
    fn new(path: &Path, data_limit: usize) -> io::Result<Self> {
        let base = Base::create(path)?;
        base.batch(TABLES)?;
        Ok(Self {
            tables: Tables::create(&base)?,
            base,
            data_limit: data_limit.min(LONGEST),
            calls: Calls::default(),
            living: Living::default(),
            captured: Captured::default(),
            files: Bounded::default(),
        })
    }

    fn call(&mut self, row: &CallRow<'_>) -> io::Result<()> {
        let file = rows::subject(&row.source).and_then(|(_, file)| file);
        if let Some(file) = &file {
            self.file(file, row)?;
        }
        let file_id = file.map(|file| signed(file.serial));
        self.calls.row(row, &mut self.base.rows(&self.tables.calls, &[&file_id]))?;
        for region in row.source.regions() {
            let data = region.first(self.data_limit);
            let more: [&dyn ToSql; 1] = [&data];
            let mut to = self.base.rows(&self.tables.regions, &more);
            self.captured.row(row, &region, &mut to)?;
        }
        Ok(())
    }

    /// Adds an open file, and what is known of a socket by now.
    fn file(&mut self, file: &OpenFile, row: &CallRow<'_>) -> io::Result<()> {
        let is_known = self.files.entry(&file.serial).map(|known| std::mem::replace(known, true));
        let id = signed(file.serial);
        if is_known != Some(true) {
            self.base.run(
                "INSERT OR IGNORE INTO open_files (log, file_id, name, mode, dev, ino, event)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
                params![
                    self.base.log,
                    id,
                    names::file_name(file),
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
        self.base.run(
            "UPDATE open_files SET family = ?, type = ?, local = ?, peer = ?
             WHERE log = ? AND file_id = ?",
            params![
                family,
                file.socket_type.get(),
                names::address(&local),
                names::address(&peer),
                self.base.log,
                id,
            ],
        )
    }

    fn exec(&self, row: &ExecRow) -> io::Result<()> {
        self.base.run(
            "INSERT INTO programs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                self.base.log,
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

    fn begin(&mut self, log: &LogRow) -> io::Result<()> {
        self.base.log = log.ordinal;
        self.files = Bounded::default();
        self.captured.begin(log);
        self.base.run(
            "INSERT INTO logs (log, name, unix_us, monotonic_ns) VALUES (?, ?, ?, ?)",
            params![log.ordinal, log.log, log.unix_us, signed(log.monotonic_ns)],
        )
    }

    /// Adds what views find in a log. Returns how many uses of paths and of sockets had no room.
    fn found(&mut self, rows: &Rows, paths: &Files, used: &Sockets) -> io::Result<[u64; 2]> {
        self.base.log = rows.log().ordinal;
        Ok([
            files::all(&mut self.base.rows(&self.tables.files, &[]), rows, paths)?,
            sockets::all(&mut self.base.rows(&self.tables.sockets, &[]), rows, used)?,
        ])
    }
}

impl Exporter for Sqlite {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        match row {
            Row::Call(row) => return self.call(row),
            Row::Log(log) => self.begin(log)?,
            Row::Signal(row) => self.base.run(
                "INSERT INTO signals VALUES (?, ?, ?, ?, ?, ?)",
                params![
                    self.base.log,
                    signed(row.event),
                    row.who.task,
                    signed(row.start_ns),
                    row.unix_us,
                    row.signal,
                ],
            )?,
            Row::End(end) => self.base.run(
                "UPDATE logs SET complete = ?, missing = ? WHERE log = ?",
                params![end.complete, end.missing.join("; "), self.base.log],
            )?,
            _ => {}
        }
        self.unselected(row)
    }

    /// Tasks and programs are there whether the filter selects them or not.
    fn unselected(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.calls.note(row);
        if let Row::Exec(row) = row {
            self.exec(row)?;
        }
        self.living.row(row, &mut self.base.rows(&self.tables.tasks, &[]))
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}
