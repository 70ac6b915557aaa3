//! `parquet`: a row for each call. docs/export.md has the columns.
//!
//! What engines disagree about is left out: there are no unsigned numbers and no timestamps of
//! nanoseconds, which Spark refuses. A timestamp of microseconds prunes row groups by time, and
//! `start_ns` has the rest.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use super::commands::Commands;
use super::signed;
use crate::exporter::Exporter;
use crate::row::{CallRow, Row};

/// The name and version of the columns, in the metadata of the file.
pub(super) const SCHEMA: (&str, &str) = ("sysreel.schema", "sysreel/export-parquet/1");

/// The columns, in the order of the cells of a row.
const MESSAGE: &str = "message call {
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

/// Columns that grow from row to row: their differences take less room than a dictionary.
const GROWING: [&str; 4] = ["event", "exit_event", "start", "start_ns"];

/// The rows of a group: what DuckDB reads at a time.
const GROUP: usize = 122_880;
/// The most bytes of texts in a group, so that long paths do not fill memory.
const GROUP_BYTES: usize = 64 << 20;
/// zstd's default.
const LEVEL: i32 = 3;

/// The values of a column for a row group. A value that may be missing has a level: 1 if it is
/// there.
#[derive(Debug)]
enum Column {
    Text(Vec<ByteArray>, Option<Vec<i16>>),
    Long(Vec<i64>, Option<Vec<i16>>),
    Short(Vec<i32>, Option<Vec<i16>>),
}

/// A value of a row.
enum Cell<'r> {
    Text(Option<&'r str>),
    Shared(Option<ByteArray>),
    Long(Option<i64>),
    Short(Option<i32>),
}

/// Writes a file.
pub(crate) struct Parquet {
    /// `None` once it is complete.
    writer: Option<SerializedFileWriter<File>>,
    columns: Vec<Column>,
    rows: usize,
    /// The bytes of the texts of these rows.
    bytes: usize,
    log: String,
    commands: Commands,
}

