//! Differences between two sets of effects.

use std::collections::BTreeMap;

use super::Found;
use super::places::{grants_later, is_loopback, is_own, is_secret};
use crate::diff::effect::{Effect, Op};
use crate::diff::report::Change;
use crate::diff::rule::{Rule, Severity};
use crate::diff::run::{Run, Seen};

pub(super) fn differences(a: &Run, b: &Run, found: &mut Vec<Found>) {
    let first = found.len();
    let sets = [grouped(a.effects()), grouped(b.effects())];
    let mut operations: Vec<&Operation> = sets.iter().flat_map(BTreeMap::keys).collect();
    operations.sort_unstable();
    operations.dedup();
    let leads = [&a.leads, &b.leads];
    let mut requests = BTreeMap::<Request, [Requested; 2]>::new();
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
            (Some(list), None) => one_run(operation, list, 0, &mut requests, found),
            (None, Some(list)) => one_run(operation, list, 1, &mut requests, found),
            _ => {}
        }
    }
    found.extend(requests.into_iter().flat_map(|(request, sides)| requested(&request, &sides)));
    attribute_order(found, first);
    // What looks up a path is about the file that another call found there.
    for one in found.iter_mut().filter(|one| one.light) {
        let to = one.names.iter().flat_map(|name| leads.iter().filter_map(move |of| of.get(name)));
        let to: Vec<String> = to.cloned().collect();
        if !to.is_empty() {
            one.names = to;
        }
    }
}

/// Role, operation, subject and result of effects that may differ in what is asked for.
type Request = (String, Op, String, String);
/// What one run asks for, with the whole resource.
type Requested = BTreeMap<String, (String, Seen)>;

/// Adds the effects of an operation that only one run has.
fn one_run(
    operation: &Operation,
    results: &Results,
    side: usize,
    requests: &mut BTreeMap<Request, [Requested; 2]>,
    found: &mut Vec<Found>,
) {
    let (role, op, resource) = operation;
    for (result, seen) in results {
        match Effect::request(*op, resource) {
            Some((subject, asked)) => {
                let key = (role.clone(), *op, subject.to_owned(), result.clone());
                let sides = requests.entry(key).or_default();
                sides[side].insert(asked.to_owned(), (resource.clone(), seen.clone()));
            }
            None => found.push(one_sided(operation, result, seen, side)),
        }
    }
}

/// Returns the differences in what is asked for one subject: one, if both runs ask.
fn requested((role, op, subject, result): &Request, sides: &[Requested; 2]) -> Vec<Found> {
    if sides.iter().any(BTreeMap::is_empty) {
        let side = usize::from(sides[0].is_empty());
        let all = sides[side].values();
        return all
            .map(|(resource, seen)| {
                one_sided(&(role.clone(), *op, resource.clone()), result, seen, side)
            })
            .collect();
    }
    let texts = [0, 1].map(|side: usize| sides[side].keys().cloned().collect::<Vec<_>>().join(" "));
    // What is asked for now is new, but for another lock, which is mostly a weaker one.
    let like = if *op == Op::Lock { Change::Removed } else { Change::Added };
    let (rule, severity) = classify(*op, subject, result, like);
    let suffix = if result == "ok" { String::new() } else { format!(" {result}") };
    let mut found = Found::new(rule, Change::Changed, role, format!("{op} {subject}{suffix}"));
    found.difference.severity = match op {
        Op::Create => creation_severity(&texts),
        Op::Durability => durability_severity(&texts),
        _ => severity,
    };
    for (side, asked) in sides.iter().enumerate() {
        found.difference.events[side] = asked.values().map(|(_, seen)| seen.event).min();
        let processes = asked.values().flat_map(|(_, seen)| &seen.processes);
        found.processes[side] = processes.copied().collect();
    }
    [found.difference.before, found.difference.after] = texts.map(Some);
    found.names = match op {
        Op::Durability => subject.split(" -> ").map(str::to_owned).collect(),
        _ => names_of(*op, subject),
    };
    vec![found]
}

/// Returns how grave another order of writing and flushing is: what is gained is worth a note.
fn durability_severity([old, new]: &[String; 2]) -> Severity {
    let all = |text: &str, has: fn(&str) -> bool| text.split(' ').all(has);
    let tests: [fn(&str) -> bool; 2] =
        [|how| !how.starts_with("not-"), |how| how.ends_with(",directory")];
    let is_lost = |has: fn(&str) -> bool| all(old, has) && !all(new, has);
    if tests.into_iter().any(is_lost) { Severity::Warn } else { Severity::Note }
}

/// Makes another order of flushing a consequence of a flush of the same file that is gone or new.
fn attribute_order(found: &mut [Found], first: usize) {
    let is_sync = |one: &Found| one.difference.what.starts_with("sync ");
    let syncs: Vec<(usize, Vec<String>)> = found
        .iter()
        .enumerate()
        .skip(first)
        .filter(|(_, one)| is_sync(one) && one.difference.change != Change::Changed)
        .map(|(at, one)| (at, one.names.clone()))
        .collect();
    for one in found.iter_mut().skip(first) {
        if one.difference.rule == Rule::DurabilityOrder {
            let names = &one.names;
            let cause = syncs.iter().find(|(_, of)| {
                of.iter().any(|name| {
                    names.iter().any(|own| {
                        own == name
                            || own.rsplit_once('/').is_some_and(|(directory, _)| directory == name)
                    })
                })
            });
            one.cause = cause.map(|(at, _)| *at);
        }
    }
}

