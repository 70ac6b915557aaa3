//! Tables of what a view finds in logs: it reads a log, and then its rows are written.

use std::io;
use std::path::Path;

use sysreel_inspect::{Error, Findings, LogFile};
use sysreel_views::{Collect, collect};

use super::columns::{Cell, Columns, Table};
use super::container::Container;
use super::signed;
use crate::exporter::Needs;
use crate::options::Options;
use crate::rows::Rows;

/// Writes a table of what a collector finds in each log. `write` writes the rows of a log, and
/// returns how often something had no room. Returns what is missing in each log, and what the user
/// should know.
pub(super) fn write<C: Collect>(
    (path, container, table): (&Path, Container, &Table),
    (logs, options): (&[LogFile], &Options),
    collector: impl Fn() -> C,
    write: impl Fn(&mut Columns, &Rows, &C::Result) -> io::Result<u64>,
) -> Result<(Vec<Findings>, Vec<String>), Error> {
    let mut columns = container.create(path, table).map_err(Error::Write)?;
    let (mut all, mut remarks) = (Vec::new(), Vec::new());
    for (ordinal, log) in logs.iter().enumerate() {
        let rows = Rows::new(log, ordinal, Needs::NOTHING, options.string_limit);
        let (found, findings) = collect(log, &options.select, collector())?;
        let left_out = write(&mut columns, &rows, &found).map_err(Error::Write)?;
        remarks.extend(remark(&rows, left_out));
        all.push(findings);
    }
    columns.finish().map_err(Error::Write)?;
    Ok((all, remarks))
}

/// Returns what the user should know of uses that had no room, if there are any.
pub(super) fn remark(rows: &Rows, left_out: u64) -> Option<String> {
    let name = &rows.log().log;
    (left_out > 0).then(|| format!("{left_out} uses in {name} are not in the table: no room"))
}

/// Returns the cells of a time: microseconds since 1970, and nanoseconds from the start of the
/// recording.
pub(super) fn time(rows: &Rows, t_ns: u64) -> [Cell<'static>; 2] {
    let (start_ns, unix_us) = rows.since_start(t_ns);
    [Cell::Long(Some(unix_us)), Cell::Long(Some(signed(start_ns)))]
}
