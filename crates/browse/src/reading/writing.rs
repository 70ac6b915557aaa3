//! Writes the rows that are shown to a file.

use std::ffi::OsStr;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sysreel_inspect::print::{Excerpts, Options, TaskIds};
use sysreel_inspect::visible::json;
use sysreel_inspect::{LogFile, counted, open};
use sysreel_views::show::Show;

use super::lines::style;
use super::searching::{Rows, percent};
use crate::index::Place;
use crate::message::{End, Message, Shared, Stop};
use crate::options::Files;

/// How many rows are taken from the index at once.
const MOST: usize = 256;
/// The most bytes of each buffer in JSON.
const BUFFER: usize = 1024;

/// Writes rows to a new file: as JSON lines if its name ends so, else as text.
pub(crate) fn write(
    (path, to): (PathBuf, PathBuf),
    files: Files,
    rows: Rows,
    (job, shared, stop): (u64, Shared, Stop),
) {
    let mut count = 0;
    let mut contents = |out: &mut dyn Write| {
        count = written((&path, &to), &rows, (job, &shared, &stop), out)?;
        Ok(())
    };
    let end = match (files.write)(&to, &mut contents) {
        Ok(()) => End::Said(format!("{} written to {}", counted(count, "line"), to.display())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            End::Failed(format!("{} exists; choose another name", to.display()))
        }
        Err(error) => End::Failed(format!("cannot write {}: {error}", to.display())),
    };
    if !stop.is_stopped() {
        shared.tell(Message::Ended(job, end));
    }
}

fn written(
    (path, to): (&Path, &Path),
    rows: &Rows,
    (job, shared, stop): (u64, &Shared, &Stop),
    out: &mut dyn Write,
) -> io::Result<u64> {
    let is_json = [Some(OsStr::new("ndjson")), Some(OsStr::new("json"))].contains(&to.extension());
    let log = open(path).map_err(io::Error::other)?;
    let mut excerpts = Excerpts::new(&log);
    let style = Options { task_ids: TaskIds::Always, ..style() };
    let mut out = BufWriter::new(out);
    let (mut done, mut count) = (0, 0_u64);
    while done < rows.len {
        if stop.is_stopped() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let next = done.saturating_add(MOST).min(rows.len);
        let positions: Vec<usize> = (done..next).collect();
        for place in rows.places(&positions, shared) {
            let text = match is_json {
                true => object(&log, &mut excerpts, (&place, &style))?,
                false => {
                    let line = excerpts.read(&place.spot(), &style, |_| ());
                    line.map_err(io::Error::other)?.map(|line| line.text)
                }
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
    Ok(count)
}

/// Returns a row as `sysreel show --json` has it.
fn object(
    log: &LogFile,
    excerpts: &mut Excerpts<'_>,
    (place, style): (&Place, &Options),
) -> io::Result<Option<String>> {
    let mut show = None;
    let read = excerpts.read(&place.spot(), style, |item| show = Some(Show::of(item, log, BUFFER)));
    let excerpt = read.map_err(io::Error::other)?;
    let (Some(show), Some(excerpt)) = (show, excerpt) else { return Ok(None) };
    let lines = excerpt.text.lines().map(str::to_owned).collect();
    Ok(Some(json(&Show { lines, ..show })?))
}
