//! Calls as text.

use std::collections::{BTreeMap, BTreeSet};

use sysreel_inspect::calls::{Call, Item};
use sysreel_inspect::style::{FdStyle, Style};
use sysreel_inspect::visible::visible;
use sysreel_inspect::{Error, Follow, LogFile};
use sysreel_views::{Looker, Select, look};

use crate::options::Options;
use crate::table::{Kind, Table};

/// The column that the rows are ordered by on the page.
pub(crate) const ORDER: &str = "event";

/// Returns the table of these calls, the most important first.
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn calls(log: &LogFile, events: &[u64], options: &Options) -> Result<Table, Error> {
    let wanted: BTreeSet<u64> = events.iter().copied().collect();
    let style = Style { fds: FdStyle::Path, ..Style::default() };
    let start_ns = log.log().meta().monotonic_ns;
    let mut writing = Writing { wanted, style, start_ns, rows: BTreeMap::new() };
    let follow = Follow { processes: true, ..Follow::default() };
    look(log, &Select::default(), (follow, true), &mut writing)?;
    let mut table = Table::new(
        "calls",
        options.masks(),
        &[
            (ORDER, Kind::Growing),
            ("start", Kind::Growing),
            ("duration", Kind::Number),
            ("pid", Kind::Number),
            ("tid", Kind::Number),
            ("name", Kind::Text),
            ("errno", Kind::Text),
            ("call", Kind::Text),
        ],
    );
    for event in events {
        let Some(row) = writing.rows.remove(event) else { continue };
        table.row([
            (*event).into(),
            row.start_ns.into(),
            row.duration_ns.into(),
            row.pid.into(),
            row.tid.into(),
            row.name.into(),
            row.errno.into(),
            row.text.into(),
        ]);
    }
    Ok(table)
}

struct Row {
    start_ns: u64,
    duration_ns: Option<u64>,
    pid: u32,
    tid: u32,
    name: String,
    errno: String,
    text: String,
}

/// Writes the wanted calls as text.
struct Writing {
    wanted: BTreeSet<u64>,
    style: Style,
    start_ns: u64,
    rows: BTreeMap<u64, Row>,
}

impl Looker for Writing {
    fn item(&mut self, item: &Item<'_>, _selected: bool) {
        if let Item::Call(call) = item
            && self.wanted.contains(&call.number())
        {
            let row = self.row(call);
            self.rows.insert(call.number(), row);
        }
    }
}

impl Writing {
    fn row(&self, call: &Call<'_>) -> Row {
        let mut text = String::new();
        call.write(&self.style, &mut text);
        let duration = call.duration();
        Row {
            start_ns: call.start().as_nanos().saturating_sub(self.start_ns),
            duration_ns: duration.map(|took| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)),
            pid: call.task().tgid(),
            tid: call.task().tid(),
            name: call.name().into_owned(),
            errno: call.ended().errno().map(|errno| errno.to_string()).unwrap_or_default(),
            text: cut(visible(&text).into_owned()),
        }
    }
}

/// The most characters of a call: most of a page would be one long path otherwise.
const MOST_CALL: usize = 1000;

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MOST_CALL) {
        text.truncate(end);
        text.push('…');
    }
    text
}
