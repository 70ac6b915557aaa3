//! The tables of `tree` and `ps`.

use std::collections::HashMap;
use std::io::{self, Write};

use foldhash::fast::RandomState;

use super::{End, EnvChanges, Node, Ps, Tree};
use crate::environment::Variable;
use crate::page::Page;
use crate::pool::BytesList;
use crate::shell::command_line;
use crate::table::{Align, Table, write_line};
use crate::text::duration;
use crate::view::View;
use sysreel_inspect::Required;

const COLUMNS: [(&str, Align); 9] = [
    ("pid", Align::Right),
    ("start", Align::Right),
    ("time", Align::Right),
    ("cpu", Align::Right),
    ("end", Align::Left),
    ("calls", Align::Right),
    ("failed", Align::Right),
    ("files", Align::Right),
    ("program", Align::Left),
];

/// The deepest level that is drawn: a hostile log may start processes below each other forever.
const MOST_LEVELS: usize = 40;

impl View for Tree {
    const SCHEMA: &'static str = "sysreel/tree/1";
    const REQUIRED: Required = Required::MEMORY;

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let branches = Branches::of(&self.nodes);
        Table::new(&COLUMNS).write_rows(page, out, &|each| {
            let mut pencil = Pencil { branches: &branches, goes_down: Vec::new() };
            let mut before: Option<Sum<'_>> = None;
            for (at, node) in self.nodes.iter().enumerate() {
                let sum = Sum::of(node, before.take());
                if branches.folds[at] {
                    before = Some(sum);
                    continue;
                }
                let (stem, twig) = pencil.draw(at);
                let arrow = if node.origin == "exec" && !sum.is_folded { "=> " } else { "" };
                each(&sum.cells(format!("{stem}{twig}{arrow}{}", program(node))))?;
                for line in node.env.iter().flat_map(lines) {
                    each(&under(format!("{}    {line}", pencil.under(at))))?;
                }
            }
            Ok(())
        })?;
        let losses = Losses {
            left_out: self.left_out,
            uncounted: self.uncounted,
            texts: self.texts_left_out,
        };
        if self.lines_below > 0 {
            write_line(&format!("({} more below)", self.lines_below), page, out)?;
        }
        losses.write(page, out)
    }
}

impl View for Ps {
    const SCHEMA: &'static str = "sysreel/ps/1";
    const REQUIRED: Required = Required::MEMORY;

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        Table::new(&COLUMNS).write_rows(page, out, &|each| {
            for node in &self.nodes {
                each(&Sum::of(node, None).cells(program(node)))?;
                for line in node.env.iter().flat_map(lines) {
                    each(&under(format!("    {line}")))?;
                }
            }
            Ok(())
        })?;
        if self.more_nodes > 0 {
            write_line(&format!("({} more)", self.more_nodes), page, out)?;
        }
        let losses = Losses {
            left_out: self.left_out,
            uncounted: self.uncounted,
            texts: self.texts_left_out,
        };
        losses.write(page, out)
    }
}

/// Returns a row with a text under the program of another row.
fn under(text: String) -> Vec<String> {
    let mut cells = vec![String::new(); COLUMNS.len() - 1];
    cells.push(text);
    cells
}

/// What had no room.
struct Losses {
    left_out: u64,
    uncounted: u64,
    texts: u64,
}

impl Losses {
    fn write(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let said = [
            (self.left_out, "processes, programs or threads had no room"),
            (self.uncounted, "calls of processes that had no room"),
            (self.texts, "texts had no room"),
        ];
        for (count, what) in said.into_iter().filter(|(count, _)| *count > 0) {
            write_line(&format!("({count} {what})"), page, out)?;
        }
        Ok(())
    }
}

/// A line: a node, with the one that it goes on from.
struct Sum<'n> {
    /// The node of the beginning.
    first: &'n Node,
    node: &'n Node,
    is_folded: bool,
    calls: u64,
    failed: u64,
    files: u64,
}

