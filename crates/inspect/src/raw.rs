//! A log as JSON, one object per event and line, without any loss: what is not text is hexadecimal.

use std::io::Write;

use crate::{Error, Findings, LogFile};

/// Writes every event of a log as one line of JSON.
///
/// # Errors
/// When the log cannot be read or the output not be written. Damage is no error: it is in the [`Findings`], and in
/// a line of its own where it is.
pub fn raw(file: &mut LogFile, out: &mut dyn Write) -> Result<Findings, Error> {
    let _ = (file, out);
    todo!()
}
