//! What a format does with rows.

use std::io;

use crate::row::Row;

/// Arguments as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arguments {
    /// None.
    No,
    /// Each by its name.
    Each,
    /// All of them as one text.
    Line,
}

/// Which parts of a call row a format needs: those that cost time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Arguments as text.
    pub(crate) args: Arguments,
    /// What descriptors refer to, paths, addresses.
    pub(crate) names: bool,
    /// The memory of calls, for the format itself.
    pub(crate) memory: bool,
}

impl Needs {
    /// Everything.
    pub(crate) const ALL: Self = Self { args: Arguments::Each, names: true, memory: true };
    /// Everything, for a table.
    pub(crate) const TABLE: Self = Self { args: Arguments::Line, ..Self::ALL };
    /// What descriptors refer to, but no arguments.
    pub(crate) const NAMES: Self = Self { args: Arguments::No, names: true, memory: false };
    /// The memory of calls, and descriptors. The format makes names itself.
    pub(crate) const DATA: Self = Self::NAMES;
    /// The memory of calls, and what programs began with.
    #[cfg(feature = "tables")]
    pub(crate) const MEMORY: Self = Self { args: Arguments::No, names: false, memory: true };
    /// What the kernel's structs have: numbers, times, results.
    pub(crate) const NOTHING: Self = Self { args: Arguments::No, names: false, memory: false };
}

/// Writes rows in a format.
pub(crate) trait Exporter {
    /// Writes the next row. The rows of each log begin with [`Row::Log`] and end with [`Row::End`].
    ///
    /// # Errors
    /// When the output cannot be written.
    fn row(&mut self, row: &Row<'_>) -> io::Result<()>;

    /// Takes note of a row that the filter left out, other than a call: a format may need to know
    /// what lives.
    ///
    /// # Errors
    /// When the output cannot be written.
    fn unselected(&mut self, row: &Row<'_>) -> io::Result<()> {
        let _ = row;
        Ok(())
    }

    /// Ends the output, after the last log. Returns what the user should know of it, a sentence
    /// each: what had no room, what is not as in the log.
    ///
    /// # Errors
    /// When the output cannot be written.
    fn finish(&mut self) -> io::Result<Vec<String>>;
}
