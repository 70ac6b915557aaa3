//! Differences between two sets of effects.

use std::collections::BTreeMap;

use super::Found;
use crate::diff::effect::{Effect, Op};
use crate::diff::report::Change;
use crate::diff::rule::{Rule, Severity};
use crate::diff::run::{Run, Seen};

pub(super) fn differences(a: &Run, b: &Run, found: &mut Vec<Found>) {
    let sets = [grouped(a.effects()), grouped(b.effects())];
    let mut operations: Vec<&Operation> = sets.iter().flat_map(BTreeMap::keys).collect();
    operations.sort_unstable();
    operations.dedup();
    let leads = [&a.leads, &b.leads];
    for operation in operations {
        let both = [0, 1].map(|side| sets[side].get(operation));
        let (olds, news) = match both {
            // A file that was opened is named by where its path leads, one that could not be opened
            // by the path alone. The other run knows where the path leads.
            [Some(olds), None] if !is_ok(olds) => {
                (Some(olds), by_target(operation, leads[1], &sets[1]))
            }
            [None, Some(news)] if !is_ok(news) => {
                (by_target(operation, leads[0], &sets[0]), Some(news))
            }
            [olds, news] => (olds, news),
        };
        match (olds, news) {
            (Some(olds), Some(news)) if !same_results(olds, news) => {
                found.push(changed(operation, olds, news))
            }
            (Some(list), None) => found
                .extend(list.iter().map(|(result, seen)| one_sided(operation, result, seen, 0))),
            (None, Some(list)) => found
                .extend(list.iter().map(|(result, seen)| one_sided(operation, result, seen, 1))),
            _ => {}
        }
    }
}

/// Role, operation and resource of effects that may differ in their result.
type Operation = (String, Op, String);
/// The effects of one operation, by result.
type Results = BTreeMap<String, Seen>;

fn grouped(effects: BTreeMap<Effect, Seen>) -> BTreeMap<Operation, Results> {
    let mut grouped = BTreeMap::<Operation, Results>::new();
    // Exits are compared process by process.
    for (effect, seen) in effects.into_iter().filter(|(effect, _)| effect.op != Op::Exit) {
        grouped
            .entry((effect.role, effect.op, effect.resource))
            .or_default()
            .insert(effect.result, seen);
    }
    grouped
}

fn is_ok(results: &Results) -> bool {
    results.contains_key("ok")
}

fn same_results(olds: &Results, news: &Results) -> bool {
    olds.keys().eq(news.keys())
}

/// Finds the same operation in the other run, by where its path leads there.
fn by_target<'s>(
    operation: &Operation,
    leads: &BTreeMap<String, String>,
    set: &'s BTreeMap<Operation, Results>,
) -> Option<&'s Results> {
    set.get(&(operation.0.clone(), operation.1, leads.get(&operation.2)?.clone()))
}

/// Returns a difference for an operation with other results.
fn changed((role, op, resource): &Operation, olds: &Results, news: &Results) -> Found {
    let mut found = Found::new(Rule::ErrChanged, Change::Changed, role, format!("{op} {resource}"));
    let results = |list: &Results| list.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    found.difference.before = Some(results(olds));
    found.difference.after = Some(results(news));
    if op.changes_files() || matches!(op, Op::Exec | Op::Connect | Op::Send | Op::Bind | Op::Listen)
    {
        found.difference.severity = Severity::Error;
    }
    for (side, list) in [olds, news].into_iter().enumerate() {
        found.difference.events[side] = list.values().map(|seen| seen.event).min();
        found.processes[side] = list.values().flat_map(|seen| &seen.processes).copied().collect();
    }
    found.names = names_of(*op, resource);
    found
}

/// Returns a difference for an effect in one run only.
fn one_sided((role, op, resource): &Operation, result: &str, seen: &Seen, side: usize) -> Found {
    let change = if side == 0 { Change::Removed } else { Change::Added };
    let (rule, severity) = classify(*op, resource, result, change);
    let suffix = if result == "ok" { String::new() } else { format!(" {result}") };
    let mut found = Found::new(rule, change, role, format!("{op} {resource}{suffix}"));
    found.difference.severity = severity;
    found.difference.events[side] = Some(seen.event);
    found.processes[side].clone_from(&seen.processes);
    found.names = names_of(*op, resource);
    found.light = *op == Op::Stat;
    found
}

/// Returns the names that an effect is about.
fn names_of(op: Op, resource: &str) -> Vec<String> {
    match op {
        Op::Rename | Op::Link => resource.split(" -> ").map(str::to_owned).collect(),
        Op::Symlink => resource.split(" -> ").skip(1).map(str::to_owned).collect(),
        Op::Chmod | Op::Chown => {
            vec![resource.rsplit_once(' ').map_or(resource, |(path, _)| path).to_owned()]
        }
        _ => vec![resource.to_owned()],
    }
}

/// Returns the rule and the severity for an effect in one run only.
fn classify(op: Op, resource: &str, result: &str, change: Change) -> (Rule, Severity) {
    let ok = result == "ok";
    let missing = matches!(result, "ENOENT" | "ENOTDIR");
    let added = change == Change::Added;
    let rule = match op {
        op if op.looks_up() && missing => Rule::ProbeNew,
        Op::Read if added && ok && is_secret(resource) => Rule::SecretRead,
        Op::Exec if added => Rule::ExecNew,
        Op::Exec => Rule::ExecGone,
        Op::Connect | Op::Send if resource.starts_with("unix ") && added => Rule::NetUnixNew,
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
    (rule, severity(rule, resource, ok))
}

/// Whether a path holds secrets by custom: keys, passwords, tokens.
fn is_secret(path: &str) -> bool {
    const FOLDERS: [&str; 5] = [".ssh", ".gnupg", ".aws", ".kube", "private"];
    const FILES: [&str; 6] =
        [".netrc", ".git-credentials", ".pypirc", ".pgpass", "shadow", "gshadow"];
    let mut parts = path.split('/').rev();
    let file = parts.next().unwrap_or_default();
    // Known hosts and settings are not secret.
    let harmless = matches!(file, "known_hosts" | "config") && path.contains("/.ssh/");
    FILES.contains(&file) || parts.any(|folder| FOLDERS.contains(&folder)) && !harmless
}

/// Returns the severity of a rule, lower within the program's own directories and on the loopback.
fn severity(rule: Rule, resource: &str, ok: bool) -> Severity {
    let inside =
        |name: &str| name.starts_with("$WS") || name.starts_with("$TMP") || name.starts_with('<');
    let loopback = || {
        ["127.", "[::1]"]
            .iter()
            .any(|ip| resource.split(' ').nth(1).is_some_and(|at| at.starts_with(ip)))
    };
    match rule {
        // Reading and writing /dev/null has no effect.
        Rule::FsWriteNew | Rule::FsChangeGone | Rule::FsReadNew | Rule::FsReadGone
            if resource == "/dev/null" =>
        {
            Severity::Info
        }
        Rule::FsWriteNew | Rule::FsDeleteNew | Rule::FsRenameNew
            if resource.split(" -> ").all(inside) || resource == "/dev/tty" =>
        {
            Severity::Warn
        }
        // Failed operations change nothing.
        Rule::FsWriteNew | Rule::FsDeleteNew | Rule::FsRenameNew | Rule::FsPerm if !ok => {
            Severity::Warn
        }
        Rule::NetConnectNew | Rule::NetListenNew if loopback() || resource == "netlink" => {
            Severity::Warn
        }
        Rule::NetUnixNew if inside(resource.trim_start_matches("unix ")) => Severity::Warn,
        _ => rule.severity(),
    }
}
