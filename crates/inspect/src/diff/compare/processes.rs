//! Differences between processes: which exist, what they execute, how they end.

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
    found.extend(unpaired(a, b, pairing, 0));
    found.extend(unpaired(b, a, pairing, 1));
    found
}

fn process(run: &Run, id: ProcessId) -> Option<&Process> {
    run.processes.get(usize::try_from(id.0).ok()?)
}

/// Compares the arguments of programs that both execute. Other programs are differences of effects.
fn arguments(one: &Process, other: &Process) -> Vec<Found> {
    let images = one.images.iter().zip(&other.images);
    let differ = images.filter(|(x, y)| x.role == y.role && x.argv != y.argv);
    differ
        .map(|(x, y)| {
            let rule =
                if interpreter(x) == interpreter(y) { Rule::ExecArgv } else { Rule::ExecNew };
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

/// Returns a difference for each process that only `run` has, together with its descendants.
fn unpaired(run: &Run, other: &Run, pairing: &Pairing, side: usize) -> Vec<Found> {
    let change = if side == 0 { Change::Removed } else { Change::Added };
    let is_unpaired = |id: ProcessId| pairing.partner(side, id).is_none();
    let known: std::collections::BTreeSet<&str> =
        other.processes.iter().flat_map(|p| &p.images).map(|image| image.role.as_str()).collect();
    let mut found = Vec::new();
    for (id, process) in (0..).map(ProcessId).zip(&run.processes) {
        // Descendants belong to the difference of their ancestor.
        if !is_unpaired(id) || process.parent.is_some_and(is_unpaired) {
            continue;
        }
        let all = subtree(run, id);
        // A new program matters more than the known one that runs it, such as a shell.
        let images = all.iter().filter_map(|id| self::process(run, *id)).flat_map(|p| &p.images);
        let new = images.clone().find(|image| !known.contains(image.role.as_str()));
        let rule = match (new, side) {
            (Some(_), 1) => Rule::ExecNew,
            (Some(_), _) => Rule::ExecGone,
            (None, _) => Rule::ProcessCount,
        };
        let image = new.or(process.images.last());
        let what = match image {
            Some(image) => command_line::quoted(&image.argv),
            None => format!("a fork of {}", process.role()),
        };
        let role = new.map_or(process.role(), |image| &image.role);
        let mut difference = Found::new(rule, change, role, what);
        // The call that executes the program says more than the first one of the process.
        let event = image.map_or(process.event, |image| image.event);
        difference.difference.events[side] = Some(event);
        difference.processes[side] = all;
        found.push(difference);
    }
    found
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
