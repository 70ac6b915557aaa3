//! The descriptors that are open at a moment, as lsof(8) shows them.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Serialize;
use sysreel_inspect::abi::filter::file_type;
use sysreel_inspect::calls::Item;
use sysreel_inspect::format::Event;
use sysreel_inspect::state::Tracker;
use sysreel_inspect::visible::visible_bytes;
use sysreel_inspect::{Bound, Error, EventRange, Findings, Follow, LogFile};

use crate::select::{Looker, Select, look};
use crate::sockets::file_name;

/// The open descriptors at a moment.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OpenAt {
    /// The last event before the moment.
    pub at_event: u64,
    /// The living processes.
    pub processes: Vec<OpenProcess>,
}

/// A process, with its open descriptors.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OpenProcess {
    /// The process.
    pub pid: u32,
    /// The program; `null` if the log does not name it.
    pub exe: Option<String>,
    /// The working directory; `null` if unknown.
    pub cwd: Option<String>,
    /// The descriptors, in ascending order.
    pub fds: Vec<Open>,
}

/// An open descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Open {
    /// The descriptor.
    pub fd: i32,
    /// What kind of file it refers to, as in `fd.kind` of the filter language; `null` if unknown.
    pub kind: Option<String>,
    /// What it refers to.
    pub name: String,
    /// Device and inode; 0 if unknown.
    pub id: (u64, u64),
    /// The number of the event at which the process got it.
    pub opened: u64,
    /// Whether execve(2) closes it; `null` if unknown.
    pub close_on_exec: Option<bool>,
}

/// Finds the descriptors that are open after an event, or at the end of the log.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn open_at(file: &LogFile, at: Option<Bound>) -> Result<(OpenAt, Findings), Error> {
    let select = Select { range: EventRange { from: None, to: at }, ..Select::default() };
    let follow = Follow { processes: true, ..Follow::default() };
    let mut looking = Looking { found: OpenAt { at_event: 0, processes: Vec::new() } };
    let findings = look(file, &select, (follow, true), &mut looking)?;
    Ok((looking.found, findings))
}

struct Looking {
    found: OpenAt,
}

impl Looker for Looking {
    fn event(&mut self, event: &Event<'_>) {
        self.found.at_event = event.number;
    }

    fn item(&mut self, _: &Item<'_>, _selected: bool) {}

    fn end(&mut self, state: &Tracker) {
        // A task for each table: threads share it.
        let mut tables = BTreeMap::new();
        for (id, task) in state.tasks() {
            let Some(context) = state.context(id) else { continue };
            let table = Rc::as_ptr(&context.files).addr();
            let key = (task.tgid, table);
            let first = tables.entry(key).or_insert(id);
            *first = (*first).min(id);
        }
        for ((pid, _), id) in tables {
            let Some(context) = state.context(id) else { continue };
            let mut fds = Vec::new();
            context.files.borrow().for_each(|fd, descriptor| {
                let file = descriptor.file();
                fds.push(Open {
                    fd,
                    kind: file_type(file.mode).map(str::to_owned),
                    name: file_name(file),
                    id: file.id,
                    opened: descriptor.event(),
                    close_on_exec: descriptor.close_on_exec(),
                });
            });
            fds.sort_by_key(|open| open.fd);
            let cwd = context.places.borrow().cwd();
            self.found.processes.push(OpenProcess {
                pid,
                exe: state.program(id).map(visible_bytes),
                cwd: cwd.as_deref().map(visible_bytes),
                fds,
            });
        }
    }
}
