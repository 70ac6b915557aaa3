//! Writes row groups to an Arrow IPC file, each as a record batch.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::StringViewBuilder;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, BooleanArray, Int32Array, Int64Array, PrimitiveArray, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::basic::{LogicalType, Type as Physical};
use parquet::schema::types::Type;

use super::columns::{Column, Groups, KEY, Table, Texts, Values};

/// A file.
pub(super) struct ArrowFile {
    writer: FileWriter<BufWriter<File>>,
    schema: SchemaRef,
}

impl ArrowFile {
    /// Creates a file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(super) fn create(path: &Path, message: &Type, table: &Table) -> io::Result<Self> {
        let fields: Vec<Field> = message.get_fields().iter().map(|column| field(column)).collect();
        let metadata = HashMap::from([(KEY.to_owned(), table.schema.to_owned())]);
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        let out = BufWriter::new(File::create(path)?);
        let writer = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::ZSTD))
            .and_then(|options| FileWriter::try_new_with_options(out, &schema, options));
        Ok(Self { writer: writer.map_err(io::Error::other)?, schema })
    }

    fn write(&mut self, columns: Vec<Column>) -> Result<(), ArrowError> {
        let fields = self.schema.fields().iter();
        let arrays = columns.into_iter().zip(fields).map(|(column, field)| array(column, field));
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)?;
        self.writer.write(&batch)
    }
}

impl Groups for ArrowFile {
    fn group(&mut self, columns: Vec<Column>) -> io::Result<()> {
        self.write(columns).map_err(io::Error::other)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.writer.finish().map_err(io::Error::other)
    }
}

fn field(column: &Type) -> Field {
    let kind = match (column.get_physical_type(), column.get_basic_info().logical_type_ref()) {
        (_, Some(LogicalType::Timestamp(_))) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        (Physical::INT64, _) => DataType::Int64,
        (Physical::INT32, _) => DataType::Int32,
        (Physical::BOOLEAN, _) => DataType::Boolean,
        // Views: a text that occurs again takes 16 bytes.
        _ => DataType::Utf8View,
    };
    Field::new(column.name(), kind, column.is_optional())
}

fn array(column: Column, field: &Field) -> Result<ArrayRef, ArrowError> {
    let Column { values, levels } = column;
    Ok(match values {
        Values::Text(texts) => text(texts, levels)?,
        Values::Long(values) if *field.data_type() != DataType::Int64 => {
            let array: PrimitiveArray<TimestampMicrosecondType> = spread(values, levels).collect();
            Arc::new(array.with_timezone("UTC"))
        }
        Values::Long(values) => Arc::new(spread(values, levels).collect::<Int64Array>()),
        Values::Short(values) => Arc::new(spread(values, levels).collect::<Int32Array>()),
        Values::Truth(values) => Arc::new(spread(values, levels).collect::<BooleanArray>()),
    })
}

fn text(texts: Texts, levels: Option<Vec<i16>>) -> Result<ArrayRef, ArrowError> {
    let mut views = StringViewBuilder::new();
    let block = views.append_block(Buffer::from_vec(texts.bytes));
    let too_long = |_| ArrowError::InvalidArgumentError("a text is longer than 4 GiB".to_owned());
    for span in spread(texts.spans, levels) {
        match span {
            Some(span) => {
                let start = u32::try_from(span.start).map_err(too_long)?;
                let len = u32::try_from(span.len()).map_err(too_long)?;
                views.try_append_view(block, start, len)?;
            }
            None => views.append_null(),
        }
    }
    Ok(Arc::new(views.finish()))
}

/// Returns the value of each row, if it is there.
fn spread<T>(values: Vec<T>, levels: Option<Vec<i16>>) -> impl Iterator<Item = Option<T>> {
    let rows = levels.as_ref().map_or(values.len(), Vec::len);
    let mut values = values.into_iter();
    (0..rows).map(move |row| match &levels {
        Some(levels) if levels.get(row) == Some(&0) => None,
        _ => values.next(),
    })
}