impl Parquet {
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let schema = Arc::new(parse_message_type(MESSAGE).map_err(io::Error::other)?);
        let columns = schema
            .get_fields()
            .iter()
            .map(|field| Column::new(field.get_physical_type(), field.is_optional()))
            .collect();
        let properties = properties().map_err(io::Error::other)?;
        let writer = SerializedFileWriter::new(File::create(path)?, schema, properties)
            .map_err(io::Error::other)?;
        Ok(Self {
            writer: Some(writer),
            columns,
            rows: 0,
            bytes: 0,
            log: String::new(),
            commands: Commands::default(),
        })
    }

    fn call(&mut self, row: &CallRow<'_>) -> io::Result<()> {
        let class = row.class.names().collect::<Vec<_>>().join(",");
        let args = row.args.line();
        let command = row.who.task.and_then(|task| self.commands.of(task));
        let short = |value: u32| Some(i32::try_from(value).unwrap_or(i32::MAX));
        let cells = [
            Cell::Text(Some(&self.log)),
            Cell::Long(Some(signed(row.event))),
            Cell::Long(row.exit_event.map(signed)),
            Cell::Short(row.who.task.and_then(short)),
            Cell::Short(short(row.who.pid)),
            Cell::Short(short(row.who.tid)),
            Cell::Text(row.exe.as_deref()),
            Cell::Shared(command),
            Cell::Long(Some(row.unix_us)),
            Cell::Long(Some(signed(row.start_ns))),
            Cell::Long(row.duration_ns.map(signed)),
            Cell::Text(Some(&row.call)),
            Cell::Text(Some(&class)),
            Cell::Text(Some(&args)),
            Cell::Text(Some(row.outcome.name())),
            Cell::Long(row.result),
            Cell::Text(row.errno.as_deref()),
            Cell::Short(row.fd),
            Cell::Text(row.file.as_deref()),
            Cell::Text(row.path.as_deref()),
            Cell::Text(row.path2.as_deref()),
            Cell::Text(row.peer.as_deref()),
            Cell::Long(row.bytes.map(signed)),
        ];
        debug_assert_eq!(cells.len(), self.columns.len());
        let mut bytes: usize = 0;
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            // A shared text takes no room of its own.
            if let Cell::Text(Some(text)) = cell {
                bytes = bytes.saturating_add(text.len());
            }
            column.push(cell);
        }
        (self.rows, self.bytes) = (self.rows + 1, self.bytes.saturating_add(bytes));
        if self.rows < GROUP && self.bytes < GROUP_BYTES {
            return Ok(());
        }
        self.group().map_err(io::Error::other)
    }

    /// Writes the rows so far as a row group.
    fn group(&mut self) -> Result<(), ParquetError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let mut group = writer.next_row_group()?;
        for values in &mut self.columns {
            let Some(mut column) = group.next_column()? else { break };
            match values {
                Column::Text(values, levels) => {
                    column.typed::<ByteArrayType>().write_batch(values, levels.as_deref(), None)?;
                }
                Column::Long(values, levels) => {
                    column.typed::<Int64Type>().write_batch(values, levels.as_deref(), None)?;
                }
                Column::Short(values, levels) => {
                    column.typed::<Int32Type>().write_batch(values, levels.as_deref(), None)?;
                }
            }
            column.close()?;
            values.clear();
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

fn properties() -> Result<WriterPropertiesPtr, ParquetError> {
    let (key, value) = SCHEMA;
    let schema = KeyValue { key: key.to_owned(), value: Some(value.to_owned()) };
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("sysreel ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_key_value_metadata(Some(vec![schema]));
    for name in GROWING {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(name), false)
            .set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(Arc::new(properties.build()))
}

impl Column {
    fn new(kind: parquet::basic::Type, is_optional: bool) -> Self {
        let levels = is_optional.then(Vec::new);
        match kind {
            parquet::basic::Type::INT64 => Self::Long(Vec::new(), levels),
            parquet::basic::Type::INT32 => Self::Short(Vec::new(), levels),
            _ => Self::Text(Vec::new(), levels),
        }
    }

    fn push(&mut self, cell: Cell<'_>) {
        let (levels, is_there) = match (self, cell) {
            (Self::Text(values, levels), Cell::Text(value)) => {
                values.extend(value.map(|text| ByteArray::from(text.as_bytes().to_vec())));
                (levels, value.is_some())
            }
            (Self::Text(values, levels), Cell::Shared(value)) => {
                let is_there = value.is_some();
                values.extend(value);
                (levels, is_there)
            }
            (Self::Long(values, levels), Cell::Long(value)) => {
                values.extend(value);
                (levels, value.is_some())
            }
            (Self::Short(values, levels), Cell::Short(value)) => {
                values.extend(value);
                (levels, value.is_some())
            }
            _ => return debug_assert!(false, "a cell fits its column"),
        };
        if let Some(levels) = levels {
            levels.push(i16::from(is_there));
        }
    }

    fn clear(&mut self) {
        let levels = match self {
            Self::Text(values, levels) => {
                values.clear();
                levels
            }
            Self::Long(values, levels) => {
                values.clear();
                levels
            }
            Self::Short(values, levels) => {
                values.clear();
                levels
            }
        };
        levels.iter_mut().for_each(Vec::clear);
    }
}

impl Exporter for Parquet {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        match row {
            Row::Log(log) => {
                self.log.clone_from(&log.log);
                self.commands = Commands::default();
                Ok(())
            }
            Row::Call(row) => self.call(row),
            row => self.unselected(row),
        }
    }

    fn unselected(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.commands.add(row);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        if self.rows > 0 {
            self.group().map_err(io::Error::other)?;
        }
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(io::Error::other)?;
        }
        Ok(Vec::new())
    }
}
