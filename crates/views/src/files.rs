//! `files`: which paths were used, how and by whom, and what was looked for in vain.

mod collect;
mod counts;
mod result;
mod search;
mod text;

use sysreel_inspect::{Error, Findings, LogFile};

use collect::Collector;

pub use counts::{Errors, UseNames, Uses};
pub use result::{By, File, Files, Options, Search, Tried, Which};

/// Returns the paths of a log.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn files(file: &LogFile, options: &Options) -> Result<(Files, Findings), Error> {
    Collector::read(file, options)
}
