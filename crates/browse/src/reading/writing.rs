//! Writes the rows that are shown to a file.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sysreel_inspect::print::{Excerpts, Options, TaskIds};
use sysreel_inspect::visible::json;
use sysreel_inspect::{LogFile, open};
use sysreel_views::show::Show;
use tempfile::NamedTempFile;

use super::lines::style;
use super::searching::{Rows, percent};
use crate::index::Place;
use crate::message::{End, Message, Shared, Stop};

/// How many rows are taken from the index at once.
const MOST: usize = 256;
/// The most bytes of each buffer in JSON.
const BUFFER: usize = 1024;

/// Writes rows to a new file: as JSON lines if its name ends so, else as text.
pub(crate) fn write(
    path: PathBuf,
    to: PathBuf,
    rows: Rows,
    (job, shared, stop): (u64, Shared, Stop),
) {
    let end = match written(&path, &to, &rows, (job, &shared, &stop)) {
        Ok(count) => End::Said(format!("{count} lines written to {}", to.display())),
        Err(error) => End::Failed(format!("cannot write {}: {error}", to.display())),
    };
    if !stop.is_stopped() {
        shared.tell(Message::Ended(job, end));
    }
}

fn written(
    path: &Path,
    to: &Path,
    rows: &Rows,
    (job, shared, stop): (u64, &Shared, &Stop),
) -> Result<usize, Box<dyn std::error::Error>> {
    let is_json = [Some(OsStr::new("ndjson")), Some(OsStr::new("json"))].contains(&to.extension());
    let log = open(path)?;
    let mut excerpts = Excerpts::new(&log);
    let style = Options { task_ids: TaskIds::Always, ..style() };
    if to.symlink_metadata().is_ok() {
        return Err("it exists; choose another name".into());
    }
    let file = create(to)?;
    let mut out = BufWriter::new(file.as_file());
    let (mut done, mut count) = (0, 0_usize);
    while done < rows.len && !stop.is_stopped() {
        let next = done.saturating_add(MOST).min(rows.len);
        let positions: Vec<usize> = (done..next).collect();
        for place in rows.places(&positions, shared) {
            let text = match is_json {
                true => object(&log, &mut excerpts, (&place, &style))?,
                false => excerpts.read(&place.spot(), &style, |_| ())?.map(|line| line.text),
            };
            if let Some(text) = text {
                writeln!(out, "{text}")?;
                count = count.saturating_add(1);
            }
        }
        done = next;
        shared.tell(Message::Progress(job, percent(done, rows.len)));
    }
    out.flush()?;
    drop(out);
    if !stop.is_stopped() {
        file.persist_noclobber(to).map_err(|error| error.error)?;
    }
    Ok(count)
}

/// Returns a row as `sysreel show --json` has it.
fn object(
    log: &LogFile,
    excerpts: &mut Excerpts<'_>,
    (place, style): (&Place, &Options),
) -> Result<Option<String>, Box<dyn std::error::Error>> {
    let mut show = None;
    let excerpt =
        excerpts.read(&place.spot(), style, |item| show = Some(Show::of(item, log, BUFFER)))?;
    let (Some(show), Some(excerpt)) = (show, excerpt) else { return Ok(None) };
    let lines = excerpt.text.lines().map(str::to_owned).collect();
    Ok(Some(json(&Show { lines, ..show })?))
}

/// Creates a file beside another one, whose name it gets when it is complete; else it is removed.
/// Only its owner may read it, as the log.
fn create(path: &Path) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    tempfile::Builder::new().prefix(&prefix).suffix(".partial").tempfile_in(folder)
}
