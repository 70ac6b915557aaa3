//! Checks a log against what the program stated, by the rules of fixtures/programs/README.md.
//!
//! The lines of a task are placed on its stops in order. An entry line is placed together with its
//! exit line and its memory lines. The first stop that fits may belong to another call, so the
//! search backtracks.

use crate::claims::{alone, exit_of, is, memory, printed_line, whole_lines};
use crate::statements::{Claim, Count, Place, Shape, Statement, Who};
use crate::stops::{Stop, What};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::ops::Range;

/// How many stops around a failure are shown.
const AROUND: usize = 8;

/// Returns what was stated and is not in the log, and what is in the log against a statement.
pub(crate) fn check(statements: &[Statement], stops: &[Stop], printed: &str) -> Vec<String> {
    let mut tasks: BTreeMap<u32, Vec<&Stop>> = BTreeMap::new();
    for stop in stops {
        tasks.entry(stop.tid).or_default().push(stop);
    }
    let mut problems = Vec::new();
    for (tid, lines) in by_task(statements) {
        let stops = tasks.get(&tid).map_or(&[][..], Vec::as_slice);
        if let Err(problem) = Search::new(&lines.ordered, stops).run() {
            problems.push(format!("task {tid}: {problem}"));
        }
    }
    let loose = by_task(statements).into_values().flat_map(|lines| lines.loose);
    let anyone = statements.iter().filter(|statement| about(statement) == Some(Who::Any));
    for statement in loose.chain(anyone) {
        problems.extend(alone(statement, &tasks).err());
    }
    let printed = whole_lines(printed);
    problems
        .extend(statements.iter().filter_map(|statement| printed_line(statement, &printed).err()));
    problems
}

/// The lines about one task.
#[derive(Default)]
struct Lines<'a> {
    /// Those with an order.
    ordered: Vec<Line<'a>>,
    /// Those without.
    loose: Vec<&'a Statement>,
    /// The index in `ordered` of the last entry line.
    entry: Option<usize>,
}

/// A `stop` or `gone` line with the lines that belong to it.
struct Line<'a> {
    statement: &'a Statement,
    /// For an entry line: the memory of that call.
    memory: Vec<&'a Statement>,
    /// For an entry line: the index of its exit line.
    exit: Option<usize>,
    /// The line lies within the call of the last entry line, or ends it.
    in_call: bool,
    ends_call: bool,
}

pub(crate) fn about(statement: &Statement) -> Option<Who> {
    match &statement.claim {
        Claim::Stop(who, _)
        | Claim::Never(who, _)
        | Claim::Gone(who, _)
        | Claim::Unfinished(who, _) => Some(*who),
        Claim::Memory(place, _) | Claim::Unreadable(place, _) => Some(place.who),
        Claim::Regions(who, _) => Some(*who),
        Claim::Print(_) | Claim::Skip(_) | Claim::Remark => None,
    }
}

fn by_task(statements: &[Statement]) -> BTreeMap<u32, Lines<'_>> {
    let mut tasks: BTreeMap<u32, Lines> = BTreeMap::new();
    for statement in statements {
        if let Some(Who::Task(tid)) = about(statement) {
            tasks.entry(tid).or_default().add(statement);
        }
    }
    tasks
}

impl<'a> Lines<'a> {
    fn add(&mut self, statement: &'a Statement) {
        match &statement.claim {
            Claim::Stop(..) | Claim::Gone(..) => self.add_ordered(statement),
            Claim::Memory(Place { name, .. }, _)
            | Claim::Unreadable(Place { name, .. }, _)
            | Claim::Regions(_, Count { name, .. }) => self.add_memory(statement, name),
            _ => self.loose.push(statement),
        }
    }

    /// Adds it to the last entry line, if that has the name of the call.
    fn add_memory(&mut self, statement: &'a Statement, call: &str) {
        let entry = self.entry.and_then(|at| self.ordered.get_mut(at)).filter(|line| {
            matches!(&line.statement.claim,
                Claim::Stop(_, Shape::Entry { name: Some(name), .. }) if name == call)
        });
        match entry {
            Some(line) => line.memory.push(statement),
            None => self.loose.push(statement),
        }
    }

    fn add_ordered(&mut self, statement: &'a Statement) {
        let at = self.ordered.len();
        let open = self.entry.filter(|&entry| self.ordered[entry].exit.is_none());
        let mut line =
            Line { statement, memory: Vec::new(), exit: None, in_call: false, ends_call: false };
        match (&statement.claim, open) {
            (Claim::Stop(_, Shape::Entry { .. }), _) => self.entry = Some(at),
            (Claim::Stop(_, Shape::Exit { .. }), Some(entry)) => {
                self.ordered[entry].exit = Some(at);
                (line.in_call, line.ends_call) = (true, true);
                // Only this exit line shows that the lines between lie within the call.
                self.ordered[entry + 1..].iter_mut().for_each(|between| between.in_call = true);
            }
            _ => {}
        }
        self.ordered.push(line);
    }
}

