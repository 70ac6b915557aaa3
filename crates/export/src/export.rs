//! Exports logs: gives each format what it asks for.

use std::io::{self, Write};
use std::path::Path;

use sysreel_inspect::{Error, LogFile};

use crate::format::{Format, Make};
use crate::grants::Grants;
use crate::options::Options;
use crate::pass::{Exported, rows};
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
