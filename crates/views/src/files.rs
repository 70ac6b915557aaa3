//! `files`: which paths were used, how and by whom, and what was looked for in vain.

mod collect;
mod counts;
mod result;
mod search;
mod text;

use sysreel_inspect::{Error, Findings, LogFile};

use crate::select::{self, Collect};
use collect::Collector;

pub use counts::{Errors, UseNames, Uses};
pub use result::{By, File, Files, Options, Search, Tried, Which};

/// Returns the paths of a log.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn files(file: &LogFile, options: &Options) -> Result<(Files, Findings), Error> {
    select::collect(file, &options.select, collector(options))
}

/// Returns what collects paths. The part of the log is for the caller to choose.
#[must_use]
pub fn collector(options: &Options) -> impl Collect<Result = Files> {
    Collector::new(options)
}
