//! Differences between two sets of effects.

use std::collections::BTreeMap;

use super::Found;
use super::code::{loaded_code, own_code};
use super::places::{
    is_in_spread, is_loopback, is_of_allocator, is_of_other_process, is_own, is_secret, is_spread,
    is_this_machine,
};
use super::requested::{
    Operation, Request, Requested, Results, Set, creation_severity, durability_severity,
    flags_severity, ipc_severity, is_ok, with_common, without_flags,
};
use crate::diff::effect::{Effect, Op};
use crate::diff::later::is_used_later;
use crate::diff::report::Change;
use crate::diff::resource::{Kind, Name, Resource};
use crate::diff::rule::{Rule, Severity};
use crate::diff::run::{NO_FLAGS, Run, Seen, UNFINISHED_NAME};

pub(super) fn differences(a: &Run, b: &Run, found: &mut Vec<Found>) {
    let first = found.len();
    let sets = [grouped(a), grouped(b)];
    // Most operations are the same in both runs, and only others are put in order.
    let [of_a, of_b] = &sets;
    let differs = |(operation, results): (&'_ Operation, &'_ Results), others: &Set| {
        others.get(operation).is_none_or(|other| !same_results(results, other))
    };
    let of_one = of_a.iter().filter(|one| differs(*one, of_b));
    let operations = of_one.chain(of_b.iter().filter(|one| differs(*one, of_a)));
    let mut operations: Vec<&Operation> = operations.map(|(operation, _)| operation).collect();
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
    with_common(&mut requests, &sets);
    without_flags(&mut requests, &sets);
    found.extend(requests.into_iter().flat_map(|(request, sides)| requested(&request, &sides)));
    attribute_order(found, first);
    attribute_locked(found, first);
    loaded_code(b, &mut found[first..]);
    own_code(&sets, &mut found[first..]);
    // What looks up a path is about the file that another call found there.
    for one in found.iter_mut().filter(|one| one.light) {
        let to = one.names.iter().flat_map(|name| {
            leads.iter().filter_map(move |of| of.get(name.as_str()).map(Name::to_string))
        });
        let to: Vec<String> = to.collect();
        if !to.is_empty() {
            one.names = to;
        }
    }
}

