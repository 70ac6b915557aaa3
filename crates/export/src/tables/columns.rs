//! A Parquet file: rows are collected in columns until they fill a row group, which another thread
//! encodes and writes.
//!
//! What engines disagree about is left out: there are no unsigned numbers and no timestamps of
//! nanoseconds, which Spark refuses. A timestamp of microseconds prunes row groups by time, and
//! `start_ns` has the rest.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use foldhash::fast::RandomState;
use parquet::basic::{Compression, Encoding, Type, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

/// The key of the name and version of the columns in the metadata of the file.
pub(super) const KEY: &str = "sysreel.schema";

/// The rows of a group: what DuckDB reads at a time.
const GROUP: usize = 122_880;
/// The most bytes of texts in a group, so that long paths do not fill memory.
const GROUP_BYTES: usize = 64 << 20;
/// zstd's default.
const LEVEL: i32 = 3;

/// A value of a row.
pub(super) enum Cell<'r> {
    Text(Option<&'r str>),
    /// A text that others have too.
    Shared(Option<ByteArray>),
    Long(Option<i64>),
    Short(Option<i32>),
}

/// Returns a number with a sign; one that is too large is as large as possible.
pub(super) fn short(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Where groups go, and who writes them.
type Writing = (SyncSender<Vec<Column>>, JoinHandle<Result<(), ParquetError>>);

/// A file of columns.
pub(super) struct Columns {
    /// `None` once the file is complete.
    writing: Option<Writing>,
    /// The row group so far.
    columns: Vec<Column>,
    rows: usize,
    /// The bytes of its texts.
    bytes: usize,
}

impl Columns {
    /// Creates a file of the columns of `message`. `growing`: columns that grow from row to row,
    /// whose differences take less room than a dictionary.
    pub(super) fn create(
        path: &Path,
        message: &str,
        schema: &str,
        growing: &[&str],
    ) -> io::Result<Self> {
        let message = Arc::new(parse_message_type(message).map_err(io::Error::other)?);
        let columns = message
            .get_fields()
            .iter()
            .map(|field| Column::new(field.get_physical_type(), field.is_optional()))
            .collect();
        let properties = properties(schema, growing).map_err(io::Error::other)?;
        let writer = SerializedFileWriter::new(File::create(path)?, message, properties)
            .map_err(io::Error::other)?;
        // One group is encoded while the next is collected.
        let (sender, groups) = sync_channel(0);
        let thread = Builder::new().name("parquet".into()).spawn(move || write(writer, &groups))?;
        Ok(Self { writing: Some((sender, thread)), columns, rows: 0, bytes: 0 })
    }

    /// Adds a row, which has a cell for each column.
    ///
    /// # Errors
    /// When an earlier group could not be written.
    pub(super) fn row<'r, const N: usize>(&mut self, cells: [Cell<'r>; N]) -> io::Result<()> {
        debug_assert_eq!(cells.len(), self.columns.len());
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            self.bytes = self.bytes.saturating_add(column.push(cell));
        }
        self.rows += 1;
        if self.rows < GROUP && self.bytes < GROUP_BYTES {
            return Ok(());
        }
        self.group()
    }

    /// Passes the rows so far on as a row group.
    fn group(&mut self) -> io::Result<()> {
        let next = self.columns.iter().map(Column::another).collect();
        let group = std::mem::replace(&mut self.columns, next);
        (self.rows, self.bytes) = (0, 0);
        let Some((sender, _)) = &self.writing else { return Ok(()) };
        match sender.send(group) {
            Ok(()) => Ok(()),
            // The thread has ended with an error.
            Err(_) => self.end(),
        }
    }

    /// Completes the file.
    ///
    /// # Errors
    /// When something could not be written.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.group()?;
        }
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        let Some((sender, thread)) = self.writing.take() else { return Ok(()) };
        drop(sender);
        let ended = thread.join().map_err(|_| io::Error::other("the writer of columns failed"))?;
        ended.map_err(io::Error::other)
    }
}