impl<'n> Sum<'n> {
    fn of(node: &'n Node, before: Option<Sum<'n>>) -> Self {
        let of_before = |value: fn(&Sum<'n>) -> u64| before.as_ref().map_or(0, value);
        Self {
            node,
            is_folded: before.is_some(),
            calls: node.calls.saturating_add(of_before(|sum| sum.calls)),
            failed: node.failed.saturating_add(of_before(|sum| sum.failed)),
            files: node.files_changed.saturating_add(of_before(|sum| sum.files)),
            first: before.map_or(node, |sum| sum.first),
        }
    }

    fn cells(&self, program: String) -> Vec<String> {
        let node = self.node;
        let some = |count: u64| if count == 0 { String::new() } else { count.to_string() };
        let end = node.duration_ns.map(|took| node.start_ns.saturating_add(took));
        let took = end.map(|end| end.saturating_sub(self.first.start_ns));
        let cpu =
            node.utime_ns.zip(node.stime_ns).map(|(user, system)| user.saturating_add(system));
        vec![
            node.tid.unwrap_or(node.pid).to_string(),
            duration(self.first.start_ns),
            took.map(duration).unwrap_or_default(),
            match (cpu, &node.end) {
                (Some(cpu), _) => duration(cpu),
                // On the line of the end, it is unknown.
                (None, Some(end)) if end.how != "exec" => "-".to_owned(),
                (None, _) => String::new(),
            },
            node.end.as_ref().map_or_else(|| "-".to_owned(), end_text),
            some(self.calls),
            some(self.failed),
            some(self.files),
            program,
        ]
    }
}

fn end_text(end: &End) -> String {
    match (end.status, &end.signal) {
        (Some(status), _) => status.to_string(),
        (_, Some(signal)) if end.core => format!("{signal} core"),
        (_, Some(signal)) => signal.clone(),
        _ => end.how.to_owned(),
    }
}

/// Returns the command line of a node. Of a program that the process did not execute itself it is
/// the first word, in brackets.
fn program(node: &Node) -> String {
    let argv = node.argv.as_ref().map_or(&[][..], BytesList::as_slice);
    let argv = if node.executed { argv } else { argv.get(..1).unwrap_or(argv) };
    let line = match (argv, &node.exe) {
        ([], Some(exe)) => command_line([exe]),
        ([], None) => "?".to_owned(),
        (argv, _) => command_line(argv),
    };
    let line = match node.tid {
        Some(_) => "[thread]".to_owned(),
        // A child of the recorder, before its first execve(2).
        None if node.exe.is_none() && node.origin == "spawned" => "(sysreel)".to_owned(),
        None if node.executed => line,
        None => format!("({line})"),
    };
    match node.origin {
        _ if !node.orphan => line,
        "attached" => format!("{line}  [attached]"),
        _ => format!("{line}  [parent unknown]"),
    }
}

/// Returns the lines about an environment.
fn lines(changes: &EnvChanges) -> impl Iterator<Item = String> {
    let kinds = [('+', &changes.added), ('~', &changes.changed), ('-', &changes.removed)];
    kinds.into_iter().flat_map(|(sign, variables)| {
        let line = move |Variable { name, value }: &Variable| format!("{sign} {name}={value}");
        variables.iter().map(line)
    })
}

/// The branches of trees, as they are drawn.
struct Branches {
    /// For each node, how many are above it on the page.
    levels: Vec<usize>,
    /// Whether no other follows it below the same node.
    is_last: Vec<bool>,
    /// Whether it is not drawn, because the next one goes on from it: what a process does between
    /// its beginning and its first execve(2).
    folds: Vec<bool>,
}

/// Draws branches.
struct Pencil<'b> {
    branches: &'b Branches,
    /// For each level, whether a line goes down along the current node.
    goes_down: Vec<bool>,
}

impl Branches {
    fn of(nodes: &[Node]) -> Self {
        let places: HashMap<u32, usize, RandomState> =
            nodes.iter().enumerate().map(|(at, node)| (node.node, at)).collect();
        let above = |node: &Node| node.parent.and_then(|parent| places.get(&parent).copied());
        let mut below = vec![0; nodes.len()];
        let mut latest = vec![None; nodes.len()];
        for (at, node) in nodes.iter().enumerate() {
            if let Some(above) = above(node) {
                below[above] += 1;
                latest[above] = Some(at);
            }
        }
        let mut is_last = vec![false; nodes.len()];
        latest.into_iter().flatten().for_each(|at: usize| is_last[at] = true);
        let folds: Vec<bool> = nodes
            .iter()
            .enumerate()
            .map(|(at, node)| {
                let next = nodes.get(at + 1).filter(|next| next.parent == Some(node.node));
                let goes_on = next.is_some_and(|next| next.origin == "exec");
                goes_on && node.exec == 0 && !node.executed && below[at] == 1
            })
            .collect();
        let mut levels = vec![0; nodes.len()];
        for (at, node) in nodes.iter().enumerate() {
            let Some(above) = above(node) else { continue };
            // It takes the place of what is not drawn.
            if folds[above] {
                (levels[at], is_last[at]) = (levels[above], is_last[above]);
            } else {
                levels[at] = levels[above] + 1;
            }
        }
        Self { levels, is_last, folds }
    }
}

impl Pencil<'_> {
    /// Returns the lines that pass a node, and the branch to it. Draws each node, in order.
    fn draw(&mut self, at: usize) -> (String, &'static str) {
        let (level, is_last) = (self.branches.levels[at], self.branches.is_last[at]);
        let stem = self.stem(level);
        self.goes_down.truncate(level);
        self.goes_down.push(level > 0 && !is_last);
        match level {
            0 => (stem, ""),
            _ if level > MOST_LEVELS => (stem, "… "),
            _ if is_last => (stem, "└─ "),
            _ => (stem, "├─ "),
        }
    }

    /// Returns the lines that pass what is written under a node.
    fn under(&self, at: usize) -> String {
        self.stem(self.branches.levels[at] + 1)
    }

    fn stem(&self, level: usize) -> String {
        let passed = self.goes_down.iter().take(level).take(MOST_LEVELS).skip(1);
        passed.map(|down| if *down { "│  " } else { "   " }).collect()
    }
}