/// Adds the effects of an operation that only one run has.
fn one_run(
    operation: &Operation,
    results: &Results,
    side: usize,
    requests: &mut BTreeMap<Request, [Requested; 2]>,
    found: &mut Vec<Found>,
) {
    let (role, op, resource) = operation;
    for (result, seen) in results.iter() {
        match resource.request(*op) {
            Some((subject, asked)) => {
                let key = (role.clone(), *op, subject, result.to_owned());
                let sides = requests.entry(key).or_default();
                sides[side].insert(asked, (resource.clone(), seen.clone()));
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
    let (rule, severity) = match op {
        // The name of the attribute decides.
        Op::Xattr => classify(*op, &subject.asking(&texts.join(" ")), result, like),
        // A write that no lock covers.
        Op::Locked if texts[1].split(' ').any(|lock| lock == NO_FLAGS) => {
            (Rule::LockLost, Rule::LockLost.severity())
        }
        _ => classify(*op, subject, result, like),
    };
    let suffix = if result == "ok" { String::new() } else { format!(" {result}") };
    let mut found = Found::new(rule, Change::Changed, role, format!("{op} {subject}{suffix}"))
        .about(*op, subject.clone(), result);
    found.difference.severity = match op {
        Op::Create => creation_severity(&texts),
        Op::Durability => durability_severity(&texts),
        Op::Flags => flags_severity(&texts),
        Op::Ipc => ipc_severity(&texts),
        _ => severity,
    };
    for (side, asked) in sides.iter().enumerate() {
        found.difference.events[side] = asked.values().map(|(_, seen)| seen.event).min();
        let processes = asked.values().flat_map(|(_, seen)| &seen.processes);
        found.processes[side] = processes.copied().collect();
    }
    [found.difference.before, found.difference.after] = texts.map(Some);
    found.names = names_of(*op, subject);
    vec![found]
}

/// Makes another order of flushing a consequence of a flush of the same file that is gone or new.
fn attribute_order(found: &mut [Found], first: usize) {
    let is_sync = |one: &Found| one.op() == Some(Op::Sync);
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

/// Makes writes that a lock no longer covers consequences of the lock that is gone.
fn attribute_locked(found: &mut [Found], first: usize) {
    let is = |one: &Found, op: Op| one.op() == Some(op);
    let key = |one: &Found, name: Option<&str>| {
        Some((one.difference.role.clone(), one.difference.change, name?.to_owned()))
    };
    let locks: BTreeMap<_, usize> = (first..found.len())
        .filter(|at| is(&found[*at], Op::Lock))
        .filter_map(|at| Some((key(&found[at], found[at].names.first().map(String::as_str))?, at)))
        .collect();
    for one in found.iter_mut().skip(first).filter(|one| is(one, Op::Locked)) {
        let lock = one.resource().and_then(|resource| resource.asked.as_ref()).map(Name::as_str);
        one.cause = key(one, lock).and_then(|key| locks.get(&key).copied());
    }
}

fn grouped(run: &Run) -> Set {
    let mut grouped = Set::default();
    let mut add = |effect: Effect, seen: Seen| {
        let Effect { role, op, resource, result } = effect;
        // A lookup through a linked directory is one of the file there.
        let base = |name: &Name| name.as_str().rsplit('/').next().map(str::to_owned);
        let leads = run.leads.get(&resource.subject);
        let leads = leads.filter(|to| op == Op::Stat && base(to) == base(&resource.subject));
        let resource = leads.cloned().map_or(resource, Resource::from);
        let results: &mut Results = grouped.entry((role, op, resource)).or_default();
        match results.get_mut(&result) {
            Some(known) => known.add(&seen),
            None => results.insert(result, seen),
        }
    };
    run.each_effect(&mut |effect, seen| {
        // Exits are compared process by process.
        if effect.op != Op::Exit {
            add(effect, seen);
        }
    });
    grouped
}

fn same_results(olds: &Results, news: &Results) -> bool {
    olds.names().eq(news.names())
}

/// Finds the same operation in the other run, by where its path leads there.
fn by_target<'s>(
    operation: &Operation,
    leads: &BTreeMap<Name, Name>,
    set: &'s Set,
) -> Option<&'s Results> {
    let (role, op, resource) = operation;
    let leads_to = leads.get(&resource.subject).filter(|_| *resource == resource.without_asked());
    set.get(&(role.clone(), *op, leads_to?.clone().into()))
}

/// Returns a difference for an operation with other results.
fn changed((role, op, resource): &Operation, olds: &Results, news: &Results) -> Found {
    let mut found = Found::new(Rule::ErrChanged, Change::Changed, role, format!("{op} {resource}"))
        .about(*op, resource.clone(), "ok");
    let results = |list: &Results| list.names().collect::<Vec<_>>().join(", ");
    found.difference.before = Some(results(olds));
    found.difference.after = Some(results(news));
    if op.changes_files() || matches!(op, Op::Exec | Op::Connect | Op::Send | Op::Bind | Op::Listen)
    {
        found.difference.severity = Severity::Error;
    }
    for (side, (list, others)) in [(olds, news), (news, olds)].into_iter().enumerate() {
        // Who has a result that the other run has not, if that is what differs.
        let own = list.iter().filter(|(result, _)| others.get(result).is_none());
        let mut seen: Vec<&Seen> = own.map(|(_, seen)| seen).collect();
        if seen.is_empty() {
            seen = list.iter().map(|(_, seen)| seen).collect();
        }
        found.difference.events[side] = seen.iter().map(|seen| seen.event).min();
        found.processes[side] = seen.iter().flat_map(|seen| &seen.processes).copied().collect();
    }
    // Processes outside of the run come and go, and so do the folders of a store.
    let is_there = |list: &Results| list.names().all(|result| matches!(result, "ok" | "EEXIST"));
    let is_missing = |list: &Results| list.names().any(|result| result == "ENOENT");
    let comes = is_there(olds) && is_missing(news) && news.names().count() > 1
        || is_there(news) && is_missing(olds) && olds.names().count() > 1;
    if is_of_other_process(&resource.subject) || is_in_spread(resource.last()) && comes {
        found.difference.severity = Severity::Info;
    }
    found.names = names_of(*op, resource);
    found
}

/// Returns a difference for an effect in one run only.
fn one_sided((role, op, resource): &Operation, result: &str, seen: &Seen, side: usize) -> Found {
    let change = if side == 0 { Change::Removed } else { Change::Added };
    let (rule, severity) = classify(*op, resource, result, change);
    let suffix = if result == "ok" { String::new() } else { format!(" {result}") };
    let mut found = Found::new(rule, change, role, format!("{op} {resource}{suffix}")).about(
        *op,
        resource.clone(),
        result,
    );
    found.difference.severity = severity;
    found.difference.events[side] = Some(seen.event);
    found.processes[side].clone_from(&seen.processes);
    found.names = names_of(*op, resource);
    found.light = matches!(op, Op::Stat | Op::Create | Op::Durability | Op::Flags | Op::Locked);
    found
}

/// Returns the names that an effect is about.
fn names_of(op: Op, resource: &Resource) -> Vec<String> {
    match op {
        Op::Symlink => vec![resource.last().to_string()],
        Op::Kernel | Op::Creds | Op::Signal => vec![resource.to_string()],
        _ => resource.names().map(Name::to_string).collect(),
    }
}

/// Returns the rule and the severity for an effect in one run only.
fn classify(op: Op, resource: &Resource, result: &str, change: Change) -> (Rule, Severity) {
    // What has no result yet may have been done.
    let ok = matches!(result, "ok" | UNFINISHED_NAME);
    let missing = matches!(result, "ENOENT" | "ENOTDIR");
    let added = change == Change::Added;
    let rule = match op {
        op if op.looks_up() && missing => Rule::ProbeNew,
        // A service that does not run, as that of name lookups.
        Op::Connect if resource.subject.is_unix() && missing => Rule::ProbeNew,
        Op::Read if added && ok && is_secret(&resource.subject) => Rule::SecretRead,
        Op::Exec if added => Rule::ExecNew,
        Op::Exec => Rule::ExecGone,
        Op::Connect | Op::Send if resource.subject.is_unix() && added => Rule::NetUnixNew,
        Op::Connect | Op::Send if added => Rule::NetConnectNew,
        Op::Bind | Op::Listen if added => Rule::NetListenNew,
        Op::Connect | Op::Send | Op::Bind | Op::Listen => Rule::NetGone,
        Op::Chmod | Op::Chown => Rule::FsPerm,
        Op::Xattr if is_permission(resource) => Rule::FsPerm,
        Op::Flags => Rule::FsFlags,
        Op::Ipc => Rule::Ipc,
        Op::Locked if change == Change::Removed => Rule::LockLost,
        Op::Locked => Rule::LockNew,
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

/// Whether an attribute of a file decides who may do what: capabilities, access control lists,
/// immutable files.
fn is_permission(resource: &Resource) -> bool {
    let beginnings = ["security.", "trusted.", "system.posix_acl", "FS_", "{"];
    let asked = resource.asked.as_ref().map_or("", Name::as_str);
    let mut names = asked.split(' ').map(|name| name.trim_start_matches('-'));
    names.any(|name| beginnings.iter().any(|begins| name.starts_with(begins)))
}

/// Returns the severity of a rule, lower within the program's own directories and on the loopback.
fn severity(rule: Rule, resource: &Resource, ok: bool) -> Severity {
    let name = resource.last();
    let is_file = |path: &str| resource.to.is_none() && name.file() == Some(path);
    match rule {
        // It follows from the write, the rename or the flush.
        Rule::DurabilityOrder | Rule::FsFlags => Severity::Info,
        // Reading and writing /dev/null has no effect.
        Rule::FsWriteNew | Rule::FsChangeGone | Rule::FsReadNew | Rule::FsReadGone
            if is_file("/dev/null") || is_of_allocator(name) =>
        {
            Severity::Info
        }
        // Whether a store has made one of its folders before depends on a hash.
        Rule::FsWriteNew
        | Rule::FsChangeGone
        | Rule::FsReadNew
        | Rule::FsReadGone
        | Rule::FsCreate
            if is_spread(name) =>
        {
            Severity::Info
        }
        // Others run it later, or trust it.
        Rule::FsWriteNew | Rule::FsRenameNew if ok && is_used_later(name) => Severity::Error,
        Rule::FsWriteNew | Rule::FsDeleteNew | Rule::FsRenameNew
            if resource.names().all(is_own) || is_file("/dev/tty") =>
        {
            Severity::Warn
        }
        // Failed operations change nothing.
        Rule::FsWriteNew | Rule::FsDeleteNew | Rule::FsRenameNew | Rule::FsPerm if !ok => {
            Severity::Warn
        }
        // Connecting to no address reaches this machine.
        Rule::NetConnectNew if is_this_machine(name) => Severity::Warn,
        Rule::NetConnectNew | Rule::NetListenNew
            if is_loopback(name) || name.kind() == Kind::Netlink =>
        {
            Severity::Warn
        }
        // Limits, personalities and priorities are no rights.
        Rule::Privilege
            if ["limits", "personality", "scheduling"].contains(&resource.subject.as_str()) =>
        {
            Severity::Warn
        }
        Rule::NetUnixNew if is_own(name) => Severity::Warn,
        _ => rule.severity(),
    }
}
