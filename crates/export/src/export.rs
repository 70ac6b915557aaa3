//! Reads logs and passes their rows to a format.

use std::io::{self, Write};
use std::path::Path;

use sysreel_inspect::calls::Item;
use sysreel_inspect::info::left_out;
use sysreel_inspect::{Error, Findings, Follow, LogFile};
use sysreel_views::{Looker, Names, look};

use crate::exporter::{Arguments, Exporter, Needs};
use crate::format::{Format, Make};
use crate::grants::Grants;
use crate::options::Options;
use crate::row::{EndRow, Row};
use crate::rows::Rows;
use crate::strace::Parts;

/// Where the output goes.
pub enum Target<'t> {
    /// To a writer. [`Content::Database`](crate::Content) needs a file.
    Out(&'t mut dyn Write),
    /// To this file, which is created or replaced.
    File(&'t Path),
    /// To several files, which [`Content::Parts`](crate::Content) needs.
    Parts(Parts<'t>),
}

/// What an export found.
#[derive(Debug, Default)]
pub struct Exported {
    /// What is missing or damaged in each log.
    pub findings: Vec<Findings>,
    /// What the user should know of the output: what had no room, what is not as in the log.
    pub remarks: Vec<String>,
}

/// Exports logs, one after another.
///
/// # Errors
/// When a log cannot be read or the output cannot be written. When the format is not built, takes
/// one log only, or needs a file: [`Error::Write`] says so. Damage is not an error.
pub fn export(
    format: &Format,
    logs: &mut [LogFile],
    options: &Options,
    target: Target<'_>,
) -> Result<Exported, Error> {
    let mut exported = write(format, logs, options, target)?;
    for (log, findings) in logs.iter().zip(&mut exported.findings) {
        findings.left_out.extend(format.required.left_out(log, options.select.filter.as_ref()));
    }
    Ok(exported)
}

fn write(
    format: &Format,
    logs: &mut [LogFile],
    options: &Options,
    target: Target<'_>,
) -> Result<Exported, Error> {
    let refuse = |why: String| Err(Error::Write(io::Error::other(why)));
    if !format.merges && logs.len() > 1 {
        return refuse(format!("a file of the format {} has one log", format.name));
    }
    match (&format.make, target) {
        (Make::Missing, _) => refuse(format!("the format {} is not in this build", format.name)),
        (Make::Parts(read), Target::Parts(to)) => {
            let mut exported = Exported::default();
            for log in logs {
                let (findings, remarks) = read(log, options, to)?;
                exported.findings.push(findings);
                exported.remarks.extend(remarks);
            }
            Ok(exported)
        }
        (Make::Parts(_), _) => refuse(format!("the format {} needs several files", format.name)),
        (_, Target::Parts(_)) => refuse(format!("the format {} has one file", format.name)),
        (Make::File(..) | Make::Found(_), Target::Out(_)) => {
            refuse(format!("the format {} needs a file", format.name))
        }
        (Make::File(needs, make), Target::File(path)) => {
            let mut exporter = make(path).map_err(Error::Write)?;
            rows(*needs, logs, options, &mut *exporter)
        }
        (Make::Found(read), Target::File(path)) => {
            let (findings, remarks) = read(path, logs, options)?;
            Ok(Exported { findings, remarks })
        }
        (_, Target::File(path)) => {
            let file = std::fs::File::create(path).map_err(Error::Write)?;
            let mut out = io::BufWriter::with_capacity(BUFFER, file);
            let exported = write(format, logs, options, Target::Out(&mut out))?;
            out.flush().map_err(Error::Write)?;
            Ok(exported)
        }
        (Make::Rows(needs, make), Target::Out(out)) => {
            let mut exporter = make(out).map_err(Error::Write)?;
            rows(*needs, logs, options, &mut *exporter)
        }
        (Make::Grants(make), Target::Out(out)) => {
            let mut grants = Grants::default();
            let findings = logs.iter().map(|log| grants.add(log, options));
            let findings = findings.collect::<Result<_, _>>()?;
            let remarks = grants.finish();
            make(&grants, out).map_err(Error::Write)?;
            Ok(Exported { findings, remarks })
        }
        (Make::Whole(read), Target::Out(out)) => {
            let mut exported = Exported::default();
            for log in logs {
                let (findings, remarks) = read(log, options, out)?;
                exported.findings.push(findings);
                exported.remarks.extend(remarks);
            }
            Ok(exported)
        }
    }
}

/// Large enough to avoid a write(2) for each row.
const BUFFER: usize = 256 << 10;

/// Passes the rows of all logs to an exporter.
pub(crate) fn rows(
    needs: Needs,
    logs: &[LogFile],
    options: &Options,
    exporter: &mut dyn Exporter,
) -> Result<Exported, Error> {
    let mut exported = Exported::default();
    for (ordinal, log) in logs.iter().enumerate() {
        let rows = Rows::new(log, ordinal, needs, options.string_limit);
        exporter.row(&Row::Log(rows.log().clone())).map_err(Error::Write)?;
        let (exporter, needs_names) = (&mut *exporter, needs.names);
        let mut passing = Passing { rows, needs_names, exporter, failed: None };
        let follow = Follow { processes: needs.names, ..Follow::default() };
        let memory = needs.memory || needs.args != Arguments::No || needs.names;
        let findings = look(log, &options.select, (follow, memory), &mut passing)?;
        if let Some(error) = passing.failed {
            return Err(Error::Write(error));
        }
        let left_out = left_out(log);
        let complete = findings.is_whole() && left_out.is_empty();
        let end = EndRow { complete, missing: findings.sentences(), left_out };
        exporter.row(&Row::End(end)).map_err(Error::Write)?;
        exported.findings.push(findings);
    }
    exported.remarks = exporter.finish().map_err(Error::Write)?;
    Ok(exported)
}

/// Passes the selected rows of a log on.
struct Passing<'e> {
    rows: Rows,
    needs_names: bool,
    exporter: &'e mut dyn Exporter,
    failed: Option<io::Error>,
}

impl Looker for Passing<'_> {
    fn names(&self) -> Names {
        if self.needs_names { Names::ALL } else { Names::default() }
    }

    fn item(&mut self, item: &Item<'_>, selected: bool) {
        if !selected && matches!(item, Item::Call(_)) {
            return;
        }
        let Some(row) = self.rows.row(item) else { return };
        let done = match selected {
            true => self.exporter.row(&row),
            false => self.exporter.unselected(&row),
        };
        self.failed = done.err();
    }

    fn is_over(&self) -> bool {
        self.failed.is_some()
    }
}
