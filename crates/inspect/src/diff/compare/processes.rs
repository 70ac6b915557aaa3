//! Differences between processes: which exist, what they execute, how they end.

use std::collections::{BTreeMap, BTreeSet};

use super::inherited::States;
use super::{Found, Pairing, command_line};
use crate::diff::effect::Op;
use crate::diff::report::Change;
use crate::diff::resource::Resource;
use crate::diff::rule::Rule;
use crate::diff::run::{End, Image, Process, Run};
use crate::state::ProcessId;

pub(super) fn differences(a: &Run, b: &Run, pairing: &Pairing) -> Vec<Found> {
    let mut found = Vec::new();
    let mut states = States::default();
    for &(x, y) in &pairing.pairs {
        let (Some(one), Some(other)) = (process(a, x), process(b, y)) else { continue };
        let arguments = arguments(one, other);
        let changed = (!arguments.is_empty()).then_some(found.len());
        let state = states.of((a, one), (b, other), (x, found.len() + arguments.len(), changed));
        found.extend(arguments.into_iter().chain(state).chain(ends(one, other)).map(
            |mut found| {
                found.processes = [vec![x], vec![y]];
                found
            },
        ));
    }
    let [of_a, of_b] = [a, b].map(Executed::new);
    unpaired([&of_a, &of_b], pairing, 0, &mut found);
    unpaired([&of_b, &of_a], pairing, 1, &mut found);
    found
}

fn process(run: &Run, id: ProcessId) -> Option<&Process> {
    run.processes.get(usize::try_from(id.0).ok()?)
}

/// Compares the arguments of programs that both execute. Other programs are differences of effects.
fn arguments(one: &Process, other: &Process) -> Vec<Found> {
    let (first, last) = (one.images.first(), other.images.last());
    let images = one.images.iter().zip(&other.images);
    // The same in the end, but one was executed by another program, such as `nice`.
    let wrapped = one.images.last().zip(last).is_some_and(|(x, y)| x.argv == y.argv)
        && first.zip(other.images.first()).is_some_and(|(x, y)| x.role != y.role);
    let differ = images.filter(|(x, y)| wrapped || x.role == y.role && x.argv != y.argv);
    let differ = differ.take(if wrapped { 1 } else { usize::MAX });
    differ
        .map(|(x, y)| {
            let rule =
                if interpreter(x) == interpreter(y) { Rule::ExecArgv } else { Rule::ExecNew };
            let rule = if wrapped { Rule::ExecArgv } else { rule };
            let mut found = Found::new(rule, Change::Changed, &x.role, x.role.clone());
            let [before, after] = command_line::change(&x.argv, &y.argv);
            (found.difference.before, found.difference.after) = (Some(before), Some(after));
            found.difference.events = [Some(x.event), Some(y.event)];
            found
        })
        .collect()
}

/// Returns the interpreter of a script, which the kernel puts before its arguments; `None` for
/// other programs.
fn interpreter(image: &Image) -> Option<&str> {
    let program = image.argv.first()?;
    let base = program.strip_prefix('/')?.rsplit('/').next()?;
    (base != image.role).then_some(program)
}

fn ends(one: &Process, other: &Process) -> Option<Found> {
    if one.end == other.end || one.end == End::Unknown || other.end == End::Unknown {
        return None;
    }
    let signal = [one, other].iter().any(|process| matches!(process.end, End::Signal(_)));
    let rule = if signal { Rule::ExitSignal } else { Rule::ExitStatus };
    let mut found = Found::new(rule, Change::Changed, other.role(), "exit".to_owned()).about(
        Op::Exit,
        Resource::none(),
        "ok",
    );
    found.difference.before = one.end.result();
    found.difference.after = other.end.result();
    found.difference.events = [Some(one.gone), Some(other.gone)];
    Some(found)
}

/// What a run executes.
struct Executed<'r> {
    run: &'r Run,
    /// Names of programs.
    programs: BTreeSet<&'r str>,
    commands: BTreeSet<&'r [String]>,
    /// Paths, each with the process and the event.
    paths: BTreeMap<&'r str, Vec<(ProcessId, u64)>>,
}

impl<'r> Executed<'r> {
    fn new(run: &'r Run) -> Self {
        let images = || run.processes.iter().flat_map(|process| &process.images);
        let mut paths = BTreeMap::<_, Vec<_>>::new();
        for (((process, _), operation), (_, event)) in &run.operations {
            if operation.op == Op::Exec && operation.errno == 0 {
                paths.entry(run.name(operation.first)).or_default().push((*process, *event));
            }
        }
        Self {
            run,
            programs: images().map(|image| image.role.as_str()).collect(),
            commands: images().map(|image| &image.argv[..]).collect(),
            paths,
        }
    }

