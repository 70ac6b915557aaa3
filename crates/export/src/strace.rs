//! `strace`: the log as `sysreel print` writes it, in the form that programs expect which read the
//! output of strace.

use std::io::Write;

use sysreel_inspect::print::{Clock, Options as Lines, Precision, Quiet, TaskIds, print};
use sysreel_inspect::style::FdStyle;
use sysreel_inspect::{Error, Findings, LogFile};

use crate::options::Options;

/// Writes a log as `strace -f -ttt -T -y -o FILE` does.
///
/// # Errors
/// When the log cannot be read or the output cannot be written.
pub(crate) fn write(
    file: &mut LogFile,
    options: &Options,
    out: &mut dyn Write,
) -> Result<(Findings, Vec<String>), Error> {
    let lines = Lines {
        string_limit: options.string_limit,
        fds: FdStyle::Path,
        clock: Clock::Unix(Precision::Micros),
        duration: Some(Precision::Micros),
        task_ids: TaskIds::Plain,
        quiet: Quiet { personality: true, ..Quiet::default() },
        range: options.select.range,
        filter: options.select.filter.clone(),
        ..Lines::default()
    };
    Ok((print(file, &lines, out)?, Vec::new()))
}
