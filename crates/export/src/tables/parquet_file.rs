//! Writes row groups to a Parquet file.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};

use super::columns::{Column, Groups, KEY, Table, Texts, Values};

/// zstd's default.
const LEVEL: i32 = 3;

/// A file.
pub(super) struct ParquetFile(SerializedFileWriter<File>);

impl ParquetFile {
    /// Creates a file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(super) fn create(path: &Path, message: &Type, table: &Table) -> io::Result<Self> {
        let properties = properties(table).map_err(io::Error::other)?;
        let writer =
            SerializedFileWriter::new(File::create(path)?, Arc::new(message.clone()), properties);
        Ok(Self(writer.map_err(io::Error::other)?))
    }

    fn write(&mut self, columns: Vec<Column>) -> Result<(), ParquetError> {
        let mut group = self.0.next_row_group()?;
        for Column { values, levels } in columns {
            let Some(mut column) = group.next_column()? else { break };
            let levels = levels.as_deref();
            match values {
                Values::Text(texts) => {
                    column.typed::<ByteArrayType>().write_batch(
                        &byte_arrays(texts),
                        levels,
                        None,
                    )?;
                }
                Values::Long(numbers) => {
                    column.typed::<Int64Type>().write_batch(&numbers, levels, None)?;
                }
                Values::Short(numbers) => {
                    column.typed::<Int32Type>().write_batch(&numbers, levels, None)?;
                }
                Values::Truth(truths) => {
                    column.typed::<BoolType>().write_batch(&truths, levels, None)?;
                }
            }
            column.close()?;
        }
        group.close().map(drop)
    }
}

impl Groups for ParquetFile {
    fn group(&mut self, columns: Vec<Column>) -> io::Result<()> {
        self.write(columns).map_err(io::Error::other)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.0.close().map(drop).map_err(io::Error::other)
    }
}

/// Returns texts as parts of the same memory.
fn byte_arrays(texts: Texts) -> Vec<ByteArray> {
    let all = ByteArray::from(texts.bytes);
    texts.spans.into_iter().map(|span| all.slice(span.start, span.len())).collect()
}

fn properties(table: &Table) -> Result<WriterPropertiesPtr, ParquetError> {
    let schema = KeyValue { key: KEY.to_owned(), value: Some(table.schema.to_owned()) };
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("sysreel ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_key_value_metadata(Some(vec![schema]));
    for name in table.growing {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(*name), false)
            .set_column_encoding(ColumnPath::from(*name), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(Arc::new(properties.build()))
}