    /// Returns what processes execute, in their order.
    fn images<'s>(&'s self, ids: &'s [ProcessId]) -> impl Iterator<Item = (ProcessId, &'r Image)> {
        ids.iter().flat_map(|id| {
            let images = process(self.run, *id).map(|process| &process.images[..]);
            images.unwrap_or_default().iter().map(move |image| (*id, image))
        })
    }

    /// Returns the first file that processes execute and the other run does not, although it has
    /// a program of that name.
    fn new_file(&self, ids: &[ProcessId], other: &Self) -> Option<(&'r Image, &'r str)> {
        let files = self.paths.iter().filter(|(path, _)| !other.paths.contains_key(*path));
        let all = files.flat_map(|(path, seen)| seen.iter().map(|one| (*path, *one)));
        let (path, (id, event)) = all
            .filter(|(_, (id, _))| ids.binary_search(id).is_ok())
            .min_by_key(|(_, (_, event))| *event)?;
        // The call returns after its program has been found.
        let images = process(self.run, id)?.images.iter();
        images.rev().find(|image| image.event <= event).map(|image| (image, path))
    }
}

/// Adds a difference for each process that only one run has, together with its descendants. What
/// they execute that the other run executes nowhere follows from it.
fn unpaired(
    [own, other]: [&Executed<'_>; 2],
    pairing: &Pairing,
    side: usize,
    found: &mut Vec<Found>,
) {
    let change = if side == 0 { Change::Removed } else { Change::Added };
    let is_unpaired = |id: ProcessId| pairing.partner(side, id).is_none();
    for (id, process) in (0..).map(ProcessId).zip(&own.run.processes) {
        // Descendants belong to the difference of their ancestor.
        if !is_unpaired(id) || process.parent.is_some_and(is_unpaired) {
            continue;
        }
        let all = subtree(own.run, id);
        let images = || own.images(&all).map(|(_, image)| image);
        // A new program matters more than the known one that runs it, such as a shell.
        let program = images().find(|image| !other.programs.contains(image.role.as_str()));
        let file = own.new_file(&all, other).filter(|_| program.is_none());
        let new = program.or(file.map(|(image, _)| image));
        let command = images().find(|image| !other.commands.contains(&image.argv[..]));
        let (rule, new) = match (new, command, side) {
            (Some(new), _, 1) => (Rule::ExecNew, Some(new)),
            (Some(new), ..) => (Rule::ExecGone, Some(new)),
            (None, Some(new), _) => (Rule::ExecArgv, Some(new)),
            (None, None, _) => (Rule::ProcessCount, None),
        };
        let image = new.or(process.images.last());
        let what = match (image, file) {
            (Some(image), Some((_, path))) => with_path(image, path),
            (Some(image), None) => command_line::quoted(&image.argv),
            (None, _) => format!("a fork of {}", process.role()),
        };
        let role = new.map_or(process.role(), |image| &image.role);
        let mut difference = Found::new(rule, change, role, what);
        // The call that executes the program says more than the first one of the process.
        let event = image.map_or(process.event, |image| image.event);
        difference.difference.events[side] = Some(event);
        let cause = found.len();
        let mut told: BTreeSet<&[String]> =
            image.map(|image| &image.argv[..]).into_iter().collect();
        let others = own.images(&all).filter(|(_, image)| {
            !other.commands.contains(&image.argv[..]) && told.insert(&image.argv[..])
        });
        let others = others.map(|(id, image)| {
            let what = command_line::quoted(&image.argv);
            let mut found = Found::new(Rule::ExecArgv, change, &image.role, what);
            found.difference.events[side] = Some(image.event);
            found.processes[side] = vec![id];
            Found { cause: Some(cause), ..found }
        });
        let others: Vec<Found> = others.collect();
        difference.processes[side] = all;
        found.push(difference);
        found.extend(others);
    }
}

/// Returns the command line of a program with the path of its file, if it does not have it.
fn with_path(image: &Image, path: &str) -> String {
    if image.argv.iter().take(2).any(|word| word == path) {
        return command_line::quoted(&image.argv);
    }
    let rest = image.argv.iter().skip(1).cloned();
    command_line::quoted(&[path.to_owned()].into_iter().chain(rest).collect::<Vec<_>>())
}

/// Returns a process and all its descendants, itself first.
fn subtree(run: &Run, root: ProcessId) -> Vec<ProcessId> {
    let mut ids = vec![root];
    // In the log parents come before their children.
    for (id, process) in (0..).map(ProcessId).zip(&run.processes) {
        if process.parent.is_some_and(|parent| ids.binary_search(&parent).is_ok()) && id > root {
            ids.push(id);
        }
    }
    ids
}
