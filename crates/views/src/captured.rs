//! What was captured when programs began, for `env` and `maps`.

use serde::Serialize;
use sysreel_inspect::LogFile;
use sysreel_inspect::calls::Item;

use crate::nodes::{Change, Nodes, nanoseconds};
use crate::pool::{Bytes, BytesList, Pool};
use crate::shell::command_line;

/// A program that began, or was found at attach.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Program {
    /// The number of its node in `sysreel tree`.
    pub node: u32,
    /// The process.
    pub pid: u32,
    /// How many programs the process had executed, this one included; 0 for one that was found at
    /// attach.
    pub exec: u32,
    /// The path of the program; `null` if it had no room.
    pub exe: Option<Bytes>,
    /// Its arguments; `null` if they had no room.
    pub argv: Option<BytesList>,
    /// The number of the event with its state.
    pub event: u64,
    /// The time at which it began, in nanoseconds from the start of the recording.
    pub start_ns: u64,
}

impl Program {
    /// Returns a line about the program: process, how many it executed before, command line.
    pub(crate) fn heading(&self) -> String {
        let argv = self.argv.as_ref().map_or(&[][..], BytesList::as_slice);
        let line = match (argv, &self.exe) {
            ([], Some(exe)) => command_line([exe]),
            ([], None) => "?".to_owned(),
            (argv, _) => command_line(argv),
        };
        format!("pid {}, exec {}, event {}: {line}", self.pid, self.exec, self.event)
    }
}

/// Whether a program is one of the wanted processes; none means all.
pub(crate) fn wants(pids: &[u32], program: &Program) -> bool {
    pids.is_empty() || pids.contains(&program.pid)
}

/// Follows the programs of a log.
pub(crate) struct Captured {
    nodes: Nodes,
    pub(crate) pool: Pool,
    start_ns: u64,
    left_out: u64,
}

impl Captured {
    pub(crate) fn of(file: &LogFile) -> Self {
        let start_ns = file.log().meta().monotonic_ns;
        Self { nodes: Nodes::new(false), pool: Pool::default(), start_ns, left_out: 0 }
    }

    /// Takes note of an item, and returns the program that begins with it. Every item must be
    /// noted, in order.
    pub(crate) fn note(&mut self, item: &Item<'_>) -> Option<Program> {
        let change = self.nodes.note(item, &mut self.pool);
        let Item::Exec(exec) = item else { return None };
        let node = match change {
            Some(Change::Executed(_, node) | Change::Found(node)) => node,
            _ => {
                self.leave_out();
                return None;
            }
        };
        let of = self.nodes.get(node)?;
        Some(Program {
            node,
            pid: of.pid,
            exec: of.exec,
            exe: of.program.exe.clone(),
            argv: of.program.argv.clone(),
            event: exec.event.number,
            start_ns: nanoseconds(self.start_ns, of.start.t_ns),
        })
    }

    /// Counts a program that has no room.
    pub(crate) fn leave_out(&mut self) {
        self.left_out = self.left_out.saturating_add(1);
    }

    /// Returns how many programs had no room.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }
}
