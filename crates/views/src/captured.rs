//! What was captured when programs began, for `env` and `maps`.

use std::io::{self, Write};

use serde::Serialize;
use sysreel_inspect::calls::{Exec, Item};
use sysreel_inspect::{Error, Findings, Follow, LogFile};

use crate::nodes::{Change, Nodes, nanoseconds};
use crate::page::Page;
use crate::pool::{Bytes, BytesList, Pool};
use crate::select::{Looker, Select, look};
use crate::shell::command_line;
use crate::table::write_line;

/// The programs of a log, with what each began with.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Programs<T> {
    /// The programs, in the order of their beginnings.
    pub programs: Vec<T>,
    /// The number of programs that had no room.
    pub left_out: u64,
    /// The number of texts that had no room, and are `null`.
    pub texts_left_out: u64,
}

impl<T> Programs<T> {
    /// Writes each program, and what had no room.
    pub(crate) fn write(
        &self,
        page: &Page,
        out: &mut dyn Write,
        each: impl Fn(&T, &mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        self.programs.iter().try_for_each(|program| each(program, &mut *out))?;
        for (count, what) in [(self.left_out, "programs"), (self.texts_left_out, "texts")] {
            if count > 0 {
                write_line(&format!("({count} {what} had no room)"), page, out)?;
            }
        }
        Ok(())
    }
}

/// Collects the selected programs of a log: of processes with one of these pids, or of all if
/// there are none. `of` returns what is kept of a program; `None` if it has no room. `memory`:
/// whether it asks for the memory of the execve(2).
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn programs<T>(
    file: &LogFile,
    (select, pids): (&Select, &[u32]),
    memory: bool,
    of: impl Fn(Program, &Exec<'_>, &mut Pool) -> Option<T>,
) -> Result<(Programs<T>, Findings), Error> {
    let mut collector = Collector { pids, of, captured: Captured::of(file), programs: Vec::new() };
    let findings = look(file, select, (Follow::default(), memory), &mut collector)?;
    let Collector { captured, programs, .. } = collector;
    let texts_left_out = captured.pool.left_out();
    Ok((Programs { programs, left_out: captured.left_out, texts_left_out }, findings))
}

struct Collector<'o, T, F> {
    pids: &'o [u32],
    of: F,
    captured: Captured,
    programs: Vec<T>,
}

impl<T, F: Fn(Program, &Exec<'_>, &mut Pool) -> Option<T>> Looker for Collector<'_, T, F> {
    fn item(&mut self, item: &Item<'_>, selected: bool) {
        let program = self.captured.note(item);
        let (Item::Exec(exec), Some(program)) = (item, program) else { return };
        if !selected || !(self.pids.is_empty() || self.pids.contains(&program.pid)) {
            return;
        }
        match (self.of)(program, exec, &mut self.captured.pool) {
            Some(program) => self.programs.push(program),
            None => self.captured.leave_out(),
        }
    }
}

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

/// Follows the programs of a log.
struct Captured {
    nodes: Nodes,
    pool: Pool,
    start_ns: u64,
    left_out: u64,
}

impl Captured {
    fn of(file: &LogFile) -> Self {
        let start_ns = file.log().meta().monotonic_ns;
        Self { nodes: Nodes::new(false), pool: Pool::default(), start_ns, left_out: 0 }
    }

    /// Takes note of an item, and returns the program that begins with it. Every item must be
    /// noted, in order.
    fn note(&mut self, item: &Item<'_>) -> Option<Program> {
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
    fn leave_out(&mut self) {
        self.left_out = self.left_out.saturating_add(1);
    }
}
