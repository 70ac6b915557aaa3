//! What a log holds, in short: for people ([`std::fmt::Display`]) and for machines (serde).

use std::fmt;

use serde::Serialize;

use crate::{Error, LogFile};

/// What a log holds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Info {
    /// The version of the format.
    pub format: String,
}

impl Info {
    /// Sums up a log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn of(file: &mut LogFile) -> Result<Self, Error> {
        let _ = file;
        todo!()
    }
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "format {}", self.format)
    }
}
