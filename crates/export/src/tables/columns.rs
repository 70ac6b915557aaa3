//! A file of columns: rows are collected until they fill a row group, which another thread encodes
//! and writes.
//!
//! What engines disagree about is left out: there are no unsigned numbers and no timestamps of
//! nanoseconds, which Spark refuses. A timestamp of microseconds prunes row groups by time, and
//! `start_ns` has the rest.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use foldhash::fast::RandomState;
use parquet::basic::Type;
use parquet::schema::types as message;

/// The key of the name and version of the columns in the metadata of the file.
pub(super) const KEY: &str = "sysreel.schema";

/// The rows of a group: what DuckDB reads at a time.
const GROUP: usize = 122_880;
/// The most bytes of texts in a group, so that long paths do not fill memory.
const GROUP_BYTES: usize = 64 << 20;

/// A value of a row.
pub(super) enum Cell<'r> {
    Text(Option<&'r str>),
    /// A long text that others have too.
    Shared(Option<Arc<str>>),
    Long(Option<i64>),
    Short(Option<i32>),
    Truth(bool),
}

/// Returns a number with a sign; one that is too large is as large as possible.
pub(super) fn short(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Takes the rows of a table.
pub(super) trait Sink {
    /// Adds a row, which has a cell for each column.
    ///
    /// # Errors
    /// When it cannot be written.
    fn row<const N: usize>(&mut self, cells: [Cell<'_>; N]) -> io::Result<()>;
}

/// A table as a file of columns.
pub(super) struct Table {
    /// The names and types of the columns, as Parquet writes them, in the order of the cells of a
    /// row.
    pub(super) message: &'static str,
    /// The name and version of the columns, in the metadata of the file.
    pub(super) schema: &'static str,
    /// Columns that grow from row to row: their differences take less room than a dictionary.
    pub(super) growing: &'static [&'static str],
}

/// A file of row groups.
pub(super) trait Groups: Send {
    /// Writes the next group.
    ///
    /// # Errors
    /// When it cannot be written.
    fn group(&mut self, columns: Vec<Column>) -> io::Result<()>;

    /// Completes the file.
    ///
    /// # Errors
    /// When the rest cannot be written.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// Where groups go, and who writes them.
type Writing = (SyncSender<Vec<Column>>, JoinHandle<io::Result<()>>);

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
    /// Begins to write a table to a file.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn new(message: &message::Type, file: Box<dyn Groups>) -> io::Result<Self> {
        let columns = message
            .get_fields()
            .iter()
            .map(|field| Column::new(field.get_physical_type(), field.is_optional()))
            .collect();
        // One group is encoded while the next is collected.
        let (sender, groups) = sync_channel(0);
        let thread = Builder::new().name("columns".into()).spawn(move || write(file, &groups))?;
        Ok(Self { writing: Some((sender, thread)), columns, rows: 0, bytes: 0 })
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
        thread.join().map_err(|_| io::Error::other("the writer of columns failed"))?
    }
}

impl Sink for Columns {
    /// Fails also when an earlier group could not be written.
    fn row<const N: usize>(&mut self, cells: [Cell<'_>; N]) -> io::Result<()> {
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
}

/// Writes groups until there are no more, and completes the file.
fn write(mut file: Box<dyn Groups>, groups: &Receiver<Vec<Column>>) -> io::Result<()> {
    for columns in groups {
        file.group(columns)?;
    }
    file.finish()
}

/// The values of a column in a row group.
pub(super) struct Column {
    /// Those that are there.
    pub(super) values: Values,
    /// Of a column whose values may be missing, for each row: 1 if the value is there.
    pub(super) levels: Option<Vec<i16>>,
}

pub(super) enum Values {
    Text(Texts),
    Long(Vec<i64>),
    Short(Vec<i32>),
    Truth(Vec<bool>),
}

/// Texts, one after the other. The thread that writes them finds out which are the same.
#[derive(Default)]
pub(super) struct Texts {
    pub(super) bytes: Vec<u8>,
    /// Where each is. Many are the same as the one before.
    pub(super) spans: Vec<Range<usize>>,
    /// Where the shared ones are, by their addresses. They are kept, so that no other text gets
    /// the address of one.
    shared: HashMap<usize, (Arc<str>, Range<usize>), RandomState>,
}

impl Texts {
    /// Adds a text. Returns how many bytes are new.
    fn push(&mut self, text: &str) -> usize {
        let last = self.spans.last().cloned().filter(|last| {
            self.bytes.get(last.clone()).is_some_and(|last| last == text.as_bytes())
        });
        let is_new = last.is_none();
        let span = last.unwrap_or_else(|| self.append(text));
        self.spans.push(span);
        if is_new { text.len() } else { 0 }
    }

    fn share(&mut self, text: Arc<str>) -> usize {
        let address = text.as_ptr().addr();
        if let Some((_, span)) = self.shared.get(&address) {
            self.spans.push(span.clone());
            return 0;
        }
        let span = self.append(&text);
        let new = span.len();
        self.spans.push(span.clone());
        self.shared.insert(address, (text, span));
        new
    }

    fn append(&mut self, text: &str) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text.as_bytes());
        start..self.bytes.len()
    }
}

impl Column {
    fn new(kind: Type, is_optional: bool) -> Self {
        let values = match kind {
            Type::INT64 => Values::Long(Vec::new()),
            Type::INT32 => Values::Short(Vec::new()),
            Type::BOOLEAN => Values::Truth(Vec::new()),
            _ => Values::Text(Texts::default()),
        };
        Self { values, levels: is_optional.then(Vec::new) }
    }

    /// Returns an empty column of the same kind.
    fn another(&self) -> Self {
        let values = match &self.values {
            Values::Text(texts) => {
                let bytes = Vec::with_capacity(texts.bytes.len());
                let spans = Vec::with_capacity(texts.spans.len());
                Values::Text(Texts { bytes, spans, shared: HashMap::default() })
            }
            Values::Long(values) => Values::Long(Vec::with_capacity(values.len())),
            Values::Short(values) => Values::Short(Vec::with_capacity(values.len())),
            Values::Truth(values) => Values::Truth(Vec::with_capacity(values.len())),
        };
        let levels = self.levels.as_ref().map(|levels| Vec::with_capacity(levels.len()));
        Self { values, levels }
    }

    /// Adds a value. Returns how many bytes of text are new.
    fn push(&mut self, cell: Cell<'_>) -> usize {
        let mut new = 0;
        let is_there = match (&mut self.values, cell) {
            (Values::Text(texts), Cell::Text(value)) => {
                new = value.map_or(0, |text| texts.push(text));
                value.is_some()
            }
            (Values::Text(texts), Cell::Shared(value)) => {
                let is_there = value.is_some();
                new = value.map_or(0, |text| texts.share(text));
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
            (Values::Truth(values), Cell::Truth(value)) => {
                values.push(value);
                true
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
