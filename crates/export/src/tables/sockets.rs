//! The table of sockets, with a row for each connect of one: `parquet-sockets` and
//! `arrow-sockets`, and `sockets` of `sqlite`. docs/export.md has the columns.

use std::io;
use std::path::Path;

use sysreel_inspect::{Error, Findings, LogFile};
use sysreel_views::net::{self, Role, Socket, Sockets};

use super::columns::{Cell, Sink, Table, short};
use super::container::Container;
use super::{found, signed};
use crate::options::Options;
use crate::rows::Rows;

/// The name and version of the columns, in the metadata of the file.
pub(super) const SCHEMA: &str = "sysreel/export-parquet-sockets/1";
const ARROW_SCHEMA: &str = "sysreel/export-arrow-sockets/1";

/// The columns, in the order of the cells of a row.
pub(super) const MESSAGE: &str = "message socket {
    required binary log (STRING);
    required int64 socket;
    required int64 first_event;
    required int64 last_event;
    optional int32 task;
    required int32 pid;
    optional binary exe (STRING);
    required int64 start (TIMESTAMP(MICROS,true));
    required int64 start_ns;
    required int64 last_ns;
    required binary role (STRING);
    required binary protocol (STRING);
    optional binary address (STRING);
    optional binary local (STRING);
    optional binary peer (STRING);
    optional binary names (STRING);
    required binary outcome (STRING);
    optional int64 connect_ns;
    required int64 received;
    required int64 sent;
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
    let table = Table { message: MESSAGE, schema, growing: &["first_event", "start", "start_ns"] };
    found::write((path, container, &table), (logs, options), net::each, all)
}

/// Adds the rows of a log. Returns how many uses had no room.
///
/// # Errors
/// When they cannot be written.
pub(super) fn all(to: &mut impl Sink, rows: &Rows, found: &Sockets) -> io::Result<u64> {
    for socket in &found.sockets {
        row(to, rows, socket)?;
    }
    Ok(found.left_out)
}

fn row(to: &mut impl Sink, rows: &Rows, socket: &Socket) -> io::Result<()> {
    let names: Vec<&str> = socket.names.iter().map(String::as_str).collect();
    let names = (!names.is_empty()).then(|| names.join(","));
    let exe = Some(socket.exe.as_str()).filter(|exe| !exe.is_empty());
    let [start, start_ns] = found::time(rows, socket.first_ns);
    let [_, last_ns] = found::time(rows, socket.last_ns);
    let count = |value: u64| Cell::Long(Some(signed(value)));
    to.row([
        Cell::Text(Some(&rows.log().log)),
        count(socket.file),
        count(socket.event),
        count(socket.last_event),
        Cell::Short(socket.task.map(short)),
        Cell::Short(Some(short(socket.pid))),
        Cell::Text(exe),
        start,
        start_ns,
        last_ns,
        Cell::Text(Some(socket.role.map_or("", Role::name))),
        Cell::Text(Some(socket.protocol.unwrap_or("socket"))),
        Cell::Text(socket.address.as_deref()),
        Cell::Text(socket.local.as_deref()),
        Cell::Text(socket.peer.as_deref()),
        Cell::Text(names.as_deref()),
        Cell::Text(Some(&socket.outcome())),
        Cell::Long(socket.connect_ns.map(signed)),
        count(socket.received),
        count(socket.sent),
    ])
}
