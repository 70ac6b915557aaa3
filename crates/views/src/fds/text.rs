//! The tables of `fds`.

use std::io::{self, Write};

use super::{Fd, FdEnd, Fds, Inherited, OpenAt, Origin};
use crate::page::Page;
use crate::table::{Align, Rows, Table, write_line};
use crate::text::duration;
use crate::view::View;
use sysreel_inspect::Required;

fn cells(fd: &Fd) -> [String; 8] {
    [
        fd.pid.to_string(),
        fd.fd.to_string(),
        fd.opened.to_string(),
        match (&fd.by, fd.origin) {
            (Some(by), _) => by.clone(),
            (None, Origin::Inherited) => "(inherited)".to_owned(),
            (None, _) => String::new(),
        },
        fd.closed.map(|event| event.to_string()).unwrap_or_default(),
        fd.end_word().to_owned(),
        duration(fd.lived_ns),
        fd.name.clone(),
    ]
}

impl View for Fds {
    const SCHEMA: &'static str = "sysreel/fds/1";
    const REQUIRED: Required = Required { names: true, ..Required::NOTHING };

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let table = Table::new(&[
            ("pid", Align::Right),
            ("fd", Align::Right),
            ("opened", Align::Right),
            ("by", Align::Left),
            ("closed", Align::Right),
            ("", Align::Left),
            ("lived", Align::Right),
            ("name", Align::Left),
        ]);
        if self.leaked && self.fds.is_empty() {
            let line = match self.still_open {
                0 => "every descriptor from 3 on that a call opened was closed before its process \
                      ended"
                    .to_owned(),
                1 => "no process has ended with an open descriptor; 1 that a call opened is open \
                      at the end of the log"
                    .to_owned(),
                count => format!(
                    "no process has ended with an open descriptor; {count} that calls opened are \
                     open at the end of the log"
                ),
            };
            write_line(&line, page, out)?;
        } else {
            let rows: &Rows<'_> = &|each| self.fds.iter().try_for_each(|fd| each(&cells(fd)));
            table.write_rows(page, out, rows)?;
        }
        if self.leaked || self.inherited.len() <= FEW {
            self.write_inherited(page, out)?;
        } else {
            let line = format!(
                "\n{} descriptors were inherited over execve: --leaked lists them",
                self.inherited.len()
            );
            write_line(&line, page, out)?;
        }
        if self.left_out > 0 {
            write_line(&format!("({} more descriptors)", self.left_out), page, out)?;
        }
        Ok(())
    }
}

/// As many inherited descriptors are listed without being asked for.
const FEW: usize = 10;

impl Fds {
    fn write_inherited(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        if self.inherited.is_empty() {
            return Ok(());
        }
        writeln!(out, "\ninherited over execve, without close-on-exec:")?;
        let table = Table::new(&[
            ("pid", Align::Right),
            ("fd", Align::Right),
            ("event", Align::Right),
            ("opened", Align::Right),
            ("by pid", Align::Right),
            ("exe", Align::Left),
            ("name", Align::Left),
        ]);
        let row = |inherited: &Inherited| {
            [
                inherited.pid.to_string(),
                inherited.fd.to_string(),
                inherited.event.to_string(),
                inherited.opened.to_string(),
                inherited.opened_by.map(|pid| pid.to_string()).unwrap_or_default(),
                inherited.exe.clone().unwrap_or_default(),
                inherited.name.clone(),
            ]
        };
        let rows: &Rows<'_> = &|each| self.inherited.iter().try_for_each(|one| each(&row(one)));
        table.write_rows(page, out, rows)
    }
}

impl Fd {
    fn end_word(&self) -> &'static str {
        match self.end {
            FdEnd::Closed => "closed",
            FdEnd::Replaced => "replaced",
            FdEnd::Exec => "exec",
            FdEnd::Exit => "at exit",
            FdEnd::Open => "open",
        }
    }
}

impl View for OpenAt {
    const SCHEMA: &'static str = "sysreel/fds-at/1";
    const REQUIRED: Required = Required { names: true, ..Required::NOTHING };

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        if self.processes.is_empty() {
            let line = format!("no process lives after event {}", self.at_event);
            return write_line(&line, page, out);
        }
        let mut table = Table::new(&[
            ("pid", Align::Right),
            ("exe", Align::Left),
            ("fd", Align::Right),
            ("kind", Align::Left),
            ("opened", Align::Right),
            ("name", Align::Left),
        ]);
        for process in &self.processes {
            let exe = process.exe.clone().unwrap_or_default();
            let cells = |fd: &str, kind: &str, opened: &str, name: &str| {
                vec![
                    process.pid.to_string(),
                    exe.clone(),
                    fd.into(),
                    kind.into(),
                    opened.into(),
                    name.into(),
                ]
            };
            table.row(cells("cwd", "directory", "", process.cwd.as_deref().unwrap_or("?")));
            for open in &process.fds {
                let kind = open.kind.as_deref().unwrap_or("?");
                let (fd, opened) = (open.fd.to_string(), open.opened.to_string());
                table.row(cells(&fd, kind, &opened, &open.name));
            }
        }
        table.write(page, out)
    }
}
