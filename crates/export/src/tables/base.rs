//! A database, and its tables that have the columns of the files of columns.

use std::io;
use std::iter::once;
use std::path::Path;

use parquet::basic::Type as Physical;
use parquet::schema::parser::parse_message_type;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::columns::{Cell, Sink};

/// A database that is being written.
pub(super) struct Base {
    connection: Connection,
    /// The number of the log whose rows are written.
    pub(super) log: u32,
}

impl Base {
    /// Creates a database.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let connection = Connection::open(path).map_err(io::Error::other)?;
        let base = Self { connection, log: 0 };
        // The file has its name only when it is complete, so nothing has to be undone.
        base.batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;")?;
        Ok(base)
    }

    /// Executes statements without values.
    ///
    /// # Errors
    /// When one fails.
    pub(super) fn batch(&self, statements: &str) -> io::Result<()> {
        self.connection.execute_batch(statements).map_err(io::Error::other)
    }

    /// Executes a statement.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn run(&self, statement: &str, values: &[&dyn ToSql]) -> io::Result<()> {
        self.execute(statement, values.iter().copied())
    }

    fn execute<'v>(
        &self,
        statement: &str,
        values: impl Iterator<Item = &'v dyn ToSql>,
    ) -> io::Result<()> {
        let prepared = self.connection.prepare_cached(statement);
        let done = prepared.and_then(|mut prepared| prepared.execute(params_from_iter(values)));
        done.map(drop).map_err(io::Error::other)
    }

    /// Creates a table with the columns of a message of Parquet. `log` is the number of the log
    /// instead of its name. `more` has what follows: columns that only a database has, and keys.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(super) fn table(
        &self,
        name: &str,
        message: &str,
        more: Definition<'_>,
    ) -> io::Result<Shared> {
        let message = parse_message_type(message).map_err(io::Error::other)?;
        let mut columns: Vec<String> = Vec::new();
        for field in message.get_fields() {
            let kind = match field.get_physical_type() {
                _ if field.name() == "log" => "INTEGER REFERENCES logs",
                Physical::BYTE_ARRAY => "TEXT",
                _ => "INTEGER",
            };
            let null = if field.is_optional() { "" } else { " NOT NULL" };
            columns.push(format!("{} {kind}{null}", field.name()));
        }
        columns.extend(more.columns.iter().map(|&column| column.to_owned()));
        let values = vec!["?"; columns.len()].join(", ");
        columns.extend(more.key.map(|key| format!("PRIMARY KEY ({key}) ON CONFLICT REPLACE")));
        let rowid = if more.key.is_some() { " WITHOUT ROWID" } else { "" };
        self.batch(&format!("CREATE TABLE {name} (\n    {}\n){rowid};", columns.join(",\n    ")))?;
        Ok(Shared(format!("INSERT INTO {name} VALUES ({values})")))
    }

    /// Returns what inserts rows into a table. `more` has the values of its own columns.
    pub(super) fn rows<'b>(&'b self, table: &'b Shared, more: &'b [&'b dyn ToSql]) -> Inserts<'b> {
        Inserts { base: self, table, more }
    }
}

/// What a table has besides the columns of a message.
#[derive(Clone, Copy, Default)]
pub(super) struct Definition<'d> {
    /// Columns with their types.
    pub(super) columns: &'d [&'d str],
    /// The columns of the primary key.
    pub(super) key: Option<&'d str>,
}

/// A table with the columns of a message: the statement that adds a row.
#[derive(Debug)]
pub(super) struct Shared(String);

/// Inserts rows into a table.
pub(super) struct Inserts<'b> {
    base: &'b Base,
    table: &'b Shared,
    more: &'b [&'b dyn ToSql],
}

impl Sink for Inserts<'_> {
    fn row<const N: usize>(&mut self, cells: [Cell<'_>; N]) -> io::Result<()> {
        // The first cell is the name of the log.
        let cells = cells.iter().skip(1).map(|cell| cell as &dyn ToSql);
        let values = once(&self.base.log as &dyn ToSql).chain(cells);
        self.base.execute(&self.table.0, values.chain(self.more.iter().copied()))
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Cell::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Cell::Shared(Some(text)) => ValueRef::Text(text.as_bytes()),
            Cell::Long(Some(number)) => ValueRef::Integer(*number),
            Cell::Short(Some(number)) => ValueRef::Integer((*number).into()),
            Cell::Truth(truth) => ValueRef::Integer((*truth).into()),
            Cell::Text(None) | Cell::Shared(None) | Cell::Long(None) | Cell::Short(None) => {
                ValueRef::Null
            }
        }))
    }
}
