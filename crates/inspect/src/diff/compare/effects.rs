//! Differences between two sets of effects.

use std::collections::BTreeMap;

use super::{Found, Pairing};
use crate::diff::effect::{Effect, Op};
use crate::diff::report::Change;
use crate::diff::rule::{Rule, Severity};
use crate::diff::run::{Run, Seen};

/// Role, operation and resource: what may end otherwise.
type Deed<'e> = (&'e str, Op, &'e str);

pub(super) fn differences(a: &Run, b: &Run, _pairing: &Pairing, found: &mut Vec<Found>) {
    let sets = [a.effects(), b.effects()];
    let only = |side: usize| {
        let mut deeds = BTreeMap::<Deed<'_>, Vec<(&Effect, &Seen)>>::new();
        // How processes end is told by process.
        let alone = sets[side].iter().filter(|(effect, _)| effect.op != Op::Exit);
        for (effect, seen) in alone.filter(|(effect, _)| !sets[1 - side].contains_key(*effect)) {
            deeds.entry((&effect.role, effect.op, &effect.resource)).or_default().push((effect, seen));
        }
        deeds
    };
    let (mut gone, new) = (only(0), only(1));
    for (deed, news) in new {
        match gone.remove(&deed) {
            Some(olds) => found.push(changed(deed, &olds, &news)),
            None => found.extend(news.iter().map(|(effect, seen)| alone(effect, seen, 1))),
        }
    }
    found.extend(gone.values().flatten().map(|(effect, seen)| alone(effect, seen, 0)));
}

/// The same operation on the same thing ends otherwise.
fn changed(deed: Deed<'_>, olds: &[(&Effect, &Seen)], news: &[(&Effect, &Seen)]) -> Found {
    let (role, op, resource) = deed;
    let mut found = Found::new(Rule::ErrChanged, Change::Changed, role, format!("{op} {resource}"));
    let results = |list: &[(&Effect, &Seen)]| {
        list.iter().map(|(effect, _)| effect.result.as_str()).collect::<Vec<_>>().join(", ")
    };
    found.difference.before = Some(results(olds));
    found.difference.after = Some(results(news));
    if op.changes_files() || matches!(op, Op::Exec | Op::Connect | Op::Send | Op::Bind | Op::Listen) {
        found.difference.severity = Severity::Error;
    }
    for (side, list) in [olds, news].into_iter().enumerate() {
        found.difference.events[side] = list.iter().map(|(_, seen)| seen.event).min();
        found.processes[side] = list.iter().flat_map(|(_, seen)| &seen.processes).copied().collect();
    }
    found.names = parts(op, resource);
    found
}

/// An effect that only one run has.
fn alone(effect: &Effect, seen: &Seen, side: usize) -> Found {
    let change = if side == 0 { Change::Removed } else { Change::Added };
    let (rule, severity) = rule(effect, change);
    let ended = if effect.result == "ok" { String::new() } else { format!(" {}", effect.result) };
    let what = format!("{} {}{ended}", effect.op, effect.resource);
    let mut found = Found::new(rule, change, &effect.role, what);
    found.difference.severity = severity;
    found.difference.events[side] = Some(seen.event);
    found.processes[side].clone_from(&seen.processes);
    found.names = parts(effect.op, &effect.resource);
    found
}

/// The names that an effect is about.
fn parts(op: Op, resource: &str) -> Vec<String> {
    match op {
        Op::Rename | Op::Link => resource.split(" -> ").map(str::to_owned).collect(),
        Op::Symlink => resource.split(" -> ").skip(1).map(str::to_owned).collect(),
        Op::Chmod | Op::Chown => {
            vec![resource.rsplit_once(' ').map_or(resource, |(path, _)| path).to_owned()]
        }
        _ => vec![resource.to_owned()],
    }
}

/// What an effect of one run alone is called, and how much it matters there.
pub(super) fn rule(effect: &Effect, change: Change) -> (Rule, Severity) {
    let ok = effect.result == "ok";
    let missing = matches!(effect.result.as_str(), "ENOENT" | "ENOTDIR");
    let added = change == Change::Added;
    let rule = match effect.op {
        op if op.looks_up() && missing => Rule::ProbeNew,
        Op::Exec if added => Rule::ExecNew,
        Op::Exec => Rule::ExecGone,
        Op::Connect | Op::Send if effect.resource.starts_with("unix ") && added => Rule::NetUnixNew,
        Op::Connect | Op::Send if added => Rule::NetConnectNew,
        Op::Bind | Op::Listen if added => Rule::NetListenNew,
        Op::Connect | Op::Send | Op::Bind | Op::Listen => Rule::NetGone,
        Op::Chmod | Op::Chown => Rule::FsPerm,
        Op::Creds | Op::Kernel => Rule::Privilege,
        Op::Signal => Rule::SignalSent,
        Op::Sync if !added => Rule::DurabilityLost,
        Op::Unlink | Op::Rmdir if added => Rule::FsDeleteNew,
        Op::Rename | Op::Link | Op::Symlink if added => Rule::FsRenameNew,
        op if op.changes_files() && added => Rule::FsWriteNew,
        op if op.changes_files() => Rule::FsChangeGone,
        _ if added => Rule::FsReadNew,
        _ => Rule::FsReadGone,
    };
    (rule, severity(rule, effect, ok))
}

/// Inside of the program's own folders, and on this machine, a difference matters less.
fn severity(rule: Rule, effect: &Effect, ok: bool) -> Severity {
    let resource = effect.resource.as_str();
    let inside = |name: &str| name.starts_with("$WS") || name.starts_with("$TMP") || name.starts_with('<');
    let loopback =
        || ["127.", "[::1]"].iter().any(|ip| resource.split(' ').nth(1).is_some_and(|at| at.starts_with(ip)));
    match rule {
        Rule::FsWriteNew | Rule::FsDeleteNew | Rule::FsRenameNew
            if resource.split(" -> ").all(inside) || resource == "/dev/null" || resource == "/dev/tty" =>
        {
            Severity::Warn
        }
        // What is tried in vain changes nothing.
        Rule::FsWriteNew | Rule::FsDeleteNew | Rule::FsRenameNew | Rule::FsPerm if !ok => Severity::Warn,
        Rule::NetConnectNew | Rule::NetListenNew if loopback() || resource == "netlink" => Severity::Warn,
        Rule::NetUnixNew if inside(resource.trim_start_matches("unix ")) => Severity::Warn,
        _ => rule.severity(),
    }
}