/// Where an entry line was placed: its stop, and the exit stop that its exit line must get.
type Taken = (usize, usize);

struct Search<'a> {
    lines: &'a [Line<'a>],
    stops: &'a [&'a Stop],
    /// Memo by line and call: from this stop on the remaining lines cannot match.
    hopeless: HashMap<(usize, Option<Taken>), usize>,
    /// The last line that was reached, with the first stop that was left for it.
    furthest: (usize, usize, Option<Taken>),
}

impl<'a> Search<'a> {
    fn new(lines: &'a [Line<'a>], stops: &'a [&'a Stop]) -> Self {
        Self { lines, stops, hopeless: HashMap::new(), furthest: (0, 0, None) }
    }

    fn run(mut self) -> Result<(), String> {
        if self.place(0, 0, None) { Ok(()) } else { Err(self.report()) }
    }

    fn place(&mut self, at: usize, from: usize, call: Option<Taken>) -> bool {
        let Some(line) = self.lines.get(at) else { return true };
        if at > self.furthest.0 {
            self.furthest = (at, from, call);
        }
        let call = call.filter(|_| line.in_call);
        if self.hopeless.get(&(at, call)).is_some_and(|&known| known <= from) {
            return false;
        }
        for stop in self.range(line, from, call) {
            if self.fit(line, stop).is_ok() {
                let next = match line.exit {
                    Some(_) => exit_of(self.stops, stop).map(|exit| (stop, exit)),
                    None => call,
                };
                if self.place(at + 1, stop + 1, next) {
                    return true;
                }
            }
        }
        self.hopeless.insert((at, call), from);
        false
    }

    /// Returns the stops that a line may be placed on: within the call, the call's exit, or all
    /// that are left.
    fn range(&self, line: &Line, from: usize, call: Option<Taken>) -> Range<usize> {
        match call {
            Some((_, exit)) if line.ends_call => exit.max(from)..exit + 1,
            Some((_, exit)) => from..exit,
            None => from..self.stops.len(),
        }
    }

    /// Whether the line fits this stop. The error is empty when the stop is of another kind
    /// altogether.
    fn fit(&self, line: &Line, at: usize) -> Result<(), String> {
        let stop = self.stops[at];
        let alike = match &line.statement.claim {
            Claim::Stop(_, shape) => is(shape, stop),
            Claim::Gone(_, end) => stop.what == What::Gone(end.clone()),
            _ => false,
        };
        if !alike {
            return Err(String::new());
        }
        if let Some(exit_line) = line.exit {
            let exit = exit_of(self.stops, at).ok_or("the call has no exit")?;
            let Claim::Stop(_, shape) = &self.lines[exit_line].statement.claim else {
                unreachable!()
            };
            if !is(shape, self.stops[exit]) {
                return Err(format!(
                    "its exit is {}, not {}",
                    self.stops[exit], self.lines[exit_line].statement
                ));
            }
        }
        line.memory.iter().try_for_each(|statement| memory(statement, self.stops, at))
    }

    fn report(&self) -> String {
        let (at, from, call) = self.furthest;
        let line = &self.lines[at];
        let call = call.filter(|_| line.in_call);
        let mut text = format!("{}\n", line.statement);
        if let Some(before) = at.checked_sub(1) {
            let _ = writeln!(text, "  after {}", self.lines[before].statement);
        }
        let range = self.range(line, from, call);
        let reasons: Vec<String> = range
            .clone()
            .filter_map(|stop| Some((stop, self.fit(line, stop).err()?)))
            .filter(|(_, why)| !why.is_empty())
            .map(|(stop, why)| format!("  {} is alike, but {why}\n", self.stops[stop]))
            .take(4)
            .collect();
        if reasons.is_empty() {
            let _ = writeln!(
                text,
                "  no stop of the task is that, of {} that come into question",
                range.len()
            );
        }
        text.extend(reasons);
        let first = from.saturating_sub(AROUND)..from + AROUND;
        let last = range.end.saturating_sub(AROUND)..range.end + 1;
        for (i, stop) in self.stops.iter().enumerate() {
            if first.contains(&i) || last.contains(&i) {
                let here = if range.contains(&i) { '>' } else { ' ' };
                let _ = writeln!(text, "  {here} {stop}");
            } else if i == first.end {
                let _ = writeln!(text, "    ...");
            }
        }
        text
    }
}
