//! The tables of `net`.

use std::io::{self, Write};

use super::{Endpoint, Lookup, Net, Role};
use crate::page::Page;
use crate::table::{Align, Rows, Table, write_line};
use crate::text::size;
use crate::view::View;
use sysreel_inspect::Required;
use sysreel_inspect::abi::Classes;

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Listen => "listen",
            Self::Accept => "accept",
            Self::Datagram => "datagram",
            Self::Bind => "bind",
            Self::Pair => "pair",
            Self::Before => "before",
        }
    }
}

/// As many processes of an endpoint are listed.
const FEW: usize = 3;

impl View for Net {
    const SCHEMA: &'static str = "sysreel/net/1";
    const REQUIRED: Required = Required::files(Classes::NETWORK.and(Classes::DESC));

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let table = Table::new(&[
            ("event", Align::Right),
            ("", Align::Left),
            ("", Align::Left),
            ("address", Align::Left),
            ("outcome", Align::Left),
            ("sockets", Align::Right),
            ("received", Align::Right),
            ("sent", Align::Right),
            ("by", Align::Left),
        ]);
        let row = |endpoint: &Endpoint| {
            let mut address = endpoint.address.clone().unwrap_or_default();
            if !endpoint.names.is_empty() {
                address = format!("{address} ({})", endpoint.names.join(", "));
            }
            let mut pids: Vec<String> =
                endpoint.pids.iter().take(FEW).map(ToString::to_string).collect();
            if endpoint.pids.len() > FEW {
                pids.push("...".to_owned());
            }
            [
                endpoint.event.to_string(),
                endpoint.role.word().to_owned(),
                endpoint.protocol.clone(),
                address,
                endpoint.outcome.clone(),
                endpoint.sockets.to_string(),
                size(endpoint.received),
                size(endpoint.sent),
                format!("{} [{}]", endpoint.exe, pids.join(", ")),
            ]
        };
        if self.endpoints.is_empty() {
            let line = match page.is_partial {
                true => "no sockets are known",
                false => "no sockets were used",
            };
            write_line(line, page, out)?;
        } else {
            let rows: &Rows<'_> = &|each| self.endpoints.iter().try_for_each(|one| each(&row(one)));
            table.write_rows(page, out, rows)?;
        }
        if !self.lookups.is_empty() {
            self.write_lookups(page, out)?;
        }
        if self.left_out > 0 {
            write_line(&format!("({} calls on more sockets)", self.left_out), page, out)?;
        }
        Ok(())
    }
}

impl Net {
    fn write_lookups(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\nnames looked up by DNS:")?;
        let table = Table::new(&[
            ("event", Align::Right),
            ("asked", Align::Right),
            ("type", Align::Left),
            ("name", Align::Left),
            ("code", Align::Left),
            ("by", Align::Left),
            ("answers", Align::Left),
        ]);
        let row = |lookup: &Lookup| {
            [
                lookup.event.to_string(),
                lookup.asked.to_string(),
                lookup.record.clone(),
                lookup.name.clone(),
                lookup.code.clone().unwrap_or_else(|| "no answer".to_owned()),
                lookup.exe.clone(),
                lookup.answers.join(", "),
            ]
        };
        let rows: &Rows<'_> = &|each| self.lookups.iter().try_for_each(|one| each(&row(one)));
        table.write_rows(page, out, rows)
    }
}
