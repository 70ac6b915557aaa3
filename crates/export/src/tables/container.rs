//! The kinds of files that have columns.

use std::io;
use std::path::Path;

use parquet::schema::parser::parse_message_type;

use super::arrow_file::ArrowFile;
use super::columns::{Columns, Groups, Table};
use super::parquet_file::ParquetFile;

/// What kind of file it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Container {
    Parquet,
    Arrow,
}

impl Container {
    /// Returns which of two names is for files of this kind: that for Parquet, or that for Arrow.
    pub(super) fn schema(self, [parquet, arrow]: [&'static str; 2]) -> &'static str {
        match self {
            Self::Parquet => parquet,
            Self::Arrow => arrow,
        }
    }

    /// Creates a file of a table.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub(super) fn create(self, path: &Path, table: &Table) -> io::Result<Columns> {
        let message = parse_message_type(table.message).map_err(io::Error::other)?;
        let file: Box<dyn Groups> = match self {
            Self::Parquet => Box::new(ParquetFile::create(path, &message, table)?),
            Self::Arrow => Box::new(ArrowFile::create(path, &message, table)?),
        };
        Columns::new(&message, file)
    }
}