/// Writes groups until there are no more, and completes the file.
fn write(
    mut writer: SerializedFileWriter<File>,
    groups: &Receiver<Vec<Column>>,
) -> Result<(), ParquetError> {
    for columns in groups {
        let mut group = writer.next_row_group()?;
        for values in &columns {
            let Some(mut column) = group.next_column()? else { break };
            let levels = values.levels.as_deref();
            match &values.values {
                Values::Text(texts, _) => {
                    column.typed::<ByteArrayType>().write_batch(texts, levels, None)?;
                }
                Values::Long(numbers) => {
                    column.typed::<Int64Type>().write_batch(numbers, levels, None)?;
                }
                Values::Short(numbers) => {
                    column.typed::<Int32Type>().write_batch(numbers, levels, None)?;
                }
            }
            column.close()?;
        }
        group.close()?;
    }
    writer.close().map(drop)
}

fn properties(schema: &str, growing: &[&str]) -> Result<WriterPropertiesPtr, ParquetError> {
    let schema = KeyValue { key: KEY.to_owned(), value: Some(schema.to_owned()) };
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("sysreel ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_key_value_metadata(Some(vec![schema]));
    for name in growing {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(*name), false)
            .set_column_encoding(ColumnPath::from(*name), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(Arc::new(properties.build()))
}

/// The values of a column in a row group.
struct Column {
    values: Values,
    /// Of a column whose values may be missing, for each row: 1 if the value is there.
    levels: Option<Vec<i16>>,
}

enum Values {
    /// Each text once: most occur often, and memory for each of them would cost more time than
    /// everything else.
    Text(Vec<ByteArray>, HashSet<Known, RandomState>),
    Long(Vec<i64>),
    Short(Vec<i32>),
}

impl Column {
    fn new(kind: Type, is_optional: bool) -> Self {
        let values = match kind {
            Type::INT64 => Values::Long(Vec::new()),
            Type::INT32 => Values::Short(Vec::new()),
            _ => Values::Text(Vec::new(), HashSet::default()),
        };
        Self { values, levels: is_optional.then(Vec::new) }
    }

    /// Returns an empty column of the same kind.
    fn another(&self) -> Self {
        let values = match self.values {
            Values::Text(..) => Values::Text(Vec::new(), HashSet::default()),
            Values::Long(_) => Values::Long(Vec::new()),
            Values::Short(_) => Values::Short(Vec::new()),
        };
        Self { values, levels: self.levels.is_some().then(Vec::new) }
    }

    /// Adds a value. Returns how many bytes of text are new.
    fn push(&mut self, cell: Cell<'_>) -> usize {
        let mut new = 0;
        let is_there = match (&mut self.values, cell) {
            (Values::Text(values, known), Cell::Text(value)) => {
                if let Some(text) = value {
                    match known.get(text.as_bytes()) {
                        Some(Known(text)) => values.push(text.clone()),
                        None => {
                            new = text.len();
                            let text = ByteArray::from(text.as_bytes().to_vec());
                            known.insert(Known(text.clone()));
                            values.push(text);
                        }
                    }
                }
                value.is_some()
            }
            (Values::Text(values, _), Cell::Shared(value)) => {
                let is_there = value.is_some();
                values.extend(value);
                is_there
            }
            (Values::Long(values), Cell::Long(value)) => {
                values.extend(value);
                value.is_some()
            }
            (Values::Short(values), Cell::Short(value)) => {
                values.extend(value);
                value.is_some()
            }
            _ => {
                debug_assert!(false, "a cell fits its column");
                return 0;
            }
        };
        if let Some(levels) = &mut self.levels {
            levels.push(i16::from(is_there));
        }
        new
    }
}

/// A text of a column.
struct Known(ByteArray);

impl Borrow<[u8]> for Known {
    fn borrow(&self) -> &[u8] {
        self.0.data()
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.0.data() == other.0.data()
    }
}

impl Eq for Known {}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.data().hash(state);
    }
}
