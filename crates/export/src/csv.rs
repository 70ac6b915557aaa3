//! `csv`: a table of calls (RFC 4180), lines end in a line feed.

use std::io::{self, Write};

use crate::class_lists::ClassLists;
use crate::exporter::Exporter;
use crate::row::Row;

/// The columns, in the order of the fields of a record.
const COLUMNS: [&str; 22] = [
    "log",
    "event",
    "exit_event",
    "task",
    "pid",
    "tid",
    "exe",
    "start_ns",
    "unix_us",
    "duration_ns",
    "call",
    "class",
    "args",
    "outcome",
    "result",
    "errno",
    "fd",
    "file",
    "path",
    "path2",
    "peer",
    "bytes",
];

/// Writes a table.
pub(crate) struct Csv<'o> {
    out: csv::Writer<&'o mut dyn Write>,
    log: String,
    classes: ClassLists,
}

impl<'o> Csv<'o> {
    pub(crate) fn new(out: &'o mut dyn Write) -> io::Result<Self> {
        let mut out = csv::Writer::from_writer(out);
        out.write_record(COLUMNS)?;
        Ok(Self { out, log: String::new(), classes: ClassLists::default() })
    }
}

impl Exporter for Csv<'_> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        let row = match row {
            Row::Log(log) => {
                self.log.clone_from(&log.log);
                return Ok(());
            }
            Row::Call(row) => row,
            _ => return Ok(()),
        };
        fn number(value: Option<impl ToString>) -> String {
            value.map_or_else(String::new, |value| value.to_string())
        }
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let fields: [String; COLUMNS.len()] = [
            self.log.clone(),
            row.event.to_string(),
            number(row.exit_event),
            number(row.who.task),
            row.who.pid.to_string(),
            row.who.tid.to_string(),
            row.exe.as_deref().unwrap_or_default().to_owned(),
            row.start_ns.to_string(),
            row.unix_us.to_string(),
            number(row.duration_ns),
            row.call.to_string(),
            self.classes.of(row.class).to_owned(),
            row.args.line().into_owned(),
            row.outcome.name().to_owned(),
            number(row.result),
            row.errno.as_deref().unwrap_or_default().to_owned(),
            number(row.fd),
            text(&row.file),
            text(&row.path),
            text(&row.path2),
            text(&row.peer),
            number(row.bytes),
        ];
        Ok(self.out.write_record(&fields)?)
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        self.out.flush()?;
        Ok(Vec::new())
    }
}
