//! The table of paths that were used or looked for: `parquet-files` and `arrow-files`, and `files`
//! of `sqlite`. docs/export.md has the columns.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use sysreel_inspect::visible::visible_bytes;
use sysreel_inspect::{Error, Findings, LogFile};
use sysreel_views::files::{self, File, Files};
use sysreel_views::{Bytes, shell::command_line};

use super::columns::{Cell, Sink, Table};
use super::container::Container;
use super::{found, signed};
use crate::options::Options;
use crate::rows::Rows;

/// The name and version of the columns, in the metadata of the file.
pub(super) const SCHEMA: &str = "sysreel/export-parquet-files/1";
const ARROW_SCHEMA: &str = "sysreel/export-arrow-files/1";

/// The columns, in the order of the cells of a row.
pub(super) const MESSAGE: &str = "message file {
    required binary log (STRING);
    required binary path (STRING);
    required boolean is_cut;
    required int64 first_event;
    required int64 last_event;
    required int64 start (TIMESTAMP(MICROS,true));
    required int64 start_ns;
    required int64 last_ns;
    required int64 bytes_read;
    required int64 bytes_written;
    required int64 not_found;
    required int64 failed;
    optional binary errors (STRING);
    required boolean changed;
    optional binary leads_to (STRING);
    optional binary renamed_to (STRING);
    optional binary renamed_from (STRING);
    optional binary exes (STRING);
    required int64 more_by;
    required int64 opens;
    required int64 reads;
    required int64 writes;
    required int64 creates;
    required int64 maybe_creates;
    required int64 truncates;
    required int64 deletes;
    required int64 renames_away;
    required int64 renames_here;
    required int64 changes;
    required int64 probes;
    required int64 lists;
    required int64 executes;
    required int64 maps;
    required int64 maps_write;
}";

/// Writes a file.
///
/// # Errors
/// When a log cannot be read or the file cannot be written.
pub(crate) fn write(
    path: &Path,
    logs: &[LogFile],
    options: &Options,
    container: Container,
) -> Result<(Vec<Findings>, Vec<String>), Error> {
    let schema = container.schema([SCHEMA, ARROW_SCHEMA]);
    let table = Table { message: MESSAGE, schema, growing: &[] };
    let wanted = files::Options::default();
    let to = (path, container, &table);
    found::write(to, (logs, options), || files::collector(&wanted), all)
}

/// Adds the rows of a log. Returns how many uses had no room.
///
/// # Errors
/// When they cannot be written.
pub(super) fn all(to: &mut impl Sink, rows: &Rows, found: &Files) -> io::Result<u64> {
    for file in &found.files {
        row(to, rows, file)?;
    }
    Ok(found.left_out)
}

fn row(to: &mut impl Sink, rows: &Rows, file: &File) -> io::Result<()> {
    let visible = |bytes: &Bytes| visible_bytes(bytes.as_bytes());
    let [leads_to, renamed_to, renamed_from] =
        [&file.leads_to, &file.renamed_to, &file.renamed_from]
            .map(|name| name.as_ref().map(visible));
    let failed: u64 = file.errors.iter().map(|(_, count)| count).sum();
    let errors: Vec<String> = file.errors.iter().map(|(name, _)| name).collect();
    let errors = (!errors.is_empty()).then(|| errors.join(","));
    let exes: BTreeSet<String> =
        file.by.iter().filter_map(|by| by.exe.as_ref()).map(visible).collect();
    let exes = (!exes.is_empty()).then(|| command_line(exes));
    let path = visible(&file.path);
    let [start, start_ns] = found::time(rows, file.first_ns);
    let [_, last_ns] = found::time(rows, file.last_ns);
    let count = |value: u64| Cell::Long(Some(signed(value)));
    let uses = |name: &str| count(file.uses.count(name));
    to.row([
        Cell::Text(Some(&rows.log().log)),
        Cell::Text(Some(&path)),
        Cell::Truth(file.is_cut),
        count(file.first_event),
        count(file.last_event),
        start,
        start_ns,
        last_ns,
        count(file.bytes_read),
        count(file.bytes_written),
        count(file.not_found),
        count(failed),
        Cell::Text(errors.as_deref()),
        Cell::Truth(file.changed),
        Cell::Text(leads_to.as_deref()),
        Cell::Text(renamed_to.as_deref()),
        Cell::Text(renamed_from.as_deref()),
        Cell::Text(exes.as_deref()),
        count(file.more_by),
        uses("open"),
        uses("read"),
        uses("write"),
        uses("create"),
        uses("maybe_create"),
        uses("truncate"),
        uses("delete"),
        uses("rename_away"),
        uses("rename_here"),
        uses("change"),
        uses("probe"),
        uses("list"),
        uses("execute"),
        uses("map"),
        uses("map_write"),
    ])
}