/// Returns how grave other permissions of a new file are: rights for others, or a guard that is
/// gone, is an error.
fn creation_severity(texts: &[String; 2]) -> Severity {
    let [old, new] = texts.each_ref().map(|text| {
        let all = text.split(' ').map(|one| one.split(',').collect::<Vec<_>>());
        all.collect::<Vec<_>>()
    });
    // Set-user-id, set-group-id, and what the group and others may do.
    let rights = |all: &[Vec<&str>]| {
        all.iter().fold(0, |rights, one| {
            rights | one.first().and_then(|mode| u32::from_str_radix(mode, 8).ok()).unwrap_or(0)
        }) & 0o6077
    };
    let guarded = |all: &[Vec<&str>]| {
        ["O_EXCL", "O_NOFOLLOW"].map(|flag| all.iter().all(|one| one.contains(&flag)))
    };
    let lost = guarded(&old).into_iter().zip(guarded(&new)).any(|(old, new)| old && !new);
    if lost || rights(&new) & !rights(&old) != 0 { Severity::Error } else { Severity::Warn }
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
    found.light = matches!(op, Op::Stat | Op::Create | Op::Durability);
    found
}

/// Returns the names that an effect is about.
fn names_of(op: Op, resource: &str) -> Vec<String> {
    match op {
        Op::Durability => {
            let subject = Effect::request(op, resource).map_or(resource, |(subject, _)| subject);
            subject.split(" -> ").map(str::to_owned).collect()
        }
        Op::Rename | Op::Link => resource.split(" -> ").map(str::to_owned).collect(),
        Op::Symlink => resource.split(" -> ").last().map(str::to_owned).into_iter().collect(),
        Op::Chmod | Op::Chown | Op::Create | Op::Lock => {
            vec![Effect::request(op, resource).map_or(resource, |(path, _)| path).to_owned()]
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
        // A service that does not run, as that of name lookups.
        Op::Connect if resource.starts_with("unix ") && missing => Rule::ProbeNew,
        Op::Read if added && ok && is_secret(resource) => Rule::SecretRead,
        Op::Exec if added => Rule::ExecNew,
        Op::Exec => Rule::ExecGone,
        Op::Connect | Op::Send if resource.starts_with("unix ") && added => Rule::NetUnixNew,
        Op::Connect | Op::Send if added => Rule::NetConnectNew,
        Op::Bind | Op::Listen if added => Rule::NetListenNew,
        Op::Connect | Op::Send | Op::Bind | Op::Listen => Rule::NetGone,
        Op::Chmod | Op::Chown => Rule::FsPerm,
        Op::Create => Rule::FsCreate,
        Op::Lock if change == Change::Removed => Rule::LockLost,
        Op::Lock => Rule::LockNew,
        Op::Creds | Op::Kernel => Rule::Privilege,
        Op::Signal => Rule::SignalSent,
        Op::Durability => Rule::DurabilityOrder,
        Op::Sync if added => Rule::DurabilityNew,
        Op::Sync => Rule::DurabilityLost,
        Op::Unlink | Op::Rmdir if added => Rule::FsDeleteNew,
        Op::Rename | Op::Link | Op::Symlink if added => Rule::FsRenameNew,
        op if op.changes_files() && added => Rule::FsWriteNew,
        op if op.changes_files() => Rule::FsChangeGone,
        _ if added => Rule::FsReadNew,
        _ => Rule::FsReadGone,
    };
    (rule, severity(rule, resource, ok))
}

/// Returns the severity of a rule, lower within the program's own directories and on the loopback.
fn severity(rule: Rule, resource: &str, ok: bool) -> Severity {
    match rule {
        // It follows from the write, the rename or the flush.
        Rule::DurabilityOrder => Severity::Info,
        // Reading and writing /dev/null has no effect.
        Rule::FsWriteNew | Rule::FsChangeGone | Rule::FsReadNew | Rule::FsReadGone
            if resource == "/dev/null" =>
        {
            Severity::Info
        }
        // Others run it later, or trust it.
        Rule::FsWriteNew | Rule::FsRenameNew if ok && grants_later(resource) => Severity::Error,
        Rule::FsWriteNew | Rule::FsDeleteNew | Rule::FsRenameNew
            if resource.split(" -> ").all(is_own) || resource == "/dev/tty" =>
        {
            Severity::Warn
        }
        // Failed operations change nothing.
        Rule::FsWriteNew | Rule::FsDeleteNew | Rule::FsRenameNew | Rule::FsPerm if !ok => {
            Severity::Warn
        }
        Rule::NetConnectNew | Rule::NetListenNew
            if is_loopback(resource) || resource == "netlink" =>
        {
            Severity::Warn
        }
        // Limits, personalities and priorities are no rights.
        Rule::Privilege
            if ["limits ", "personality ", "scheduling "]
                .iter()
                .any(|area| resource.starts_with(area)) =>
        {
            Severity::Warn
        }
        Rule::NetUnixNew if is_own(resource.trim_start_matches("unix ")) => Severity::Warn,
        _ => rule.severity(),
    }
}
