//! Reads logs and passes their rows to an exporter.

use std::io;

use sysreel_inspect::calls::Item;
use sysreel_inspect::info::left_out;
use sysreel_inspect::{Error, Findings, Follow, LogFile};
use sysreel_views::{Looker, Names, look};

use crate::exporter::{Arguments, Exporter, Needs};
use crate::options::Options;
use crate::row::{EndRow, Row};
use crate::rows::Rows;

/// What an export found.
#[derive(Debug, Default)]
pub struct Exported {
    /// What is missing or damaged in each log.
    pub findings: Vec<Findings>,
    /// What the user should know of the output: what had no room, what is not as in the log.
    pub remarks: Vec<String>,
}

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
